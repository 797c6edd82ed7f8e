"""Groups on the database."""

from typing import Any

from sqlalchemy import delete as delete_from
from sqlalchemy import select
from sqlalchemy.engine import RowMapping

from entrepot.control import rates
from entrepot.control.errors import ConflictError, InvalidError, missing, suggestion
from entrepot.control.fields import MICRO
from entrepot.control.groups.schemas import GroupCreate, GroupUpdate, GroupView
from entrepot.control.services import Transaction
from entrepot.core.money import format_ratio, parse_ratio
from entrepot.kit import json
from entrepot.kit.clock import iso
from entrepot.store.schema import channels, groups, keys, users

DEFAULT = "default"


async def list_all(tx: Transaction) -> list[GroupView]:
    """All groups by name."""
    return [_view(row) for row in await tx.rows(select(groups).order_by(groups.c.name))]


async def get(tx: Transaction, name: str) -> GroupView:
    """One group. Raises NotFoundError."""
    return _view(await _row(tx, name))


async def create(tx: Transaction, spec: GroupCreate) -> GroupView:
    """A new group. Raises ConflictError where the name is taken."""
    if await exists(tx, spec.name):
        raise ConflictError(f"There is already a group {spec.name!r}.", "name")
    await tx.add(groups, {"name": spec.name, "created_at": tx.now, **_columns(spec.model_dump(exclude={"name"}))})
    tx.touched_snapshot()
    return await get(tx, spec.name)


async def update(tx: Transaction, name: str, change: GroupUpdate) -> GroupView:
    """Change what the caller set. Raises NotFoundError."""
    row = await _row(tx, name)
    if await tx.change(groups, row, _columns(change.model_dump(exclude_unset=True, exclude={"name"}), row["limits"])):
        tx.touched_snapshot()
    return await get(tx, name)


async def remove(tx: Transaction, name: str) -> None:
    """Delete a group that nothing names. Raises NotFoundError, ConflictError."""
    row = await _row(tx, name)
    if name == DEFAULT:
        raise ConflictError("The group 'default' stays: users and channels fall back to it.", "name")
    if user := await tx.row(select(users.c.name).where(users.c.group_name == name, users.c.status != "deleted")):
        raise ConflictError(f"The user {user['name']!r} is in this group.", "name")
    for table, what in ((keys, "key"), (channels, "channel")):
        for other in await tx.rows(select(table.c.name, table.c.groups).where(table.c.status != "deleted")):
            if name in json.decode(other["groups"]):
                raise ConflictError(f"The {what} {other['name']!r} names this group.", "name")
    await tx.write(delete_from(groups).where(groups.c.id == row["id"]))
    tx.touched_snapshot()


async def exists(tx: Transaction, name: str) -> bool:
    """Is there such a group?"""
    return await tx.scalar(select(groups.c.id).where(groups.c.name == name)) is not None


async def require(tx: Transaction, names: list[str], param: str) -> None:
    """Refuse names that no group has. Raises InvalidError that names `param`."""
    if not names:
        return
    known = [row["name"] for row in await tx.rows(select(groups.c.name))]
    for name in names:
        if name not in known:
            raise InvalidError(f"{param}: there is no group {name!r}.{suggestion(name, known)}", param)


async def _row(tx: Transaction, name: str) -> RowMapping:
    row = await tx.row(select(groups).where(groups.c.name == name))
    if row is None:
        raise missing("group", name, [other["name"] for other in await tx.rows(select(groups.c.name))])
    return row


def _columns(values: dict[str, Any], limits: str = "{}") -> dict[str, Any]:
    columns = rates.column(values, limits)
    if "ratio" in columns:
        columns["ratio_ppm"] = parse_ratio(columns.pop("ratio"))
    for flag in ("public", "free_interrupted"):
        if flag in columns:
            columns[flag] = int(columns[flag])
    return columns


def _view(row: RowMapping) -> GroupView:
    return GroupView(
        id=row["id"],
        name=row["name"],
        ratio=format_ratio(row["ratio_ppm"]),
        description=row["description"],
        affinity=row["affinity"],
        public=bool(row["public"]),
        disconnect=row["disconnect"],
        free_interrupted=bool(row["free_interrupted"]),
        **rates.shown(row["limits"]),
        created_at=iso(row["created_at"] / MICRO),
    )
