"""Lists of models in two shapes, and Anthropic's pages."""

from typing import Any

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.gateway.model_shapes import anthropic_list, anthropic_model, openai_list, openai_model
from entrepot.snapshot.model import Model

MODELS = [Model(f"m{number}", owner="o", created=1_767_225_600) for number in range(5)]


def page(query: str) -> tuple[list[str], bool, Any, Any]:
    found: Any = anthropic_list(MODELS, query.encode())
    return [model["id"] for model in found["data"]], found["has_more"], found["first_id"], found["last_id"]


def test_openais() -> None:
    assert openai_model(MODELS[0]) == {"id": "m0", "created": 1_767_225_600, "owned_by": "o", "object": "model"}
    assert openai_model(Model("x"))["owned_by"] == "entrepot"
    assert openai_list(MODELS[:1], b"limit=0") == {"object": "list", "data": [openai_model(MODELS[0])]}


def test_anthropics() -> None:
    assert anthropic_model(MODELS[0]) == {
        "type": "model",
        "id": "m0",
        "display_name": "m0",
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
    }
    assert anthropic_model(Model("x"))["created_at"] == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", (["m0", "m1", "m2", "m3", "m4"], False, "m0", "m4")),
        ("limit=2", (["m0", "m1"], True, "m0", "m1")),
        ("limit=2&after_id=m1", (["m2", "m3"], True, "m2", "m3")),
        ("limit=2&after_id=m2", (["m3", "m4"], False, "m3", "m4")),
        ("after_id=m4", ([], False, None, None)),
        ("limit=2&before_id=m3", (["m1", "m2"], True, "m1", "m2")),
        ("limit=2&before_id=m2", (["m0", "m1"], False, "m0", "m1")),
        ("before_id=m0", ([], False, None, None)),
        ("limit=1000&beta=true", (["m0", "m1", "m2", "m3", "m4"], False, "m0", "m4")),
    ],
)
def test_pages(query: str, expected: tuple[list[str], bool, Any, Any]) -> None:
    assert page(query) == expected


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("limit=²", "limit"),
        ("after_id=x", "after_id"),
        ("before_id=x", "before_id"),
    ],
)
def test_what_is_no_page(query: str, param: str) -> None:
    with pytest.raises(Fault) as caught:
        page(query)
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_FIELD, param)
