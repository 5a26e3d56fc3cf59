"""The relying party by itself at the certified twin of Pro Santé Connect: everything but pages, sessions and places."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.support.browser import Browser
from tests.support.identity import (
    Listener,
    administer,
    as_json,
    by_certificate,
    client_at,
    listening,
    make_certificates,
    over_tls,
    running_twin,
    trusting,
)
from tests.support.signing_in import Journey, relying_party, simulated_psc
from vigie.auth.oidc.errors import (
    AttemptUnknownError,
    AttemptUsedError,
    CancelledError,
    ClientRefusedError,
    LogoutReplayedError,
    ProviderMismatchError,
)
from vigie.auth.oidc.logout import logout_url, receive_logout
from vigie.auth.oidc.party import RelyingParty
from vigie.core.outbound import ClientCertificate
from vigie.demo.twin import Twin, issuer_config
from vigie.settings import Settings

pytestmark = pytest.mark.xdist_group("identity-party")

PAZ = "Dr Camille Paz"
UNVERIFIED: Any = {"verify_signature": False}


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Iterator[Twin]:
    clients = [
        client_at(listener.url, "vigie"),
        client_at(listener.url, "basic", token_endpoint_auth_method="client_secret_basic"),
        client_at(listener.url, "signed", userinfo_signed_response_alg="RS256"),
    ]
    config = {"issuers": [issuer_config("pro_sante_connect", "Pro Santé Connect simulé", clients)]}
    with running_twin(tmp_path_factory.mktemp("twin"), config) as twin:
        yield twin


@pytest.fixture
async def party(settings: Settings) -> AsyncIterator[RelyingParty]:
    async with relying_party(settings) as found:
        yield found


@pytest.fixture
async def journey(party: RelyingParty, twin: Twin, listener: Listener) -> AsyncIterator[Journey]:
    found = Journey(party, simulated_psc(twin, "vigie"), f"{listener.url}/callback")
    yield found
    await found.browser.http.aclose()


async def test_a_dentist_signs_in_with_everything_that_is_known_of_them(journey: Journey, twin: Twin) -> None:
    arrival = await journey.sign_in(PAZ, return_to="/practices?x=1", invitation="opaque")
    assert (arrival.return_to, arrival.invitation) == ("/practices?x=1", "opaque")
    who = arrival.identity
    assert (who.issuer, who.acr, who.name) == (twin.issuers["psc"], "eidas1", "CAMILLE PAZ")
    assert who.sid is not None
    assert who.email is None
    assert who.auth_time is not None
    professional = who.professional
    assert professional is not None
    assert professional.rpps == "99999900014"
    assert professional.rpps_key_valid is True
    assert professional.professions == {"40"}
    modes = [[activity.mode for activity in exercise.activities] for exercise in professional.exercises]
    assert modes == [["L", "L"], ["S"]]
    assert {other.origin for other in professional.other_ids} == {"RPPS"}
    assert "99999900014" not in repr(arrival)


async def test_who_carries_a_profession(journey: Journey) -> None:
    cases: list[tuple[str, str | None, set[str], str]] = [
        ("Dr Hugo Moreau", "99999900022", {"10"}, "eidas3"),
        ("Zoé Lenoir", "99999900030", set(), "eidas1"),  # a student: the profession's code, another category
        ("Nora Petit", None, set(), "eidas1"),  # no SubjectRefPro at all
    ]
    for who, rpps, professions, acr in cases:
        await journey.change_browser()
        found = (await journey.sign_in(who)).identity
        assert found.professional is not None
        assert (found.professional.rpps, found.acr) == (rpps, acr), who
        assert set(found.professional.professions) == professions, who


async def test_each_way_of_authenticating_ourselves(journey: Journey, twin: Twin) -> None:
    for client_id, method in [("vigie", "client_secret_post"), ("basic", "client_secret_basic")]:
        journey.idp = simulated_psc(twin, client_id, token_auth=method)
        assert (await journey.sign_in(PAZ)).identity.professional is not None
        journey.idp = simulated_psc(twin, client_id, token_auth=method, client_secret="wrong")
        with pytest.raises(ClientRefusedError):
            await journey.sign_in(PAZ)
    journey.idp = simulated_psc(twin, "signed")
    professional = (await journey.sign_in(PAZ)).identity.professional
    assert professional is not None
    assert professional.rpps == "99999900014"


async def test_a_callback_is_good_for_one_time_one_browser_one_provider(journey: Journey, twin: Twin) -> None:
    await journey.travel(PAZ)
    mine = dict(journey.cookies)
    journey.cookies.clear()
    with pytest.raises(AttemptUnknownError):
        await journey.arrive()
    journey.cookies.update(mine)
    assert (await journey.arrive()).identity.acr == "eidas1"
    with pytest.raises(AttemptUsedError):
        await journey.arrive()
    await journey.travel(PAZ)
    journey.idp = simulated_psc(twin, "vigie", id="other")
    with pytest.raises(ProviderMismatchError):
        await journey.arrive()
    journey.idp = simulated_psc(twin, "vigie")
    await journey.change_browser()
    await journey.travel("Annuler")
    with pytest.raises(CancelledError):
        await journey.arrive()


async def test_two_tabs_side_by_side(journey: Journey) -> None:
    await journey.travel(PAZ, return_to="/first")
    first = list(journey.query)
    second = await journey.sign_in(PAZ, return_to="/second")
    journey.query = first
    assert (second.return_to, (await journey.arrive()).return_to) == ("/second", "/first")


async def test_new_keys_are_found_when_a_token_names_them(journey: Journey, twin: Twin) -> None:
    before = (await journey.sign_in(PAZ)).identity
    administer(twin, "rotate-keys", "psc", keep_old="no")
    after = (await journey.sign_in(PAZ)).identity
    assert before.subject == after.subject


async def test_a_fresh_authentication_is_asked_for_and_seen(journey: Journey) -> None:
    before = (await journey.sign_in(PAZ)).identity
    silent = (await journey.sign_in(PAZ)).identity
    assert silent.auth_time == before.auth_time
    url = await journey.depart(reauthenticate=True)
    page = await journey.browser.open(url, stop_at=journey.redirect_uri)
    assert page.status_code == 200  # the person is asked although the session at the provider lives
    assert PAZ in page.text


async def test_a_subject_that_changed_comes_with_the_same_number(journey: Journey, twin: Twin) -> None:
    before = (await journey.sign_in("Dr Hugo Moreau")).identity
    administer(twin, "end-sessions", "psc", persona="moreau")
    change: dict[str, Any] = {"sub": "0b8f7a52-2222-4333-8444-955555666777"}
    administer(twin, "change", "psc", persona="moreau", change=as_json(change))
    after = (await journey.sign_in("Dr Hugo Moreau")).identity
    assert (before.subject == after.subject, after.subject) == (False, change["sub"])
    assert before.professional is not None
    assert after.professional is not None
    assert before.professional.national_id == after.professional.national_id


async def test_the_logout_notice_of_the_provider_is_understood_once(
    journey: Journey, twin: Twin, listener: Listener
) -> None:
    who = (await journey.sign_in(PAZ)).identity
    listener.heard.clear()
    administer(twin, "end-sessions", "psc", persona="paz")
    now = datetime.now(UTC)
    # Other tests' sessions of this persona end as well, those of other clients among them: theirs are not for us.
    ours = [token for token in listener.heard if jwt.decode(token, options=UNVERIFIED)["aud"] == journey.idp.client_id]
    notices = [await receive_logout(journey.party, journey.idp, token, now) for token in ours]
    assert (who.issuer, who.subject, who.sid) in {(one.issuer, one.subject, one.sid) for one in notices}
    with pytest.raises(LogoutReplayedError):
        await receive_logout(journey.party, journey.idp, ours[0], now)


async def test_signing_out_at_the_provider_leads_back(journey: Journey, listener: Listener) -> None:
    who = (await journey.sign_in(PAZ)).identity
    back = f"{listener.url}/bye"
    url = await logout_url(
        journey.party, journey.idp, id_token=who.id_token, return_uri=back, state="s1", now=datetime.now(UTC)
    )
    assert url is not None
    await journey.browser.open(url)
    answer = await journey.browser.press("Oui, me déconnecter", stop_at=back)
    assert answer.headers["location"] == f"{back}?state=s1"
    page = await journey.browser.open(await journey.depart(), stop_at=journey.redirect_uri)
    assert page.status_code == 200  # the session at the provider is over


async def test_a_client_certificate_opens_the_back_channel(
    tmp_path: Path, settings: Settings, listener: Listener
) -> None:
    folder = make_certificates(tmp_path / "tls", "vigie", "other")
    clients = [by_certificate(listener.url, "vigie")]
    config = {"tls": over_tls(folder), "issuers": [issuer_config("pro_sante_connect", "PSC simulé", clients)]}
    with running_twin(tmp_path, config) as twin:
        async with relying_party(settings, folder / "ca.pem") as party, Browser(trusting(folder)) as browser:
            for name in ("other", "vigie"):
                certificate = ClientCertificate(folder / f"{name}.pem", folder / f"{name}.key")
                idp = simulated_psc(twin, "vigie", token_auth="tls_client_auth", certificate=certificate)
                journey = Journey(party, idp, f"{listener.url}/callback", browser)
                if name == "other":
                    with pytest.raises(ClientRefusedError):
                        await journey.sign_in(PAZ)
                else:  # token and userinfo, which is bound to the certificate
                    assert (await journey.sign_in(PAZ)).identity.professional is not None
