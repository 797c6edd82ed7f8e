"""/api/prices"""

from fastapi import APIRouter

from entrepot.control.access import Cursor, PageSize, Reading, Writing
from entrepot.control.pages import Page
from entrepot.control.prices import service
from entrepot.control.prices.schemas import PriceSet, PriceView

router = APIRouter(prefix="/prices", tags=["prices"])


@router.get("")
async def list_prices(tx: Reading, limit: PageSize = 50, after: Cursor = None, model: str | None = None) -> Page[PriceView]:
    """One model's prices, by kind and the newest first; or those of all models in the order in which they were set."""
    if model is not None:
        return Page(data=await service.history(tx, model))
    return await service.list_page(tx, limit, after)


@router.post("", status_code=201)
async def set_prices(tx: Writing, spec: PriceSet) -> Page[PriceView]:
    """Set prices of one model from a moment on; gives its history."""
    return Page(data=await service.set_prices(tx, spec))
