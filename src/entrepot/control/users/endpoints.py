"""/api/users"""

from fastapi import APIRouter

from entrepot.control.access import Cursor, PageSize, Reading, Writing
from entrepot.control.pages import Page
from entrepot.control.users import service
from entrepot.control.users.schemas import UserCreate, UserUpdate, UserView

router = APIRouter(prefix="/users", tags=["users"])


@router.get("")
async def list_users(tx: Reading, limit: PageSize = 50, after: Cursor = None) -> Page[UserView]:
    """Users in the order of their creation."""
    return await service.list_page(tx, limit, after)


@router.post("", status_code=201)
async def create_user(tx: Writing, spec: UserCreate) -> UserView:
    """Create a user."""
    return await service.create(tx, spec)


@router.get("/{name}")
async def get_user(tx: Reading, name: str) -> UserView:
    """One user."""
    return await service.get(tx, name)


@router.patch("/{name}")
async def update_user(tx: Writing, name: str, change: UserUpdate) -> UserView:
    """Change a user; what is left out stays."""
    return await service.update(tx, name, change)


@router.delete("/{name}", status_code=204)
async def delete_user(tx: Writing, name: str) -> None:
    """Delete a user and its keys."""
    await service.remove(tx, name)
