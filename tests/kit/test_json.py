"""One level deep, the bytes inside untouched; what is no JSON is named so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.kit import json

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_VALUES)
def test_round_trip(value: object) -> None:
    assert json.decode(json.encode(value)) == value


@given(st.dictionaries(st.text(), _VALUES, max_size=5))
def test_members_keep_each_value(value: dict[str, object]) -> None:
    members = json.members(json.encode(value))
    assert {name: json.decode(bytes(raw)) for name, raw in members.items()} == value


def test_the_bytes_of_a_value_survive() -> None:
    body = b'{"a": 1.0, "b" : {"x":1E5,  "y": "\\u00e4"}, "n": 12345678901234567890123}'
    members = json.members(body)
    assert [bytes(raw) for raw in members.values()] == [b"1.0", b'{"x":1E5,  "y": "\\u00e4"}', b"12345678901234567890123"]
    assert json.encode(members) == b'{"a":1.0,"b":{"x":1E5,  "y": "\\u00e4"},"n":12345678901234567890123}'


def test_duplicate_keys_collapse_to_the_last() -> None:
    assert json.encode(json.members(b'{"model":"cheap","model":"dear"}')) == b'{"model":"dear"}'


def test_a_value_is_set_among_members() -> None:
    members = json.members(b'{"model":"a","x":[1]}')
    members["model"] = json.raw("b")
    assert json.encode(members) == b'{"model":"b","x":[1]}'


@pytest.mark.parametrize("body", [b"", b"{", b"[1,]", b'{"a":1}x', b"nan", b"'a'", b'{"a":\xff}', b'"\xff"', b'{"\xff":1}'])
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(json.JsonError):
        json.decode(body)
    with pytest.raises(json.JsonError):
        json.members(body)


@pytest.mark.parametrize("body", [b"[]", b"1", b'"a"', b"null"])
def test_members_of_what_is_no_object(body: bytes) -> None:
    with pytest.raises(json.JsonError):
        json.members(body)


def test_too_deep_is_told_apart() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    with pytest.raises(json.TooDeepError):
        json.decode(deep)
    with pytest.raises(json.TooDeepError):
        json.members(b'{"a":' + deep + b"}")


def test_text_that_is_no_unicode() -> None:
    with pytest.raises(json.JsonError):
        json.decode('"\udc80"')
