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


async def test_who_does_not_know_the_secret_gets_no_token(cast: Cast) -> None:
    own, other = cast.pia, cast.bela
    offers: dict[str, tuple[str, str] | None] = {
        "wrong secret": (own.client_id, own.client_secret[:-1] + ("A" if own.client_secret[-1] != "A" else "B")),
        "another's secret": (own.client_id, other.client_secret),
        "unknown client": (own.client_id[:-1] + ("0" if own.client_id[-1] != "0" else "1"), own.client_secret),
        "no client": None,
        "nonsense": ("nobody", "nothing"),
        "NUL": (own.client_id[:-1] + "%00", own.client_secret),
    }
    refused = {kind: await ask(cast, ASK, auth) for kind, auth in offers.items()}
    for kind, answer in refused.items():
        assert oauth_refusal(answer) == (401, "invalid_client"), kind
        assert answer.headers["www-authenticate"].startswith("Basic"), kind
    assert (await ask(cast, ASK, (own.client_id, own.client_secret))).status_code == 200
    # Who asks learns nothing about which clients exist.
    assert refused["wrong secret"].content == refused["unknown client"].content == refused["nonsense"].content


async def test_a_request_that_is_not_as_rfc_6749_says_gets_no_token(cast: Cast) -> None:
    pia, form = cast.pia, "application/x-www-form-urlencoded"
    right = base64.b64encode(f"{pia.client_id}:{pia.client_secret}".encode()).decode()
    basic, grant = f"Basic {right}", "grant_type=client_credentials"
    post = f"{grant}&client_id={pia.client_id}&client_secret={pia.client_secret}"
    latin = base64.b64encode(b"\xff\xfe:secret").decode()
    cases: list[tuple[str, str | None, str | bytes, tuple[int, str]]] = [
        (form, "Basic", grant, (401, "invalid_client")),
        (form, "Basic ???", grant, (401, "invalid_client")),
        (form, "Basic " + base64.b64encode(b"no colon").decode(), grant, (401, "invalid_client")),
        (form, f"Basic {latin}", grant, (401, "invalid_client")),
        (form, f"Bearer {right}", grant, (401, "invalid_client")),
        (form, None, grant, (401, "invalid_client")),
        (form, basic, "", (400, "invalid_request")),
        (form, basic, "grant_type=", (400, "invalid_request")),
        (form, basic, "grant_type=password", (400, "unsupported_grant_type")),
        (form, basic, "grant_type=authorization_code&code=x", (400, "unsupported_grant_type")),
        (form, basic, f"{grant}&{grant}", (400, "invalid_request")),
        (form, basic, f"{grant}&scope=devices:read&scope=practices:read", (400, "invalid_request")),
        (form, basic, post, (400, "invalid_request")),
        (form, basic, f"{grant}&client_id={cast.bela.client_id}", (401, "invalid_client")),
        (form, None, f"{grant}&client_secret={pia.client_secret}", (400, "invalid_request")),
        (form, None, f"{grant}&client_id={pia.client_id}", (401, "invalid_client")),
        (form, basic, f"{grant}&scope=everything", (400, "invalid_scope")),
        (form, basic, f"{grant}&scope=devices:read++practices:read", (400, "invalid_scope")),
        (form, basic, f"{grant}&x={'y' * 20_000}", (400, "invalid_request")),
        (form, basic, f"{grant}&scope=%FF", (400, "invalid_request")),
        (form, basic, grant.encode() + b"&x=\xff", (400, "invalid_request")),
        ("application/json", basic, '{"grant_type": "client_credentials"}', (400, "invalid_request")),
        ("multipart/form-data; boundary=x", basic, "--x--", (400, "invalid_request")),
    ]
    for kind, authorization, body, expected in cases:
        headers = {"Content-Type": kind} | ({"Authorization": authorization} if authorization else {})
        answer = await cast.http.post("/oauth/token", content=body, headers=headers)
        assert oauth_refusal(answer) == expected, (authorization, body)
    for authorization, body in ((basic, grant), (basic.lower().replace(right.lower(), right), grant), (None, post)):
        headers = {"Content-Type": f"{form}; charset=utf-8"} | (
            {"Authorization": authorization} if authorization else {}
        )
        assert (await cast.http.post("/oauth/token", content=body, headers=headers)).status_code == 200


async def test_a_client_may_ask_for_less_than_it_has(cast: Cast) -> None:
    answer = await ask(cast, {**ASK, "scope": "devices:read"}, (cast.pia.client_id, cast.pia.client_secret))
    token = answer.json()["access_token"]
    assert answer.json()["scope"] == "devices:read"
    assert (await use(cast, token, "/v1/devices")).status_code == 200
    assert refusal(await use(cast, token, "/v1/practices")) == (403, "auth.insufficient_scope")


async def test_a_client_may_not_ask_for_more_than_it_has(cast: Cast) -> None:
    narrow = await cast.client(cast.pia, "practices:read")
    auth = (narrow.client_id, narrow.client_secret)
    for scope in ("practices:read devices:read", "practices:write", "everything", "self"):
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


async def test_a_token_with_another_claim_is_refused(cast: Cast) -> None:
    changes: list[dict[str, Any]] = [
        {"iss": "https://elsewhere.test"},
        {"aud": "https://elsewhere.test"},
        {"aud": None},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 1e300},
        {"sub": None},
        {"client_id": None},
        {"client_id": "vpc_another"},
        {"jti": None},
        {"scope": "everything"},
        {"scope": ["devices:read"]},
        {"provider_id": "Atlas"},
        {"sub": "vpc_unknown", "client_id": "vpc_unknown"},
        {"gen": None},
        {"gen": 0},
        {"gen": 2},
        {"gen": "x"},
    ]
    for changed in changes:
        assert refusal(await use(cast, signed(cast, claims_of(cast, **changed)))) == UNAUTHENTICATED, changed
    assert (await use(cast, signed(cast, claims_of(cast)))).status_code == 200


async def test_a_token_names_the_key_that_signed_it(cast: Cast) -> None:
    own = load_signing_key(cast.settings.token_key_file)
    for headers in ({"typ": "at+jwt"}, {"typ": "at+jwt", "kid": "another"}):
        forged = jwt.encode(claims_of(cast), own, algorithm="RS256", headers=headers)
        assert refusal(await use(cast, forged)) == UNAUTHENTICATED, headers


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
