"""What providers publish: whom an endpoint may belong to, how long it is remembered, and who can make us ask again."""

import asyncio
from typing import Any

import pytest

from tests.support.bad_idp import STAFF, psc, published_key, staff
from tests.support.sign_in import Scene
from vigie.auth.oidc import errors
from vigie.auth.oidc.profiles import IdentityProvider, pro_sante_connect
from vigie.core.outbound import Reach

HOST = "https://auth.bas.psc.esante.gouv.fr"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_an_endpoint_lies_on_a_configured_host(endpoint: str) -> None:
    right = Scene().far.endpoints()[endpoint]
    assert (await Scene(discovery={endpoint: right.replace("gouv.fr/", "gouv.fr:443/")}).depart()).url
    for wrong in (
        "https://elsewhere.test/token",
        right.replace("https://", "http://"),
        right.replace("https://", "//"),
        right.replace("gouv.fr", "gouv.fr.elsewhere.test"),
        right.replace("gouv.fr/", "gouv.fr:8443/"),
        right.replace("https://", "https://user@"),
        right.replace("gouv.fr/", "gouv.fr\\@elsewhere.test/"),
        right.replace("https://", "https://elsewhere.test\\"),
        right.replace("gouv.fr/", "gouv.fr\t/"),
        right.replace("gouv.fr/", "gouv.fr/\r\nX: y"),
        right + " ",
        right + "x" * 2048,
        right + "#fragment",
        "javascript:alert(1)",
        "https://[",
        "",
        7,
    ):
        with pytest.raises(errors.ProviderMetadataError):
            await Scene(discovery={endpoint: wrong}).depart()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_an_endpoint_that_is_needed_must_be_there(endpoint: str) -> None:
    scene = Scene(discovery={endpoint: None})
    if endpoint == "end_session_endpoint":
        await scene.depart()
        return
    with pytest.raises(errors.ProviderMetadataError):
        await scene.depart()


async def test_another_issuer_may_have_no_user_info() -> None:
    scene = Scene(staff(), person=STAFF, discovery={"userinfo_endpoint": None}, id_claims=STAFF)
    arrival = await scene.sign_in()
    assert (arrival.identity.name, arrival.identity.email) == ("Ana Atlas", "ana@atlas.test")
    assert "userinfo_endpoint" not in scene.far.asked


def simulated(reach: Reach) -> IdentityProvider:
    return pro_sante_connect(
        environment="simulated",
        client_id="vigie-tests",
        client_secret="a secret: with % and é",
        issuer="https://twin.test/auth/realms/esante-wallet",
        hosts={"twin.test"},
        reach=reach,
    )


@pytest.mark.parametrize(
    ("reach", "addresses", "called"),
    [
        (Reach.PUBLIC, ["9.9.9.9"], True),
        (Reach.PUBLIC, ["10.0.0.1"], False),
        (Reach.PUBLIC, ["127.0.0.1"], False),
        (Reach.PRIVATE, ["10.0.0.1"], True),
        (Reach.PRIVATE, ["127.0.0.1"], False),
        (Reach.LOOPBACK, ["127.0.0.1"], True),
        (Reach.LOOPBACK, ["10.0.0.1"], False),
    ],
)
async def test_the_profile_says_how_far_calls_reach(reach: Reach, addresses: list[str], called: bool) -> None:  # noqa: FBT001
    scene = Scene(simulated(reach), addresses=addresses)
    if called:
        await scene.sign_in()
        return
    with pytest.raises(errors.ProviderMetadataError):
        await scene.sign_in()
    assert scene.far.asked == []


@pytest.mark.parametrize("endpoint", ["token_endpoint", "userinfo_endpoint", "jwks_uri"])
async def test_a_name_that_changes_its_mind_is_not_followed_inwards(endpoint: str) -> None:
    """Each call resolves and checks anew: the name leads inwards only after discovery."""
    scene = Scene()
    answer = scene.far.authorize((await scene.depart()).url)
    resolve, others = scene.far.resolve, [name for name in ENDPOINTS if name != endpoint]

    async def turning(host: str, port: int) -> Any:
        expected = {"token_endpoint": 1, "jwks_uri": 2, "userinfo_endpoint": 3}[endpoint]
        return ["10.0.0.1"] if len(scene.far.asked) == expected else await resolve(host, port)

    scene.outbound._resolve = turning
    with pytest.raises(errors.ProviderMetadataError):
        await scene.arrive(answer)
    assert endpoint not in scene.far.asked
    assert others


