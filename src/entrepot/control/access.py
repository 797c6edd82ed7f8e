"""What every endpoint asks for: an administrator's token, a transaction, a page."""

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from entrepot.control.errors import UnauthorizedError
from entrepot.control.pages import MOST
from entrepot.control.services import Services, Transaction
from entrepot.control.tokens import service as tokens

_bearer = HTTPBearer(auto_error=False, description="An admin token (`adm-ent-…`).")


def services_of(request: Request) -> Services:
    """The services that the app was built with."""
    return request.app.state.services


async def admin_writing(
    services: Annotated[Services, Depends(services_of)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> AsyncGenerator[Transaction]:
    """A transaction for an administrator; commits before the answer is sent. Raises UnauthorizedError."""
    await _admit(services, credentials)
    async with services.transaction() as transaction:
        yield transaction


async def admin_reading(
    services: Annotated[Services, Depends(services_of)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> AsyncGenerator[Transaction]:
    """One consistent view for an administrator. Raises UnauthorizedError."""
    await _admit(services, credentials)
    async with services.reading() as transaction:
        yield transaction


async def admin_services(
    services: Annotated[Services, Depends(services_of)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Services:
    """The services, for what must not hold a transaction while it waits for a vendor. Raises UnauthorizedError."""
    await _admit(services, credentials)
    return services


async def _admit(services: Services, credentials: HTTPAuthorizationCredentials | None) -> None:
    """Before anything is locked: a stranger must not make writers wait."""
    if credentials is None:
        raise UnauthorizedError("Send an admin token as 'Authorization: Bearer adm-ent-…'.")
    async with services.reading() as transaction:
        if not await tokens.is_admin(transaction, credentials.credentials):
            raise UnauthorizedError("This admin token is not known here.")


# FastAPI ends a dependency of scope `function` before it sends the answer: a failed commit is an error, not a lie.
Writing = Annotated[Transaction, Depends(admin_writing, scope="function")]
Reading = Annotated[Transaction, Depends(admin_reading, scope="function")]
Admin = Annotated[Services, Depends(admin_services)]

PageSize = Annotated[int, Query(ge=1, le=MOST, description="Rows a page.")]
RowId = Annotated[int, Path(ge=1, le=2**53)]
Cursor = Annotated[str | None, Query(description="`next` of the page before.")]
