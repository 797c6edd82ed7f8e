"""POST /v1/completions, the legacy dialect: text in, text out; several prompts at once."""

from collections.abc import Iterator
from typing import Any

from entrepot.kit import json
from entrepot.sandbox import characters
from entrepot.sandbox.answers import DONE, FINGERPRINT, Answer, Stamp, Stream, refusal, whole
from entrepot.sandbox.embeddings import inputs
from entrepot.sandbox.faults import Faults
from entrepot.sandbox.names import Name
from entrepot.sandbox.replies import Usage
from entrepot.sandbox.requests import CompletionRequest
from entrepot.sandbox.wording import Plain, Text, count, until

MAX_TOKENS = 16
"""OpenAI's default of `max_tokens` for this dialect."""
MAX_CHOICES = 128


def answer(request: CompletionRequest, name: Name, stamp: Stamp, faults: Faults) -> Answer:
    """All choices of all prompts. Raises Refusal (400)."""
    if request.n is not None and not 1 <= request.n <= MAX_CHOICES:
        raise refusal(400, f"Invalid 'n': it is 1 to {MAX_CHOICES}.", "n", "integer_out_of_range")
    prompts = inputs(request.prompt)
    gap = 0.0
    choices: list[tuple[Text, str]] = []
    for prompt in prompts:
        said = prompt if isinstance(prompt, str) else " ".join(map(str, prompt))
        text, gap = _said(said, name)
        choices += [_capped(text, said, request)] * (request.n or 1)
    read = sum(count(prompt) if isinstance(prompt, str) else len(prompt) for prompt in prompts)
    written = sum(text.count for text, _ in choices)
    usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    shown = None if faults.no_usage else usage
    if request.stream:
        return Stream(_frames(request, choices, stamp, shown), gap)
    return whole(_document(request, choices, stamp, shown))


def _said(prompt: str, name: Name) -> tuple[Text, float]:
    """Text, and seconds between its tokens."""
    if name.character == "story":
        told = characters.story(prompt, name)
        return told.text or Plain(""), told.gap
    return Plain(prompt), 0.0


def _capped(text: Text, prompt: str, request: CompletionRequest) -> tuple[Text, str]:
    """The text within its limits, and why it ended."""
    if request.stops:
        text = Plain(until(text.whole(), request.stops))
    cap = MAX_TOKENS if request.max_tokens is None else request.max_tokens
    finish = "length" if text.count > cap else "stop"
    text = text.head(cap)
    return (Plain(prompt + text.whole()) if request.echo else text), finish


def _document(request: CompletionRequest, choices: list[tuple[Text, str]], stamp: Stamp, usage: Usage | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": stamp.id,
        "object": "text_completion",
        "created": stamp.created,
        "model": request.model,
        "choices": [
            {"text": text.whole(), "index": index, "logprobs": None, "finish_reason": finish}
            for index, (text, finish) in enumerate(choices)
        ],
    }
    if usage is not None:
        document["usage"] = usage
    document["system_fingerprint"] = FINGERPRINT
    return document


def _frames(request: CompletionRequest, choices: list[tuple[Text, str]], stamp: Stamp, usage: Usage | None) -> Iterator[bytes]:
    """Tokens of one choice after the other, each with its own finish."""
    shared = {"id": stamp.id, "object": "text_completion", "created": stamp.created, "model": request.model}
    head = b"data: " + json.encode(shared)[:-1] + b',"choices":['
    tail = b',"system_fingerprint":"' + FINGERPRINT.encode() + b'"'
    close = b"]" + tail + (b',"usage":null}\n\n' if request.wants_usage else b"}\n\n")
    for index, (text, finish) in enumerate(choices):
        rest = b',"index":%d,"logprobs":null,"finish_reason":' % index
        for token in text.encoded():
            yield head + b'{"text":' + token + rest + b"null}" + close
        yield head + b'{"text":""' + rest + json.encode(finish) + b"}" + close
    if request.wants_usage and usage is not None:
        yield head + b"]" + tail + b',"usage":' + json.encode(usage) + b"}\n\n"
    yield DONE
