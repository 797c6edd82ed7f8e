"""A list of models, and one model, in the shapes of OpenAI and of Anthropic.

Anthropic's comes in pages: `limit` (20, at most 1,000), `after_id`, `before_id`.
Source: platform.claude.com/docs, "List Models"; OpenAI's API reference, "List models".
"""

from collections.abc import Sequence
from urllib.parse import parse_qs

from entrepot.core.faults import Fault, Kind
from entrepot.kit.clock import iso
from entrepot.snapshot.model import Model

_LIMIT, _MOST = 20, 1000


def openai_list(models: Sequence[Model], query: bytes) -> dict[str, object]:
    """All of them."""
    del query
    return {"object": "list", "data": [openai_model(model) for model in models]}


def openai_model(model: Model) -> dict[str, object]:
    """One of them."""
    return {"id": model.name, "created": model.created, "owned_by": model.owner or "entrepot", "object": "model"}


def anthropic_list(models: Sequence[Model], query: bytes) -> dict[str, object]:
    """One page. Raises Fault(INVALID_FIELD)."""
    asked = parse_qs(query.decode("latin-1"))
    limit = _limit(asked.get("limit", [str(_LIMIT)])[-1])
    names = [model.name for model in models]
    start, end = 0, len(names)
    if after := asked.get("after_id"):
        start = _place(names, after[-1], "after_id") + 1
        page = models[start : start + limit]
        more = start + limit < end
    elif before := asked.get("before_id"):
        end = _place(names, before[-1], "before_id")
        page = models[max(end - limit, 0) : end]
        more = end > limit
    else:
        page, more = models[:limit], limit < end
    return {
        "data": [anthropic_model(model) for model in page],
        "has_more": more,
        "first_id": page[0].name if page else None,
        "last_id": page[-1].name if page else None,
    }


def anthropic_model(model: Model) -> dict[str, object]:
    """One of them; a model whose day is not known is as old as time."""
    return {
        "type": "model",
        "id": model.name,
        "display_name": model.name,
        "created_at": iso(model.created),
        "lifecycle": "active",
    }


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_MOST)) and 1 <= int(text) <= _MOST):
        raise Fault(Kind.INVALID_FIELD, f"limit: it is a number from 1 to {_MOST}.", param="limit")
    return int(text)


def _place(names: list[str], name: str, param: str) -> int:
    try:
        return names.index(name)
    except ValueError:
        raise Fault(Kind.INVALID_FIELD, f"{param}: there is no model '{name[:200]}' in the list.", param=param) from None
