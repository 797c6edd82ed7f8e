"""Paths and methods."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.kit import json, sse
from entrepot.sandbox.answers import Refusal, Stamp, Stream
from entrepot.sandbox.endpoints import POSTS, find
from entrepot.sandbox.faults import NONE
from entrepot.sandbox.names import CHARACTERS
from tests.vendors import Vendor

CHAT = {"model": "sandbox/echo", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions"])
async def test_with_and_without_v1(sandbox_vendor: Vendor, http: httpx.AsyncClient, path: str) -> None:
    response = await http.post(sandbox_vendor.origin + path, json=CHAT)
    assert response.json()["choices"][0]["message"]["content"] == "Hi"
    assert (await http.get(sandbox_vendor.origin + path.replace("chat/completions", "models"))).status_code == 200
    one = path.replace("chat/completions", "models/sandbox%2Fecho")
    assert (await http.get(sandbox_vendor.origin + one)).json()["id"] == "sandbox/echo"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/chat/completions", 405),
        ("POST", "/models", 405),
        ("DELETE", "/models/sandbox/echo", 405),
        ("POST", "/images/generations", 404),
        ("GET", "", 404),
        ("GET", "/modelsx", 404),
    ],
)
async def test_what_is_not_there(http: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    response = await http.request(method, path)
    assert response.status_code == status
    assert response.json()["error"].keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("path", "model"), [("/completions", "sandbox/tools"), ("/embeddings", "sandbox/echo"), ("/moderations", "sandbox/embed")]
)
async def test_a_model_at_the_wrong_endpoint(http: httpx.AsyncClient, path: str, model: str) -> None:
    response = await http.post(path, json={"model": model, "input": "x", "prompt": "x"})
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
TOOL = st.fixed_dictionaries({}, optional={"type": st.just("function"), "function": VALUES, "custom": VALUES})
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "tool", "assistant", "system"]), "content": VALUES | st.text(max_size=8)},
    optional={"tool_calls": VALUES, "name": VALUES},
)
FIELDS = {
    "messages": st.lists(MESSAGE, max_size=3) | VALUES,
    "prompt": VALUES,
    "input": VALUES,
    "stream": st.booleans(),
    "n": st.integers(-1, 3),
    "tools": st.lists(TOOL, max_size=2) | VALUES,
    "functions": st.lists(st.fixed_dictionaries({"name": st.text(max_size=3)}, optional={"parameters": VALUES}), max_size=2),
    "tool_choice": VALUES,
    "function_call": VALUES,
    "stop": VALUES,
    "max_tokens": VALUES,
    "response_format": st.builds(
        lambda schema: {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}, VALUES
    ),
    "modalities": st.just(["audio"]) | VALUES,
    "logprobs": st.booleans(),
    "encoding_format": st.sampled_from(["float", "base64"]) | VALUES,
    "dimensions": st.integers(-1, 9),
    "system": VALUES,
    "thinking": VALUES,
    "stop_sequences": VALUES,
}


@given(st.sampled_from(sorted(POSTS)), st.sampled_from(CHARACTERS), st.fixed_dictionaries({}, optional=FIELDS))
def test_any_body_is_answered_or_refused(path: str, model: str, fields: dict[str, Any]) -> None:
    body = json.encode({"model": model, **fields})
    try:
        answer = find("POST", path, body).answer(Stamp("x" * 40, 1), NONE)
    except Refusal:
        return
    for data in [sse.read(frame).data for frame in answer.frames] if isinstance(answer, Stream) else [answer.body]:
        assert data == b"[DONE]" or json.decode(data or b"")
