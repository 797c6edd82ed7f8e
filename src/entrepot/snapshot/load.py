"""Reads a snapshot from the database. What cannot be read is left out and logged; it never stops the rest."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias

import msgspec

from entrepot.core.call import RateLimits
from entrepot.core.http import Headers, Timeouts, parse_origin
from entrepot.core.route import Disconnect
from entrepot.kit import json
from entrepot.kit.breath import in_breaths
from entrepot.snapshot.model import Channel, ChannelKey, Group, Model, Snapshot
from entrepot.snapshot.prices import READ_PRICES, read_prices
from entrepot.store.contract import Database, Row, Statement
from entrepot.store.vault import Vault, VaultError, channel_key_place

_log = logging.getLogger("entrepot.snapshot")

DEFAULT_GROUP = "default"
"""Exists even where no row says so, at the ratio 1."""
_SELF = "self:"

SelfUrls: TypeAlias = Mapping[str, tuple[str, str]]
"""`self:sandbox` → its base URL on loopback and the secret it asks for."""

_READ = (
    Statement("SELECT v FROM feed_head WHERE id = 1"),
    Statement(
        "SELECT id, name, ratio_ppm, description, public, limits, disconnect, free_interrupted, affinity "
        "FROM groups ORDER BY id"
    ),
    Statement(
        "SELECT id, name, provider, base_url, api, models, model_map, groups, priority, weight, headers, overrides, proxy, "
        "limits, timeouts FROM channels WHERE status = 'enabled' ORDER BY id"
    ),
    Statement("SELECT channel_id, id, secret, status FROM channel_keys ORDER BY channel_id, position, id"),
    Statement(
        "SELECT name, id, description, owner, created_at, disconnect, timeouts, limits, affinity, max_output "
        "FROM models ORDER BY id"
    ),
    READ_PRICES,
)


class Places(Protocol):
    """What the loader must know of providers: where a vendor is."""

    def base_url(self, provider: str, base_url: str) -> str:
        """The absolute URL that calls start with; `base_url` as the operator wrote it, may be empty.

        Raises LookupError for an unknown provider, ValueError for a URL that makes no sense.
        """
        ...


class _ChannelRow(msgspec.Struct, frozen=True, gc=False):
    """A row of `channels`, its JSON still text. The order is that of the query."""

    id: int
    name: str
    provider: str
    base_url: str
    api: str
    models: str
    model_map: str
    groups: str
    priority: int
    weight: int
    headers: str
    overrides: str
    proxy: str
    limits: str
    timeouts: str


class _Limits(RateLimits, frozen=True):
    max_connections: int = 1024


class _Builder:
    """Turns rows into a snapshot."""

    __slots__ = ("_places", "_self_urls", "_vault")

    def __init__(self, vault: Vault, places: Places, self_urls: SelfUrls) -> None:
        self._vault = vault
        self._places = places
        self._self_urls = self_urls

    def snapshot(self, tables: list[list[Row]]) -> Snapshot:
        head, groups, channels, keys, models, prices = tables
        keys_of: dict[int, list[Row]] = {}
        for channel_id, *rest in keys:
            keys_of.setdefault(channel_id, []).append(tuple(rest))
        made = (self._channel(_ChannelRow(*row), keys_of.get(row[0], [])) for row in in_breaths(channels))
        return Snapshot(
            head[0][0] if head else 0,
            {DEFAULT_GROUP: Group(0, DEFAULT_GROUP), **_groups(groups)},
            [channel for channel in made if channel is not None],
            _models(models),
            read_prices(prices),
        )

    def _channel(self, row: _ChannelRow, keys: list[Row]) -> Channel | None:
        try:
            return self._read_channel(row, keys)
        except (LookupError, ValueError, msgspec.MsgspecError, VaultError) as error:
            _log.error("channel left out: %s", error, extra={"channel": row.name, "channel_id": row.id})
            return None

    def _read_channel(self, row: _ChannelRow, rows: list[Row]) -> Channel:
        if row.base_url.startswith(_SELF):
            if row.base_url not in self._self_urls:
                raise LookupError(f"{row.base_url} is not served here")
            url, secret = self._self_urls[row.base_url]
            keys = (ChannelKey(rows[0][0] if rows else 0, secret),)
        else:
            url = self._places.base_url(row.provider, row.base_url)
            keys = self._keys(row.name, rows)
        origin, prefix, query = parse_origin(url, row.proxy or None)
        limits = msgspec.json.decode(row.limits, type=_Limits)
        return Channel(
            id=row.id,
            name=row.name,
            provider=row.provider,
            origin=origin,
            prefix=prefix,
            query=query,
            api=row.api,
            models=msgspec.json.decode(row.models, type=tuple[str, ...]),
            model_map=msgspec.json.decode(row.model_map, type=dict[str, str]),
            groups=msgspec.json.decode(row.groups, type=tuple[str, ...]),
            priority=row.priority,
            weight=row.weight,
            headers=_headers(msgspec.json.decode(row.headers, type=dict[str, str])),
            overrides=json.members(row.overrides.encode()),
            timeouts=msgspec.json.decode(row.timeouts, type=Timeouts),
            max_connections=limits.max_connections,
            limits=limits if limits.rpm or limits.tpm or limits.concurrency else None,
            keys=keys,
        )

    def _keys(self, channel: str, rows: list[Row]) -> tuple[ChannelKey, ...]:
        """Keys that open; one that does not is left out alone. Raises VaultError where none is left."""
        if not rows:
            return (ChannelKey(0, ""),)
        opened: list[ChannelKey] = []
        for key_id, sealed, status in rows:
            try:
                opened.append(ChannelKey(key_id, self._vault.unseal(sealed, channel_key_place(key_id)), status))
            except VaultError as error:
                _log.error("channel key left out: %s", error, extra={"channel": channel, "channel_key_id": key_id})
        if not opened:
            raise VaultError("none of its keys can be decrypted")
        return tuple(opened)


async def load(db: Database, vault: Vault, places: Places, self_urls: SelfUrls | None = None) -> Snapshot:
    """The tables as they are now, all read at one moment. Raises StoreAwayError, StatementError."""
    tables = await db.read(_READ)
    # In a thread: decoding and decrypting thousands of channels must not hold up running streams.
    return await asyncio.to_thread(_Builder(vault, places, self_urls or {}).snapshot, tables)


def _groups(rows: Iterable[Row]) -> dict[str, Group]:
    return {row[1]: _group(row) for row in rows}


def _group(row: Row) -> Group:
    row_id, name, ratio, description, public, limits, disconnect, free_interrupted, affinity = row
    policy: Disconnect | None = None
    try:
        policy = None if disconnect == "model" else msgspec.convert(disconnect, Disconnect)
    except msgspec.MsgspecError as error:
        _log.error("policy of a group left out: %s", error, extra={"group": name})
    rates = _rate_limits(limits, name)
    known = (row_id, name, ratio, description, bool(public), rates, policy, bool(free_interrupted))
    return Group(*known, affinity or None)


def _rate_limits(text: str, of: str) -> RateLimits | None:
    """What cannot be read limits nothing: a typing error must not stop a group or a model."""
    try:
        return msgspec.json.decode(text, type=RateLimits) if text != "{}" else None
    except msgspec.MsgspecError as error:
        _log.error("rate limits left out: %s", error, extra={"of": of})
        return None


def _models(rows: Iterable[Row]) -> Iterable[Model]:
    for row in in_breaths(rows):
        model = _model(row)
        if model is not None:
            yield model


def _model(row: Row) -> Model | None:
    name, row_id, description, owner, created, disconnect, timeouts, limits, affinity, max_output = row
    try:
        overrides: dict[str, Any] = msgspec.json.decode(timeouts, type=dict[str, float | None])
        msgspec.convert(overrides, _AllTimeouts)
        policy = msgspec.convert(disconnect, Disconnect)
    except msgspec.MsgspecError as error:
        _log.error("model left out: %s", error, extra={"model": name})
        return None
    known = (name, row_id, description, owner, created // 1_000_000, policy, overrides)
    return Model(*known, _rate_limits(limits, name), affinity or None, max_output or None)


class _AllTimeouts(Timeouts, frozen=True, forbid_unknown_fields=True):
    """Refuses a timeout that does not exist."""


def _headers(pairs: Mapping[str, str]) -> Headers:
    """Header pairs in lower case. Raises ValueError where a value would break the request in two."""
    for name, value in pairs.items():
        if not name or any(mark in name + value for mark in "\r\n\0") or not name.isascii():
            raise ValueError(f"header {name!r} cannot be sent")
    return tuple((name.lower().encode(), value.encode()) for name, value in pairs.items())
