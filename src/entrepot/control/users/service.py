"""Users on the database."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import RowMapping

from entrepot.buckets import accounts
from entrepot.control import budgets, rates
from entrepot.control.errors import ConflictError, missing
from entrepot.control.fields import MICRO
from entrepot.control.groups import service as groups
from entrepot.control.pages import Page, number_cursor, page_of
from entrepot.control.services import Transaction
from entrepot.control.users import passwords
from entrepot.control.users.schemas import UserCreate, UserUpdate, UserView
from entrepot.kit.clock import iso
from entrepot.store.schema import keys, users

INSTALLATION = "installation"
"""The installation's own account: its keys have no wallet limit, the house account pays."""


async def list_page(tx: Transaction, limit: int, after: str | None = None) -> Page[UserView]:
    """Users in the order of their creation."""
    query = select(users).where(users.c.id > number_cursor(after), users.c.status != "deleted")
    views = await _views(tx, await tx.rows(query.order_by(users.c.id).limit(limit + 1)))
    return page_of(views, limit, [str(view.id) for view in views])


async def get(tx: Transaction, name: str) -> UserView:
    """One user. Raises NotFoundError."""
    (view,) = await _views(tx, [await find(tx, name)])
    return view


async def find(tx: Transaction, name: str) -> RowMapping:
    """A user's row. Raises NotFoundError."""
    row = await tx.row(select(users).where(users.c.name == name, users.c.status != "deleted"))
    if row is None:
        known = await tx.rows(select(users.c.name).where(users.c.status != "deleted").limit(1000))
        raise missing("user", name, [other["name"] for other in known])
    return row


async def exists(tx: Transaction, name: str) -> bool:
    """Is there such a user?"""
    return await tx.scalar(select(users.c.id).where(users.c.name == name)) is not None


async def create(tx: Transaction, spec: UserCreate) -> UserView:
    """A new user, with an empty wallet. Raises ConflictError where the name is taken, InvalidError for an unknown group."""
    if await exists(tx, spec.name):
        raise ConflictError(f"There is already a user {spec.name!r}.", "name")
    await groups.require(tx, [spec.group], "group")
    values = await _columns(spec.model_dump(exclude={"name", "budget"}))
    row_id = await tx.add(users, {"name": spec.name, "created_at": tx.now, **values})
    await accounts.open_bucket(tx.raw, "wallet", accounts.wallet_ref(row_id))
    await budgets.change(tx, budgets.user_scope(row_id), spec.budget)
    return await get(tx, spec.name)


async def update(tx: Transaction, name: str, change: UserUpdate) -> UserView:
    """Change what the caller set. Raises NotFoundError, InvalidError, ConflictError."""
    row = await find(tx, name)
    values = change.model_dump(exclude_unset=True, exclude={"name", "budget"})
    if "group" in values:
        await groups.require(tx, [values["group"]], "group")
    if name == INSTALLATION and values.get("status") == "disabled":
        raise ConflictError("The installation's own account cannot be disabled. Disable its keys.", "status")
    changed = await tx.change(users, row, await _columns(values, row))
    if await budgets.change(tx, budgets.user_scope(row["id"]), change.budget) or changed:
        await _announce_keys(tx, row["id"])
    return await get(tx, name)


async def remove(tx: Transaction, name: str) -> None:
    """Delete a user and its keys; usage keeps pointing at the row, the name is free again."""
    row = await find(tx, name)
    if name == INSTALLATION:
        raise ConflictError("The installation's own account cannot be deleted.", "name")
    await _announce_keys(tx, row["id"])
    for key in await tx.rows(select(keys).where(keys.c.user_id == row["id"], keys.c.status != "deleted")):
        await tx.change(keys, key, {"status": "deleted", "sha256": f"deleted:{key['id']}"})
        await budgets.change(tx, budgets.key_scope(key["id"]), None)
    await budgets.change(tx, budgets.user_scope(row["id"]), None)
    gone = {"status": "deleted", "name": f"{name}#deleted-{row['id']}", "password_hash": None}
    await tx.change(users, row, gone)


async def installation(tx: Transaction) -> int:
    """The id of the installation's own account, made where it is missing."""
    found = await tx.scalar(select(users.c.id).where(users.c.name == INSTALLATION))
    if found is not None:
        return int(found)
    return await tx.add(users, {"name": INSTALLATION, "role": "admin", "created_at": tx.now})


async def _announce_keys(tx: Transaction, user_id: int) -> None:
    for key in await tx.rows(select(keys.c.sha256).where(keys.c.user_id == user_id, keys.c.status != "deleted")):
        tx.touched_key(key["sha256"])


async def _columns(values: dict[str, Any], before: RowMapping | None = None) -> dict[str, Any]:
    """Columns from fields. The same password again keeps its hash, so that nothing changes."""
    columns = rates.column(values, before["limits"] if before else "{}")
    if "group" in columns:
        columns["group_name"] = columns.pop("group")
    if "password" in columns:
        password = columns.pop("password")
        if password is None:
            columns["password_hash"] = None
        elif not await passwords.fits(before["password_hash"] if before else None, password):
            columns["password_hash"] = await passwords.seal(password)
    return columns


async def _views(tx: Transaction, rows: list[RowMapping]) -> list[UserView]:
    held = await budgets.read(tx, [budgets.user_scope(row["id"]) for row in rows])
    return [_view(row, held[budgets.user_scope(row["id"])]) for row in rows]


def _view(row: RowMapping, held: list[budgets.BudgetView]) -> UserView:
    return UserView(
        id=row["id"],
        name=row["name"],
        role=row["role"],
        group=row["group_name"],
        status=row["status"],
        **rates.shown(row["limits"]),
        budgets=held,
        has_password=row["password_hash"] is not None,
        created_at=iso(row["created_at"] / MICRO),
    )
