"""Bodies of requests: what is read, what is refused, what is changed."""

import json

import pytest

from entrepot.core.call import Peek
from entrepot.core.dialect import Changes
from entrepot.dialects.shared import bodies
from entrepot.dialects.shared import openai_requests as requests
from entrepot.kit.json import Raw, members


def peeked(body: bytes) -> Peek:
    return Peek(model="m", stream=True, members=members(body))


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


def test_what_is_not_understood_keeps_its_bytes() -> None:
    body = b'{"model":"a","unknown":{"x":[1.0,2e5,"\\u00e9"]},"n":1,"big":12345678901234567890123}'
    assert requests.patch(peeked(body), Changes()) == body


def test_duplicate_keys_collapse_to_what_we_have_read() -> None:
    body = b'{"model":"expensive","model":"cheap","messages":[]}'
    peek = peeked(body)
    assert bodies.read_model(peek.members) == "cheap"
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
