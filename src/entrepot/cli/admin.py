"""`entrepot admin token …`: what an administrator's programs send."""

from typing import Annotated

import typer

from entrepot.cli.output import Json, say, show_page, show_secret
from entrepot.cli.session import in_transaction, in_view
from entrepot.control.pages import Page
from entrepot.control.problems import read
from entrepot.control.services import Transaction
from entrepot.control.tokens import service
from entrepot.control.tokens.schemas import TokenCreate, TokenView

app = typer.Typer(no_args_is_help=True, help="Administration: tokens for the API.")
token = typer.Typer(no_args_is_help=True, help="Admin tokens: what an administrator's programs send to /api.")
app.add_typer(token, name="token")


@token.command(epilog="Example: entrepot admin token create --name deploy")
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Option("--name", help="What it is for.")] = "admin",
    *,
    as_json: Json = False,
) -> None:
    """Mint an admin token; the secret is shown this once."""
    show_secret(in_transaction(ctx, lambda tx: service.create(tx, read(TokenCreate, {"name": name}))), as_json=as_json)


@token.command("list", epilog="Example: entrepot admin token list")
def list_tokens(ctx: typer.Context, *, as_json: Json = False) -> None:
    """List all admin tokens, without their secrets."""

    async def work(tx: Transaction) -> Page[TokenView]:
        return Page(data=await service.list_all(tx))

    show_page(in_view(ctx, work), ("id", "name", "created_at"), as_json=as_json)


@token.command(epilog="Example: entrepot admin token revoke 2")
def revoke(ctx: typer.Context, token_id: Annotated[int, typer.Argument(metavar="ID", min=1, max=2**53)]) -> None:
    """Revoke an admin token; the last one stays."""
    in_transaction(ctx, lambda tx: service.revoke(tx, token_id))
    say("revoked")
