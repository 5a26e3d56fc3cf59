"""`POST /oauth/token` and `GET /v1/me`."""

import base64
import binascii
from typing import Annotated
from urllib.parse import unquote_plus

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from vigie.auth.dependencies import Call, parts, public, reads
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.auth.tokens import AccessToken
from vigie.core.crypto import same_secret
from vigie.core.errors import problems

router = APIRouter(tags=["access"])


class TokenAnswer(BaseModel):
    """A successful answer of the token endpoint (RFC 6749 §5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


class OAuthError(BaseModel):
    """A refusal of the token endpoint (RFC 6749 §5.2)."""

    error: str
    error_description: str


def _refusal(status: int, error: str, description: str) -> Response:
    headers = {"Cache-Control": "no-store"}
    if status == 401:  # noqa: PLR2004 - HTTP
        headers["WWW-Authenticate"] = 'Basic realm="vigie"'
    return JSONResponse({"error": error, "error_description": description}, status, headers)


def _basic(request: Request) -> tuple[str, str] | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client_id, separator, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (unquote_plus(client_id), unquote_plus(secret)) if separator else None


@router.post(
    "/oauth/token",
    responses={400: {"model": OAuthError}, 401: {"model": OAuthError}},
    summary="Get an access token (client credentials)",
)
@public("clients authenticate here with their secret")
async def issue_token(
    request: Request,
    grant_type: Annotated[str, Form(max_length=64)] = "",
    scope: Annotated[str | None, Form(max_length=500)] = None,
    client_id: Annotated[str | None, Form(max_length=80)] = None,
    client_secret: Annotated[str | None, Form(max_length=200)] = None,
) -> TokenAnswer:
    """Answer an access token for a client id and secret, sent as HTTP Basic (preferred) or in the form (RFC 6749 §2.3.1)."""
    if grant_type != "client_credentials":
        return _refusal(400, "unsupported_grant_type", "only client_credentials is offered")  # type: ignore[return-value]
    sent = _basic(request)
    if sent is None and client_id and client_secret:
        sent = (client_id, client_secret)
    kit = parts(request)
    now = kit.clock.now()
    client = await kit.clients.registered(sent[0], now) if sent else None
    used = (
        next((key for key, kept in client.secrets.items() if same_secret(sent[1], kept)), None)
        if client and sent
        else None
    )
    if client is None or used is None:
        return _refusal(401, "invalid_client", "unknown client or wrong secret")  # type: ignore[return-value]
    await kit.clients.note_authenticated(client, used, now)
    granted = client.scopes
    if scope:
        if not set(scope.split()) <= granted:
            return _refusal(400, "invalid_scope", "a scope asked for is not granted to this client")  # type: ignore[return-value]
        granted = frozenset(Permission(name) for name in scope.split())
    token = kit.tokens.issue(AccessToken(client.client_id, client.provider_id, granted, client.generation), now)
    return JSONResponse(  # type: ignore[return-value]
        {
            "access_token": token.access_token,
            "token_type": "Bearer",
            "expires_in": token.expires_in,
            "scope": token.scope,
        },
        headers={"Cache-Control": "no-store"},
    )


class Me(BaseModel):
    """Who the caller is."""

    kind: str
    subject: str
    provider_id: str
    scopes: list[str]


@router.get("/v1/me", responses=problems(UnauthenticatedError, InsufficientScopeError), summary="Who am I?")
async def me(call: Annotated[Call, reads(Permission.SELF)]) -> Me:
    """Tell the caller who they are and what they may do."""
    caller = call.principal
    return Me(
        kind=caller.kind,
        subject=caller.subject,
        provider_id=str(caller.provider_id),
        scopes=sorted(caller.permissions - {Permission.SELF}),
    )
