"""Below ASGI: what only the connection itself can do wrong.

`serve` puts a `Wire` into each request's scope, as the extension `entrepot.wire`. Under another
server there is none, and the sandbox comes as near as it can: it returns early.
"""

import asyncio
import socket
import struct

EXTENSION = "entrepot.wire"
_LINGER_NOT = struct.pack("ii", 1, 0)


class Wire:
    """One connection."""

    __slots__ = ("_transport",)

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def cut(self) -> None:
        """Send what is buffered, then FIN: the answer ends where it stands."""
        self._transport.close()

    def reset(self) -> None:
        """RST: the other side's next read or write fails, and what was buffered is lost."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None and not self._transport.is_closing():
            # With a linger time of zero the kernel sends RST where it would send FIN.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._transport.abort()

    def shout(self, data: bytes) -> None:
        """Write bytes as they are, past HTTP."""
        self._transport.write(data)
