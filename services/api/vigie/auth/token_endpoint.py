"""The token endpoint (RFC 6749 §4.4): who asks, whether it proves so, and which scopes it gets.

One answer for every stranger: whether a client exists is told to nobody who cannot prove to be it.
"""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol
from urllib.parse import parse_qsl, unquote_plus
from uuid import UUID

from vigie.auth import assertions
from vigie.auth.clients import Clients, RegisteredClient
from vigie.auth.principal import Permission
from vigie.auth.tokens import AccessToken, IssuedToken, Tokens
from vigie.core.crypto import hash_secret, same_secret
from vigie.core.errors import UnavailableError

GRANT: Final = "client_credentials"
METHODS: Final = ("client_secret_basic", "client_secret_post", "private_key_jwt")
MOST_BYTES: Final = 16_384
_AT_ONCE: Final = 4
_MOST_WAITING: Final = 1_000
_FORM: Final = "application/x-www-form-urlencoded"
_NOBODY: Final = hash_secret("what is compared when there is no client, so that timing tells nothing")
_STRANGER: Final = "unknown client, or its credential does not hold"


class OAuthError(Exception):
    """A refusal in the words of RFC 6749 §5.2; `client` is the one refused, where a client is known by its id."""

    def __init__(self, error: str, description: str, status: int = 400, client: RegisteredClient | None = None) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status
        self.client = client


@dataclass(frozen=True, slots=True)
class Offer:
    """How a request says who it is from; nothing of it is proven."""

    method: Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]
    client_id: str
    proof: str = field(repr=False)


class UsedOnce(Protocol):
    """Remembers across all processes what may be used once (`vigie.auth.used_once`)."""

    async def claim(self, kind: str, key: str, until: datetime) -> bool:
        """Return True for the first caller with this kind and key."""
        ...


def read_form(content_type: str, body: bytes) -> dict[str, str]:
    """Return the parameters of a token request, each of which may be sent once (RFC 6749 §3.2); raises `OAuthError`."""
    if content_type.partition(";")[0].strip().lower() != _FORM:
        raise OAuthError("invalid_request", f"the body must be {_FORM}")
    if len(body) > MOST_BYTES:
        raise OAuthError("invalid_request", "the body is too large")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError as error:
        raise OAuthError("invalid_request", f"the body must be {_FORM}") from error
    form = {name: value for name, value in pairs if value}  # without a value is as if omitted
    if len({name for name, _ in pairs}) != len(pairs):
        raise OAuthError("invalid_request", "a parameter was sent more than once")
    return form


def read_offer(authorization: str | None, form: Mapping[str, str]) -> Offer:
    """Return how the client of a request wants to authenticate, which is one way and not two (§2.3); raises `OAuthError`."""
    offers = [
        offer for offer in (_basic(authorization), _post(form, authorization), _assertion(form)) if offer is not None
    ]
    if len(offers) > 1:
        raise OAuthError("invalid_request", "more than one way to authenticate was used")
    if not offers:
        raise OAuthError("invalid_client", "no client authentication", 401)
    if form.get("client_id", offers[0].client_id) != offers[0].client_id:
        raise OAuthError("invalid_client", _STRANGER, 401)
    return offers[0]


def _basic(authorization: str | None) -> Offer | None:
    """Read HTTP Basic; both parts are form-encoded inside it (§2.3.1)."""
    if authorization is None:
        return None
    kind, _, value = authorization.partition(" ")
    try:
        client_id, separator, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        separator = ""
    if kind.lower() != "basic" or not separator:
        raise OAuthError("invalid_client", "the Authorization header is not HTTP Basic with client id and secret", 401)
    return Offer("client_secret_basic", unquote_plus(client_id), unquote_plus(secret))


def _post(form: Mapping[str, str], authorization: str | None) -> Offer | None:
    if "client_secret" not in form:
        return None
    if "client_id" not in form:
        raise OAuthError("invalid_request", "client_secret without client_id", 401 if authorization else 400)
    return Offer("client_secret_post", form["client_id"], form["client_secret"])


def _assertion(form: Mapping[str, str]) -> Offer | None:
    kind, raw = form.get("client_assertion_type"), form.get("client_assertion")
    if kind is None and raw is None:
        return None
    if kind != assertions.TYPE or raw is None:
        raise OAuthError("invalid_request", f"client_assertion_type must be {assertions.TYPE}, with a client_assertion")
    try:
        return Offer("private_key_jwt", assertions.claimed_client(raw), raw)
    except assertions.UnprovenError as error:
        raise OAuthError("invalid_client", _STRANGER, 401) from error


class TokenEndpoint:
    """Answers token requests, a few at a time and in the order in which they came.

    So a storm of them leaves connections and processor to everybody else, and nobody in it waits much longer than the others.
    """

    def __init__(self, clients: Clients, tokens: Tokens, used_once: UsedOnce) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._inside = 0
        self._clients = clients
        self._tokens = tokens
        self._used_once = used_once
        self._audiences = frozenset({tokens.issuer, f"{tokens.issuer}/oauth/token"})

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn; raises `UnavailableError` when too many wait already."""
        if self._inside >= _AT_ONCE + _MOST_WAITING:
            raise UnavailableError
        self._inside += 1
        try:
            async with self._turns:
                yield
        finally:
            self._inside -= 1

    async def authenticate(self, offer: Offer, now: datetime) -> RegisteredClient:
        """Return the client of a request that proves to be it; raises `OAuthError`."""
        used: UUID | str | None
        if offer.method == "private_key_jwt":
            client = await self._clients.by_key(offer.client_id)
            used = await self._by_assertion(client, offer.proof, now)
        else:
            client = await self._clients.by_secret(offer.client_id, now)
            used = _by_secret(client, offer.proof)
        if client is None or used is None:
            raise OAuthError("invalid_client", _STRANGER, 401, client)
        await self._clients.note_authenticated(client, used, now)
        return client

    async def _by_assertion(self, client: RegisteredClient | None, raw: str, now: datetime) -> str | None:
        """Return the `kid` of the key that signed an assertion which holds and was not used before."""
        if client is None:
            return None
        try:
            found = assertions.verified(raw, client.client_id, client.keys, self._audiences, now)
        except assertions.UnprovenError:
            return None
        except assertions.ClaimError as error:
            raise OAuthError("invalid_client", f"assertion: {error}", 401, client) from error
        if not await self._used_once.claim("assertion", f"{client.client_id} {found.jti}", found.until):
            raise OAuthError("invalid_client", "assertion: this jti was used before", 401, client)
        return found.kid

    def issue(self, client: RegisteredClient, scope: str | None, now: datetime) -> IssuedToken:
        """Return a token with the scopes asked for, or all the client has; raises `OAuthError`."""
        granted = client.scopes
        if scope is not None:
            asked = frozenset(scope.split(" "))
            if not asked <= {granted.value for granted in client.scopes}:
                raise OAuthError("invalid_scope", "a scope asked for is not granted to this client", client=client)
            granted = frozenset(Permission(name) for name in asked)
        return self._tokens.issue(AccessToken(client.client_id, client.provider_id, granted, client.generation), now)


def _by_secret(client: RegisteredClient | None, secret: str) -> UUID | None:
    """Return the id of the secret that was sent; one comparison at least, whoever asks."""
    kept = dict(client.secrets) if client is not None else {}
    matches = [(key, same_secret(secret, stored)) for key, stored in (kept or {UUID(int=0): _NOBODY}).items()]
    return next((key for key, same in matches if same and kept), None)
