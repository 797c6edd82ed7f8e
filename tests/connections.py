"""A client's connection as the edge shows it, for tests below the server: it keeps what is sent."""

from collections.abc import Callable, MutableMapping
from typing import Any


class Wire:
    """Implements relay.exchange.Connection, and remembers as messages what was sent."""

    full = False

    def __init__(self) -> None:
        self.gone = False
        self.closing = False
        self.aborted = False
        self.messages: list[MutableMapping[str, Any]] = []
        self._callback: Callable[[str], None] | None = None
        self._waiting: dict[str, Any] | None = None

    def on_gone(self, callback: Callable[[str], None] | None) -> None:
        self._callback = callback

    def close_after(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.aborted = True
        self.leave("left")

    def leave(self, how: str = "left") -> None:
        """The client goes away."""
        self.gone = True
        callback, self._callback = self._callback, None
        if callback is not None:
            callback(how)

    async def drain(self) -> None:
        """Nobody is slow here."""

    def start(self, status: int, headers: Any) -> None:
        self._waiting = {"status": status, "headers": list(headers)}

    def write(self, body: bytes, *, more: bool) -> None:
        if self._waiting is not None:
            self.messages.append(self._waiting)
            self._waiting = None
        self.messages.append({"body": body, "more_body": more})

    def answer(self, status: int, headers: Any, body: bytes) -> None:
        self.start(status, (*headers, (b"content-length", b"%d" % len(body))))
        self.write(body, more=False)

    @property
    def status(self) -> int:
        return self.messages[0]["status"]

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.messages[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.messages[1:])

    @property
    def complete(self) -> bool:
        return bool(self.messages) and not self.messages[-1].get("more_body", True)
