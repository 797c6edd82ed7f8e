"""Our gateway worker with aiohttp in our upstream client's place: for the benchmark alone.

aiohttp is set up as lean as it goes: no cookies, no decompression, no limit of connections, one
timeout object for all calls. Failures are not mapped: a failed call would spoil the measurement anyhow.
"""

from collections.abc import Callable

import aiohttp
from yarl import URL

from bench.gateway_worker import serve_as
from entrepot.compose.gateway import Worker
from entrepot.core.http import Headers, Origin, Request, Timeouts
from entrepot.kit.headtext import NO_HEAD
from entrepot.settings import Handoff
from entrepot.store.raw import Database


class AiohttpResponse:
    """aiohttp's answer behind the interface of upstream/response.py."""

    __slots__ = ("_response", "head", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.head = NO_HEAD
        self.headers: Headers = tuple((name.lower(), value) for name, value in response.raw_headers)

    @property
    def ended(self) -> bool:
        return self._response.content.at_eof()

    complete = ended

    def header(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.headers if key == name), None)

    async def chunk(self) -> bytes:
        return await self._response.content.readany()

    async def pour(self, take: Callable[[bytes], bool]) -> None:
        while data := await self.chunk():
            if not take(data):
                return

    async def read(self, limit: int) -> bytes:
        return await self._response.content.read(limit)

    def close(self) -> None:
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class AiohttpUpstream:
    """aiohttp behind the interface of upstream/client.py."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=3600, connect=10, sock_read=300),
            auto_decompress=False,
            skip_auto_headers=("user-agent", "accept", "content-type"),
        )
        self._urls: dict[tuple[Origin, bytes], URL] = {}

    async def send(self, request: Request, timeouts: Timeouts, max_connections: int = 1024) -> AiohttpResponse:
        place = (request.origin, request.target)
        url = self._urls.get(place)
        if url is None:
            origin = request.origin
            url = self._urls[place] = URL(f"{origin.scheme}://{origin.authority}{request.target.decode()}", encoded=True)
        headers = {name.decode(): value.decode() for name, value in request.headers}
        headers["accept-encoding"] = "identity"
        return AiohttpResponse(await self._session.request(request.method.decode(), url, data=request.body, headers=headers))

    def stats(self) -> dict[Origin, object]:
        return {}

    async def close(self) -> None:
        await self._session.close()


class AiohttpWorker(Worker):
    """A worker whose relay sends by aiohttp."""

    def __init__(self, handoff: Handoff, database: Database) -> None:
        super().__init__(handoff, database)
        self.upstream = AiohttpUpstream()  # type: ignore[assignment]


def main() -> None:
    """The process's entry."""
    serve_as(AiohttpWorker)
