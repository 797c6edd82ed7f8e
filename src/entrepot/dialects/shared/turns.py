"""The normal form of a conversation: sides alternate, and a tool's result knows the tool's name."""

from collections.abc import Iterable, Iterator

import msgspec

from entrepot.core.ask import Media, Part, Text, ToolCall, ToolResult, Turn


def merged(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Neighbours of one side become one turn, empty turns vanish, results get their tool's name from the calls before."""
    out: list[Turn] = []
    names: dict[str, str] = {}
    for turn in turns:
        parts = tuple(_named(turn.parts, names))
        if not parts:
            continue
        if out and out[-1].role == turn.role:
            out[-1] = Turn(turn.role, (*out[-1].parts, *parts))
        else:
            out.append(Turn(turn.role, parts))
    return tuple(out)


def _named(parts: tuple[Part, ...], names: dict[str, str]) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, ToolCall):
            names[part.id] = part.name
            yield part
        elif isinstance(part, ToolResult) and not part.name and part.call_id in names:
            yield msgspec.structs.replace(part, name=names[part.call_id])
        else:
            yield part


def text_of(parts: Iterable[Text | Media]) -> str:
    """The words of a tool's result."""
    return "".join(part.text for part in parts if isinstance(part, Text))


def media_of(turns: Iterable[Turn]) -> Iterator[Media]:
    """All media of a conversation, those in tool results too."""
    for turn in turns:
        for part in turn.parts:
            if isinstance(part, Media):
                yield part
            elif isinstance(part, ToolResult):
                yield from (inner for inner in part.content if isinstance(inner, Media))
