"""Bodies of requests: what every dialect reads, refuses and changes alike."""

import pytest

from entrepot.core.call import Peek
from entrepot.core.dialect import Changes
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.shared import bodies
from entrepot.kit.json import Members, Raw, members, raw


def refused(body: bytes) -> Fault:
    with pytest.raises(Fault) as caught:
        bodies.read_members(body)
    return caught.value


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"  ", "empty"),
        (b"[1]", "an array"),
        (b'"x"', "a string"),
        (b"null", "null"),
        (b"hello", "not valid JSON"),
        (b'{"a":1,}', "not valid JSON"),
        (b'{"a":1', "not valid JSON"),
        (b'{"a":"\\ud83d"}', "surrogate"),
        (b'{"a":1} {"b":2}', "not valid JSON"),
    ],
)
def test_what_is_no_json_object_says_why(body: bytes, says: str) -> None:
    fault = refused(body)
    assert fault.kind is Kind.INVALID_JSON
    assert says in fault.message


def test_too_deep() -> None:
    assert refused(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}").kind is Kind.TOO_DEEP


def test_model() -> None:
    assert bodies.read_model({"model": raw("gpt-4o")}) == "gpt-4o"
    assert bodies.read_model({"model": Raw(b'"caf\\u00e9"')}) == "café"


@pytest.mark.parametrize("given", [{}, {"model": Raw(b"null")}, {"model": Raw(b'""')}])
def test_missing_model(given: Members) -> None:
    with pytest.raises(Fault) as caught:
        bodies.read_model(given)
    assert (caught.value.kind, caught.value.param) == (Kind.MISSING_MODEL, "model")


@pytest.mark.parametrize(
    ("value", "kind"), [(b"1", "a number"), (b"[]", "an array"), (b"{}", "an object"), (b"true", "a boolean")]
)
def test_model_of_the_wrong_type(value: bytes, kind: str) -> None:
    with pytest.raises(Fault, match=f"expected a string, but got {kind}") as caught:
        bodies.read_model({"model": Raw(value)})
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_FIELD, "model")


def test_model_of_any_length_but_too_long() -> None:
    assert len(bodies.read_model({"model": raw("é" * 256)})) == 256
    with pytest.raises(Fault, match="257 characters") as caught:
        bodies.read_model({"model": raw("m" * 257)})
    assert (caught.value.kind, caught.value.status, caught.value.param) == (Kind.INVALID_FIELD, 400, "model")


def test_a_default_model_is_written_into_the_body() -> None:
    body: Members = {}
    assert bodies.read_model(body, "fallback") == "fallback"
    assert bytes(body["model"]) == b'"fallback"'


def test_flags() -> None:
    read = {value: bodies.read_flag({"stream": Raw(value)}, "stream") for value in (b"true", b"false", b"null")}
    assert read == {b"true": True, b"false": False, b"null": False}
    assert bodies.read_flag({}, "stream") is False
    with pytest.raises(Fault, match="'stream': expected a boolean, but got a string"):
        bodies.read_flag({"stream": Raw(b'"true"')}, "stream")


def test_counts_are_read_leniently() -> None:
    body = members(b'{"a":5,"b":"5","c":-1,"d":1.5,"e":null,"f":99999999999999}')
    assert [bodies.read_count(body, name) for name in "abcdefg"] == [5, None, None, None, None, None, None]
    assert bodies.read_count(body, "b", "a") == 5


def test_needed_members() -> None:
    bodies.need({"messages": Raw(b"[]")}, "messages", array=True)
    with pytest.raises(Fault) as missing:
        bodies.need({}, "messages", array=True)
    assert (missing.value.code, missing.value.param) == ("missing_required_parameter", "messages")
    with pytest.raises(Fault, match="expected an array of objects, but got a string") as wrong:
        bodies.need({"messages": Raw(b'"hi"')}, "messages", array=True)
    assert wrong.value.code == "invalid_type"


def test_a_copy_is_changed() -> None:
    peek = Peek(model="m", stream=False, members=members(b'{"model":"m","a":1,"b":2,"c":3}'))
    changes = Changes(model="vendor", set={"a": raw(7)}, drop=frozenset({"b", "nothing"}))
    assert bodies.changed(peek, changes) == {"model": raw("vendor"), "a": raw(7), "c": raw(3)}
    assert list(peek.members) == ["model", "a", "b", "c"]


def test_names_are_the_strings_of_an_array() -> None:
    raw = b'{"a":["x",1,null,"y"],"b":"x","c":null,"d":{"x":1}}'
    found = bodies.read_members(raw)
    assert [bodies.read_names(found, name) for name in "abcde"] == [["x", "y"], [], [], [], []]
    assert bodies.read_names({"a": Raw(b"[")}, "a") == []
