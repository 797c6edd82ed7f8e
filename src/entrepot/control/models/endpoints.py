"""/api/models; names may hold slashes, so they are the rest of the path."""

from fastapi import APIRouter

from entrepot.control.access import Cursor, PageSize, Reading, Writing
from entrepot.control.models import service
from entrepot.control.models.schemas import ModelCreate, ModelUpdate, ModelView
from entrepot.control.pages import Page

router = APIRouter(prefix="/models", tags=["models"])


@router.get("")
async def list_models(tx: Reading, limit: PageSize = 50, after: Cursor = None) -> Page[ModelView]:
    """Models in the order of their creation, with the prices that hold now."""
    return await service.list_page(tx, limit, after)


@router.post("", status_code=201)
async def create_model(tx: Writing, spec: ModelCreate) -> ModelView:
    """Create a model or a wildcard."""
    return await service.create(tx, spec)


@router.get("/{name:path}")
async def get_model(tx: Reading, name: str) -> ModelView:
    """One model."""
    return await service.get(tx, name)


@router.patch("/{name:path}")
async def update_model(tx: Writing, name: str, change: ModelUpdate) -> ModelView:
    """Change a model; what is left out stays."""
    return await service.update(tx, name, change)


@router.delete("/{name:path}", status_code=204)
async def delete_model(tx: Writing, name: str) -> None:
    """Delete a model and its prices."""
    await service.remove(tx, name)
