"""A relay in the test's own loop: real admission, router, dialects, client; vendors are real sandboxes.

Only the store is left out (keys and snapshot are given), and the client's side is a `Wire`.
"""

import asyncio
import atexit
import concurrent.futures
import contextlib
import functools
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from entrepot.access.admission import Admission
from entrepot.access.limits import Limits
from entrepot.billing.hold import Billing
from entrepot.billing.prices import PriceBook
from entrepot.billing.receipt import FACTS, Receipt, facts_of, receipt
from entrepot.buckets import accounts
from entrepot.buckets.desk import Buckets
from entrepot.buckets.plan import HOUSE
from entrepot.core.call import Call, Caller, Operation
from entrepot.core.http import Headers, Timeouts, parse_origin
from entrepot.core.money import parse_usd
from entrepot.core.record import Record
from entrepot.dialects.catalogue import load_conversions, load_dialects
from entrepot.kit import json
from entrepot.kit.clock import SystemClock
from entrepot.kit.ids import RequestIds, key_hash
from entrepot.providers.catalogue import load_catalogue
from entrepot.relay.exchange import Exchange
from entrepot.relay.pipeline import Relay, Services
from entrepot.relay.registry import Registry
from entrepot.relay.speech import Interpreter
from entrepot.routing.board import Board
from entrepot.routing.candidates import Router
from entrepot.snapshot.model import Channel, ChannelKey, Disconnect, Group, Model, Snapshot
from entrepot.snapshot.prices import NO_PRICES, PriceTable
from entrepot.store.migrate import migrate
from entrepot.store.raw import open_database
from entrepot.upstream.client import Upstream
from tests.connections import Wire
from tests.vendors import Vendor, running_sandbox

SECRET = "sk-client"


