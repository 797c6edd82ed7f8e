"""`entrepot route …`"""

from tests.cli.conftest import Run, RunJson


def test_where_a_call_goes_and_where_none_does(run: Run, run_json: RunJson) -> None:
    run_json("channel", "add", "--provider", "openai", "--key", "k", "--models", "gpt-4o", "--name", "east")
    run_json("channel", "add", "--provider", "openai", "--key", "k", "--models", "gpt-4o", "--name", "west")
    run_json("channel", "disable", "west")
    found = run_json("route", "explain", "--model", "gpt-4o")
    assert [route["channel"] for route in found["routes"]] == ["east"]
    shown = run("route", "explain", "--model", "gpt-4o").stdout
    assert "not tried: west. It is disabled." in shown
    assert "health is not known" in shown
    refused = run("route", "explain", "--model", "no-such")
    assert (refused.exit_code, "refused: The model 'no-such' does not exist" in refused.stdout) == (1, True)
