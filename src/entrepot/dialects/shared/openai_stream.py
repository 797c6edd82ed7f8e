"""The tap on a stream of OpenAI's family (chat and completions): reads along, changes only what it must.

Bytes pass untouched except where a model name must be shown or our own usage chunk taken out.
`"usage":null`, which OpenAI adds to every chunk once usage was asked for, stays where it is:
taking it out would cost an encode a chunk, and clients do not mind a null.
"""

import msgspec

from entrepot.core.dialect import Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from entrepot.dialects.shared import openai_chunk, openai_faults
from entrepot.dialects.shared.openai_chunk import ABSENT, Choice, Chunk, given
from entrepot.dialects.shared.openai_cutoff import cut_off
from entrepot.dialects.shared.openai_delivered import Delivered
from entrepot.dialects.shared.openai_shown import Shown
from entrepot.dialects.shared.openai_usage import Fields, read_usage
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
        "_sample",
        "_seen",
        "_shown",
        "_splitter",
        "_strip",
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
        self._strip = how.strip_usage
        self._seen: set[int] = set()
        self._finished: set[int] = set()
        self._delivered = Delivered()
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
        self._between = not self._splitter.rest
        if len(frames) == 1:
            return self._frame(frames[0])
        return b"".join([self._frame(frame) for frame in frames])

    def end(self) -> bytes:
        """The vendor closed. Raises Fault(VENDOR_TRUNCATED) inside a frame, or before every choice has finished."""
        rest = self._splitter.rest
        if self.done:
            return rest
        out = self._last(rest) if rest.strip() else rest
        if not self.done and self.fault is None:
            if not self._finished or self._seen != self._finished:
                raise Fault(Kind.VENDOR_TRUNCATED)
            self.done = True  # a vendor without [DONE]
        return out

    def cutoff(self) -> bytes:
        """Every open choice finishes with `length`, then `[DONE]`."""
        if self.done:
            return b""
        out = cut_off(self._sample, (self._seen or {0}) - self._finished)
        return (self._shown.frame(out, out[6:-2]) if self._shown is not None else out) + b"data: [DONE]\n\n"

    def counted(self) -> Usage:
        """Tokens of the text that was delivered; what went in is not known here."""
        return self._delivered.usage()

    def _frame(self, frame: bytes) -> bytes:
        """One whole frame, as it is to be passed on."""
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
        if self._shown is None or chunk.model is None:
            return frame
        return self._shown.frame(frame, payload)

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
            elif not self.content:
                self.content = given(delta.audio) or given(delta.images) or given(delta.reasoning_details)
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
