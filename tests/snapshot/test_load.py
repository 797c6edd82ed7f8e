"""A snapshot out of the database: everything in it, and what cannot be read left out alone."""

import logging
import threading

import pytest

from entrepot.core.call import RateLimits
from entrepot.core.http import Origin, Timeouts
from entrepot.kit import json
from entrepot.snapshot.load import load
from entrepot.snapshot.model import ChannelKey, Group, Model
from entrepot.store import feed
from entrepot.store.raw import Database, Many
from entrepot.store.vault import Vault
from tests.snapshot.places import KEY, Vendors, put, put_channel

VAULT = Vault([KEY])


async def test_an_empty_installation(db: Database) -> None:
    snapshot = await load(db, VAULT, Vendors())
    assert snapshot.version == 0
    assert dict(snapshot.groups) == {"default": Group(0, "default")}
    assert snapshot.channels == ()


async def test_everything_a_channel_says(db: Database) -> None:
    group = await put(db, "groups", name="vip", ratio_ppm=800_000, description="d", public=0, created_at=0)
    row = await put_channel(
        db,
        "main",
        ("sk-1", "sk-2"),
        base_url="https://relay.example:8443/openai/v1?api-version=7",
        api="responses",
        models=["gpt-*", "o1"],
        model_map={"public": "private"},
        groups=["default", "vip"],
        priority=3,
        weight=7,
        headers={"X-Team": "é"},
        overrides={"temperature": 0.50, "user": {"a": [1]}},
        proxy="socks5://p:1080",
        limits={"max_connections": 9, "later": 1},
        timeouts={"connect": 2.5, "idle": None},
    )
    await db.execute("UPDATE channel_keys SET status = 'disabled' WHERE position = 1")
    await put(db, "groups", name="odd", disconnect="explode", free_interrupted=1, created_at=0)
    snapshot = await load(db, VAULT, Vendors())
    [channel] = snapshot.channels
    assert (snapshot.groups["odd"].disconnect, snapshot.groups["odd"].free_interrupted) == (None, True)
    assert snapshot.groups["vip"] == Group(group, "vip", 800_000, "d", public=False)
    assert (channel.id, channel.name, channel.provider, channel.api) == (row, "main", "openai", "responses")
    assert channel.origin == Origin("https", "relay.example", 8443, "socks5://p:1080")
    assert (channel.prefix, channel.query) == ("/openai/v1", "api-version=7")
    assert (channel.models, channel.model_map) == (("gpt-*", "o1"), {"public": "private"})
    assert (channel.groups, channel.priority, channel.weight) == (("default", "vip"), 3, 7)
    assert channel.headers == ((b"x-team", "é".encode()),)
    assert {name: json.decode(bytes(value)) for name, value in channel.overrides.items()} == {
        "temperature": 0.5,
        "user": {"a": [1]},
    }
    assert channel.timeouts == Timeouts(connect=2.5, idle=None)
    assert channel.max_connections == 9
    assert [(key.secret, key.status) for key in channel.keys] == [("sk-1", "enabled"), ("sk-2", "disabled")]


async def test_defaults(db: Database) -> None:
    await put_channel(db, "plain", (), provider="local")
    [channel] = (await load(db, VAULT, Vendors())).channels
    assert channel.origin == Origin("http", "127.0.0.1", 8000)
    assert channel.keys == (ChannelKey(0, ""),)
    assert channel.groups == ("default",)
    assert channel.timeouts == Timeouts()


async def test_disabled_channels_are_not_there(db: Database) -> None:
    await put_channel(db, "off", status="disabled")
    assert (await load(db, VAULT, Vendors())).channels == ()


async def test_our_own_sandbox(db: Database) -> None:
    await put_channel(db, "sandbox", (), provider="sandbox", base_url="self:sandbox", models=["sandbox/*"])
    snapshot = await load(db, VAULT, Vendors(), {"self:sandbox": ("http://127.0.0.1:4567/v1", "inner")})
    [channel] = snapshot.channels
    assert (channel.origin, channel.prefix) == (Origin("http", "127.0.0.1", 4567), "/v1")
    assert channel.keys == (ChannelKey(0, "inner"),)
    assert (await load(db, VAULT, Vendors())).channels == ()


