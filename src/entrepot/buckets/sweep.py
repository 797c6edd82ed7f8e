"""Which leases nobody uses: a hand goes round the accounts, some at each step, so that a million of them stop no call.

Beyond a number of accounts the hand goes faster and asks for less: memory and the table of leases stay bounded.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from entrepot.buckets.lease import Account

TURNS: Final = 4
"""Turns of the hand in the time after which a lease is idle."""
MOST: Final = 50_000
"""Accounts in memory (half a kilobyte each) before those go that were not used within RECENT."""
RECENT: Final = 1.0
"""Seconds."""
LOOKS: Final = 5000
"""Accounts in one step: about a millisecond."""


class Sweep:
    """The hand. Times are monotonic seconds."""

    __slots__ = ("_at", "_idle", "_most", "_ring")

    def __init__(self, idle: float, now: float, most: int = MOST) -> None:
        self._idle = idle
        self._most = most
        self._at = now
        self._ring: Iterator[Account] = iter(())

    def step(self, accounts: Mapping[int, Account], now: float) -> list[int]:
        """Buckets whose lease is to go back."""
        over = len(accounts) - self._most
        looks = max(int(len(accounts) * (now - self._at) * TURNS / self._idle), 2 * over)
        if looks <= 0:
            return []
        self._at = now
        horizon = int((now - (RECENT if over > 0 else self._idle)) * 1000)
        return [
            account.bucket
            for account in self._next(accounts, min(looks, len(accounts), LOOKS))
            if not account.users and account.minute_at < horizon and account.granted_at < horizon
        ]

    def _next(self, accounts: Mapping[int, Account], looks: int) -> list[Account]:
        found = list(islice(self._ring, looks))
        if len(found) < looks:
            self._ring = iter(list(accounts.values()))
            found += islice(self._ring, looks - len(found))
        return [account for account in found if accounts.get(account.bucket) is account]
