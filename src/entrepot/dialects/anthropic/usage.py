"""Usage as Anthropic counts it, on our base of disjoint kinds.

`input_tokens` leave out what was read from and written to the cache; `output_tokens` include thinking. In a stream
`message_start` has the first count, and each `message_delta` running totals: what it names replaces what was known, what
it leaves out stays. Two sorts of `iterations` are billed beside the totals: `compaction`, and `advisor_message`, which is
another model's. Where one is a `fallback_message`, the totals are that model's.
Source: the types of anthropic-sdk-python (Usage, MessageDeltaUsage, BetaUsage.iterations) and platform.claude.com/docs,
"Compaction", "Advisor tool", "Refusals and fallback".
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from entrepot.core.usage import TOKEN_KINDS, Usage

Fields: TypeAlias = Mapping[str, Any]

_NOTHING: Fields = {}
_APART = frozenset(("compaction", "advisor_message"))
"""What the totals leave out."""
_LIMIT = 2**53


def merged(known: Fields, news: Fields) -> Fields:
    """What is known when a further count has come: members that it names, and are not null, replace the older ones.

    The split of cache writes by lifetime comes in `message_start` only, so it stays (see `_written`).
    """
    return {**known, **{name: value for name, value in news.items() if value is not None}}


def read_usage(fields: Fields) -> Usage | None:
    """The vendor's count; None where it counted nothing at all."""
    iterations = _iterations(fields)
    used = _counts(fields)
    if iterations:
        used = _with_iterations(used, iterations)
    return used if used.prompt_total or used.output_total else None


def _counts(fields: Fields) -> Usage:
    short, long = _written(fields)
    output = count_of(fields, "output_tokens")
    thought = min(count_of(_object(fields, "output_tokens_details"), "thinking_tokens"), output)
    return Usage(
        input=count_of(fields, "input_tokens"),
        cache_read=count_of(fields, "cache_read_input_tokens"),
        cache_write_5m=short,
        cache_write_1h=long,
        output=output - thought,
        reasoning=thought,
        searches=count_of(_object(fields, "server_tool_use"), "web_search_requests"),
    )


def _with_iterations(totals: Usage, iterations: list[Fields]) -> Usage:
    """The totals and what they leave out, by model."""
    own, others = totals, list[tuple[str, Usage]]()
    for iteration in iterations:
        kind, model = iteration.get("type"), iteration.get("model")
        named = isinstance(model, str) and bool(model)
        if kind == "fallback_message" and named:
            others.append((str(model), msgspec.structs.replace(own, searches=0)))
            own = Usage(searches=own.searches)
        elif kind == "advisor_message" and named:
            others.append((str(model), _counts(iteration)))
        elif kind in _APART:
            own = _sum(own, _counts(iteration))
    return msgspec.structs.replace(own, others=tuple(others)) if others else own


def _sum(one: Usage, more: Usage) -> Usage:
    return Usage(**{kind: getattr(one, kind) + getattr(more, kind) for kind in TOKEN_KINDS})


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
    found = fields.get("iterations")
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []  # pyright: ignore[reportUnknownVariableType]


def _object(fields: Fields, name: str) -> Fields:
    value = fields.get(name)
    return value if isinstance(value, dict) else _NOTHING  # pyright: ignore[reportUnknownVariableType]
