"""Tests sit where the source sits."""

import pytest

from tools.rules import mirror

_CODE = "def f():\n    return 1\n"


@pytest.mark.parametrize(
    ("source", "test"),
    [
        ("src/entrepot/a.py", "tests/test_a.py"),
        ("src/entrepot/x/y/b.py", "tests/x/y/test_b.py"),
        ("src/entrepot/x/_b.py", "tests/x/test_b.py"),
    ],
)
def test_a_source_file_wants_its_test_file(checkout, source: str, test: str) -> None:
    (finding,) = mirror.tests_mirror_source(checkout({source: _CODE}))
    assert finding.message == f"has no {test}"
    assert not list(mirror.tests_mirror_source(checkout({test: ""})))


@pytest.mark.parametrize(
    "source", ["src/entrepot/x/__init__.py", "src/entrepot/__main__.py", "src/entrepot/store/migrations/v1.py"]
)
def test_some_files_want_none(checkout, source: str) -> None:
    assert not list(mirror.tests_mirror_source(checkout({source: _CODE})))


@pytest.mark.parametrize(
    ("text", "declares_only"),
    [
        ('"""Facts."""\nimport msgspec\nclass A(msgspec.Struct):\n    a: int = 0\nX: TypeAlias = int\n', True),
        ('class A(Protocol):\n    def f(self) -> int:\n        """Says."""\n        ...\n', True),
        ("class A:\n    def f(self):\n        return 1\n", False),
        ("if x:\n    y = 1\n", False),
    ],
)
def test_a_file_that_only_declares_wants_none(checkout, text: str, declares_only: bool) -> None:
    found = list(mirror.tests_mirror_source(checkout({"src/entrepot/a.py": text})))
    assert (not found) is declares_only


def test_an_alias_names_another_place(checkout) -> None:
    alias = '[[alias]]\nsource = "src/entrepot/a.py"\ntest = "tests/e2e/test_a.py"\n'
    project = checkout({"src/entrepot/a.py": _CODE, "tools/house_exceptions.toml": alias, "tests/test_a.py": ""})
    (finding,) = mirror.tests_mirror_source(project)
    assert finding.message == "has no tests/e2e/test_a.py"
