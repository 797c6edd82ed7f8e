"""The gateway's application: paths to endpoints, a request id on every answer."""

from collections.abc import Awaitable

import msgspec

from entrepot.core.call import Call, Operation
from entrepot.core.dialect import Dialect
from entrepot.core.faults import Fault, Kind
from entrepot.gateway.account import Account
from entrepot.gateway.cycle import Cycle
from entrepot.gateway.health import Health
from entrepot.gateway.models import Models
from entrepot.gateway.named import NOT_NAMED, Named, read_named
from entrepot.gateway.passage import Passage
from entrepot.gateway.request import WrongMethod, read_body, read_head
from entrepot.kit.clock import Clock
from entrepot.kit.ids import RequestIds
from entrepot.relay.exchange import Exchange
from entrepot.relay.pipeline import Relay

OPERATIONS: dict[str, Operation] = {
    "/chat/completions": "chat",
    "/completions": "completions",
    "/embeddings": "embeddings",
    "/moderations": "moderations",
    "/messages": "messages",
    "/messages/count_tokens": "count_tokens",
    "/responses": "responses",
}
PREFIXES = ("/v1", "", "/v1/v1")
"""Clients disagree on whether the base URL has the version; doubled is a common mistake."""
_CONTROL = ("/api", "/console", "/docs")


class Edge(msgspec.Struct, frozen=True):
    """What the app itself needs beside its endpoints."""

    clock: Clock
    ids: RequestIds
    max_body: int
    trusted_proxies: tuple[str, ...]


class Gateway:
    """The application that the edge serves."""

    __slots__ = ("_account", "_dialects", "_edge", "_health", "_models", "_passage", "_relay", "_routes")

    def __init__(self, edge: Edge, relay: Relay, dialects: dict[str, Dialect], pages: "Pages") -> None:
        self._edge = edge
        self._relay = relay
        self._dialects = dialects
        self._account = pages.account
        self._health = pages.health
        self._models = pages.models
        self._passage = pages.passage
        self._routes: dict[str, Operation] = {
            prefix + path: operation for prefix in PREFIXES for path, operation in OPERATIONS.items()
        }

    def __call__(self, cycle: Cycle) -> Awaitable[None]:
        """Answer one request."""
        exchange = Exchange(cycle, self._edge.ids.mint())
        operation = self._routes.get(cycle.path)
        if operation is not None and cycle.method == "POST":
            return self._call(operation, cycle, exchange)
        if (named := read_named(cycle.path, cycle.query)) is not None:
            if cycle.method == "POST":
                return self._call(named.operation, cycle, exchange, named)
            operation = named.operation
        return self._page(operation, cycle, exchange)

    def _call(self, operation: Operation, cycle: Cycle, exchange: Exchange, named: Named = NOT_NAMED) -> Awaitable[None]:
        edge, dialect = self._edge, self._dialects[operation]
        head = read_head(cycle, edge.trusted_proxies, dialect.passes)
        exchange.name_id(dialect.id_header)
        call = Call(
            id=exchange.request_id,
            operation=operation,
            dialect=dialect.name,
            address=head.address,
            client_id=head.client_id,
            arrived=edge.clock.wall(),
            started=edge.clock.monotonic(),
            strict=head.strict,
            fault_header=head.sandbox_fault,
            model=named.model,
            stream=named.stream,
            array=named.array,
            passed=head.passed,
            session=head.session,
        )
        return self._relay.run(call, head.secret, lambda: read_body(cycle, head, edge.max_body), exchange)

    async def _page(self, operation: Operation | None, cycle: Cycle, exchange: Exchange) -> None:
        dialect = self._dialects[operation or ("messages" if _speaks_anthropic(cycle) else "chat")]
        exchange.name_id(dialect.id_header)
        try:
            await self._other(operation, cycle, exchange)
        except Fault as fault:
            await refuse(fault, dialect, exchange)

    async def _other(self, operation: Operation | None, cycle: Cycle, exchange: Exchange) -> None:
        path, proxies = cycle.path, self._edge.trusted_proxies
        if operation is not None:
            raise WrongMethod(path, "POST")
        if self._health.serves(path):
            await self._health.answer(path, cycle, exchange)
        elif self._account.serves(bare := _bare(path)):
            await self._account.answer(bare, read_head(cycle, proxies), cycle.method, exchange)
        elif (name := _model_path(path)) is not None:
            anthropic = _speaks_anthropic(cycle)
            await self._models.answer(name, read_head(cycle, proxies), cycle, exchange, anthropic=anthropic)
        elif path == "/" or path.startswith(_CONTROL):
            await self._passage.answer(cycle, proxies, exchange)
        else:
            hint = "GET /v1/models lists the models, the project's docs/endpoints.md the rest."
            raise Fault(Kind.UNKNOWN_PATH, f"There is no endpoint {path[:200]}. {hint}")


class Pages(msgspec.Struct, frozen=True):
    """The endpoints that are not calls."""

    account: Account
    health: Health
    models: Models
    passage: Passage


async def refuse(fault: Fault, dialect: Dialect, exchange: Exchange) -> None:
    """Answer with a fault outside of a call."""
    if fault.kind is Kind.CLIENT_LEFT or exchange.started:
        return
    rendered = dialect.render(fault, exchange.request_id)
    if fault.kind in (Kind.BODY_TOO_LARGE, Kind.SLOW_CLIENT):
        exchange.close_after()
    allow = ((b"allow", fault.allow.encode()),) if isinstance(fault, WrongMethod) else ()
    await exchange.answer(rendered.status, (*rendered.headers, *allow), rendered.body)


def _speaks_anthropic(cycle: Cycle) -> bool:
    """Of what is no call: its SDKs send the version always, and their key where nobody else's do."""
    head = cycle.head
    return bool(head.get(b"anthropic-version")) or (head.count(b"x-api-key") > 0 and not head.count(b"authorization"))


def _bare(path: str) -> str:
    """The path without its version, in any of the forms that clients use."""
    for prefix in ("/v1/v1/", "/v1/"):
        if path.startswith(prefix):
            return path[len(prefix) - 1 :]
    return path


def _model_path(path: str) -> str | None:
    """The model's name in `/v1/models/{name}` (names may hold slashes); empty for the list; None otherwise."""
    for prefix in PREFIXES:
        if path == f"{prefix}/models":
            return ""
        if path.startswith(f"{prefix}/models/"):
            return path[len(prefix) + 8 :]
    return None
