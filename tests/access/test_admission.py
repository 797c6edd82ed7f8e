"""Admission: who is let in, who is refused and how, and what it costs in look-ups."""

import asyncio

import pytest

from entrepot.access.admission import Admission, permit_model
from entrepot.core.call import Caller
from entrepot.core.faults import Fault, Kind
from entrepot.kit.clock import ManualClock
from entrepot.kit.ids import key_hash, mint_key


class Keys:
    """A key table that counts its look-ups and can be away."""

    def __init__(self, *callers: tuple[str, Caller]) -> None:
        self.rows = {key_hash(secret): caller for secret, caller in callers}
        self.asked: list[str] = []
        self.away = False

    async def find(self, digest: str) -> Caller | None:
        self.asked.append(digest)
        await asyncio.sleep(0)
        if self.away:
            raise Fault(Kind.STORE_AWAY)
        return self.rows.get(digest)


def caller(**facts: object) -> Caller:
    return Caller(**({"key_id": 1, "key_name": "k", "user_id": 1, "groups": ("default",)} | facts))  # type: ignore[arg-type]


async def refused(admission: Admission, secret: str | None, address: str = "192.0.2.1") -> Fault:
    with pytest.raises(Fault) as caught:
        await admission.admit(secret, address)
    return caught.value


async def test_a_known_key_is_looked_up_once() -> None:
    keys = Keys(("sk-one", caller()))
    admission = Admission(keys.find, ManualClock())
    first = await admission.admit("sk-one", "192.0.2.1")
    assert first is await admission.admit("sk-one", "192.0.2.1")
    assert len(keys.asked) == 1


async def test_a_store_that_hangs_is_not_waited_for() -> None:
    """The look-up goes on: the next call finds what it brought."""
    keys, answer = Keys(("sk-one", caller())), asyncio.Event()

    async def find(digest: str) -> Caller | None:
        await answer.wait()
        return await keys.find(digest)

    admission = Admission(find, ManualClock(), patience=0.05)
    assert (await refused(admission, "sk-one")).kind is Kind.STORE_AWAY
    assert (await refused(admission, "sk-one")).kind is Kind.STORE_AWAY
    answer.set()
    await admission.admit("sk-one", "192.0.2.1")
    assert len(keys.asked) == 1


async def test_many_first_calls_at_once_make_one_look_up() -> None:
    keys = Keys(("sk-one", caller()))
    admission = Admission(keys.find, ManualClock())
    await asyncio.gather(*(admission.admit("sk-one", "192.0.2.1") for _ in range(50)))
    assert len(keys.asked) == 1


@pytest.mark.parametrize(
    ("facts", "kind", "status"),
    [
        ({"enabled": False}, Kind.DISABLED_KEY, 401),
        ({"expires": 1.0, "until": 1.0}, Kind.EXPIRED_KEY, 401),
        ({"expires": 1.0, "until": 1.0, "enabled": False}, Kind.DISABLED_KEY, 401),
        ({"networks": ("10.0.0.0/8",)}, Kind.ADDRESS_NOT_ALLOWED, 403),
    ],
)
async def test_each_refusal_has_its_own_name(facts: dict[str, object], kind: Kind, status: int) -> None:
    fault = await refused(Admission(Keys(("sk-one", caller(**facts))).find, ManualClock()), "sk-one")
    assert (fault.kind, fault.status) == (kind, status)


async def test_no_key_and_unknown_key() -> None:
    admission = Admission(Keys().find, ManualClock())
    assert (await refused(admission, None)).kind is Kind.MISSING_KEY
    assert (await refused(admission, "")).kind is Kind.MISSING_KEY
    assert (await refused(admission, "sk-never-seen")).kind is Kind.INVALID_KEY


async def test_a_mistyped_key_of_ours_costs_no_look_up() -> None:
    keys = Keys()
    secret = mint_key()
    wrong = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    assert (await refused(Admission(keys.find, ManualClock()), wrong)).kind is Kind.INVALID_KEY
    assert keys.asked == []


