"""What all workers know of vendor keys: written where a worker found something out, read when the feed says so."""

import asyncio
import logging

from entrepot.kit.tasks import TaskGroup
from entrepot.routing.board import Board, Known
from entrepot.routing.trial import Verdict
from entrepot.store import feed
from entrepot.store.contract import Database, Statement, StoreError

_log = logging.getLogger("entrepot.routing")

PAUSE = 0.25
"""Seconds between two rounds at least: many keys that are limited at once are one transaction."""
AWAY = 2.0
"""Seconds until the next try where the database is away."""
# A key that the operator has disabled stays so.
_CHANGE = (
    "UPDATE channel_keys SET status = $2, reason = $3, tries = $4, rests_until = {until} WHERE id = $1 AND status <> 'disabled'"
)


class KeyStates:
    """One worker's view of `channel_keys`. Errors of the store never leave it."""

    def __init__(self, db: Database, board: Board) -> None:
        self._db = db
        self._board = board
        self._pending: dict[tuple[int, int], Verdict] = {}
        self._stale = True
        self._woken = asyncio.Event()
        self._away = False
        now = feed.now_us(db.dialect)
        self._rest = _CHANGE.format(until=f"{now} + CAST($5 AS BIGINT)")
        self._mend = _CHANGE.format(until="CAST($5 AS BIGINT)")
        self._read = (
            f"SELECT channel_id, id, status, reason, rests_until - {now}, tries FROM channel_keys "  # noqa: S608  # a constant
            f"WHERE rests_until > 0 AND (status = 'broken' OR (status = 'cooled' AND rests_until > {now}))"
        )

    async def start(self, tasks: TaskGroup) -> None:
        """Read once, and follow from there."""
        self._board.on_verdict = self.tell
        await self._round()
        tasks.spawn(self._follow(), "states of vendor keys")

    def tell(self, verdict: Verdict) -> None:
        """Something was found out: the others know in about a second."""
        self._pending[verdict.channel_id, verdict.key_id] = verdict
        self._woken.set()

    def changed(self, ref: str) -> None:
        """The feed tells of a change; `ref` is a channel whose state the operator has reset, or empty."""
        if ref.isdigit():
            self._board.forget(int(ref))
            self._pending = {place: verdict for place, verdict in self._pending.items() if place[0] != int(ref)}
        self._stale = True
        self._woken.set()

    async def _follow(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            await asyncio.sleep(PAUSE if await self._round() else AWAY)

    async def _round(self) -> bool:
        """Write what was found out, read what others did. False where the database is away: then it is for later."""
        told = dict(self._pending)
        try:
            if told:
                await self._write(list(told.values()))
                self._pending = {place: verdict for place, verdict in self._pending.items() if told.get(place) is not verdict}
            if self._stale:
                self._stale = False
                rows = await self._db.fetch(self._read)
                # A key of which more was found out meanwhile is left alone: that is written next, and read then.
                states = [Known(*row[:4], seconds=row[4] / 1e6, tries=row[5]) for row in rows]
                self._board.learn(states, self._pending)
        except StoreError as error:
            if not self._away:
                _log.warning("states of vendor keys are not shared: %s", error)
            self._away = self._stale = True
            self._woken.set()
            return False
        self._away = False
        return True

    async def _write(self, verdicts: list[Verdict]) -> None:
        # In the order of their ids: workers that lock the same rows must not wait for each other.
        ordered = sorted(verdicts, key=lambda said: said.key_id)
        work = [Statement(self._mend if said.status == "enabled" else self._rest, _values(said)) for said in ordered]
        await self._db.transaction([*work, *feed.announcement(self._db.dialect, feed.VENDOR_KEY)])
        for said in ordered:
            facts = {"channel_id": said.channel_id, "channel_key_id": said.key_id, "reason": said.reason}
            _log.warning("vendor key is %s", said.status, extra=facts)


def _values(said: Verdict) -> tuple[int, str, str, int, int]:
    return (said.key_id, said.status, said.reason, said.tries, round(said.seconds * 1e6))
