"""Sealed values open with the right key in the right place, and with nothing else."""

import base64
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from entrepot.settings import Settings
from entrepot.store import feed
from entrepot.store.raw import Database
from entrepot.store.vault import (
    FINGERPRINT,
    Vault,
    VaultError,
    add_key,
    channel_key_place,
    local_vault,
    new_key,
    open_vault,
    parse_key,
    rotate,
)

OLD = bytes(range(32))
NEW = bytes(range(1, 33))
PLACE = "channel_keys:7:secret"


def settings(folder: Path, keys: Sequence[bytes] = ()) -> Settings:
    return Settings(data_dir=str(folder), secret_keys=tuple(base64.b64encode(key).decode() for key in keys))


async def put_channel(db: Database, vault: Vault, secrets: Sequence[str]) -> list[int]:
    """A channel with keys, sealed the way control does it: insert, then seal for the row."""
    [(channel,)] = await db.fetch("INSERT INTO channels (name, provider, created_at) VALUES ('c', 'openai', 0) RETURNING id")
    ids: list[int] = []
    for position, secret in enumerate(secrets):
        insert = "INSERT INTO channel_keys (channel_id, position, secret, hint) VALUES ($1, $2, $3, '') RETURNING id"
        [(key_id,)] = await db.fetch(insert, channel, position, b"")
        sealed = vault.seal(secret, channel_key_place(key_id))
        await db.execute("UPDATE channel_keys SET secret = $1 WHERE id = $2", sealed, key_id)
        ids.append(key_id)
    return ids


async def opened(db: Database, vault: Vault) -> list[str]:
    rows = await db.fetch("SELECT id, secret FROM channel_keys ORDER BY id")
    return [vault.unseal(sealed, channel_key_place(key_id)) for key_id, sealed in rows]


def test_what_is_sealed_opens_again() -> None:
    vault = Vault([NEW])
    sealed = vault.seal("sk-ü中", PLACE)
    assert b"sk-" not in sealed
    assert vault.unseal(sealed, PLACE) == "sk-ü中"
    assert vault.seal("sk-ü中", PLACE) != sealed
    assert vault.unseal(vault.seal("", PLACE), PLACE) == ""


def test_another_place_does_not_open() -> None:
    vault = Vault([NEW])
    sealed = vault.seal("secret", PLACE)
    for place in ("channel_keys:8:secret", "channel_keys:7:hint", ""):
        with pytest.raises(VaultError, match="moved here from another row"):
            vault.unseal(sealed, place)


def test_a_changed_byte_does_not_open() -> None:
    vault = Vault([NEW])
    sealed = vault.seal("secret", PLACE)
    for at in range(len(sealed)):
        with pytest.raises(VaultError):
            vault.unseal(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], PLACE)
    for cut in (b"", sealed[:5], sealed[:-1]):
        with pytest.raises(VaultError):
            vault.unseal(cut, PLACE)


def test_the_newest_key_seals_and_all_open() -> None:
    old = Vault([OLD]).seal("secret", PLACE)
    both = Vault([NEW, OLD])
    assert both.unseal(old, PLACE) == "secret"
    assert not both.sealed_with_newest(old)
    assert both.sealed_with_newest(both.seal("x", PLACE))
    assert Vault([NEW]).unseal(both.seal("x", PLACE), PLACE) == "x"
    with pytest.raises(VaultError, match="does not have"):
        Vault([NEW]).unseal(old, PLACE)


def test_an_unknown_key_is_looked_for_once_more() -> None:
    running = Vault([OLD], lambda: [NEW, OLD])
    assert running.unseal(Vault([NEW]).seal("x", PLACE), PLACE) == "x"
    assert running.fingerprint == Vault([NEW]).fingerprint


def test_keys_that_are_none() -> None:
    assert parse_key(base64.b64encode(NEW).decode()) == NEW
    assert parse_key(base64.urlsafe_b64encode(b"\xff" * 32).decode().rstrip("=")) == b"\xff" * 32
    assert len(parse_key(new_key())) == 32
    for text in ("", "short", base64.b64encode(NEW + b"x").decode(), "ü"):
        with pytest.raises(VaultError, match="32 bytes"):
            parse_key(text)
    with pytest.raises(VaultError):
        Vault([])
    with pytest.raises(VaultError):
        Vault([b"short"])


