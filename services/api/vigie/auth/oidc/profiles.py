"""The configuration of identity providers: Pro Santé Connect, or any other issuer.

What is configured is pinned: algorithms, how we authenticate ourselves, whom the endpoints may belong to. Discovery tells
addresses, never rules (Pro Santé Connect's lists password grants, HS256 and `none`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, get_args
from urllib.parse import urlsplit
from uuid import UUID

from vigie.core.outbound import ClientCertificate, Reach

Profile = Literal["pro_sante_connect", "generic"]
TokenAuth = Literal["client_secret_basic", "client_secret_post", "tls_client_auth"]
Environment = Literal["sandbox", "production", "simulated"]

ASYMMETRIC: Final = ("RS256", "PS256", "ES256", "RS384", "RS512", "PS384", "PS512", "ES384", "ES512")
"""Every algorithm that may be configured: signatures that only the provider can make."""

_PSC: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "sandbox": (
        "https://auth.bas.psc.esante.gouv.fr/auth/realms/esante-wallet",
        frozenset({"auth.bas.psc.esante.gouv.fr", "wallet.bas.psc.esante.gouv.fr"}),
    ),
    "production": (
        "https://auth.esw.esante.gouv.fr/auth/realms/esante-wallet",
        frozenset({"auth.esw.esante.gouv.fr", "wallet.esw.esante.gouv.fr"}),
    ),
}
_ENDPOINTS_ELSEWHERE: Final[Mapping[str, frozenset[str]]] = {
    "accounts.google.com": frozenset({"oauth2.googleapis.com", "openidconnect.googleapis.com", "www.googleapis.com"}),
    "login.microsoftonline.com": frozenset({"graph.microsoft.com"}),
}
_SLUG: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_TENANT_ID: Final = re.compile(r"vip_[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{6,64}")
_RESTRICTIONS: Final = frozenset({"hd", "tid"})
_WORD: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


class ProfileError(ValueError):
    """The configuration of an identity provider cannot be used; the message says what is wrong, never a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """The configuration of one issuer. Made by `pro_sante_connect`, `generic` or `from_mapping`, which check it.

    `id` is the slug in our addresses, so that each provider has a redirect address of its own (against mix-up). `hosts`:
    where the endpoints may lie, `host` or `host:port`. `accepted_acr` empty: any, also none. `required_claims`: claim of
    the ID token → values that are let in. `max_age_s`: oldest authentication at the provider that is still taken; None: any.
    `idle_s` and `absolute_s` bound our own session. `provider_id` None: the operator's.
    """

    id: str
    label: str
    profile: Profile
    issuer: str
    discovery_path: str
    hosts: frozenset[str]
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    certificate: ClientCertificate | None = None
    token_auth: TokenAuth = "client_secret_basic"
    scopes: tuple[str, ...] = ("openid",)
    acr_values: tuple[str, ...] = ()
    accepted_acr: frozenset[str] = frozenset()
    algorithms: tuple[str, ...] = ("RS256",)
    required_claims: Mapping[str, frozenset[str]] = MappingProxyType({})
    leeway_s: int = 90
    max_age_s: int | None = None
    idle_s: int = 1800
    absolute_s: int = 36_000
    reach: Reach = Reach.PUBLIC
    provider_id: UUID | None = None

    @property
    def discovery_url(self) -> str:
        """The address of the discovery document."""
        return self.issuer.rstrip("/") + self.discovery_path


def pro_sante_connect(  # each argument is one thing an operator writes down
    *,
    environment: Environment,
    client_id: str,
    id: str = "psc",  # noqa: A002 - the word of the file
    label: str = "Pro Santé Connect",
    client_secret: str | None = None,
    certificate: ClientCertificate | None = None,
    **changed: Any,
) -> IdentityProvider:
    """Return Pro Santé Connect of an environment; raises `ProfileError`."""
    raise NotImplementedError


def generic(
    *,
    id: str,  # noqa: A002 - the word of the file
    label: str,
    issuer: str,
    client_id: str,
    client_secret: str | None = None,
    certificate: ClientCertificate | None = None,
    provider_id: UUID | None = None,
    **changed: Any,
) -> IdentityProvider:
    """Return any other issuer; with a `provider_id` it is a tenant's and may not widen what is called. Raises `ProfileError`."""
    raise NotImplementedError


def from_mapping(id: str, document: Mapping[str, Any], folder: Path) -> IdentityProvider:  # noqa: A002 - as above
    """Read one table of the operator's file; secrets are files, relative to `folder`. Raises `ProfileError`."""
    raise NotImplementedError


def load_identity_providers(path: Path | None) -> tuple[IdentityProvider, ...]:
    """Read `VIGIE_IDENTITY_PROVIDERS_FILE` (TOML, one table per provider, named by its id); empty without a file."""
    raise NotImplementedError
