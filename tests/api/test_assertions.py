"""`private_key_jwt` (RFC 7523): which assertions hold, and that each holds once."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import jwt
import orjson
import pytest
from cryptography.hazmat.primitives import serialization

from tests.conftest import PUBLIC_URL, running
from tests.support.cast import Cast
from tests.support.partners import ASSERTION, GRANT, Signer, jwk, private_key, use
from vigie.core.clock import MovableClock
from vigie.core.crypto import b64url
from vigie.settings import Settings

STRANGER = {"error": "invalid_client", "error_description": "unknown client, or its credential does not hold"}


@pytest.fixture
async def signer(cast: Cast) -> Signer:
    """A client of Atlas with three keys; `k3` is for PS256 only."""
    ana = await cast.ana()
    keys = [jwk("rsa", "k1"), jwk("p256", "k2"), jwk("rsa c", "k3", alg="PS256")]
    new = {"name": "Signer", "scopes": ["practices:read"], "auth_method": "private_key_jwt", "keys": keys}
    return Signer(cast, (await ana.post("/v1/clients", new))["client_id"])


@pytest.fixture
async def other(settings: Settings, clock: MovableClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a second process of the service."""
    async with running(settings, clock) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
            yield client


def sent(assertion: str) -> dict[str, str]:
    """Return the form of a token request with an assertion."""
    return {**GRANT, "client_assertion_type": ASSERTION, "client_assertion": assertion}


def unsigned(claims: dict[str, Any], **header: Any) -> str:
    """Return an assertion with any header and no signature."""
    return f"{b64url(orjson.dumps({'kid': 'k1', **header}))}.{b64url(orjson.dumps(claims))}."


async def test_an_assertion_that_holds_gets_a_token_that_works(cast: Cast, signer: Signer) -> None:
    answer = await signer.ask(client_id=signer.client_id, scope="practices:read")
    assert answer.status_code == 200, answer.text
    assert answer.json()["scope"] == "practices:read"
    assert (await use(cast.http, answer.json()["access_token"])).status_code == 200


async def test_an_assertion_that_no_registered_key_signed_is_a_stranger_s(cast: Cast, signer: Signer) -> None:
    now = int(cast.clock.now().timestamp())
    claims = {
        "iss": signer.client_id,
        "sub": signer.client_id,
        "aud": PUBLIC_URL,
        "iat": now,
        "exp": now + 60,
        "jti": "x",
    }
    public = private_key("rsa").public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    right, client = signer.assertion(), signer.client_id
    head, _, signature = right.split(".")
    forged: dict[str, str] = {
        "another key of that name": Signer(cast, client, "rsa b").assertion(),
        "a key that is not registered": Signer(cast, client, headers={"kid": "k9"}).assertion(),
        "another key of the client": Signer(cast, client, headers={"kid": "k3"}).assertion(),
        "no key named": Signer(cast, client, headers={}).assertion(),
        "another algorithm than the key's": Signer(cast, client, "rsa c", "RS256", {"kid": "k3"}).assertion(),
        "an algorithm that is not offered": Signer(cast, client, "rsa", "RS512", {"kid": "k1"}).assertion(),
        "a token of another type": Signer(cast, client, headers={"kid": "k1", "typ": "at+jwt"}).assertion(),
        "the public key as a shared secret": _hmac(claims, pem),
        "no algorithm": unsigned(claims, alg="none"),
        "an algorithm without a signature": unsigned(claims, alg="RS256"),
        "changed claims": f"{head}.{b64url(orjson.dumps({**claims, 'exp': now + 90}))}.{signature}",
        "a critical header nobody knows": _critical(signer),
        "another client": Signer(cast, cast.pia.client_id).assertion(),
        "no client": Signer(cast, client).assertion(sub=None),
        "an unknown client": Signer(cast, client[:-1] + ("0" if client[-1] != "0" else "1")).assertion(),
        "a client that is a number": unsigned({**claims, "sub": 7}, alg="RS256"),
        "claims that are a list": f"{head}.{b64url(b'[]')}.{signature}",
        "nonsense": "a.b.c",
        "no token at all": "nonsense",
        "other characters": "é.é.é",
        "too much of it": right + "x" * 9000,
        "deep nesting": f"{head}.{b64url(b'[' * 4000)}.{signature}",
    }
    for what, assertion in forged.items():
        answer = await cast.http.post("/oauth/token", data=sent(assertion))
        assert (answer.status_code, answer.json()) == (401, STRANGER), what
    named = await cast.http.post("/oauth/token", data={**sent(signer.assertion()), "client_id": cast.pia.client_id})
    assert (named.status_code, named.json()) == (401, STRANGER)
    assert (await signer.ask(right)).status_code == 200


