"""`entrepot retention …`"""

import sqlite3
from pathlib import Path

from tests.cli.conftest import Run, RunJson
from tests.cli.test_usage import ROW


def test_show_dry_run_and_run(run: Run, run_json: RunJson, tmp_path: Path) -> None:
    run_json("key", "list")
    with sqlite3.connect(tmp_path / "data" / "entrepot.db") as database:
        for request in ("req_20200101000000000000000000", "req_20990101000000000000000000"):
            row = {**ROW, "id": request, "charge": 0, "shortfall": 0}
            database.execute(f"INSERT INTO usage ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
    database.close()
    rules = {rule["rule"]: rule for rule in run_json("retention", "show")["data"]}
    assert (rules["usage"]["days"], rules["usage"]["rows"], rules["usage"]["setting"]) == (90, 1, "retain_usage")
    assert {rule["rows"] for name, rule in rules.items() if name != "usage"} == {0}
    assert run("retention", "run", "--dry-run").exit_code == 0
    assert len(run_json("usage", "list")["data"]) == 2
    told = run("retention", "run")
    assert told.exit_code == 0
    assert "usage: 1 rows of usage before" in told.stdout
    assert [call["id"] for call in run_json("usage", "list")["data"]] == ["req_20990101000000000000000000"]
    assert run_json("retention", "run")["data"][0]["rows"] == 0
    assert run("ledger", "verify").exit_code == 0


def test_what_could_not_be_done_is_an_exit_code(run: Run, run_json: RunJson, tmp_path: Path) -> None:
    run_json("key", "list")
    with sqlite3.connect(tmp_path / "data" / "entrepot.db") as database:
        row = {**ROW, "id": "req_20200101000000000000000000", "journal": "nobody's"}
        database.execute(f"INSERT INTO usage ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
    database.close()
    told = run("retention", "run")
    assert told.exit_code == 1
    assert "ledger verify" in told.stdout


def test_days_are_checked(run: Run, run_json: RunJson) -> None:
    assert run("setting", "set", "retain_usage", "30").exit_code == 0
    assert run_json("retention", "show")["data"][0]["days"] == 30
    assert run("setting", "set", "retain_usage", "").exit_code == 0
    assert run_json("retention", "show")["data"][0]["days"] == 90
    for value in ("1", "+5", "many", "36501", "1.5"):
        refused = run("setting", "set", "retain_usage", value)
        assert refused.exit_code == 1
        assert "2 to 36500" in refused.stderr
