"""The end of a stream that is ended before its time, and that a client cannot tell from a full one."""

import json

from entrepot.core.dialect import Tapping
from entrepot.dialects.openai_chat import OpenAIChat
from entrepot.dialects.shared.openai_cutoff import cut_off

CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "gpt-x", "choices": []}


def frames(data: bytes) -> list[str]:
    return [line[6:] for line in data.decode().split("\n\n") if line]


def test_it_is_a_chunk_of_the_same_stream() -> None:
    (frame,) = frames(cut_off(json.dumps(CHUNK | {"usage": None}).encode(), {1, 0}))
    ended = json.loads(frame)
    assert {name: ended[name] for name in ("id", "object", "created", "model")} == {
        n: CHUNK[n] for n in CHUNK if n != "choices"
    }
    assert [(choice["index"], choice["finish_reason"], choice["delta"]) for choice in ended["choices"]] == [
        (0, "length", {}),
        (1, "length", {}),
    ]
    assert "usage" not in ended


def test_completions_have_text() -> None:
    (frame,) = frames(cut_off(b'{"object":"text_completion","id":"c"}', [0]))
    assert json.loads(frame)["choices"] == [{"index": 0, "logprobs": None, "finish_reason": "length", "text": ""}]


def test_without_a_sample_it_is_still_json() -> None:
    for sample in (b"", b"{broken"):
        (frame,) = frames(cut_off(sample, [0]))
        assert json.loads(frame)["choices"][0]["finish_reason"] == "length"


def test_the_tap_ends_only_what_is_open() -> None:
    tap = OpenAIChat().tap(Tapping(stream=True, show_model="public"))
    open_choice = {"index": 0, "delta": {"content": "a"}, "finish_reason": None}
    closed = {"index": 1, "delta": {}, "finish_reason": "stop"}
    for choice in (open_choice, closed):
        tap.feed(b"data: " + json.dumps(CHUNK | {"choices": [choice]}).encode() + b"\n\n")
    last, done = frames(tap.cutoff())
    assert done == "[DONE]"
    assert [choice["index"] for choice in json.loads(last)["choices"]] == [0]
    assert json.loads(last)["model"] == "public"


def test_nothing_after_the_end() -> None:
    tap = OpenAIChat().tap(Tapping(stream=True))
    tap.feed(
        b"data: " + json.dumps(CHUNK | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}).encode() + b"\n\n"
    )
    tap.feed(b"data: [DONE]\n\n")
    assert tap.cutoff() == b""
