"""The tap on a whole answer, of any dialect whose answers are one JSON object with `model` and `usage` at its top.

A body of up to WHOLE_LIMIT bytes comes in one piece and is read as it is. A larger one (a few
thousand embeddings) comes in pieces; only its last 64 KB are kept, where the usage stands, and
held back, because OpenAI writes the model of an embedding there too. A body in which the vendor states
its own cost is held back whole, until ours can take its place.
"""

from abc import ABC, abstractmethod
from typing import Any

from entrepot.core.dialect import WHOLE_LIMIT, Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import NOTHING, Usage
from entrepot.dialects.shared.costs import priced_body, states_cost
from entrepot.dialects.shared.mending import mended
from entrepot.dialects.shared.shown import Shown
from entrepot.dialects.shared.vendor_errors import scrub_bytes
from entrepot.kit import json
from entrepot.kit.json import Members, Raw

TAIL = 64 * 1024
_HEAD = 1024
_USAGE = b'"usage"'
_ABSENT = Raw()


class WholeTap(ABC):
    """Counts one whole answer (contract: core/dialect.py, Tap). `member` is what an answer must have.

    A dialect's own are the last methods: where usage stands and what it says, what an error says, what was delivered.
    """

    __slots__ = (
        "_held",
        "_in_pieces",
        "_limit",
        "_show_cost",
        "_shown",
        "_tail",
        "_vendor_cost",
        "content",
        "done",
        "fault",
        "found",
        "member",
        "usage",
    )

    def __init__(self, how: Tapping, member: str, *, metered: bool = True, limit: int = WHOLE_LIMIT) -> None:
        self.content = False
        self.done = False
        self.fault: Fault | None = None
        self.usage: Usage | None = None if metered else NOTHING
        self.member = member
        self._limit = limit
        self._shown = Shown(how.show_model) if how.show_model is not None else None
        self.found: Raw = _ABSENT
        """The answer's own member."""
        self._in_pieces = False
        self._tail = b""
        self._held = b""
        self._show_cost = how.show_cost
        self._vendor_cost = False
        """The vendor says what the call costs the operator."""

    def feed(self, data: bytes) -> bytes:
        """Take the body, or a piece of a large one. Raises Fault(VENDOR_GARBAGE | VENDOR_TRUNCATED)."""
        if self._in_pieces:
            held = self._tail + data
            out, self._tail = held[:-TAIL], held[-TAIL:]
            return out
        if len(data) > self._limit:
            self._in_pieces = self.content = True
            return self._first_piece(data)
        return self._whole(data, _members(data))

    def end(self) -> bytes:
        """The vendor closed. Raises Fault(VENDOR_TRUNCATED) where no whole answer came."""
        if self._in_pieces:
            return self._end_of_pieces()
        if not self.done and self.fault is None:
            raise Fault(Kind.VENDOR_TRUNCATED, "The upstream's answer is empty.")
        return b""

    def last(self, cost: str) -> bytes:
        """The body that was held back, with our cost in place of the vendor's."""
        held, self._held = self._held, b""
        return (priced_body(held, cost) or held) if held else b""

    def cutoff(self) -> bytes:
        """A whole answer cannot be ended in the middle: nothing is added to it."""
        return b""

    @property
    def empty(self) -> bool:
        """No answer yet. A dialect of texts looks into it."""
        return not self.content

    def _whole(self, data: bytes, members: Members) -> bytes:
        answer = members.get(self.member)
        if answer is None or not self.is_answer(answer):
            self.fault = self.error(members, data)
            return scrub_bytes(data)
        self.content = self.done = True
        self.found = answer
        self._count(members)
        if self._shown is not None and "model" in members:
            data = self._shown.body(data) or self._shown.rebuilt(data)
        if self._vendor_cost and self._show_cost:
            self._held, data = data, b""
        return data

    def _count(self, members: Members) -> None:
        for fields in self.counts(members):
            if self.usage is not None or fields is None:
                continue
            self.usage = self.plain_usage(fields)
            if self.usage is None and isinstance(value := json.decode(bytes(fields)), dict):
                self.usage = self.usage_of(value)  # pyright: ignore[reportUnknownArgumentType]
                self._vendor_cost = states_cost(value)  # pyright: ignore[reportUnknownArgumentType]

    def _first_piece(self, data: bytes) -> bytes:
        """Pass on all but the last bytes; the model's name stands in the first ones or the last."""
        head = data[:_HEAD]
        if self._shown is not None and (shown := self._shown.body(head)) is not None:
            data = shown + data[_HEAD:]
            self._shown = None
        self._tail = data[-TAIL:]
        return data[:-TAIL]

    def _end_of_pieces(self) -> bytes:
        tail, self._tail = self._tail, b""
        if not tail.rstrip().endswith(b"}"):
            raise Fault(Kind.VENDOR_TRUNCATED)
        self.done = True
        if self.usage is None and (found := _last_usage(tail)) is not None:
            self.usage = self.usage_of(found)
        if self._shown is None:
            return tail
        return self._shown.body(tail) or tail

    def counts(self, members: Members) -> tuple[Raw | None, ...]:
        """Where usage may stand."""
        return (members.get("usage"),)

    def is_answer(self, value: Raw) -> bool:
        """Is the answer's own member of the right type? An array, an empty one too."""
        return bool(value) and memoryview(value)[0] == ord("[")

    def plain_usage(self, raw: Raw) -> Usage | None:
        """`usage_of`, read the quick way where it says nothing unusual, no cost above all; None where more has to be read."""
        del raw
        return None

    @abstractmethod
    def usage_of(self, fields: dict[str, Any]) -> Usage | None:
        """The vendor's count in its own words; None where it counted nothing."""
        ...

    @abstractmethod
    def error(self, members: Members, data: bytes) -> Fault:
        """Why a 200 has no answer in it."""
        ...

    @abstractmethod
    def counted(self) -> Usage:
        """Tokens of what is in the answer; what went in is not known here."""
        ...


def _members(data: bytes) -> Members:
    """The members of a whole body. Raises Fault(VENDOR_GARBAGE | VENDOR_TRUNCATED)."""
    try:
        return json.members(data)
    except json.JsonError:
        try:
            return json.members(mended(data))
        except json.JsonError as error:
            raise _unreadable(data, error) from None


def _unreadable(data: bytes, error: json.JsonError) -> Fault:
    text = data.strip()
    if text[:1] == b"{" and "truncated" in str(error):
        return Fault(Kind.VENDOR_TRUNCATED)
    if not text:
        return Fault(Kind.VENDOR_TRUNCATED, "The upstream's answer is empty.")
    return Fault(Kind.VENDOR_GARBAGE, f"The upstream's answer could not be understood: {error}.")


def _last_usage(tail: bytes) -> dict[str, Any] | None:
    """The object after the last `"usage"` in the tail: try each closing brace until it parses."""
    at = tail.rfind(_USAGE)
    start = tail.find(b"{", at) if at != -1 else -1
    end = start
    while start != -1 and (end := tail.find(b"}", end + 1)) != -1:
        try:
            value = json.decode(tail[start : end + 1])
        except json.JsonError:
            continue
        return value if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType]
    return None
