"""/api/groups"""

from fastapi import APIRouter

from entrepot.control.access import Reading, Writing
from entrepot.control.groups import service
from entrepot.control.groups.schemas import GroupCreate, GroupUpdate, GroupView
from entrepot.control.pages import Page

router = APIRouter(prefix="/groups", tags=["groups"])


@router.get("")
async def list_groups(tx: Reading) -> Page[GroupView]:
    """All groups by name; they fit one page."""
    return Page(data=await service.list_all(tx))


@router.post("", status_code=201)
async def create_group(tx: Writing, spec: GroupCreate) -> GroupView:
    """Create a group."""
    return await service.create(tx, spec)


@router.get("/{name}")
async def get_group(tx: Reading, name: str) -> GroupView:
    """One group."""
    return await service.get(tx, name)


@router.patch("/{name}")
async def update_group(tx: Writing, name: str, change: GroupUpdate) -> GroupView:
    """Change a group; what is left out stays."""
    return await service.update(tx, name, change)


@router.delete("/{name}", status_code=204)
async def delete_group(tx: Writing, name: str) -> None:
    """Delete a group that no user, key or channel names."""
    await service.remove(tx, name)
