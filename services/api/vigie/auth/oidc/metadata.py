"""What an identity provider publishes about itself: its endpoints and its keys, remembered for a while.

Fresh for an hour. When the provider cannot be reached, what was read before serves for at most six hours more, and it is not
asked again for ten seconds. What it answers wrongly is never bridged so: another issuer, an endpoint elsewhere.
"""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

import orjson

from vigie.auth.oidc.calls import OK, call
from vigie.auth.oidc.errors import ProviderAwayError, ProviderKeysError, ProviderMetadataError, SignInError
from vigie.auth.oidc.profiles import IdentityProvider, host_of
from vigie.core.outbound import Outbound, Reach, Reply

FRESH: Final = timedelta(hours=1)
STALE: Final = timedelta(hours=7)
PATIENCE: Final = timedelta(seconds=10)
"""How long a provider that did not answer is left alone."""
RENEWAL: Final = timedelta(seconds=30)
"""How often keys may be fetched because a token names one that is not known: whoever sends tokens must not steer our calls."""

_ADDRESS: Final = re.compile(r"[\x21-\x5b\x5d-\x7e]{1,2048}")  # what is left out, parsers leave out or read differently
_WITH_CERTIFICATE: Final = ("token_endpoint", "userinfo_endpoint")
_MOST_KEYS: Final = 50
_MOST_PROVIDERS: Final = 500
_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Metadata:
    """The endpoints of an issuer, each checked against the profile's hosts.

    `names_issuer`: the issuer announces that it names itself in every answer (RFC 9207), so an answer without it is refused.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    names_issuer: bool


@dataclass(frozen=True, slots=True)
class Key:
    """A published key for signatures (RFC 7517)."""

    kid: str | None
    kind: str
    algorithm: str | None
    document: Mapping[str, Any] = field(repr=False)


def _lately(then: datetime | None, age: timedelta, now: datetime) -> bool:
    return then is not None and timedelta(0) <= now - then < age


@dataclass(slots=True)
class _Shelf(Generic[T]):
    """One remembered thing: when it was read, when the provider was last found away, when it was last renewed on request."""

    value: T | None = None
    read_at: datetime | None = None
    away_at: datetime | None = None
    renewed_at: datetime | None = None
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    def usable(self, age: timedelta, now: datetime) -> T | None:
        """Return what lies here if it was read less than `age` ago."""
        return self.value if _lately(self.read_at, age, now) else None


@dataclass(slots=True)
class _Entry:
    """What is remembered of one provider, as it was configured then."""

    idp: IdentityProvider
    metadata: _Shelf[Metadata] = field(default_factory=_Shelf)
    keys: _Shelf[tuple[Key, ...]] = field(default_factory=_Shelf)


class Directory:
    """Fetches and remembers discovery documents and keys of all providers; one per process."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    async def metadata(self, idp: IdentityProvider, now: datetime) -> Metadata:
        """Return the endpoints of a provider; raises `ProviderAwayError` or `ProviderMetadataError`."""

        async def read() -> Metadata:
            reply = await self._fetch(idp, idp.discovery_url, ProviderMetadataError)
            return read_metadata(idp, _json_object(reply, ProviderMetadataError))

        return await _remembered(idp, self._entry(idp).metadata, read, now)

    async def keys(self, idp: IdentityProvider, now: datetime) -> tuple[Key, ...]:
        """Return the keys of a provider; raises `ProviderAwayError`, `ProviderKeysError` or `ProviderMetadataError`."""
        address = (await self.metadata(idp, now)).jwks_uri
        return await _remembered(idp, self._entry(idp).keys, lambda: self._read_keys(idp, address), now)

    async def renewed_keys(self, idp: IdentityProvider, now: datetime) -> tuple[Key, ...] | None:
        """Return the keys read anew, or None when that was done within `RENEWAL`. Raises as `keys` does."""
        address = (await self.metadata(idp, now)).jwks_uri
        shelf = self._entry(idp).keys
        async with shelf.one_at_a_time:
            if _lately(shelf.renewed_at, RENEWAL, now):
                return None
            shelf.renewed_at = now
            return await _read_onto(shelf, lambda: self._read_keys(idp, address), now)

    def forget(self, idp_id: str) -> None:
        """Forget a provider whose configuration changed or ended."""
        self._entries.pop(idp_id, None)

    def _entry(self, idp: IdentityProvider) -> _Entry:
        entry = self._entries.get(idp.id)
        if entry is None or entry.idp != idp:
            entry = self._entries[idp.id] = _Entry(idp)
        self._entries.move_to_end(idp.id)
        if len(self._entries) > _MOST_PROVIDERS:
            self._entries.popitem(last=False)
        return entry

    async def _read_keys(self, idp: IdentityProvider, address: str) -> tuple[Key, ...]:
        reply = await self._fetch(idp, address, ProviderKeysError)
        return read_keys(_json_object(reply, ProviderKeysError))

    async def _fetch(self, idp: IdentityProvider, address: str, fault: type[SignInError]) -> Reply:
        """Get a document; what the provider does wrong is `fault`, that it is away is something else."""
        reply = await call(self._outbound, idp, "GET", address, {"Accept": "application/json"})
        if reply.status != OK:
            raise fault
        return reply


