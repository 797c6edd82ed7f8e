"""What commands print."""

import pytest

from entrepot.cli.output import show, show_page
from entrepot.control.fields import View
from entrepot.control.pages import Page
from entrepot.kit import json


class Row(View):
    name: str
    many: list[str] = []
    named: dict[str, object] = {}
    flag: bool = False
    nothing: str | None = None


ROW = Row(name="[red]x[/red]", many=["a", "b"], named={"k": 1, "none": None}, flag=True)


def test_a_row_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    show(ROW, as_json=False, hide=("many",))
    text = capsys.readouterr().out
    assert "[red]x[/red]" in text
    assert "k=1" in text
    assert "none" not in text
    assert "yes" in text
    assert "–" in text
    assert "many" not in text


def test_a_list_is_wide_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    show_page(Page(data=[ROW.model_copy(update={"many": ["x" * 60, "y" * 60]})], next="5"), ("name", "many"), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert any("x" * 60 + ", " + "y" * 60 in line for line in lines)
    assert lines[-1] == "more: --after 5"


def test_json_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    show_page(Page(data=[ROW]), ("name",), as_json=True)
    assert json.decode(capsys.readouterr().out)["data"][0]["named"] == {"k": 1, "none": None}
