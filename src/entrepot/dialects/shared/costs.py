"""What a call costs, written into usage as `cost`: a JSON number in USD, as OpenRouter writes it.

Source: openrouter.ai/docs, "Usage Accounting"; its recordings carry `"cost":0.0001017`. Where a vendor states what the
call cost the operator (members that begin with `cost`: OpenRouter, Perplexity, xAI), that is taken out.
"""

from collections.abc import Iterable

from entrepot.kit import json, sse
from entrepot.kit.json import Raw

_COST = "cost"


def states_cost(usage: Iterable[str]) -> bool:
    """Does the vendor say what it takes for this? `usage` are the names of the members."""
    return any(name.startswith(_COST) for name in usage)


def priced_frame(frame: bytes, cost: str) -> bytes:
    """A frame of a stream with the cost in its usage; unchanged where it cannot be taken apart."""
    event = sse.read(frame)
    if event.data is None or (body := priced_body(event.data, cost)) is None:
        return frame
    if frame.count(event.data) == 1:
        return frame.replace(event.data, body)
    name = b"event: " + event.name + b"\n" if event.name else b""  # data in several lines
    return name + b"data: " + body + b"\n\n"


def priced_body(body: bytes, cost: str) -> bytes | None:
    """A chunk or a whole answer with the cost in its usage, other values with their bytes; None where that cannot be."""
    try:
        members = json.members(body)
        usage = json.members(bytes(members["usage"]))
    except (json.JsonError, KeyError):
        return None
    usage = {name: value for name, value in usage.items() if not name.startswith(_COST)}
    usage[_COST] = Raw(cost.encode())
    members["usage"] = json.raw(usage)
    return json.encode(members)
