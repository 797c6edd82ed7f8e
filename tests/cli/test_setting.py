"""`entrepot setting …`"""

from tests.cli.conftest import Run, RunJson


def test_set_and_list(run: Run, run_json: RunJson) -> None:
    assert run_json("setting", "set", "title", "[bold]Relay")["value"] == "[bold]Relay"
    assert "[bold]Relay" in run("setting", "list").stdout
    wrong = run("setting", "set", "titel", "x")
    assert (wrong.exit_code, "Did you mean 'title'?" in wrong.stderr) == (1, True)
