"""The whole check: exceptions excuse what they name, and go when they are not needed."""

from pathlib import Path

import pytest

from tools.house import RULES, check, main
from tools.rules.project import Project

_LONG_FUNCTION = '"""Says what it is."""\n\n\ndef long() -> None:\n' + "    print()\n" * 45
_EXCEPTION = '[[exception]]\nrule = "function-length"\npath = "src/entrepot/__init__.py"\nname = "long"\nreason = "r"\n'


def _project(root: Path, files: dict[str, str]) -> Project:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return Project.at(root)


def test_an_exception_excuses_what_it_names(tmp_path: Path) -> None:
    files = {"src/entrepot/__init__.py": _LONG_FUNCTION}
    assert [finding.rule for finding in check(_project(tmp_path, files))] == ["function-length"]
    assert check(_project(tmp_path, {"tools/house_exceptions.toml": _EXCEPTION})) == []


def test_an_exception_that_is_not_needed_any_more_is_a_finding(tmp_path: Path) -> None:
    files = {"src/entrepot/__init__.py": '"""Says what it is."""\n', "tools/house_exceptions.toml": _EXCEPTION}
    (finding,) = check(_project(tmp_path, files))
    assert finding.rule == "exception"
    assert "not needed" in finding.message


def test_hard_limits_know_no_exception(tmp_path: Path) -> None:
    files = {
        "src/entrepot/__init__.py": _LONG_FUNCTION + "    print()\n" * 20,
        "tools/house_exceptions.toml": _EXCEPTION,
    }
    rules = [finding.rule for finding in check(_project(tmp_path, files))]
    assert "function-length" in rules


def test_exit_code_and_lines_for_an_editor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _project(tmp_path, {"src/entrepot/__init__.py": _LONG_FUNCTION})
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith("src/entrepot/__init__.py:4: function-length: long has 46 lines")
    _project(tmp_path, {"src/entrepot/__init__.py": '"""Says what it is."""\n'})
    assert main([str(tmp_path)]) == 0


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_rule_names_the_outage_that_it_prevents(rule: object) -> None:
    assert (rule.__doc__ or "").startswith("Prevents: ")
