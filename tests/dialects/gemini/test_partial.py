"""Arguments one path at a time."""

from typing import Any

from entrepot.dialects.gemini.partial import Arguments


def built(*pieces: dict[str, Any]) -> dict[str, Any]:
    arguments = Arguments()
    for piece in pieces:
        arguments.add(piece)
    return arguments.value


def test_strings_grow_and_the_rest_comes_whole() -> None:
    assert built(
        {"jsonPath": "$.city", "stringValue": "Par"},
        {"jsonPath": "$.city", "stringValue": "is"},
        {"jsonPath": "$.days", "numberValue": 3},
        {"jsonPath": "$.metric", "boolValue": True},
        {"jsonPath": "$.note", "nullValue": "NULL_VALUE"},
    ) == {"city": "Paris", "days": 3, "metric": True, "note": None}


def test_paths_into_arrays_and_objects() -> None:
    assert built({"jsonPath": "$.a[1].b", "stringValue": "x"}, {"jsonPath": "$.a[0]", "numberValue": 1}) == {
        "a": [1, {"b": "x"}]
    }


def test_what_is_no_path_or_would_fill_the_memory_is_nothing() -> None:
    assert built({"jsonPath": "$", "stringValue": "x"}, {"jsonPath": "$.a[99999999]", "numberValue": 1}, {}) == {}
