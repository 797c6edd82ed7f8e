"""generateContent as one side of a conversion: every recording, there and back."""

import json as stdlib
from collections.abc import Iterator

import msgspec
import pytest

from entrepot.core.ask import Ask, Part, Text, Thinking, ToolCall, ToolResult
from entrepot.core.call import Peek
from entrepot.core.conversion import Target
from entrepot.dialects.gemini.conversion import GeminiConversion
from entrepot.kit import json
from tests.dialects import conversions
from tests.shared import corpus, requires_shared

DIALECT = GeminiConversion()
FILES = ("gemini_generate", "vercel_gemini_generate")
GO_ON = [("user", [Text("(go on)")])]
"""What is said where a client says nothing."""


def recorded(*, stream: bool) -> Iterator[tuple[str, bytes]]:
    for name in FILES:
        for record in corpus(name):
            if record["status"] != 200:
                continue
            if stream and "response_sse" in record:
                yield record["id"], record["response_sse"].encode()
            elif not stream and isinstance(record.get("response_json"), dict):
                yield record["id"], stdlib.dumps(record["response_json"], ensure_ascii=False).encode()


@requires_shared
def test_streams_are_read_alike_however_they_are_cut() -> None:
    for _, body in recorded(stream=True):
        conversions.check_cuts(DIALECT, body)
        conversions.check_truncated(DIALECT, body)


@requires_shared
@pytest.mark.parametrize("stream", [True, False])
def test_answers_survive_being_written_again(stream: bool) -> None:
    for number, body in recorded(stream=stream):
        events = conversions.events_of(DIALECT, body, stream=stream)
        assert events, number
        conversions.check_rewrites(DIALECT, events)


@requires_shared
def test_recorded_requests_come_back_the_same() -> None:
    for name in FILES:
        for record in corpus(name):
            body = record.get("request_json")
            if record["status"] != 200 or not isinstance(body, dict) or "contents" not in body:
                continue
            first = read(body, record.get("model") or "gemini-3-pro")
            written = DIALECT.write(first, Target(first.model))
            again = read(stdlib.loads(written.body), first.model)
            assert said(again) == (said(first) or GO_ON), record["id"]
            assert [tool.name for tool in again.tools] == [tool.name for tool in first.tools], record["id"]
            assert again.sampling == first.sampling, record["id"]


def said(ask: Ask) -> list[tuple[str, list[Part]]]:
    """All but ids, which are given by place, and what may be left out."""
    return [(turn.role, [bare(part) for part in turn.parts if not isinstance(part, Thinking)]) for turn in ask.turns]


def bare(part: Part) -> Part:
    if isinstance(part, ToolCall):
        return msgspec.structs.replace(part, id="")
    return msgspec.structs.replace(part, call_id="") if isinstance(part, ToolResult) else part


def read(body: object, model: str) -> Ask:
    return DIALECT.read(Peek(model=model, stream=False, members=json.members(json.encode(body))))
