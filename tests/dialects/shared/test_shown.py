"""The public model name in place of the vendor's."""

import json

import pytest

from entrepot.dialects.shared.shown import Shown


def shown(payload: bytes, frame: bytes | None = None) -> bytes:
    return Shown("public").frame(frame or b"data: " + payload + b"\n\n", payload)


def test_only_the_name_changes() -> None:
    assert shown(b'{"id":"1", "model" : "vendor-2024","n":1.0}') == b'data: {"id":"1", "model" : "public","n":1.0}\n\n'


def test_names_with_quotes_on_both_sides() -> None:
    frame = Shown('a"b\\').frame(b'data: {"model":"x\\"y"}\n\n', b'{"model":"x\\"y"}')
    assert json.loads(frame[6:]) == {"model": 'a"b\\'}


@pytest.mark.parametrize(
    "payload",
    [
        b'{"choices":[{"delta":{"content":"\\"model\\":\\"no\\""}}],"model":"vendor"}',
        b'{"meta":{"model":"inner"},"model":"vendor"}',
        b'{"type":"model","model":"vendor"}',
        b'{"model":"twice","model":"vendor"}',
        b'{"\\u006dodel":"vendor"}',
    ],
)
def test_only_the_top_level_name_changes(payload: bytes) -> None:
    expected = {**json.loads(payload), "model": "public"}
    out = shown(payload)
    assert out.startswith(b"data: ")
    assert out.endswith(b"\n\n")
    assert json.loads(out[6:]) == expected


def test_the_event_name_stays() -> None:
    payload = b'{"x":{"model":"inner"},"model":"vendor"}'
    out = shown(payload, b"event: message\r\ndata: " + payload + b"\r\n\r\n")
    assert out == b'event: message\ndata: {"x":{"model":"inner"},"model":"public"}\n\n'


def test_the_next_chunk_may_write_it_otherwise() -> None:
    names = Shown("public")
    for payload in (b'{"model":"a"}', b'{"model":"a"}', b'{"model":"b"}', b'{"model": "a"}'):
        assert json.loads(names.frame(b"data: " + payload + b"\n\n", payload)[6:]) == {"model": "public"}


def test_a_name_that_is_no_string() -> None:
    assert Shown("public").body(b'{"model":5}') is None
    assert Shown("public").rebuilt(b'{"model":5}') == b'{"model":"public"}'
    assert Shown("public").rebuilt(b"not json") == b"not json"
