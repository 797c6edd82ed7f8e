"""One gateway worker: the data plane and nothing else (`python -m entrepot.compose.gateway`)."""

import asyncio
import random
import socket
import sys
from collections.abc import Callable

from entrepot.access.admission import Admission
from entrepot.access.limits import Limits
from entrepot.billing.catalogue import known_outputs
from entrepot.billing.hold import Billing
from entrepot.billing.prices import PriceBook
from entrepot.buckets.desk import Buckets, Options
from entrepot.compose.places import self_urls
from entrepot.compose.process import new_loop, say_ready, stop_signal
from entrepot.core.call import Caller
from entrepot.core.faults import Fault, Kind
from entrepot.core.record import Record
from entrepot.dialects.catalogue import load_conversions, load_dialects
from entrepot.gateway.account import Account
from entrepot.gateway.app import Edge, Gateway, Pages
from entrepot.gateway.connection import EdgeLimits
from entrepot.gateway.health import Health, Readiness
from entrepot.gateway.models import Models
from entrepot.gateway.passage import Passage
from entrepot.gateway.server import Server
from entrepot.kit.clock import SystemClock
from entrepot.kit.ids import RequestIds
from entrepot.kit.memory import Tide, find_trim
from entrepot.kit.tasks import TaskGroup
from entrepot.observe import logs
from entrepot.observe.calls import CallLog
from entrepot.observe.metrics import Metrics
from entrepot.observe.money import money_gauges
from entrepot.providers.catalogue import load_catalogue
from entrepot.providers.places import Places
from entrepot.relay.fetch import Fetcher
from entrepot.relay.pipeline import Relay, Services
from entrepot.relay.registry import Registry
from entrepot.relay.speech import Interpreter
from entrepot.routing.board import Board
from entrepot.routing.candidates import Router
from entrepot.routing.health import ChannelHealth
from entrepot.routing.key_states import KeyStates
from entrepot.routing.published import publish_loop
from entrepot.settings import Handoff, Settings, received_handoff
from entrepot.snapshot.watch import Watcher
from entrepot.store.keys import find_key
from entrepot.store.raw import Database, StoreAwayError, open_database
from entrepot.store.vault import local_vault
from entrepot.upstream.client import Upstream
from entrepot.upstream.guard import Guard

MEMORY_SECONDS = 2.0
"""Between looks at whether memory can be given back."""


