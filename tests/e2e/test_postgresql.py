"""The same installation on PostgreSQL, with two workers, and with the database gone for a while."""

import time
from collections.abc import Callable
from pathlib import Path

import httpx
from openai import OpenAI

from tests.databases import PostgresServer
from tests.installation import Installation, serve

ASK = {"model": "sandbox/echo", "messages": [{"role": "user", "content": "Hello"}]}


def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def call(made: Installation, key: str) -> httpx.Response:
    return httpx.post(made.v1 + "/chat/completions", json=ASK, headers={"authorization": f"Bearer {key}"}, timeout=30)


def test_two_workers_and_a_database_that_goes_away(postgres_server: PostgresServer, tmp_path: Path) -> None:
    postgres_server.sql("CREATE DATABASE entrepot")
    url = postgres_server.url("entrepot")
    with serve(tmp_path / "data", "--workers", "2", environment={"ENTREPOT_DATABASE_URL": url}) as made:
        with OpenAI(base_url=made.v1, api_key=made.key, max_retries=0) as client:
            for _ in range(10):
                assert client.chat.completions.create(model="sandbox/echo", messages=ASK["messages"]).choices  # type: ignore[arg-type]
            chunks = list(client.chat.completions.create(model="sandbox/story:20@1000", messages=ASK["messages"], stream=True))  # type: ignore[arg-type,call-overload]
            assert len(chunks) > 15
        made.run("key", "create", "--name", "later")
        until(lambda: int(postgres_server.sql("SELECT count(*) FROM usage", "entrepot")) == 11)

        for _ in range(20):  # both workers have the key in their cache now
            assert call(made, made.key).status_code == 200
        postgres_server.stop()
        assert {call(made, made.key).status_code for _ in range(10)} == {200}, "cached keys go on"
        unknown = call(made, "sk-never-seen-before")
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (503, "store_unavailable"), "never a 401"
        postgres_server.start()
        until(lambda: call(made, "sk-never-seen-before").status_code == 401)
        until(lambda: int(postgres_server.sql("SELECT count(*) FROM usage", "entrepot")) == 41)
