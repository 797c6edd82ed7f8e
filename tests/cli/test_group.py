"""`entrepot group …`"""

from tests.cli.conftest import Run, RunJson


def test_the_life_of_a_group(run: Run, run_json: RunJson) -> None:
    assert run_json("group", "create", "vip", "--ratio", "0.8", "--private")["public"] is False
    assert run_json("group", "update", "vip", "--ratio", "0.75")["ratio"] == "0.75"
    assert run_json("group", "show", "vip")["public"] is False
    assert [row["name"] for row in run_json("group", "list")["data"]] == ["default", "vip"]
    limited = run_json("group", "update", "vip", "--rpm", "60", "--concurrency", "4")
    assert (limited["ratio"], limited["rpm"], limited["tpm"], limited["concurrency"]) == ("0.75", 60, None, 4)
    lifted = run_json("group", "update", "vip", "--tpm", "9000", "--lift", "rpm")
    assert (lifted["rpm"], lifted["tpm"], lifted["concurrency"]) == (None, 9000, 4)
    assert "9000" in run("group", "list").stdout
    generous = run_json("group", "update", "vip", "--disconnect", "free-if-empty", "--free-interrupted")
    assert (generous["disconnect"], generous["free_interrupted"], generous["tpm"]) == ("free-if-empty", True, 9000)
    assert run("group", "update", "vip", "--disconnect", "explode").exit_code == 1
    assert run("group", "update", "vip", "--lift", "ratio").exit_code == 2
    assert run("group", "delete", "vip").stdout == "deleted\n"
    assert run("group", "delete", "default").exit_code == 1
