"""Holds that memory could not serve: what they want in all, and why they are refused in the end."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

from entrepot.buckets.batch import Situation
from entrepot.buckets.errors import InsufficientError, OnHoldError, RefusedError
from entrepot.buckets.held import Held, Want
from entrepot.buckets.lease import THIN_HOLDS, UNLIMITED, Account, slice_target
from entrepot.buckets.plan import HOUSE
from entrepot.buckets.statements import Grant


class Waiter:
    """One call that waits for money."""

    __slots__ = ("_own", "attempt", "buckets", "future", "recalled", "wants")

    def __init__(self, wants: Sequence[Want], attempt: Callable[[], Held | None], own: Mapping[int, int] | None = None) -> None:
        # The house is never leased and never short: who waits, waits for the others.
        self.wants = [want for want in wants if want[0] != HOUSE]
        self.buckets = tuple(dict(self.wants)) or (HOUSE,)
        """What it waits for; who needs only the house waits for the disk or the database, and tries whenever a call ends."""
        self._own = own or {}
        self.attempt = attempt
        """Tries from memory."""
        self.future: asyncio.Future[Held] = asyncio.get_running_loop().create_future()
        self.recalled: set[int] = set()
        """Buckets that others were asked for on its behalf."""

    def serve(self) -> bool:
        """Try from memory; True where there is nothing left to wait for."""
        if self.future.done():
            return True
        held = self.attempt()
        if held is None:
            return False
        self.future.set_result(held)
        return True

    def abandon(self, *, new: bool) -> None:
        """The caller left. Money that came at the same moment goes back, where the hold is `new` and not one that grows."""
        if not self.future.done():
            self.future.cancel()
        elif new and not self.future.cancelled() and self.future.exception() is None:
            self.future.result().release()

    def judge(self, short: Mapping[int, Situation], accounts: Mapping[int, Account]) -> list[int]:
        """After a round that granted nothing: refuse, or name the buckets that others should give back."""
        asked: list[int] = []
        for bucket, nano in self.wants:
            account = accounts.get(bucket)
            if bucket not in short or (account is not None and account.available >= nano):
                continue
            verdict = self._verdict(bucket, nano, short[bucket], 0 if account is None else account.unflushed)
            if verdict is not None:
                self.future.set_exception(verdict)
                return []
            if bucket not in self.recalled:
                self.recalled.add(bucket)
                asked.append(bucket)
        return asked

    def _verdict(self, bucket: int, nano: int, situation: Situation, unflushed: int) -> RefusedError | None:
        # What the call itself has reserved will not come back while it waits for more.
        total = situation.free + situation.leased - unflushed - self._own.get(bucket, 0)
        if total < nano:
            return InsufficientError(bucket, nano - max(total, 0))
        if bucket in self.recalled and situation.pending == 0:
            # The others have given back what they do not use: the rest is held by calls that run.
            return OnHoldError(bucket)
        return None


class Waiters:
    """All that wait, in the order in which they came, and by what they wait for."""

    __slots__ = ("_all", "_by_bucket")

    def __init__(self) -> None:
        self._all: dict[Waiter, None] = {}
        self._by_bucket: dict[int, dict[Waiter, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Waiter]:
        return iter(self._all)

    def add(self, waiter: Waiter) -> None:
        """One more."""
        self._all[waiter] = None
        for bucket in waiter.buckets:
            self._by_bucket.setdefault(bucket, {})[waiter] = None

    def discard(self, waiter: Waiter) -> None:
        """One that has what it waited for, or has left. Does nothing the second time."""
        if waiter not in self._all:
            return
        del self._all[waiter]
        for bucket in waiter.buckets:
            others = self._by_bucket[bucket]
            del others[waiter]
            if not others:
                del self._by_bucket[bucket]

    def serve(self, buckets: Sequence[int] | None = None) -> None:
        """Try from memory: all of them, or those that wait for one of `buckets`, where money came back."""
        if buckets is None:
            tried = list(self._all)
        else:
            tried = [waiter for bucket in (*buckets, HOUSE) for waiter in self._by_bucket.get(bucket, ())]
        for waiter in tried:
            if waiter.serve():
                self.discard(waiter)


def wishes_for(waiters: Sequence[Waiter], ahead: Mapping[int, int], accounts: Mapping[int, Account]) -> list[Grant]:
    """One wish a bucket for all that wait, and for growth `ahead` (bucket → nano-USD)."""
    total: dict[int, int] = {}
    least: dict[int, int] = {}
    unit: dict[int, int] = {}
    for waiter in waiters:
        for bucket, nano in waiter.wants:
            total[bucket] = total.get(bucket, 0) + nano
            least[bucket] = min(least.get(bucket, nano), nano)
            unit[bucket] = max(unit.get(bucket, 0), nano)
    wishes: list[Grant] = []
    for bucket in {*total, *ahead}:
        account = accounts.get(bucket) or Account(bucket)
        size = max(unit.get(bucket, 0), ahead.get(bucket, 0))
        missing = total.get(bucket, 0) - account.available
        if missing <= 0:
            if bucket not in ahead:
                continue
            missing = ahead[bucket] if account.thin else 1
        smallest = max(least.get(bucket, 1) - account.available, 1)
        wishes.append(_wish(account, (smallest, missing), size))
    return wishes


def _wish(account: Account, amounts: tuple[int, int], size: int) -> Grant:
    smallest, missing = amounts
    limit = min(THIN_HOLDS * size, UNLIMITED - 1)
    least, total = min(smallest, missing, UNLIMITED), min(missing, UNLIMITED)
    return Grant(account.bucket, least, total, min(slice_target(account, size), UNLIMITED), limit)
