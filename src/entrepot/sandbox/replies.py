"""What a character says to a conversation, before it is put into a wire format."""

from typing import Any, TypeAlias

import msgspec

from entrepot.sandbox.answers import Stamp
from entrepot.sandbox.wording import Plain, Text

Usage: TypeAlias = dict[str, Any]
"""OpenAI's usage object."""


class Call(msgspec.Struct, frozen=True):
    """A tool call; `arguments` is JSON text, or free text for a custom tool."""

    name: str
    arguments: str
    custom: bool = False

    def shape(self, arguments: str) -> dict[str, Any]:
        """The call on the wire, with all or the first of its arguments."""
        if self.custom:
            return {"type": "custom", "custom": {"name": self.name, "input": arguments}}
        return {"type": "function", "function": {"name": self.name, "arguments": arguments}}

    def more(self, arguments: str) -> dict[str, Any]:
        """A further piece of the arguments in a stream."""
        return {"custom": {"input": arguments}} if self.custom else {"function": {"arguments": arguments}}


class Sound(msgspec.Struct, frozen=True):
    """Spoken output."""

    data: str
    """Base64."""
    transcript: str
    tokens: int


class Reply(msgspec.Struct, frozen=True):
    """One choice; with n > 1 all choices are alike."""

    text: Text | None = None
    """None is `content: null`."""
    reasoning: Text = Plain("")
    calls: tuple[Call, ...] = ()
    legacy: bool = False
    """The call goes into `function_call`, as asked with `functions`."""
    sound: Sound | None = None
    gap: float = 0.0
    """Seconds from one token of a stream to the next."""
    wait: float = 0.0
    """Seconds before a whole answer."""
    finish: str = "stop"

    def changed(self, **changes: Any) -> "Reply":
        """The same with other values."""
        return msgspec.structs.replace(self, **changes)


def call_id(stamp: Stamp, choice: int, number: int) -> str:
    """The id of a tool call: `call_` and 24 characters, other in each answer, choice and place."""
    return f"call_{stamp.id[-20:]}{choice:02x}{number:02x}"


def sound_id(stamp: Stamp) -> str:
    """The id of spoken output."""
    return "audio_" + stamp.id[-24:]


def score(piece: str) -> dict[str, Any]:
    """One token's entry in `logprobs`: a sandbox is always nearly sure."""
    return {"token": piece, "logprob": -0.0001, "bytes": list(piece.encode()), "top_logprobs": []}
