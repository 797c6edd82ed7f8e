"""/api/admin/tokens"""

from fastapi import APIRouter

from entrepot.control.access import Reading, RowId, Writing
from entrepot.control.pages import Page
from entrepot.control.tokens import service
from entrepot.control.tokens.schemas import TokenCreate, TokenMinted, TokenView

router = APIRouter(prefix="/admin/tokens", tags=["admin tokens"])


@router.get("")
async def list_tokens(tx: Reading) -> Page[TokenView]:
    """All admin tokens, without their secrets."""
    return Page(data=await service.list_all(tx))


@router.post("", status_code=201)
async def create_token(tx: Writing, spec: TokenCreate) -> TokenMinted:
    """Mint an admin token; the secret is shown this once."""
    return await service.create(tx, spec)


@router.delete("/{token_id}", status_code=204)
async def revoke_token(tx: Writing, token_id: RowId) -> None:
    """Revoke an admin token; the last one stays."""
    await service.revoke(tx, token_id)
