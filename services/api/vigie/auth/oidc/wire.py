"""How requests are written, in the words of RFC 6749, 7636 and OpenID Connect: Authlib's client core without its HTTP.

Authlib composes the authorization address, the code challenge and the form of the token request. What it would send through an HTTP
library of its own choice is handed to `core/outbound` instead (docs/adr/0014).
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import quote_plus

from authlib.oauth2.client import OAuth2Client

from vigie.auth.oidc.profiles import IdentityProvider

_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Form:
    """A token request ready to be posted."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class _Wire(OAuth2Client):  # type: ignore[misc, unused-ignore]
    """Writes requests, sends none: `fetch_token` returns the form."""

    def _fetch_token(
        self, url: str, body: str = "", headers: Mapping[str, str] | None = None, auth: Any = None, method: str = "POST"
    ) -> Form:
        _url, signed, text = auth.prepare(method, url, dict(headers or {}), body)
        return Form(signed, text.encode())


def _client_secret_basic(
    client: Any, _method: str, url: str, headers: dict[str, str], body: str
) -> tuple[str, dict[str, str], str]:
    """Authenticate as RFC 6749 §2.3.1 says: both halves form-encoded, which Authlib leaves out."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    return url, {**headers, "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, body


def _wire(idp: IdentityProvider, redirect_uri: str) -> _Wire:
    wire = _Wire(
        None,
        client_id=idp.client_id,
        client_secret=idp.client_secret,
        # with a certificate the client says its name in the form and proves it by TLS (RFC 8705 §2)
        token_endpoint_auth_method="none" if idp.certificate is not None else idp.token_auth,
        redirect_uri=redirect_uri,
        scope=" ".join(idp.scopes),
        code_challenge_method="S256",
    )
    wire.register_client_auth_method(("client_secret_basic", _client_secret_basic))
    return wire


def authorization_address(
    idp: IdentityProvider,
    endpoint: str,
    redirect_uri: str,
    *,
    verifier: str,
    state: str,
    nonce: str,
    further: Mapping[str, str],
) -> str:
    """Return where the browser goes: code flow, PKCE S256 of the verifier, state and nonce, and what is asked further."""
    address, _state = _wire(idp, redirect_uri).create_authorization_url(
        endpoint, state=state, code_verifier=verifier, nonce=nonce, **further
    )
    return str(address)


def code_exchange(idp: IdentityProvider, redirect_uri: str, *, code: str, verifier: str) -> Form:
    """Return the form that exchanges a code for tokens, authenticated as the profile says."""
    headers = {"Accept": "application/json", "Content-Type": _FORM}
    return cast(
        "Form",
        _wire(idp, redirect_uri).fetch_token(
            "", grant_type="authorization_code", code=code, code_verifier=verifier, headers=headers
        ),
    )
