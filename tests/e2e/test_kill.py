"""Kill -9 twenty times under load: every finished answer is charged once and right, and the ledger verifies."""

from pathlib import Path

import pytest

from tests.e2e.killing import run


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_twenty_kills(tmp_path: Path) -> None:
    said: list[str] = []
    book, wrong, report = run(tmp_path / "data", 20, said.append)
    assert wrong == []
    assert report.ok, report
    assert len(book.finished) > 100
    assert book.broken >= 10, "the kills did hit calls"
