"""`entrepot balance …`"""

import pytest

from tests.cli.conftest import Run, RunJson


def test_show_and_add(run: Run, run_json: RunJson) -> None:
    run_json("user", "create", "alice")
    assert run_json("balance", "show", "alice")["total"] == "0"
    first = run_json("balance", "add", "alice", "10.50", "--reference", "invoice-1", "--note", "paid in cash")
    assert (first["applied"], first["entry"]["kind"], first["balance"]["total"]) == (True, "topup", "10.5")
    assert run_json("balance", "add", "alice", "10.5", "--reference", "invoice-1")["applied"] is False
    again = run("balance", "add", "alice", "10.5", "--reference", "invoice-1")
    assert (again.exit_code, "was booked before, nothing changed" in again.stdout) == (0, True)
    taken = run("balance", "add", "alice", "-3", "--kind", "adjustment")
    assert taken.exit_code == 0, taken.output
    assert "Balance: 7.5 USD" in taken.stdout
    assert "7.5" in run("balance", "show", "alice").stdout
    assert run_json("balance", "show", "installation")["unlimited"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("alice", "-1"), "only an adjustment takes money away"),
        (("alice", "-1", "--kind", "adjustment"), "The wallet holds 0 USD."),
        (("alice", "ten"), "amount: 'ten' is not an amount in USD"),
        (("alice", "1", "--kind", "topop"), "kind:"),
        (("alice", "1", "--reference", "opening:alice"), "the program's own"),
        (("alcie", "1"), "There is no user 'alcie'. Did you mean 'alice'?"),
        (("installation", "1"), "has no wallet to fill"),
    ],
)
def test_an_error_is_one_line_and_exit_code_1(run: Run, arguments: tuple[str, ...], said: str) -> None:
    run("user", "create", "alice")
    result = run("balance", "add", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert said in line
