"""Options that commands share, and values as people type them."""

from typing import Annotated, Any, Unpack

import pytest
import typer
from typer.testing import CliRunner

from entrepot.cli.options import RateOptions, documents, given, lifted, numbers, pairs, spelled_out, split


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


class Options(RateOptions, total=False):
    """What can be said of a thing."""

    size: Annotated[str, typer.Option("--size", help="How large.")]
    public: Annotated[bool, typer.Option("--public/--private")]


def test_a_record_of_options_is_spelled_out_and_gets_what_was_set() -> None:
    seen: list[Any] = []
    app = typer.Typer()

    @app.command()
    @spelled_out
    def make(name: str, *, twice: Annotated[bool, typer.Option("--twice")] = False, **said: Unpack[Options]) -> None:
        seen.append((name, twice, said))

    for words in (["a"], ["b", "--rpm", "6", "--private", "--twice"], ["c", "--size", "", "--public"]):
        assert CliRunner().invoke(app, words).exit_code == 0
    assert seen == [("a", False, {}), ("b", True, {"rpm": 6, "public": False}), ("c", False, {"size": "", "public": True})]
    assert CliRunner().invoke(app, ["a", "--rpm", "x"]).exit_code == 2
    shown = CliRunner().invoke(app, ["--help"]).stdout
    assert shown.index("--size") < shown.index("--rpm") < shown.index("--twice")
