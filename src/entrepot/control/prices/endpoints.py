"""/api/prices"""

from fastapi import APIRouter

from entrepot.billing.catalogue import start_catalogue
from entrepot.control.access import Cursor, PageSize, Reading, Writing
from entrepot.control.pages import Page
from entrepot.control.prices import catalogue, service
from entrepot.control.prices.schemas import CatalogueLoad, CatalogueView, EffectiveView, PriceSet, PriceView

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


@router.get("/effective")
async def get_effective(tx: Reading, model: str) -> EffectiveView:
    """What a call for a model costs now, whatever name or wildcard says so."""
    return await service.effective(tx, model)


@router.post("/catalogue")
async def load_catalogue(tx: Writing, spec: CatalogueLoad) -> CatalogueView:
    """Load the prices that come with this version; your own are kept unless `overwrite`. Twice changes nothing."""
    return await catalogue.load(tx, start_catalogue(), spec)
