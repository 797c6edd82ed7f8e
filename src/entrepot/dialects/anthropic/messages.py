"""Anthropic Messages: POST /v1/messages, streamed and whole.

Source: platform.claude.com/docs, "Create a Message".
"""

from entrepot.core.call import Peek, Standing
from entrepot.core.dialect import Changes, Rendered, Tap, Tapping
from entrepot.core.faults import Fault
from entrepot.core.http import Headers
from entrepot.dialects.anthropic import faults, requests
from entrepot.dialects.anthropic.stream import StreamTap
from entrepot.dialects.anthropic.whole import WholeTap
from entrepot.dialects.shared import bodies


class AnthropicMessages:
    """Messages (contract: core/dialect.py, Dialect)."""

    name = "anthropic_messages"
    passes: tuple[bytes, ...] = (b"anthropic-version", b"anthropic-beta")
    shows: tuple[bytes, ...] = ()
    id_header = b"request-id"
    streams = True

    def peek(self, body: bytes) -> Peek:
        """Read the few fields that we need.

        Raises Fault: INVALID_JSON, TOO_DEEP, INVALID_FIELD, MISSING_MODEL, FOREIGN_OBJECT.
        """
        members = bodies.read_members(body)
        model = bodies.read_model(members)
        bodies.need(members, "messages", array=True)
        stream = self.streams and bodies.read_flag(members, "stream")
        dropped = requests.guard(members)
        return Peek(
            model=model,
            stream=stream,
            members=members,
            wants_usage=stream,  # it comes unasked, and stays
            size=len(body),
            max_output=bodies.read_count(members, "max_tokens"),
            added=requests.added(members),
            dropped=dropped,
        )

    def others(self, peek: Peek) -> list[str]:
        """Other models that the request lets work: advisors and fallbacks."""
        return requests.others(peek.members)

    def patch(self, peek: Peek, changes: Changes) -> bytes:
        """The body with what must change changed; every other value keeps its bytes."""
        return requests.patch(peek, changes)

    def tap(self, how: Tapping) -> Tap:
        """A fresh tap for one answer."""
        return StreamTap(how) if how.stream else WholeTap(how, "content")

    def own_answer(self, prompt_tokens: int) -> bytes | None:
        """Nobody can answer for a model."""
        del prompt_tokens

    def limits(self, standing: tuple[Standing, ...]) -> Headers:
        """Headers that tell a client how near its limits it is."""
        return faults.limits(standing)

    def refusal(self, status: int, headers: Headers, body: bytes) -> Fault:
        """A vendor's answer with status ≥ 400 as a fault."""
        return faults.refusal(status, headers, body)

    def render(self, fault: Fault, request_id: str = "") -> Rendered:
        """A fault before the first byte."""
        return faults.render(fault, request_id)

    def render_late(self, fault: Fault) -> bytes:
        """A fault in mid-stream."""
        return faults.render_late(fault)
