"""A gateway worker: what it carries, what it costs at rest, and that it follows the database."""

import asyncio
import subprocess
import sys
from pathlib import Path

from entrepot.compose.prepare import prepare
from entrepot.settings import Handoff
from entrepot.store.raw import open_database
from tests.gateways import running_gateway

ASK = {"model": "sandbox/echo", "messages": [{"role": "user", "content": "Hello"}]}


def test_it_carries_no_control_plane() -> None:
    heavy = ("sqlalchemy", "alembic", "fastapi", "pydantic", "typer", "rich", "argon2", "entrepot.control")
    code = f"import sys, entrepot.compose.gateway; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_disabled_key_is_dead_in_two_seconds(tmp_path: Path) -> None:
    async with running_gateway(tmp_path / "data") as gateway, gateway.client() as client:
        assert (await client.post("/v1/chat/completions", json=ASK)).status_code == 200
        config = tmp_path / "more.toml"
        config.write_text('[[key]]\nname="other"\nsecret="sk-other-key"\n')
        await prepare(Handoff(settings=gateway.settings, role="prepare", config=str(config)))
        other = {"authorization": "Bearer sk-other-key"}
        assert (await client.post("/v1/chat/completions", json=ASK, headers=other)).status_code == 200
        config.write_text('[[key]]\nname="other"\nsecret="sk-other-key"\nstatus="disabled"\n')
        await prepare(Handoff(settings=gateway.settings, role="prepare", config=str(config)))
        async with asyncio.timeout(3):
            while (await client.post("/v1/chat/completions", json=ASK, headers=other)).status_code == 200:
                await asyncio.sleep(0.05)
        answer = await client.post("/v1/chat/completions", json=ASK, headers=other)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "api_key_disabled")


async def test_usage_rows_are_written_and_hold_no_content(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway:
        async with gateway.client() as client:
            secret_text = "what-only-the-client-may-know"
            body = ASK | {"messages": [{"role": "user", "content": secret_text}]}
            answer = await client.post("/v1/chat/completions", json=body, headers={"x-request-id": "mine"})
        settings = gateway.settings
    files = [path for path in settings.data_path.rglob("*") if path.is_file()]
    stored = b"".join(path.read_bytes() for path in files)
    assert answer.headers["x-request-id"].encode() in stored
    assert b"mine" in stored
    assert secret_text.encode() not in stored
    assert gateway.key.encode() not in stored


async def test_only_listed_names_become_metric_labels(tmp_path: Path) -> None:
    """A wildcard serves what clients make up, and each label is memory in every scraper."""
    config = tmp_path / "more.toml"
    config.write_text(
        '[[channel]]\nname="wild"\nprovider="openai"\nbase_url="http://127.0.0.1:9/v1"\nkeys=["sk-x"]\n'
        'models=["wild/*", "listed/one"]\n'
    )
    async with running_gateway(tmp_path / "data") as gateway, gateway.client() as client:
        await prepare(Handoff(settings=gateway.settings, role="prepare", config=str(config)))
        async with asyncio.timeout(5):
            while "listed/one" not in (await client.get("/v1/models")).text:
                await asyncio.sleep(0.05)
        for model in ("wild/a", "wild/b", "wild/*", "listed/one"):
            assert (await client.post("/v1/chat/completions", json=ASK | {"model": model})).status_code >= 400
        text = (await client.get("/metrics")).text
        assert 'model="listed/one"' in text
        assert "wild/" not in text


async def test_a_key_that_the_vendor_refuses_is_seen_in_the_database_and_reset_from_there(tmp_path: Path) -> None:
    config = tmp_path / "more.toml"
    async with running_gateway(tmp_path / "data") as gateway, gateway.client() as client:
        config.write_text(
            f'[[channel]]\nname="mine"\nprovider="compatible"\nbase_url="{gateway.vendor.base_url}"\n'
            'keys=["sk-wrong"]\nmodels=["mine"]\nmodel_map={mine="sandbox/echo"}\n[[model]]\nname="mine"\nprice.call="0"\n'
        )
        await prepare(Handoff(settings=gateway.settings, role="prepare", config=str(config)))
        ask = ASK | {"model": "mine"}
        async with asyncio.timeout(5):
            while (await client.post("/v1/chat/completions", json=ask)).status_code != 502:
                await asyncio.sleep(0.05)
        database = await open_database(gateway.settings.database)
        seen = (
            "SELECT k.status, k.reason, c.id FROM channel_keys k JOIN channels c ON c.id = k.channel_id WHERE c.name = 'mine'"
        )
        async with asyncio.timeout(3):
            while (row := (await database.fetch(seen))[0])[0] != "broken":
                await asyncio.sleep(0.05)
        assert row[1].startswith("vendor_auth (401)")
        assert "sk-wrong" not in row[1]
        config.write_text(config.read_text().replace("sk-wrong", gateway.vendor.secret or ""))
        await prepare(Handoff(settings=gateway.settings, role="prepare", config=str(config)))
        async with asyncio.timeout(3):
            while (await client.post("/v1/chat/completions", json=ask)).status_code != 200:
                await asyncio.sleep(0.05)
        await database.close()
