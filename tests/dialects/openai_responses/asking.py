"""Short ways to read and write Responses in tests."""

from typing import Any

from entrepot.core.ask import Ask, Text, Turn
from entrepot.core.call import Peek
from entrepot.core.conversion import Target
from entrepot.core.events import Event
from entrepot.dialects.openai_responses.conversion import ResponsesConversion
from entrepot.kit import json, sse
from tests.dialects import conversions

DIALECT = ResponsesConversion()
HELLO = (Turn("user", (Text("hi"),)),)


def read(**body: Any) -> Ask:
    """A request as an Ask."""
    return DIALECT.read(Peek("gpt-5", stream=False, members=json.members(json.encode({"input": "hi", **body}))))


def write(ask: Ask, model: str = "gpt-4o", **target: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """An Ask as a request, and what was dropped."""
    written = DIALECT.write(ask, Target(model, **target))
    return json.decode(written.body), written.dropped


def frame(kind: str, **members: Any) -> bytes:
    """One event of a stream."""
    return b"event: " + kind.encode() + b"\ndata: " + json.encode({"type": kind, **members}) + b"\n\n"


def events(*frames: bytes) -> list[Event]:
    """The events of these frames."""
    return conversions.events_of(DIALECT, b"".join(frames), stream=True)


def frames(body: bytes) -> list[dict[str, Any]]:
    """What a stream says; each frame's name is its type."""
    out = []
    for piece in sse.Splitter().feed(body):
        event = sse.read(piece)
        assert event.name is not None
        assert event.data is not None
        fields = json.decode(event.data)
        assert fields["type"] == event.name.decode()
        out.append(fields)
    return out
