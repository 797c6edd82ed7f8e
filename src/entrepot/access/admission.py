"""Admit a key: cached by its SHA-256, looked up once, refused with a reason.

The cache holds unknown keys too, so that a flood of guesses costs no database; it is
emptied by the change feed (one key, or all after a gap). While the database is away, cached
keys go on and others get 503, never 401.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from entrepot.access.guesses import Guesses
from entrepot.access.networks import allows
from entrepot.core.call import Caller
from entrepot.core.faults import Fault, Kind
from entrepot.kit.clock import Clock
from entrepot.kit.ids import key_hash, key_is_mistyped
from entrepot.kit.patterns import matches_any
from entrepot.kit.tasks import TaskGroup

_V = TypeVar("_V")

KNOWN_LIMIT = 100_000
UNKNOWN_LIMIT = 50_000
UNKNOWN_SECONDS = 30.0
PATIENCE = 3.0
"""Seconds that a call waits for its key: a database that hangs is not there."""

Find = Callable[[str], Awaitable[Caller | None]]
"""Look a key up by SHA-256. Raises Fault(STORE_AWAY)."""


class Admission:
    """Keys that may call, in a bounded cache over the store."""

    __slots__ = ("_clock", "_find", "_guesses", "_known", "_patience", "_pending", "_tasks", "_unknown")

    def __init__(self, find: Find, clock: Clock, *, patience: float = PATIENCE) -> None:
        self._find = find
        self._clock = clock
        self._known: dict[str, Caller] = {}
        self._unknown: dict[str, float] = {}
        self._pending: dict[str, asyncio.Future[Caller | None]] = {}
        self._guesses = Guesses(clock)
        self._tasks = TaskGroup()
        self._patience = patience

    async def admit(self, secret: str | None, address: str) -> Caller:
        """The caller behind a secret. Raises Fault with 401, 403, 429 or 503."""
        if not secret:
            raise Fault(Kind.MISSING_KEY)
        digest = key_hash(secret)
        caller = self._known.get(digest) or await self._look_up(secret, digest, address)
        if caller.until is not None and self._clock.wall() >= caller.until:
            caller = await self._look_again(caller, digest, address)
        if not caller.enabled:
            raise Fault(Kind.DISABLED_KEY)
        if caller.networks and not allows(caller.networks, address):
            raise Fault(Kind.ADDRESS_NOT_ALLOWED)
        return caller

    def forget(self, digest: str) -> None:
        """The feed says that this key changed."""
        self._pending.pop(digest, None)  # a look-up that began before is neither joined nor remembered
        self._known.pop(digest, None)
        self._unknown.pop(digest, None)

    def forget_all(self) -> None:
        """The feed has a gap: anything may have changed."""
        self._pending.clear()
        self._known.clear()
        self._unknown.clear()

    async def _look_up(self, secret: str, digest: str, address: str) -> Caller:
        if self._guesses.blocked(address):
            raise self._too_many(address)
        since = self._unknown.get(digest)
        if key_is_mistyped(secret) or (since is not None and self._clock.monotonic() - since < UNKNOWN_SECONDS):
            self._guesses.count(address)
            raise Fault(Kind.INVALID_KEY)
        caller = await self._find_once(digest, address)
        if caller is None:
            raise Fault(Kind.INVALID_KEY)
        return caller

    async def _look_again(self, caller: Caller, digest: str, address: str) -> Caller:
        """The key has expired, or a period of its budgets has ended. Raises Fault."""
        if caller.expires is not None and self._clock.wall() >= caller.expires:
            raise Fault(Kind.EXPIRED_KEY if caller.enabled else Kind.DISABLED_KEY)
        if self._known.get(digest) is caller:
            del self._known[digest]
        fresh = self._known.get(digest) or await self._find_once(digest, address)
        if fresh is None:
            raise Fault(Kind.INVALID_KEY)
        return fresh

    async def _find_once(self, digest: str, address: str) -> Caller | None:
        """Many calls with one new key make one look-up, which outlives the call that began it."""
        pending = self._pending.get(digest)
        if pending is None:
            if not await self._guesses.begin(address):
                raise self._too_many(address)
            pending = self._pending.get(digest)
            if pending is None:
                pending = self._pending[digest] = asyncio.get_running_loop().create_future()
                self._tasks.spawn(self._resolve(digest, address, pending), "key look-up")
            else:  # begun by another while we waited
                self._guesses.end(address, wrong=False)
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.shield(pending)
        except TimeoutError:
            raise Fault(Kind.STORE_AWAY, retry_after=1) from None

    async def _resolve(self, digest: str, address: str, pending: "asyncio.Future[Caller | None]") -> None:
        wrong = False
        try:
            caller = await self._find(digest)
        except Fault as fault:
            pending.set_exception(fault)
            pending.exception()  # seen, even if all who waited have left
        else:
            wrong = caller is None
            if self._pending.get(digest) is pending:  # else the feed has said that the key changed meanwhile
                self._remember(digest, caller)
            pending.set_result(caller)
        finally:
            self._guesses.end(address, wrong=wrong)
            if self._pending.get(digest) is pending:
                del self._pending[digest]
            if not pending.done():
                pending.set_exception(Fault(Kind.STORE_AWAY))
                pending.exception()

    def _remember(self, digest: str, caller: Caller | None) -> None:
        if caller is None:
            _bounded(self._unknown, UNKNOWN_LIMIT)[digest] = self._clock.monotonic()
        else:
            _bounded(self._known, KNOWN_LIMIT)[digest] = caller

    def _too_many(self, address: str) -> Fault:
        return Fault(Kind.TOO_MANY_GUESSES, retry_after=self._guesses.wait(address))


def permit_model(caller: Caller, model: str) -> None:
    """Raises Fault(MODEL_NOT_ALLOWED) where the key's own list leaves the model out."""
    if caller.models and not matches_any(caller.models, model):
        raise Fault(Kind.MODEL_NOT_ALLOWED, f"This API key may not use the model '{model}'.", param="model")


def _bounded(cache: dict[str, _V], limit: int) -> dict[str, _V]:
    """Make room by dropping the oldest tenth; amortised to nothing."""
    if len(cache) >= limit:
        for stale in list(cache)[: limit // 10]:
            del cache[stale]
    return cache
