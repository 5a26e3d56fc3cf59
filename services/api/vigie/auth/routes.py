"""`POST /oauth/token`, and what a client or a gateway needs to know before and after: metadata and public keys."""

from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol, cast

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from vigie.auth import assertions
from vigie.auth.dependencies import address_of, parts, public
from vigie.auth.principal import SCOPES
from vigie.auth.refusals import Refusals
from vigie.auth.token_endpoint import GRANT, METHODS, OAuthError, Offer, TokenEndpoint, read_form, read_offer
from vigie.core.errors import problems
from vigie.core.rate_limit import RateLimitExceededError, RateLimits, key_of_address

router = APIRouter(tags=["access"])
_KEPT: Final = {"Cache-Control": "public, max-age=300"}


class Kit(Protocol):
    """What the application puts on `app.state.parts` for these routes."""

    token_endpoint: TokenEndpoint
    limits: RateLimits
    refusals: Refusals


class TokenAnswer(BaseModel):
    """A successful answer of the token endpoint (RFC 6749 §5.1)."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class OAuthRefusal(BaseModel):
    """A refusal of the token endpoint (RFC 6749 §5.2)."""

    error: str
    error_description: str


def _kit(request: Request) -> Kit:
    return cast("Kit", request.app.state.parts)


_FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": [GRANT]},
                        "scope": {
                            "type": "string",
                            "description": "Scopes with a space between them; without it, all that the client has.",
                        },
                        "client_id": {"type": "string"},
                        "client_secret": {"type": "string", "description": "`client_secret_post`"},
                        "client_assertion_type": {"type": "string", "enum": [assertions.TYPE]},
                        "client_assertion": {"type": "string", "description": "`private_key_jwt` (RFC 7523)"},
                    },
                }
            }
        },
    }
}


@router.post(
    "/oauth/token",
    response_model=TokenAnswer,
    responses={400: {"model": OAuthRefusal}, 401: {"model": OAuthRefusal}, **problems(RateLimitExceededError)},
    openapi_extra=_FORM,
    summary="Get an access token (client credentials)",
)
@public("clients authenticate here with their secret or with an assertion they signed")
async def issue_token(request: Request) -> Response:
    """Answer an access token to a client that authenticates: HTTP Basic, secret in the form, or `private_key_jwt`."""
    kit, address = _kit(request), address_of(request)
    kit.limits.admit(request.scope, ("token-address", key_of_address(address)))
    try:
        answer = await _issue(request, kit)
    except OAuthError as error:
        if error.client is not None:
            now = parts(request).clock.now()
            proven = error.error != "invalid_client"
            await kit.refusals.record(error.client, error.error, address, now, proven=proven)
        return _refusal(error)
    return JSONResponse(answer.model_dump(), headers={"Cache-Control": "no-store"})


async def _issue(request: Request, kit: Kit) -> TokenAnswer:
    form = read_form(request.headers.get("content-type", ""), await request.body())
    if "grant_type" not in form:
        raise OAuthError("invalid_request", "grant_type is missing")
    offer = read_offer(request.headers.get("authorization"), form)
    async with kit.token_endpoint.turn():
        return await _issue_to(request, kit, form, offer)


async def _issue_to(request: Request, kit: Kit, form: Mapping[str, str], offer: Offer) -> TokenAnswer:
    now = parts(request).clock.now()
    client = await kit.token_endpoint.authenticate(offer, now)
    # Only now: a quota under a name that anybody may use would let anybody use it up.
    kit.limits.admit(request.scope, ("token-client", client.client_id))
    if form["grant_type"] != GRANT:
        raise OAuthError("unsupported_grant_type", f"only {GRANT} is offered", client=client)
    token = kit.token_endpoint.issue(client, form.get("scope"), now)
    return TokenAnswer(
        access_token=token.access_token,
        token_type="Bearer",  # noqa: S106 - a word of RFC 6750
        expires_in=token.expires_in,
        scope=token.scope,
    )


def _refusal(error: OAuthError) -> Response:
    headers = {"Cache-Control": "no-store"}
    if error.status == 401:  # noqa: PLR2004 - HTTP
        headers["WWW-Authenticate"] = 'Basic realm="vigie"'
    return JSONResponse({"error": error.error, "error_description": error.description}, error.status, headers)


@router.get("/.well-known/oauth-authorization-server", summary="Metadata of the authorization server (RFC 8414)")
@public("clients read it before they have a token")
async def metadata(request: Request) -> Response:
    """Tell clients where to get tokens and how they may authenticate."""
    issuer = parts(request).tokens.issuer
    body = {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/oauth/token",
        "jwks_uri": f"{issuer}/oauth/jwks",
        "scopes_supported": sorted(SCOPES),
        "response_types_supported": ["none"],  # required by RFC 8414 §2; nothing here authorizes by redirection
        "grant_types_supported": [GRANT],
        "token_endpoint_auth_methods_supported": METHODS,
        "token_endpoint_auth_signing_alg_values_supported": assertions.ALGORITHMS,
        "service_documentation": f"{issuer}/docs",
    }
    return JSONResponse(body, headers=_KEPT)


@router.get("/oauth/jwks", summary="Public keys of access tokens (RFC 7517)")
@public("public keys are public")
async def jwks(request: Request) -> Response:
    """Answer the keys with which a gateway or a partner can verify access tokens."""
    return JSONResponse(parts(request).tokens.keys.jwks(), headers=_KEPT)