async def test_a_first_start_makes_a_private_key_and_the_next_uses_it(db: Database, tmp_path: Path) -> None:
    first = await open_vault(settings(tmp_path / "data"), db)
    file = tmp_path / "data" / "secret.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    assert await db.fetch("SELECT value FROM settings WHERE name = $1", FINGERPRINT) == [(first.fingerprint,)]
    assert local_vault(settings(tmp_path / "data")).fingerprint == first.fingerprint
    again = await open_vault(settings(tmp_path / "data"), db)
    assert again.unseal(first.seal("x", PLACE), PLACE) == "x"


def test_a_worker_makes_no_key(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="cannot read"):
        local_vault(settings(tmp_path))
    assert list(tmp_path.iterdir()) == []


async def test_an_absent_key_over_data_is_refused_and_none_is_made(db: Database, tmp_path: Path) -> None:
    await open_vault(settings(tmp_path), db)
    (tmp_path / "secret.key").unlink()
    with pytest.raises(VaultError, match=r"does not exist.*none is made"):
        await open_vault(settings(tmp_path), db)
    assert list(tmp_path.iterdir()) == []


async def test_a_wrong_key_is_refused(db: Database, tmp_path: Path) -> None:
    await open_vault(settings(tmp_path, [OLD]), db)
    with pytest.raises(VaultError, match="not the one"):
        await open_vault(settings(tmp_path, [NEW]), db)
    assert (await open_vault(settings(tmp_path, [NEW, OLD]), db)).fingerprint == Vault([NEW]).fingerprint


async def test_sealed_rows_count_even_where_the_fingerprint_was_lost(db: Database, tmp_path: Path) -> None:
    vault = await open_vault(settings(tmp_path, [OLD]), db)
    await put_channel(db, vault, ["one"])
    await db.execute("DELETE FROM settings")
    with pytest.raises(VaultError):
        await open_vault(settings(tmp_path, [NEW]), db)
    with pytest.raises(VaultError):
        await open_vault(settings(tmp_path), db)


async def test_a_key_still_in_use_may_not_be_left_out_before_rotation(db: Database, tmp_path: Path) -> None:
    await put_channel(db, await open_vault(settings(tmp_path, [OLD]), db), ["one", "two"])
    both = await open_vault(settings(tmp_path, [NEW, OLD]), db)
    with pytest.raises(VaultError):
        await open_vault(settings(tmp_path, [NEW]), db)
    assert await rotate(db, both) == 2
    alone = await open_vault(settings(tmp_path, [NEW]), db)
    assert await opened(db, alone) == ["one", "two"]
    assert await rotate(db, both) == 0
    with pytest.raises(VaultError):
        await open_vault(settings(tmp_path, [OLD]), db)


async def test_a_key_file_rotates_under_running_gateways(db: Database, tmp_path: Path) -> None:
    gateway = await open_vault(settings(tmp_path), db)
    await put_channel(db, gateway, ["one", "two"])
    file = tmp_path / "secret.key"
    newer = add_key(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await rotate(db, newer) == 2
    assert await opened(db, gateway) == ["one", "two"]
    assert (await feed.events_after(db, 0)).events[-1].kind == feed.SNAPSHOT
    assert (await open_vault(settings(tmp_path), db)).fingerprint == newer.fingerprint


async def test_rotation_stops_at_a_row_that_does_not_open(db: Database, tmp_path: Path) -> None:
    vault = await open_vault(settings(tmp_path, [OLD]), db)
    first, second = await put_channel(db, vault, ["one", "two"])
    swap = "UPDATE channel_keys SET secret = (SELECT secret FROM channel_keys WHERE id = $1) WHERE id = $2"
    await db.execute(swap, first, second)
    before = await db.fetch("SELECT id, secret FROM channel_keys ORDER BY id")
    with pytest.raises(VaultError, match="moved"):
        await rotate(db, Vault([NEW, OLD]))
    assert await db.fetch("SELECT id, secret FROM channel_keys ORDER BY id") == before


async def test_a_damaged_key_file_is_named(db: Database, tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("not a key\n")
    with pytest.raises(VaultError, match=r"secret\.key"):
        await open_vault(settings(tmp_path), db)
    (tmp_path / "secret.key").write_text("")
    with pytest.raises(VaultError):
        await open_vault(settings(tmp_path), db)


async def test_two_nodes_that_start_at_once_do_not_both_win(db: Database, tmp_path: Path) -> None:
    first = await open_vault(settings(tmp_path / "a"), db)
    # The second had looked before the first wrote: it has made its file, and finds the first's fingerprint.
    file = tmp_path / "b" / "secret.key"
    file.parent.mkdir()
    file.write_text(new_key())
    with pytest.raises(VaultError, match="not the one"):
        await open_vault(settings(tmp_path / "b"), db)
    assert (await open_vault(settings(tmp_path / "a"), db)).fingerprint == first.fingerprint
