"""`entrepot channel …`"""

import pytest

from tests.cli.conftest import Run, RunJson


def test_the_life_of_a_channel(run: Run, run_json: RunJson) -> None:
    made = run_json(
        *("channel", "add", "--provider", "compatible", "--name", "east", "--base-url", "http://127.0.0.1:1/v1"),
        *("--key", "sk-1", "--key", "sk-2", "--models", "gpt-4o*,o3", "--map", "fast=o3", "--priority", "3", "--weight", "2"),
        *(
            "--header",
            "X-Team: a",
            "--override",
            "temperature=0.5",
            "--override",
            "user=me",
            "--max-connections",
            "9",
            "--limit",
            "rpm=60",
        ),
        *("--timeout", "idle=60", "--timeout", "total=900", "--proxy", "http://proxy:1"),
    )
    assert len(made["keys"]) == 2
    assert (made["models"], made["model_map"], made["headers"]) == (["gpt-4o*", "o3"], {"fast": "o3"}, {"x-team": "a"})
    assert made["overrides"] == {"temperature": 0.5, "user": "me"}
    assert (made["limits"]["max_connections"], made["limits"]["rpm"], made["timeouts"]["idle"]) == (9, 60, 60.0)
    assert run_json("channel", "update", "east", "--priority", "7")["priority"] == 7
    assert run_json("channel", "drain", "east")["status"] == "draining"
    assert run_json("channel", "disable", "east")["status"] == "disabled"
    assert run_json("channel", "enable", "east")["status"] == "enabled"
    assert len(run_json("channel", "add-key", "east", "--key", "sk-3")["keys"]) == 3
    assert len(run_json("channel", "remove-key", "east", str(made["keys"][0]["id"]))["keys"]) == 2
    assert run_json("channel", "show", "east")["weight"] == 2
    assert run_json("channel", "reset", "east")["keys"][0]["status"] == "enabled"
    assert "east" in run("channel", "list").stdout
    assert run("channel", "remove", "east").exit_code == 0
    assert run_json("channel", "list")["data"] == []


def test_provider_and_key_are_enough(run: Run, run_json: RunJson, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENDOR_KEY", "sk-vendor-0123456789abcdef")
    address = ("--base-url", "http://127.0.0.1:1/v1")  # instead of the vendor's, which a test does not call
    made = run_json("channel", "add", "--provider", "deepseek", "--key", "env:VENDOR_KEY", *address)
    assert (made["name"], made["groups"], made["models"]) == ("deepseek", ["default"], ["deepseek-*"])
    assert made["keys"][0]["hint"] == "sk-vend…cdef"
    again = run("channel", "add", "--provider", "deepseek", "--key", "k", "--models", "*")
    assert (again.exit_code, "already a channel 'deepseek'" in again.stderr) == (1, True)


def test_a_test_that_fails_is_exit_code_1(run: Run, run_json: RunJson) -> None:
    run_json("channel", "add", "--provider", "compatible", "--base-url", "http://127.0.0.1:1/v1", "--models", "m")
    result = run("channel", "test", "compatible")
    assert result.exit_code == 1
    assert "could not be reached" in result.stdout


def test_many_models_do_not_fill_the_screen(run: Run, run_json: RunJson) -> None:
    names = ",".join(f"m{number}" for number in range(50))
    run_json("channel", "add", "--provider", "openai", "--key", "k", "--models", names)
    assert "and 44 more" in run("channel", "list").stdout
    assert len(run_json("channel", "list")["data"][0]["models"]) == 50


def test_usage_errors(run: Run) -> None:
    assert run("channel", "add", "--key", "k").exit_code == 2
    assert run("channel", "add", "--provider", "openai", "--key", "k", "--map", "fast").exit_code == 2
    wrong = run("channel", "add", "--provider", "opnai", "--key", "k")
    assert (wrong.exit_code, "Did you mean 'openai'?" in wrong.stderr) == (1, True)
