"""`entrepot model …`"""

from tests.cli.conftest import Run, RunJson


def test_the_life_of_a_model(run: Run, run_json: RunJson) -> None:
    made = run_json("model", "create", "o3*", "--disconnect", "drain", "--timeout", "first_byte=900")
    assert (made["disconnect"], made["timeouts"]["first_byte"]) == ("drain", 900.0)
    assert run_json("model", "update", "o3*", "--owner", "openai")["owner"] == "openai"
    assert run_json("model", "update", "o3*", "--rpm", "60", "--tpm", "9000")["tpm"] == 9000
    lifted = run_json("model", "update", "o3*", "--lift", "tpm")
    assert (lifted["owner"], lifted["rpm"], lifted["tpm"]) == ("openai", 60, None)
    run_json("price", "set", "o3*", "input=2")
    assert run_json("model", "show", "o3*")["prices"] == {"input": "2"}
    assert "input=2" in run("model", "list").stdout
    assert run("model", "delete", "o3*").exit_code == 0
    assert run("model", "create", "m", "--timeout", "first_byte").exit_code == 2
    assert run("model", "create", "m", "--timeout", "idle=soon").exit_code == 2
