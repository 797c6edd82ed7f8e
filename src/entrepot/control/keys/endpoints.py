"""/api/keys"""

from fastapi import APIRouter

from entrepot.control.access import Cursor, PageSize, Reading, RowId, Writing
from entrepot.control.keys import service
from entrepot.control.keys.schemas import KeyCreate, KeyMinted, KeyUpdate, KeyView
from entrepot.control.pages import Page

router = APIRouter(prefix="/keys", tags=["keys"])


@router.get("")
async def list_keys(tx: Reading, limit: PageSize = 50, after: Cursor = None, user: str | None = None) -> Page[KeyView]:
    """Keys in the order of their creation, all or one user's."""
    return await service.list_page(tx, limit, after, user)


@router.post("", status_code=201)
async def create_key(tx: Writing, spec: KeyCreate) -> KeyMinted:
    """Create a key; the secret is shown this once."""
    return await service.create(tx, spec)


@router.get("/{key_id}")
async def get_key(tx: Reading, key_id: RowId) -> KeyView:
    """One key."""
    return await service.get(tx, key_id)


@router.patch("/{key_id}")
async def update_key(tx: Writing, key_id: RowId, change: KeyUpdate) -> KeyView:
    """Change a key; what is left out stays, null lifts a limit."""
    return await service.update(tx, key_id, change)


@router.post("/{key_id}/rotate")
async def rotate_key(tx: Writing, key_id: RowId) -> KeyMinted:
    """Give the key a new secret; the old one is dead within two seconds."""
    return await service.rotate(tx, key_id)


@router.delete("/{key_id}", status_code=204)
async def delete_key(tx: Writing, key_id: RowId) -> None:
    """Delete a key; its usage stays."""
    await service.remove(tx, key_id)
