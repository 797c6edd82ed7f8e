"""Pictures and documents that a client gives by URL, for upstreams that need them inline.

Bounded in size, time and redirects, and never from an address that is not public (upstream/guard.py).
"""

import asyncio
from base64 import b64encode
from urllib.parse import quote, urljoin

import msgspec

from entrepot.core.ask import Media
from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Request, Timeouts, parse_origin
from entrepot.upstream.client import Response, Upstream

MAX_BYTES = 20 * 1024 * 1024
"""Of one medium, and of all of a call together."""
_SECONDS = 20.0
_MOST_REDIRECTS = 3
_MOST_MEDIA = 32
_TIMEOUTS = Timeouts(connect=5.0, first_byte=10.0, idle=10.0, total=_SECONDS)
_WRITTEN = "".join(map(chr, range(0x21, 0x7F)))
"""Characters of a URL that go as they are; words of other scripts are escaped as browsers do."""
_CONNECTIONS = 16
"""To one server at once."""
_HEADERS = ((b"user-agent", b"entrepot"), (b"accept", b"*/*"))


class Fetcher:
    """Fetches with a client of its own, whose connections are guarded."""

    __slots__ = ("_upstream",)

    def __init__(self, upstream: Upstream) -> None:
        """`upstream`: made with a Guard."""
        self._upstream = upstream

    async def close(self) -> None:
        """Abort everything."""
        await self._upstream.close()

    async def fetch(self, wanted: list[Media]) -> dict[Media, Media]:
        """Each with its data and type. Raises Fault(URL_NOT_ALLOWED | URL_NOT_FETCHED), naming the URL."""
        if len(wanted) > _MOST_MEDIA:
            raise Fault(Kind.URL_NOT_FETCHED, f"More than {_MOST_MEDIA} URLs would have to be fetched. Send the data itself.")
        found: dict[Media, Media] = {}
        room = MAX_BYTES
        for media in dict.fromkeys(wanted):
            mime, data = await self._one(media.url, room)
            room -= len(data)
            kind = mime.partition("/")[0]
            if media.kind == "image" and kind not in ("image", ""):
                raise Fault(Kind.URL_NOT_FETCHED, f"'{media.url}' is not a picture but {mime}.")
            found[media] = msgspec.structs.replace(media, mime=media.mime or mime, data=b64encode(data).decode(), url="")
        return found

    async def _one(self, url: str, room: int) -> tuple[str, bytes]:
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._follow(url, room)
        except Fault as fault:
            if fault.kind in (Kind.URL_NOT_ALLOWED, Kind.URL_NOT_FETCHED):
                raise Fault(fault.kind, f"'{url}': {fault.message}") from None
            raise Fault(Kind.URL_NOT_FETCHED, f"'{url}' could not be fetched: {fault.message}") from None
        except (TimeoutError, ValueError) as error:  # BadUrlError, and what urljoin cannot read
            why = "it took too long" if isinstance(error, TimeoutError) else "it is not an http(s) URL"
            raise Fault(Kind.URL_NOT_FETCHED, f"'{url}' could not be fetched: {why}.") from None

    async def _follow(self, url: str, room: int) -> tuple[str, bytes]:
        for _ in range(_MOST_REDIRECTS + 1):
            origin, path, query = parse_origin(url)
            target = quote((path or "/") + (f"?{query}" if query else ""), safe=_WRITTEN)
            request = Request(b"GET", origin, target.encode(), _HEADERS)
            response = await self._upstream.send(request, _TIMEOUTS, _CONNECTIONS)
            try:
                if response.status in (301, 302, 303, 307, 308) and (place := response.header(b"location")):
                    url = urljoin(url, place.decode("latin-1"))
                    continue
                if response.status != 200:
                    raise Fault(Kind.URL_NOT_FETCHED, f"the server answered {response.status}.")
                return _type(response), await _body(response, room)
            finally:
                response.close()
        raise Fault(Kind.URL_NOT_FETCHED, "it redirects too often.")


def _type(response: Response) -> str:
    """The media type, without parameters."""
    given = (response.header(b"content-type") or b"").partition(b";")[0]
    return given.strip().decode("latin-1").lower()


async def _body(response: Response, room: int) -> bytes:
    pieces: list[bytes] = []
    while data := await response.chunk():
        pieces.append(data)
        room -= len(data)
        if room < 0:
            raise Fault(Kind.URL_NOT_FETCHED, f"it is larger than {MAX_BYTES >> 20} MB.")
    return b"".join(pieces)
