"""How other vendors' proofs travel through chat completions: in fields that clients are known to send back.

A signature of reasoning goes as an item of `reasoning_details` (OpenRouter's form, whose `format` names the vendor's);
one of a tool call of Gemini's as the call's `extra_content.google.thought_signature` (Google's own form).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from entrepot.core.ask import Proof, Thinking
from entrepot.dialects.shared.fields import Field

_FORMATS: Mapping[str, str] = MappingProxyType(
    {"anthropic": "anthropic-claude-v1", "openai_responses": "openai-responses-v1", "gemini": "google-gemini-v1"}
)
_DIALECTS: Mapping[str, str] = MappingProxyType({form: name for name, form in _FORMATS.items()})
_OWN = "openai_chat"


def detail(text: str, proof: Proof, index: int) -> dict[str, Any]:
    """A proof of reasoning as an item of `reasoning_details`."""
    form = _FORMATS.get(proof.dialect, proof.dialect)
    if text:
        return {"type": "reasoning.text", "text": text, "signature": proof.data, "format": form, "index": index}
    return {"type": "reasoning.encrypted", "data": proof.data, "format": form, "index": index}


def thoughts(details: Field) -> list[Thinking]:
    """The reasoning that a client sent back. What an unknown vendor wrote returns as it was, to this format alone."""
    found: list[Thinking] = []
    for item in details.items():
        dialect = _DIALECTS.get(item.string("format"))
        data = item.string("signature") or item.string("data")
        text = item.string("text") or item.string("summary")
        known = Proof(dialect, data) if dialect and data else None
        found.append(Thinking(text, known if dialect else Proof(_OWN, bytes(item.raw()).decode())))
    return found


def call_extra(proof: Proof | None) -> dict[str, Any]:
    """Fields that a tool call gains by its proof."""
    if proof is None or proof.dialect != "gemini":
        return {}
    return {"extra_content": {"google": {"thought_signature": proof.data}}}


def call_proof(call: Field) -> Proof | None:
    """The proof that a client sent back with a tool call."""
    extra = call.get("extra_content")
    google = extra.get("google") if extra is not None else None
    signature = google.string("thought_signature") if google is not None else ""
    return Proof("gemini", signature) if signature else None
