"""`entrepot price …`"""

from tests.cli.conftest import Run, RunJson


def test_set_and_list(run: Run, run_json: RunJson) -> None:
    made = run_json("price", "set", "gpt-4o-mini", "input=0.15", "output=0.60")
    assert [(row["kind"], row["price"], row["current"]) for row in made["data"]] == [
        ("input", "0.15", True),
        ("output", "0.6", True),
    ]
    run_json("price", "set", "gpt-4o-mini", "input=0.10", "--from", "30d")
    assert len(run_json("price", "list", "gpt-4o-mini")["data"]) == 3
    assert len(run_json("price", "list")["data"]) == 3
    assert "1M tokens" in run("price", "list").stdout
    wrong = run("price", "set", "m", "inptu=1")
    assert (wrong.exit_code, "Did you mean 'input'?" in wrong.stderr) == (1, True)
    assert run("price", "set", "m", "input").exit_code == 2