async def _remembered(idp: IdentityProvider, shelf: _Shelf[T], read: Callable[[], Awaitable[T]], now: datetime) -> T:
    """Return what is remembered if it is fresh, else read it; bridge a provider that is away for a while."""
    if (fresh := shelf.usable(FRESH, now)) is not None:
        return fresh
    async with shelf.one_at_a_time:
        if (fresh := shelf.usable(FRESH, now)) is not None:  # somebody else read it while we waited
            return fresh
        stale = shelf.usable(STALE, now)
        try:
            return await _read_onto(shelf, read, now)
        except ProviderAwayError:
            if stale is None:
                raise
            _log.warning("identity provider away; what it published before serves on", extra={"idp": idp.id})
            return stale


async def _read_onto(shelf: _Shelf[T], read: Callable[[], Awaitable[T]], now: datetime) -> T:
    """Read and remember; remember, too, that the provider is away, and leave it alone for a moment."""
    if _lately(shelf.away_at, PATIENCE, now):
        raise ProviderAwayError
    try:
        value = await read()
    except ProviderAwayError:
        shelf.away_at = now
        raise
    shelf.value, shelf.read_at = value, now
    return value


def _json_object(reply: Reply, fault: type[SignInError]) -> Mapping[str, Any]:
    try:
        document = orjson.loads(reply.body)
    except orjson.JSONDecodeError as error:
        raise fault from error
    if not isinstance(document, dict):
        raise fault
    return document


def read_metadata(idp: IdentityProvider, document: Mapping[str, Any]) -> Metadata:
    """Read a discovery document: addresses only, never algorithms or methods. Raises `ProviderMetadataError`."""
    check_published_issuer(document, idp)
    # RFC 8705 §5: where a provider keeps other addresses for clients with a certificate, those are meant for us
    aliases = document.get("mtls_endpoint_aliases") if idp.certificate is not None else None
    for_us = aliases if isinstance(aliases, dict) else {}
    known = {**document, **{name: for_us[name] for name in _WITH_CERTIFICATE if name in for_us}}

    def endpoint(name: str) -> str | None:
        address = known.get(name)
        if address is None:
            return None
        check_endpoint(address, idp)
        return str(address)

    def needed(name: str) -> str:
        address = endpoint(name)
        if address is None:
            raise ProviderMetadataError
        return address

    return Metadata(
        issuer=idp.issuer,
        authorization_endpoint=needed("authorization_endpoint"),
        token_endpoint=needed("token_endpoint"),
        jwks_uri=needed("jwks_uri"),
        userinfo_endpoint=needed("userinfo_endpoint")
        if idp.profile == "pro_sante_connect"
        else endpoint("userinfo_endpoint"),
        end_session_endpoint=endpoint("end_session_endpoint"),
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def check_published_issuer(document: Mapping[str, Any], idp: IdentityProvider) -> None:
    """The document speaks of the issuer that was configured (OpenID Connect Discovery §4.3)."""
    if document.get("issuer") != idp.issuer:
        raise ProviderMetadataError


def check_endpoint(address: object, idp: IdentityProvider) -> None:
    """An endpoint is an address that all parsers read alike, on a configured host, over https."""
    try:
        parts = urlsplit(address) if isinstance(address, str) and _ADDRESS.fullmatch(address) else None
    except ValueError:
        parts = None
    if parts is None:
        raise ProviderMetadataError
    check_endpoint_form(parts)
    check_endpoint_host(parts, idp)
    check_endpoint_scheme(parts, idp)


def check_endpoint_form(parts: SplitResult) -> None:
    """No credentials and no fragment in an address that browsers and we are sent to."""
    if parts.fragment or parts.username is not None:
        raise ProviderMetadataError


def check_endpoint_host(parts: SplitResult, idp: IdentityProvider) -> None:
    """An endpoint lies on a host that was configured: Pro Santé Connect has two, so the issuer's own is not enough."""
    if host_of(parts) not in idp.hosts:
        raise ProviderMetadataError


def check_endpoint_scheme(parts: SplitResult, idp: IdentityProvider) -> None:
    """Browsers are sent over https, too; plain http is for a stand-in on this machine."""
    if parts.scheme != "https" and not (parts.scheme == "http" and idp.reach is Reach.LOOPBACK):
        raise ProviderMetadataError


def read_keys(document: Mapping[str, Any]) -> tuple[Key, ...]:
    """Read a key set (RFC 7517 §5), leaving out what is not for signatures; raises `ProviderKeysError`."""
    keys = document.get("keys")
    if not isinstance(keys, list) or len(keys) > _MOST_KEYS:
        raise ProviderKeysError
    return tuple(_key(each) for each in keys if isinstance(each, dict) and _is_for_signatures(each))


def _is_for_signatures(key: Mapping[str, Any]) -> bool:
    """A public key of a kind we verify with, not meant for encryption."""
    operations = key.get("key_ops")
    return (
        key.get("kty") in ("RSA", "EC")
        and "d" not in key  # a private key that was published signs for everybody
        and key.get("use", "sig") == "sig"
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
    )


def _key(document: Mapping[str, Any]) -> Key:
    kid, algorithm = document.get("kid"), document.get("alg")
    return Key(
        kid if isinstance(kid, str) else None,
        str(document["kty"]),
        None if algorithm is None else str(algorithm),
        document,
    )
