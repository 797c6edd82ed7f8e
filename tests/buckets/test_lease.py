"""An account's arithmetic: the one equation holds whatever happens."""

from hypothesis import given
from hypothesis import strategies as st

from entrepot.buckets.lease import THIN_HOLDS, Account, slice_target

amounts = st.integers(0, 10**12)


def balanced(account: Account) -> bool:
    spoken_for = account.flushed + account.unflushed + account.held + account.returning
    return account.available == account.granted - spoken_for


@given(st.lists(st.tuples(st.sampled_from(["hold", "free", "settle", "grant", "give", "back", "flush"]), amounts), max_size=40))
def test_the_equation_holds(steps: list[tuple[str, int]]) -> None:
    account = Account(7)
    holds: list[int] = []
    for step, nano in steps:
        if step == "hold":
            before = account.available
            taken = account.hold(nano)
            assert taken == (before >= nano)
            holds += [nano] if taken else []
        elif step == "free" and holds:
            account.free(holds.pop())
        elif step == "settle" and holds:
            account.settle(holds.pop(), nano)
        elif step == "grant":
            account.grant(account.granted + nano)
        elif step == "give":
            assert account.give_back() >= 0
        elif step == "back":
            account.returned(account.returning)
        elif step == "flush":
            account.flush(account.unflushed, min(account.unflushed, max(account.chargeable, 0)))
        assert balanced(account)
    account.reset(100, 30, 20)
    assert balanced(account)


def test_is_forgotten_only_when_nothing_depends_on_it() -> None:
    account = Account(1)
    account.grant(100)
    assert not account.forgettable
    account.hold(60)
    account.users = 1
    account.give_back()
    account.returned(40)
    account.settle(60, 60)
    account.users = 0
    assert not account.forgettable, "a charge is not in the database yet"
    account.flush(60, 60)
    assert account.forgettable
    account.emptied()
    assert (account.granted, account.flushed, account.forgettable) == (0, 0, True)


def test_minute_of_spend_fades() -> None:
    account = Account(1)
    account.note_spend(600, 1_000)
    account.note_spend(0, 31_000)
    assert account.minute == 300
    assert slice_target(account, 10) == 600
    assert slice_target(account, 100) == 100 * THIN_HOLDS
    account.note_spend(5, 200_000)
    assert account.minute == 5
    account.note_spend(5, 100_000)
    assert account.minute == 10, "a clock that goes back adds nothing"
