"""The SQL of limits, for both databases. Constants and values only: nothing of a caller is ever put into the text."""
# ruff: noqa: S608  # all parts are constants of this file, and the database's own clock

import hashlib
from collections.abc import Sequence
from typing import Final

from entrepot.access.limits_allowance import Wish
from entrepot.access.limits_window import GRANTED, SECONDS, divisor
from entrepot.store.contract import Dialect, Guard, Many, Statement, Step
from entrepot.store.feed import now_us

ALIVE_US: Final = 30_000_000
"""A worker that was silent for longer has lost its leases."""
RECOVERY: Final = 1000
"""How far a turn moves when a worker does not know whether its last one counted; a round moves it by one."""
_AHEAD: Final = 5
"""Seconds by which a use may lie in the future before it is taken for the trace of a clock that was put back."""


class Statements:
    """For one database, worker and clock. `now` is SQL for the time in microseconds; tests bring their own."""

    __slots__ = ("_grant", "_names", "_now", "_situation", "_slots", "dialect", "worker")

    def __init__(self, dialect: Dialect, worker: str, now: str | None = None) -> None:
        self.dialect: Dialect = dialect
        self.worker = worker
        self._now = now or now_us(dialect)
        slot = f"({self._now}) / 1000000"
        # `+ 0`: never by the index on seconds, which has all scopes of the last minute under a handful of them.
        recent = f"scope = CAST($1 AS TEXT) AND slot + 0 BETWEEN {slot} - {SECONDS} AND {slot} + {_AHEAD}"
        used = f"(SELECT CAST(coalesce(sum(used), 0) AS BIGINT) FROM limit_uses WHERE {recent})"
        others = (
            "(SELECT CAST(coalesce(sum(l.granted), 0) AS BIGINT) FROM limit_leases l JOIN limit_workers w ON w.id = l.worker "
            f"WHERE l.scope = CAST($1 AS TEXT) AND l.worker <> CAST($2 AS TEXT) AND w.seen_at > {self._now} - {ALIVE_US})"
        )
        self._situation = f"SELECT CAST($1 AS TEXT), {used}, {others}"
        self._slots = f"SELECT scope, slot, used FROM limit_uses WHERE {recent} ORDER BY slot"
        names = ("keep", "least", "most", "floor", "share")
        amount = GRANTED.format(
            greatest="max" if dialect == "sqlite" else "GREATEST",
            least_of="min" if dialect == "sqlite" else "LEAST",
            free="f.free",
            **{name: f"CAST(${index} AS BIGINT)" for index, name in enumerate(names, 4)},
        )
        self._grant = (
            f"INSERT INTO limit_leases (scope, worker, granted) SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), {amount} "
            f"FROM (SELECT CAST($3 AS BIGINT) - {used} - {others} AS free) f WHERE true "
            "ON CONFLICT (scope, worker) DO UPDATE SET granted = excluded.granted RETURNING scope, granted"
        )

    def begin(self) -> Statement:
        """Be there, or be there again; gives (turn, time). A doubtful transaction of ours is waited for."""
        return Statement(
            f"INSERT INTO limit_workers (id, seen_at) VALUES ($1, {self._now}) "
            f"ON CONFLICT (id) DO UPDATE SET turn = limit_workers.turn + {RECOVERY}, seen_at = excluded.seen_at "
            "RETURNING turn, seen_at",
            (self.worker,),
        )

    def read_leases(self) -> Statement:
        """(scope, granted) of ours."""
        return Statement("SELECT scope, granted FROM limit_leases WHERE worker = $1", (self.worker,))

    def round(self, turn: int, wishes: Sequence[Wish], live: int) -> list[Step]:
        """One transaction.

        Gives (turn, time), two without meaning, (scope, granted), (scope, used, others), (scope, slot, used), (live,).
        """
        ordered = sorted(wishes)
        share = divisor(live)
        return [
            Guard(
                f"UPDATE limit_workers SET turn = turn + 1, seen_at = {self._now} WHERE id = $1 AND turn = $2 "
                "RETURNING turn, seen_at",
                (self.worker, turn),
            ),
            self._lock([wish.scope for wish in ordered]),
            Many(
                "INSERT INTO limit_uses (scope, slot, used) VALUES ($1, $2, $3) "
                "ON CONFLICT (scope, slot) DO UPDATE SET used = limit_uses.used + excluded.used",
                [(wish.scope, *use) for wish in ordered for use in wish.uses],
            ),
            Many(
                self._grant,
                [(w.scope, self.worker, w.limit, w.keep, w.least, w.most, w.floor, share) for w in ordered],
            ),
            Many(self._situation, [(wish.scope, self.worker) for wish in ordered]),
            Many(self._slots, [(wish.scope,) for wish in ordered if wish.most > wish.keep]),
            Statement(f"SELECT count(*) FROM limit_workers WHERE seen_at > {self._now} - {ALIVE_US}"),
        ]

    def forget(self, scopes: Sequence[str]) -> Many:
        """Leases of ours that nobody remembers."""
        rows = [(scope, self.worker) for scope in sorted(scopes)]
        return Many("DELETE FROM limit_leases WHERE scope = $1 AND worker = $2", rows)

    def sweep(self) -> list[Statement]:
        """What has had its time: old seconds, empty leases of ours, and all of the workers that are long dead."""
        slot = f"({self._now}) / 1000000"
        dead = f"SELECT id FROM limit_workers WHERE seen_at < {self._now} - {2 * ALIVE_US}"
        return [
            Statement(f"DELETE FROM limit_uses WHERE slot < {slot} - {SECONDS} OR slot > {slot} + {SECONDS}"),
            Statement("DELETE FROM limit_leases WHERE worker = $1 AND granted = 0", (self.worker,)),
            Statement(f"DELETE FROM limit_leases WHERE worker IN ({dead}) OR worker NOT IN (SELECT id FROM limit_workers)"),
            Statement(f"DELETE FROM limit_workers WHERE seen_at < {self._now} - {2 * ALIVE_US}"),
        ]

    def end(self) -> list[Statement]:
        """Give all leases back, and be gone."""
        return [
            Statement("DELETE FROM limit_leases WHERE worker = $1", (self.worker,)),
            Statement("DELETE FROM limit_workers WHERE id = $1", (self.worker,)),
        ]

    def _lock(self, scopes: Sequence[str]) -> Statement:
        """Two workers must not judge one scope at once. SQLite has one writer anyhow.

        Locks are taken in the order of their numbers, so that no two transactions wait for each other; they end with
        the transaction. Two scopes with one number share a lock, which does no harm.
        """
        if self.dialect == "sqlite":
            return Statement("SELECT 1")
        numbers = sorted(
            int.from_bytes(hashlib.blake2b(scope.encode(), digest_size=8).digest(), "big", signed=True) for scope in scopes
        )
        return Statement(
            "SELECT count(pg_advisory_xact_lock(number)) FROM (SELECT unnest($1::bigint[]) AS number ORDER BY 1) s", (numbers,)
        )