def _hmac(claims: dict[str, Any], key: bytes) -> str:
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    text = f"{b64url(orjson.dumps({'alg': 'HS256', 'kid': 'k1'}))}.{b64url(orjson.dumps(claims))}"
    return f"{text}.{b64url(hmac.digest(key, text.encode(), hashlib.sha256))}"


def _critical(signer: Signer) -> str:
    return Signer(signer.cast, signer.client_id, headers={"kid": "k1", "crit": ["new"], "new": 1}).assertion()


WRONG: list[tuple[Callable[[int], dict[str, Any]], str]] = [
    (lambda _now: {"iss": "somebody"}, "iss"),
    (lambda _now: {"iss": None}, "iss"),
    (lambda _now: {"aud": "https://elsewhere.test"}, "aud"),
    (lambda _now: {"aud": f"{PUBLIC_URL}/"}, "aud"),
    (lambda _now: {"aud": [PUBLIC_URL, "https://elsewhere.test"]}, "aud"),
    (lambda _now: {"aud": []}, "aud"),
    (lambda _now: {"aud": None}, "aud"),
    (lambda _now: {"aud": {"x": 1}}, "aud"),
    (lambda _now: {"exp": None}, "exp"),
    (lambda _now: {"exp": "soon"}, "exp"),
    (lambda _now: {"exp": True}, "exp"),
    (lambda _now: {"exp": float("nan")}, "exp"),
    (lambda _now: {"exp": float("inf")}, "exp"),
    (lambda _now: {"exp": 10**40}, "exp"),
    (lambda now: {"exp": now - 30}, "exp"),
    (lambda now: {"exp": now + 301}, "exp"),
    (lambda now: {"iat": now - 1000, "exp": now + 60}, "exp"),
    (lambda _now: {"iat": None}, "iat"),
    (lambda _now: {"iat": "now"}, "iat"),
    (lambda now: {"iat": now + 31, "exp": now + 90}, "iat"),
    (lambda now: {"nbf": now + 31}, "iat or nbf"),
    (lambda _now: {"nbf": "x"}, "nbf"),
    (lambda _now: {"jti": None}, "jti"),
    (lambda _now: {"jti": ""}, "jti"),
    (lambda _now: {"jti": 7}, "jti"),
    (lambda _now: {"jti": "x" * 257}, "jti"),
]


async def test_a_client_that_signed_is_told_which_claim_is_wrong(cast: Cast, signer: Signer) -> None:
    now = int(cast.clock.now().timestamp())
    for bent, claim in WRONG:
        answer = await signer.ask(signer.assertion(**bent(now)))
        assert answer.status_code == 401, (bent(now), answer.text)
        assert answer.json()["error"] == "invalid_client"
        assert answer.json()["error_description"].startswith(f"assertion: {claim}"), (bent(now), answer.text)


async def test_an_assertion_on_the_edge_of_what_is_allowed_holds(cast: Cast, signer: Signer) -> None:
    now = int(cast.clock.now().timestamp())
    edges: list[dict[str, Any]] = [
        {"aud": [PUBLIC_URL]},
        {"aud": f"{PUBLIC_URL}/oauth/token"},
        {"aud": [f"{PUBLIC_URL}/oauth/token", PUBLIC_URL]},
        {"exp": now + 300},
        {"exp": now - 29},
        {"iat": now + 30, "exp": now + 330},
        {"iat": now + 0.5},
        {"nbf": now + 30},
        {"jti": "x" * 256},
    ]
    for bent in edges:
        answer = await signer.ask(signer.assertion(**bent))
        assert answer.status_code == 200, (bent, answer.text)
    for typ in ("JWT", "jwt", "client-authentication+jwt"):
        typed = Signer(cast, signer.client_id, headers={"kid": "k1", "typ": typ})
        assert (await typed.ask()).status_code == 200, typ


