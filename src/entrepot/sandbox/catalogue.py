"""GET /v1/models and /v1/models/{id}."""

from entrepot.sandbox import names
from entrepot.sandbox.answers import Whole, unknown_model, whole

CREATED = 1_767_225_600
"""2026-01-01, the same for all."""


def listing() -> Whole:
    """All models of the sandbox."""
    return _LISTING


def one(asked: str) -> Whole:
    """One model, by any name that would be answered. Raises Refusal (404)."""
    name = names.read(asked)
    if name is None:
        raise unknown_model(asked)
    return whole(_model(asked))


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "sandbox"}


_LISTING = whole({"object": "list", "data": [_model(names.PREFIX + character) for character in names.CHARACTERS]})
