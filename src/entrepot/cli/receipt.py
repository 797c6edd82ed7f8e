"""`entrepot receipt ID`: what one call cost, and why."""

from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict

from entrepot.cli.output import Json, show
from entrepot.cli.session import in_view
from entrepot.control.usage import service
from entrepot.kit import json


class _Shown(BaseModel):
    """The receipt's own fields, in its own order."""

    model_config = ConfigDict(extra="allow")


def receipt(
    ctx: typer.Context,
    request_id: Annotated[str, typer.Argument(metavar="REQUEST_ID", help="`x-request-id` of the answer.")],
    *,
    as_json: Json = False,
) -> None:
    """Show what one call cost, and why: as `GET /v1/receipts/{id}` does."""
    found = in_view(ctx, lambda tx: service.find_receipt(tx, request_id))
    show(_Shown(**json.decode(json.encode(found))), as_json=as_json, hide=("object",))
