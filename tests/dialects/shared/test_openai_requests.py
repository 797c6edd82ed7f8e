"""Bodies of requests: what is read, what is refused, what is changed."""

import json

import pytest

from entrepot.core.call import Peek
from entrepot.core.dialect import Changes
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.shared import openai_requests as requests
from entrepot.kit.json import Members, Raw, members, raw


def refused(body: bytes) -> Fault:
    with pytest.raises(Fault) as caught:
        requests.read_members(body)
    return caught.value


def peeked(body: bytes) -> Peek:
    return Peek(model="m", stream=True, members=members(body))


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
    assert requests.read_model({"model": raw("gpt-4o")}) == "gpt-4o"
    assert requests.read_model({"model": Raw(b'"caf\\u00e9"')}) == "café"


@pytest.mark.parametrize("given", [{}, {"model": Raw(b"null")}, {"model": Raw(b'""')}])
def test_missing_model(given: Members) -> None:
    with pytest.raises(Fault) as caught:
        requests.read_model(given)
    assert (caught.value.kind, caught.value.param) == (Kind.MISSING_MODEL, "model")


@pytest.mark.parametrize(
    ("value", "kind"), [(b"1", "a number"), (b"[]", "an array"), (b"{}", "an object"), (b"true", "a boolean")]
)
def test_model_of_the_wrong_type(value: bytes, kind: str) -> None:
    with pytest.raises(Fault, match=f"expected a string, but got {kind}") as caught:
        requests.read_model({"model": Raw(value)})
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_FIELD, "model")


def test_model_of_any_length_but_too_long() -> None:
    assert len(requests.read_model({"model": raw("é" * 256)})) == 256
    with pytest.raises(Fault, match="257 characters") as caught:
        requests.read_model({"model": raw("m" * 257)})
    assert (caught.value.kind, caught.value.status, caught.value.param) == (Kind.INVALID_FIELD, 400, "model")


def test_a_default_model_is_written_into_the_body() -> None:
    body: Members = {}
    assert requests.read_model(body, "fallback") == "fallback"
    assert bytes(body["model"]) == b'"fallback"'


def test_flags() -> None:
    read = {value: requests.read_flag({"stream": Raw(value)}, "stream") for value in (b"true", b"false", b"null")}
    assert read == {b"true": True, b"false": False, b"null": False}
    assert requests.read_flag({}, "stream") is False
    with pytest.raises(Fault, match="'stream': expected a boolean, but got a string"):
        requests.read_flag({"stream": Raw(b'"true"')}, "stream")


def test_counts_are_read_leniently() -> None:
    body = members(b'{"a":5,"b":"5","c":-1,"d":1.5,"e":null,"f":99999999999999}')
    assert [requests.read_count(body, name) for name in "abcdefg"] == [5, None, None, None, None, None, None]
    assert requests.read_count(body, "b", "a") == 5


@pytest.mark.parametrize(
    ("options", "wants"),
    [
        (b'{"include_usage":true}', True),
        (b'{"include_usage":false}', False),
        (b'{"include_usage":"yes"}', False),
        (b"null", False),
        (b"7", False),
        (b'{"include_obfuscation":false,"include_usage":true}', True),
    ],
)
def test_wants_usage(options: bytes, wants: bool) -> None:
    assert requests.wants_usage({"stream_options": Raw(options)}) is wants


def test_needed_members() -> None:
    requests.need({"messages": Raw(b"[]")}, "messages", array=True)
    with pytest.raises(Fault) as missing:
        requests.need({}, "messages", array=True)
    assert (missing.value.code, missing.value.param) == ("missing_required_parameter", "messages")
    with pytest.raises(Fault, match="expected an array of objects, but got a string") as wrong:
        requests.need({"messages": Raw(b'"hi"')}, "messages", array=True)
    assert wrong.value.code == "invalid_type"


def test_what_is_not_understood_keeps_its_bytes() -> None:
    body = b'{"model":"a","unknown":{"x":[1.0,2e5,"\\u00e9"]},"n":1,"big":12345678901234567890123}'
    assert requests.patch(peeked(body), Changes()) == body


def test_duplicate_keys_collapse_to_what_we_have_read() -> None:
    body = b'{"model":"expensive","model":"cheap","messages":[]}'
    peek = peeked(body)
    assert requests.read_model(peek.members) == "cheap"
    assert requests.patch(peek, Changes()) == b'{"model":"cheap","messages":[]}'


def test_changes_are_made() -> None:
    peek = peeked(b'{"model":"public","messages":[],"logit_bias":{},"temperature":1}')
    changes = Changes(
        model="vendor", set={"temperature": Raw(b"0.5"), "top_k": Raw(b"4")}, drop=frozenset({"logit_bias", "nothing"})
    )
    patched = json.loads(requests.patch(peek, changes))
    assert patched == {"model": "vendor", "messages": [], "temperature": 0.5, "top_k": 4}
    assert requests.patch(peek, Changes()) == b'{"model":"public","messages":[],"logit_bias":{},"temperature":1}', (
        "the peek is unchanged"
    )


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (None, {"include_usage": True}),
        ("null", {"include_usage": True}),
        ('{"include_obfuscation":false}', {"include_obfuscation": False, "include_usage": True}),
        ('{"include_usage":false}', {"include_usage": True}),
        ('"wrong"', "wrong"),
    ],
)
def test_usage_is_asked_for_beside_other_options(options: str | None, sent: object) -> None:
    body = '{"model":"m"' + (f',"stream_options":{options}' if options else "") + "}"
    patched = json.loads(requests.patch(peeked(body.encode()), Changes(ask_usage=True)))
    assert patched["stream_options"] == sent
