"""JSON Schemas, made to fit what a vendor takes."""

from typing import Any, cast

from entrepot.kit import json
from entrepot.kit.json import Raw


def closed(schema: Raw) -> Any:
    """With `additionalProperties: false` on every object that does not say otherwise: strict formats insist on it."""
    return _closed(json.decode(bytes(schema)))


def _closed(value: Any) -> Any:
    if isinstance(value, list):
        return [_closed(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields = {name: _closed(inner) for name, inner in cast("dict[str, Any]", value).items()}
    if fields.get("type") == "object" and isinstance(fields.get("properties", {}), dict):
        fields["additionalProperties"] = False
    return fields
