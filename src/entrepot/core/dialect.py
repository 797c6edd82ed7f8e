"""The contract of a wire format: bytes in, facts out; no I/O, no clock."""

from typing import Protocol

import msgspec

from entrepot.core.call import Peek, Standing
from entrepot.core.faults import Fault
from entrepot.core.http import Headers
from entrepot.core.usage import Usage
from entrepot.kit.json import Members

WHOLE_LIMIT = 8 * 1024 * 1024
"""Bytes up to which a whole answer is given to its tap in one piece."""


class Rendered(msgspec.Struct, frozen=True):
    """A fault in a dialect's own words, ready to send."""

    status: int
    headers: Headers
    body: bytes


class Changes(msgspec.Struct, frozen=True):
    """What must change in a body on its way to one channel."""

    model: str | None = None
    """The vendor's name, where it differs from what the client wrote."""
    ask_usage: bool = False
    """Ask for usage in the stream although the client did not."""
    set: Members = {}
    """Parameter overrides of the channel."""
    drop: frozenset[str] = frozenset()
    max_output: int | None = None
    """Output tokens a choice at most, where the balance pays for no more."""
    cap_field: str = "max_tokens"
    """Where that is said if the client named no cap, in a dialect that has several fields for it."""


class Tapping(msgspec.Struct, frozen=True):
    """How an answer passes through."""

    stream: bool
    show_model: str | None = None
    """Write this model name in place of the vendor's."""
    strip_usage: bool = False
    """Take the usage chunk out again that we asked for ourselves."""
    show_cost: bool = False
    """Hold the last usage event back until `Tap.last` is told what the call costs."""
    array: bool = False
    """Stream a JSON array in place of SSE (Gemini without `alt=sse`)."""


class Tap(Protocol):
    """Reads along while an answer of the same dialect passes; counts, and changes what it must.

    After each `feed` the attributes tell what has been seen so far. The tap of a whole answer
    gets the complete body in its first `feed`; a first piece of more than WHOLE_LIMIT bytes
    means that the body comes in pieces.
    """

    @property
    def content(self) -> bool:
        """The first content has come (text, reasoning, a tool call, audio); role and pings do not count."""
        ...

    @property
    def done(self) -> bool:
        """The answer is complete in the dialect's own terms (`[DONE]`, or a whole body)."""
        ...

    @property
    def fault(self) -> Fault | None:
        """An error inside the answer. Its own bytes have been passed on: nothing need be added to them."""
        ...

    @property
    def usage(self) -> Usage | None:
        """The vendor's own count, once it came."""
        ...

    @property
    def empty(self) -> bool:
        """Nothing has come that a client could read: no text, reasoning, tool call, sound or picture.

        An answer may be complete and empty; what is no text by its nature (embeddings) is empty until it is there.
        """
        ...

    def feed(self, data: bytes) -> bytes:
        """Take what arrived, give what may be passed on now (whole frames). Raises Fault(VENDOR_GARBAGE)."""
        ...

    def end(self) -> bytes:
        """The vendor closed: what is left to pass on. Raises Fault(VENDOR_TRUNCATED) inside a frame."""
        ...

    def last(self, cost: str) -> bytes:
        """What waited for the charge: the last usage event, with `cost` (decimal USD) in it, and the end mark behind it.

        To be sent after all that `feed` and `end` gave. Empty where nothing was held back, and the second time.
        """
        ...

    def cutoff(self) -> bytes:
        """The dialect's own well-formed end (finish reason: length) for a stream that is ended here."""
        ...

    def counted(self) -> Usage:
        """Our own count of what was delivered, where the vendor sends none."""
        ...


class Dialect(Protocol):
    """One wire format for one family of operations."""

    name: str
    passes: tuple[bytes, ...]
    """Headers of a client (lower case) that go on to a vendor of the same dialect as they came."""
    shows: tuple[bytes, ...]
    """Headers of a vendor (lower case) that go on to the client."""
    id_header: bytes
    """Where clients of this dialect look for the request id, beside `x-request-id`; empty where that is the place."""

    def peek(self, body: bytes) -> Peek:
        """Read the few fields that we need. Raises Fault(INVALID_JSON | TOO_DEEP | INVALID_FIELD | MISSING_MODEL)."""
        ...

    def others(self, peek: Peek) -> list[str]:
        """Other models that the request lets work. Asked only where a key may not use all."""
        ...

    def patch(self, peek: Peek, changes: Changes) -> bytes:
        """The body with what must change changed; every other value keeps its bytes."""
        ...

    def tap(self, how: Tapping) -> Tap:
        """A fresh tap for one answer."""
        ...

    def own_answer(self, prompt_tokens: int) -> bytes | None:
        """What we can say ourselves where no vendor has the operation, of a prompt of so many tokens; mostly None."""
        ...

    def limits(self, standing: tuple[Standing, ...]) -> Headers:
        """Headers that tell a client how near its limits it is."""
        ...

    def refusal(self, status: int, headers: Headers, body: bytes) -> Fault:
        """A vendor's answer with status ≥ 400 as a fault."""
        ...

    def render(self, fault: Fault, request_id: str = "") -> Rendered:
        """A fault before the first byte."""
        ...

    def render_late(self, fault: Fault) -> bytes:
        """A fault in the middle of a stream, as the dialect's own last frames."""
        ...
