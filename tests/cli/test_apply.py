"""`entrepot apply FILE`"""

from pathlib import Path

from entrepot.kit import json
from tests.cli.conftest import Run

TEXT = """
[server]
port = 3999
[[group]]
name = "vip"
[[key]]
name = "laptop"
group = "vip"
"""


def test_twice_changes_nothing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(TEXT)
    first = run("apply", str(file))
    assert first.exit_code == 0, first.output
    assert "sk-ent-" in first.stdout
    assert "2 created, 0 updated, 0 unchanged" in first.stdout
    assert run("apply", str(file)).stdout == "0 created, 0 updated, 2 unchanged\n"
    rows = json.decode(run("apply", str(file), "--json").stdout)["rows"]
    assert [row["result"] for row in rows] == ["unchanged", "unchanged"]


def test_a_mistake_is_one_line_that_names_it(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    run("group", "list")
    for text, said in (
        ('[[group]]\nnam = "vip"', "relay.toml: [[group]] 1: name: is missing"),
        ('[[group]]\nname = "vip"\nrato = "1"', "rato: is not a known field. Did you mean 'ratio'?"),
        ("[[group", "relay.toml is not valid TOML"),
    ):
        file.write_text(text)
        result = run("apply", str(file))
        assert result.exit_code == 1
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert "cannot read" in run("apply", str(tmp_path / "nothing.toml")).stderr
