"""/api/channels and /api/providers"""

from typing import Annotated

from fastapi import APIRouter, Query

from entrepot.control.access import Admin, Cursor, PageSize, Reading, RowId, Writing
from entrepot.control.channels import service
from entrepot.control.channels.inquiry import create_asking, test_channel
from entrepot.control.channels.schemas import ChannelCreate, ChannelUpdate, ChannelView, KeyAdd, ProviderView, Verdict
from entrepot.control.channels.vendors import list_vendors
from entrepot.control.pages import Page

router = APIRouter(tags=["channels"])


@router.get("/providers")
async def list_providers(services: Admin) -> Page[ProviderView]:
    """The vendors that a channel may name."""
    return Page(data=list_vendors(services.catalogue))


@router.get("/channels")
async def list_channels(tx: Reading, limit: PageSize = 50, after: Cursor = None) -> Page[ChannelView]:
    """Channels in the order of their creation."""
    return await service.list_page(tx, limit, after)


@router.post("/channels", status_code=201)
async def create_channel(services: Admin, spec: ChannelCreate) -> ChannelView:
    """Create a channel; without `models` the vendor is asked for its list."""
    return await create_asking(services, spec)


@router.get("/channels/{name}")
async def get_channel(tx: Reading, name: str) -> ChannelView:
    """One channel."""
    return await service.get(tx, name)


@router.patch("/channels/{name}")
async def update_channel(tx: Writing, name: str, change: ChannelUpdate) -> ChannelView:
    """Change a channel; what is left out stays."""
    return await service.update(tx, name, change)


@router.delete("/channels/{name}", status_code=204)
async def delete_channel(tx: Writing, name: str) -> None:
    """Delete a channel and forget its keys."""
    await service.remove(tx, name)


@router.post("/channels/{name}/keys", status_code=201)
async def add_channel_key(tx: Writing, name: str, spec: KeyAdd) -> ChannelView:
    """One more vendor key."""
    return await service.add_key(tx, name, spec.key)


@router.delete("/channels/{name}/keys/{key_id}")
async def remove_channel_key(tx: Writing, name: str, key_id: RowId) -> ChannelView:
    """Take one vendor key away."""
    return await service.remove_key(tx, name, key_id)


@router.post("/channels/{name}/reset")
async def reset_channel(tx: Writing, name: str) -> ChannelView:
    """Have all workers forget what they have against a channel and its keys."""
    return await service.reset(tx, name)


@router.post("/channels/{name}/test")
async def run_channel_test(
    services: Admin, name: str, *, call: Annotated[bool, Query(description="One token of its cheapest model.")] = False
) -> Verdict:
    """Ask the vendor for its models, or for one token where it has no list or `call` is set."""
    return await test_channel(services, name, call=call)
