"""/api/settings"""

from fastapi import APIRouter

from entrepot.control.access import Reading, Writing
from entrepot.control.pages import Page
from entrepot.control.settings import service
from entrepot.control.settings.schemas import SettingUpdate, SettingView

router = APIRouter(prefix="/settings", tags=["settings"])


@router.get("")
async def list_settings(tx: Reading) -> Page[SettingView]:
    """Every setting with its value and its meaning."""
    return Page(data=await service.list_all(tx))


@router.get("/{name}")
async def get_setting(tx: Reading, name: str) -> SettingView:
    """One setting."""
    return await service.get(tx, name)


@router.put("/{name}")
async def update_setting(tx: Writing, name: str, change: SettingUpdate) -> SettingView:
    """Set a value; an empty one takes the setting back to its default."""
    return await service.update(tx, name, change)
