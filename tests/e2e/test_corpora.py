"""Recordings of real vendors, replayed through a running gateway.

What reaches the client equals what the vendor sent, the vendor gets what the client sent, and
the usage that is stored equals the recorded one, read here independently of the project's code.
"""

import asyncio
import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from entrepot.compose.prepare import prepare
from entrepot.settings import Handoff
from tests.gateways import GatewayUnderTest, running_gateway
from tests.replay import Replay, running_replay
from tests.shared import corpus, requires_shared

CHAT = (
    "openai_chat", "compat_deepseek_chat", "compat_groq_chat", "compat_huggingface_chat", "compat_mistral_chat",
    "compat_openrouter_chat", "compat_other_chat", "vercel_openai_chat", "vercel_compat_chat",
)  # fmt: skip
FILES = {
    **dict.fromkeys(CHAT, "/v1/chat/completions"),
    **dict.fromkeys(("openai_completions", "compat_other_completions", "vercel_openai_completions"), "/v1/completions"),
    **dict.fromkeys(("openai_embeddings", "compat_other_embeddings"), "/v1/embeddings"),
}
OURS = {401: 502, 403: 502, 429: 429}
"""Statuses of a vendor that the client never sees as they came: the relay's key, the relay's rate."""


def request_of(record: dict[str, Any], path: str) -> dict[str, Any]:
    """The recorded request; a plain one for recordings that have none."""
    body = dict(record.get("request_json") or {})
    if not body:
        body = {"messages": [{"role": "user", "content": "Hi"}], "prompt": "Hi", "input": "Hi"}
        body["stream_options"] = {"include_usage": True}
    if path.endswith("embeddings"):
        return {name: value for name, value in body.items() if name != "stream_options"}
    if "response_sse" in record:
        body["stream"] = True
    elif "stream_options" in body and not body.get("stream"):
        del body["stream_options"]
    return body


def recorded_usage(record: dict[str, Any]) -> tuple[int, int] | None:
    """(prompt, output) tokens of a recording, read with nothing but plain dicts."""
    bodies = [record.get("response_json")]
    if "response_sse" in record:
        lines = record["response_sse"].replace("\r\n", "\n").split("\n")
        bodies = [json.loads(line[5:]) for line in lines if line.startswith("data:") and "[DONE]" not in line]
    usage: dict[str, Any] | None = None
    for body in bodies:
        if isinstance(body, dict):
            usage = body.get("usage") or (body.get("x_groq") or {}).get("usage") or usage
    if not usage:
        return None
    prompt = usage.get("prompt_tokens") or 0
    output = usage.get("completion_tokens") or 0
    total = usage.get("total_tokens") or 0
    return (prompt or total, 0) if not output and not prompt else (prompt, output + max(total - prompt - output, 0))


async def use(gateway: GatewayUnderTest, replay: Replay, tmp_path: Path) -> None:
    """Point every model `replay/…` at the replaying vendor."""
    config = tmp_path / "replay.toml"
    config.write_text(
        f'[[channel]]\nname="replay"\nprovider="compatible"\nbase_url="http://127.0.0.1:{replay.port}/v1"\n'
        'keys=["sk-vendor"]\nmodels=["replay/*"]\n'
    )
    await prepare(Handoff(settings=gateway.settings, role="prepare", config=str(config)))


def names_foreign_object(body: dict[str, Any]) -> bool:
    return '"file_id"' in json.dumps(body) or any((message or {}).get("audio") for message in body.get("messages") or [])


@requires_shared
@pytest.mark.shared
async def test_every_recording(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    expected: dict[str, tuple[str, tuple[int, int] | None]] = {}
    async with (
        running_replay() as replay,
        running_gateway(tmp_path / "data", show_cost=False) as gateway,
        gateway.client() as client,
    ):
        await use(gateway, replay, tmp_path)
        for name, path in FILES.items():
            for number, record in enumerate(corpus(name)):
                if "/api/embeddings" in (record.get("url") or ""):  # ollama's own older format, not OpenAI's
                    continue
                model = f"replay/{name}/{number}"
                sent = request_of(record, path) | {"model": model}
                body = replay.add(model, record)
                await until_known(client, model) if not seen else None
                answer = await client.post(path, json=sent)
                if answer.status_code == 404 and names_foreign_object(sent):
                    seen["refused: names another account's object"] += 1
                    continue
                status = record["status"]
                if status == 200 and answer.status_code >= 400:
                    assert b'"error"' in body, record["id"]
                    assert answer.json()["error"]["message"]
                    seen["200 with an error inside, before any content"] += 1
                    continue
                assert answer.status_code == OURS.get(status, status), (record["id"], answer.text[:300])
                if status not in OURS:
                    assert answer.content == body, record["id"]
                check_vendors_view(replay.got[model], sent)
                seen["stream" if sent.get("stream") else "whole" if status == 200 else f"status {status}"] += 1
                if status == 200:
                    expected[answer.headers["x-request-id"]] = (record["id"], recorded_usage(record))
    stored = rows(gateway.settings.data_path / "entrepot.db")
    for request_id, (record_id, usage) in expected.items():
        prompt, output, basis = stored[request_id]
        if usage is not None and any(usage):
            assert (prompt, output, basis) == (*usage, "vendor"), record_id
        else:
            assert basis in ("counted", "none"), record_id
    assert seen["stream"] > 80
    assert seen["whole"] > 300
    assert seen["200 with an error inside, before any content"] <= 3


def check_vendors_view(got: dict[str, Any], sent: dict[str, Any]) -> None:
    """The vendor got what the client sent, but for the usage that we ask for, and `store`."""
    got, sent = dict(got), dict(sent)
    if not (sent.get("stream_options") or {}).get("include_usage"):
        options = dict(got.pop("stream_options", None) or {})
        assert options.pop("include_usage", None) in (None, True)
        assert options == {
            name: value for name, value in (sent.pop("stream_options", None) or {}).items() if name != "include_usage"
        }
    if sent.pop("store", None):
        assert got.pop("store", None) in (None, False)
    got.pop("store", None)
    assert got == sent


async def until_known(client: Any, model: str) -> None:
    """The change feed takes up to a second."""
    for _ in range(300):
        answer = await client.post("/v1/chat/completions", json={"model": model, "messages": []})
        if answer.json().get("error", {}).get("code") != "model_not_found":
            return
        await asyncio.sleep(0.02)


def rows(database: Path) -> dict[str, tuple[int, int, str]]:
    with sqlite3.connect(database) as connection:
        query = "SELECT id, prompt_tokens, output_tokens, basis FROM usage"
        return {row[0]: (row[1], row[2], row[3]) for row in connection.execute(query)}
