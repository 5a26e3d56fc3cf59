"""The negatives of OpenID's own certification of relying parties, by their names there, each beside the flow that passes.

The suite: openid-certification/conformance-suite, plans for relying parties (Basic, Config, logout). Left out, because
we do none of it: refresh (no token of a provider's is kept), third-party-initiated login, form_post, request objects.
Logout: `test_logout.py`.
"""

from typing import Any

import pytest

from tests.support.bad_idp import STAFF, psc, published_key, staff
from tests.support.sign_in import NOW, Scene
from vigie.auth.oidc import errors
from vigie.auth.oidc.errors import SignInError

HOUR = 3600
AT = int(NOW.timestamp())
OTHER = "https://elsewhere.test"

# name → what is bent, and the one refusal it must meet
NEGATIVES: dict[str, tuple[dict[str, Any], type[SignInError]]] = {
    "issuer mismatch": ({"id_claims": {"iss": OTHER}}, errors.TokenIssuerError),
    "issuer of the wallet host": (
        {"id_claims": {"iss": "https://wallet.bas.psc.esante.gouv.fr/auth/realms/esante-wallet"}},
        errors.TokenIssuerError,
    ),
    "issuer with a slash more": ({"id_claims": {"iss": psc().issuer + "/"}}, errors.TokenIssuerError),
    "missing iss": ({"id_claims": {"iss": None}}, errors.TokenIssuerError),
    "missing sub": ({"id_claims": {"sub": None}}, errors.TokenSubjectError),
    "empty sub": ({"id_claims": {"sub": ""}, "subject": ""}, errors.TokenSubjectError),
    "sub of 256 characters": ({"subject": "s" * 256}, errors.TokenSubjectError),
    "sub that is no text": ({"id_claims": {"sub": 7}, "user_info": {"sub": 7}}, errors.TokenSubjectError),
    "sub with a NUL": ({"subject": "a\0b"}, errors.TokenSubjectError),
    "wrong aud": ({"id_claims": {"aud": "other"}}, errors.TokenAudienceError),
    "missing aud": ({"id_claims": {"aud": None}}, errors.TokenAudienceError),
    "empty aud": ({"id_claims": {"aud": []}}, errors.TokenAudienceError),
    "wrong azp": ({"id_claims": {"azp": "other"}}, errors.TokenPartyError),
    "missing iat": ({"id_claims": {"iat": None}}, errors.TokenUnreadableError),
    "iat that is no number": ({"id_claims": {"iat": str(AT)}}, errors.TokenUnreadableError),
    "iat in the future": ({"id_claims": {"iat": AT + 91}}, errors.TokenTooNewError),
    "nbf in the future": ({"id_claims": {"nbf": AT + 91}}, errors.TokenTooNewError),
    "missing exp": ({"id_claims": {"exp": None}}, errors.TokenUnreadableError),
    "exp that never comes": ({"id_claims": {"exp": float("inf")}}, errors.TokenUnreadableError),
    "exp that is true": ({"id_claims": {"exp": True}}, errors.TokenUnreadableError),
    "expired": ({"id_claims": {"exp": AT - 90}}, errors.TokenExpiredError),
    "kid absent, several keys": (
        {"header": {"kid": None}, "keys": [published_key("rsa-1"), published_key("rsa-2")]},
        errors.TokenKeyAmbiguousError,
    ),
    "kid of two keys": (
        {"keys": [published_key("rsa-1"), published_key("rsa-2", kid="rsa-1")]},
        errors.TokenKeyAmbiguousError,
    ),
    "kid of no key": ({"header": {"kid": "rsa-9"}}, errors.TokenKeyUnknownError),
    "key for encryption": ({"keys": [published_key("rsa-1", use="enc")]}, errors.TokenKeyUnknownError),
    "key for another algorithm": ({"keys": [published_key("rsa-1", alg="PS256")]}, errors.TokenKeyUnknownError),
    "key that does not verify": ({"keys": [published_key("rsa-1", key_ops=["encrypt"])]}, errors.TokenKeyUnknownError),
    "no keys": ({"keys": []}, errors.TokenKeyUnknownError),
    "key of 1024 bits": (
        {"keys": [published_key("weak", kid="rsa-1")], "signs_with": "weak", "header": {"kid": "rsa-1"}},
        errors.TokenSignatureError,
    ),
    "alg none": ({"algorithm": "none"}, errors.TokenAlgorithmError),
    "alg HS256 keyed with the public key": ({"algorithm": "HS256"}, errors.TokenAlgorithmError),
    "alg PS256 where RS256 is configured": ({"algorithm": "PS256"}, errors.TokenAlgorithmError),
    "alg ES256 where RS256 is configured": (
        {"algorithm": "ES256", "signs_with": "ec-1", "keys": [published_key("ec-1")]},
        errors.TokenAlgorithmError,
    ),
    "bad RS256 signature": ({"keys": [published_key("rsa-2", kid="rsa-1")]}, errors.TokenSignatureError),
    "key that the token itself brings": (
        {"header": {"jwk": published_key("rsa-2"), "kid": None}, "signs_with": "rsa-2"},
        errors.TokenSignatureError,
    ),
    "extension that must be understood and is not": (
        {"header": {"crit": ["https://elsewhere.test/x"], "https://elsewhere.test/x": True}},
        errors.TokenUnreadableError,
    ),
    "payload that lies elsewhere": ({"header": {"b64": False, "crit": ["b64"]}}, errors.TokenUnreadableError),
    "invalid nonce": ({"id_claims": {"nonce": "another"}}, errors.TokenNonceError),
    "missing nonce": ({"id_claims": {"nonce": None}}, errors.TokenNonceError),
    "invalid at_hash": ({"id_claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}}, errors.TokenAccessHashError),
    "userinfo bad sub": ({"user_info": {"sub": "another"}}, errors.UserInfoSubjectError),
    "userinfo without sub": ({"user_info": {"sub": None}}, errors.UserInfoSubjectError),
    "ID token that is a logout token": ({"header": {"typ": "logout+jwt"}}, errors.TokenTypeError),
    "ID token that is an access token": ({"header": {"typ": "application/at+jwt"}}, errors.TokenTypeError),
    "ID token that is no JWT": ({"id_token": "nothing.of.sense"}, errors.TokenUnreadableError),
    "ID token that is encrypted": ({"id_token": "e30.e30.e30.e30.e30"}, errors.TokenUnreadableError),
    "no ID token": ({"token_response": {"id_token": None}}, errors.TokenResponseError),
    "no access token": ({"token_response": {"access_token": None}}, errors.TokenResponseError),
    "token of another type": ({"token_response": {"token_type": "mac"}}, errors.TokenResponseError),
    "issuer not matching config": ({"discovery": {"issuer": OTHER}}, errors.ProviderMetadataError),
    "discovery without issuer": ({"discovery": {"issuer": None}}, errors.ProviderMetadataError),
}

# What passes although it looks odd: without these, refusing everything would pass the table above.
POSITIVES: dict[str, dict[str, Any]] = {
    "as it should be": {},
    "aud as a list of one": {"id_claims": {"aud": ["vigie-tests"]}},
    "no azp": {"id_claims": {"azp": None}},
    "no at_hash": {"id_claims": {"at_hash": None}},
    "no typ": {"header": {"typ": None}},
    "exp 89 s ago": {"id_claims": {"exp": AT - 89}},
    "iat 90 s ahead": {"id_claims": {"iat": AT + 90, "exp": AT + HOUR}},
    "nbf 90 s ahead": {"id_claims": {"nbf": AT + 90}},
    "iat with a fraction": {"id_claims": {"iat": AT + 0.5}},
    "sub of 255 characters": {"subject": "s" * 255},
    "kid absent, single key": {"header": {"kid": None}},
    "kid absent, single key for signatures": {
        "header": {"kid": None},
        "keys": [published_key("rsa-1"), published_key("rsa-2", use="enc"), published_key("ec-1")],
    },
    "key without use and alg": {"keys": [published_key("rsa-1", use=None)]},
    "key for this algorithm": {"keys": [published_key("rsa-1", alg="RS256", key_ops=["verify"])]},
    "keys nobody understands beside ours": {
        "keys": [published_key("rsa-1"), {"kty": "oct", "k": "AA", "kid": "rsa-1"}, {"kty": "OKP"}, "key", None]
    },
}


@pytest.mark.parametrize("name", NEGATIVES)
async def test_a_relying_party_refuses(name: str) -> None:
    bent, refusal = NEGATIVES[name]
    await Scene().sign_in()
    with pytest.raises(SignInError) as refused:
        await Scene(**bent).sign_in()
    assert type(refused.value) is refusal


@pytest.mark.parametrize("name", POSITIVES)
async def test_a_relying_party_accepts(name: str) -> None:
    arrival = await Scene(**POSITIVES[name]).sign_in()
    assert arrival.identity.issuer == psc().issuer


SIGNED = "application/jwt"
SIGNED_USER_INFO: dict[str, tuple[dict[str, Any], type[SignInError] | None]] = {
    "rp-userinfo-sig": ({}, None),
    "without iss and aud": ({"user_info": {"iss": None, "aud": None}}, None),
    "signed by another key": ({"user_info_signing": {"signs_with": "rsa-2"}}, errors.TokenSignatureError),
    "alg none": ({"user_info_signing": {"algorithm": "none"}}, errors.TokenAlgorithmError),
    "alg HS256": ({"user_info_signing": {"algorithm": "HS256"}}, errors.TokenAlgorithmError),
    "wrong iss": ({"user_info": {"iss": OTHER}}, errors.TokenIssuerError),
    "wrong aud": ({"user_info": {"aud": "other"}}, errors.TokenAudienceError),
    "bad sub": ({"user_info": {"sub": "another"}}, errors.UserInfoSubjectError),
    "not signed at all": ({"bodies": {"userinfo_endpoint": b'{"sub": "1"}'}}, errors.TokenUnreadableError),
    "bytes that are no text": ({"bodies": {"userinfo_endpoint": b"\xff\xfe"}}, errors.UserInfoUnreadableError),
}


@pytest.mark.parametrize("name", SIGNED_USER_INFO)
async def test_signed_user_info_is_verified_before_it_is_read(name: str) -> None:
    bent, refusal = SIGNED_USER_INFO[name]
    scene = Scene(user_info_type=SIGNED, **bent)
    if refusal is None:
        arrival = await scene.sign_in()
        assert arrival.identity.professional is not None
        assert arrival.identity.professional.rpps == "99700218896"
        return
    with pytest.raises(SignInError) as refused:
        await scene.sign_in()
    assert type(refused.value) is refusal


@pytest.mark.parametrize(
    ("algorithm", "key", "refusal"),
    [
        ("RS256", "rsa-1", None),
        ("PS256", "rsa-1", None),
        ("ES256", "ec-1", None),
        ("RS512", "rsa-1", errors.TokenAlgorithmError),
        ("none", "rsa-1", errors.TokenAlgorithmError),
    ],
)
async def test_another_issuer_may_sign_with_three_algorithms(
    algorithm: str, key: str, refusal: type[SignInError] | None
) -> None:
    scene = Scene(staff(), person=STAFF, algorithm=algorithm, signs_with=key, keys=[published_key(key)])
    if refusal is None:
        assert (await scene.sign_in()).identity.email == "ana@atlas.test"
        return
    with pytest.raises(refusal):
        await scene.sign_in()


async def test_an_elliptic_key_of_another_curve_is_not_taken_for_the_configured_one() -> None:
    key = published_key("ec-1")
    await Scene(staff(), algorithm="ES256", signs_with="ec-1", keys=[key]).sign_in()
    with pytest.raises(errors.TokenKeyUnknownError):
        await Scene(staff(), algorithm="ES256", signs_with="ec-1", keys=[{**key, "crv": "P-384"}]).sign_in()


async def test_key_rotation_between_logins() -> None:
    scene = Scene()
    await scene.sign_in()
    scene.bend(keys=[published_key("rsa-2")], signs_with="rsa-2")
    await scene.sign_in()
    assert scene.far.asked.count("jwks_uri") == 2


async def test_key_rotation_before_signing() -> None:
    """The old key stays published beside the new one, which the token names."""
    scene = Scene(keys=[published_key("rsa-1"), published_key("rsa-2")], signs_with="rsa-2")
    await scene.sign_in()
    assert scene.far.asked.count("jwks_uri") == 1


async def test_key_rotation_without_a_new_name() -> None:
    scene = Scene(header={"kid": None})
    await scene.sign_in()
    scene.bend(keys=[published_key("rsa-2", kid=None)], signs_with="rsa-2")
    await scene.sign_in()
    assert scene.far.asked.count("jwks_uri") == 2


async def test_userinfo_claims_come_with_the_scope() -> None:
    scene = Scene()
    departure = await scene.depart()
    assert "scope=openid+scope_all" in departure.url
    arrival = await scene.arrive(scene.far.authorize(departure.url))
    assert arrival.identity.name == "CAMILLE PAZ"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_the_client_authenticates_as_configured(method: str) -> None:
    scene = Scene(psc(token_auth=method))
    await scene.sign_in()
    assert ("client_secret" in scene.far.last_token_request) == (method == "client_secret_post")
