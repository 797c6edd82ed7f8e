"""Opens what control's services stand on, for the server and for commands alike."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from entrepot.control.services import Sandbox, Services
from entrepot.kit.clock import SystemClock
from entrepot.providers.catalogue import load_catalogue
from entrepot.settings import Settings
from entrepot.store.engine import open_engine
from entrepot.store.raw import open_database
from entrepot.store.vault import open_vault
from entrepot.upstream.client import Upstream


@asynccontextmanager
async def open_services(settings: Settings, sandbox: Sandbox | None = None) -> AsyncGenerator[Services]:
    """Open all that control needs, on a database that was migrated.

    Raises StoreAwayError, DatabaseUrlError, VaultError.
    """
    database = await open_database(settings.database)
    try:
        vault = await open_vault(settings, database)
    finally:
        await database.close()
    engine = open_engine(settings.database, fsync=settings.durability == "fsync")
    upstream = Upstream(extra_ca=settings.upstream_ca)
    try:
        yield Services(settings, engine, SystemClock(), vault, load_catalogue(), upstream, sandbox)
    finally:
        await upstream.close()
        await engine.dispose()
