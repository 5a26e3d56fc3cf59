"""The address a request came from, as a table: only our own proxies are believed."""

from ipaddress import ip_network

import pytest

from vigie.core.client_address import client_address

OURS = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "found"),
    [
        ("192.0.2.1", [], (), "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.9"], (), "192.0.2.1"),  # nobody is believed
        ("192.0.2.1", ["198.51.100.9"], OURS, "192.0.2.1"),  # not a proxy of ours
        ("10.0.0.1", ["198.51.100.9"], OURS, "198.51.100.9"),
        ("10.0.0.1", [], OURS, "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7, 198.51.100.9"], OURS, "198.51.100.9"),  # what is left of it the caller wrote
        ("10.0.0.1", ["198.51.100.9, 10.0.0.2"], OURS, "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.7", "198.51.100.9"], OURS, "198.51.100.9"),  # two headers are one list
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], OURS, "10.0.0.3"),  # nobody but us
        ("10.0.0.1", ["198.51.100.9, unknown"], OURS, "10.0.0.1"),
        ("10.0.0.1", [""], OURS, "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.9:4711"], OURS, "198.51.100.9"),
        ("10.0.0.1", ["[2001:db8::7]:4711"], OURS, "2001:db8::7"),
        ("10.0.0.1", ["2001:DB8:0::7"], OURS, "2001:db8::7"),
        ("fd00::1", ["2001:db8::7"], OURS, "2001:db8::7"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.9"], OURS, "198.51.100.9"),  # one caller, one address
        ("fe80::1%eth0", [], OURS, "fe80::1"),
        ("::ffff:192.0.2.1", [], (), "192.0.2.1"),
        (None, ["198.51.100.9"], OURS, None),  # a local socket
        ("testclient", [], OURS, None),
    ],
)
def test_the_first_who_is_no_proxy_of_ours(
    peer: str | None, forwarded: list[str], trusted: tuple[object, ...], found: str | None
) -> None:
    assert client_address(peer, forwarded, trusted) == found  # type: ignore[arg-type]
