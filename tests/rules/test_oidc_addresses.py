"""Which addresses a call may go to, by what the name turned out to be."""

import pytest

from vigie.core.outbound import Reach, is_allowed

ALWAYS = {Reach.PUBLIC, Reach.PRIVATE, Reach.LOOPBACK}
NEVER: set[Reach] = set()

ADDRESSES: dict[str, set[Reach]] = {
    "9.9.9.9": ALWAYS,
    "193.252.1.1": ALWAYS,
    "2620:fe::fe": ALWAYS,
    "2a01:e0a::1": ALWAYS,
    "::ffff:9.9.9.9": ALWAYS,
    "64:ff9b::909:909": ALWAYS,  # NAT64 of 9.9.9.9
    "10.0.0.1": {Reach.PRIVATE},
    "172.16.0.1": {Reach.PRIVATE},
    "172.31.255.255": {Reach.PRIVATE},
    "172.32.0.1": ALWAYS,
    "192.168.1.1": {Reach.PRIVATE},
    "100.64.0.1": {Reach.PRIVATE},
    "fd00::1": {Reach.PRIVATE},
    "::ffff:10.0.0.1": {Reach.PRIVATE},
    "64:ff9b::a00:1": {Reach.PRIVATE},
    "127.0.0.1": {Reach.LOOPBACK},
    "127.255.0.1": {Reach.LOOPBACK},
    "::1": {Reach.LOOPBACK},
    "::ffff:127.0.0.1": {Reach.LOOPBACK},
    "0.0.0.0": NEVER,  # noqa: S104 - nothing is bound
    "0.1.2.3": NEVER,
    "::": NEVER,
    "169.254.169.254": NEVER,  # the metadata of every cloud
    "::ffff:169.254.169.254": NEVER,
    "64:ff9b::a9fe:a9fe": NEVER,
    "fe80::1": NEVER,
    "fe80::1%eth0": NEVER,
    "fec0::1": NEVER,
    "192.0.0.8": NEVER,
    "192.0.2.1": NEVER,
    "198.18.0.1": NEVER,
    "198.51.100.1": NEVER,
    "203.0.113.1": NEVER,
    "192.88.99.1": NEVER,
    "224.0.0.1": NEVER,
    "239.255.255.250": NEVER,
    "240.0.0.1": NEVER,
    "255.255.255.255": NEVER,
    "ff02::1": NEVER,
    "2001:db8::1": NEVER,
    "2001::1": NEVER,  # Teredo carries an IPv4 address
    "2002:7f00:1::": NEVER,  # so does 6to4
    "3fff::1": NEVER,
    "64:ff9b:1::1": NEVER,
    "100::1": NEVER,
    "::7f00:1": NEVER,
    "5f00::1": NEVER,
    "fd00:ec2::254": NEVER,  # metadata of a cloud, within private networks
    "fd20:ce::254": NEVER,
    "100.100.100.200": NEVER,
    "::ffff:100.100.100.200": NEVER,
    "fd00:ec2::253": {Reach.PRIVATE},
    "nonsense": NEVER,
    "": NEVER,
    "127.1": NEVER,  # an address is compared as the resolver writes it
    "0x7f000001": NEVER,
    "2130706433": NEVER,
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_within_reach_or_not(address: str) -> None:
    assert {reach for reach in Reach if is_allowed(address, reach)} == ADDRESSES[address]
