"""`entrepot user …`"""

from tests.cli.conftest import Run, RunJson


def test_the_life_of_a_user(run: Run, run_json: RunJson) -> None:
    assert run("user", "create", "alice", "--password", "-", typed="long enough\n").exit_code == 0
    assert run_json("user", "show", "alice")["has_password"] is True
    assert run_json("user", "update", "alice", "--role", "admin")["role"] == "admin"
    assert run_json("user", "disable", "alice")["status"] == "disabled"
    assert run_json("user", "enable", "alice")["status"] == "enabled"
    assert run_json("user", "update", "alice", "--rpm", "60", "--tpm", "9000")["rpm"] == 60
    lifted = run_json("user", "update", "alice", "--lift", "rpm")
    assert (lifted["role"], lifted["rpm"], lifted["tpm"]) == ("admin", None, 9000)
    page = run_json("user", "list", "--limit", "1")
    assert [row["name"] for row in page["data"]] == ["installation"]
    assert [row["name"] for row in run_json("user", "list", "--after", page["next"])["data"]] == ["alice"]
    assert "more: --after" in run("user", "list", "--limit", "1").stdout
    assert run("user", "delete", "alice").exit_code == 0
    assert "role: Input should be 'admin' or 'user'" in run("user", "create", "bob", "--role", "root").stderr
