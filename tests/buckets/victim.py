"""A worker that kills itself with SIGKILL at the n-th passing of a crash point; run by the tests as a process of its own.

`close/between` counts from its orderly end on; before `reborn.…` its incarnation is retired in the midst of its calls.
It writes a line for each call that ended (`request charge`), as a client would keep its own account.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from entrepot.buckets import replay
from entrepot.buckets.desk import Buckets, Options
from entrepot.buckets.errors import RefusedError
from entrepot.kit.clock import SystemClock
from entrepot.store.raw import open_database
from tests.buckets.desks import line

OPTIONS = Options(tick=0.01, retry=0.005, segment_size=8 * 1024, care=600.0)


async def main(url: str, data_dir: str, wallet: str, point: str, count: str) -> None:
    left, phase = int(count), ""

    def crash(name: str) -> None:
        nonlocal left
        if phase + name == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    db = await open_database(url)
    desk = await Buckets.open(db, Path(data_dir), SystemClock(), OPTIONS, crash)
    callers = [asyncio.ensure_future(caller(desk, int(wallet), number)) for number in range(3)]
    if point.startswith("reborn"):
        await asyncio.sleep(0.02)
        await replay.retire_silent(db, -1_000_000)
    await asyncio.gather(*callers)
    if point.startswith("close/"):
        phase = "close/"
    await desk.close()
    await db.close()


async def caller(desk: Buckets, wallet: int, number: int) -> None:
    """Calls with and without progress, of which some give nothing."""
    for turn in range(30):
        request = f"req_{os.getpid()}_{number}_{turn:04d}"
        try:
            held = await desk.hold([(wallet, 100)])
        except RefusedError:
            continue
        if turn % 3 == 0:
            held.grow(50)
            held.progress(20 + turn, line(request))
            await asyncio.sleep(0.002)
        if turn % 7 == 6:
            held.release()
        else:
            charge = 10 + turn + number
            held.settle(charge, line(request))
            os.write(1, f"{request} {charge}\n".encode())
        await asyncio.sleep(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
