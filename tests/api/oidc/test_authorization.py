"""The way out: where one may be led back to, and the cookies that attempts leave."""

import pytest

from tests.support.bad_idp import STAFF, staff
from tests.support.sign_in import Scene
from vigie.auth.oidc import errors
from vigie.auth.oidc.authorization import cookie_name
from vigie.auth.oidc.callback import spent_cookie
from vigie.auth.oidc.party import RelyingParty

OURS = (
    "/",
    "/practices",
    "/practices/1?tab=devices#top",
    "/a//b",
    "/" + "x" * 511,
    "/auth/account",
    "/%2F%2Felsewhere.test",
)
NOT_OURS = (
    *("", "practices", "https://elsewhere.test/", "//elsewhere.test", "///elsewhere.test", "/\\elsewhere.test"),
    *("\\\\elsewhere.test", "/\t/elsewhere.test", "/\n/elsewhere.test", "javascript:alert(1)", " /", "/ x", "/é"),
    *("/" + "x" * 512, "https:elsewhere.test", "?x=1", "/x\r\nSet-Cookie: a=b", "/\u2215elsewhere.test"),
)


@pytest.mark.parametrize("path", OURS)
async def test_a_sign_in_leads_back_to_a_path_of_ours(path: str) -> None:
    assert (await Scene().sign_in(return_to=path)).return_to == path


@pytest.mark.parametrize("path", NOT_OURS)
async def test_a_sign_in_leads_nowhere_else(path: str) -> None:
    with pytest.raises(errors.ReturnToRefusedError):
        await Scene().depart(return_to=path)


async def test_another_issuer_is_asked_for_no_assurance() -> None:
    departure = await Scene(staff(), person=STAFF).depart()
    assert "scope=openid+profile+email" in departure.url
    assert "acr_values" not in departure.url


async def test_a_cookie_is_this_host_s_alone_where_there_is_https() -> None:
    scene = Scene()
    assert (await scene.depart()).cookie.name.startswith("__Host-vigie-signin-")
    plain = RelyingParty(
        scene.outbound, scene.party.directory, scene.party.sealer, scene.party.used_once, secure_cookies=False
    )
    scene.party = plain
    departure = await scene.depart()
    assert departure.cookie.name.startswith("vigie-signin-")
    await scene.arrive(scene.far.authorize(departure.url))


async def test_the_cookie_of_an_answered_attempt_is_known_by_the_answer() -> None:
    scene = Scene()
    departure = await scene.depart()
    assert spent_cookie(scene.party, scene.far.authorize(departure.url)) == departure.cookie.name
    assert spent_cookie(scene.party, [("state", "\ud800")]) == cookie_name("\ud800", secure=True)
    assert spent_cookie(scene.party, [("code", "x")]) is None


async def test_attempts_that_are_over_or_too_many_are_cleared_away() -> None:
    scene = Scene()
    begun = []
    for number in range(5):
        departure = await scene.depart(cookies=scene.cookies)
        assert departure.surplus == (), number
        begun.append(departure.cookie.name)
        scene.pass_time(seconds=1)
    others = {"__Host-vigie": "session", "__Host-vigie-signin-0000000000000000": "nonsense"}
    sixth = await scene.depart(cookies={**others, **scene.cookies})
    assert set(sixth.surplus) == {"__Host-vigie-signin-0000000000000000", begun[0]}
    scene.pass_time(minutes=10)
    late = await scene.depart(cookies=scene.cookies)
    assert set(late.surplus) == {*begun, sixth.cookie.name}


async def test_a_cookie_is_small_enough_for_every_browser() -> None:
    departure = await Scene().depart(return_to="/" + "x" * 511, invitation="v" * 256)
    assert len(departure.cookie.name) + len(departure.cookie.value) < 2048
    with pytest.raises(ValueError, match="short"):
        await Scene().depart(invitation="v" * 257)
