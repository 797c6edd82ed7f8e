"""The app's own edge: a request id on every answer, and a bound on bodies. Plain ASGI, no buffering."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from entrepot.kit import json
from entrepot.kit.ids import RequestIds

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST = 1024 * 1024
"""Bytes of a body; no table of ours comes near."""
_ID = b"x-request-id"
_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"),
    (b"cache-control", b"no-store"),
)


class TooLargeError(Exception):
    """A body that did not announce its length is over the limit; the framework answers 400."""


class Edge:
    """Wraps the app; the gateway in front gives the request id, else one is minted."""

    def __init__(self, app: App, ids: RequestIds) -> None:
        self._app = app
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        app = _too_large if _announced(scope) > MOST else self._app
        given = next((value for name, value in scope["headers"] if name == _ID and len(value) <= 64), None)
        request_id = given or self._ids.mint().encode()
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > MOST:
                raise TooLargeError
            return message

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message.get("headers", ()) if pair[0] != _ID]
                message = {**message, "headers": [*kept, (_ID, request_id), *_SAFE]}
            await send(message)

        await app(scope, counted, marked)


def _announced(scope: Scope) -> int:
    text = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(text) if text.isdigit() else 0


async def _too_large(_: Scope, __: Receive, send: Send) -> None:
    message = f"The body is over the limit of {MOST} bytes."
    error = {"message": message, "type": "invalid_request_error", "code": "request_too_large", "param": None}
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": json.encode({"error": error})})
