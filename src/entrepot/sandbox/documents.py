"""Documents made from a JSON Schema: valid for it, and plausible to a reader.

Understood: type (also as a list), properties, required, items, prefixItems, min/maxItems, enum,
const, default, examples, anyOf, oneOf, allOf, $ref into the document, format, min/maxLength,
minimum, maximum (exclusive too), multipleOf. `pattern` is not: a string will not match it.
"""

import math
from typing import Any, TypeAlias, cast

from entrepot.kit import json
from entrepot.sandbox.answers import refusal

Schema: TypeAlias = dict[str, Any]

DEEP = 6
"""Levels below which everything optional is left out, so that recursion comes to an end."""
ENOUGH = 2000
"""Values in one document before all further ones count as deep; after as many again, all are null."""
_BOTTOM = 40
_MAX_ITEMS = 100
_MAX_LENGTH = 10_000

_FORMATS = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "clerk@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "6f1c4a52-0c0b-4d6e-9a57-2f5f5a2b9d11",
}
_BY_NAME = {
    "city": "Paris",
    "location": "Paris",
    "country": "France",
    "place": "Paris",
    "name": "Ada Lovelace",
    "title": "The Harbour",
    "date": "2026-01-31",
    "day": "2026-01-31",
    "time": "12:00",
    "timezone": "Europe/Paris",
    "email": "clerk@example.com",
    "url": "https://example.com/",
    "language": "en",
    "currency": "EUR",
    "unit": "celsius",
    "id": "item-1",
    "path": "README.md",
    "expression": "6 * 7",
}
_SAID = ("query", "question", "text", "prompt", "message", "content", "input", "q", "search")
"""Properties that take what the user said."""


def example_text(schema: Schema, said: str) -> str:
    """A document of the schema as compact JSON."""
    return json.encode(example(schema, said)).decode()


def example(schema: Schema, said: str = "") -> Any:
    """A document of the schema; `said` is what the user wrote, for properties that ask for it.

    Raises Refusal (400) for what is no schema, such as `"minItems": "two"`.
    """
    try:
        return _Maker(schema, said).make(schema, "", 0)
    except (TypeError, ValueError, AttributeError, ArithmeticError, LookupError) as error:
        raise refusal(400, f"Invalid schema: {error}.", None, "invalid_json_schema") from None


def small_object(said: str) -> str:
    """What `json_object` gives, where no schema says more."""
    return json.encode({"answer": said, "model": "sandbox/json", "ok": True}).decode()


