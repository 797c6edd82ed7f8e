"""One limit in one worker: what is leased, used and not yet reported. Pure memory and integers, no I/O.

`available = granted - returning - reporting - unreported - (running calls, where these are limited)`.
It may be negative: tokens are debited when a call ends, and a cold key lets calls in before its lease.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from entrepot.access.limits_window import SECONDS, SLICES, Window, frees_at, share_of, slice_of

Kind: TypeAlias = Literal["requests", "tokens", "concurrency"]

REPORT: Final = 1.0
"""Seconds that uses may wait for their report."""
PERIOD: Final = 2.0
"""Seconds after which a lease that was not needed goes back, all but one slice."""
RECHECK: Final = 0.25
"""Seconds for which "full" is believed where others may give back at any moment."""
UNKNOWN_WAIT: Final = 1.0
"""What a client is told where nobody can know when a running call ends."""


class Wish(NamedTuple):
    """What an allowance asks of the database in one round; amounts as in `limits_window.granted`."""

    scope: str
    limit: int
    keep: int
    least: int
    most: int
    floor: int
    uses: tuple[tuple[int, int], ...]
    """(slot, amount) to report."""


class Answer(NamedTuple):
    """What the database says: the size of our lease, and everybody's uses."""

    granted: int
    used: int
    others: int
    """Leased by other workers."""
    uses: Sequence[tuple[int, int]]
    """(slot, amount), oldest first."""


