"""Upstream keys at rest: AES-256-GCM, bound to the row and column they stand in.

A sealed value is: version (1 byte), key id (8), nonce (12), ciphertext with tag. The key id
lets several keys work at once, newest first, while a rotation is under way. `where` is
authenticated and not stored: a value that was moved to another row does not open.
Where the row's id is not known before the insert, insert it with an empty secret and
update it in the same transaction.
"""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from entrepot.settings import Settings
from entrepot.store import feed
from entrepot.store.contract import Database, Many, Statement

KEY_BYTES = 32
FINGERPRINT = "vault_fingerprint"
"""Name of the row in `settings`."""
_VERSION = b"\x01"
_ID = 8
_NONCE = 12
_HEAD = 1 + _ID


class VaultError(Exception):
    """A key is wrong or absent, or a value does not open; the message says what to do."""


class Vault:
    """Seals with the newest key, opens with any. Thread-safe."""

    __slots__ = ("_keys", "_newest", "_reread")

    def __init__(self, keys: Sequence[bytes], reread: Callable[[], Sequence[bytes]] | None = None) -> None:
        """`keys` newest first, 32 bytes each. `reread` is asked once for each unknown key id. Raises VaultError."""
        self._reread = reread
        self._keys, self._newest = _ciphers(keys)

    @property
    def fingerprint(self) -> str:
        """Names the newest key, in hex; tells nothing of it."""
        return self._newest.hex()

    @property
    def fingerprints(self) -> frozenset[str]:
        """All keys' names."""
        return frozenset(name.hex() for name in self._keys)

    def seal(self, plain: str, where: str) -> bytes:
        """Encrypt for one place, such as `channel_keys:7:secret`."""
        nonce = os.urandom(_NONCE)
        return _VERSION + self._newest + nonce + self._keys[self._newest].encrypt(nonce, plain.encode(), where.encode())

    def unseal(self, sealed: bytes, where: str) -> str:
        """The plain text. Raises VaultError where key, place or bytes are not those of `seal`."""
        if len(sealed) < _HEAD + _NONCE or not sealed.startswith(_VERSION):
            raise VaultError(f"{where}: not a sealed value")
        name = sealed[1:_HEAD]
        if name not in self._keys and self._reread is not None:
            # Another process has rotated the keys since we started.
            self._keys, self._newest = _ciphers(self._reread())
        if name not in self._keys:
            raise VaultError(f"{where}: sealed with a key that this installation does not have (key id {name.hex()})")
        try:
            plain = self._keys[name].decrypt(sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :], where.encode())
        except InvalidTag:
            raise VaultError(f"{where}: damaged, or moved here from another row") from None
        return plain.decode()

    def sealed_with_newest(self, sealed: bytes) -> bool:
        """False where a rotation has still to seal it anew."""
        return sealed[:_HEAD] == _VERSION + self._newest


def channel_key_place(key_id: int) -> str:
    """Where the secret of a `channel_keys` row stands."""
    return f"channel_keys:{key_id}:secret"


def parse_key(text: str) -> bytes:
    """A key as base64 (either alphabet). Raises VaultError."""
    digits = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        key = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except ValueError:  # not base64, or not even ASCII
        key = b""
    if len(key) != KEY_BYTES:
        raise VaultError(f"a secret key is {KEY_BYTES} bytes in base64, such as `openssl rand -base64 {KEY_BYTES}` prints")
    return key