@functools.cache
def template_database() -> Path:
    """An empty database, migrated once a test process."""
    folder = Path(tempfile.mkdtemp(prefix="template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with concurrent.futures.ThreadPoolExecutor(1) as thread:  # migrate() needs a thread without a running loop
        thread.submit(migrate, f"sqlite:///{folder / 'entrepot.db'}").result()
    return folder / "entrepot.db"


QUICK = Timeouts(connect=2.0, first_byte=2.0, idle=2.0, total=20.0)


def channel(vendor: Vendor | str, number: int = 1, **facts: Any) -> Channel:
    """A channel to a vendor (or to an URL where nobody may be)."""
    url, secret = (vendor, "sk-x") if isinstance(vendor, str) else (vendor.base_url, vendor.secret or "")
    origin, prefix, query = parse_origin(url)
    base: dict[str, Any] = {
        "id": number,
        "name": f"c{number}",
        "provider": "sandbox",
        "origin": origin,
        "prefix": prefix,
        "query": query,
        "models": ("sandbox/*",),
        "keys": (ChannelKey(number, secret),),
        "timeouts": QUICK,
        "priority": -number,
    }
    return Channel(**(base | facts))


@dataclass
class RelayUnderTest:
    """Runs calls and keeps their records."""

    relay: Relay
    limits: Limits
    registry: Registry
    upstream: Upstream
    buckets: Buckets
    records: list[Record] = field(default_factory=list)
    clock: SystemClock = field(default_factory=SystemClock)
    ids: RequestIds = field(default_factory=lambda: RequestIds(SystemClock()))

    def start(
        self,
        body: Any,
        wire: Wire,
        *,
        operation: Operation = "chat",
        fault: str = "",
        secret: str | None = SECRET,
        strict: bool = False,
        passed: Headers = (),
    ) -> "asyncio.Task[None]":
        """Begin a call as the gateway would."""
        raw = body if isinstance(body, bytes) else json.encode(body)

        async def read() -> bytes:
            return raw

        exchange = Exchange(wire, self.ids.mint())
        call = Call(
            id=exchange.request_id,
            operation=operation,
            dialect="openai",
            address="192.0.2.1",
            client_id=None,
            arrived=self.clock.wall(),
            started=self.clock.monotonic(),
            strict=strict,
            fault_header=fault.encode(),
            passed=passed,
        )
        return asyncio.ensure_future(self.relay.run(call, secret, read, exchange))

    async def call(self, body: Any, **how: Any) -> tuple[Wire, Record]:
        """A whole call: the client's view and the record."""
        wire = Wire()
        await self.start(body, wire, **how)
        return wire, self.records[-1]

    async def receipt(self, request_id: str) -> Receipt:
        """What the holder is shown, when everything is in the database."""
        async with asyncio.timeout(5):
            while self.buckets.lag:
                await asyncio.sleep(0.02)
        rows = await self.buckets.flusher.db.fetch(f"SELECT {', '.join(FACTS)} FROM usage WHERE id = $1", request_id)
        return receipt(facts_of(rows[0]))

    @property
    def in_use(self) -> int:
        """Vendor connections that a call holds right now."""
        return sum(stats.in_use for stats in self.upstream.stats().values())


@contextlib.asynccontextmanager
async def running_relay(
    channels: Sequence[Channel],
    *,
    prices: PriceTable = NO_PRICES,
    disconnect: Disconnect = "cancel",
    max_output: int | None = None,
    show_cost: bool = True,
    groups: Sequence[Group] = (Group(1, "default"),),
    **caller: Any,
) -> AsyncIterator[RelayUnderTest]:
    """A relay over these channels, for one key; it pays from the house account unless it is given a `wallet`.

    `wallet_usd` makes one with so much in it, `quota_usd` a quota.
    """
    data = Path(tempfile.mkdtemp(prefix="relay-"))
    shutil.copy(template_database(), data / "entrepot.db")
    database = await open_database(f"sqlite:///{data / 'entrepot.db'}")
    if (usd := caller.pop("wallet_usd", None)) is not None:
        caller["wallet"] = await accounts.open_bucket(database, "wallet", accounts.wallet_ref(1))
        await accounts.credit(database, caller["wallet"], parse_usd(usd), kind="topup", reference="test")
    if (usd := caller.pop("quota_usd", None)) is not None:
        caller["caps"] = (await accounts.open_bucket(database, "quota", accounts.quota_ref(1), parse_usd(usd)),)
    buckets = await Buckets.open(database, data, SystemClock())
    names = tuple(group.name for group in groups)
    facts = {"key_id": 1, "key_name": "k", "user_id": 1, "groups": names, "wallet": HOUSE} | caller
    known = {key_hash(SECRET): Caller(**facts)}

    async def find(digest: str) -> Caller | None:
        return known.get(digest)

    records: list[Record] = []
    models = [Model("*", disconnect=disconnect, max_output=max_output)]
    snapshot = Snapshot(1, {group.name: group for group in groups}, channels, models, prices)
    router = Router(snapshot, random.Random(1), Board(SystemClock(), random.Random(2)))
    upstream, registry = Upstream(), Registry(1000)
    book = PriceBook(prices)
    limits = Limits(database, lambda: router.snapshot, SystemClock())
    await limits.start()
    services = Services(
        admission=Admission(find, SystemClock()),
        router=lambda: router,
        prices=lambda: book,
        billing=Billing(buckets, "refuse"),
        limits=limits,
        upstream=upstream,
        interpreter=Interpreter(load_catalogue(), load_dialects(), load_conversions(), None),
        dialects=load_dialects(),
        registry=registry,
        clock=SystemClock(),
        observe=records.append,
        show_cost=show_cost,
    )
    try:
        yield RelayUnderTest(Relay(services), limits, registry, upstream, buckets, records)
    finally:
        await upstream.close()
        await limits.close()
        await buckets.close()
        await database.close()
        shutil.rmtree(data)


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    """A sandbox."""
    async with running_sandbox() as made:
        yield made
