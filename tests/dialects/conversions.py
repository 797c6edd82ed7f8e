"""What every convertible dialect must hold, for any recording: used by the tests of each."""

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from entrepot.core.call import Peek
from entrepot.core.conversion import Convertible, Reading, Writing
from entrepot.core.events import Event, Failed
from entrepot.core.faults import Fault
from entrepot.core.fold import Fold
from entrepot.core.usage import Usage

SEED = "0123456789abcdef"
NO_PEEK = Peek(model="asked-for", stream=False, members={})


class Said(NamedTuple):
    """One choice of an answer, in what a client sees."""

    text: str
    thinking: str
    calls: list[tuple[str, Any]]
    """Name and arguments (decoded; the text of a custom tool)."""
    reason: str | None


class Summary(NamedTuple):
    """An answer in what must survive any conversion."""

    choices: list[Said]
    usage: Usage | None
    failed: bool


def events_of(dialect: Convertible, body: bytes, *, stream: bool, cuts: Sequence[int] = ()) -> list[Event]:
    """The events of an answer that arrives in these pieces. Raises Fault."""
    reader = dialect.reader(Reading(stream, SEED))
    events: list[Event] = []
    edges = [0, *cuts, len(body)]
    for start, end in itertools.pairwise(edges):
        if start < end:
            events += reader.feed(body[start:end])
    if any(isinstance(event, Failed) for event in events):
        return events
    events += reader.end()
    assert reader.done
    return events


def summary(events: Iterable[Event]) -> Summary:
    """What the events say."""
    fold = Fold().feed(events)
    choices = []
    for _, choice in sorted(fold.choices.items()):
        calls = [(call.name, call.arguments if call.custom else _arguments(call.arguments)) for call in choice.calls()]
        choices.append(Said(choice.text(), choice.thinking(), calls, choice.reason))
    return Summary(choices, _together(fold.usage), fold.fault is not None)


def _together(usage: Usage | None) -> Usage | None:
    """What other models did for the call is told with the rest: no format has a word for it that all share."""
    if usage is None or not usage.others:
        return usage
    asked = usage.input + sum(used.prompt_total for _, used in usage.others)
    made = usage.output + sum(used.output_total for _, used in usage.others)
    return msgspec.structs.replace(usage, input=asked, output=made, others=())


def _arguments(text: str) -> Any:
    """Decoded; those that a vendor's cap has cut off are alike."""
    try:
        value = json.loads(text)
    except ValueError:
        return "cut off"
    return "cut off" if "INVALID_JSON" in value else value


def written(dialect: Convertible, events: Iterable[Event], *, stream: bool) -> bytes:
    """The events as this dialect's answer."""
    how = Writing(stream, SEED, "asked-for", 1_700_000_000, wants_usage=True, peek=NO_PEEK)
    writer = dialect.writer(how)
    return b"".join([writer.feed([event]) for event in events]) + writer.end()


def check_cuts(dialect: Convertible, body: bytes) -> None:
    """Cut the bytes anywhere, with LF or CRLF: the same events, but for how words are cut."""
    whole = summary(events_of(dialect, body, stream=True))
    step = max(len(body) // 150, 1)
    assert summary(events_of(dialect, body, stream=True, cuts=range(step, len(body), step))) == whole
    lines = body.replace(b"\r\n", b"\n")
    assert summary(events_of(dialect, lines, stream=True)) == whole
    assert summary(events_of(dialect, lines.replace(b"\n", b"\r\n"), stream=True, cuts=range(3, len(body), 501))) == whole


def check_rewrites(dialect: Convertible, events: Sequence[Event]) -> None:
    """Write the events in the dialect's own words, streamed and whole, and read them again: the same answer."""
    expected = summary(events)
    if expected.failed:
        return
    for stream in (True, False):
        body = written(dialect, events, stream=stream)
        assert summary(events_of(dialect, body, stream=stream)) == expected, ("stream" if stream else "whole", body)


def check_truncated(dialect: Convertible, body: bytes) -> None:
    """Cut off before its end, a stream ends in a fault, or has been complete already."""
    for share in (0.2, 0.5, 0.8):
        cut = body[: int(len(body) * share)]
        reader = dialect.reader(Reading(stream=True, seed=SEED))
        try:
            reader.feed(cut)
            complete = reader.done
            reader.end()
        except Fault:
            continue
        fold = Fold().feed(events_of(dialect, cut, stream=True))
        assert complete or all(choice.reason is not None for choice in fold.choices.values())
