"""/healthz (alive), /readyz (may take calls), /metrics (Prometheus)."""

import hmac
import ipaddress
from collections.abc import Callable

import msgspec

from entrepot.core.faults import Fault, Kind
from entrepot.gateway.cycle import Cycle
from entrepot.kit import json
from entrepot.relay.exchange import Exchange

_FORWARDED = frozenset((b"x-forwarded-for", b"forwarded", b"x-real-ip"))


class Readiness(msgspec.Struct):
    """Why this worker may take calls, or not."""

    ready: bool
    draining: bool
    snapshot: int
    """Version of the configuration that holds."""
    calls: int


class Health:
    """The endpoints that machines ask."""

    __slots__ = ("_metrics", "_ready", "_token")

    def __init__(self, ready: Callable[[], Readiness], metrics: Callable[[], bytes], token: str | None) -> None:
        self._ready = ready
        self._metrics = metrics
        self._token = token

    def serves(self, path: str) -> bool:
        """Is the path one of ours?"""
        return path in ("/healthz", "/readyz", "/metrics")

    async def answer(self, path: str, cycle: Cycle, exchange: Exchange) -> None:
        """Send the state. Raises Fault."""
        if path == "/metrics":
            self._check(cycle)
            await exchange.answer(200, ((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),), self._metrics())
        elif path == "/healthz":
            await exchange.answer(200, ((b"content-type", b"application/json"),), b'{"status":"ok"}')
        else:
            state = self._ready()
            await exchange.answer(200 if state.ready else 503, ((b"content-type", b"application/json"),), json.encode(state))

    def _check(self, cycle: Cycle) -> None:
        """Metrics tell who uses what: loopback only, or with the token. A proxy on this machine is not loopback's own word."""
        if self._token is None:
            client = cycle.client
            is_local = not client or ipaddress.ip_address(client[0]).is_loopback
            if not is_local or any(cycle.head.count(name) for name in _FORWARDED):
                raise Fault(Kind.ADDRESS_NOT_ALLOWED, "Set metrics_token to read /metrics from elsewhere or through a proxy.")
            return
        given = cycle.head.get(b"authorization") or b""
        if not hmac.compare_digest(given, b"Bearer " + self._token.encode()):
            raise Fault(Kind.INVALID_KEY, "/metrics needs the metrics token.")
