"""Keys on the database. Each change names the key's hash in the feed, so that gateways forget it."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.engine import RowMapping

from entrepot.control import budgets, rates
from entrepot.control.errors import ConflictError, InvalidError, missing
from entrepot.control.fields import MICRO, parse_moment, show_moment
from entrepot.control.groups import service as groups
from entrepot.control.keys import quotas
from entrepot.control.keys.quotas import Quota
from entrepot.control.keys.schemas import KeyCreate, KeyMinted, KeyUpdate, KeyView
from entrepot.control.pages import Page, number_cursor, page_of
from entrepot.control.services import Transaction
from entrepot.control.users import service as users
from entrepot.core.money import format_usd, parse_usd
from entrepot.kit import json
from entrepot.kit.clock import iso
from entrepot.kit.ids import KEY_PREFIX, key_hash, key_hint, key_is_mistyped, mint_key
from entrepot.store.schema import keys
from entrepot.store.schema import users as user_table

_APART = frozenset(("user", "secret", "budget"))
"""Fields that are no columns to be set from."""
_LISTS = {"groups": "groups", "models": "models", "ips": "networks"}


async def list_page(tx: Transaction, limit: int, after: str | None = None, user: str | None = None) -> Page[KeyView]:
    """Keys in the order of their creation, all or one user's. Raises NotFoundError for an unknown user."""
    query = _query().where(keys.c.id > number_cursor(after))
    if user is not None:
        query = query.where(keys.c.user_id == (await users.find(tx, user))["id"])
    views = await _views(tx, await tx.rows(query.order_by(keys.c.id).limit(limit + 1)))
    return page_of(views, limit, [str(view.id) for view in views])


async def get(tx: Transaction, key_id: int) -> KeyView:
    """One key. Raises NotFoundError."""
    (view,) = await _views(tx, [await _row(tx, key_id)])
    return view


async def resolve(tx: Transaction, reference: str) -> int:
    """A key's id from its id, its name, or its secret. Raises NotFoundError, ConflictError for a name that several have."""
    if reference.isdecimal() and len(reference) < 19:
        return int(reference)
    by_secret = await find_secret(tx, reference)
    if by_secret is not None:
        return by_secret
    found = await tx.rows(_query().where(keys.c.name == reference).limit(2))
    if not found:
        known = await tx.rows(_query().limit(1000))
        raise missing("key", reference, [row["name"] for row in known])
    if len(found) > 1:
        raise ConflictError(f"Several keys are named {reference!r}: give the id.", "name")
    return int(found[0]["id"])


async def find_secret(tx: Transaction, secret: str) -> int | None:
    """The id of the key with this secret."""
    return await tx.scalar(select(keys.c.id).where(keys.c.sha256 == key_hash(secret)))


async def find_name(tx: Transaction, user: str | None, name: str) -> int | None:
    """The id of a user's key of this name; the oldest where several have it."""
    owner = users.INSTALLATION if user is None else user
    query = _query().where(keys.c.name == name, user_table.c.name == owner).order_by(keys.c.id)
    row = await tx.row(query)
    return None if row is None else row["id"]


async def create(tx: Transaction, spec: KeyCreate) -> KeyMinted:
    """A new key, with its secret. Raises ConflictError where the secret is taken, InvalidError, NotFoundError."""
    secret = spec.secret or mint_key()
    if key_is_mistyped(secret):
        raise InvalidError(f"secret: starts with {KEY_PREFIX!r} but is mistyped: its checksum does not fit", "secret")
    if await find_secret(tx, secret) is not None:
        raise ConflictError("There is already a key with this secret.", "secret")
    owner = await users.installation(tx) if spec.user is None else (await users.find(tx, spec.user))["id"]
    values = await _columns(tx, spec.model_dump(exclude=set(_APART)), tx.now)
    sha256, hint = key_hash(secret), key_hint(secret)
    fixed = {"user_id": owner, "sha256": sha256, "hint": hint, "created_at": tx.now}
    row_id = await tx.add(keys, {**values, **fixed, "name": spec.name or hint})
    if values.get("quota") is not None:
        await quotas.limit(tx, row_id, values["quota"])
    await budgets.change(tx, budgets.key_scope(row_id), spec.budget)
    tx.touched_key(sha256)
    return KeyMinted(**(await get(tx, row_id)).model_dump(), secret=secret)


