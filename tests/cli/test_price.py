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


def test_tiers_and_what_a_call_costs(run: Run, run_json: RunJson) -> None:
    run_json("price", "set", "gemini-*", "input=1.25", "output=10")
    made = run_json("price", "set", "gemini-*", "input=2.5", "--prompt-over", "200000")
    assert [(row["kind"], row["price"], row["conditions"]) for row in made["data"]] == [
        ("input", "2.5", {"prompt_over": 200_000}),
        ("input", "1.25", {}),
        ("output", "10", {}),
    ]
    run_json("price", "set", "painter", "image=0.04", "--size", "1024x1024", "--quality", "high")
    assert run("price", "set", "painter", "input=1", "--size", "1024x1024").exit_code == 1
    found = run_json("price", "show", "gemini-2.5-pro")
    assert (found["pattern"], found["tiers"][0]["prices"]["input"]) == ("gemini-*", "2.5")
    shown = run("price", "show", "gemini-2.5-pro").stdout
    assert "gemini-2.5-pro: prices of gemini-*, price book " in shown
    assert "prompt_over=200000" in shown
    assert "size=1024x1024" in run("price", "show", "painter").stdout
    assert run("price", "show", "unknown").exit_code == 1


def test_the_catalogue(run: Run, run_json: RunJson) -> None:
    run_json("price", "set", "gpt-4o", "input=9")
    assert "1 kept, 0 unchanged" in run("price", "load", "--models", "gpt-4o*").stdout
    again = run_json("price", "load", "--models", "gpt-4o*")
    assert (again["loaded"], again["kept"]) == ([], ["gpt-4o"])
    assert run_json("price", "load", "--models", "gpt-4o", "--overwrite")["loaded"] == ["gpt-4o"]
