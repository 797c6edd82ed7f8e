"""Control's services on a real database of either kind, and the real app in front of them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import msgspec
import pytest
from sqlalchemy import select

from entrepot.control.app import build_app
from entrepot.control.bootstrap import foundation
from entrepot.control.opening import open_services
from entrepot.control.services import Services
from entrepot.control.tokens import service as tokens
from entrepot.control.tokens.schemas import TokenCreate
from entrepot.kit.clock import ManualClock
from entrepot.settings import load
from entrepot.store.schema import feed

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests of the API's outside: what the services do is tested on both databases."""
Feed = Callable[[], Awaitable[list[tuple[str, str]]]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def services(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Services]:
    """On an installation that has its default group and its own account."""
    settings = load(environ={}, overrides={"data_dir": str(tmp_path), "database_url": database_url})
    async with open_services(settings) as opened:
        made = msgspec.structs.replace(opened, clock=clock)
        async with made.transaction() as tx:
            await foundation(tx)
        yield made


@pytest.fixture
async def api(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """The real app; requests carry an admin token."""
    async with services.transaction() as tx:
        token = await tokens.create(tx, TokenCreate(name="test"))
    transport = httpx.ASGITransport(build_app(services), raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {token.secret}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://control", headers=headers) as client:
        yield client


@pytest.fixture
def fed(services: Services) -> Feed:
    """What was announced since the last time it was asked, as (kind, reference)."""
    seen = 0

    async def read() -> list[tuple[str, str]]:
        nonlocal seen
        async with services.reading() as tx:
            rows = await tx.rows(select(feed).where(feed.c.v > seen).order_by(feed.c.v))
        seen = rows[-1]["v"] if rows else seen
        return [(row["kind"], row["ref"]) for row in rows]

    return read
