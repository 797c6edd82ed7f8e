"""Settings on the database."""

from sqlalchemy import delete as delete_from
from sqlalchemy import insert, select

from entrepot.control.errors import InvalidError, missing
from entrepot.control.retention.rules import LEAST_DAYS, MOST_DAYS, is_days
from entrepot.control.services import Transaction
from entrepot.control.settings.schemas import MEANINGS, SettingUpdate, SettingView
from entrepot.core.http import BadUrlError, parse_origin
from entrepot.store.schema import settings


async def list_all(tx: Transaction) -> list[SettingView]:
    """Every setting with its value; empty where it has its default."""
    values = {row["name"]: row["value"] for row in await tx.rows(select(settings))}
    return [SettingView(name=name, value=values.get(name, ""), meaning=meaning) for name, meaning in MEANINGS.items()]


async def get(tx: Transaction, name: str) -> SettingView:
    """One setting. Raises NotFoundError."""
    if name not in MEANINGS:
        raise missing("setting", name, MEANINGS)
    return SettingView(name=name, value=await read(tx, name) or "", meaning=MEANINGS[name])


async def update(tx: Transaction, name: str, change: SettingUpdate) -> SettingView:
    """Set a value. Raises NotFoundError, InvalidError."""
    before = await get(tx, name)
    if name == "public_url" and change.value:
        try:
            parse_origin(change.value)
        except BadUrlError as error:
            raise InvalidError(f"value: {error}", "value") from None
    if name.startswith("retain_") and change.value and not is_days(change.value):
        raise InvalidError(f"value: a number of days, {LEAST_DAYS} to {MOST_DAYS}, or 0 for ever", "value")
    if change.value != before.value:
        await write(tx, name, change.value)
        tx.touched_snapshot()
    return await get(tx, name)


async def read(tx: Transaction, name: str) -> str | None:
    """The raw value of any row, our own internal ones included."""
    return await tx.scalar(select(settings.c.value).where(settings.c.name == name))


async def write(tx: Transaction, name: str, value: str) -> None:
    """Replace any row; an empty value deletes it. Announces nothing."""
    await tx.write(delete_from(settings).where(settings.c.name == name))
    if value:
        await tx.write(insert(settings).values(name=name, value=value))
