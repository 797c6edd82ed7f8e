"""Budgets of files, functions and parameters."""

import pytest

from tools.rules import sizes


@pytest.mark.parametrize(("lines", "found", "hard"), [(400, 0, False), (401, 1, False), (600, 1, False), (601, 1, True)])
def test_file_length(checkout, lines: int, found: int, hard: bool) -> None:
    findings = list(sizes.file_length(checkout({"src/entrepot/a.py": "x = 1\n" * lines})))
    assert len(findings) == found
    assert any(finding.hard for finding in findings) is hard


def test_a_test_file_may_be_longer(checkout) -> None:
    assert not list(sizes.file_length(checkout({"tests/test_a.py": "x = 1\n" * 600})))
    assert list(sizes.file_length(checkout({"tests/test_a.py": "x = 1\n" * 601})))


@pytest.mark.parametrize(("lines", "found", "hard"), [(39, 0, False), (40, 1, False), (60, 1, True)])
def test_function_length(checkout, lines: int, found: int, hard: bool) -> None:
    text = (
        'class A:\n    async def f(self):\n        """Explained\n        at length.\n        """\n' + "        x = 1\n" * lines
    )
    findings = list(sizes.function_length(checkout({"src/entrepot/a.py": text})))
    assert [finding.name for finding in findings] == ["A.f"] * found
    assert any(finding.hard for finding in findings) is hard


@pytest.mark.parametrize(
    ("signature", "found"),
    [
        ("self, a, b, c, d, e", 0),
        ("a, b, c, d, e", 0),
        ("a, b, c, d, e, f", 1),
        ("a, b, /, c, d, e, f", 1),
        ("a, b, c, d, e, *, f, g, h", 0),
        ("a, *rest, **more", 0),
    ],
)
def test_parameters(checkout, signature: str, found: int) -> None:
    assert len(list(sizes.parameters(checkout({"src/entrepot/a.py": f"def f({signature}): ...\n"})))) == found