async def test_guesses_from_one_address_run_out_and_come_back() -> None:
    keys, clock = Keys(("sk-good", caller())), ManualClock()
    admission = Admission(keys.find, clock)
    kinds = [(await refused(admission, f"sk-guess-{n}")).kind for n in range(80)]
    assert kinds[:60] == [Kind.INVALID_KEY] * 60
    assert kinds[60:] == [Kind.TOO_MANY_GUESSES] * 20
    assert len(keys.asked) == 60
    assert (await refused(admission, "sk-other", "192.0.2.99")).kind is Kind.INVALID_KEY
    clock.advance(120)
    assert (await refused(admission, "sk-guess-900")).kind is Kind.INVALID_KEY


async def test_a_cached_key_works_from_an_address_that_guessed_too_much() -> None:
    admission = Admission(Keys(("sk-good", caller())).find, ManualClock())
    await admission.admit("sk-good", "192.0.2.1")
    for n in range(100):
        await refused(admission, f"sk-guess-{n}")
    assert (await admission.admit("sk-good", "192.0.2.1")).key_id == 1


async def test_the_feed_makes_a_change_seen() -> None:
    keys = Keys(("sk-one", caller()))
    admission = Admission(keys.find, ManualClock())
    await admission.admit("sk-one", "192.0.2.1")
    keys.rows[key_hash("sk-one")] = caller(enabled=False)
    admission.forget(key_hash("sk-one"))
    assert (await refused(admission, "sk-one")).kind is Kind.DISABLED_KEY
    assert (await refused(admission, "sk-two")).kind is Kind.INVALID_KEY
    keys.rows[key_hash("sk-two")] = caller()
    assert (await refused(admission, "sk-two")).kind is Kind.INVALID_KEY, "remembered as unknown"
    admission.forget_all()
    assert (await admission.admit("sk-two", "192.0.2.1")).enabled


async def test_a_change_during_the_look_up_is_not_cached() -> None:
    keys = Keys(("sk-one", caller()))
    admission = Admission(keys.find, ManualClock())
    looking = asyncio.ensure_future(admission.admit("sk-one", "192.0.2.1"))
    while not keys.asked:
        await asyncio.sleep(0)
    admission.forget(key_hash("sk-one"))
    await looking
    await admission.admit("sk-one", "192.0.2.1")
    assert len(keys.asked) == 2


async def test_guesses_sent_all_at_once_cost_no_more_look_ups() -> None:
    keys = Keys()
    admission = Admission(keys.find, ManualClock())
    kinds = [fault.kind for fault in await asyncio.gather(*(refused(admission, f"sk-guess-{n}") for n in range(3000)))]
    assert len(keys.asked) == 60
    assert kinds.count(Kind.INVALID_KEY) == 60
    assert kinds.count(Kind.TOO_MANY_GUESSES) == 2940
    assert (await refused(admission, "sk-more")).retry_after <= 60


async def test_many_right_keys_at_once_from_one_address_are_all_let_in() -> None:
    """After a restart, from behind one proxy: each waits its turn, and none is taken for a guess."""
    secrets = [f"sk-{n}" for n in range(500)]
    keys = Keys(*((secret, caller()) for secret in secrets))
    admission = Admission(keys.find, ManualClock())
    callers = await asyncio.gather(*(admission.admit(secret, "192.0.2.1") for secret in secrets * 2))
    assert len(callers) == 1000
    assert len(keys.asked) <= 1000
    assert (await refused(admission, "sk-wrong")).kind is Kind.INVALID_KEY


async def test_a_database_that_is_away_makes_no_guesses() -> None:
    keys = Keys()
    keys.away = True
    admission = Admission(keys.find, ManualClock())
    for _ in range(2):
        faults = await asyncio.gather(*(refused(admission, f"sk-{n}") for n in range(200)))
        assert {fault.kind for fault in faults} == {Kind.STORE_AWAY}


