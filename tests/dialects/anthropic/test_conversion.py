"""Messages as one side of a conversion: every recording, there and back."""

import json as stdlib
from collections.abc import Iterator

import pytest

from entrepot.core.ask import Ask, Text, Thinking
from entrepot.core.call import Peek
from entrepot.core.conversion import Target
from entrepot.dialects.anthropic.conversion import AnthropicConversion
from entrepot.kit import json
from tests.dialects import conversions
from tests.shared import corpus, requires_shared

DIALECT = AnthropicConversion()
FILES = ("anthropic_messages", "vercel_anthropic_messages")


def recorded(*, stream: bool) -> Iterator[tuple[str, bytes]]:
    for name in FILES:
        for record in corpus(name):
            if record["status"] == 200 and ("response_sse" in record) is stream:
                if stream:
                    yield record["id"], record["response_sse"].encode()
                elif isinstance(record.get("response_json"), dict) and record["response_json"].get("type") == "message":
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
            if record["status"] != 200 or not isinstance(body, dict) or "messages" not in body:
                continue
            if any(str(tool.get("type", "")).startswith("memory_") for tool in body.get("tools", [])):
                continue  # a tool whose form only Anthropic's models know
            first = read(body)
            written = DIALECT.write(first, Target(body.get("model", "m")))
            again = read(stdlib.loads(written.body))
            assert said(again) == said(first), record["id"]
            assert [tool.name for tool in again.tools] == [tool.name for tool in first.tools], record["id"]


def said(ask: Ask) -> list[tuple[str, list[object]]]:
    """All but what is only a placeholder, and blank text."""
    turns: list[tuple[str, list[object]]] = []
    for turn in ask.turns:
        kept = [part for part in turn.parts if not (isinstance(part, Thinking) and part.proof is None)]
        stripped: list[object] = [part.text.rstrip() if isinstance(part, Text) else part for part in kept]
        role, parts = turn.role.replace("system", "user"), [part for part in stripped if part != ""]
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(parts)
        else:
            turns.append((role, parts))
    return turns


def read(body: object) -> Ask:
    members = json.members(json.encode(body))
    peek = Peek(model=str(stdlib.loads(bytes(members.get("model", b'"m"')))), stream=False, members=members)
    return DIALECT.read(peek)