async def test_a_provider_that_is_away_is_bridged_for_six_hours_more() -> None:
    scene = Scene()
    await scene.sign_in()
    scene.bend(away={"discovery", "jwks_uri"})
    for hours in (1, 6 - 0.01):
        scene.pass_time(hours=hours)
        await scene.sign_in()
    scene.pass_time(hours=0.02)
    with pytest.raises(errors.ProviderAwayError):
        await scene.sign_in()
    scene.bend(away=set())
    scene.pass_time(seconds=10)
    await scene.sign_in()


async def test_a_provider_that_answers_wrongly_is_not_bridged() -> None:
    scene = Scene()
    await scene.sign_in()
    scene.bend(discovery={"issuer": "https://elsewhere.test"})
    await scene.sign_in()
    scene.pass_time(hours=1)
    with pytest.raises(errors.ProviderMetadataError):
        await scene.sign_in()


async def test_a_key_that_was_withdrawn_is_taken_for_an_hour_at_most() -> None:
    scene = Scene(keys=[published_key("rsa-1"), published_key("rsa-2")])
    await scene.sign_in()
    scene.bend(keys=[published_key("rsa-2")])
    scene.pass_time(hours=1)
    with pytest.raises(errors.TokenKeyUnknownError):
        await scene.sign_in()


async def test_a_provider_that_is_away_is_left_alone_for_a_moment() -> None:
    scene = Scene(away={"discovery"})
    for _ in range(3):
        with pytest.raises(errors.ProviderAwayError):
            await scene.depart()
    assert scene.far.asked == ["discovery"]
    scene.bend(away=set())
    scene.pass_time(seconds=9)
    with pytest.raises(errors.ProviderAwayError):
        await scene.depart()
    scene.pass_time(seconds=1)
    await scene.depart()


async def test_many_who_come_at_once_make_one_call() -> None:
    scene = Scene()
    departures = await asyncio.gather(*(scene.depart() for _ in range(20)))
    assert scene.far.asked == ["discovery"]
    await asyncio.gather(*(scene.arrive(scene.far.authorize(departure.url)) for departure in departures))
    assert scene.far.asked.count("jwks_uri") == 1


async def test_tokens_with_unknown_keys_make_one_call_in_thirty_seconds() -> None:
    scene = Scene()
    await scene.sign_in()
    scene.bend(header={"kid": "rsa-9"})
    for _ in range(3):
        with pytest.raises(errors.TokenKeyUnknownError):
            await scene.sign_in()
    assert scene.far.asked.count("jwks_uri") == 2
    scene.pass_time(seconds=29)
    with pytest.raises(errors.TokenKeyUnknownError):
        await scene.sign_in()
    assert scene.far.asked.count("jwks_uri") == 2
    scene.bend(keys=[published_key("rsa-1"), published_key("rsa-2", kid="rsa-9")], signs_with="rsa-2")
    scene.pass_time(seconds=1)
    await scene.sign_in()
    assert scene.far.asked.count("jwks_uri") == 3


async def test_an_unknown_key_while_the_provider_is_away_is_no_refusal() -> None:
    scene = Scene()
    await scene.sign_in()
    scene.bend(signs_with="rsa-2", away={"jwks_uri"})
    with pytest.raises(errors.ProviderAwayError):
        await scene.sign_in()


async def test_a_changed_configuration_is_read_anew_and_one_that_ended_is_forgotten() -> None:
    scene = Scene()
    await scene.depart()
    scene.idp = scene.far.idp = psc(leeway_s=60)
    await scene.depart()
    assert scene.far.asked == ["discovery"] * 2
    await scene.depart()
    assert scene.far.asked == ["discovery"] * 2
    scene.party.directory.forget("psc")
    await scene.depart()
    assert scene.far.asked == ["discovery"] * 3


async def test_five_hundred_providers_are_remembered_and_no_more() -> None:
    scene = Scene()
    for number in range(501):
        idp = psc(id=f"psc-{number}")
        await scene.party.directory.metadata(idp, scene.now)
    asked = len(scene.far.asked)
    await scene.party.directory.metadata(psc(id="psc-500"), scene.now)
    assert len(scene.far.asked) == asked
    await scene.party.directory.metadata(psc(id="psc-0"), scene.now)
    assert len(scene.far.asked) == asked + 1
