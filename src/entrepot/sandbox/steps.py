"""An answer as steps on the wire: bytes, pauses and breaks. Faults are changes to the steps."""

from collections.abc import Iterator
from enum import Enum
from typing import TypeAlias

import msgspec

from entrepot.sandbox.answers import Answer, Stream, Whole
from entrepot.sandbox.faults import HTML, LATE_ERROR, Faults
from entrepot.sandbox.tongues import OPENAI, Headers, Tongue

BLOCK = 65_536


class Break(Enum):
    """How an answer stops before its end."""

    STALL = "stall"
    CUT = "cut"
    RESET = "reset"


class Pause(msgspec.Struct, frozen=True):
    """Nothing for so many seconds."""

    seconds: float


Step: TypeAlias = bytes | Pause | Break


class Script(msgspec.Struct, frozen=True):
    """All that will happen on the wire."""

    status: int
    headers: Headers
    steps: Iterator[Step]
    gap: float = 0.0
    """Seconds between two byte steps."""


def plan(answer: Answer, faults: Faults, tongue: Tongue = OPENAI) -> Script:
    """The steps of an answer with the faults that were asked for."""
    answer = _replaced(answer, faults, tongue)
    if isinstance(answer, Whole):
        script = _whole(answer, faults)
    else:
        script = Script(200, answer.headers, _frames(answer.frames, faults, tongue), answer.gap)
    steps = script.steps
    if faults.slowdrip > 0:
        steps = _drip(steps, faults.slowdrip)
    if faults.pause > 0:
        comments = faults.keepalive and isinstance(answer, Stream)
        steps = _paused(steps, faults.pause, comments=comments)
    return Script(script.status, (*script.headers, *tongue.headers()), steps, script.gap)


def _replaced(answer: Answer, faults: Faults, tongue: Tongue) -> Answer:
    """Another answer instead, where one of the 200s that are none was asked for."""
    if faults.html:
        return Whole(HTML, headers=((b"content-type", b"text/html; charset=utf-8"),))
    if faults.empty:
        return Whole(b"", headers=answer.headers)
    if faults.lie and isinstance(answer, Whole):
        return Whole(tongue.error(LATE_ERROR))
    if faults.late_error is not None and isinstance(answer, Whole):
        return Whole(tongue.error(LATE_ERROR))
    if faults.lie and isinstance(answer, Stream):
        return Stream(iter([tongue.error_event(LATE_ERROR), tongue.done]))
    return answer


def _whole(answer: Whole, faults: Faults) -> Script:
    body = answer.body
    if faults.malformed is not None:
        body = body[: len(body) // 2]
        answer = Whole(body, answer.status, answer.headers)
    length = len(body) + answer.filler
    headers = (*answer.headers, (b"content-length", b"%d" % length))
    steps: Iterator[Step] = iter([body]) if not answer.filler else _filled(answer)
    stop = _whole_break(faults)
    if stop is not None:
        steps = _halved(steps, length // 2, stop)
    return Script(answer.status, headers, steps)


def _whole_break(faults: Faults) -> Break | None:
    if faults.stall is not None:
        return Break.STALL
    if faults.cut is not None:
        return Break.CUT
    return Break.RESET if faults.reset else None


def _filled(answer: Whole) -> Iterator[Step]:
    """The body with its filler, a block at a time."""
    yield answer.body[: answer.fill_at]
    block = b"x" * BLOCK
    rounds, rest = divmod(answer.filler, BLOCK)
    for _ in range(rounds):
        yield block
    yield block[:rest]
    yield answer.body[answer.fill_at :]


def _halved(steps: Iterator[Step], length: int, stop: Break) -> Iterator[Step]:
    """The first `length` bytes, then the break."""
    for step in steps:
        if isinstance(step, bytes) and len(step) >= length:
            yield step[:length]
            break
        yield step
        length -= len(step) if isinstance(step, bytes) else 0
    yield stop


def _frames(frames: Iterator[bytes], faults: Faults, tongue: Tongue) -> Iterator[Step]:
    """The frames of a stream with what befalls them."""
    if not _touches_frames(faults):
        yield from frames
        return
    places = _places(faults)
    for number, frame in enumerate(frames):
        if frame == tongue.done and faults.no_done:
            continue
        if number in places:
            yield from _befalls(number, faults, tongue)
            if number != faults.malformed:
                return
        if faults.keepalive:
            yield b": keep-alive\r\n\r\n" if faults.crlf else b": keep-alive\n\n"
        yield frame.replace(b"\n", b"\r\n") if faults.crlf else frame
    stop = _whole_break(faults)
    if stop is not None:  # the stream was shorter than the place that was asked for
        yield stop


def _touches_frames(faults: Faults) -> bool:
    return bool(_places(faults) or faults.keepalive or faults.crlf or faults.no_done)


def _places(faults: Faults) -> tuple[int, ...]:
    named = (faults.malformed, faults.late_error, faults.stall, faults.cut, faults.reset)
    return tuple(place for place in named if place is not None)


def _befalls(number: int, faults: Faults, tongue: Tongue) -> Iterator[Step]:
    """What happens before frame `number`."""
    if number == faults.malformed:
        yield tongue.broken
    elif number == faults.late_error:
        yield tongue.error_event(LATE_ERROR)
    elif number == faults.stall:
        yield Break.STALL
    elif number == faults.cut:
        yield Break.CUT
    else:
        yield Break.RESET


def _drip(steps: Iterator[Step], rate: int) -> Iterator[Step]:
    """The same bytes in small pieces, twenty a second or one byte at a time."""
    size = max(rate // 20, 1)
    pause = Pause(size / rate)
    for step in steps:
        if not isinstance(step, bytes):
            yield step
            continue
        for at in range(0, len(step), size):
            yield step[at : at + size]
            yield pause


def _paused(steps: Iterator[Step], seconds: float, *, comments: bool) -> Iterator[Step]:
    if comments:
        while seconds > 0:
            yield b": keep-alive\n\n"
            yield Pause(min(seconds, 1.0))
            seconds -= 1.0
    else:
        yield Pause(seconds)
    yield from steps
