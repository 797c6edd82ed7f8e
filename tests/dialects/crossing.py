"""Every recorded answer of a vendor, as each client reads it: the score of conversion (`make conformance`).

What is compared: text, reasoning, tool calls (names, arguments, count, order), finish reason, usage.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from entrepot.core.conversion import Convertible
from entrepot.core.faults import Fault
from entrepot.core.fold import Fold
from entrepot.core.usage import Usage
from entrepot.dialects.anthropic.conversion import AnthropicConversion
from entrepot.dialects.gemini.conversion import GeminiConversion
from entrepot.dialects.openai_chat_conversion import OpenAIChatConversion
from entrepot.dialects.openai_responses.conversion import ResponsesConversion
from tests.dialects import conversions
from tests.dialects.recordings import CHAT
from tests.shared import corpus

CHATS = (OpenAIChatConversion(), ResponsesConversion(), AnthropicConversion(), GeminiConversion())
FILES: dict[str, tuple[str, ...]] = {
    "openai_chat": CHAT,
    "openai_responses": ("openai_responses", "compat_other_responses", "vercel_openai_responses", "vercel_compat_responses"),
    "anthropic": ("anthropic_messages", "vercel_anthropic_messages"),
    "gemini": ("gemini_generate", "vercel_gemini_generate"),
}

MEMBERS = {"choices", "content", "candidates", "output"}
"""One of these has the answer; a recording without one is of another endpoint."""


class Case(NamedTuple):
    """One recorded answer, as one client reads it."""

    id: str
    vendor: str
    client: str
    stream: bool
    problem: str
    """"" where all is equal."""


def answers(dialect: Convertible) -> Iterator[tuple[str, bytes, bool]]:
    """The answers with status 200 of a dialect's recordings."""
    for name in FILES[dialect.name]:
        for record in corpus(name):
            if record["status"] != 200 or "/api/embeddings" in (record.get("url") or ""):
                continue
            stream = "response_sse" in record
            if stream:
                yield record["id"], record["response_sse"].encode(), True
            elif isinstance(record.get("response_json"), dict) and MEMBERS & set(record["response_json"]):
                yield record["id"], json.dumps(record["response_json"], ensure_ascii=False).encode(), False


def cases() -> Iterator[Case]:
    """All answers of all vendors, for all clients, streamed and whole as recorded."""
    for vendor in CHATS:
        for number, body, stream in answers(vendor):
            try:
                events = conversions.events_of(vendor, body, stream=stream)
            except Fault as fault:
                yield Case(number, vendor.name, vendor.name, stream, fault.kind.value)
                continue
            if Fold().feed(events).fault is not None:
                continue
            expected = conversions.summary(events)
            for client in CHATS:
                written = conversions.written(client, events, stream=stream)
                got = conversions.summary(conversions.events_of(client, written, stream=stream))
                yield Case(number, vendor.name, client.name, stream, difference(expected, got))


def difference(expected: conversions.Summary, got: conversions.Summary) -> str:
    """What is not the same, in a word."""
    if len(expected.choices) > len(got.choices):
        return "choices" if got.choices or any(choice.text or choice.calls for choice in expected.choices) else ""
    for wanted, found in zip(expected.choices, got.choices, strict=False):
        for field in ("text", "thinking", "calls"):
            if getattr(wanted, field) != getattr(found, field):
                return field
        if wanted.reason != found.reason and wanted.reason != "pause":
            return "finish"
    return "" if counts(expected.usage) == counts(got.usage) else "usage"


def counts(usage: Usage | None) -> tuple[int, int, int]:
    """What every format can say."""
    return (usage.prompt_total, usage.cache_read, usage.output_total) if usage is not None else (0, 0, 0)


def table(found: list[Case]) -> str:
    """Cases and passes, vendor by client."""
    score = Counter((case.vendor, case.client, not case.problem) for case in found)
    lines = ["| vendor | client | cases | equal | share |", "|---|---|--:|--:|--:|"]
    for vendor in CHATS:
        for client in CHATS:
            good, bad = score[vendor.name, client.name, True], score[vendor.name, client.name, False]
            lines.append(f"| {vendor.name} | {client.name} | {good + bad} | {good} | {good / max(good + bad, 1):.1%} |")
    return "\n".join(lines)


if __name__ == "__main__":
    every = list(cases())
    sys.stdout.write(table(every) + "\n")
    for case in every:
        if case.problem:
            sys.stdout.write(
                f"{case.vendor} → {case.client} {'stream' if case.stream else 'whole'} {case.problem}: {case.id}\n"
            )
