"""Names to addresses, with a short memory."""

import asyncio
import ipaddress
import socket
from itertools import chain, zip_longest

from entrepot.core.faults import Fault, Kind

_KEPT = 30.0
"""Seconds an answer is used; failures are kept for _FAILED."""
_FAILED = 1.0
_MOST = 512
"""Names remembered at once."""


class Resolver:
    """Asks the system. Many calls for one name at once make one question."""

    __slots__ = ("_known", "_pending")

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, list[str]]] = {}
        self._pending: dict[str, asyncio.Future[None]] = {}

    async def resolve(self, host: str) -> list[str]:
        """Addresses in the order in which to try them, families mixed. Raises Fault."""
        if is_address(host):
            return [host]
        loop = asyncio.get_running_loop()
        while (known := self._known.get(host)) is None or known[0] < loop.time():
            if (pending := self._pending.get(host)) is not None:
                await asyncio.wait([pending])  # unlike a plain await, being cancelled here harms nobody else
                continue
            pending = self._pending[host] = loop.create_future()
            try:
                addresses = await _ask(loop, host)
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[host] = (loop.time() + (_KEPT if addresses else _FAILED), addresses)
            finally:
                del self._pending[host]
                pending.set_result(None)
        if not known[1]:
            raise Fault(Kind.DNS_FAILED)
        return known[1]

    def prefer(self, host: str, address: str) -> None:
        """This address answered, others before it did not: try it first while it is remembered."""
        known = self._known.get(host)
        if known is not None and address in known[1]:
            known[1].sort(key=address.__ne__)


def is_address(host: str) -> bool:
    """An IP address, not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _ask(loop: asyncio.AbstractEventLoop, host: str) -> list[str]:
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, ValueError):  # ValueError: what cannot even be a name
        return []
    first = [str(sockaddr[0]) for family, _, _, _, sockaddr in found if family == found[0][0]]
    other = [str(sockaddr[0]) for family, _, _, _, sockaddr in found if family != found[0][0]]
    return [address for address in chain.from_iterable(zip_longest(first, other)) if address]
