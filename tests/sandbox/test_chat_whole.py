"""The whole answer has the members that recordings of OpenAI have, and no others."""

from pathlib import Path

import httpx
import pytest

from entrepot.kit import json

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "corpora" / "openai_chat.jsonl"
MESSAGES = [{"role": "user", "content": "Hello there"}]


async def test_the_exact_document(http: httpx.AsyncClient) -> None:
    response = await http.post("/chat/completions", json={"model": "sandbox/echo", "messages": MESSAGES})
    document = response.json()
    assert document.pop("id").startswith("chatcmpl-")
    assert isinstance(document.pop("created"), int)
    assert document == {
        "object": "chat.completion",
        "model": "sandbox/echo",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello there", "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 2,
            "total_tokens": 11,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        "service_tier": "default",
        "system_fingerprint": "fp_sandbox",
    }
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"].startswith("req_")


@pytest.mark.shared
async def test_members_are_those_of_a_recording(http: httpx.AsyncClient) -> None:
    if not RECORDINGS.exists():
        pytest.skip(f"no recordings at {RECORDINGS.name}: they are not part of the project")
    lines = RECORDINGS.read_bytes().splitlines()
    recorded = [r for r in map(json.decode, lines) if r["provider"] == "openai" and r["status"] == 200 and "response_json" in r]
    ours = (await http.post("/chat/completions", json={"model": "echo", "messages": MESSAGES})).json()
    same = [r["response_json"] for r in recorded if r["response_json"].keys() == ours.keys()]
    assert len(same) > len(recorded) // 2
    messages = [r["choices"][0]["message"].keys() == ours["choices"][0]["message"].keys() for r in same]
    assert any(messages)
    assert any(r["usage"].keys() == ours["usage"].keys() for r in same)


async def test_logprobs(http: httpx.AsyncClient) -> None:
    body = {"model": "echo", "messages": MESSAGES, "logprobs": True}
    scores = (await http.post("/chat/completions", json=body)).json()["choices"][0]["logprobs"]
    assert [score["token"] for score in scores["content"]] == ["Hello", " there"]


@pytest.mark.parametrize("size", [1, 65_536, 200_001])
async def test_big_pads_the_content(http: httpx.AsyncClient, size: int) -> None:
    response = await http.post("/chat/completions", json={"model": f"echo!big={size}", "messages": MESSAGES, "n": 2})
    assert int(response.headers["content-length"]) == len(response.content)
    choices = response.json()["choices"]
    assert choices[0]["message"]["content"] == "Hello there" + "x" * size
    assert choices[1]["message"]["content"] == "Hello there"
