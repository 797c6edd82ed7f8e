"""Documents from schemas: valid for the models that made the schema."""

import time
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from entrepot.kit import json
from entrepot.sandbox.answers import Refusal
from entrepot.sandbox.documents import example, example_text, small_object


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Leaf(BaseModel):
    name: Annotated[str, Field(min_length=20, max_length=24)]
    weight: Annotated[float, Field(gt=0.25, lt=0.5)]
    count: Annotated[int, Field(ge=100, le=120, multiple_of=7)]


class Tree(BaseModel):
    kind: Literal["tree"]
    colour: Colour
    leaf: Leaf | None
    leaves: Annotated[list[Leaf], Field(min_length=3, max_length=3)]
    children: list["Tree"]
    parent: "Tree | None"
    either: int | str
    anything: Any
    pair: tuple[int, str]
    ok: bool


def test_a_document_fits_its_schema() -> None:
    schema = Tree.model_json_schema()
    made = json.decode(example_text(schema, "hello"))
    tree = TypeAdapter(Tree).validate_python(made)
    assert tree.leaf is not None  # not the easy way out
    assert len(tree.leaves) == 3
    assert tree.children


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, "sample"),
        ({"const": 3}, 3),
        ({"enum": ["b", "a"]}, "b"),
        ({"type": ["null", "integer"]}, 42),
        ({"type": "null"}, None),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, True),
        ({"type": "integer", "exclusiveMinimum": 42}, 43),
        ({"type": "integer", "maximum": 10}, 10),
        ({"type": "integer", "exclusiveMaximum": 10}, 9),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "array", "items": {"type": "boolean"}, "maxItems": 1}, [True]),
        ({"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]}, {"a": 1, "b": 2}),
        ({"$ref": "#/$defs/X", "$defs": {"X": {"const": 5}}}, 5),
        ({"$ref": "#/nowhere"}, "sample"),
        ({"properties": {"city": {"type": "string"}, "query": {"type": "string"}}}, {"city": "Paris", "query": "said"}),
        ({"type": "object", "required": ["extra"]}, {"extra": None}),
    ],
)
def test_examples(schema: dict[str, Any], expected: Any) -> None:
    assert example(schema, "said") == expected


def test_recursion_without_an_end_ends() -> None:
    endless = {"$ref": "#/$defs/N", "$defs": {"N": {"properties": {"n": {"$ref": "#/$defs/N"}}, "required": ["n"]}}}
    loop = {"$ref": "#"}
    wide = {"properties": {name: {"$ref": "#"} for name in "abcdefgh"}}
    assert len(json.encode(example(endless))) < 10_000
    example(loop)
    greedy = {**wide, "required": list("abcdefgh")}
    for schema in (wide, greedy):
        begun = time.process_time()
        assert len(json.encode(example(schema))) < 200_000
        assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "minItems": "two"},
        {"properties": [1]},
        {"type": "integer", "multipleOf": 0},
        {"enum": 3, "minLength": []},
    ],
)
def test_what_is_no_schema(schema: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        example(schema)


def test_a_small_object_is_json() -> None:
    assert json.decode(small_object('say "x"'))["answer"] == 'say "x"'
