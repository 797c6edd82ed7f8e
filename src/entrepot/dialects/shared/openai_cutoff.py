"""The well-formed end of a stream that is ended before its time."""

from collections.abc import Iterable
from typing import Any

from entrepot.kit import json

_KEPT = ("id", "object", "created", "model", "system_fingerprint", "service_tier")


def cut_off(sample: bytes, choices: Iterable[int]) -> bytes:
    """One frame in which these choices finish with `length`; `sample` is any chunk of the same stream, or empty."""
    known: dict[str, Any] = {}
    if sample:
        try:
            known = json.decode(sample)
        except json.JsonError:
            known = {}  # a chunk that only the lenient reader takes
    kind = known.get("object", "chat.completion.chunk")
    body = {name: known[name] for name in _KEPT if name in known}
    if kind == "text_completion":
        body["choices"] = [_end(index) | {"text": ""} for index in sorted(choices)]
    else:
        body["choices"] = [_end(index) | {"delta": {}} for index in sorted(choices)]
    return b"data: " + json.encode(body) + b"\n\n"


def _end(index: int) -> dict[str, Any]:
    return {"index": index, "logprobs": None, "finish_reason": "length"}
