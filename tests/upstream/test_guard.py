"""Which addresses may be fetched on a client's word."""

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.upstream.guard import Guard

INSIDE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
    "2002:7f00:1::", "192.0.2.1", "fd00:ec2::254",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(Fault) as raised:
        Guard().check(address)
    assert raised.value.kind is Kind.URL_NOT_ALLOWED


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_what_is_public_passes(address: str) -> None:
    Guard().check(address)


def test_the_operator_may_name_networks() -> None:
    guard = Guard(("10.0.0.0/8", "fd00::/8"))
    guard.check("10.9.9.9")
    guard.check("fd00::5")
    with pytest.raises(Fault):
        guard.check("127.0.0.1")
