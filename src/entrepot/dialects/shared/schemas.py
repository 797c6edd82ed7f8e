"""JSON Schemas, made to fit what a vendor takes."""

from typing import Any, cast

from entrepot.core.ask import Tool
from entrepot.kit import json
from entrepot.kit.json import Raw

FREE_TEXT: dict[str, Any] = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
"""What stands for a tool of free text where there are only functions."""


def free_text_description(tool: Tool) -> str:
    """A free text tool's description, with its grammar."""
    if tool.schema is None:
        return tool.description
    return f"{tool.description}\n\nThe input follows this format: {bytes(tool.schema).decode()}".strip()


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
