"""The contract of a chat dialect that can be converted: bytes ⇄ vocabulary; no I/O, no clock.

    client's body ──read──▶ Ask ──write──▶ vendor's body
    vendor's answer ──Reader──▶ events ──Writer──▶ client's answer

`read` and Writer belong to the client's dialect, `write` and Reader to the vendor's. Neither knows the other.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import msgspec

from entrepot.core.ask import Ask, Media
from entrepot.core.call import Operation, Peek
from entrepot.core.events import Event
from entrepot.core.faults import Fault


class Target(msgspec.Struct, frozen=True):
    """What a vendor's body is written for."""

    model: str
    """The vendor's name for the model."""
    max_output: int | None = None
    """Output tokens at most, where the balance pays for no more than that."""
    ask_usage: bool = False
    """Ask for usage in the stream."""
    plain: bool = False
    """A compatible vendor that knows only the format's common core (no developer role, `max_tokens` as the cap …)."""
    thinking_field: str = ""
    """The member of an assistant's message in which a compatible vendor wants its reasoning back; "" for none."""


class Written(msgspec.Struct, frozen=True):
    """A vendor's body, and what became of the Ask on the way."""

    body: bytes
    dropped: tuple[str, ...] = ()
    """Knobs that the target lacks, by the neutral names of core/ask.py's fields (`logit_bias`, `seed` …)."""
    renamed: Mapping[str, str] = MappingProxyType({})
    """Tool names that had to change: the vendor's name to the client's."""
    answer_tool: str = ""
    """The tool whose arguments are the answer, where a JSON format was emulated by a forced call."""
    custom: frozenset[str] = frozenset()
    """Tools that take free text, emulated by a function with one string `input`."""


class Reading(msgspec.Struct, frozen=True):
    """How a vendor's answer is read."""

    stream: bool
    seed: str
    """Unique for the call: ids that the vendor does not give are made from it (`call_{seed}_{n}`)."""


class Writing(msgspec.Struct, frozen=True):
    """How the client's answer is written."""

    stream: bool
    seed: str
    """Unique for the call: ids of the answer are made from it."""
    model: str
    """The name that the client asked for."""
    created: int
    """Seconds since 1970 UTC."""
    wants_usage: bool
    """Does the client want usage in the stream (for formats in which it is an option)?"""
    array: bool = False
    """Stream a JSON array in place of SSE (Gemini without `alt=sse`)."""
    peek: Peek | None = None
    """The request, for formats that repeat parts of it in the answer; `members` may be empty by then."""


class Reader(Protocol):
    """A vendor's answer as events. An error inside is a `Failed`; what cannot be read is raised."""

    done: bool
    """The answer is complete in the format's own terms: nothing that matters follows."""

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes as they come; of a whole answer, all of it at once. Raises Fault(VENDOR_GARBAGE)."""
        ...

    def end(self) -> list[Event]:
        """The vendor closed. Raises Fault(VENDOR_TRUNCATED) where the answer is not complete."""
        ...


class Writer(Protocol):
    """Events as the client's answer."""

    content_type: bytes

    def feed(self, events: Iterable[Event]) -> bytes:
        """What may be sent now; of a whole answer nothing."""
        ...

    def end(self, cost: str = "") -> bytes:
        """The last bytes: the end of the stream, or the whole answer. `Finish` of every choice has been fed.

        `cost` (decimal USD) goes with the usage as `cost`, unless it is empty.
        """
        ...

    def cutoff(self) -> bytes:
        """A well-formed end (reason: length) for a stream that is ended here."""
        ...

    def late(self, fault: Fault) -> bytes:
        """A fault in the middle of a stream, as the format's own last frames."""
        ...


class Convertible(Protocol):
    """One chat format, both ways."""

    name: str
    operation: Operation

    def read(self, peek: Peek) -> Ask:
        """The client's body. Raises Fault(INVALID_FIELD) with the place (`param`), e.g. `messages[2].content[0]`."""
        ...

    def links(self, ask: Ask) -> Sequence[Media]:
        """Media given by address that this format, as target, needs inline; they are fetched before `write`."""
        ...

    def write(self, ask: Ask, target: Target) -> Written:
        """The vendor's body. Raises Fault(INVALID_FIELD) naming content that the target cannot say."""
        ...

    def reader(self, how: Reading) -> Reader:
        """For one answer of a vendor."""
        ...

    def writer(self, how: Writing) -> Writer:
        """For one answer to a client."""
        ...