def new_key() -> str:
    """A fresh key, as text."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def local_vault(settings: Settings) -> Vault:
    """The vault as this node's key says, unchecked: for a worker that starts while the database is away.

    `open_vault` has run before, in the process that starts the workers. Raises VaultError.
    """
    if settings.secret_keys:
        return Vault([parse_key(text) for text in settings.secret_keys])
    file = settings.data_path / "secret.key"
    return Vault(_read_file(file), lambda: _read_file(file))


async def open_vault(settings: Settings, db: Database) -> Vault:
    """The installation's vault; makes a key only where the database has never seen one.

    Raises VaultError where the key is absent or is not the database's, StoreAwayError.
    """
    recorded = await _recorded(db)
    file = settings.data_path / "secret.key"
    made = False
    if not settings.secret_keys and not file.exists():
        if recorded:
            raise VaultError(_absent(file))
        made = _make_file(file)
    vault = local_vault(settings)
    if not recorded:
        # Two nodes may get here at once: the database decides whose key it is.
        await db.execute(
            "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", FINGERPRINT, vault.fingerprint
        )
        recorded = await _recorded(db)
    if not recorded <= vault.fingerprints:
        if made:
            file.unlink()
        raise VaultError(_wrong(recorded - vault.fingerprints))
    return vault


async def rotate(db: Database, vault: Vault) -> int:
    """Seal everything anew with the newest key; gives the number of rows changed.

    Gateways must know the newest key before this runs: with `secret.key` they read it when
    they need it (`add_key` puts it there); with ENTREPOT_SECRET_KEYS start every node with
    both keys first. A row that changes meanwhile is left to the next run. Raises VaultError.
    """
    changed: list[tuple[bytes, int, bytes]] = []
    for key_id, sealed in await db.fetch("SELECT id, secret FROM channel_keys ORDER BY id"):
        if not vault.sealed_with_newest(sealed):
            place = channel_key_place(key_id)
            changed.append((vault.seal(vault.unseal(sealed, place), place), key_id, sealed))
    await db.transaction(
        [
            Many("UPDATE channel_keys SET secret = $1 WHERE id = $2 AND secret = $3", changed),
            Statement("UPDATE settings SET value = $1 WHERE name = $2", (vault.fingerprint, FINGERPRINT)),
            *feed.announcement(db.dialect, feed.SNAPSHOT),
        ]
    )
    return len(changed)


def add_key(file: Path) -> Vault:
    """Put a fresh key on top of `secret.key`, older ones below; gives the vault to rotate with. Raises VaultError."""
    old = file.read_text().split() if file.exists() else []
    draft = file.with_name(file.name + ".new")
    draft.unlink(missing_ok=True)
    _write_private(draft, "\n".join([new_key(), *old]) + "\n")
    draft.replace(file)
    return Vault(_read_file(file), lambda: _read_file(file))


def _ciphers(keys: Sequence[bytes]) -> tuple[dict[bytes, AESGCM], bytes]:
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise VaultError(f"a vault needs at least one key of {KEY_BYTES} bytes")
    named = {hmac.digest(key, b"entrepot vault key id", hashlib.sha256)[:_ID]: AESGCM(key) for key in keys}
    return named, next(iter(named))


async def _recorded(db: Database) -> frozenset[str]:
    """Fingerprints of all keys that the database depends on: the recorded one, and those in use."""
    rows = await db.fetch("SELECT value FROM settings WHERE name = $1", FINGERPRINT)
    in_use = await db.fetch(f"SELECT DISTINCT substr(secret, 2, {_ID}) FROM channel_keys WHERE length(secret) > {_HEAD}")  # noqa: S608
    return frozenset([*(row[0] for row in rows), *(row[0].hex() for row in in_use)])


def _read_file(file: Path) -> list[bytes]:
    try:
        return [parse_key(line) for line in file.read_text().split()]
    except OSError as error:
        raise VaultError(f"cannot read {file}: {error.strerror}") from None
    except VaultError as error:
        raise VaultError(f"{file}: {error}") from None


def _make_file(file: Path) -> bool:
    """Write a new key; False where another process was faster."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    _write_private(draft, new_key() + "\n")
    try:
        # A link fails where the name exists, and the file is whole from its first moment.
        file.hardlink_to(draft)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return True


def _write_private(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as target:
        target.write(text)
        target.flush()
        os.fsync(target.fileno())


def _absent(file: Path) -> str:
    return (
        f"the database holds encrypted upstream keys, but there is no secret key: {file} does not exist and "
        f"ENTREPOT_SECRET_KEYS is not set. Bring the file back from the node or backup that has it. "
        f"A new key would not open the old data, so none is made."
    )


def _wrong(missing: frozenset[str]) -> str:
    names = ", ".join(sorted(missing))
    return (
        f"the secret key is not the one that encrypted this database's upstream keys (missing key id {names}). "
        f"Give the right one in ENTREPOT_SECRET_KEYS or data_dir/secret.key, newest first. Nothing was changed."
    )
