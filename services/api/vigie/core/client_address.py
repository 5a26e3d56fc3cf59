"""The address a request came from, when proxies stand between. Pure.

A proxy appends the address of whoever spoke to it to `X-Forwarded-For`. The header is therefore read from its end, and only
as far as the proxies are ours: what stands further left was written by the caller, who may write anything.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def client_address(peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]) -> str | None:
    """Return the address of the first on the way who is no proxy of ours; None when the peer has no address.

    `forwarded` holds the values of `X-Forwarded-For` in the order of the headers, `trusted` the networks of our proxies. With
    none trusted it is the peer. A hop that is no address ends the reading at the proxy that wrote it. An IPv4 address inside
    an IPv6 one is written as IPv4, so that one caller has one address.
    """
    found = _address(peer or "")
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    while found is not None and hops and any(found in network for network in trusted):
        following = _address(hops.pop())
        if following is None:
            break
        found = following
    return None if found is None else str(found)


def _address(text: str) -> Address | None:
    """Return an address written alone, with a port, or in brackets as some proxies do."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])  # a zone means something on one machine only
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
