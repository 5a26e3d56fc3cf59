"""Partner clients: how a token is got, and which tokens are worth nothing."""

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import jwt
import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.conftest import PUBLIC_URL
from tests.support.cast import Cast
from tests.support.refusals import refusal
from vigie.auth.principal import SCOPES
from vigie.auth.signing_keys import SigningKeys, load_signing_key, new_signing_key, thumbprint
from vigie.auth.tokens import AccessToken, Tokens
from vigie.core.crypto import b64url

ASK = {"grant_type": "client_credentials"}
UNAUTHENTICATED = (401, "auth.unauthenticated")


async def ask(cast: Cast, form: dict[str, str], auth: tuple[str, str] | None = None) -> httpx.Response:
    """Ask for a token."""
    if auth is None:
        return await cast.http.post("/oauth/token", data=form)
    return await cast.http.post("/oauth/token", data=form, auth=auth)


async def use(cast: Cast, token: str | None, path: str = "/v1/practices") -> httpx.Response:
    """Call a route with a token as it is."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return await cast.http.get(path, headers=headers)


def oauth_refusal(answer: httpx.Response) -> tuple[int, str]:
    """Return status and error of a refusal of the token endpoint (RFC 6749 §5.2), which is never cached."""
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"error", "error_description"}
    return answer.status_code, answer.json()["error"]


async def test_a_secret_sent_as_basic_gets_a_token_that_works(cast: Cast) -> None:
    answer = await ask(cast, ASK, (cast.pia.client_id, cast.pia.client_secret))
    granted = answer.json()
    used = await use(cast, granted["access_token"])
    assert (granted["token_type"], granted["expires_in"]) == ("Bearer", 600)
    assert set(granted["scope"].split()) == SCOPES
    assert answer.headers["cache-control"] == "no-store"
    assert used.status_code == 200


async def test_a_secret_sent_in_the_form_gets_a_token_too(cast: Cast) -> None:
    form = {**ASK, "client_id": cast.pia.client_id, "client_secret": cast.pia.client_secret}
    answer = await ask(cast, form)
    assert (await use(cast, answer.json()["access_token"])).status_code == 200


async def test_a_token_tells_who_it_is_for(cast: Cast) -> None:
    me = await cast.pia.get("/v1/me")
    assert (me["kind"], me["subject"], me["provider_id"]) == ("client", cast.pia.client_id, cast.pia.provider_id)
    assert set(me["scopes"]) == SCOPES


@pytest.mark.parametrize("kind", ["wrong secret", "another's secret", "unknown client", "no client", "nonsense", "NUL"])
async def test_who_does_not_know_the_secret_gets_no_token(cast: Cast, kind: str) -> None:
    own, other = cast.pia, cast.bela
    auth = {
        "wrong secret": (own.client_id, own.client_secret[:-1] + ("A" if own.client_secret[-1] != "A" else "B")),
        "another's secret": (own.client_id, other.client_secret),
        "unknown client": (own.client_id[:-1] + ("0" if own.client_id[-1] != "0" else "1"), own.client_secret),
        "no client": None,
        "nonsense": ("nobody", "nothing"),
        "NUL": (own.client_id[:-1] + "%00", own.client_secret),
    }[kind]
    refused = await ask(cast, ASK, auth)
    assert oauth_refusal(refused) == (401, "invalid_client")
    assert refused.headers["www-authenticate"].startswith("Basic")
    assert (await ask(cast, ASK, (own.client_id, own.client_secret))).status_code == 200


@pytest.mark.parametrize(
    "header", ["Basic", "Basic ???", "Basic " + base64.b64encode(b"no colon").decode(), "Digest x"]
)
async def test_an_authorization_header_of_another_form_gets_no_token(cast: Cast, header: str) -> None:
    answer = await cast.http.post("/oauth/token", data=ASK, headers={"Authorization": header})
    assert oauth_refusal(answer) == (401, "invalid_client")


@pytest.mark.parametrize("grant", ["password", "authorization_code", "refresh_token"])
async def test_only_client_credentials_are_offered(cast: Cast, grant: str) -> None:
    answer = await ask(cast, {"grant_type": grant}, (cast.pia.client_id, cast.pia.client_secret))
    assert oauth_refusal(answer) == (400, "unsupported_grant_type")


async def test_a_client_may_ask_for_less_than_it_has(cast: Cast) -> None:
    answer = await ask(cast, {**ASK, "scope": "devices:read"}, (cast.pia.client_id, cast.pia.client_secret))
    token = answer.json()["access_token"]
    assert answer.json()["scope"] == "devices:read"
    assert (await use(cast, token, "/v1/devices")).status_code == 200
    assert refusal(await use(cast, token, "/v1/practices")) == (403, "auth.insufficient_scope")


@pytest.mark.parametrize("scope", ["practices:read devices:read", "practices:write", "everything"])
async def test_a_client_may_not_ask_for_more_than_it_has(cast: Cast, scope: str) -> None:
    narrow = await cast.client(cast.pia, "practices:read")
    auth = (narrow.client_id, narrow.client_secret)
    assert oauth_refusal(await ask(cast, {**ASK, "scope": scope}, auth)) == (400, "invalid_scope")
    assert (await ask(cast, {**ASK, "scope": "practices:read"}, auth)).json()["scope"] == "practices:read"


async def test_a_token_ends_after_ten_minutes(cast: Cast) -> None:
    cast.clock.advance(timedelta(seconds=599))
    last = await use(cast, cast.pia.token)
    cast.clock.advance(timedelta(seconds=1))
    late = await use(cast, cast.pia.token)
    assert last.status_code == 200
    assert refusal(late) == UNAUTHENTICATED
    assert late.headers["www-authenticate"] == 'Bearer realm="vigie"'


def claims_of(cast: Cast, **changed: Any) -> dict[str, Any]:
    """Return the claims of Pia's token, except for what is given (None leaves a claim out)."""
    right = jwt.decode(cast.pia.token, options={"verify_signature": False})
    return {name: value for name, value in {**right, **changed}.items() if value is not None}


