"""Events as chat completions: chunks with role, calls, proofs, usage and end; and the cut-off."""

from typing import Any

from entrepot.core.ask import Citation, Media, Proof
from entrepot.core.conversion import Writing
from entrepot.core.events import Begin, CallBegin, CallDelta, Cited, Counted, Delta, Finish, Produced, Proved, Score, Scored
from entrepot.core.usage import Usage
from entrepot.dialects.openai_chat_conversion import OpenAIChatConversion
from entrepot.kit import json
from tests.dialects.conversions import NO_PEEK, SEED, written
from tests.dialects.recordings import payloads

DIALECT = OpenAIChatConversion()
EVENTS = [
    Begin("v", "vendor", 7),
    Delta("thinking", "hm"),
    Proved("thinking", Proof("anthropic", "sig")),
    Delta("text", "a"),
    Cited(Citation("https://x", "t", start=0, end=1)),
    Scored((Score("a", -1.0),)),
    Produced(Media("image", mime="image/png", data="AAAA")),
    CallBegin(0, "c", "f"),
    CallDelta(0, "{}"),
    Proved("call", Proof("gemini", "g")),
    CallBegin(1, "p", "patch", custom=True),
    CallDelta(1, "free"),
    Finish("tool_calls"),
    Counted(Usage(input=1, cache_read=2, output=3, reasoning=4)),
]


def test_a_stream_says_everything() -> None:
    body = written(DIALECT, EVENTS, stream=True)
    assert body.endswith(b"data: [DONE]\n\n")
    chunks = payloads(body)
    assert {(chunk["id"], chunk["model"], chunk["created"]) for chunk in chunks} == {("chatcmpl-" + SEED, "asked-for", 7)}
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert deltas[1] == {"reasoning_content": "hm"}
    assert deltas[2]["reasoning_details"][0]["signature" if deltas[2]["reasoning_details"][0].get("text") else "data"] == "sig"
    assert {"tool_calls": [{"index": 0, "extra_content": {"google": {"thought_signature": "g"}}}]} in deltas
    assert {"tool_calls": [{"index": 1, "custom": {"input": "free"}}]} in deltas
    usage: dict[str, Any] = chunks[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (3, 7, 10)
    assert chunks[-1]["choices"] == []


def test_a_whole_answer_says_everything() -> None:
    answer = json.decode(written(DIALECT, EVENTS, stream=False))
    message = answer["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("a", "hm")
    assert [call["id"] for call in message["tool_calls"]] == ["c", "p"]
    assert message["annotations"][0]["url_citation"]["url"] == "https://x"
    assert message["images"][0]["image_url"]["url"] == "data:image/png;base64,AAAA"
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert answer["choices"][0]["logprobs"]["content"][0]["token"] == "a"


def test_a_cut_off_finishes_every_open_choice() -> None:
    writer = DIALECT.writer(Writing(stream=True, seed=SEED, model="m", created=1, wants_usage=False, peek=NO_PEEK))
    writer.feed([Delta("text", "a"), Delta("text", "b", 1), Finish("stop")])
    chunks = payloads(writer.cutoff())
    assert [(chunk["choices"][0]["index"], chunk["choices"][0]["finish_reason"]) for chunk in chunks] == [(1, "length")]
