"""Values as people type them."""

import pytest
import typer

from entrepot.cli.options import documents, given, lifted, numbers, pairs, split


def test_lists() -> None:
    assert split(["a,b", " c "]) == ["a", "b", "c"]
    assert split([]) is None
    assert split(None) is None
    assert given(a=1, b=None, c=False) == {"a": 1, "c": False}


def test_pairs() -> None:
    assert pairs(["a=b=c", "d="], "--map") == {"a": "b=c", "d": ""}
    assert pairs(["X-A: b"], "--header", ":") == {"X-A": "b"}
    assert pairs(None, "--map") is None
    assert documents(["a=1", 'b={"c":[2]}', "d=text", "e=null"], "--override") == {
        "a": 1,
        "b": {"c": [2]},
        "d": "text",
        "e": None,
    }
    assert numbers(["idle=1.5"], "--timeout") == {"idle": 1.5}
    for wrong in ("a", "=b"):
        with pytest.raises(typer.BadParameter, match="is not NAME=VALUE"):
            pairs([wrong], "--map")
    with pytest.raises(typer.BadParameter, match="number"):
        numbers(["idle=x"], "--timeout")


def test_lifted_limits() -> None:
    assert lifted(["rpm"], {"rpm": None, "ips": []}) == {"rpm": None}
    assert lifted(None, {"rpm": None}) == {}
    with pytest.raises(typer.BadParameter, match="not one of rpm"):
        lifted(["name"], {"rpm": None})
