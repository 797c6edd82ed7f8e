"""Schemas that fit."""

from entrepot.core.ask import Tool
from entrepot.dialects.shared.schemas import closed, free_text_description
from entrepot.kit import json
from entrepot.kit.json import Raw


def test_every_object_is_closed() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "array", "items": {"type": "object", "properties": {}}}, "type": {"type": "string"}},
    }
    made = closed(json.raw(schema))
    assert made["additionalProperties"] is False
    assert made["properties"]["a"]["items"]["additionalProperties"] is False
    assert made["properties"]["type"] == {"type": "string"}


def test_a_grammar_is_told() -> None:
    assert free_text_description(Tool("t", "Does.", custom=True)) == "Does."
    assert free_text_description(Tool("t", "Does.", Raw(b'{"type":"grammar"}'), custom=True)).endswith('{"type":"grammar"}')
