"""The generated parts of README and docs/endpoints.md are what the code says now."""

from pathlib import Path

import pytest

from entrepot.core.faults import TABLE, Kind
from entrepot.providers.catalogue import load_catalogue
from tools.documents import PARTS, current, faults, filled, main, providers

ROOT = Path(__file__).parents[2]
MARKED = "above\n<!-- made by tools.documents: x -->\nold\n<!-- end of x -->\nbelow\n"


@pytest.mark.parametrize("name", PARTS)
def test_the_document_is_current(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert text == current(name, text), "run: .venv/bin/python -m tools.documents"


def test_only_the_part_is_written_anew() -> None:
    made = filled(MARKED, "x", "new\n")
    assert made == "above\n<!-- made by tools.documents: x -->\n\nnew\n\n<!-- end of x -->\nbelow\n"
    assert filled(made, "x", "new\n") == made


@pytest.mark.parametrize("text", ["", MARKED + MARKED, MARKED.replace("end of x", "end of y"), MARKED + "<!-- end of x -->\n"])
def test_marks_that_are_not_there_once(text: str) -> None:
    with pytest.raises(ValueError, match="marks"):
        filled(text, "x", "new\n")


def test_a_vendor_is_tested_only_with_a_recording() -> None:
    lines = {line.split("`")[1]: line for line in providers().splitlines()[2:]}
    rows = {found.name: found.row for found in load_catalogue().values()}
    assert set(lines) == set(rows) - {"sandbox"}
    for name, line in lines.items():
        assert line.endswith("| tested |" if rows[name].tested else "| unverified |")


BILLED = ("no", "what was delivered", "what was delivered, and the prompt")


def test_every_kind_of_fault_has_its_line() -> None:
    lines = faults().splitlines()[2:]
    assert len(lines) == len(Kind)
    assert "| 401 | `invalid_request_error` | `missing_api_key` | `missing_key` |" in faults()
    for kind, line in zip(TABLE, lines, strict=True):
        assert f"`{kind.value}`" in line
        assert line.endswith(tuple(f"| {elsewhere} | {billed} |" for elsewhere in ("yes", "no") for billed in BILLED))


def test_main_writes_what_is_old(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in PARTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    readme = tmp_path / "README.md"
    readme.write_text(readme.read_text("utf-8").replace("| tested |", "| works |"), "utf-8")
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "README.md: written anew\n"
    assert readme.read_text("utf-8") == (ROOT / "README.md").read_text("utf-8")
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""
