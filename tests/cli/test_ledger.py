"""`entrepot ledger …`"""

import sqlite3
from pathlib import Path

from entrepot.kit import json
from tests.cli.conftest import Run, RunJson


def test_list(run: Run, run_json: RunJson) -> None:
    for user in ("alice", "bob"):
        run_json("user", "create", user)
        run_json("balance", "add", user, "5", "--reference", f"first-{user}")
    run_json("balance", "add", "alice", "1", "--kind", "gift")
    assert [row["account"] for row in run_json("ledger", "list")["data"]] == ["alice", "bob", "alice"]
    first = run_json("ledger", "list", "--user", "alice", "--limit", "1")
    rest = run_json("ledger", "list", "--user", "alice", "--after", first["next"])
    assert [row["reference"] for row in rest["data"]] == ["first-alice"]
    assert [row["amount"] for row in run_json("ledger", "list", "--kind", "gift")["data"]] == ["1"]
    assert "first-bob" in run("ledger", "list").stdout
    assert run("ledger", "list", "--user", "carol").exit_code == 1


def test_verify_says_where_a_sum_does_not_hold(run: Run, run_json: RunJson, tmp_path: Path) -> None:
    run_json("user", "create", "alice")
    run_json("balance", "add", "alice", "5", "--reference", "first")
    sound = run("ledger", "verify")
    assert sound.exit_code == 0, sound.output
    assert "does not hold" not in sound.stdout
    assert run_json("ledger", "verify")["ok"] is True
    with sqlite3.connect(tmp_path / "data" / "entrepot.db") as database:
        database.execute("UPDATE ledger SET amount = amount + 1 WHERE reference = 'first'")
    database.close()
    broken = run("ledger", "verify")
    assert broken.exit_code == 1
    assert "does not hold: I2 wallet:user:" in broken.stdout
    found = run("ledger", "verify", "--json")
    assert found.exit_code == 1
    report = json.decode(found.stdout)
    assert (report["ok"], len(report["findings"]), report["ledger"]) == (False, 1, "5.000000001")
