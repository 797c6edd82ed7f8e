"""Recordings of Anthropic, replayed through a running gateway.

What reaches the client equals what the vendor sent, the vendor gets what the client sent (headers of the dialect included),
and the usage that is stored equals the recorded one, read independently of the project's code.
"""

import asyncio
import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from entrepot.compose.prepare import prepare
from entrepot.settings import Handoff
from tests.dialects.anthropic.recordings import FILES, Counted, Recording, encoded, recorded_usage, recordings
from tests.gateways import running_gateway
from tests.replay import Replay, running_replay
from tests.shared import corpus, requires_shared

HEADERS = {"anthropic-version": "2023-06-01", "anthropic-beta": "one-2025-01-01,two-2026-02-02"}
PLAIN: dict[str, Any] = {"max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}
MODEL = "claude-replay"


def config(replay: Replay) -> str:
    return (
        f'[[channel]]\nname="replay"\nprovider="anthropic"\nbase_url="http://127.0.0.1:{replay.port}"\n'
        'keys=["sk-vendor"]\nmodels=["claude-*"]\n'
    )


def requests() -> dict[str, dict[str, Any]]:
    """The recorded requests by the id of their recording."""
    return {record["id"]: record["request_json"] for name in FILES for record in corpus(name) if "request_json" in record}


@requires_shared
@pytest.mark.shared
async def test_every_recording(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    expected: dict[str, tuple[str, Counted]] = {}
    asked = requests()
    async with (
        running_replay() as replay,
        running_gateway(tmp_path / "data", show_cost=False) as gateway,
        httpx.AsyncClient(base_url=gateway.base, headers=HEADERS | {"x-api-key": gateway.key}, trust_env=False) as client,
    ):
        path = tmp_path / "replay.toml"
        path.write_text(config(replay))
        await prepare(Handoff(settings=gateway.settings, role="prepare", config=str(path)))
        await until_known(client, replay)
        for recording in (found for name in FILES for found in recordings(name)):
            sent = {**PLAIN, **asked.get(recording.id.rpartition("/")[0] if recording.stream else recording.id, {})}
            sent = {name: value for name, value in sent.items() if name != "stream"} | {"model": MODEL}
            if recording.stream:
                sent["stream"] = True
            replay.answers[MODEL] = (
                recording.status,
                "text/event-stream" if recording.stream else "application/json",
                recording.body,
            )
            answer = await client.post("/v1/messages?beta=true", content=encoded(sent))
            if answer.json().get("error", {}).get("details") if answer.status_code == 404 else False:
                assert '"file_id"' in json.dumps(sent), recording.id
                seen["names another account's object"] += 1
                continue
            check(answer, recording, replay, sent)
            seen["stream" if recording.stream else f"status {recording.status}"] += 1
            if recording.status == 200:
                expected[answer.headers["request-id"]] = (recording.id, recorded_usage(recording))
    stored = rows(gateway.settings.data_path / "entrepot.db")
    for request_id, (record_id, used) in expected.items():
        prompt, output, basis, tokens = stored[request_id]
        parts = (used, *used.others.values())
        assert (prompt, output, basis) == (sum(sum(part[:4]) for part in parts), sum(part.output for part in parts), "vendor")
        for model, other in used.others.items():
            assert tokens[f"{model}/input"] == other.input, record_id
        assert tokens.get("cache_read", 0) == used.cache_read, record_id
        assert tokens.get("searches", 0) == used.searches, record_id
    assert seen["stream"] > 50
    assert seen["status 200"] > 150
    assert seen["names another account's object"] < 5


def check(answer: httpx.Response, recording: Recording, replay: Replay, sent: dict[str, Any]) -> None:
    assert answer.status_code == recording.status, (recording.id, answer.text[:300])
    assert answer.content == recording.body, recording.id
    assert replay.got[MODEL] == sent, recording.id
    head = replay.heads[MODEL]
    assert head["x-api-key"] == "sk-vendor"
    assert {name: head[name] for name in HEADERS} == HEADERS
    assert "authorization" not in head


async def until_known(client: httpx.AsyncClient, replay: Replay) -> None:
    """The change feed takes up to a second."""
    replay.answers[MODEL] = (200, "application/json", b'{"type":"message","content":[],"usage":{"output_tokens":1}}')
    async with asyncio.timeout(10):
        while (await client.post("/v1/messages", json=PLAIN | {"model": MODEL})).status_code != 200:
            await asyncio.sleep(0.02)


def rows(database: Path) -> dict[str, tuple[int, int, str, dict[str, int]]]:
    with sqlite3.connect(database) as connection:
        query = "SELECT id, prompt_tokens, output_tokens, basis, tokens FROM usage"
        return {row[0]: (row[1], row[2], row[3], json.loads(row[4])) for row in connection.execute(query)}
