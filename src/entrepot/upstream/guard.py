"""Which addresses may be fetched on a client's word: public ones, and those that the operator names.

The guard is asked after a name was resolved, for every address that is dialled, so neither a name that leads inside nor a
redirect to one gets through (server-side request forgery).
"""

import ipaddress

from entrepot.core.faults import Fault, Kind

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""NAT64: the last 32 bits are an IPv4 address (RFC 6052)."""


class Guard:
    """Lets public addresses pass. `allowed`: networks (CIDR) that pass although they are not public."""

    __slots__ = ("_allowed",)

    def __init__(self, allowed: tuple[str, ...] = ()) -> None:
        """Raises ValueError for what is no network."""
        self._allowed = [ipaddress.ip_network(network, strict=False) for network in allowed]

    def check(self, address: str) -> None:
        """Raises Fault(URL_NOT_ALLOWED)."""
        found = _plain(ipaddress.ip_address(address.partition("%")[0]))
        if any(found in network for network in self._allowed if network.version == found.version):
            return
        if not found.is_global or found.is_multicast or found.is_reserved:
            raise Fault(Kind.URL_NOT_ALLOWED)


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address inside an IPv6 one, where it leads to one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address