async def update(tx: Transaction, key_id: int, change: KeyUpdate) -> KeyView:
    """Change what the caller set. Raises NotFoundError, InvalidError."""
    row = await _row(tx, key_id)
    columns = await _columns(tx, change.model_dump(exclude_unset=True, exclude=set(_APART)), row["created_at"])
    changed = await tx.change(keys, row, columns)
    if await budgets.change(tx, budgets.key_scope(key_id), change.budget) or changed:
        tx.touched_key(row["sha256"])
    if columns.get("quota", row["quota"]) != row["quota"]:
        await quotas.limit(tx, key_id, columns["quota"])
    return await get(tx, key_id)


async def rotate(tx: Transaction, key_id: int) -> KeyMinted:
    """A new secret for the same key; the old one is dead within two seconds."""
    row = await _row(tx, key_id)
    secret = mint_key()
    await tx.change(keys, row, {"sha256": key_hash(secret), "hint": key_hint(secret)})
    tx.touched_key(row["sha256"])
    tx.touched_key(key_hash(secret))
    return KeyMinted(**(await get(tx, key_id)).model_dump(), secret=secret)


async def remove(tx: Transaction, key_id: int) -> None:
    """Delete a key: its hash is forgotten, usage keeps pointing at the row."""
    row = await _row(tx, key_id)
    await tx.change(keys, row, {"status": "deleted", "sha256": f"deleted:{key_id}"})
    await budgets.change(tx, budgets.key_scope(key_id), None)
    tx.touched_key(row["sha256"])


def _query() -> Select[Any]:
    owner = user_table.c.name.label("user_name")
    return select(keys, owner).join(user_table, user_table.c.id == keys.c.user_id).where(keys.c.status != "deleted")


async def _row(tx: Transaction, key_id: int) -> RowMapping:
    row = await tx.row(_query().where(keys.c.id == key_id))
    if row is None:
        raise missing("key", str(key_id))
    return row


async def _columns(tx: Transaction, values: dict[str, Any], created: int) -> dict[str, Any]:
    columns = {name: values[name] for name in (*rates.NAMES, "status") if name in values}
    if values.get("name"):
        columns["name"] = values["name"]
    if "groups" in values:
        await groups.require(tx, values["groups"], "groups")
    for field, column in _LISTS.items():
        if field in values:
            columns[column] = json.encode(values[field]).decode()
    if "quota" in values or values.get("unlimited"):
        quota = values.get("quota")
        columns["quota"] = None if quota is None else parse_usd(quota)
    if "expires" in values:
        expires = values["expires"]
        columns["expires_at"] = None if expires is None else parse_moment(expires, created)
    return columns


async def _views(tx: Transaction, rows: list[RowMapping]) -> list[KeyView]:
    used = await quotas.read(tx, [row["id"] for row in rows])
    held = await budgets.read(tx, [budgets.key_scope(row["id"]) for row in rows])
    return [_view(row, used.get(row["id"]), held[budgets.key_scope(row["id"])]) for row in rows]


def _view(row: RowMapping, quota: Quota | None, held: list[budgets.BudgetView]) -> KeyView:
    lists = {field: json.decode(row[column]) for field, column in _LISTS.items()}
    same = {name: row[name] for name in ("id", "name", "hint", *rates.NAMES, "status")}
    return KeyView(
        **same,
        **lists,
        user=row["user_name"],
        quota=None if row["quota"] is None else format_usd(row["quota"]),
        used=None if quota is None else format_usd(quota.used),
        remaining=None if quota is None else format_usd(quota.remaining),
        budgets=held,
        expires_at=show_moment(row["expires_at"]),
        created_at=iso(row["created_at"] / MICRO),
    )
