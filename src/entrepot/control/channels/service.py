"""Channels on the database."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import select
from sqlalchemy.engine import RowMapping

from entrepot.control.channels import secrets
from entrepot.control.channels.schemas import ChannelCreate, ChannelUpdate, ChannelView, Limits, TimeoutTable, VendorKeyView
from entrepot.control.channels.vendors import check_complete, find_vendor
from entrepot.control.errors import ConflictError, missing
from entrepot.control.fields import MICRO, show_moment
from entrepot.control.groups import service as groups
from entrepot.control.pages import Page, number_cursor, page_of
from entrepot.control.services import Transaction
from entrepot.kit import json
from entrepot.kit.clock import iso
from entrepot.store.schema import channels

_PLAIN = ("provider", "base_url", "api", "priority", "weight", "proxy", "status")
_JSON = ("models", "model_map", "groups", "headers", "overrides", "limits", "timeouts")
_LEADS = ("provider", "base_url", "headers", "proxy")
"""Where calls go, and as whom: what was found out about another place does not count here."""
_APART = frozenset(("name", "keys"))
"""Fields that are no columns to be set from."""


async def list_page(tx: Transaction, limit: int, after: str | None = None) -> Page[ChannelView]:
    """Channels in the order of their creation."""
    query = select(channels).where(channels.c.id > number_cursor(after), channels.c.status != "deleted")
    rows = await tx.rows(query.order_by(channels.c.id).limit(limit + 1))
    owned = await secrets.of_channels(tx, [row["id"] for row in rows])
    views = [_view(row, owned[row["id"]], tx.now) for row in rows]
    return page_of(views, limit, [str(view.id) for view in views])


async def get(tx: Transaction, name: str) -> ChannelView:
    """One channel. Raises NotFoundError."""
    row = await find(tx, name)
    return _view(row, (await secrets.of_channels(tx, [row["id"]]))[row["id"]], tx.now)


async def find(tx: Transaction, name: str) -> RowMapping:
    """A channel's row. Raises NotFoundError."""
    row = await tx.row(select(channels).where(channels.c.name == name, channels.c.status != "deleted"))
    if row is None:
        known = await tx.rows(select(channels.c.name).where(channels.c.status != "deleted"))
        raise missing("channel", name, [other["name"] for other in known])
    return row


async def exists(tx: Transaction, name: str) -> bool:
    """Is there such a channel?"""
    return await tx.scalar(select(channels.c.id).where(channels.c.name == name)) is not None


async def create(tx: Transaction, spec: ChannelCreate) -> ChannelView:
    """A new channel. Raises ConflictError where the name is taken, InvalidError for what cannot work."""
    vendor = find_vendor(tx.services.catalogue, spec.provider)
    name = spec.name or vendor.name
    if await exists(tx, name):
        raise ConflictError(f"There is already a channel {name!r}. Give another name, or update that one.", "name")
    await groups.require(tx, spec.groups, "groups")
    check_complete(vendor, spec.base_url, has_keys=bool(spec.keys))
    fields = spec.model_dump(exclude=set(_APART))
    columns = _columns({**fields, "provider": vendor.name, "models": spec.models or list(vendor.row.models) or ["*"]})
    row_id = await tx.add(channels, {"name": name, "created_at": tx.now, **columns})
    await secrets.replace(tx, row_id, spec.keys)
    tx.touched_snapshot()
    return await get(tx, name)


