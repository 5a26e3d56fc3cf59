"""HTTP calls to addresses that others chose: identity providers, webhooks.

A tenant may type any address, so each call is an attempt at making this server speak to its own neighbours (SSRF). The name is
resolved here, every address it has must be one that the public internet routes to, and the connection goes to the very
address that was checked, so that a name which answers otherwise the second time (DNS rebinding) gains nothing. TLS still
verifies the name. No redirects, no proxy of the environment, no compression, bounds on time and size.

A connection is never used twice: a pool would hand a connection verified for one name to another name at the same address.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, cast

import httpx

from vigie.core.sentences import ToldError

CONNECT_S: Final = 5.0
TOTAL_S: Final = 10.0
MOST_BYTES: Final = 262_144
_MOST_ADDRESSES: Final = 4

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class OutboundRefusedError(ToldError):
    """The address is not one we call; nothing was sent. The message says why, without the address."""


class OutboundFailedError(Exception):
    """The call was made and did not succeed: name, connection, TLS, time, size or protocol. The message says which."""


class Reach(StrEnum):
    """Which addresses a call may go to. Only an operator may widen it, never a tenant."""

    PUBLIC = "public"  # what the public internet routes to, https
    PRIVATE = "private"  # also private networks (RFC 1918, RFC 4193, RFC 6598), https
    LOOPBACK = "loopback"  # also this machine, and plain http to it: demo and tests


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """PEM files with which we identify ourselves (mutual TLS); read anew when they change."""

    certificate_file: Path
    key_file: Path


Connect = Callable[[ClientCertificate | None], Awaitable[httpx.AsyncBaseTransport]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: any status, header names in lower case, the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """The media type without parameters, in lower case; empty when none was given."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


# IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), multicast and reserved space. Written out, because
# what the standard library calls global changed between releases.
_LOOPBACK: Final = tuple(map(ipaddress.ip_network, ("127.0.0.0/8", "::1/128")))
_PRIVATE: Final = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
# Where clouds tell a machine its own credentials, within what else is a private network: nobody's identity provider.
_METADATA: Final = tuple(map(ipaddress.ip_network, ("100.100.100.200/32", "fd00:ec2::254/128", "fd20:ce::254/128")))
_SPECIAL: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
            *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
            *("224.0.0.0/4", "240.0.0.0/4"),
            # Within 2000::/3; everything outside of it is refused as a whole.
            *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
        ),
    )
)
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name as the system's resolver gives them; raises `OSError` when there are none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_allowed(address: str, reach: Reach) -> bool:
    """Whether a call of this reach may connect to an address (IPv4, or IPv6 without or with an embedded IPv4)."""
    try:
        found = _effective(ipaddress.ip_address(address))
    except ValueError:
        return False
    if _within(found, _LOOPBACK):
        return reach is Reach.LOOPBACK
    if _within(found, _PRIVATE):
        return reach is Reach.PRIVATE and not _within(found, _METADATA)
    if _within(found, _SPECIAL):
        return False
    return found.version == 4 or found in _GLOBAL_V6  # noqa: PLR2004 - the number of a protocol


def _effective(address: Address) -> Address:
    """Return the address that is really spoken to: an IPv4 in IPv6 clothes (mapped, NAT64) counts as what it is."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _within(address: Address, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


class Transport(httpx.AsyncHTTPTransport):
    """Tells a connection that was reset as soon as it was made as any other that failed (`httpx.ConnectError`).

    uvloop has no socket any more for such a connection, and anyio asks it for its peer all the same: out of a hundred, some
    twenty ended in an `AttributeError`, which nobody who calls expects of a server.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; raises `httpx.TransportError` and nothing else for what the other side does."""
        try:
            return await super().handle_async_request(request)
        except AttributeError as error:
            raise httpx.ConnectError("reset as soon as it was connected", request=request) from error


class Outbound:
    """The one client for calls to addresses that others chose."""

    def __init__(
        self,
        *,
        ca_file: Path | None = None,
        resolve: Resolve = system_resolve,
        connect: Connect | None = None,
    ) -> None:
        """Trust the public authorities, and those of the operator's `ca_file` (PEM) beside them.

        `resolve` and `connect` are replaced where there is no network: in tests.
        """
        self._ca_file = ca_file
        self._resolve = resolve
        self._connect = connect or self._over_tls
        self._contexts: dict[ClientCertificate | None, tuple[tuple[int, ...], ssl.SSLContext]] = {}

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        reach: Reach = Reach.PUBLIC,
        certificate: ClientCertificate | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> Reply:
        """Send one request and return whatever status came back; redirects are not followed.

        Raises `OutboundRefusedError` before anything is sent, `OutboundFailedError` afterwards. Five seconds to connect,
        ten in all, `most_bytes` of answer.
        """
        target = checked_url(url, reach)
        try:
            async with asyncio.timeout(TOTAL_S):
                addresses = await self.addresses(target, reach)
                return await self._send(method, target, addresses, headers or {}, body, certificate, most_bytes)
        except TimeoutError as error:
            raise OutboundFailedError("time") from error
        except httpx.TimeoutException as error:
            raise OutboundFailedError("time") from error
        except httpx.ConnectError as error:
            raise OutboundFailedError("connection or TLS") from error
        except (httpx.HTTPError, OSError) as error:
            raise OutboundFailedError("protocol") from error

    async def addresses(self, target: httpx.URL, reach: Reach) -> list[str]:
        """Return the addresses of a checked URL, every one of them allowed; raises as `request` does."""
        try:
            found = list(await self._resolve(target.raw_host.decode(), port_of(target)))
        except (OSError, UnicodeError) as error:
            raise OutboundFailedError("name") from error
        _check_addresses(found, reach)
        _check_plain(found, target)
        return found[:_MOST_ADDRESSES]

    async def _send(
        self,
        method: str,
        target: httpx.URL,
        addresses: Sequence[str],
        headers: Mapping[str, str],
        body: bytes,
        certificate: ClientCertificate | None,
        most_bytes: int,
    ) -> Reply:
        """Connect to the first address that answers, and only to addresses that were checked; without any, the name failed."""
        for address in addresses:
            request = httpx.Request(
                method,
                target.copy_with(host=address),
                headers={
                    "Accept-Encoding": "identity",
                    **headers,
                    "Host": target.netloc.decode(),
                    "Connection": "close",
                },
                content=body or None,
                extensions={"sni_hostname": target.raw_host.decode(), "timeout": _timeout()},
            )
            try:
                async with await self._connect(certificate) as transport:
                    return await _receive(transport, request, most_bytes)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if address == addresses[-1]:
                    raise
        raise OutboundFailedError("name")

    async def _over_tls(self, certificate: ClientCertificate | None) -> httpx.AsyncBaseTransport:
        """Return a connection that verifies names."""
        return Transport(verify=await self.tls_context(certificate), trust_env=False)

    async def tls_context(self, certificate: ClientCertificate | None = None) -> ssl.SSLContext:
        """Return the TLS settings of our calls, remembered until the certificate's files are replaced."""
        files = (certificate.certificate_file, certificate.key_file) if certificate else ()
        try:
            stamp = tuple(file.stat().st_mtime_ns for file in files)
            known = self._contexts.get(certificate)
            if known is None or known[0] != stamp:
                # reading the authorities takes a tenth of a second: not on the loop that serves requests
                known = stamp, await asyncio.to_thread(_new_context, self._ca_file, certificate)
                self._contexts[certificate] = known
        except OSError as error:  # ssl.SSLError is one
            raise OutboundFailedError("certificate files") from error
        return known[1]


