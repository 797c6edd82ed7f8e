"""The tap on a Messages stream: reads along, changes only the model's name in `message_start` where a map applied.

Where the cost is to be shown, `message_delta` (the event with the last usage, next to the end) waits for it, and what
comes behind it waits too.
"""

import msgspec

from entrepot.core.dialect import Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from entrepot.dialects.anthropic import events, faults
from entrepot.dialects.anthropic.cutoff import STOP, cut_off
from entrepot.dialects.anthropic.delivered import Delivered
from entrepot.dialects.anthropic.events import BARE_BLOCKS, Block, Delta, Event, Message
from entrepot.dialects.anthropic.usage import Fields, merged, read_usage
from entrepot.dialects.shared.costs import priced_frame
from entrepot.dialects.shared.shown import Shown
from entrepot.dialects.shared.vendor_errors import scrub_bytes
from entrepot.kit import json, sse

_read = events.read


class StreamTap:
    """Counts one stream as it passes (contract: core/dialect.py, Tap).

    An error inside the stream sets `fault`; its frame passes on (without keys), so nothing of ours
    need be added to it once the client has seen content.
    """

    __slots__ = (
        "_after",
        "_between",
        "_delivered",
        "_finished",
        "_held",
        "_known",
        "_open",
        "_show_cost",
        "_shown",
        "_splitter",
        "_started",
        "content",
        "done",
        "fault",
        "usage",
    )

    def __init__(self, how: Tapping) -> None:
        self.content = False
        self.done = False
        self.fault: Fault | None = None
        self.usage: Usage | None = None
        self._splitter = sse.Splitter()
        self._between = True
        """Nothing of a frame is waiting for its rest."""
        self._shown = Shown(how.show_model) if how.show_model is not None else None
        self._show_cost = how.show_cost
        self._held = self._after = b""
        self._delivered = Delivered()
        self._known: Fields = {}
        """The vendor's count so far, in its own words."""
        self._started = False
        self._open: int | None = None
        """Index of the block that is being written."""
        self._finished = False
        """A stop reason has come."""

    def feed(self, data: bytes) -> bytes:
        """Take what arrived, give the whole frames of it. Raises Fault(VENDOR_GARBAGE)."""
        # By far the most common piece is one event in one LF frame of two lines, and nothing waiting before it.
        if self._between and data.startswith(b"event: ") and data.endswith(b"}\n\n"):
            at = data.find(b"\n") + 1
            if data.startswith(b"data: ", at) and data.find(b"\n", at) == len(data) - 2:
                return self._read(data, data[at + 6 : -2])
        try:
            frames = self._splitter.feed(data)
        except sse.FrameTooLargeError as error:
            raise Fault(Kind.VENDOR_GARBAGE, f"The upstream's answer could not be understood: {error}.") from None
        self._between = not self._splitter.rest
        if len(frames) == 1:
            return self._frame(frames[0])
        return b"".join([self._frame(frame) for frame in frames])

    def end(self) -> bytes:
        """The vendor closed. Raises Fault(VENDOR_TRUNCATED) inside a frame, or before a stop reason has come."""
        rest = self._splitter.rest
        if self.done:
            return self._late(rest)
        out = self._last(rest) if rest.strip() else rest
        if not self.done and self.fault is None:
            if not self._finished:
                raise Fault(Kind.VENDOR_TRUNCATED)
            self.done = True  # a vendor that forgets the last event
            out += self._late(STOP)
        return out

    def last(self, cost: str) -> bytes:
        """`message_delta`, which was held back, with the cost in its usage, and what came behind it."""
        held, after = self._held, self._after
        self._held = self._after = b""
        return priced_frame(held, cost) + after if held else b""

    def cutoff(self) -> bytes:
        """The open block is closed, the message stops with `max_tokens`."""
        if self.done:
            return b""
        if self._finished:
            return self._held + STOP
        written = max(self.counted().output_total, self.usage.output_total if self.usage else 0)
        usage = {"input_tokens": 0} | {name: value for name, value in self._known.items() if name.endswith("_tokens")}
        return cut_off(self._open, usage | {"output_tokens": written}, started=self._started)

    def counted(self) -> Usage:
        """Tokens of what was delivered; what went in is not known here."""
        return self._delivered.usage()

    @property
    def empty(self) -> bool:
        """Nothing that a client could read has passed."""
        return self._delivered.usage().output_total == 0

    def _frame(self, frame: bytes) -> bytes:
        """One whole frame, as it is to be passed on."""
        payload = _payload(frame)
        return self._read(frame, payload) if payload and payload != b"[DONE]" else self._late(frame)

    def _read(self, frame: bytes, payload: bytes) -> bytes:
        """One frame with JSON in it."""
        if self.done:
            return self._late(frame)
        try:
            event = _read(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            event = events.read_lenient(payload)
        if event.type == "content_block_delta":
            if event.delta is not None:
                self._gain(event.delta)
            return frame
        return self._rarer(frame, payload, event)

    def _gain(self, delta: Delta) -> None:
        if delta.text:
            self._delivered.text.add(delta.text)
        elif delta.thinking:
            self._delivered.thought.add(delta.thinking)
        elif delta.partial_json is not None:
            self._delivered.text.add(delta.partial_json)
        elif not delta.signature:
            return
        self.content = True

    def _rarer(self, frame: bytes, payload: bytes, event: Event) -> bytes:
        """Everything but a piece of content."""
        kind = event.type
        if event.error:
            return self._error(frame, payload, event)
        if kind == "content_block_start":
            self._open = event.index
            if event.content_block is not None:
                self._begin(event.content_block)
        elif kind == "content_block_stop":
            self._open = None
        elif kind == "message_delta":
            return self._stop(frame, event)
        elif kind == "message_start":
            if event.message is not None:
                self._start(event.message)
            if self._shown is not None:
                return self._named(frame, payload, self._shown)
        elif kind == "message_stop":
            self._end_mark()
        return self._late(frame)

    def _start(self, message: Message) -> None:
        self._started = True
        self._count(message.usage)
        if message.stop_reason:
            self._finished = self.content = True
            self.usage = self.usage or Usage()

    def _begin(self, block: Block) -> None:
        self._delivered.begin(block)
        if block.type not in BARE_BLOCKS or block.text or block.thinking:
            self.content = True

    def _stop(self, frame: bytes, event: Event) -> bytes:
        self._count(event.usage)
        if event.delta is not None and event.delta.stop_reason:
            self._finished = self.content = True  # an empty answer is an answer
        if not (self._show_cost and self._finished and event.usage):
            return self._late(frame)
        earlier, self._held, self._after = self._held + self._after, frame, b""  # one that was kept before was not the last
        return earlier

    def _late(self, frame: bytes) -> bytes:
        """What comes behind an event that is held back stays behind it."""
        if not self._held:
            return frame
        self._after += frame
        return b""

    def _count(self, fields: Fields | None) -> None:
        if fields:
            self._known = merged(self._known, fields)
            self.usage = read_usage(self._known)

    def _end_mark(self) -> None:
        if self.fault is None:
            if not self._started:
                raise Fault(Kind.VENDOR_GARBAGE, "The upstream ended its answer without any message in it.")
            self.done = True

    def _error(self, frame: bytes, payload: bytes, event: Event) -> bytes:
        if self.fault is None:
            self.fault = faults.inside(json.decode(bytes(event.error)), payload)
        return self._late(scrub_bytes(frame))

    def _named(self, frame: bytes, payload: bytes, shown: Shown) -> bytes:
        """`message_start` with the public name in its message."""
        changed = shown.body(frame)
        if changed is not None:
            return changed
        members = json.members(payload)
        if "message" in members:
            members["message"] = msgspec.Raw(shown.rebuilt(bytes(members["message"])))
        return b"event: message_start\ndata: " + json.encode(members) + b"\n\n"

    def _last(self, rest: bytes) -> bytes:
        """A last frame without its empty line. Raises Fault(VENDOR_TRUNCATED) where it is not whole."""
        payload = _payload(rest)
        if payload is None and not rest.startswith(b":"):
            raise Fault(Kind.VENDOR_TRUNCATED)
        try:
            return self._frame(rest)
        except Fault:
            raise Fault(Kind.VENDOR_TRUNCATED) from None


def _payload(frame: bytes) -> bytes | None:
    """Data of a frame that is not simply two LF lines; None for comments and the like. Raises Fault(VENDOR_GARBAGE)."""
    text = frame.strip()
    if text[:1] in (b"{", b"<", b"["):
        # A vendor that did not stream. An error as plain JSON is read as such; anything else is garbage.
        if text[:1] == b"{" and b'"error"' in text:
            return text
        raise Fault(Kind.VENDOR_GARBAGE, "The upstream answered with something that is not a stream.")
    return sse.read(frame).data