BAD: list[dict[str, str]] = [
    {"models": "not json"},
    {"models": '{"a": 1}'},
    {"model_map": '{"a": 1}'},
    {"groups": "[1]"},
    {"headers": '{"X": "a\\r\\nEvil: 1"}'},
    {"headers": '{"": "a"}'},
    {"overrides": "[]"},
    {"timeouts": '{"connect": "soon"}'},
    {"limits": '{"max_connections": "many"}'},
    {"provider": "nobody-knows"},
    {"base_url": "ftp://x"},
    {"base_url": "https://user:pass@x/v1"},
    {"base_url": "self:nothing"},
]


async def test_bad_channels_harm_no_other(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    for number, values in enumerate(BAD):
        await put_channel(db, f"bad {number}", **values)
    await put_channel(db, "good")
    with caplog.at_level(logging.ERROR):
        snapshot = await load(db, VAULT, Vendors())
    assert [channel.name for channel in snapshot.channels] == ["good"]
    assert [record.channel for record in caplog.records] == [f"bad {number}" for number in range(len(BAD))]  # type: ignore[attr-defined]
    assert "sk-1" not in caplog.text


async def test_a_secret_that_does_not_open(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    await put_channel(db, "half", ("sk-1", "sk-2"))
    whole = await put_channel(db, "none")
    await db.execute("UPDATE channel_keys SET secret = $1 WHERE position = 1", b"\x01rubbish rubbish rubbish rubbish")
    await db.execute("UPDATE channel_keys SET secret = $1 WHERE channel_id = $2", b"", whole)
    with caplog.at_level(logging.ERROR):
        [channel] = (await load(db, VAULT, Vendors())).channels
    assert channel.name == "half"
    assert [key.secret for key in channel.keys] == ["sk-1"]
    assert len(caplog.records) == 3


async def test_models(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    good = await put(
        db,
        "models",
        name="gpt-4o",
        description="d",
        owner="o",
        disconnect="drain",
        timeouts={"idle": 9},
        created_at=1_700_000_000_999_999,
    )
    await put(db, "models", name="bad-1", timeouts={"idel": 9}, created_at=0)
    await put(db, "models", name="bad-2", disconnect="explode", created_at=0)
    with caplog.at_level(logging.ERROR):
        snapshot = await load(db, VAULT, Vendors())
    assert dict(snapshot.models) == {"gpt-4o": Model("gpt-4o", good, "d", "o", 1_700_000_000, "drain", {"idle": 9.0})}
    assert len(caplog.records) == 2


async def test_the_version_is_that_of_the_moment_it_was_read(db: Database) -> None:
    for _ in range(3):
        await db.transaction(feed.announcement(db.dialect, feed.SNAPSHOT))
    assert (await load(db, VAULT, Vendors())).version == 3


async def test_channels_are_decoded_beside_the_loop(db: Database) -> None:
    """Thousands of channels take a good part of a second to decrypt; running streams must not wait for them."""
    threads: set[int] = set()

    class Watched(Vendors):
        def base_url(self, provider: str, base_url: str) -> str:
            threads.add(threading.get_ident())
            return super().base_url(provider, base_url)

    await put_channel(db, "a")
    assert len((await load(db, VAULT, Watched())).channels) == 1
    assert threads
    assert threading.get_ident() not in threads


async def test_thousands_of_channels(db: Database) -> None:
    insert = "INSERT INTO channels (id, name, provider, models, created_at) VALUES ($1, $2, 'openai', '[\"gpt-*\"]', 0)"
    keys = "INSERT INTO channel_keys (id, channel_id, position, secret, hint) VALUES ($1, $1, 0, $2, '')"
    rows = range(1, 3001)
    sealed = [(number, VAULT.seal(f"sk-{number}", f"channel_keys:{number}:secret")) for number in rows]
    await db.transaction([Many(insert, [(number, f"c{number}") for number in rows]), Many(keys, sealed)])
    snapshot = await load(db, VAULT, Vendors())
    assert [channel.keys[0].secret for channel in snapshot.channels] == [f"sk-{number}" for number in rows]


async def test_rate_limits(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    await put(db, "groups", name="vip", limits='{"rpm": 600}', created_at=0)
    await put(db, "groups", name="odd", limits='{"rpm": "many"}', created_at=0)
    await put(db, "models", name="gpt-*", limits='{"tpm": 90000, "concurrency": 8}', created_at=0)
    snapshot = await load(db, VAULT, Vendors())
    assert snapshot.groups["vip"].limits == RateLimits(rpm=600)
    assert snapshot.about("gpt-5").limits == RateLimits(tpm=90000, concurrency=8)
    assert snapshot.groups["default"].limits is None
    assert snapshot.groups["odd"].limits is None
    assert "rate limits left out" in caplog.text
