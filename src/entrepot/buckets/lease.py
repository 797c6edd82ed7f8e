"""One bucket's account in one worker: what is leased, held and spent. Pure memory and integers, no I/O.

`available = granted - flushed - unflushed - held - returning`; the hot path reads only `available`.
It may be negative for a while: a vendor's bill was larger than its hold, or the lease was lost.
"""

from typing import Final

UNLIMITED: Final = 1 << 62
THIN_HOLDS: Final = 8
"""An account whose share is less than this many holds is thin."""
SHARE: Final = 4
"""A worker leases at most 1 / (SHARE * live workers) of what remains."""
MINUTE_MS: Final = 60_000


class Account:
    """Amounts in nano-USD. Changed by one event loop only."""

    __slots__ = (
        "available",
        "bucket",
        "cap",
        "flushed",
        "granted",
        "granted_at",
        "held",
        "minute",
        "minute_at",
        "returning",
        "slice",
        "thin",
        "unflushed",
        "users",
    )

    def __init__(self, bucket: int, granted: int = 0) -> None:
        self.bucket = bucket
        self.available = granted
        self.cap = False
        """A quota or budget, no money. Known once there is a lease."""
        self.granted = granted
        """As in the database, which only we change."""
        self.flushed = 0
        """Spent, as in the database."""
        self.unflushed = 0
        """Settled in the journal, not yet in the database."""
        self.held = 0
        self.returning = 0
        """On its way back to the bucket."""
        self.users = 0
        """Holds that point here: until they end, the account must not be forgotten."""
        self.slice = 0
        """Size of the last lease; 0 before the first."""
        self.thin = True
        self.minute = 0
        """About what was spent in the last minute."""
        self.minute_at = 0
        self.granted_at = 0
        """When the last lease came: monotonic milliseconds, like `minute_at`."""

    def hold(self, nano: int) -> bool:
        """Reserve `nano` from the lease; False where it is not there."""
        if self.available < nano:
            return False
        self.available -= nano
        self.held += nano
        return True

    def free(self, nano: int) -> None:
        """Give a reservation back to the lease."""
        self.held -= nano
        self.available += nano

    def settle(self, held: int, charge: int) -> None:
        """A reservation becomes a charge; what it lacks comes from the rest of the lease."""
        self.held -= held
        self.unflushed += charge
        self.available += held - charge

    def grant(self, granted: int) -> int:
        """The lease is now `granted` in all; gives by how much it grew."""
        more = granted - self.granted
        self.granted = granted
        self.available += more
        return more

    def give_back(self) -> int:
        """Take all that is idle out of use, to be returned; gives how much."""
        nano = max(self.available, 0)
        self.available -= nano
        self.returning += nano
        return nano

    def returned(self, nano: int) -> None:
        """A give-back is in the database."""
        self.returning -= nano
        self.granted -= nano

    def flush(self, settled: int, spent: int) -> None:
        """Of what was settled, `spent` is now in the lease row; the house paid the rest."""
        self.unflushed -= settled
        self.flushed += spent
        self.available += settled - spent

    def reset(self, granted: int, spent: int, unflushed: int) -> None:
        """The lease row, read back, and what the journal has beyond it."""
        self.granted = granted
        self.flushed = spent
        self.unflushed = unflushed
        self.returning = 0
        self.available = granted - spent - unflushed - self.held

    def emptied(self) -> None:
        """The lease row was deleted: granted and spent were equal and count from zero again."""
        self.granted = 0
        self.flushed = 0

    @property
    def chargeable(self) -> int:
        """What the lease row can still take as spent."""
        return self.granted - self.flushed - self.returning

    @property
    def forgettable(self) -> bool:
        """Nothing depends on this account any more."""
        return not (self.users or self.unflushed or self.returning or self.available or self.granted != self.flushed)

    def note_spend(self, nano: int, now_ms: int) -> None:
        """Count a spend into the running minute, which fades linearly."""
        fade = max(MINUTE_MS - (now_ms - self.minute_at), 0)
        self.minute = self.minute * min(fade, MINUTE_MS) // MINUTE_MS + nano
        self.minute_at = now_ms


def slice_target(account: Account, unit: int) -> int:
    """What to ask for where the bucket is rich: two minutes of spend, at least THIN_HOLDS holds of size `unit`.

    It is refilled when half is gone: a database that is away for a minute stops no account in steady use.
    """
    return max(2 * account.minute, unit * THIN_HOLDS)


GRANT_AMOUNT: Final = (
    "CASE WHEN remaining - lack <= {total} THEN remaining - lack "
    "WHEN (remaining - lack) / {share} < {thin} THEN {total} "
    "WHEN {target} <= {total} OR (remaining - lack) / {share} <= {total} THEN {total} "
    "WHEN {target} < (remaining - lack) / {share} THEN {target} ELSE (remaining - lack) / {share} END"
)
"""What is leased, as SQL, where `remaining` is seen under its lock.

All there is where that is no more than wanted, exactly what is wanted where a share is thin, else the target, at most a share.
Names: total wanted, share divisor, thin limit, target.
"""