class Allowance:
    """Changed by one event loop only. `now` is the database's time in seconds, `live` the number of workers."""

    __slots__ = (
        "_asked",
        "_changed",
        "_cold",
        "_full_until",
        "_hoped",
        "_low",
        "_period_at",
        "_period_used",
        "_reported_at",
        "_reporting",
        "_reporting_sum",
        "_retry_at",
        "_returning",
        "_slice",
        "_unreported",
        "_unreported_sum",
        "_wanted",
        "_window",
        "available",
        "free",
        "granted",
        "kind",
        "limit",
        "open",
        "scope",
        "used_at",
        "warm",
    )

    def __init__(self, scope: str, kind: Kind, limit: int, now: float) -> None:
        self.scope = scope
        self.kind: Kind = kind
        self.limit = limit
        self.available = 0
        self.granted = 0
        """As in the database, which only we change."""
        self.open = 0
        """Calls that entered and have not left."""
        self.warm = False
        """Has the database ever answered?"""
        self.free = 0
        """Neither used nor leased by anybody when we last looked."""
        self.used_at = now
        self._window = Window()
        self._cold = 0
        self._unreported: dict[int, int] = {}
        self._unreported_sum = 0
        self._reporting: dict[int, int] = {}
        self._reporting_sum = 0
        self._returning = 0
        self._wanted = 0
        self._hoped = 0
        self._asked = False
        self._changed = False
        self._slice = 0
        self._full_until = 0.0
        self._retry_at = 0.0
        self._reported_at = now
        self._period_at = now
        self._period_used = 0
        self._low = 0

    # Calls.

    def ready(self, now: float, live: int, *, away: bool) -> bool:
        """May one more call come in, from memory?"""
        if self.available > 0:
            return True
        if away:
            return self.used(now) < share_of(self.limit, live)
        return not self.warm and max(self._cold, self.used(now)) < slice_of(self.limit, live)

    def take(self, now: float, tokens: int) -> bool:
        """A call comes in; it was `ready`. True where the next lease should be asked for now."""
        self.open += 1
        self.used_at = now
        if self.kind == "tokens":
            if not self.warm:
                self._cold += max(tokens, 1)
        else:
            self._cold += 1
            self._use(int(now), 1)
        if self.available > self._slice // 2 or self._asked:
            return False
        self._asked = True
        return True

    def leave(self, now: float, tokens: int) -> None:
        """A call has ended, having used so many tokens."""
        self.open -= 1
        if self.kind == "concurrency":
            self.available += 1
        elif self.kind == "tokens" and tokens > 0:
            self.used_at = now
            self._use(int(now), tokens)

    def used(self, now: float) -> int:
        """What came through this worker in the last minute; running calls, where these are limited."""
        return self.open if self.kind == "concurrency" else self._window.total(int(now))

    def remaining(self, now: float) -> int:
        """What could still come in, as far as this worker knows."""
        return max(self.available + self.free if self.warm else self.limit - self.used(now), 0)

    def resets_in(self, now: float) -> float:
        """Seconds until nothing counts any more if nothing comes."""
        return max(self.used_at + SECONDS - now, 0.0) if self._window.total(int(now)) else 0.0

    def refused_for(self, now: float, live: int, *, away: bool) -> float | None:
        """Seconds to wait, where it is known that there is nothing; None where the database should be asked."""
        if away:
            at = self._window.frees_at(share_of(self.limit, live)) if self.kind != "concurrency" else int(now) + 1
            return max(at - now, 0.001) if at is not None else float(SECONDS)
        if not self.warm or now >= self._full_until or self._changed:
            return None
        return max(self._retry_at - now, 0.001)

    def want(self, tokens: int) -> None:
        """A call waits for the next round."""
        if self.kind == "tokens":
            self._wanted = 1
            self._hoped += max(tokens, 0)
        else:
            self._wanted += 1
        self._asked = True

    def change(self, limit: int) -> None:
        """The limit is another one now: nothing of the old lease counts until the database has judged."""
        self.limit = limit
        self._changed = True
        self._withhold(max(self.available, 0))

    # Rounds.

    def wish(self, now: float, live: int) -> Wish | None:
        """Begin a round: what to report and to lease; None where nothing is due. Then comes `answer` or `failed`."""
        self._withhold(self._surplus(now, live))
        late = self._unreported_sum and (now - self._reported_at >= REPORT or self.available < 0)
        if not (self._asked or self._changed or self._returning or late):
            return None
        self._reporting, self._unreported = {**self._reporting, **self._unreported}, {}
        self._reporting_sum += self._unreported_sum
        self._unreported_sum = 0
        floor = self.open if self.kind == "concurrency" else 0
        keep = max(self.granted - self._reporting_sum - self._returning, floor)
        wanted, self._wanted = self._wanted, 0
        hoped, self._hoped = self._hoped, 0
        ahead = max(slice_of(self.limit, live), 2 * self._period_used, hoped) if self._asked else 0
        self._asked = False
        horizon = int(now) - SECONDS
        uses = tuple(sorted(use for use in self._reporting.items() if use[0] >= horizon))
        return Wish(self.scope, self.limit, keep, keep + wanted, keep + max(wanted, ahead), floor, uses)

    def answer(self, wish: Wish, said: Answer, now: float) -> None:
        """The round is in the database."""
        self._reporting, self._reporting_sum, self._returning = {}, 0, 0
        self.granted = self._slice = said.granted
        self.free = max(wish.limit - said.used - said.others - said.granted, 0)
        self.warm, self._cold = True, 0
        self._reported_at = now
        self._changed = False
        self._recount()
        self._low = min(self._low, self.available)
        if wish.limit != self.limit:
            self.change(self.limit)
        if self.available <= 0:
            self._judge(wish, said, now)

    def failed(self) -> None:
        """The round is not in the database; its uses are reported by a later one."""
        for slot, amount in self._reporting.items():
            self._unreported[slot] = self._unreported.get(slot, 0) + amount
        self._unreported_sum += self._reporting_sum
        self._reporting, self._reporting_sum = {}, 0
        if not self._changed:
            self._returning = 0
        self._recount()

    def reported(self) -> None:
        """The round is in the database after all; its answer was lost."""
        self._reporting, self._reporting_sum, self._returning = {}, 0, 0

    def reset(self, granted: int) -> None:
        """Our lease as it was read back; 0 where it has lapsed."""
        self.granted, self._returning = granted, 0
        self._period_used = self._hoped = 0  # no more than a slice ahead: others may have uses to report, too
        self._recount()

    @property
    def unreported(self) -> int:
        """Uses that only we know of."""
        return self._unreported_sum + self._reporting_sum

    @property
    def settled(self) -> bool:
        """Nothing to tell the database."""
        return not (self.granted or self.unreported or self.open or self._asked or self._changed)

    def forgettable(self, now: float) -> bool:
        """Settled, and nothing that it knows still counts."""
        return self.settled and now - self.used_at > SECONDS + 1

    def _use(self, slot: int, amount: int) -> None:
        self.available -= amount
        self._period_used += amount
        self._low = min(self._low, self.available)
        if self.kind != "concurrency":
            self._window.add(slot, amount)
            self._unreported[slot] = self._unreported.get(slot, 0) + amount
            self._unreported_sum += amount

    def _judge(self, wish: Wish, said: Answer, now: float) -> None:
        """The lease came to nothing: until when is that known?"""
        if self.kind == "concurrency":
            self._retry_at, self._full_until = now + UNKNOWN_WAIT, now + RECHECK
            return
        at = frees_at(said.uses, wish.limit)
        self._retry_at = float(now + SECONDS if at is None else max(at, now + RECHECK))
        others = said.others > 0 or at == 0
        self._full_until = now + RECHECK if others and at is not None else self._retry_at

    def _surplus(self, now: float, live: int) -> int:
        """What was not needed for a while."""
        if now - self._period_at < PERIOD or self._returning:
            return 0
        # Nine tenths of the limit stay within everybody's reach, however long some sit on a slice each.
        lasting = self.limit >= SLICES * live and now - self.used_at < SECONDS
        needed = max(self._period_used, slice_of(self.limit, live) if lasting else 0)
        surplus = max(self._low - needed, 0)
        self._period_at, self._period_used = now, 0
        self._low = self.available - surplus
        return surplus

    def _withhold(self, amount: int) -> None:
        self._returning += amount
        self.available -= amount

    def _recount(self) -> None:
        running = self.open if self.kind == "concurrency" else 0
        self.available = self.granted - self._returning - self._reporting_sum - self._unreported_sum - running
