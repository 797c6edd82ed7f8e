"""/api/usage"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from entrepot.control.access import Cursor, PageSize, Reading
from entrepot.control.pages import Page
from entrepot.control.problems import read
from entrepot.control.usage import service, sums
from entrepot.control.usage.schemas import By, CallView, Outcome, SumView, UsageFilter
from entrepot.kit import json

router = APIRouter(prefix="/usage", tags=["usage"])


def _chosen(
    key: int | None = None,
    user: str | None = None,
    model: str | None = None,
    channel: str | None = None,
    status: int | None = None,
    *,
    outcome: Outcome | None = None,
    since: Annotated[str | None, Query(description="RFC 3339, a day, or a span back from now such as 24h.")] = None,
    until: str | None = None,
) -> UsageFilter:
    """The filter of a query string."""
    named = {"key": key, "user": user, "model": model, "channel": channel, "status": status, "outcome": outcome}
    return read(UsageFilter, {**named, "since": since, "until": until})


Chosen = Annotated[UsageFilter, Depends(_chosen)]


@router.get("")
async def list_usage(tx: Reading, chosen: Chosen, limit: PageSize = 50, after: Cursor = None) -> Page[CallView]:
    """Calls, the newest first. A page that looks for something rare may be short, or empty, and still have a next one."""
    return await service.list_page(tx, chosen, limit, after)


@router.get("/summary")
async def sum_usage(tx: Reading, chosen: Chosen, by: By = "day", limit: PageSize = 50, after: Cursor = None) -> Page[SumView]:
    """Sums by day, model, key, user or channel, of whole hours. With a status or an outcome, `since` is needed."""
    return await sums.summary(tx, chosen, by, limit, after)


@router.get("/{request_id}")
async def get_usage(tx: Reading, request_id: str) -> CallView:
    """One call by its request id."""
    return await service.get(tx, request_id)


@router.get("/{request_id}/receipt")
async def get_receipt(tx: Reading, request_id: str) -> Response:
    """A call's receipt, as its key's owner sees it under /v1/receipts."""
    return Response(json.encode(await service.find_receipt(tx, request_id)), media_type="application/json")