def signed(
    cast: Cast, claims: dict[str, Any], *, typ: str = "at+jwt", algorithm: str = "RS256", key: Any = None
) -> str:
    """Sign claims with the service's own key, or another."""
    own = load_signing_key(cast.settings.token_key_file)
    headers = {"typ": typ, "kid": thumbprint(own.public_key())}
    return jwt.encode(claims, own if key is None else key, algorithm=algorithm, headers=headers)


async def test_the_claims_signed_again_as_they_were_are_accepted(cast: Cast) -> None:
    """The success beside the refusals below: nothing is changed."""
    assert (await use(cast, signed(cast, claims_of(cast)))).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://elsewhere.test"},
        {"aud": "https://elsewhere.test"},
        {"aud": None},
        {"exp": None},
        {"sub": None},
        {"jti": None},
        {"scope": "everything"},
        {"provider_id": "Atlas"},
        {"sub": "vpc_unknown"},
    ],
    ids=str,
)
async def test_a_token_with_another_claim_is_refused(cast: Cast, changed: dict[str, Any]) -> None:
    assert refusal(await use(cast, signed(cast, claims_of(cast, **changed)))) == UNAUTHENTICATED


async def test_a_token_of_another_provider_s_client_is_refused(cast: Cast) -> None:
    """Even signed with our key: a client belongs to one provider."""
    crossed = signed(cast, claims_of(cast, provider_id=cast.bela.provider_id))
    assert refusal(await use(cast, crossed)) == UNAUTHENTICATED


async def test_a_token_of_another_kind_is_refused(cast: Cast) -> None:
    assert refusal(await use(cast, signed(cast, claims_of(cast), typ="JWT"))) == UNAUTHENTICATED


async def test_a_token_signed_with_another_key_is_refused(cast: Cast) -> None:
    stranger = load_pem_private_key(new_signing_key(), None)
    assert isinstance(stranger, RSAPrivateKey)
    claims = AccessToken(cast.pia.client_id, UUID(cast.pia.provider_id), SCOPES, 1)
    forged = Tokens(SigningKeys.of(stranger), PUBLIC_URL, 600).issue(claims, cast.clock.now())
    assert refusal(await use(cast, forged.access_token)) == UNAUTHENTICATED


async def test_a_token_whose_signature_is_the_public_key_s_hmac_is_refused(cast: Cast) -> None:
    public = load_signing_key(cast.settings.token_key_file).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head = b64url(orjson.dumps({"alg": "HS256", "typ": "at+jwt"}))
    text = f"{head}.{b64url(orjson.dumps(claims_of(cast)))}"
    forged = f"{text}.{b64url(hmac.digest(pem, text.encode(), hashlib.sha256))}"
    assert refusal(await use(cast, forged)) == UNAUTHENTICATED


async def test_a_token_that_is_not_signed_is_refused(cast: Cast) -> None:
    head = b64url(orjson.dumps({"alg": "none", "typ": "at+jwt"}))
    assert refusal(await use(cast, f"{head}.{b64url(orjson.dumps(claims_of(cast)))}.")) == UNAUTHENTICATED


async def test_a_token_whose_claims_were_changed_is_refused(cast: Cast) -> None:
    head, _, signature = cast.pia.token.split(".")
    claims = b64url(orjson.dumps(claims_of(cast, provider_id=cast.bela.provider_id)))
    assert refusal(await use(cast, f"{head}.{claims}.{signature}")) == UNAUTHENTICATED


@pytest.mark.parametrize("token", [None, "", "nonsense", "a.b.c", "é"])
async def test_no_token_is_no_caller(cast: Cast, token: str | None) -> None:
    headers = {} if token is None else {b"Authorization": f"Bearer {token}".encode()}
    answer = await cast.http.get("/v1/practices", headers=headers)
    assert refusal(answer) == UNAUTHENTICATED


async def test_a_token_sent_as_basic_is_no_caller(cast: Cast) -> None:
    answer = await cast.http.get("/v1/practices", auth=(cast.pia.client_id, cast.pia.client_secret))
    assert refusal(answer) == UNAUTHENTICATED
