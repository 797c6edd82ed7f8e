"""`entrepot admin token …`"""

from tests.cli.conftest import Run, RunJson


def test_create_list_and_revoke(run: Run, run_json: RunJson) -> None:
    first = run_json("admin", "token", "create")
    assert first["secret"].startswith("adm-ent-")
    second = run_json("admin", "token", "create", "--name", "deploy")
    listed = run("admin", "token", "list").stdout
    assert "deploy" in listed
    assert "adm-ent" not in listed
    assert run("admin", "token", "revoke", str(first["id"])).exit_code == 0
    last = run("admin", "token", "revoke", str(second["id"]))
    assert (last.exit_code, "last admin token" in last.stderr) == (1, True)
    assert run("admin", "token", "revoke", "99999999999999999999").exit_code == 2
