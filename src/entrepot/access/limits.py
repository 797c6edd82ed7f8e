"""Rate limits: calls and tokens a minute and calls at once, by key, user, group and model (docs/decisions/0007).

A warm call is judged from memory. What a worker may let in is leased from the database in the background, so
that all workers together keep a limit; while the database is away, each lets in its share.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from entrepot.access.limits_allowance import Allowance, Kind
from entrepot.access.limits_rounds import Rounds
from entrepot.access.standing import Left, duration, left
from entrepot.core import faults
from entrepot.core.call import Caller, RateLimits
from entrepot.core.faults import Fault
from entrepot.kit.clock import Clock
from entrepot.kit.tasks import TaskGroup
from entrepot.snapshot.model import Snapshot
from entrepot.store.contract import Database

_log = logging.getLogger("entrepot.limits")

KNOWN: Final = 50_000
"""Allowances in memory; more make room by forgetting the oldest that no call depends on."""
TICK: Final = 0.25
"""Seconds between looks at what is due."""
PAUSE: Final = 0.005
"""Seconds between two rounds that no call waits for."""
PATIENCE: Final = 1.0
"""Seconds that a call waits for its lease before the database counts as away."""

ROUNDS: Final = 20
"""Rounds that a call takes part in before it is refused."""
SWEEP: Final = 30.0

_UNITS: Final[dict[Kind, str]] = {
    "requests": "requests per minute (RPM)",
    "tokens": "tokens per minute (TPM)",
    "concurrency": "concurrent requests",
}


class Entered:
    """A call that was let in. Say `leave` when it has ended, on every way out."""

    __slots__ = ("_inside", "_limits", "_of_group", "allowances", "group")

    def __init__(
        self, limits: "Limits", allowances: Sequence[Allowance], group: str | None = None, of_group: Sequence[Allowance] = ()
    ) -> None:
        self._limits = limits
        self.allowances = allowances
        self._inside = bool(allowances)
        self.group = group
        """Whose limits count, where the call may move to another group; None: it has but one."""
        self._of_group = of_group

    def moved(self, group: str, of_group: Sequence[Allowance]) -> None:
        """For Limits: the call has entered `of_group` and leaves what it had of the group before."""
        self._limits.left(self._of_group, 0)
        kept = [allowance for allowance in self.allowances if allowance not in self._of_group]
        self.allowances, self.group, self._of_group = [*kept, *of_group], group, of_group
        self._inside = bool(self.allowances)

    def leave(self, tokens_used: int = 0) -> None:
        """Free the place and debit what was really used. Saying it again changes nothing."""
        if self._inside:
            self._inside = False
            self._limits.left(self.allowances, tokens_used)


class Limits:
    """One worker's limits. `start` it, and `close` it when all calls have left."""

    def __init__(
        self,
        db: Database,
        snapshot: Callable[[], Snapshot],
        clock: Clock,
        *,
        known: int = KNOWN,
        tick: float = TICK,
        now: str | None = None,
    ) -> None:
        """`now`: SQL for the time in microseconds, where it is not to be the database's own."""
        self.rounds = Rounds(db, clock, now)
        self._clock = clock
        self._snapshot = snapshot
        self._most = known
        self._tick = tick
        self._allowances: dict[str, Allowance] = {}
        self._active: dict[Allowance, None] = {}
        """All that may have something to tell the database."""
        self._urgent: dict[Allowance, None] = {}
        self._wake = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._stopping = False
        self._tasks = TaskGroup()
        self._loop: asyncio.Task[None] | None = None
        self._swept_at = self.rounds.now
        self._free = Entered(self, ())

    async def start(self) -> None:
        """Register with the database, or go on without it, and follow from there."""
        await self.rounds.run((), self._allowances)
        self._loop = self._tasks.spawn(self._run(), "rate limits")

    async def close(self) -> None:
        """Report the last uses and give all leases back."""
        if self._stopping:
            return
        self._stopping = True
        self._wake.set()
        if self._loop is not None:
            # Never cancelled: a round that is cut in the middle has an unknown outcome.
            await asyncio.gather(self._loop, return_exceptions=True)
        await self.rounds.close(self._allowances)
        for waiting in self._waiting:
            waiting.cancel()

    def __len__(self) -> int:
        return len(self._allowances)

    def enter(self, caller: Caller, groups: Sequence[str], model: str, tokens: int = 0) -> Entered | Awaitable[Entered]:
        """Let a call in, at once where memory can tell. `groups`: those that may serve it; `tokens`: an estimate.

        Of several groups the first counts that has room. Raises Fault(RATE_LIMITED), as the awaitable does.
        """
        if len(groups) > 1:
            return self._enter_one_of(caller, groups, model, tokens)
        allowances = self._for(caller, model, groups[0] if groups else "")
        if not allowances:
            return self._free
        return self._enter(allowances, tokens) or self._wait(allowances, tokens)

    async def move(self, entered: Entered, group: str) -> None:
        """Another of the key's groups serves the call now: its limits count from here on. Raises Fault(RATE_LIMITED)."""
        of_group = self._of_group(group)
        if of_group and self._enter(of_group, 0) is None:
            await self._wait(of_group, 0)
        entered.moved(group, of_group)

    def standing(self, entered: Entered) -> tuple[Left, ...]:
        """How near its limits the call is; () where nothing is limited."""
        return self._standing(entered.allowances) if entered.allowances else ()

    def left(self, allowances: Sequence[Allowance], tokens: int) -> None:
        """For Entered."""
        now = self.rounds.now
        for allowance in allowances:
            allowance.leave(now, tokens)
            self._active[allowance] = None

    async def settle(self) -> None:
        """Wait for a round that began after now. Raises TimeoutError where the database does not answer."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._wake.set()
        async with asyncio.timeout(PATIENCE):
            await done

    # Which limits?

    async def _enter_one_of(self, caller: Caller, groups: Sequence[str], model: str, tokens: int) -> Entered:
        own = self._for(caller, model)
        refusals: list[Fault] = []
        for group in groups:
            of_group = self._of_group(group)
            allowances = [*own, *of_group]
            try:
                if allowances and self._enter(allowances, tokens) is None:
                    await self._wait(allowances, tokens)
            except Fault as fault:
                refusals.append(fault)
            else:
                return Entered(self, allowances, group, of_group)
        raise min(refusals, key=lambda fault: fault.retry_after or 0.0)

    def _for(self, caller: Caller, model: str, group: str = "") -> list[Allowance]:
        found: list[Allowance] = []
        if caller.rpm is not None or caller.tpm is not None or caller.concurrency is not None:
            self._add(found, f"key:{caller.key_id}", RateLimits(caller.rpm, caller.tpm, caller.concurrency))
        if caller.user_limits is not None:
            self._add(found, f"user:{caller.user_id}", caller.user_limits)
        snapshot = self._snapshot()
        about = snapshot.about(model)
        if about.limits is not None:
            self._add(found, f"model:{about.id}", about.limits)
        served = snapshot.groups.get(group)
        if served is not None and served.limits is not None:
            self._add(found, f"group:{served.id}", served.limits)
        return found

    def _of_group(self, name: str) -> list[Allowance]:
        found: list[Allowance] = []
        group = self._snapshot().groups.get(name)
        if group is not None and group.limits is not None:
            self._add(found, f"group:{group.id}", group.limits)
        return found

    def _add(self, found: list[Allowance], owner: str, limits: RateLimits) -> None:
        if limits.rpm is not None:
            found.append(self._allowance(f"{owner}:requests", "requests", limits.rpm))
        if limits.tpm is not None:
            found.append(self._allowance(f"{owner}:tokens", "tokens", limits.tpm))
        if limits.concurrency is not None:
            found.append(self._allowance(f"{owner}:concurrency", "concurrency", limits.concurrency))

    def _allowance(self, scope: str, kind: Kind, limit: int) -> Allowance:
        found = self._allowances.get(scope)
        if found is None:
            if len(self._allowances) >= self._most:
                self._make_room()
            found = self._allowances[scope] = Allowance(scope, kind, limit, self.rounds.now)
        elif found.limit != limit:
            found.change(limit)
            self._active[found] = self._urgent[found] = None
        return found

    # May it come in?

    def _enter(self, allowances: list[Allowance], tokens: int) -> Entered | None:
        """All or nothing; None where the database must be asked. Raises Fault(RATE_LIMITED)."""
        rounds = self.rounds
        now, live, away = rounds.now, rounds.live, rounds.away
        lacking = [a for a in allowances if not a.ready(now, live, away=away)]
        if lacking:
            waits = [(a.refused_for(now, live, away=away), a) for a in lacking]
            known = [(seconds, a) for seconds, a in waits if seconds is not None]
            if known:
                seconds, allowance = max(known, key=lambda pair: pair[0])
                raise self._refusal(allowance, allowances, seconds)
            return None
        for allowance in allowances:
            if allowance.take(now, tokens):
                self._urgent[allowance] = None
                self._wake.set()
            self._active[allowance] = None
        return Entered(self, allowances)

    async def _wait(self, allowances: list[Allowance], tokens: int) -> Entered:
        rounds = self.rounds
        for _ in range(ROUNDS):
            now = rounds.now
            for allowance in allowances:
                if not allowance.ready(now, rounds.live, away=rounds.away):
                    allowance.want(tokens)
                    self._active[allowance] = self._urgent[allowance] = None
            try:
                await self.settle()
            except TimeoutError:
                rounds.away = True
            entered = self._enter(allowances, tokens)
            if entered is not None:
                return entered
        raise self._refusal(min(allowances, key=lambda a: a.available), allowances, 1.0)  # others were faster each time

    def _refusal(self, allowance: Allowance, allowances: Sequence[Allowance], seconds: float) -> Fault:
        owner, number, _ = allowance.scope.split(":")
        used = max(allowance.limit - allowance.remaining(self.rounds.now), 0)
        message = (
            f"Rate limit reached for {self._name(owner, number)} on {_UNITS[allowance.kind]}: "
            f"limit {allowance.limit}, used {used}. Try again in {duration(seconds)}."
        )
        return Fault(faults.Kind.RATE_LIMITED, message, retry_after=seconds, standing=self._standing(allowances))

    def _name(self, owner: str, number: str) -> str:
        if owner in ("key", "user"):
            return "this API key" if owner == "key" else "this account"
        snapshot = self._snapshot()
        rows = snapshot.groups.values() if owner == "group" else snapshot.models.values()
        name = next((row.name for row in rows if row.id == int(number)), number)
        return f"the {owner} '{name}'"

    def _standing(self, allowances: Sequence[Allowance]) -> tuple[Left, ...]:
        return left(allowances, self.rounds.now, self._clock.wall())

    # The background.

    async def _run(self) -> None:
        looked_at = 0.0
        loop = asyncio.get_running_loop()
        while not self._stopping:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._tick if self._active or self.rounds.away else 1.0):
                    await self._wake.wait()
            self._wake.clear()
            waiting, self._waiting = self._waiting, []
            asking, self._urgent = self._urgent, {}
            if loop.time() - looked_at >= self._tick:
                looked_at = loop.time()
                asking = {**asking, **self._active}
                self._sweep()
            await self._round(asking)
            for done in waiting:
                if not done.done():
                    done.set_result(None)
            if not self._waiting:
                await asyncio.sleep(PAUSE)

    async def _round(self, asking: dict[Allowance, None]) -> None:
        try:
            await self.rounds.run(asking, self._allowances)
        except Exception:  # noqa: BLE001  # outermost: limits that nobody shares any more would go unnoticed
            self.rounds.away = True
            _log.exception("round of rate limits failed")
        for allowance in asking:
            if allowance.settled:
                self._active.pop(allowance, None)

    def _sweep(self) -> None:
        """Forget what nothing depends on any more."""
        now = self.rounds.now
        if now - self._swept_at >= SWEEP:
            self._swept_at = now
            for allowance in [a for a in self._allowances.values() if a.forgettable(now)]:
                self._forget(allowance)

    def _make_room(self) -> None:
        """Forget the tenth that was used least recently, but none that a running call or a report depends on."""
        free = [a for a in self._allowances.values() if not a.open and not a.unreported]
        free.sort(key=lambda allowance: allowance.used_at)
        for allowance in free[: max(self._most // 10, 1)]:
            self._forget(allowance)

    def _forget(self, allowance: Allowance) -> None:
        del self._allowances[allowance.scope]
        self._active.pop(allowance, None)
        self._urgent.pop(allowance, None)
        self.rounds.drop(allowance)