class Worker:
    """Everything one worker holds, opened and closed in order."""

    def __init__(self, handoff: Handoff, database: Database) -> None:
        self.handoff = handoff
        self.settings: Settings = handoff.settings
        self.clock = SystemClock()
        self.tasks = TaskGroup()
        self.catalogue = load_catalogue()
        self.database = database
        self.upstream = Upstream(extra_ca=self.settings.upstream_ca)
        self.fetcher = Fetcher(Upstream(extra_ca=self.settings.upstream_ca, guard=Guard(self.settings.fetch_networks)))
        self.registry = Registry(self.settings.max_calls)
        self.admission = Admission(self._find, self.clock)
        self.metrics = Metrics(self.settings.data_path / "metrics", handoff.index, self.clock, serves=self._serves)
        self.calls = CallLog(sys.stdout.fileno()) if self.settings.call_log else None
        self._random = random.Random()  # noqa: S311  draws channels, not secrets
        self.limits = Limits(database, lambda: self.watcher.current, self.clock)
        self.board = Board(self.clock, self._random)
        self.key_states = KeyStates(database, self.board)
        self.board.workers = lambda: self.limits.rounds.live
        self._router: Router | None = None
        self._prices: PriceBook | None = None
        self.buckets: Buckets | None = None

    async def watch(self) -> Watcher:
        """Start to follow the configuration."""
        vault = local_vault(self.settings)  # checked against the database before the processes started
        self.watcher = Watcher(
            self.database, vault, Places(self.catalogue), self.tasks, self.clock, self_urls=self_urls(self.handoff)
        )
        self.watcher.subscribe(self.admission.forget, self.admission.forget_all)
        self.watcher.subscribe_vendor_keys(self.key_states.changed)
        await self.watcher.start()
        await self.key_states.start(self.tasks)
        return self.watcher

    def router(self) -> Router:
        """The router over the snapshot that holds now; made anew when that changes."""
        router, current = self._router, self.watcher.current
        if router is None or router.snapshot is not current:
            if router is not None:
                self.board.follow(router.snapshot.channels, current.channels)
                self.key_states.changed("")
            router = self._router = Router(current, self._random, self.board)
        return router

    def prices(self) -> PriceBook:
        """The price book that holds now."""
        book, table = self._prices, self.watcher.current.prices
        if book is None or book.version != table.version:
            book = self._prices = PriceBook(table)
        return book

    def observe(self, record: Record) -> None:
        """A call has ended."""
        self.metrics.observe(record)
        if self.calls is not None:
            self.calls.observe(record)

    def readiness(self) -> Readiness:
        """May this worker take calls?"""
        draining = self.registry.draining
        return Readiness(self.watcher.ready and not draining, draining, self.watcher.current.version, len(self.registry))

    def vendor_connections(self) -> dict[str, float]:
        """Open connections by host and port."""
        found: dict[str, float] = {}
        for origin, stats in self.upstream.stats().items():
            found[origin.authority] = found.get(origin.authority, 0) + stats.open
        return found

    def resting_channels(self) -> dict[str, float]:
        """1 for each channel that rests here."""
        return self._troubled(lambda health, now: float(health.breaker.rests(now)))

    def resting_keys(self) -> dict[str, float]:
        """How many of a channel's keys rest."""
        return self._troubled(lambda health, now: float(sum(key.breaker.rests(now) for key in health.keys.values())))

    def _troubled(self, count: Callable[[ChannelHealth, float], float]) -> dict[str, float]:
        names = {channel.id: channel.name for channel in self.watcher.current.channels} if self.board.troubled else {}
        now = self.board.now()
        return {names[each.id]: count(each, now) for each in self.board.troubled.values() if each.id in names}

    def stale_seconds(self) -> float:
        """How long the database has been away; 0 while it is there."""
        since = self.watcher.stale_since
        return 0.0 if since is None else max(self.clock.wall() - since, 0.0)

    def app(self, buckets: Buckets) -> Gateway:
        """The application that the edge serves."""
        dialects = load_dialects()
        services = Services(
            admission=self.admission,
            router=self.router,
            prices=self.prices,
            billing=Billing(buckets, self.settings.unpriced, known_outputs()),
            limits=self.limits,
            upstream=self.upstream,
            interpreter=Interpreter(self.catalogue, dialects, load_conversions(), self.fetcher),
            dialects=dialects,
            registry=self.registry,
            clock=self.clock,
            observe=self.observe,
            show_cost=self.settings.show_cost,
        )
        edge = Edge(self.clock, RequestIds(self.clock), self.settings.max_body, self.settings.trusted_proxies)
        pages = Pages(
            Account(self.admission, buckets, self.database, lambda: self.watcher.current),
            Health(self.readiness, self.metrics.render, self.settings.metrics_token),
            Models(self.admission, lambda: self.watcher.current),
            Passage(self.upstream, self.handoff.control_path),
        )
        return Gateway(edge, Relay(services), services.dialects, pages)

    async def close(self) -> None:
        """Write what is left, then let go of everything."""
        await self.limits.close()
        if self.buckets is not None:
            await self.buckets.close()
        await self.upstream.close()
        await self.fetcher.close()
        await self.tasks.close()
        if self.calls is not None:
            self.calls.close()
        await self.database.close()

    def _serves(self, model: str) -> bool:
        """Is it served under this very name? What a wildcard would take is the client's word only."""
        current = self.watcher.current
        if "*" in model or not current.knows(model):
            return False
        return model in current.models or any(model in (*channel.models, *channel.model_map) for channel in current.channels)

    async def _find(self, digest: str) -> Caller | None:
        try:
            return await find_key(self.database, digest, self.clock)
        except StoreAwayError:
            raise Fault(Kind.STORE_AWAY, retry_after=1) from None


