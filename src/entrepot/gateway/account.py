"""What a key's holder may know of its money: /v1/key, /v1/receipts/{id}, and OpenAI's old billing pages.

Chat clients still ask `/v1/dashboard/billing/subscription` and `/usage` to show a balance; both
are answered in that shape.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from entrepot.access.admission import Admission
from entrepot.billing.receipt import FACTS, facts_of, receipt
from entrepot.buckets.accounts import Balance
from entrepot.buckets.desk import Buckets
from entrepot.buckets.plan import HOUSE
from entrepot.core.call import Caller, RateLimits
from entrepot.core.faults import Fault, Kind
from entrepot.core.money import format_usd
from entrepot.gateway.request import Head, WrongMethod
from entrepot.kit import json
from entrepot.kit.clock import iso
from entrepot.kit.ids import request_day
from entrepot.kit.patterns import matches
from entrepot.relay.exchange import Exchange
from entrepot.snapshot.model import Snapshot
from entrepot.store.contract import Database, StoreAwayError

RECEIPT_WAITS = (0.0, 0.15, 0.25, 0.3)
"""Seconds between looks for a receipt: two flush intervals and a little, before it is a 404."""
_UNTIL_UNLIMITED = 253_370_764_800
"""The year 9999: what clients show as `never`."""

_RECEIPT = f"SELECT {', '.join(FACTS)} FROM usage WHERE id = $1 AND user_id = $2"  # noqa: S608  # constants
_SPENT_KEY = "SELECT CAST(COALESCE(SUM(charge), 0) AS BIGINT) FROM usage_hourly WHERE user_id = $1 AND key_id = $2"


class SharedLimits(msgspec.Struct, frozen=True):
    """Calls, tokens and running calls that this key may have together with others; null is unlimited."""

    of: str
    """`account`, `group` or `model`."""
    name: str
    """Empty for the account; a model may be a wildcard, then all that fit it share."""
    rpm: int | None
    tpm: int | None
    concurrency: int | None


class KeyLimits(msgspec.Struct, frozen=True):
    """Calls, tokens and running calls that the key may have; null is unlimited."""

    rpm: int | None
    tpm: int | None
    concurrency: int | None
    shared: tuple[SharedLimits, ...]
    """What else binds it."""


class BudgetView(msgspec.Struct, frozen=True):
    """What may be spent in a period. Money is a decimal string in USD."""

    of: str
    """`key`, or `account`: all of its keys together."""
    period: str
    limit: str
    spent: str
    remaining: str
    renews_at: str | None
    """When the next period begins; null where there is none."""


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /v1/key`. Money is a decimal string in USD; null is unlimited."""

    object: str = "key"
    name: str
    group: str
    groups: tuple[str, ...]
    quota: str | None
    used: str
    remaining: str | None
    """What this key can still spend: the least of its quota, its account's balance, and the budgets of both."""
    balance: str | None
    """The account's balance; null where it has no wallet limit."""
    held: str
    """Reserved by calls that are running."""
    budgets: tuple[BudgetView, ...]
    expires_at: str | None
    models: tuple[str, ...]
    limits: KeyLimits