async def update(tx: Transaction, name: str, change: ChannelUpdate) -> ChannelView:
    """Change what the caller set. Raises NotFoundError, InvalidError."""
    row = await find(tx, name)
    fields = change.model_dump(exclude_unset=True, exclude=set(_APART))
    vendor = find_vendor(tx.services.catalogue, fields.get("provider") or row["provider"])
    if "provider" in fields:
        fields["provider"] = vendor.name
    if "groups" in fields:
        await groups.require(tx, fields["groups"], "groups")
    if "models" in fields and not fields["models"]:
        fields["models"] = list(vendor.row.models) or ["*"]
    if "keys" in change.model_fields_set:
        await secrets.replace(tx, row["id"], change.keys)
    if "limits" in fields:
        fields["limits"] = {**json.decode(row["limits"]), **fields["limits"]}
    columns = _columns(fields)
    if any(columns.get(column, row[column]) != row[column] for column in _LEADS):
        await secrets.reset(tx, row["id"])
    if await tx.change(channels, row, columns):
        tx.touched_snapshot()
    has_keys = await secrets.count(tx, row["id"]) > 0
    check_complete(vendor, fields.get("base_url", row["base_url"]), has_keys=has_keys)
    return await get(tx, name)


async def remove(tx: Transaction, name: str) -> None:
    """Delete a channel and forget its keys; usage keeps pointing at the row, the name is free again."""
    row = await find(tx, name)
    await secrets.remove_all(tx, row["id"])
    await tx.change(channels, row, {"status": "deleted", "name": f"{name}#deleted-{row['id']}"})
    tx.touched_snapshot()


async def reset(tx: Transaction, name: str) -> ChannelView:
    """All workers forget what they have against the channel and its keys. Raises NotFoundError."""
    row = await find(tx, name)
    await secrets.reset(tx, row["id"])
    return await get(tx, name)


async def add_key(tx: Transaction, name: str, secret: str) -> ChannelView:
    """One more vendor key. Raises NotFoundError, ConflictError."""
    await secrets.add(tx, (await find(tx, name))["id"], secret)
    return await get(tx, name)


async def remove_key(tx: Transaction, name: str, key_id: int) -> ChannelView:
    """Take one vendor key away. Raises NotFoundError, InvalidError where it was the last one and the vendor needs one."""
    row = await find(tx, name)
    await secrets.remove(tx, row["id"], key_id)
    vendor = find_vendor(tx.services.catalogue, row["provider"])
    check_complete(vendor, row["base_url"], has_keys=await secrets.count(tx, row["id"]) > 0)
    return await get(tx, name)


def _columns(fields: dict[str, Any]) -> dict[str, Any]:
    columns = {name: fields[name] for name in _PLAIN if name in fields}
    for name in _JSON:
        if name in fields:
            value = fields[name]
            if name in ("limits", "timeouts"):
                value = {key: number for key, number in value.items() if number is not None}
            columns[name] = json.encode(value).decode()
    return columns


def _view(row: RowMapping, owned: list[RowMapping], now: int) -> ChannelView:
    documents = {name: json.decode(row[name]) for name in _JSON if name not in ("limits", "timeouts")}
    plain = {name: row[name] for name in ("id", "name", *_PLAIN) if name != "proxy"}
    return ChannelView(
        **plain,
        **documents,
        keys=[key_view(key, now) for key in owned],
        proxy=_without_password(row["proxy"]),
        limits=Limits(**json.decode(row["limits"])),
        timeouts=TimeoutTable(**json.decode(row["timeouts"])),
        created_at=iso(row["created_at"] / MICRO),
    )


def key_view(row: RowMapping, now: int) -> VendorKeyView:
    """A vendor key with its state at `now` (microseconds)."""
    facts = {name: row[name] for name in ("id", "hint", "status", "reason", "tries")}
    if row["status"] == "cooled" and row["rests_until"] <= now:
        facts |= {"status": "enabled", "reason": ""}  # over, and nothing more was heard of it
    return VendorKeyView(**facts, until=show_moment(row["rests_until"]) if facts["status"] in secrets.RESTS else None)


def _without_password(proxy: str) -> str:
    parts = urlsplit(proxy)
    if parts.password is None:
        return proxy
    return urlunsplit(parts._replace(netloc=f"{parts.username}:…@{parts.netloc.rpartition('@')[2]}"))
