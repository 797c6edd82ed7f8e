"""/api/routing and /api/health"""

from typing import Annotated

from fastapi import APIRouter, Query

from entrepot.control.access import Cursor, PageSize, Reading
from entrepot.control.pages import Page
from entrepot.control.routing import health, service
from entrepot.control.routing.schemas import ChannelHealth, Explanation

router = APIRouter(tags=["routing"])


@router.get("/routing/explain")
async def explain_routing(
    tx: Reading,
    model: Annotated[str, Query(description="The model that would be called.")],
    key: Annotated[str | None, Query(description="A key's id or name. Default: a key of the group.")] = None,
    group: Annotated[str | None, Query(description="A group. Default: the key's own, else `default`.")] = None,
    session: Annotated[str, Query(description="What the client calls its session: where its calls stick to.")] = "",
) -> Explanation:
    """Where a call would go: which channels, in what order, and why."""
    return await service.explain_call(tx, service.Asked(model, key, group, session))


@router.get("/health/channels")
async def channel_health(tx: Reading, limit: PageSize = 50, after: Cursor = None) -> Page[ChannelHealth]:
    """How channels and their keys fare with real traffic: success, time to first content, speed."""
    return await health.list_page(tx, limit, after)
