"""What Authlib's own client leaves to its user, gap by gap: each was seen to be accepted there, and is refused here."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.support.bad_idp import STAFF, psc, staff
from tests.support.sign_in import NOW, Scene
from vigie.auth.oidc import errors
from vigie.auth.oidc.authorization import Departure
from vigie.auth.oidc.errors import SignInError
from vigie.core.crypto import b64url_decode

AT = int(NOW.timestamp())
EVIL = "https://evil.example"
SILENT = {"authorization_response_iss_parameter_supported": None}

# gap → how the provider is configured and bent, and what it meets (None: accepted)
GAPS: dict[str, tuple[Callable[[], Any], dict[str, Any], type[SignInError] | None]] = {
    "1 iss of the answer is right": (psc, {}, None),
    "1 iss of the answer is another": (psc, {"response": {"iss": EVIL}}, errors.ResponseIssuerError),
    "1 iss of the answer has a slash more": (
        psc,
        {"response": {"iss": psc().issuer + "/"}},
        errors.ResponseIssuerError,
    ),
    "1 iss of the answer is missing though announced": (psc, {"response": {"iss": None}}, errors.ResponseIssuerError),
    "1 iss of the answer is missing and was not announced": (
        psc,
        {"response": {"iss": None}, "discovery": SILENT},
        None,
    ),
    "1 iss of the answer is another and was not announced": (
        psc,
        {"response": {"iss": EVIL}, "discovery": SILENT},
        errors.ResponseIssuerError,
    ),
    "1 iss of an error is another": (
        psc,
        {"error": "access_denied", "response": {"iss": EVIL}},
        errors.ResponseIssuerError,
    ),
    "1 iss of an error is missing though announced": (
        psc,
        {"error": "access_denied", "response": {"iss": None}},
        errors.ResponseIssuerError,
    ),
    "1 iss of an error is right": (psc, {"error": "access_denied"}, errors.CancelledError),
    "2 acr eidas1": (psc, {"id_claims": {"acr": "eidas1"}}, None),
    "2 acr eidas2": (psc, {"id_claims": {"acr": "eidas2"}}, None),
    "2 acr eidas3, as the sandbox answers to eidas1": (psc, {"id_claims": {"acr": "eidas3"}}, None),
    "2 acr eidas0": (psc, {"id_claims": {"acr": "eidas0"}}, errors.AssuranceRefusedError),
    "2 acr is missing": (psc, {"id_claims": {"acr": None}}, errors.AssuranceRefusedError),
    "2 acr is a list": (psc, {"id_claims": {"acr": ["eidas1"]}}, errors.AssuranceRefusedError),
    "2 acr narrowed by the operator": (
        lambda: psc(accepted_acr=frozenset({"eidas3"})),
        {"id_claims": {"acr": "eidas1"}},
        errors.AssuranceRefusedError,
    ),
    "2 acr of an issuer without a list": (staff, {"id_claims": {"acr": None}}, None),
    "2 acr is right and iss wrong": (psc, {"id_claims": {"iss": EVIL}}, errors.TokenIssuerError),
    "2 aud another with our azp": (psc, {"id_claims": {"aud": "other"}}, errors.TokenAudienceError),
    "2 aud us and another with our azp": (
        psc,
        {"id_claims": {"aud": ["vigie-tests", "other"]}},
        errors.TokenAudienceError,
    ),
    "2 iat of thirty days ago": (
        psc,
        {"id_claims": {"iat": AT - 30 * 86400, "exp": AT + 3600}},
        errors.TokenTooOldError,
    ),
    "2 iat of 91 seconds before the attempt": (psc, {"id_claims": {"iat": AT - 91}}, errors.TokenTooOldError),
    "2 iat of 90 seconds before the attempt": (psc, {"id_claims": {"iat": AT - 90}}, None),
    "3 user info is a JWT": (psc, {"user_info_type": "application/jwt"}, None),
    "3 user info speaks of another": (psc, {"user_info": {"sub": "another"}}, errors.UserInfoSubjectError),
    "6 discovery allows HS256 only": (
        psc,
        {"discovery": {"id_token_signing_alg_values_supported": ["HS256"]}, "algorithm": "HS256"},
        errors.TokenAlgorithmError,
    ),
    "6 discovery allows none": (
        psc,
        {"discovery": {"id_token_signing_alg_values_supported": ["none"]}, "algorithm": "none"},
        errors.TokenAlgorithmError,
    ),
    "6 discovery forgets RS256": (psc, {"discovery": {"id_token_signing_alg_values_supported": ["HS256"]}}, None),
    "6 fetched issuer is another": (psc, {"discovery": {"issuer": EVIL}}, errors.ProviderMetadataError),
}


@pytest.mark.parametrize("gap", GAPS)
async def test_what_the_library_leaves_open_is_closed(gap: str) -> None:
    configured, bent, refusal = GAPS[gap]
    scene = Scene(configured(), **bent)
    if refusal is None:
        assert (await scene.sign_in()).identity.subject == scene.far.subject
        return
    with pytest.raises(SignInError) as refused:
        await scene.sign_in()
    assert type(refused.value) is refusal


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)], ids=["as begun", "the other way round"])
async def test_gap_4_several_sign_ins_are_in_flight_in_one_browser(order: tuple[int, ...]) -> None:
    scene = Scene()
    tabs = [await scene.depart(return_to=f"/tab/{number}") for number in range(3)]
    assert len(scene.cookies) == 3
    for number in order:
        arrival = await scene.arrive(scene.far.authorize(tabs[number].url))
        assert arrival.return_to == f"/tab/{number}"


async def test_gap_5_an_error_is_shown_only_to_the_browser_that_asked() -> None:
    scene = Scene(error="access_denied")
    answer = scene.far.authorize((await scene.depart()).url)
    with pytest.raises(errors.AttemptUnknownError):
        await scene.arrive(answer, cookies={})
    with pytest.raises(errors.AttemptUnknownError):
        await scene.arrive([("error", "access_denied"), ("state", "invented"), ("iss", scene.idp.issuer)])
    with pytest.raises(errors.CancelledError):
        await scene.arrive(answer)


async def test_gap_6_discovery_and_keys_are_read_again_after_an_hour() -> None:
    scene = Scene()
    for minutes, reads in ((0, 1), (59, 1), (1, 2), (59, 2), (1, 3)):
        scene.pass_time(minutes=minutes)
        await scene.sign_in()
        assert (scene.far.asked.count("discovery"), scene.far.asked.count("jwks_uri")) == (reads, reads), minutes


async def test_gap_7_the_browser_holds_the_attempt_sealed() -> None:
    scene = Scene()
    departure = await scene.depart(return_to="/there", invitation="vit_secret")
    held = scene.cookies[departure.cookie.name]
    clear = b64url_decode(held)
    asked = scene.far.authorize(departure.url)
    state = dict(asked)["state"]
    for secret in (state, "vit_secret", "/there", "psc"):
        assert secret not in departure.cookie.name
        assert secret.encode() not in clear
    arrival = await scene.arrive(asked)
    assert (arrival.return_to, arrival.invitation) == ("/there", "vit_secret")


def altered(departure: Departure) -> str:
    value = departure.cookie.value
    return value[:40] + ("A" if value[40] != "A" else "B") + value[41:]


@pytest.mark.parametrize("bent", [altered, lambda _: "", lambda _: "nonsense!", lambda it: it.cookie.value[:50]])
async def test_gap_7_an_attempt_that_was_altered_is_none(bent: Callable[[Departure], str]) -> None:
    scene = Scene()
    departure = await scene.depart()
    answer = scene.far.authorize(departure.url)
    with pytest.raises(errors.AttemptUnknownError):
        await scene.arrive(answer, cookies={departure.cookie.name: bent(departure)})
    await scene.arrive(answer)


async def test_a_callback_is_answered_once() -> None:
    scene = Scene()
    answer = scene.far.authorize((await scene.depart()).url)
    await scene.arrive(answer)
    with pytest.raises(errors.AttemptUsedError):
        await scene.arrive(answer)


async def test_a_callback_in_another_browser_is_refused() -> None:
    """Login CSRF: the answer to the attacker's attempt, opened by the victim."""
    scene = Scene()
    answer = scene.far.authorize((await scene.depart()).url)
    with pytest.raises(errors.AttemptUnknownError):
        await scene.arrive(answer, cookies={})
    await scene.arrive(answer)


