"""The control process looks once an hour: are the days to come prepared, and is anything too old?"""

import asyncio
import logging
from typing import Final

from entrepot.control.retention.service import Run
from entrepot.settings import Settings
from entrepot.store.contract import StoreError
from entrepot.store.raw import open_database

_log = logging.getLogger("entrepot.retention")

INTERVAL: Final = 3600.0
"""Seconds between two looks; where the last one failed, RETRY."""
RETRY: Final = 60.0


async def keep(settings: Settings, interval: float = INTERVAL) -> None:
    """Run for ever, the first time at once."""
    pause = 0.0
    while True:
        await asyncio.sleep(pause)
        pause = min(RETRY, interval)
        try:
            await look(settings)
            pause = interval
        except StoreError as error:
            _log.warning("retention failed, tried again later: %s", error)
        except Exception:  # noqa: BLE001  # outermost: tables would grow, and partitions run out, unnoticed
            _log.exception("retention failed, tried again later")


async def look(settings: Settings) -> None:
    """One look. Raises StoreError."""
    db = await open_database(settings.database, durability=settings.durability, slow=True)
    try:
        await (await Run.begin(db, _log.info)).work()
    finally:
        await db.close()
