"""Request ids sort by time and name their day; a mistyped key is known without a look-up."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.kit.clock import ManualClock, utc_day
from entrepot.kit.ids import (
    ADMIN_PREFIX,
    KEY_PREFIX,
    RequestIds,
    first_request_id,
    key_hash,
    key_hint,
    key_is_mistyped,
    mint_key,
    request_day,
)

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@given(st.lists(st.floats(0.001, 100_000), min_size=1, max_size=20))
def test_ids_sort_by_time(pauses: list[float]) -> None:
    clock = ManualClock()
    ids = RequestIds(clock)
    minted = [ids.mint()]
    for pause in pauses:
        clock.advance(pause + 0.001)
        minted.append(ids.mint())
    assert minted == sorted(minted)


@given(st.floats(0, 4_000_000_000))
def test_an_id_names_the_utc_day_of_its_rows(wall: float) -> None:
    minted = RequestIds(ManualClock(wall)).mint()
    assert len(minted) == 29
    assert request_day(minted) == utc_day(wall)


def test_an_id_names_the_right_day_when_the_clock_is_set_back() -> None:
    clock = ManualClock(86_400.0 * 20_000 + 10)
    ids = RequestIds(clock)
    assert request_day(ids.mint()) == "20241004"
    clock.advance(-20)
    assert request_day(ids.mint()) == "20241003"


def test_ids_of_one_millisecond_are_unique_across_workers() -> None:
    clock = ManualClock()
    workers = [RequestIds(clock), RequestIds(clock)]
    minted = {worker.mint() for worker in workers for _ in range(20_000)}
    assert len(minted) == 40_000


@pytest.mark.parametrize(
    "text", ["", "req_", "req_20260101", "req_2026010x" + "0" * 17, "abc_20260101" + "0" * 17, "req_²²²²²²²²" + "0" * 17]
)
def test_what_is_not_ours_names_no_day(text: str) -> None:
    assert request_day(text) is None


@pytest.mark.parametrize("prefix", [KEY_PREFIX, ADMIN_PREFIX])
def test_a_minted_key_is_well_typed(prefix: str) -> None:
    secret = mint_key(prefix)
    assert secret.startswith(prefix)
    assert len(secret) == len(prefix) + 46
    assert not key_is_mistyped(secret, prefix)
    assert mint_key(prefix) != secret


@given(st.integers(0, 45), st.sampled_from(_ALPHABET))
def test_each_wrong_letter_is_noticed(at: int, letter: str) -> None:
    secret = mint_key()
    at += len(KEY_PREFIX)
    if secret[at] != letter:
        assert key_is_mistyped(secret[:at] + letter + secret[at + 1 :])


@given(st.integers(0, 44))
def test_two_swapped_neighbours_are_noticed(at: int) -> None:
    secret = mint_key()
    at += len(KEY_PREFIX)
    swapped = secret[:at] + secret[at + 1] + secret[at] + secret[at + 2 :]
    assert key_is_mistyped(swapped) == (swapped != secret)


@pytest.mark.parametrize("cut", [1, 5, 40, 46])
def test_a_key_cut_short_is_noticed(cut: int) -> None:
    assert key_is_mistyped(mint_key()[:-cut])


def test_keys_of_others_carry_no_checksum() -> None:
    assert not key_is_mistyped("sk-imported-from-elsewhere")
    assert not key_is_mistyped("")


def test_a_key_is_kept_as_sha256_only() -> None:
    assert key_hash("sk-1") == hashlib.sha256(b"sk-1").hexdigest()
    assert key_hash("\udc80") == hashlib.sha256(b"\x80").hexdigest()


def test_a_hint_does_not_give_the_secret_away() -> None:
    assert key_hint("sk-ent-0123456789abcdef") == "sk-ent-…cdef"
    assert key_hint("short-secret") == "…"


def test_a_moment_parts_the_ids_before_it_from_those_after() -> None:
    clock = ManualClock(1_800_014_399.5)
    ids = RequestIds(clock)
    minted: list[tuple[int, str]] = []
    for _ in range(200):
        clock.advance(0.0067)
        minted.append((int(clock.wall() * 1000), ids.mint()))
    for now, request in minted:
        assert first_request_id(now * 1000) <= request < first_request_id((now + 1) * 1000)
    assert first_request_id(1_800_000_000_000_000).startswith("req_20270115")
