"""Short ways to read and write generateContent in tests."""

from typing import Any

from entrepot.core.ask import Ask, Text, Turn
from entrepot.core.call import Peek
from entrepot.core.conversion import Target
from entrepot.core.events import Event
from entrepot.dialects.gemini.conversion import GeminiConversion
from entrepot.kit import json
from tests.dialects import conversions

DIALECT = GeminiConversion()
HELLO = (Turn("user", (Text("hi"),)),)


def read(**body: Any) -> Ask:
    """A request as an Ask."""
    full = {"contents": [{"parts": [{"text": "hi"}]}], **body}
    return DIALECT.read(Peek("gemini-2.5-flash", stream=False, members=json.members(json.encode(full))))


def write(ask: Ask, model: str = "gemini-3-flash", **target: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """An Ask as a request, and what was dropped."""
    written = DIALECT.write(ask, Target(model, **target))
    return json.decode(written.body), written.dropped


def events(*pieces: Any) -> list[Event]:
    """The events of these frames."""
    body = b"".join(b"data: " + json.encode(piece) + b"\r\n\r\n" for piece in pieces)
    return conversions.events_of(DIALECT, body, stream=True)


def said(*parts: Any, **more: Any) -> dict[str, Any]:
    """A frame with these parts."""
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **more}]}