class _Maker:
    """One document: knows the root for $ref, and what the user said."""

    __slots__ = ("_left", "_root", "_said")

    def __init__(self, root: Schema, said: str) -> None:
        self._left = ENOUGH
        self._root = root
        self._said = said

    def make(self, schema: Any, name: str, depth: int) -> Any:
        """A value for a schema; `name` is the property that it goes into."""
        self._left -= 1
        if not isinstance(schema, dict) or depth > _BOTTOM or self._left < -ENOUGH:
            return None
        if self._left < 0:
            depth = max(depth, DEEP)
        rules = self._plain(cast("Schema", schema), depth)
        for fixed in ("const", "default"):
            if fixed in rules:
                return rules[fixed]
        for choices in (rules.get("enum"), rules.get("examples")):
            if isinstance(choices, list) and choices:
                return cast("list[Any]", choices)[0]
        kind = _kind(rules, depth)
        if kind == "object":
            return self._object(rules, depth)
        if kind == "array":
            return self._array(rules, name, depth)
        if kind in ("integer", "number"):
            return _number(rules, whole=kind == "integer")
        return {"boolean": True, "null": None}.get(kind) if kind != "string" else self._string(rules, name)

    def _plain(self, schema: Schema, depth: int) -> Schema:
        """The schema with $ref, allOf and anyOf resolved to one set of rules."""
        for _ in range(20):
            if isinstance(reference := schema.get("$ref"), str):
                schema = {**self._resolve(reference), **_without(schema, "$ref")}
            elif branches := _schemas(schema, "allOf"):
                schema = self._merged(_without(schema, "allOf"), branches, depth)
            elif branches := _schemas(schema, "anyOf") or _schemas(schema, "oneOf"):
                schema = {**_without(schema, "anyOf", "oneOf"), **_branch(branches, depth)}
            else:
                break
        return schema

    def _merged(self, schema: Schema, branches: list[Schema], depth: int) -> Schema:
        for branch in branches:
            rules = self._plain(branch, depth)
            properties = {**schema.get("properties", {}), **rules.get("properties", {})}
            required = [*schema.get("required", []), *rules.get("required", [])]
            schema = {**schema, **rules}
            if properties:
                schema |= {"properties": properties, "required": required}
        return schema

    def _resolve(self, reference: str) -> Schema:
        """The schema that `#/$defs/Name` points to; {} where it points nowhere."""
        found: Any = self._root
        for part in reference.removeprefix("#").split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            found = cast("Schema", found).get(key) if isinstance(found, dict) else None
        return cast("Schema", found) if isinstance(found, dict) else {}

    def _object(self, rules: Schema, depth: int) -> dict[str, Any]:
        properties: Schema = rules.get("properties") or {}
        required: list[str] = rules.get("required") or []
        wanted = [key for key in properties if depth < DEEP or key in required]
        made = {key: self.make(properties[key], key, depth + 1) for key in wanted}
        return made | {key: None for key in required if key not in properties}

    def _array(self, rules: Schema, name: str, depth: int) -> list[Any]:
        fixed = [self.make(schema, name, depth + 1) for schema in _schemas(rules, "prefixItems")]
        least = min(int(rules.get("minItems", 0)), _MAX_ITEMS)
        size = max(least, 0 if depth >= DEEP else 2)
        size = min(size, int(rules.get("maxItems", size)))
        singular = name.removesuffix("s")
        items = rules.get("items", {"type": "string"})
        return fixed + [self.make(items, singular, depth + 1) for _ in range(size - len(fixed))]

    def _string(self, rules: Schema, name: str) -> str:
        key = name.lower()
        if (known := _FORMATS.get(rules.get("format", ""))) is not None:
            return known
        if key in _SAID and self._said:
            text = self._said
        else:
            text = _BY_NAME.get(key) or _BY_NAME.get(key.rpartition("_")[2]) or f"sample {name}".strip()
        least = min(int(rules.get("minLength", 0)), _MAX_LENGTH)
        text = text.ljust(least, ".")
        return text[: int(rules["maxLength"])] if "maxLength" in rules else text


def _kind(rules: Schema, depth: int) -> str:
    """One of the types that are allowed: null only where nothing else is, or deep down."""
    given = rules.get("type")
    if isinstance(given, list):
        kinds = cast("list[str]", given)
        if "null" in kinds and depth >= DEEP:
            return "null"
        return next((kind for kind in kinds if kind != "null"), "null")
    if isinstance(given, str):
        return given
    if "properties" in rules:
        return "object"
    return "array" if "items" in rules else "string"


def _branch(branches: list[Schema], depth: int) -> Schema:
    nulls = [branch for branch in branches if branch.get("type") == "null"]
    others = [branch for branch in branches if branch.get("type") != "null"]
    if nulls and (depth >= DEEP or not others):
        return nulls[0]
    return others[0]


def _number(rules: Schema, *, whole: bool) -> int | float:
    step = float(rules.get("multipleOf", 1 if whole else 0.5))
    low = float(rules.get("minimum", rules.get("exclusiveMinimum", -math.inf)))
    high = float(rules.get("maximum", rules.get("exclusiveMaximum", math.inf)))
    start = min(max(42.0 if whole else 21.5, low), high)
    value = math.ceil(start / step) * step
    if value == rules.get("exclusiveMinimum"):
        value += step
    if value > high or value == rules.get("exclusiveMaximum"):
        value = (
            (math.ceil(high / step) - 1) * step if value == rules.get("exclusiveMaximum") else math.floor(high / step) * step
        )
    if not whole and (value < low or value > high):
        return (low + high) / 2  # the range is narrower than a step
    return int(value) if whole else value


def _schemas(rules: Schema, key: str) -> list[Schema]:
    found = rules.get(key)
    if not isinstance(found, list):
        return []
    return [cast("Schema", schema) for schema in cast("list[Any]", found) if isinstance(schema, dict)]


def _without(schema: Schema, *keys: str) -> Schema:
    return {key: value for key, value in schema.items() if key not in keys}
