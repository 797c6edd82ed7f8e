"""Wishes for all that wait, and verdicts."""

from entrepot.buckets.batch import Situation
from entrepot.buckets.errors import InsufficientError, OnHoldError
from entrepot.buckets.held import Held
from entrepot.buckets.lease import Account
from entrepot.buckets.plan import HOUSE
from entrepot.buckets.waiting import Waiter, Waiters, wishes_for


def never() -> Held | None:
    return None


async def test_one_wish_a_bucket() -> None:
    account = Account(11, 30)
    waiters = [Waiter([(11, 100), (2, 100)], never), Waiter([(11, 50)], never)]
    wishes = {wish.bucket: wish for wish in wishes_for(waiters, {2: 7, 3: 9}, {11: account})}
    assert sorted(wishes) == [2, 3, 11]
    assert (wishes[11].least, wishes[11].total, wishes[11].target, wishes[11].thin) == (20, 120, 800, 800)
    assert (wishes[2].least, wishes[2].total) == (100, 100)
    assert (wishes[3].least, wishes[3].total, wishes[3].thin) == (1, 9, 72)


async def test_what_is_there_is_not_wished_for() -> None:
    account = Account(11, 500)
    assert wishes_for([Waiter([(11, 100)], never)], {}, {11: account}) == []
    account.thin = False
    (ahead,) = wishes_for([], {11: 100}, {11: account})
    assert (ahead.least, ahead.total, ahead.target) == (1, 1, 800), "a rich account takes a slice, a poor one nothing much"


async def test_verdicts() -> None:
    short = Waiter([(11, 100)], never)
    assert short.judge({11: Situation(10, 80, 0)}, {}) == []
    error = short.future.exception()
    assert isinstance(error, InsufficientError)
    assert (error.bucket, error.missing) == (11, 10)

    patient = Waiter([(11, 100)], never)
    assert patient.judge({11: Situation(10, 90, 0)}, {}) == [11]
    assert patient.judge({11: Situation(10, 90, 2)}, {}) == []
    assert not patient.future.done(), "two have not answered"
    assert patient.judge({11: Situation(10, 90, 0)}, {}) == []
    assert isinstance(patient.future.exception(), OnHoldError)


async def test_own_charges_and_own_hold_do_not_come_back() -> None:
    account = Account(11)
    account.unflushed = 5
    waiter = Waiter([(11, 100)], never, {11: 10})
    waiter.judge({11: Situation(10, 104, 0)}, {11: account})
    error = waiter.future.exception()
    assert isinstance(error, InsufficientError)
    assert error.missing == 1


async def test_nobody_waits_for_the_house() -> None:
    """It is never leased and never short; what its calls wait for is their quota."""
    waiter = Waiter([(HOUSE, 100), (11, 100)], never)
    assert [wish.bucket for wish in wishes_for([waiter], {}, {})] == [11]
    waiter.judge({HOUSE: Situation(0, 0, 0), 11: Situation(10, 80, 0)}, {})
    error = waiter.future.exception()
    assert isinstance(error, InsufficientError)
    assert error.bucket == 11


def trying(name: str, tried: list[str], wants: list[tuple[int, int]]) -> Waiter:
    def attempt() -> Held | None:
        tried.append(name)
        return None

    return Waiter(wants, attempt)


async def test_only_those_who_wait_for_what_came_back_try_again() -> None:
    """A thousand cold accounts that wait for their leases cost a settling call nothing."""
    tried: list[str] = []
    waiters = Waiters()
    made = {
        "both": trying("both", tried, [(2, 1), (3, 1)]),
        "second": trying("second", tried, [(3, 1)]),
        "other": trying("other", tried, [(4, 1)]),
        "house": trying("house", tried, [(HOUSE, 1)]),
    }
    for waiter in made.values():
        waiters.add(waiter)
    waiters.serve([3])
    assert tried == ["both", "second", "house"], "in their order; who needs no bucket waits for any call to end"
    tried.clear()
    waiters.serve([5])
    assert tried == ["house"]
    tried.clear()
    waiters.serve()
    assert tried == list(made)
    waiters.discard(made["both"])
    waiters.discard(made["both"])
    assert list(waiters) == [made["second"], made["other"], made["house"]]
    tried.clear()
    waiters.serve([2, 3, 4])
    assert tried == ["second", "other", "house"]
    for waiter in made.values():
        waiters.discard(waiter)
    assert not waiters
    assert not waiters._by_bucket


async def test_who_is_served_waits_no_longer() -> None:
    waiters = Waiters()
    waiter = Waiter([(2, 1), (2, 1)], lambda: "held")  # type: ignore[arg-type, return-value]
    waiters.add(waiter)
    waiters.serve([2])
    assert waiter.future.result() == "held"
    assert len(waiters) == 0
