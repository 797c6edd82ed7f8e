"""The control API as one ASGI app: /api, its description, and the status page at /."""

import logging
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from entrepot import __version__
from entrepot.control.access import Reading, services_of
from entrepot.control.channels.endpoints import router as channels
from entrepot.control.errors import ControlError
from entrepot.control.groups.endpoints import router as groups
from entrepot.control.keys.endpoints import router as keys
from entrepot.control.limits import App, Edge
from entrepot.control.models.endpoints import router as models
from entrepot.control.prices.endpoints import router as prices
from entrepot.control.problems import explain
from entrepot.control.reference import reference
from entrepot.control.routing.endpoints import router as routing
from entrepot.control.services import Services
from entrepot.control.settings.endpoints import router as settings
from entrepot.control.status import Status, language, read_front, read_status, status_page
from entrepot.control.tokens.endpoints import router as tokens
from entrepot.control.usage.endpoints import router as usage
from entrepot.control.users.endpoints import router as users
from entrepot.control.wallets.endpoints import router as wallets
from entrepot.kit.ids import RequestIds

_log = logging.getLogger("entrepot.control")
_ROUTERS = (users, wallets, keys, groups, channels, models, prices, routing, usage, settings, tokens)
_UNKNOWN = {
    404: ("unknown_url", "There is no such endpoint. GET /api/docs lists them."),
    405: ("method_not_allowed", "This endpoint does not take that method. GET /api/docs lists them."),
}

status = APIRouter(prefix="/api", tags=["status"])
pages = APIRouter(include_in_schema=False)


@status.get("/status")
async def get_status(tx: Reading) -> Status:
    """Version, number of the last change, and how many rows there are."""
    return await read_status(tx)


@pages.get("/")
async def show_status(
    request: Request, services: Annotated[Services, Depends(services_of)], lang: str | None = None
) -> HTMLResponse:
    """The status page, for anybody."""
    headers = request.headers
    async with services.reading() as tx:
        front = await read_front(tx, headers.get("x-forwarded-proto", "http"), headers.get("host", ""))
    chosen = language(lang, headers.get("accept-language", ""))
    return HTMLResponse(status_page(front, chosen), headers={"vary": "accept-language", "content-language": chosen})


@pages.get("/api/docs")
async def show_reference(request: Request) -> HTMLResponse:
    """The API's documentation."""
    return HTMLResponse(reference(request.app.openapi()))


def build_app(services: Services) -> App:
    """The app over these services; it owns none of them."""
    app = FastAPI(
        title="Entrepot administration API", version=__version__, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json"
    )
    app.state.services = services
    app.include_router(pages)
    app.include_router(status)
    for router in _ROUTERS:
        app.include_router(router, prefix="/api")
    app.add_exception_handler(ControlError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unknown)
    app.add_exception_handler(Exception, _broken)
    return Edge(app, RequestIds(services.clock))


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ControlError)  # noqa: S101 registered for it
    if error.status >= 500:
        _log.error("control: %s", error.message)
    headers = {"www-authenticate": "Bearer"} if error.status == 401 else None
    return _error(error.status, _body(error.message, error.type, error.code, error.param), headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 registered for it
    problem = explain(error.errors())
    return _error(400, _body(problem.message, problem.type, problem.code, problem.param))


async def _unknown(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 registered for it
    code, message = _UNKNOWN.get(error.status_code, ("invalid_request", str(error.detail)))
    return _error(error.status_code, _body(message, "invalid_request_error", code, None), error.headers)


async def _broken(_: Request, __: Exception) -> JSONResponse:
    """A bug of ours. Starlette raises it again after this answer, so that the server logs it."""
    message = "Something went wrong here; it is logged under this request id."
    return _error(500, _body(message, "server_error", "internal_error", None))


def _body(message: str, kind: str, code: str, param: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "code": code, "param": param}}


def _error(status_code: int, body: dict[str, Any], headers: Any = None) -> JSONResponse:
    return JSONResponse(body, status_code=status_code, headers=headers)
