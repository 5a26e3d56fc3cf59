"""Signing in, whole: the service as it runs, identity providers beside it, browsers that know only addresses and words."""

import os
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.browser import Browser
from tests.support.database import Server
from tests.support.house import PSC, STAFF, House, open_house, start_issuers, whole
from vigie.cli_people import invite_member
from vigie.demo.identity import PERSONAS, DemoIdentity
from vigie.people.invitations import NewInvitation
from vigie.people.members import Standing

pytestmark = [
    pytest.mark.xdist_group("identity-service"),
    pytest.mark.slow(reason="starts the API and identity providers as real processes"),
]

PAZ = "Dr Camille Paz"


@pytest.fixture(scope="module")
def own_database(server: Server) -> Iterator[str]:
    name = f"vigie_signing_in_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    yield server.clone(name)
    server.drop(name)


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory, own_database: str, key_file: Path) -> Iterator[DemoIdentity]:
    found = start_issuers(tmp_path_factory.mktemp("data"), own_database, key_file)
    yield found
    found.stop()


@pytest.fixture(scope="module")
async def house(identity: DemoIdentity) -> AsyncIterator[House]:
    async with open_house(identity) as found:
        yield found


async def test_everybody_signs_in_and_sees_what_is_theirs(house: House) -> None:
    seen = {}
    for persona in PERSONAS:
        async with Browser() as browser:
            page = await house.sign_in(browser, PSC if persona.idp == "psc" else STAFF, persona.name)
            assert page.status_code == 200, whole(house.log)
            assert str(page.url) == house.url + ("/my-practice" if persona.role == "practitioner" else "/practices")
            assert persona.name.split()[-1].upper() in page.text.upper()
            me = (await house.me(browser)).json()
            assert me["role"] == persona.role
            listed = (await browser.http.get(f"{house.url}/v1/practices")).json()["items"]
            audit = await browser.http.get(f"{house.url}/v1/audit")
            seen[persona.role] = (len(listed), audit.status_code)
    assert seen == {"owner": (7, 200), "technician": (5, 403), "auditor": (7, 200), "practitioner": (1, 403)}


async def test_expecting_people_again_changes_nothing(house: House) -> None:
    async with Browser() as browser:
        await house.sign_in(browser, STAFF, "Ana Lopes")
        before = await everybody(house, browser)
        await house.meet()
        assert await everybody(house, browser) == before


async def everybody(house: House, browser: Browser) -> list[object]:
    """Return every member and every invitation that an owner sees."""
    pages = [await browser.http.get(f"{house.url}/v1/{name}") for name in ("members", "invitations")]
    return [[item["id"] for item in page.json()["items"]] for page in pages]


async def test_who_was_not_invited_is_told_what_to_do(house: House) -> None:
    for door, who in [(PSC, "Dr Hugo Moreau"), (STAFF, "Sacha Roy"), (PSC, "Nora Petit")]:
        async with Browser() as browser:
            page = await house.sign_in(browser, door, who)
            assert page.status_code == 403, who
            assert "sign_in.no_access" in page.text
            assert "Cabinet" not in page.text
            assert (await house.me(browser)).status_code == 401


async def test_going_back_at_the_identity_provider_opens_nothing(house: House) -> None:
    async with Browser() as browser:
        page = await house.sign_in(browser, PSC, "Annuler")
        assert "sign_in.cancelled" in page.text
        assert (await house.me(browser)).status_code == 401
        page = await house.sign_in(browser, PSC, PAZ)  # the same with another button
        assert (await house.me(browser)).json()["role"] == "practitioner"


async def test_signing_out_ends_both_sessions(house: House) -> None:
    async with Browser() as browser:
        await house.sign_in(browser, PSC, PAZ)
        kept = dict(browser.http.cookies)
        await browser.open(f"{house.url}/auth/account")
        await browser.press("Se déconnecter")
        assert (await house.me(browser)).status_code == 401  # here at once, whatever happens there
        await browser.follow("Continuer")
        page = await browser.press("Oui, me déconnecter")
        assert str(page.url).startswith(f"{house.url}/auth/logged-out")
        assert page.status_code == 200
        browser.http.cookies.update(kept)  # whoever copied the cookie before has nothing
        assert (await house.me(browser)).status_code == 401


async def test_a_session_that_ends_at_the_provider_ends_here(house: House) -> None:
    ending = f"{house.identity.twin.issuers['psc']}/protocol/openid-connect/logout"
    async with Browser() as browser, Browser() as other:
        await house.sign_in(browser, PSC, PAZ)
        await house.sign_in(other, PSC, PAZ)
        assert [(await house.me(one)).status_code for one in (browser, other)] == [200, 200]
        await browser.open(ending)  # the person signs out at the identity provider, not here
        await browser.press("Oui, me déconnecter")
        assert (await house.me(browser)).status_code == 401
        assert (await house.me(other)).status_code == 200  # another session there is another session here


async def test_one_person_after_the_other_in_the_same_browser(house: House) -> None:
    async with Browser() as browser:
        await house.sign_in(browser, STAFF, "Ana Lopes")
        assert (await house.me(browser)).json()["role"] == "owner"
        await house.sign_in(browser, STAFF, "Tom Girard")
        await browser.press(
            "Continue"
        )  # the form by which the provider ends the first person's session; scripts press it
        assert (await house.me(browser)).json()["role"] == "technician"


async def test_an_invitation_link_lets_one_person_in(house: House) -> None:
    new = NewInvitation(standing=Standing("owner"), label="Sacha", lifetime=timedelta(days=1))
    link = await invite_member(house.identity.settings, house.provider_id, new)
    assert link is not None
    assert link.startswith(f"{house.url}/auth/invitation#vit_")
    async with Browser() as browser:
        await browser.open(link.partition("#")[0])
        await browser.press("Continuer", token=link)
        await browser.follow(STAFF)
        page = await browser.press("Sacha Roy")
        assert str(page.url) == f"{house.url}/practices", page.text
        assert (await house.me(browser)).json()["role"] == "owner"
    async with Browser() as other:
        await other.open(link.partition("#")[0])
        page = await other.press("Continuer", token=link)
        assert "invitation.used" in page.text


async def test_the_log_tells_of_a_refusal_and_nothing_secret(house: House) -> None:
    async with Browser() as browser:
        await house.sign_in(browser, PSC, PAZ)
        secrets = [value for value in dict(browser.http.cookies).values() if len(value) > 20]
        codes = [
            answer for address in browser.addresses for answer in parse_qs(urlsplit(address).query).get("code", [])
        ]
        await browser.open(f"{house.url}/auth/account")
        await browser.press("Se déconnecter")
        await house.sign_in(browser, PSC, "Annuler")
    log = whole(house.log)
    assert '"error":"access_denied"' in log
    assert len(codes) == 1
    for secret in (*secrets, *codes, "99999900014", "vit_", "vss_", "eyJ"):
        assert secret not in log
