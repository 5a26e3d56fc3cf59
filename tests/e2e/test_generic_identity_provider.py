"""Any other issuer: the provider's staff signs in at an independent, real one (Canaille), with a password and a consent."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest

from tests.conftest import missing_tool
from tests.support.identity import SECRET, BareClient
from tests.support.signing_in import Journey, relying_party, simulated_staff
from vigie.auth.oidc.errors import CancelledError, ClientRefusedError, TokenAlgorithmError
from vigie.auth.oidc.party import RelyingParty
from vigie.settings import Settings

pytestmark = pytest.mark.xdist_group("identity-staff")

ADDRESS = "http://127.0.0.1:9"  # nobody listens there: the browser stops before it
PASSWORD = "correct horse battery staple"
UNVERIFIED: Any = {"verify_signature": False}


def registered(**more: Any) -> dict[str, Any]:
    return {
        "client_id": "vigie",
        "client_name": "Vigie",
        "client_secret": SECRET,
        "redirect_uris": [f"{ADDRESS}/callback"],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "scope": ["openid", "profile", "email"],
        "token_endpoint_auth_method": "client_secret_basic",
        **more,
    }


def person(name: str, given: str, family: str) -> dict[str, Any]:
    return {
        "user_name": name,
        "emails": [f"{name}@atlas.example"],
        "given_name": given,
        "family_name": family,
        "formatted_name": f"{given} {family}",
        "password": PASSWORD,
    }


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """Canaille with three people, and several registrations of ours.

    Its store in memory joins the conditions of a query by *or*: a code that is left over is found in place of the next one
    of the same client, and a consent to one client is one to all. So who is refused comes as a client of their own.
    """
    if find_spec("pytest_iam") is None:
        missing_tool("pytest-iam")
    clients = [
        *(registered(client_id=name, id_token_signed_response_alg="RS256") for name in ("vigie", "denied", "guessing")),
        registered(client_id="as-it-comes"),  # signed with what the issuer prefers
    ]
    people = [person("ana", "Ana", "Lopes"), person("tom", "Tom", "Girard"), person("ines", "Inès", "Duval")]
    wanted = {"clients": clients, "people": people}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.staff_directory"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdin.write(json.dumps(wanted).encode() + b"\n")
        process.stdin.flush()
        yield json.loads(process.stdout.readline())["issuer"]
        process.stdin.close()
        process.wait(10)


@pytest.fixture
async def party(settings: Settings) -> AsyncIterator[RelyingParty]:
    async with relying_party(settings) as found:
        yield found


@pytest.fixture
async def journey(party: RelyingParty, issuer: str) -> AsyncIterator[Journey]:
    found = Journey(party, simulated_staff(issuer, "vigie"), f"{ADDRESS}/callback")
    yield found
    await found.browser.http.aclose()


async def sign_in_there(journey: Journey, who: str, answer: str = "Accept") -> None:
    """Give name, password and, the first time, consent, as at any issuer; the journey is then at its callback."""
    browser = journey.browser
    await browser.open(await journey.depart(), stop_at=ADDRESS)
    await browser.press("Continue", login=who)
    back = await browser.press("Sign in", password=PASSWORD, stop_at=ADDRESS)
    if not back.is_redirect:
        back = await browser.press(answer, stop_at=ADDRESS)
    journey.query = parse_qsl(urlsplit(back.headers["location"]).query)


async def test_staff_sign_in_at_an_independent_issuer(journey: Journey, issuer: str) -> None:
    await sign_in_there(journey, "ana")
    who = (await journey.arrive()).identity
    assert (who.issuer, who.subject, who.name) == (issuer, "ana", "Ana Lopes")
    assert who.professional is None
    assert who.email is None  # the issuer does not say that it verified the address
    claims = jwt.decode(who.id_token, options=UNVERIFIED)
    assert isinstance(claims["auth_time"], float)  # an oddity of this issuer: a fraction of a second
    assert who.auth_time is not None
    assert abs(datetime.now(UTC) - who.auth_time) < timedelta(minutes=1)


async def test_two_people_are_two_subjects(journey: Journey) -> None:
    found = set()
    for who in ("ana", "tom"):
        await journey.change_browser()
        await sign_in_there(journey, who)
        found.add((await journey.arrive()).identity.subject)
    assert found == {"ana", "tom"}


async def test_what_is_refused_beside_what_is_accepted(journey: Journey, issuer: str) -> None:
    """The accepted sign-in with one thing changed each time."""
    journey.idp = simulated_staff(issuer, client_id="denied")
    await sign_in_there(journey, "ines", "Deny")
    with pytest.raises(CancelledError):
        await journey.arrive()
    cases: list[tuple[dict[str, Any], type[Exception] | None]] = [
        ({"client_id": "guessing", "client_secret": "wrong"}, ClientRefusedError),
        ({"client_id": "as-it-comes"}, TokenAlgorithmError),  # it signs with RS512, which nobody configured
        ({"client_id": "as-it-comes", "algorithms": ("RS512",)}, None),
        ({"max_age_s": 600}, None),
        ({}, None),
    ]
    for changed, refusal in cases:
        journey.idp = simulated_staff(issuer, **{"client_id": "vigie", **changed})
        await journey.change_browser()
        await sign_in_there(journey, "ana")
        if refusal is not None:
            with pytest.raises(refusal):
                await journey.arrive()
        else:
            assert (await journey.arrive()).identity.subject == "ana", changed


def test_this_issuer_is_as_odd_as_we_take_it_to_be(issuer: str) -> None:
    document = BareClient(f"{issuer}/.well-known/openid-configuration", "vigie", f"{ADDRESS}/callback").metadata()
    assert document["issuer"] == issuer
    assert "end_session_endpoint" in document
    assert "backchannel_logout_supported" not in document