async def serve(
    handoff: Handoff,
    sockets: list[socket.socket],
    ready: Callable[[], None],
    stopping: asyncio.Event,
    make: Callable[[Handoff, Database], Worker] = Worker,
) -> None:
    """Serve on `sockets` until `stopping`, then drain and close. Benchmarks `make` workers that lack a part."""
    settings = handoff.settings
    worker = make(handoff, await open_database(settings.database, durability=settings.durability))
    try:
        await worker.watch()
        buckets = worker.buckets = await open_buckets(worker)
        await worker.limits.start()
        app = worker.app(buckets)
        server = Server(app, limits=_limits(settings), render=load_dialects()["chat"].render)
        worker.tasks.spawn(worker.metrics.publish_loop(), "metrics")
        folder = settings.data_path / "metrics"
        worker.tasks.spawn(publish_loop(folder, handoff.index, worker.board, worker.clock), "state of channels")
        worker.tasks.spawn(_give_memory_back(worker), "memory")
        gauges(worker, server)
        ready()
        await server.run(sockets, stopping=stopping, drain=lambda: worker.registry.drain(settings.drain_timeout))
    finally:
        await worker.close()


async def open_buckets(worker: Worker) -> Buckets:
    """The worker's desk; what dead workers left in the journals is replayed first."""
    settings = worker.settings
    options = Options(node=socket.gethostname(), durability=settings.durability)
    return await Buckets.open(worker.database, settings.data_path, worker.clock, options, figures=worker.metrics.money)


async def _give_memory_back(worker: Worker) -> None:
    """After a rush of calls, return what they have freed."""
    tide, trim = Tide(), find_trim()
    while True:
        await asyncio.sleep(MEMORY_SECONDS)
        worker.board.sweep()
        if tide.has_ebbed(len(worker.registry)):
            await asyncio.to_thread(trim)


def gauges(worker: Worker, server: Server) -> None:
    """What is measured by looking, not by counting calls."""
    gauge = worker.metrics.gauge
    gauge("entrepot_open_calls", "Calls that are running.", lambda: len(worker.registry))
    gauge("entrepot_client_connections", "Open client connections.", lambda: server.connections)
    gauge("entrepot_tasks", "Tasks of the event loops.", lambda: len(asyncio.all_tasks()))
    gauge("entrepot_upstream_connections", "Connections to vendors, by host.", worker.vendor_connections, label="host")
    gauge(
        "entrepot_snapshot_version",
        "Number of the last change that holds.",
        lambda: worker.watcher.current.version,
        combine="min",
    )
    gauge("entrepot_snapshot_stale_seconds", "Since when the database is away.", worker.stale_seconds, combine="max")
    gauge("entrepot_channel_rests", "Workers that rest a channel.", worker.resting_channels, label="channel")
    gauge(
        "entrepot_vendor_keys_resting",
        "A channel's keys that are limited or refused.",
        worker.resting_keys,
        label="channel",
        combine="max",
    )
    if worker.buckets is not None:
        money_gauges(worker.metrics, worker.buckets)
    if (calls := worker.calls) is not None:
        gauge("entrepot_call_lines_dropped", "Call log lines that nobody read in time.", lambda: calls.dropped)


def _limits(settings: Settings) -> EdgeLimits:
    return EdgeLimits(
        max_header=settings.max_header,
        header_timeout=settings.header_timeout,
        body_timeout=settings.body_timeout,
        write_timeout=settings.write_timeout,
        keepalive_timeout=settings.keepalive_timeout,
    )


async def _main(handoff: Handoff) -> None:
    listener = socket.socket(fileno=handoff.listen_fd)
    listener.setblocking(False)
    await serve(handoff, [listener], lambda: say_ready(handoff), stop_signal(handoff))


def main() -> None:
    """The process's entry."""
    handoff = received_handoff()
    logs.configure(handoff.settings.log_level)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_main(handoff))


if __name__ == "__main__":
    main()