class Account:
    """Answers for keys about their money."""

    __slots__ = ("_admission", "_buckets", "_database", "_snapshot")

    PATHS = frozenset(("/key", "/dashboard/billing/subscription", "/dashboard/billing/usage"))

    def __init__(self, admission: Admission, buckets: Buckets, database: Database, snapshot: Callable[[], Snapshot]) -> None:
        self._admission = admission
        self._buckets = buckets
        self._database = database
        self._snapshot = snapshot

    def serves(self, path: str) -> bool:
        """Is the path (without its version) one of ours?"""
        return path in self.PATHS or path.startswith("/receipts/")

    async def answer(self, path: str, head: Head, method: str, exchange: Exchange) -> None:
        """Send what was asked for. Raises Fault."""
        if method not in ("GET", "HEAD"):
            raise WrongMethod(path, "GET, HEAD")
        caller = await self._admission.admit(head.secret, head.address)
        try:
            body = json.encode(await self._body(path, caller))
        except StoreAwayError:
            raise Fault(Kind.STORE_AWAY, retry_after=1) from None
        await exchange.answer(200, ((b"content-type", b"application/json"),), body)

    async def _body(self, path: str, caller: Caller) -> Any:
        if path == "/key":
            return await self._key(caller)
        if path.startswith("/receipts/"):
            return await self._receipt(path.removeprefix("/receipts/"), caller)
        view = await self._key(caller)
        if path.endswith("/usage"):
            return {"object": "list", "total_usage": _number(view.used) * 100}
        return _subscription(view, caller)

    async def _receipt(self, request_id: str, caller: Caller) -> Any:
        if request_day(request_id) is not None:
            for pause in RECEIPT_WAITS:
                await asyncio.sleep(pause)
                rows = await self._database.fetch(_RECEIPT, request_id, caller.user_id)
                if rows:
                    return receipt(facts_of(rows[0]))
        raise Fault(Kind.FOREIGN_OBJECT, f"There is no receipt {request_id} of this account.")

    async def _key(self, caller: Caller) -> KeyView:
        wallet = None if caller.wallet == HOUSE else await self._balance(caller.wallet)
        caps = [await self._balance(cap) for cap in caller.caps]
        lefts = [balance.total for balance in (wallet, *caps) if balance is not None]
        ((spent,),) = await self._database.fetch(_SPENT_KEY, caller.user_id, caller.key_id)
        return KeyView(
            name=caller.key_name,
            group=caller.groups[0] if caller.groups else "",
            groups=caller.groups,
            quota=_quota(caller, caps),
            used=format_usd(spent),
            remaining=format_usd(max(min(lefts), 0)) if lefts else None,
            balance=None if wallet is None else format_usd(wallet.total),
            held=format_usd(0 if wallet is None else wallet.held),
            budgets=tuple(_budgets(caller, caps)),
            expires_at=None if caller.expires is None else iso(caller.expires),
            models=caller.models,
            limits=KeyLimits(caller.rpm, caller.tpm, caller.concurrency, tuple(_shared(caller, self._snapshot()))),
        )

    async def _balance(self, bucket: int) -> Balance:
        return await self._buckets.balance(bucket) or Balance(0, 0, 0, None)


def _shared(caller: Caller, snapshot: Snapshot) -> Iterator[SharedLimits]:
    if caller.user_limits is not None:
        yield _limits("account", "", caller.user_limits)
    for name in caller.groups:
        group = snapshot.groups.get(name)
        if group is not None and group.limits is not None:
            yield _limits("group", name, group.limits)
    for model in snapshot.models.values():
        if model.limits is not None and _may_use(caller, model.name):
            yield _limits("model", model.name, model.limits)


def _limits(of: str, name: str, limits: RateLimits) -> SharedLimits:
    return SharedLimits(of, name, limits.rpm, limits.tpm, limits.concurrency)


def _may_use(caller: Caller, model: str) -> bool:
    """May the key use this model, or any that this wildcard fits?"""
    return not caller.models or any(matches(own, model) or matches(model, own) for own in caller.models)


def _quota(caller: Caller, caps: Sequence[Balance]) -> str | None:
    """The key's limit as the database has it now: the cached caller may not have heard of a change yet."""
    if caller.quota is None or not caps:
        return None
    cap = caps[0].cap
    return format_usd(caller.quota if cap is None else cap)


def _budgets(caller: Caller, caps: Sequence[Balance]) -> Iterator[BudgetView]:
    for budget, balance in zip(caller.budgets, caps[len(caps) - len(caller.budgets) :], strict=True):
        limit = budget.limit if balance.cap is None else balance.cap
        spent, left = limit - balance.total, max(balance.total, 0)
        renews = None if budget.ends is None else iso(budget.ends)
        yield BudgetView(budget.of, budget.period, format_usd(limit), format_usd(spent), format_usd(left), renews)


def _subscription(view: KeyView, caller: Caller) -> dict[str, Any]:
    """OpenAI's subscription object: the limit is what was used and what is left together."""
    limit = 100_000_000.0 if view.remaining is None else _number(view.used) + _number(view.remaining)
    return {
        "object": "billing_subscription",
        "has_payment_method": True,
        "soft_limit_usd": limit,
        "hard_limit_usd": limit,
        "system_hard_limit_usd": limit,
        "access_until": int(caller.expires) if caller.expires is not None else _UNTIL_UNLIMITED,
    }


def _number(usd: str) -> float:
    """These old pages show JSON numbers; no money is computed with them."""
    return round(float(usd), 9)
