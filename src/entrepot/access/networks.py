"""Client addresses: which one is it behind proxies, and is it in a list of networks?"""

import ipaddress
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=65_536)
def allows(networks: tuple[str, ...], address: str) -> bool:
    """Is the address in one of the networks (addresses or CIDR)? IPv4 mapped into IPv6 counts as IPv4."""
    client = _address(address)
    if client is None:
        return False
    return any(client in network for network in _networks(networks) if network.version == client.version)


def client_address(peer: str, forwarded_for: str | None, trusted: tuple[str, ...]) -> str:
    """The nearest address that is not a trusted proxy, read from the right of X-Forwarded-For.

    What stands further left was written by somebody we have no reason to believe.
    """
    if not forwarded_for or not trusted or not allows(trusted, peer):
        return peer
    nearest = peer
    for hop in reversed(forwarded_for.split(",")):
        candidate = _address(hop.strip())
        if candidate is None:
            break
        nearest = str(candidate)
        if not allows(trusted, nearest):
            break
    return nearest


def subscriber(address: str) -> str:
    """Whom an address belongs to: itself, or the first 64 bits of an IPv6 address, which one customer has all of."""
    if ":" not in address:
        return address
    client = _address(address)
    if not isinstance(client, ipaddress.IPv6Address):
        return address if client is None else str(client)
    return str(ipaddress.IPv6Address(int(client) >> 64 << 64))


@lru_cache(maxsize=4096)
def _networks(networks: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(network, strict=False) for network in networks)


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
