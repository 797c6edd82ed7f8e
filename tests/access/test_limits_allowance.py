"""One limit in memory: its sums, against a model of the database that any number of workers share."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.access.limits_allowance import PERIOD, REPORT, Allowance, Answer, Kind, Wish
from entrepot.access.limits_window import SECONDS, divisor, granted, slice_of


class Shared:
    """What the database does, in a dict."""

    def __init__(self, limit: int, workers: int, kind: Kind = "requests") -> None:
        self.now = 1000.0
        self.limit = limit
        self.leases = [0] * workers
        self.uses: dict[int, int] = {}
        self.allowances = [Allowance("key:1:requests", kind, limit, self.now) for _ in range(workers)]

    @property
    def used(self) -> int:
        return sum(n for slot, n in self.uses.items() if slot >= int(self.now) - SECONDS)

    def apply(self, worker: int, wish: Wish) -> Answer:
        for slot, amount in wish.uses:
            self.uses[slot] = self.uses.get(slot, 0) + amount
        others = sum(self.leases) - self.leases[worker]
        free = wish.limit - self.used - others
        share = divisor(len(self.leases))
        self.leases[worker] = granted(free, wish.keep, wish.least, wish.most, floor=wish.floor, share=share)
        uses = sorted((slot, n) for slot, n in self.uses.items() if slot >= int(self.now) - SECONDS)
        return Answer(self.leases[worker], self.used, others, uses)

    def round(self, worker: int, *, wanted: bool = True) -> None:
        allowance = self.allowances[worker]
        if wanted:
            allowance.want(0)
        wish = allowance.wish(self.now, len(self.leases))
        if wish is not None:
            allowance.answer(wish, self.apply(worker, wish), self.now)


def take(shared: Shared, worker: int, tokens: int = 0) -> bool:
    allowance = shared.allowances[worker]
    if not allowance.ready(shared.now, len(shared.leases), away=False):
        return False
    allowance.take(shared.now, tokens)
    return True


steps = st.lists(
    st.tuples(
        st.sampled_from(("take", "take", "take", "round", "wait", "doubt", "lost")), st.integers(0, 2), st.floats(0.1, 9)
    ),
    max_size=150,
)


@settings(deadline=None)
@given(steps, st.integers(1, 40), st.integers(1, 3))
def test_no_minute_sees_more_than_the_limit_and_a_cold_slice_each(
    plan: list[tuple[str, int, float]], limit: int, workers: int
) -> None:
    shared, admitted = Shared(limit, workers), list[float]()
    for step, number, seconds in plan:
        worker = number % workers
        allowance = shared.allowances[worker]
        if step == "take":
            admitted += [shared.now] * take(shared, worker)
        elif step == "round":
            shared.round(worker)
        elif step == "wait":
            shared.now += seconds
            for each in range(workers):
                shared.round(each, wanted=False)
        elif (wish := allowance.wish(shared.now, workers)) is not None:
            if step == "lost":  # it never came through
                allowance.failed()
            else:  # it came through, its answer did not
                shared.apply(worker, wish)
                allowance.reported()
            allowance.reset(shared.leases[worker])
        assert allowance.granted == shared.leases[worker]
        assert allowance.available <= max(shared.leases[worker], 0)
    cold = workers * slice_of(limit, workers)
    for later, at in enumerate(admitted):
        assert later < limit + cold or at - admitted[later - limit - cold] > SECONDS


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2)), max_size=150), st.integers(1, 12), st.integers(1, 3))
def test_never_more_at_once(plan: list[tuple[bool, int]], limit: int, workers: int) -> None:
    shared = Shared(limit, workers, "concurrency")
    inside = [0] * workers
    for comes, number in plan:
        worker = number % workers
        if comes:
            inside[worker] += take(shared, worker)
            shared.round(worker, wanted=False)
        elif inside[worker]:
            inside[worker] -= 1
            shared.allowances[worker].leave(shared.now, 0)
        shared.now += 0.7
        assert inside[worker] == shared.allowances[worker].open
        assert sum(inside) <= limit + (workers - 1) * slice_of(limit, workers)
    for worker, count in enumerate(inside):
        for _ in range(count):
            shared.allowances[worker].leave(shared.now, 0)
    for _ in range(60):
        shared.now += PERIOD
        for worker in range(workers):
            shared.round(worker, wanted=False)
    assert shared.leases == [0] * workers
    assert all(allowance.forgettable(shared.now) for allowance in shared.allowances)


def warm(limit: int, kind: Kind = "requests", workers: int = 1) -> Shared:
    shared = Shared(limit, workers, kind)
    shared.round(0)
    return shared


def facts(allowance: Allowance) -> dict[str, Any]:
    return {"available": allowance.available, "granted": allowance.granted, "unreported": allowance.unreported}


def test_uses_are_reported_after_a_while_and_a_debt_at_once() -> None:
    shared = warm(1000, "tokens")
    [allowance] = shared.allowances
    assert allowance.granted == 100
    take(shared, 0)
    allowance.leave(shared.now, 30)
    assert allowance.wish(shared.now, 1) is None
    shared.now += REPORT
    shared.round(0, wanted=False)
    assert shared.uses == {1001: 0} or shared.used == 30
    allowance.take(shared.now, 0)
    allowance.leave(shared.now, 5000)
    assert allowance.available < 0
    shared.round(0, wanted=False)
    assert shared.used == 5030
    assert facts(allowance) == {"available": shared.leases[0], "granted": shared.leases[0], "unreported": 0}
    assert not allowance.ready(shared.now, 1, away=False)


def test_tokens_of_calls_that_ended_in_nothing_cost_nothing() -> None:
    shared = warm(1000, "tokens")
    take(shared, 0)
    shared.allowances[0].leave(shared.now, 0)
    assert shared.allowances[0].used(shared.now) == 0


def test_full_is_believed_until_somebody_may_have_given_back() -> None:
    shared = warm(5)
    [allowance] = shared.allowances
    while take(shared, 0) or allowance.refused_for(shared.now, 1, away=False) is None:
        shared.round(0)
    assert allowance.refused_for(shared.now + 60.9, 1, away=False) is not None
    assert allowance.refused_for(shared.now + 61, 1, away=False) is None

    two = warm(5, workers=2)
    two.leases[1] = 5
    two.round(0)
    while take(two, 0):
        two.round(0)
    two.round(0)
    assert two.allowances[0].refused_for(two.now + 0.2, 2, away=False) is not None
    assert two.allowances[0].refused_for(two.now + 0.3, 2, away=False) is None


def test_alone_it_keeps_to_its_share() -> None:
    allowance = Allowance("key:1:requests", "requests", 10, 1000.0)
    came = 0
    while allowance.ready(1000.0, 2, away=True):
        allowance.take(1000.0, 0)
        came += 1
    assert came == 5
    assert allowance.refused_for(1000.0, 2, away=True) == 61
    assert allowance.ready(1061.0, 2, away=True)


def test_another_limit_takes_the_lease_away_until_it_is_judged() -> None:
    shared = warm(100)
    [allowance] = shared.allowances
    assert allowance.available == 10
    allowance.change(3)
    assert not allowance.ready(shared.now, 1, away=False)
    assert allowance.refused_for(shared.now, 1, away=False) is None
    shared.round(0)
    assert 1 <= allowance.available <= 3
    # And once more while a round is on its way.
    allowance.want(0)
    wish = allowance.wish(shared.now, 1)
    assert wish is not None
    allowance.change(50)
    allowance.answer(wish, shared.apply(0, wish), shared.now)
    assert allowance.available == 0
    shared.round(0)
    assert allowance.available > 0


def test_what_is_left_and_when_it_is_all_there_again() -> None:
    shared = Shared(10, 1)
    [allowance] = shared.allowances
    assert (allowance.remaining(1000.0), allowance.resets_in(1000.0)) == (10, 0.0)
    take(shared, 0)
    assert (allowance.remaining(1000.0), allowance.resets_in(1020.0)) == (9, 40.0)
    shared.round(0)
    assert allowance.remaining(1000.0) == 9
