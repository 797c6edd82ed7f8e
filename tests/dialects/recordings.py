"""The recordings of OpenAI's family, and a reading of their usage that shares nothing with the code under test."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.shared import corpus

CHAT = (
    "openai_chat", "compat_deepseek_chat", "compat_groq_chat", "compat_huggingface_chat", "compat_mistral_chat",
    "compat_openrouter_chat", "compat_other_chat", "vercel_openai_chat", "vercel_compat_chat",
)  # fmt: skip
COMPLETIONS = ("openai_completions", "compat_other_completions", "vercel_openai_completions")
EMBEDDINGS = ("openai_embeddings", "compat_other_embeddings")
FILES = {
    **dict.fromkeys(CHAT, "chat"),
    **dict.fromkeys(COMPLETIONS, "completions"),
    **dict.fromkeys(EMBEDDINGS, "embeddings"),
}


class Recording(NamedTuple):
    """One answer as bytes."""

    id: str
    status: int
    stream: bool
    body: bytes


def recordings(name: str) -> Iterator[Recording]:
    """The answers of one file; a native answer of ollama that strayed into it is left out."""
    for record in corpus(name):
        if "/api/embeddings" in (record.get("url") or ""):
            continue
        stream = "response_sse" in record
        body = record["response_sse"] if stream else json.dumps(record["response_json"], ensure_ascii=False)
        yield Recording(record["id"], record["status"], stream, body.encode())


def answers(name: str, *, stream: bool) -> Iterator[Recording]:
    """The answers with status 200 and no error in them."""
    for recording in recordings(name):
        good = recording.status == 200 and b'"error":{' not in recording.body.replace(b'"error": {', b'"error":{')
        if good and recording.stream is stream:
            yield recording


def payloads(body: bytes) -> list[dict[str, Any]]:
    """The JSON payloads of a stream."""
    lines = [line.removeprefix("data:").strip() for line in body.decode().splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line and line != "[DONE]"]


class Counted(NamedTuple):
    """Tokens as a recording has them."""

    prompt: int
    cached: int
    output: int
    reasoning: int
    audio_in: int
    audio_out: int


def recorded_usage(recording: Recording) -> Counted | None:
    """The last usage object that is not all zeros."""
    found = None
    for payload in payloads(recording.body) if recording.stream else [json.loads(recording.body)]:
        candidates = [choice.get("usage") for choice in payload.get("choices") or []]
        candidates += [payload.get("usage"), (payload.get("x_groq") or {}).get("usage")]
        for usage in candidates:
            if usage and any(usage.get(key) for key in ("prompt_tokens", "completion_tokens", "total_tokens")):
                found = usage
    return _counted(found) if found else None


def _counted(usage: dict[str, Any]) -> Counted:
    asked = usage.get("prompt_tokens_details") or {}
    made = usage.get("completion_tokens_details") or {}
    prompt = usage.get("prompt_tokens", usage.get("total_tokens"))
    completion = usage.get("completion_tokens") or 0
    hidden = max((usage.get("total_tokens") or 0) - prompt - completion, 0)
    spelled = [asked.get("cached_tokens")] + [
        usage.get(key) for key in ("prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens")
    ]
    return Counted(
        prompt=prompt,
        cached=max(value or 0 for value in spelled),
        output=completion + hidden,
        reasoning=max(made.get("reasoning_tokens") or 0, hidden),
        audio_in=asked.get("audio_tokens") or 0,
        audio_out=made.get("audio_tokens") or 0,
    )
