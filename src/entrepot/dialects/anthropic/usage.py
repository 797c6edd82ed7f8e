"""Usage as Anthropic counts it, on our base of disjoint kinds.

`input_tokens` leave out what was read from and written to the cache; `output_tokens` include thinking. In a stream
`message_start` has the first count, and each `message_delta` running totals: what it names replaces what was known, what
it leaves out stays. Two sorts of `iterations` are billed beside the totals: `compaction` and `advisor_message`.
Source: the types of anthropic-sdk-python (Usage, MessageDeltaUsage, BetaUsage.iterations) and platform.claude.com/docs,
"Compaction", "Advisor tool".
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from entrepot.core.usage import Usage

Fields: TypeAlias = Mapping[str, Any]

_NOTHING: Fields = {}
_APART = frozenset(("compaction", "advisor_message"))
_LIMIT = 2**53


def merged(known: Fields, news: Fields) -> Fields:
    """What is known when a further count has come: members that it names, and are not null, replace the older ones.

    The split of cache writes by lifetime comes in `message_start` only, so it stays (see `_written`).
    """
    return {**known, **{name: value for name, value in news.items() if value is not None}}


def read_usage(fields: Fields) -> Usage | None:
    """The vendor's count; None where it counted nothing at all."""
    short, long = _written(fields)
    plain, read, output = (count_of(fields, name) for name in ("input_tokens", "cache_read_input_tokens", "output_tokens"))
    thought = min(count_of(_object(fields, "output_tokens_details"), "thinking_tokens"), output)
    for iteration in _iterations(fields):
        plain += count_of(iteration, "input_tokens")
        read += count_of(iteration, "cache_read_input_tokens")
        output += count_of(iteration, "output_tokens")
        more = _written(iteration)
        short, long = short + more[0], long + more[1]
    if not (plain or read or short or long or output):
        return None
    return Usage(
        input=plain,
        cache_read=read,
        cache_write_5m=short,
        cache_write_1h=long,
        output=output - thought,
        reasoning=thought,
        searches=count_of(_object(fields, "server_tool_use"), "web_search_requests"),
    )


def count_of(fields: Fields, name: str) -> int:
    """A number of tokens: whole, not negative, whatever the vendor wrote."""
    value = fields.get(name)
    if type(value) is int:
        return value if 0 < value < _LIMIT else 0
    return int(value) if isinstance(value, float) and 0 < value < _LIMIT else 0


def _written(fields: Fields) -> tuple[int, int]:
    """Tokens written to the cache for five minutes and for an hour; their sum is the total.

    A total beyond the split (it grew while server tools ran) is of the only lifetime that the split has, else of five minutes.
    """
    split = _object(fields, "cache_creation")
    short, long = count_of(split, "ephemeral_5m_input_tokens"), count_of(split, "ephemeral_1h_input_tokens")
    if fields.get("cache_creation_input_tokens") is None:
        return short, long
    total = count_of(fields, "cache_creation_input_tokens")
    if long and not short:
        return 0, total
    long = min(long, total)
    return total - long, long


def _iterations(fields: Fields) -> list[Fields]:
    """Those that the totals leave out."""
    found = fields.get("iterations")
    if not isinstance(found, list):
        return []
    objects: list[Any] = [item for item in found if isinstance(item, dict)]  # pyright: ignore[reportUnknownVariableType]
    return [item for item in objects if item.get("type") in _APART]


def _object(fields: Fields, name: str) -> Fields:
    value = fields.get(name)
    return value if isinstance(value, dict) else _NOTHING  # pyright: ignore[reportUnknownVariableType]
