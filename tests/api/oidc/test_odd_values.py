"""Whatever a provider puts where something else belongs, the sign-in succeeds or is refused: nothing else is ever raised."""

import unicodedata
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from tests.support.bad_idp import PAZ, published_key
from tests.support.sign_in import Scene
from vigie.auth.oidc.errors import SignInError

ODD: tuple[Any, ...] = ([], {"x": []}, 7, 1e300, True, "", "\ud800", "a\0b", "x" * 5000)
MEMBERS = {
    "id_claims": (
        *("iss", "sub", "aud", "azp", "iat", "exp", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"),
        *("session_state", "preferred_username", "nbf", "jti", "name"),
    ),
    "header": ("typ", "kid", "crit", "b64"),
    "token_response": ("access_token", "id_token", "token_type", "expires_in"),
    "discovery": (
        *("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"),
        *("end_session_endpoint", "authorization_response_iss_parameter_supported", "mtls_endpoint_aliases"),
    ),
    "user_info": ("sub", "email", "email_verified", "otherIDs", *PAZ),
}
KEY_MEMBERS = ("kty", "kid", "use", "alg", "key_ops", "n", "e")


def bends() -> Iterator[dict[str, Any]]:
    for attribute, members in MEMBERS.items():
        for member in members:
            for odd in ODD:
                if odd == "\ud800" and attribute not in {"id_claims", "header"}:
                    continue  # orjson, with which the provider writes the rest, refuses it
                yield {attribute: {member: odd}}
    for member in KEY_MEMBERS:
        yield from ({"keys": [published_key("rsa-1", **{member: odd})]} for odd in ODD if odd != "\ud800")


def texts(value: Any) -> Iterator[str]:
    """Every text in what a sign-in hands on, but for the token itself."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (found for name, inner in value.items() if name != "id_token" for found in texts(inner))
    elif isinstance(value, tuple):
        yield from (found for inner in value for found in texts(inner))


async def outcome(bent: dict[str, Any]) -> str:
    """Sign in and say how it ended; anything but success and refusal escapes. What is handed on can be stored and shown."""
    try:
        arrival = await Scene(**bent).sign_in()
    except SignInError as error:
        return error.code
    for found in texts(asdict(arrival)):
        assert len(found) <= 512
        assert not any(unicodedata.category(character).startswith("C") for character in found), bent
    return "signed in"


@pytest.mark.slow(reason="four hundred sign-ins, each at a provider that is odd in another way")
async def test_an_odd_value_is_taken_or_refused() -> None:
    outcomes = [await outcome(bent) for bent in bends()]
    assert len(outcomes) > 400
    assert "signed in" in outcomes
    assert len(set(outcomes)) > 10
