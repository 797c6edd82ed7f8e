"""`entrepot receipt ID`"""

import sqlite3
from pathlib import Path

from tests.cli.conftest import Run, RunJson
from tests.cli.test_usage import ROW

PAID = {**ROW, "tokens": '{"input":3,"output":4}', "prices": '{"input":1000000000,"output":2000000000}', "charge": 8800}
PAID |= {"ratio_ppm": 800_000, "shortfall": 0}


def test_a_receipt(run: Run, run_json: RunJson, tmp_path: Path) -> None:
    run_json("key", "create", "--name", "laptop")
    with sqlite3.connect(tmp_path / "data" / "entrepot.db") as database:
        marks = ", ".join("?" * len(PAID))
        database.execute(f"INSERT INTO usage ({', '.join(PAID)}) VALUES ({marks})", list(PAID.values()))
    database.close()
    found = run_json("receipt", str(PAID["id"]))
    assert (found["object"], found["charge"], found["ratio"]) == ("receipt", "0.0000088", "0.8")
    assert found["prices"] == {"input": "1", "output": "2"}
    assert "shortfall" not in found
    shown = run("receipt", str(PAID["id"])).stdout
    assert "0.0000088" in shown
    assert "input=3, output=4" in shown
    assert run("receipt", "req_x").exit_code == 1
