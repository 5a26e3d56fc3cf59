"""Ending a session on both sides: the certification's list of back-channel logout, and logouts begun by us."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.bad_idp import SUBJECT, changed_by, psc, published_key, staff
from tests.support.sign_in import NOW, Scene
from vigie.auth.oidc import errors
from vigie.auth.oidc.errors import SignInError
from vigie.auth.oidc.logout import LogoutNotice, check_logout_return, logout_url, receive_logout

AT = int(NOW.timestamp())
EVENT = "http://schemas.openid.net/event/backchannel-logout"
OTHER = "https://elsewhere.test"


def token(scene: Scene, *, sign: dict[str, Any] | None = None, **changed: Any) -> str:
    """A logout token as the provider sends it, but for what is changed."""
    right = {
        "iss": scene.idp.issuer,
        "aud": scene.idp.client_id,
        "iat": AT,
        "exp": AT + 120,
        "jti": "logout-1",
        "sub": SUBJECT,
        "sid": "session-1",
        "events": {EVENT: {}},
    }
    scene.bend(header={"typ": "logout+jwt", **scene.far.header})
    return scene.far.sign(changed_by(right, changed), **(sign or {}))


# name → claims changed, how it is signed, how the provider is bent, and what it meets; None: it is taken
LIST: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], type[SignInError] | None]] = {
    "normal": ({}, {}, {}, None),
    "of Keycloak's type": ({}, {}, {"header": {"typ": "JWT"}}, None),
    "without type": ({}, {}, {"header": {"typ": None}}, None),
    "only sid": ({"sub": None}, {}, {}, None),
    "only sub": ({"sid": None}, {}, {}, None),
    "alg none": ({}, {"algorithm": "none"}, {}, errors.TokenAlgorithmError),
    "wrong alg": ({}, {"algorithm": "HS256"}, {}, errors.TokenAlgorithmError),
    "wrong key": ({}, {"signs_with": "rsa-2"}, {}, errors.TokenSignatureError),
    "no event": ({"events": None}, {}, {}, errors.LogoutEventError),
    "wrong event": ({"events": {"http://schemas.openid.net/event/other": {}}}, {}, {}, errors.LogoutEventError),
    "event that is no object": ({"events": {EVENT: True}}, {}, {}, errors.LogoutEventError),
    "events that are a list": ({"events": [EVENT]}, {}, {}, errors.LogoutEventError),
    "with nonce": ({"nonce": "n"}, {}, {}, errors.LogoutNonceError),
    "wrong aud": ({"aud": "other"}, {}, {}, errors.TokenAudienceError),
    "wrong issuer": ({"iss": OTHER}, {}, {}, errors.TokenIssuerError),
    "neither sub nor sid": ({"sub": None, "sid": None}, {}, {}, errors.LogoutTargetError),
    "empty sid": ({"sid": ""}, {}, {}, errors.LogoutTargetError),
    "sid that is no text": ({"sid": 7}, {}, {}, errors.LogoutTargetError),
    "no jti": ({"jti": None}, {}, {}, errors.LogoutReplayedError),
    "expired": ({"exp": AT - 90}, {}, {}, errors.TokenExpiredError),
    "no exp": ({"exp": None}, {}, {}, errors.TokenUnreadableError),
    "no iat": ({"iat": None}, {}, {}, errors.TokenUnreadableError),
    "from the future": ({"iat": AT + 91, "exp": AT + 300}, {}, {}, errors.TokenTooNewError),
    "kept back for ten minutes": ({"iat": AT - 601, "exp": AT + 300}, {}, {}, errors.TokenTooOldError),
    "ID token": ({"nonce": "n", "events": None}, {}, {"header": {"typ": "JWT"}}, errors.LogoutEventError),
    "access token": ({}, {}, {"header": {"typ": "at+jwt"}}, errors.TokenTypeError),
}


@pytest.mark.parametrize("name", LIST)
async def test_back_channel_logout(name: str) -> None:
    changed, sign, bent, refusal = LIST[name]
    scene = Scene(**bent)
    sent = token(scene, sign=sign, **changed)
    if refusal is None:
        notice = await receive_logout(scene.party, scene.idp, sent, NOW)
        expected = {"sub": SUBJECT, "sid": "session-1", **changed}
        assert notice == LogoutNotice(scene.idp.issuer, expected["sub"], expected["sid"])
        return
    with pytest.raises(SignInError) as refused:
        await receive_logout(scene.party, scene.idp, sent, NOW)
    assert type(refused.value) is refusal
    assert scene.once.claimed == {}


async def test_a_logout_token_is_taken_once() -> None:
    scene = Scene()
    sent = token(scene)
    await receive_logout(scene.party, scene.idp, sent, NOW)
    with pytest.raises(errors.LogoutReplayedError):
        await receive_logout(scene.party, scene.idp, sent, NOW)
    await receive_logout(scene.party, scene.idp, token(scene, jti="logout-2"), NOW)
    (until, _) = scene.once.claimed.values()
    assert until >= NOW + timedelta(minutes=10, seconds=scene.idp.leeway_s)


async def test_the_id_of_one_provider_s_token_is_not_used_up_by_another_s() -> None:
    scene, other = Scene(), Scene(staff())
    other.once = scene.once
    await receive_logout(scene.party, scene.idp, token(scene), NOW)
    await receive_logout(other.party, other.idp, token(other), NOW)


async def test_a_logout_token_is_no_id_token() -> None:
    scene = Scene()
    scene.bend(id_token=token(scene, nonce="n"))
    with pytest.raises(errors.TokenTypeError):
        await scene.sign_in()


async def test_keys_that_changed_are_read_for_a_logout_too() -> None:
    scene = Scene()
    await scene.sign_in()
    scene.bend(keys=[published_key("rsa-2")], signs_with="rsa-2")
    assert (await receive_logout(scene.party, scene.idp, token(scene), NOW)).sid == "session-1"


@pytest.mark.parametrize("rubbish", ["", "x", "a.b.c", "." * 1000, "\ud800", "é.é.é"])
async def test_rubbish_is_no_logout_token(rubbish: str) -> None:
    scene = Scene()
    with pytest.raises(errors.TokenUnreadableError):
        await receive_logout(scene.party, scene.idp, rubbish, NOW)
    assert scene.far.asked == []


async def ask(scene: Scene, *, hinted: bool = True) -> str | None:
    """Where the browser is sent to end its session at the provider."""
    return await logout_url(
        scene.party,
        scene.idp,
        id_token="hint" if hinted else None,
        return_uri="https://vigie.test/auth/logged-out",
        state="s t&te",
        now=scene.now,
    )


async def test_a_logout_of_ours_names_token_return_and_state() -> None:
    scene = Scene()
    address = await ask(scene)
    assert address is not None
    assert address.startswith(scene.far.endpoints()["end_session_endpoint"] + "?")
    assert dict(parse_qsl(urlsplit(address).query)) == {
        "client_id": scene.idp.client_id,
        "post_logout_redirect_uri": "https://vigie.test/auth/logged-out",
        "state": "s t&te",
        "id_token_hint": "hint",
    }
    without = await ask(scene, hinted=False)
    assert without is not None
    assert "id_token_hint" not in without


async def test_what_the_provider_s_address_asks_already_is_kept() -> None:
    endpoint = Scene().far.endpoints()["end_session_endpoint"] + "?realm=x"
    address = await ask(Scene(discovery={"end_session_endpoint": endpoint}))
    assert address is not None
    assert dict(parse_qsl(urlsplit(address).query))["realm"] == "x"


async def test_a_provider_without_logout_or_out_of_reach_is_not_asked() -> None:
    assert await ask(Scene(discovery={"end_session_endpoint": None})) is None
    assert await ask(Scene(away={"discovery"})) is None
    assert await ask(Scene(psc(), statuses={"discovery": 404})) is None


@pytest.mark.parametrize(
    ("query", "accepted"),
    [
        ([("state", "right")], True),
        ([], True),  # Pro Santé Connect was seen to drop it
        ([("other", "x")], True),
        ([("state", "wrong")], False),
        ([("state", "")], False),
        ([("state", "right"), ("state", "right")], False),
        ([("state", "\ud800")], False),
    ],
    ids=["ours", "none", "other parameters", "another state", "empty", "twice", "no text"],
)
def test_a_logout_comes_back_with_its_state_or_none(query: list[tuple[str, str]], accepted: bool) -> None:  # noqa: FBT001
    if accepted:
        check_logout_return(query, "right")
        return
    with pytest.raises(errors.LogoutReturnError):
        check_logout_return(query, "right")