async def test_the_cookie_of_one_attempt_under_the_name_of_another_is_refused() -> None:
    scene = Scene()
    mine, other = await scene.depart(), await scene.depart()
    answer = scene.far.authorize(mine.url)
    with pytest.raises(errors.AttemptUnknownError):
        await scene.arrive(answer, cookies={mine.cookie.name: other.cookie.value})
    await scene.arrive(answer)


async def test_an_answer_at_the_address_of_another_provider_is_refused() -> None:
    """Mix-up: the attempt was begun at one provider, the answer comes to the redirect address of the other."""
    scene = Scene(staff(), person=STAFF)
    answer = scene.far.authorize((await scene.depart()).url)
    own = scene.idp
    scene.idp = psc()
    with pytest.raises(errors.ProviderMismatchError):
        await scene.arrive(answer)
    scene.idp = own
    await scene.arrive(answer)


async def test_a_used_attempt_is_remembered_for_as_long_as_it_could_be_answered() -> None:
    scene = Scene()
    await scene.sign_in()
    ((kind, key),) = scene.once.claimed
    assert kind == "sign_in_state"
    assert len(key) == 64
    assert scene.once.claimed[kind, key] == NOW + timedelta(minutes=10)


@pytest.mark.parametrize(
    "query",
    [
        lambda right: [pair for pair in right if pair[0] != "code"],
        lambda right: [pair for pair in right if pair[0] != "state"],
        lambda right: [*right, ("state", dict(right)["state"])],
        lambda right: [*right, ("code", "another")],
        lambda right: [*right, ("iss", EVIL)],
        lambda right: [*right, ("error", "access_denied")],
        lambda right: [(name, "" if name == "code" else value) for name, value in right],
        lambda right: [(name, "c" * 4097 if name == "code" else value) for name, value in right],
    ],
    ids=[
        "no code",
        "no state",
        "two states",
        "two codes",
        "two issuers",
        "code and error",
        "empty code",
        "endless code",
    ],
)
async def test_an_answer_that_could_be_read_two_ways_is_refused(query: Callable[..., list[tuple[str, str]]]) -> None:
    scene = Scene()
    right = scene.far.authorize((await scene.depart()).url)
    with pytest.raises(errors.ResponseMalformedError):
        await scene.arrive(query(right))
    await scene.arrive([*right, ("session_state", "s"), ("session_state", "t")])
