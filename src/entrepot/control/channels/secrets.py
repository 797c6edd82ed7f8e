"""A channel's vendor keys: sealed by the vault, bound to their row, never shown again."""

from sqlalchemy import delete as delete_from
from sqlalchemy import func, select, update
from sqlalchemy.engine import RowMapping

from entrepot.control.errors import ConflictError, InvalidError, missing
from entrepot.control.services import Transaction
from entrepot.kit.ids import key_hint
from entrepot.settings import environment
from entrepot.store.schema import channel_keys
from entrepot.store.vault import Vault, channel_key_place

_VARIABLE = "env:"
RESTS = ("cooled", "broken")
"""States that workers set."""


def resolve(secrets: list[str]) -> list[str]:
    """Keys as they are, `env:NAME` replaced by the variable's value. Raises InvalidError where it is not set."""
    return [_value(secret) for secret in secrets]


def unsealed(vault: Vault, row: RowMapping) -> str:
    """The plain key of a row of `channel_keys`."""
    return vault.unseal(row["secret"], channel_key_place(row["id"]))


async def of_channels(tx: Transaction, channel_ids: list[int]) -> dict[int, list[RowMapping]]:
    """The rows of these channels' keys, in order."""
    query = select(channel_keys).where(channel_keys.c.channel_id.in_(channel_ids))
    found: dict[int, list[RowMapping]] = {channel_id: [] for channel_id in channel_ids}
    for row in await tx.rows(query.order_by(channel_keys.c.position, channel_keys.c.id)):
        found[row["channel_id"]].append(row)
    return found


async def replace(tx: Transaction, channel_id: int, secrets: list[str]) -> None:
    """Make these the channel's keys: those that stay keep their row and state."""
    rows = (await of_channels(tx, [channel_id]))[channel_id]
    left = [(unsealed(tx.services.vault, row), row) for row in rows]
    for position, secret in enumerate(dict.fromkeys(resolve(secrets))):
        kept = next((pair for pair in left if pair[0] == secret), None)
        if kept is None:
            await _insert(tx, channel_id, secret, position)
            continue
        left.remove(kept)
        if await tx.change(channel_keys, kept[1], {"position": position}):
            tx.touched_snapshot()
    for _, row in left:
        await _delete(tx, row["id"])


async def add(tx: Transaction, channel_id: int, secret: str) -> None:
    """One more key, at the end. Raises ConflictError where the channel has it."""
    rows = (await of_channels(tx, [channel_id]))[channel_id]
    value = _value(secret)
    if any(unsealed(tx.services.vault, row) == value for row in rows):
        raise ConflictError("The channel has this key already.", "key")
    await _insert(tx, channel_id, value, max((row["position"] + 1 for row in rows), default=0))


async def remove(tx: Transaction, channel_id: int, key_id: int) -> None:
    """Take one key away. Raises NotFoundError."""
    owner = await tx.scalar(select(channel_keys.c.channel_id).where(channel_keys.c.id == key_id))
    if owner != channel_id:
        raise missing("key of this channel", str(key_id))
    await _delete(tx, key_id)


async def remove_all(tx: Transaction, channel_id: int) -> None:
    """Forget all keys of a channel."""
    await tx.write(delete_from(channel_keys).where(channel_keys.c.channel_id == channel_id))
    tx.touched_snapshot()


async def reset(tx: Transaction, channel_id: int) -> None:
    """Workers forget what they have against the channel; its keys rest no more. The operator's `disabled` stays."""
    rested = update(channel_keys).where(channel_keys.c.channel_id == channel_id, channel_keys.c.status.in_(RESTS))
    await tx.write(rested.values(status="enabled", reason="", rests_until=0, tries=0))
    tx.touched_vendor_keys(channel_id)


async def count(tx: Transaction, channel_id: int) -> int:
    """How many keys the channel has."""
    return int(await tx.scalar(select(func.count()).where(channel_keys.c.channel_id == channel_id)))


def _value(secret: str) -> str:
    if not secret.startswith(_VARIABLE):
        return secret.strip()
    name = secret.removeprefix(_VARIABLE)
    value = environment(name)
    if not value:
        raise InvalidError(f"keys: the variable {name!r} is not set in the environment of this command", "keys")
    return value.strip()


async def _insert(tx: Transaction, channel_id: int, secret: str, position: int) -> None:
    """The row first, then the secret: it is bound to the row's id."""
    values = {"channel_id": channel_id, "position": position, "secret": b"", "hint": key_hint(secret)}
    row_id = await tx.add(channel_keys, values)
    sealed = tx.services.vault.seal(secret, channel_key_place(row_id))
    await tx.write(update(channel_keys).where(channel_keys.c.id == row_id).values(secret=sealed))
    tx.touched_snapshot()


async def _delete(tx: Transaction, key_id: int) -> None:
    await tx.write(delete_from(channel_keys).where(channel_keys.c.id == key_id))
    tx.touched_snapshot()
