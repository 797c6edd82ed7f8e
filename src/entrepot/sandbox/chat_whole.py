"""A chat reply as one JSON document."""

from typing import Any

from entrepot.kit import json
from entrepot.sandbox.answers import FINGERPRINT, Stamp, Whole
from entrepot.sandbox.faults import Faults
from entrepot.sandbox.replies import Reply, Usage, call_id, score, sound_id
from entrepot.sandbox.requests import ChatRequest

_MARK = "\x00fill\x00"
_MARK_CODED = json.encode(_MARK)[1:-1]


def answer(request: ChatRequest, reply: Reply, stamp: Stamp, usage: Usage | None, faults: Faults) -> Whole:
    """The document, with room for filler where `big` asks for it."""
    filler = faults.big if reply.text is not None else 0
    document: dict[str, Any] = {
        "id": stamp.id,
        "object": "chat.completion",
        "created": stamp.created,
        "model": request.model,
        "choices": [_choice(request, reply, stamp, index, _MARK if filler else "") for index in range(request.n or 1)],
    }
    if usage is not None:
        document["usage"] = usage
    document["service_tier"] = "default"
    document["system_fingerprint"] = FINGERPRINT
    body = json.encode(document)
    if not filler:
        return Whole(body, wait=reply.wait)
    fill_at = body.find(_MARK_CODED)
    return Whole(body.replace(_MARK_CODED, b""), wait=reply.wait, filler=filler, fill_at=fill_at)


def _choice(request: ChatRequest, reply: Reply, stamp: Stamp, index: int, mark: str) -> dict[str, Any]:
    scores = None
    if request.logprobs and reply.text is not None:
        scores = {"content": [score(piece) for piece in reply.text.pieces()], "refusal": None}
    message = _message(reply, stamp, index, mark)
    return {"index": index, "message": message, "logprobs": scores, "finish_reason": reply.finish}


def _message(reply: Reply, stamp: Stamp, index: int, mark: str) -> dict[str, Any]:
    content = None if reply.text is None else reply.text.whole() + mark
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None, "annotations": []}
    if reasoning := reply.reasoning.whole():
        message["reasoning_content"] = reasoning
    if reply.legacy and reply.calls:
        message["function_call"] = {"name": reply.calls[0].name, "arguments": reply.calls[0].arguments}
    elif reply.calls:
        message["tool_calls"] = [
            {"id": call_id(stamp, index, number), **call.shape(call.arguments)} for number, call in enumerate(reply.calls)
        ]
    if reply.sound is not None:
        message["audio"] = {
            "id": sound_id(stamp),
            "data": reply.sound.data,
            "expires_at": stamp.created + 3600,
            "transcript": reply.sound.transcript,
        }
    return message
