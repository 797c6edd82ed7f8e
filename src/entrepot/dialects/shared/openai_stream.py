"""The tap on a stream of OpenAI's family (chat and completions): reads along, changes only what it must.

Bytes pass untouched except where a model name must be shown or our own usage chunk taken out.
Where the cost is to be shown, what may be the last event with usage (every choice has finished, or it adds nothing
to any) waits for it, and what comes behind it waits too; should a choice go on, all passes as it came.
`"usage":null`, which OpenAI adds to every chunk once usage was asked for, stays where it is:
taking it out would cost an encode a chunk, and clients do not mind a null.
"""

import msgspec

from entrepot.core.dialect import Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from entrepot.dialects.shared import openai_chunk, openai_faults
from entrepot.dialects.shared.costs import priced_frame, states_cost
from entrepot.dialects.shared.openai_chunk import ABSENT, Choice, Chunk, given
from entrepot.dialects.shared.openai_cutoff import cut_off
from entrepot.dialects.shared.openai_delivered import Delivered
from entrepot.dialects.shared.openai_usage import Fields, read_usage
from entrepot.dialects.shared.shown import Shown
from entrepot.kit import json, sse
from entrepot.kit.json import Raw

_read = openai_chunk.read


class StreamTap:
    """Counts one stream as it passes (contract: core/dialect.py, Tap).

    An error inside the stream sets `fault`; its frame passes on (without keys), so nothing of ours
    need be added to it once the client has seen content.
    """

    __slots__ = (
        "_between",
        "_delivered",
        "_finished",
        "_queue",
        "_sample",
        "_seen",
        "_show_cost",
        "_shown",
        "_splitter",
        "_strip",
        "_uncounted",
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
        """Nothing of a frame is waiting for its rest, nor anything for the cost."""
        self._shown = Shown(how.show_model) if how.show_model is not None else None
        self._strip = how.strip_usage
        self._show_cost = how.show_cost
        self._queue: list[bytes] | None = None
        """The usage event that waits for the cost, and what came behind it."""
        self._seen: set[int] = set()
        self._finished: set[int] = set()
        self._delivered = Delivered()
        self._uncounted = False
        """Content has come that is no text: sound, pictures, reasoning that is encrypted."""
        self._sample = b""
        """A chunk of this stream, to make its last one alike."""

    def feed(self, data: bytes) -> bytes:
        """Take what arrived, give the whole frames of it. Raises Fault(VENDOR_GARBAGE)."""
        # By far the most common piece is one chunk in one LF frame, and nothing waiting before it.
        if self._between and data.startswith(b"data: ") and data.find(b"\n") == len(data) - 2 and data.endswith(b"}\n\n"):
            return self._read(data, data[6:-2])
        try:
            frames = self._splitter.feed(data)
        except sse.FrameTooLargeError as error:
            raise Fault(Kind.VENDOR_GARBAGE, f"The upstream's answer could not be understood: {error}.") from None
        out = self._frame(frames[0]) if len(frames) == 1 else b"".join([self._frame(frame) for frame in frames])
        self._between = not self._splitter.rest and self._queue is None
        return out

    def end(self) -> bytes:
        """The vendor closed. Raises Fault(VENDOR_TRUNCATED) inside a frame, or before every choice has finished."""
        rest = self._splitter.rest
        out = self._behind(rest) if self.done or not rest.strip() else self._last(rest)
        if not self.done and self.fault is None:
            if not self._finished or self._seen != self._finished:
                raise Fault(Kind.VENDOR_TRUNCATED)
            self.done = True  # a vendor without [DONE]
        return out

    def last(self, cost: str) -> bytes:
        """The usage event that waited, with the cost in it, and what came behind it."""
        queue, self._queue = self._queue, None
        return b"".join((priced_frame(queue[0], cost), *queue[1:])) if queue else b""

    def cutoff(self) -> bytes:
        """Every open choice finishes with `length`, then `[DONE]`."""
        if self.done:
            return b""
        out = cut_off(self._sample, (self._seen or {0}) - self._finished)
        return (self._shown.frame(out, out[6:-2]) if self._shown is not None else out) + b"data: [DONE]\n\n"

    def counted(self) -> Usage:
        """Tokens of the text that was delivered; what went in is not known here."""
        return self._delivered.usage()

    @property
    def empty(self) -> bool:
        """Nothing that a client could read has passed."""
        return not self._uncounted and self._delivered.usage().output_total == 0

    def _frame(self, frame: bytes) -> bytes:
        """One whole frame, as it is to be passed on."""
        if self._queue is not None:
            return self._next(self._queue, frame)
        if frame.startswith(b"data: {") and frame.find(b"\n") == len(frame) - 2:
            return self._read(frame, frame[6:-2])
        payload = _payload(frame)
        if payload is None:
            return frame
        if payload == b"[DONE]":
            return self._end_mark(frame)
        return self._read(frame, payload) if payload else frame

    def _read(self, frame: bytes, payload: bytes) -> bytes:
        """One frame with JSON in it."""
        if self.done:
            return frame
        try:
            chunk = _read(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            chunk = openai_chunk.read_lenient(payload)
        return self._chunk(frame, payload, chunk)

    def _chunk(self, frame: bytes, payload: bytes, chunk: Chunk) -> bytes:
        choices, usage = chunk.choices, chunk.usage
        if choices:
            if not self._sample:
                self._sample = payload
            for choice in choices:
                self._note(choice)
        elif choices is None and usage is None:
            self._strange(payload)
        if usage:
            self._count(usage)
        if chunk.x_groq is not None and chunk.x_groq.usage:
            self._count(chunk.x_groq.usage)
        if chunk.error is not ABSENT and given(chunk.error):
            return self._error(frame, chunk.error)
        if self._strip and usage and not choices:
            return b""
        if self._shown is not None and chunk.model is not None:
            frame = self._shown.frame(frame, payload)
        return self._hold(frame, chunk) if usage and self._show_cost else frame

    def _hold(self, frame: bytes, chunk: Chunk) -> bytes:
        """Let what may be the last usage event wait."""
        if self._strip and not states_cost(chunk.usage or ()):
            return frame
        if self._seen != self._finished and any(map(openai_chunk.adds, chunk.choices or ())):
            return frame
        self._queue, self._between = [frame], False
        return b""

    def _next(self, queue: list[bytes], frame: bytes) -> bytes:
        """A frame behind one that waits: it waits too, unless it shows that the other was not the last usage event."""
        self._queue = None
        out = self._frame(frame)
        if self._queue is not None or (self._seen != self._finished and not self.done and self.fault is None):
            return b"".join(queue) + out
        self._queue = queue
        return self._behind(out)

    def _behind(self, data: bytes) -> bytes:
        """Pass it on, or behind what waits."""
        if self._queue is None:
            return data
        self._queue.append(data)
        return b""

    def _note(self, choice: Choice) -> None:
        """What one choice gains in one chunk."""
        index = choice.index or 0
        self._seen.add(index)
        delta = choice.delta
        if delta is not None:
            text = delta.content
            if text:
                self._delivered.text.add(text)
                self.content = True
            elif not self.content and (given(delta.audio) or given(delta.images) or given(delta.reasoning_details)):
                self.content = self._uncounted = True
            if delta.reasoning_content or delta.reasoning or delta.tool_calls or delta.refusal or delta.function_call:
                self.content = True
                self._delivered.add_rarer(delta)
        if choice.text:
            self._delivered.text.add(choice.text)
            self.content = True
        if choice.finish_reason:
            self._finished.add(index)
            self.content = True  # an empty answer is an answer
        if choice.usage:
            self._count(choice.usage)

    def _count(self, fields: Fields) -> None:
        """The last count that is not empty holds: vendors repeat running totals."""
        self.usage = read_usage(fields) or self.usage

    def _end_mark(self, frame: bytes) -> bytes:
        if self.fault is None:
            if not self._seen:
                raise Fault(Kind.VENDOR_GARBAGE, "The upstream ended its answer without any choice in it.")
            self.done = True
        return frame

    def _strange(self, payload: bytes) -> None:
        """Neither choices nor usage: an error in a shape of the vendor's own, or something to pass over."""
        fault = openai_faults.disguised(payload)
        if fault is not None and self.fault is None:
            self.fault = fault

    def _error(self, frame: bytes, error: Raw) -> bytes:
        if self.fault is None:
            self.fault = openai_faults.inside(json.decode(bytes(error)), json.encode({"error": error}))
        return openai_faults.scrub_bytes(frame)

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
    """Data of a frame that is not simply one LF line; None for comments and the like. Raises Fault(VENDOR_GARBAGE)."""
    text = frame.strip()
    if text[:1] in (b"{", b"<", b"["):
        # A vendor that did not stream. An error as plain JSON is read as such; anything else is garbage.
        if text[:1] == b"{" and b'"choices"' not in text:
            return text
        raise Fault(Kind.VENDOR_GARBAGE, "The upstream answered with something that is not a stream.")
    return sse.read(frame).data
