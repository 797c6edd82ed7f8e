"""The wire: bytes past HTTP, FIN and RST, on asyncio's loop and on uvloop."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
import uvloop

from entrepot.sandbox.wire import Wire


async def seen_by_client(act: Callable[[Wire], None]) -> bytes | str:
    """What a client reads when the server does `act` to its connection."""

    class Server(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            wire = Wire(cast("asyncio.Transport", transport))  # uvloop's is one in all but its class
            wire.shout(b"hello")
            asyncio.get_running_loop().call_later(0.05, act, wire)

    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            return await reader.read(-1)
        except ConnectionResetError:
            return "reset"
        finally:
            writer.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_cut_and_reset(run: Callable[..., bytes | str]) -> None:
    assert run(seen_by_client(Wire.cut)) == b"hello"
    assert run(seen_by_client(Wire.reset)) == "reset"
