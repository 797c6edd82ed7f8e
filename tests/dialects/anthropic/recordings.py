"""The recordings of Anthropic's dialect, and a reading of their usage that shares nothing with the code under test.

Some recorded streams are several answers in a row, as an SDK's test kept them: each `message_stop` ends one.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.shared import corpus

FILES = ("anthropic_messages", "vercel_anthropic_messages")
_ANSWER = re.compile(r"event: message_start\n.*?event: message_stop\ndata: [^\n]*\n\n", re.DOTALL)


class Recording(NamedTuple):
    """One answer as bytes."""

    id: str
    status: int
    stream: bool
    body: bytes


def recordings(name: str) -> Iterator[Recording]:
    """The answers of one file; what is no answer to POST /v1/messages is left out."""
    for record in corpus(name):
        if "response_sse" in record:
            for number, body in enumerate(_ANSWER.findall(record["response_sse"])):
                yield Recording(f"{record['id']}/{number}", record["status"], True, body.encode())
        elif record["response_json"].get("type") in ("message", "error"):
            yield Recording(record["id"], record["status"], False, encoded(record["response_json"]))


def encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def answers(*, stream: bool) -> Iterator[Recording]:
    """The answers with status 200."""
    for name in FILES:
        yield from (found for found in recordings(name) if found.status == 200 and found.stream is stream)


def events(body: bytes) -> list[dict[str, Any]]:
    """The data of a stream's events."""
    text = body.decode().replace("\r\n", "\n")
    return [json.loads(line[5:]) for line in text.split("\n") if line.startswith("data:")]


class Counted(NamedTuple):
    """Tokens as a recording has them, what is billed beside the totals included."""

    input: int
    cache_read: int
    cache_5m: int
    cache_1h: int
    output: int
    thinking: int
    searches: int
    others: dict[str, "Counted"] = {}
    """Of models that an iteration names."""


def recorded_usage(recording: Recording) -> Counted:
    """What is known of usage when the answer has ended: later events say more."""
    known: dict[str, Any] = {}
    for event in events(recording.body) if recording.stream else [json.loads(recording.body)]:
        for usage in (event.get("usage"), (event.get("message") or {}).get("usage")):
            known.update({name: value for name, value in (usage or {}).items() if value is not None})
    by_type: dict[str, list[dict[str, Any]]] = {}
    for iteration in known.get("iterations", []):
        by_type.setdefault(iteration["type"], []).append(iteration)
    own = [known, *by_type.get("compaction", [])]
    others = {part["model"]: _total([part]) for part in by_type.get("advisor_message", [])}
    for served in by_type.get("fallback_message", []):
        others[served["model"]] = _total(own)
        own = []
    return _total(own)._replace(others=others)


def _total(parts: list[dict[str, Any]]) -> Counted:
    def total(name: str) -> int:
        return sum(part.get(name) or 0 for part in parts)

    hour = sum((part.get("cache_creation") or {}).get("ephemeral_1h_input_tokens", 0) for part in parts)
    return Counted(
        input=total("input_tokens"),
        cache_read=total("cache_read_input_tokens"),
        cache_5m=total("cache_creation_input_tokens") - hour,
        cache_1h=hour,
        output=total("output_tokens"),
        thinking=sum((part.get("output_tokens_details") or {}).get("thinking_tokens", 0) for part in parts),
        searches=sum((part.get("server_tool_use") or {}).get("web_search_requests", 0) for part in parts),
    )