def _new_context(ca_file: Path | None, certificate: ClientCertificate | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    if certificate is not None:
        context.load_cert_chain(certificate.certificate_file, certificate.key_file)
    return context


def check_address(url: str, reach: Reach) -> None:
    """Raise `OutboundRefusedError` for an address that no call will ever be made to, without asking where its name leads."""
    host = checked_url(url, reach).host
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    _check_addresses([host], reach)


def checked_url(url: str, reach: Reach) -> httpx.URL:
    """Return the address as it will be called; raises `OutboundRefusedError` on a form that is not called."""
    try:
        target = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise OutboundRefusedError("the address is not a URL", "Ce n'est pas une adresse web.") from error
    _check_scheme(target, reach)
    _check_form(target)
    return target


def _check_scheme(target: httpx.URL, reach: Reach) -> None:
    """Only https, but for this machine's own demo and tests."""
    if target.scheme != "https" and not (target.scheme == "http" and reach is Reach.LOOPBACK):
        raise OutboundRefusedError("only https is called", "Seules les adresses en https sont appelées.")


def _check_form(target: httpx.URL) -> None:
    """A host, and nothing that parsers disagree about or that ends up in logs."""
    if not target.host or target.userinfo or target.fragment:
        raise OutboundRefusedError(
            "the address has no host, or carries credentials or a fragment",
            "L'adresse n'a pas de nom d'hôte, ou porte un mot de passe ou un fragment.",
        )


def _check_addresses(found: Sequence[str], reach: Reach) -> None:
    """Refuse a name as a whole when one of its addresses is not allowed."""
    if not all(is_allowed(address, reach) for address in found):
        raise OutboundRefusedError(
            "the name leads to an address that is not called", "Ce nom mène à une adresse qui n'est pas appelée."
        )


def _check_plain(found: Sequence[str], target: httpx.URL) -> None:
    """Plain http goes to this machine and nowhere else, whatever the name."""
    if target.scheme == "http" and not all(_within(_effective(ipaddress.ip_address(it)), _LOOPBACK) for it in found):
        raise OutboundRefusedError(
            "plain http is called on this machine only", "En http simple, seule cette machine est appelée."
        )


async def _receive(transport: httpx.AsyncBaseTransport, request: httpx.Request, most_bytes: int) -> Reply:
    """Send and read the answer, giving up as soon as it is larger than it may be."""
    response = await transport.handle_async_request(request)
    try:
        _check_encoding(response)
        body = bytearray()
        async for chunk in cast("httpx.AsyncByteStream", response.stream):
            body += chunk
            _check_size(body, most_bytes)
    finally:
        await response.aclose()
    return Reply(response.status_code, {name.lower(): value for name, value in response.headers.items()}, bytes(body))


def _check_encoding(response: httpx.Response) -> None:
    """No compression: a small answer must not unpack into a large one."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise OutboundFailedError("compressed answer")


def _check_size(body: bytes | bytearray, most_bytes: int) -> None:
    """Give up as soon as an answer is larger than it may be."""
    if len(body) > most_bytes:
        raise OutboundFailedError("size")


def _timeout() -> dict[str, float]:
    return {"connect": CONNECT_S, "read": TOTAL_S, "write": TOTAL_S, "pool": TOTAL_S}


def port_of(target: httpx.URL) -> int:
    """Return the port a URL names or means."""
    return target.port or (80 if target.scheme == "http" else 443)
