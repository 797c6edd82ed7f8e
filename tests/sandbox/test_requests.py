"""Bodies: what is wrong is named in OpenAI's words."""

import msgspec
import pytest

from entrepot.kit import json
from entrepot.sandbox.answers import Refusal
from entrepot.sandbox.requests import ChatRequest, decode

DECODER = msgspec.json.Decoder(ChatRequest)


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        (b"{", None, None),
        (b"[1]", None, "invalid_type"),
        (b'{"messages":[]}', "model", "missing_required_parameter"),
        (b'{"model":"echo"}', "messages", "missing_required_parameter"),
        (b'{"model":7,"messages":[]}', "model", "invalid_type"),
        (b'{"model":"echo","messages":[],"n":"two"}', "n", "invalid_type"),
        (b'{"model":"echo","messages":[{"role":"nobody"}]}', "messages[0].role", "invalid_value"),
        (b'{"model":"echo","messages":[{"content":"x"}]}', "messages[0].role", "missing_required_parameter"),
        (b'{"model":"\xff"}', None, None),
    ],
)
def test_what_is_wrong_is_named(body: bytes, param: str | None, code: str | None) -> None:
    with pytest.raises(Refusal) as caught:
        decode(body, DECODER)
    error = json.decode(caught.value.answer().body)["error"]
    assert (caught.value.problem.status, error["param"], error["code"]) == (400, param, code)
    assert error["type"] == "invalid_request_error"


def test_too_deep_is_a_400() -> None:
    with pytest.raises(Refusal):
        decode(b'{"model":"echo","messages":[],"tool_choice":' + b'{"a":' * 5000 + b"1" + b"}" * 5001, DECODER)


def test_unknown_fields_pass() -> None:
    request = decode(b'{"model":"echo","messages":[{"role":"user","content":"x","cache":{}}],"new":1,"max_tokens":5}', DECODER)
    assert request.cap == 5
    assert request.stops == []
    assert not request.wants_usage
