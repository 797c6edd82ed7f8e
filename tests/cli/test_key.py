"""`entrepot key …`"""

import pytest

from entrepot.kit.ids import key_is_mistyped
from tests.cli.conftest import Run, RunJson


def test_the_life_of_a_key(run: Run, run_json: RunJson) -> None:
    run_json("group", "create", "vip")
    made = run_json(
        "key", "create", "--group", "vip", "--quota", "5", "--models", "gpt-4o*,o3", "--models", "o4*", "--rpm", "60"
    )
    assert not key_is_mistyped(made["secret"])
    assert (made["groups"], made["quota"], made["models"], made["rpm"]) == (["vip"], "5", ["gpt-4o*", "o3", "o4*"], 60)
    assert (made["used"], made["remaining"]) == ("0", "5")
    key = str(made["id"])
    assert run_json("key", "update", key, "--quota", "7.5")["remaining"] == "7.5"
    changed = run_json("key", "update", key, "--ip", "10.0.0.1/8", "--lift", "quota", "--lift", "models", "--name", "laptop")
    assert (changed["quota"], changed["models"], changed["ips"], changed["rpm"]) == (None, [], ["10.0.0.0/8"], 60)
    assert run_json("key", "disable", "laptop")["status"] == "disabled"
    assert run_json("key", "enable", made["secret"])["status"] == "enabled"
    assert run_json("key", "rotate", "laptop")["secret"] != made["secret"]
    assert run_json("key", "show", "laptop")["id"] == made["id"]
    assert [row["name"] for row in run_json("key", "list")["data"]] == ["laptop"]
    assert run("key", "delete", "laptop").exit_code == 0
    assert run_json("key", "list")["data"] == []


def test_a_table_for_people_shows_the_secret_once(run: Run) -> None:
    made = run("key", "create", "--name", "laptop")
    assert "sk-ent-" in made.stdout
    assert "cannot be shown again" in made.stdout
    listed = run("key", "list").stdout
    assert "laptop" in listed
    assert "sk-ent-…" in listed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "--ip", "300.1.1.1"), "ips.0: '300.1.1.1' is not an IP address"),
        (("create", "--group", "defualt"), "there is no group 'defualt'. Did you mean 'default'?"),
        (("create", "--quota", "five"), "quota: 'five' is not an amount in USD"),
        (("create", "--secret", "env:NO_SUCH_VARIABLE"), "the variable 'NO_SUCH_VARIABLE' is not set"),
        (("show", "nobody"), "There is no key 'nobody'."),
    ],
)
def test_an_error_is_one_line_and_exit_code_1(run: Run, arguments: tuple[str, ...], said: str) -> None:
    run("group", "list")
    result = run("key", *arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line


@pytest.mark.parametrize("arguments", [("create", "--rpm", "x"), ("creat",), ("update",), ("update", "1", "--lift", "name")])
def test_a_command_written_wrongly_is_exit_code_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("key", *arguments).exit_code == 2


def test_a_secret_from_standard_input(run: Run, run_json: RunJson) -> None:
    assert run("key", "create", "--name", "imported", "--secret", "-", typed="sk-imported-000\n").exit_code == 0
    assert run_json("key", "show", "sk-imported-000")["name"] == "imported"
