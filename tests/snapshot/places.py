"""Rows in the database and a small stand-in vendor list, for the snapshot's tests."""

from typing import Any

from entrepot.core.http import parse_origin
from entrepot.kit import json
from entrepot.store.raw import Database
from entrepot.store.vault import Vault, channel_key_place

KEY = bytes(range(32))


class Vendors:
    """Two vendors; their places by the contract of snapshot.load.Places."""

    def base_url(self, provider: str, base_url: str) -> str:
        url = base_url or {"openai": "https://api.openai.example/v1", "local": "http://127.0.0.1:8000"}[provider]
        parse_origin(url)
        return url


async def put(db: Database, table: str, **values: Any) -> int:
    """Insert one row; dicts and lists become JSON."""
    ready = {name: json.encode(value).decode() if isinstance(value, dict | list) else value for name, value in values.items()}
    marks = ", ".join(f"${index}" for index in range(1, len(ready) + 1))
    [(row,)] = await db.fetch(f"INSERT INTO {table} ({', '.join(ready)}) VALUES ({marks}) RETURNING id", *ready.values())
    return row


async def put_channel(db: Database, name: str, secrets: tuple[str, ...] = ("sk-1",), **values: Any) -> int:
    """A channel of the vendor `openai` with sealed keys."""
    values = {"provider": "openai", "models": ["*"], "created_at": 0, **values}
    channel = await put(db, "channels", name=name, **values)
    vault = Vault([KEY])
    for position, secret in enumerate(secrets):
        row = await put(db, "channel_keys", channel_id=channel, position=position, secret=b"", hint="")
        sealed = vault.seal(secret, channel_key_place(row))
        await db.execute("UPDATE channel_keys SET secret = $1 WHERE id = $2", sealed, row)
    return channel
