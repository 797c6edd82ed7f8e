"""`entrepot group …`"""

from tests.cli.conftest import Run, RunJson


def test_the_life_of_a_group(run: Run, run_json: RunJson) -> None:
    assert run_json("group", "create", "vip", "--ratio", "0.8", "--private")["public"] is False
    assert run_json("group", "update", "vip", "--ratio", "0.75")["ratio"] == "0.75"
    assert run_json("group", "show", "vip")["public"] is False
    assert [row["name"] for row in run_json("group", "list")["data"]] == ["default", "vip"]
    assert run("group", "delete", "vip").stdout == "deleted\n"
    assert run("group", "delete", "default").exit_code == 1
