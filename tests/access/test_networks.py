"""Addresses and networks, and who is believed behind a proxy."""

import pytest

from entrepot.access.networks import allows, client_address, subscriber


@pytest.mark.parametrize(
    ("networks", "address", "allowed"),
    [
        (("192.0.2.7",), "192.0.2.7", True),
        (("192.0.2.7",), "192.0.2.8", False),
        (("192.0.2.0/24", "10.0.0.0/8"), "10.255.0.1", True),
        (("192.0.2.5/24",), "192.0.2.200", True),
        (("2001:db8::/32",), "2001:db8::1", True),
        (("2001:db8::/32",), "192.0.2.1", False),
        (("192.0.2.0/24",), "::ffff:192.0.2.9", True),
        (("192.0.2.0/24",), "not an address", False),
        ((), "192.0.2.1", False),
    ],
)
def test_allows(networks: tuple[str, ...], address: str, allowed: bool) -> None:
    assert allows(networks, address) is allowed


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "client"),
    [
        ("203.0.113.9", "192.0.2.1", (), "203.0.113.9"),
        ("203.0.113.9", "192.0.2.1", ("10.0.0.0/8",), "203.0.113.9"),
        ("10.0.0.1", "192.0.2.1", ("10.0.0.0/8",), "192.0.2.1"),
        ("10.0.0.1", "6.6.6.6, 192.0.2.1, 10.0.0.2", ("10.0.0.0/8",), "192.0.2.1"),
        ("10.0.0.1", "6.6.6.6, nonsense", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", None, ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "10.0.0.7", ("10.0.0.0/8",), "10.0.0.7"),
    ],
)
def test_client_address(peer: str, forwarded: str | None, trusted: tuple[str, ...], client: str) -> None:
    assert client_address(peer, forwarded, trusted) == client


def test_subscribers() -> None:
    assert subscriber("192.0.2.1") == "192.0.2.1"
    assert subscriber("::ffff:192.0.2.1") == "192.0.2.1"
    assert subscriber("2001:db8:1:2:3:4:5:6") == subscriber("2001:db8:1:2::9") == "2001:db8:1:2::"
    assert subscriber("not: an address") == "not: an address"
