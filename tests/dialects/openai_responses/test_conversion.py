"""Responses as one side of a conversion: every recording, there and back."""

import json as stdlib
from collections.abc import Iterator

import pytest

from entrepot.core.ask import Ask, Part, Text, Thinking
from entrepot.core.call import Peek
from entrepot.core.conversion import Target
from entrepot.core.dialect import Tapping
from entrepot.core.faults import Fault
from entrepot.dialects.openai_responses.responses import OpenAIResponses
from entrepot.kit import json
from tests.dialects import conversions
from tests.dialects.openai_responses.asking import DIALECT
from tests.shared import corpus, requires_shared

FILES = ("openai_responses", "compat_other_responses", "vercel_openai_responses")

CUT = "azure-deepseek-reasoning"
"""A recording that was cut before its end."""


def recorded(*, stream: bool) -> Iterator[tuple[str, bytes]]:
    for name in FILES:
        for record in corpus(name):
            if CUT in record["id"]:
                continue
            if record["status"] == 200 and stream and "response_sse" in record:
                yield record["id"], record["response_sse"].encode()
            elif record["status"] == 200 and not stream and "output" in (record.get("response_json") or ()):
                yield record["id"], stdlib.dumps(record["response_json"], ensure_ascii=False).encode()


@requires_shared
def test_streams_are_read_alike_however_they_are_cut() -> None:
    for _, body in recorded(stream=True):
        conversions.check_cuts(DIALECT, body)
        conversions.check_truncated(DIALECT, body)


@requires_shared
@pytest.mark.parametrize("stream", [True, False])
def test_answers_survive_being_written_again_and_pass_byte_for_byte(stream: bool) -> None:
    for number, body in recorded(stream=stream):
        events = conversions.events_of(DIALECT, body, stream=stream)
        conversions.check_rewrites(DIALECT, events)
        tap = OpenAIResponses().tap(Tapping(stream))
        out = b"".join(tap.feed(body[start : start + 900]) for start in range(0, len(body), 900))
        assert out + (tap.end() if tap.fault is None else b"") == body, number
        assert tap.usage == conversions.summary(events).usage, number


@requires_shared
def test_recorded_requests_come_back_the_same() -> None:
    seen = 0
    for name in FILES:
        for record in corpus(name):
            body = record.get("request_json")
            if record["status"] != 200 or not isinstance(body, dict) or "input" not in body:
                continue
            try:
                first = read(body)
            except Fault:
                continue  # names what is kept at the vendor
            again = read(stdlib.loads(DIALECT.write(first, Target("gpt-5")).body))
            assert said(again) == said(first), record["id"]
            assert again.tools == first.tools or [tool.name for tool in again.tools] == [tool.name for tool in first.tools]
            seen += 1
    assert seen > 50


def said(ask: Ask) -> list[tuple[str, list[Part]]]:
    """All but reasoning, which goes only with OpenAI's proof and with something after it."""
    spoken = [(turn.role, [part for part in turn.parts if not isinstance(part, Thinking)]) for turn in ask.turns]
    system = [Text("\n\n".join(text.text for text in ask.system))]
    return [("system", system), *((role, parts) for role, parts in spoken if parts)]


def read(body: object) -> Ask:
    return DIALECT.read(Peek(model="gpt-5", stream=False, members=json.members(json.encode(body))))
