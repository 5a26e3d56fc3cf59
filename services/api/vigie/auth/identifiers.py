"""Identifiers that carry their provider, so that the tenant is known before anything is looked up.

The provider in them is only a route: a signature, a hash or a secret still decides.
"""

import secrets
from uuid import UUID

from vigie.core.crypto import b64url, b64url_decode, new_secret

_PROVIDER = 22  # characters of a UUID in base64url


def new_client_id(provider_id: UUID) -> str:
    """Return a client id `vpc_<provider>_<random>`."""
    return f"vpc_{b64url(provider_id.bytes)}_{secrets.token_hex(6)}"


def new_client_secret() -> str:
    """Return a client secret `vcs_<256 bits>`; the prefix lets secret scanners recognise it."""
    return f"vcs_{new_secret()}"


def new_session_secret(provider_id: UUID) -> str:
    """Return the value of a session cookie `vss_<provider>_<256 bits>`."""
    return f"vss_{b64url(provider_id.bytes)}_{new_secret()}"


def new_enrolment_token(provider_id: UUID) -> str:
    """Return an enrolment token `vet_<provider>_<256 bits>`."""
    return f"vet_{b64url(provider_id.bytes)}_{new_secret()}"


def new_invitation_token(provider_id: UUID) -> str:
    """Return the token of an invitation link `vit_<provider>_<256 bits>`."""
    return f"vit_{b64url(provider_id.bytes)}_{new_secret()}"


def new_identity_provider_id(provider_id: UUID) -> str:
    """Return the id of a provider's own identity provider `vip_<provider>_<random>`; it stands in addresses and is no secret."""
    return f"vip_{b64url(provider_id.bytes)}_{secrets.token_hex(6)}"


def provider_of(identifier: str, prefix: str) -> UUID | None:
    """Return the provider an identifier names, or None when it does not have the form of its kind."""
    start, end = len(prefix) + 1, len(prefix) + 1 + _PROVIDER
    if not identifier.startswith(f"{prefix}_") or identifier[end : end + 1] != "_":
        return None
    if not identifier.isprintable():  # PostgreSQL has no text with a NUL in it, and ours have nothing of that sort
        return None
    try:
        return UUID(bytes=b64url_decode(identifier[start:end]))
    except ValueError:
        return None
