"""Sessions stick: evenly, by weight, and only those of a channel that rests move."""

from collections import Counter

import pytest

from entrepot.core.call import Affinity
from entrepot.kit import json
from entrepot.routing.affinity import PREFIX, mark_of, salt, share


def mark(mode: Affinity = "session", session: bytes = b"", body: bytes = b"{}", account: int = 1, key: int = 1) -> int:
    return mark_of(mode, session, account, key, json.members(body))


def test_what_clients_call_a_session_first_come_first_served() -> None:
    by_header = mark(session=b"abc", body=b'{"prompt_cache_key": "x"}')
    assert by_header == mark(session=b"abc", body=b'{"prompt_cache_key": "y"}')
    assert mark(body=b'{"prompt_cache_key": "x", "user": "a"}') == mark(body=b'{"user": "b", "prompt_cache_key": "x"}')
    for field in ("prompt_cache_key", "user", "safety_identifier", "metadata"):
        one, other = (mark(body=b'{"%s": "%s"}' % (field.encode(), value)) for value in (b"one", b"other"))
        assert 0 != one != other != 0


@pytest.mark.parametrize("body", [b"{}", b'{"user": null}', b'{"messages": []}'])
def test_who_names_no_session_has_none(body: bytes) -> None:
    assert mark(body=body) == 0


def test_two_accounts_may_call_their_sessions_alike() -> None:
    assert mark(session=b"1", account=1) != mark(session=b"1", account=2)


def test_by_key_and_off() -> None:
    assert mark("key", key=1) == mark("key", session=b"x", account=9, key=1) != mark("key", key=2)
    assert mark("off", session=b"x") == 0


def test_by_the_prompts_beginning() -> None:
    long = b'{"messages": [{"role": "system", "content": "%s"}, %s]}'
    rules = b"r" * PREFIX
    assert mark("prefix", body=long % (rules, b"1")) == mark("prefix", body=long % (rules, b"2"), account=7, session=b"s")
    assert mark("prefix", body=long % (b"other" + rules, b"1")) != mark("prefix", body=long % (rules, b"1"))
    assert mark("prefix", body=b'{"system": "a", "messages": [1]}') != mark("prefix", body=b'{"system": "b", "messages": [1]}')
    assert mark("prefix") == 0


def chosen(marks: list[int], weights: dict[int, float]) -> list[int]:
    salts = {number: salt("channel", number) for number in weights}
    return [max(weights, key=lambda number: share(each, salts[number], 1 / weights[number])) for each in marks]


MARKS = [mark(session=b"session-%d" % number) for number in range(8000)]


@pytest.mark.parametrize("weights", [{1: 1, 2: 1, 3: 1}, {1: 1, 2: 3}, {10: 2, 11: 1, 12: 1, 5007: 4}])
def test_weights_hold_over_sessions(weights: dict[int, float]) -> None:
    found = Counter(chosen(MARKS, weights))
    for number, weight in weights.items():
        assert found[number] / len(MARKS) == pytest.approx(weight / sum(weights.values()), abs=0.025)


def test_one_that_is_gone_moves_its_own_sessions_only() -> None:
    before, after = chosen(MARKS, {1: 1, 2: 1, 3: 1}), chosen(MARKS, {1: 1, 2: 1})
    assert all(now == then for now, then in zip(after, before, strict=True) if then != 3)
    moved = Counter(now for now, then in zip(after, before, strict=True) if then == 3)
    assert 0.4 < moved[1] / moved.total() < 0.6, "and these spread over the others"


def test_all_machines_agree() -> None:
    assert salt("channel", 7) == 0.3488732160803183
    assert mark(session=b"abc") == 887499765