async def test_a_key_made_during_its_look_up_is_known_after_it() -> None:
    keys = Keys()
    seen, answered = asyncio.Event(), asyncio.Event()

    async def find(digest: str) -> Caller | None:
        found = await keys.find(digest)
        seen.set()
        await answered.wait()
        return found

    admission = Admission(find, ManualClock())
    early = asyncio.ensure_future(refused(admission, "sk-new"))
    await seen.wait()
    keys.rows[key_hash("sk-new")] = caller()
    admission.forget(key_hash("sk-new"))
    late = asyncio.ensure_future(admission.admit("sk-new", "192.0.2.1"))  # must not join the look-up that saw nothing
    await asyncio.sleep(0)
    answered.set()
    assert (await early).kind is Kind.INVALID_KEY
    assert (await late).enabled
    assert (await admission.admit("sk-new", "192.0.2.1")).enabled


async def test_database_away_is_503_for_the_unknown_and_nothing_for_the_known() -> None:
    keys = Keys(("sk-one", caller()))
    admission = Admission(keys.find, ManualClock())
    await admission.admit("sk-one", "192.0.2.1")
    keys.away = True
    assert (await admission.admit("sk-one", "192.0.2.1")).key_id == 1
    faults = await asyncio.gather(*(refused(admission, "sk-two") for _ in range(5)))
    assert {fault.kind for fault in faults} == {Kind.STORE_AWAY}
    keys.away = False
    assert (await refused(admission, "sk-two")).kind is Kind.INVALID_KEY


async def test_a_caller_that_is_cancelled_does_not_cancel_the_others() -> None:
    keys = Keys(("sk-one", caller()))
    admission = Admission(keys.find, ManualClock())
    first = asyncio.ensure_future(admission.admit("sk-one", "192.0.2.1"))
    await asyncio.sleep(0)
    others = [asyncio.ensure_future(admission.admit("sk-one", "192.0.2.1")) for _ in range(3)]
    await asyncio.sleep(0)
    others[0].cancel()
    first.cancel()
    assert [(await other).key_id for other in others[1:]] == [1, 1]
    assert len(keys.asked) == 1


async def test_a_key_is_looked_at_again_when_a_period_of_its_budgets_has_ended() -> None:
    clock, keys = ManualClock(), Keys()
    digest, end = key_hash("sk-one"), clock.wall() + 60
    keys.rows[digest] = caller(until=end, caps=(7,))
    admission = Admission(keys.find, clock)
    for _ in range(3):
        assert (await admission.admit("sk-one", "192.0.2.1")).caps == (7,)
        clock.advance(19)
    assert len(keys.asked) == 1
    keys.rows[digest] = caller(until=end + 60, caps=(8,))
    clock.advance(3)
    found = await asyncio.gather(*(admission.admit("sk-one", "192.0.2.1") for _ in range(50)))
    assert {who.caps for who in found} == {(8,)}
    assert len(keys.asked) == 2
    clock.advance(60)
    keys.away = True
    assert (await refused(admission, "sk-one")).kind is Kind.STORE_AWAY, "nobody knows the new period's bucket"
    keys.away = False
    del keys.rows[digest]
    assert (await refused(admission, "sk-one")).kind is Kind.INVALID_KEY


async def test_an_expired_key_is_not_looked_up_for_each_call() -> None:
    keys = Keys(("sk-one", caller(expires=1.0, until=1.0)))
    admission = Admission(keys.find, ManualClock())
    assert [(await refused(admission, "sk-one")).kind for _ in range(5)] == [Kind.EXPIRED_KEY] * 5
    assert len(keys.asked) == 1


def test_model_patterns() -> None:
    permit_model(caller(), "anything")
    permit_model(caller(models=("gpt-4o*",)), "gpt-4o-mini")
    with pytest.raises(Fault) as caught:
        permit_model(caller(models=("gpt-4o*",)), "o3")
    assert (caught.value.status, caught.value.param) == (403, "model")
