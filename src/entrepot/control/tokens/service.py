"""Admin tokens on the database."""

from sqlalchemy import delete as delete_from
from sqlalchemy import func, select

from entrepot.control.errors import ConflictError, missing
from entrepot.control.fields import MICRO
from entrepot.control.services import Transaction
from entrepot.control.tokens.schemas import TokenCreate, TokenMinted, TokenView
from entrepot.kit.clock import iso
from entrepot.kit.ids import ADMIN_PREFIX, key_hash, key_is_mistyped, mint_key
from entrepot.store.schema import admin_tokens


async def create(tx: Transaction, spec: TokenCreate) -> TokenMinted:
    """Mint a token. Its secret cannot be read again."""
    secret = mint_key(ADMIN_PREFIX)
    values = {"name": spec.name, "sha256": key_hash(secret), "created_at": tx.now}
    row_id = await tx.add(admin_tokens, values)
    return TokenMinted(id=row_id, name=spec.name, created_at=iso(tx.now / MICRO), secret=secret)


async def list_all(tx: Transaction) -> list[TokenView]:
    """All tokens, oldest first."""
    rows = await tx.rows(select(admin_tokens).order_by(admin_tokens.c.id))
    return [TokenView(id=row["id"], name=row["name"], created_at=iso(row["created_at"] / MICRO)) for row in rows]


async def revoke(tx: Transaction, token_id: int) -> None:
    """Delete a token. Raises NotFoundError; ConflictError for the last one, which would lock everybody out."""
    if await tx.scalar(select(admin_tokens.c.id).where(admin_tokens.c.id == token_id)) is None:
        raise missing("admin token", str(token_id))
    if await tx.scalar(select(func.count()).select_from(admin_tokens)) == 1:
        raise ConflictError("This is the last admin token. Create another one first.", "id")
    await tx.write(delete_from(admin_tokens).where(admin_tokens.c.id == token_id))


async def is_admin(tx: Transaction, secret: str) -> bool:
    """Is this an admin token? Looked up by hash, so the time taken says nothing about its characters."""
    if key_is_mistyped(secret, ADMIN_PREFIX):
        return False
    return await tx.scalar(select(admin_tokens.c.id).where(admin_tokens.c.sha256 == key_hash(secret))) is not None
