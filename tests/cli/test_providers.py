"""`entrepot providers`"""

from tests.cli.conftest import Run, RunJson


def test_the_catalogue(run: Run, run_json: RunJson) -> None:
    rows = {row["name"]: row for row in run_json("providers")["data"]}
    assert rows["deepseek"]["tested"] is True
    text = run("providers").stdout
    assert "https://api.deepseek.com" in text
    assert "tested" in text
