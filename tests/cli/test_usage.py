"""`entrepot usage …`"""

import sqlite3
from pathlib import Path

from tests.cli.conftest import Run, RunJson

ROW = {
    "id": "req_20270115000000000000000000",
    "day": "20270115",
    "arrived_at": 1_800_000_000_000_000,
    "operation": "chat",
    "dialect": "openai_chat",
    "status": 200,
    "outcome": "ok",
    "model": "gpt-4o",
    "stream": 0,
    "address": "192.0.2.1",
    "key_id": 1,
    "basis": "vendor",
    "prompt_tokens": 3,
    "output_tokens": 4,
    "total_us": 5000,
    "bytes_in": 1,
    "bytes_out": 2,
    "charge": 1_500_000,
    "shortfall": 10,
}


def test_list_show_and_sum(run: Run, run_json: RunJson, tmp_path: Path) -> None:
    run_json("key", "create", "--name", "laptop")
    with sqlite3.connect(tmp_path / "data" / "entrepot.db") as database:
        marks = ", ".join("?" * len(ROW))
        database.execute(f"INSERT INTO usage ({', '.join(ROW)}) VALUES ({marks})", list(ROW.values()))
        sums = ("prompt_tokens", "output_tokens", "charge", "shortfall", "bytes_in", "bytes_out", "total_us")
        copied = ", ".join(sums)
        database.execute(
            "INSERT INTO usage_hourly (hour, user_id, key_id, group_name, model, channel_id, calls, faults, "
            f"{copied}) SELECT arrived_at / 3600000000, 1, key_id, '', model, 0, 1, 0, {copied} FROM usage"
        )
    database.close()
    (call,) = run_json("usage", "list", "--key", "laptop", "--model", "gpt-4o")["data"]
    assert (call["key"], call["total_ms"]) == ("laptop", 5.0)
    assert (call["charge"], call["shortfall"]) == ("0.0015", "0.00000001")
    assert "0.0015" in run("usage", "list").stdout
    assert run_json("usage", "list", "--status", "500")["data"] == []
    assert run_json("usage", "show", ROW["id"])["output_tokens"] == 4
    (by_key,) = run_json("usage", "summary", "--by", "key")["data"]
    assert (by_key["by"], by_key["calls"], by_key["prompt_tokens"]) == ("laptop", 1, 3)
    assert by_key["charge"] == "0.0015"
    assert "gpt-4o" in run("usage", "summary", "--by", "model").stdout
    assert run("usage", "summary", "--by", "hour").exit_code == 2
    assert run("usage", "show", "req_x").exit_code == 1
    assert run("usage", "list", "--since", "soon").exit_code == 1