async def test_an_assertion_is_used_once_whichever_process_it_comes_to(
    cast: Cast, signer: Signer, other: httpx.AsyncClient
) -> None:
    assertion = signer.assertion()
    first = await signer.ask(assertion)
    again = [await http.post("/oauth/token", data=sent(assertion)) for http in (cast.http, other)]
    assert first.status_code == 200
    for answer in again:
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert "jti" in answer.json()["error_description"]
    assert (await other.post("/oauth/token", data=sent(signer.assertion()))).status_code == 200


async def test_of_many_at_once_one_gets_the_token(cast: Cast, signer: Signer, other: httpx.AsyncClient) -> None:
    form = sent(signer.assertion())
    answers = await asyncio.gather(
        *((cast.http, other)[place % 2].post("/oauth/token", data=form) for place in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[401] * 7]


async def test_a_jti_belongs_to_its_client(cast: Cast, signer: Signer) -> None:
    ana = await cast.ana()
    new = {"name": "Other", "scopes": ["practices:read"], "keys": [jwk("rsa", "k1")]}
    second = Signer(cast, (await ana.post("/v1/clients", new))["client_id"])
    answers = [await one.ask(one.assertion(jti="the same")) for one in (signer, second, signer)]
    assert [answer.status_code for answer in answers] == [200, 200, 401]


async def test_an_assertion_somebody_else_bent_does_not_use_up_the_right_one(signer: Signer) -> None:
    right = signer.assertion()
    head, body, signature = right.split(".")
    spoilt = f"{head}.{body}.{('A' if signature[0] != 'A' else 'B') + signature[1:]}"
    assert (await signer.ask(spoilt)).status_code == 401
    assert (await signer.ask(signer.assertion(aud="https://elsewhere.test", jti="kept"))).status_code == 401
    assert (await signer.ask(signer.assertion(jti="kept"))).status_code == 200
    assert (await signer.ask(right)).status_code == 200


async def test_an_assertion_is_refused_for_its_age_once_its_jti_may_be_forgotten(cast: Cast, signer: Signer) -> None:
    late, gone = signer.assertion(), signer.assertion()
    cast.clock.advance(timedelta(seconds=89))
    on_time = await signer.ask(late)
    cast.clock.advance(timedelta(seconds=1))
    too_late = await signer.ask(gone)
    assert on_time.status_code == 200
    assert "exp" in too_late.json()["error_description"]


async def test_an_assertion_comes_alone_and_with_its_type(cast: Cast, signer: Signer) -> None:
    pia = cast.pia
    secret = base64.b64encode(f"{pia.client_id}:{pia.client_secret}".encode()).decode()
    no_type = {**GRANT, "client_assertion": signer.assertion()}
    cases: list[tuple[dict[str, str], dict[str, str]]] = [
        (no_type, {}),
        ({**no_type, "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, {}),
        ({**GRANT, "client_assertion_type": ASSERTION}, {}),
        (sent(signer.assertion()), {"Authorization": f"Basic {secret}"}),
        ({**sent(signer.assertion()), "client_id": signer.client_id, "client_secret": "vcs_x"}, {}),
    ]
    for form, headers in cases:
        answer = await cast.http.post("/oauth/token", data=form, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), form
    assert (await signer.ask()).status_code == 200


def test_the_signer_of_these_tests_signs_what_pyjwt_verifies() -> None:
    """The forgeries above are refused for what they say, not because the tool that makes them is broken."""
    signed = jwt.encode({"sub": "x"}, private_key("rsa"), algorithm="RS256", headers={"kid": "k1"})
    assert jwt.decode(signed, private_key("rsa").public_key(), algorithms=["RS256"]) == {"sub": "x"}
