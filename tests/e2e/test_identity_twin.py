"""The simulated identity providers themselves: that what other tests sign in at behaves as the real ones are known to."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import psutil
import pytest

from tests.support.browser import Browser
from tests.support.identity import (
    LABEL,
    SECRET,
    BareClient,
    Listener,
    administer,
    as_json,
    by_certificate,
    client_at,
    listening,
    make_certificates,
    over_tls,
    query_of,
    running_twin,
    trusting,
)
from tests.support.service import free_port
from vigie.demo.identity import start_identity
from vigie.demo.twin import Twin, TwinUnavailableError, _npm_ci, issuer_config, twin_folder
from vigie.settings import Settings

pytestmark = pytest.mark.xdist_group("identity-twin")

WALLET = "/.well-known/wallet-openid-configuration"
SECTORAL = {"SubjectNameID", "SubjectRole", "SubjectRefPro", "otherIds", "Secteur_Activite"}


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Iterator[Twin]:
    psc = [
        client_at(listener.url, "vigie"),
        client_at(listener.url, "basic", token_endpoint_auth_method="client_secret_basic"),
        client_at(listener.url, "signed", userinfo_signed_response_alg="RS256"),
    ]
    staff = [client_at(listener.url, "vigie")]
    config = {
        "issuers": [
            issuer_config("pro_sante_connect", "Pro Santé Connect simulé", psc),
            issuer_config("generic", "Annuaire du prestataire", staff),
        ]
    }
    with running_twin(tmp_path_factory.mktemp("twin"), config) as twin:
        yield twin


def practitioners(twin: Twin, listener: Listener, client_id: str = "vigie", **more: Any) -> BareClient:
    return BareClient(twin.issuers["psc"] + WALLET, client_id, f"{listener.url}/callback", SECRET, **more)


def staff(twin: Twin, listener: Listener) -> BareClient:
    discovery = twin.issuers["staff"] + "/.well-known/openid-configuration"
    return BareClient(discovery, "vigie", f"{listener.url}/callback", SECRET, scope="openid profile email")


async def sign_in(browser: Browser, client: BareClient, who: str, **more: str) -> dict[str, str]:
    """Go through the pages as a person does; return what the callback would be given."""
    answer = await browser.open(client.authorization_url(**more), stop_at=client.redirect_uri)
    if answer.status_code == 200:  # no session yet: the page asks
        assert LABEL in answer.text
        answer = await browser.press(who, stop_at=client.redirect_uri)
    return query_of(answer)


def test_discovery_has_two_hosts_and_lists_nobody_should_believe(twin: Twin, listener: Listener) -> None:
    client = practitioners(twin, listener)
    document = client.metadata()
    assert document["issuer"] == twin.issuers["psc"]
    assert document["issuer"].endswith("/auth/realms/esante-wallet")
    port = twin.origin.rpartition(":")[2]
    assert document["authorization_endpoint"] == f"http://localhost:{port}/auth"
    for name, path in {
        "token_endpoint": "token",
        "userinfo_endpoint": "userinfo",
        "jwks_uri": "certs",
        "end_session_endpoint": "logout",
        "introspection_endpoint": "token/introspect",
    }.items():
        assert document[name] == f"{twin.issuers['psc']}/protocol/openid-connect/{path}"
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["backchannel_logout_supported"] is True
    assert document["acr_values_supported"] == ["0", "0"]
    assert "HS256" in document["id_token_signing_alg_values_supported"]
    assert not SECTORAL & set(document["claims_supported"])
    with client.http() as http:
        stock = http.get(twin.issuers["psc"] + "/.well-known/openid-configuration").json()
    assert stock["issuer"] == document["issuer"]
    assert stock["authorization_endpoint"] != document["authorization_endpoint"]


async def test_a_practitioner_signs_in_and_only_userinfo_knows_the_profession(twin: Twin, listener: Listener) -> None:
    client = practitioners(twin, listener)
    async with Browser() as browser:
        answer = await sign_in(browser, client, "Dr Camille Paz", acr_values="eidas1")
    assert answer["state"] == client.state
    assert answer["iss"] == twin.issuers["psc"]
    tokens = client.exchange(answer["code"])
    assert tokens.status_code == 200, tokens.text
    given = tokens.json()
    assert given["expires_in"] == 120
    assert given["refresh_token"]
    claims = client.verified(given["id_token"], issuer=twin.issuers["psc"])
    assert claims["acr"] == "eidas1"
    assert claims["nonce"] == client.nonce
    assert {"sid", "auth_time", "amr"} <= claims.keys()
    assert not SECTORAL & claims.keys()
    person = client.userinfo(given["access_token"]).json()
    assert person["sub"] == claims["sub"]
    assert person.keys() >= SECTORAL
    activities = [len(one["activities"]) for one in person["SubjectRefPro"]["exercices"]]
    assert activities == [2, 1]
    again = client.token(grant_type="refresh_token", refresh_token=given["refresh_token"])
    assert again.json()["expires_in"] == 120


async def test_the_token_endpoint_refuses_what_it_must(twin: Twin, listener: Listener) -> None:
    """Each refusal beside the same exchange accepted with one thing changed."""
    for named, changed in {
        "verifier": {"code_verifier": "A" * 43},
        "redirect": {"redirect_uri": f"{listener.url}/other"},
        "code": {"code": "unknown"},
    }.items():
        client = practitioners(twin, listener)
        async with Browser() as browser:
            answer = await sign_in(browser, client, "Dr Camille Paz")
            assert client.exchange(answer["code"], **changed).json()["error"] == "invalid_grant", named
            answer = await sign_in(browser, client, "Dr Camille Paz")
        assert client.exchange(answer["code"]).status_code == 200, named
        assert client.exchange(answer["code"]).json()["error"] == "invalid_grant"  # a code is good for one time
    basic = practitioners(twin, listener, "basic", auth="client_secret_basic")
    async with Browser() as browser:
        answer = await sign_in(browser, basic, "Dr Camille Paz")
        assert basic.exchange(answer["code"]).status_code == 200
        basic.secret = "wrong"
        assert basic.exchange(answer["code"]).json()["error"] == "invalid_client"


async def test_userinfo_can_come_signed(twin: Twin, listener: Listener) -> None:
    client = practitioners(twin, listener, "signed")
    async with Browser() as browser:
        answer = await sign_in(browser, client, "Dr Camille Paz")
    tokens = client.exchange(answer["code"]).json()
    told = client.userinfo(tokens["access_token"])
    assert told.headers["content-type"].startswith("application/jwt")
    person = client.verified(told.text, issuer=twin.issuers["psc"])
    assert person["SubjectRole"] == ["40^1.2.250.1.213.1.1.5.5"]


async def test_personas_cover_the_shapes_that_trip_clients(twin: Twin, listener: Listener) -> None:
    found: dict[str, dict[str, Any]] = {}
    acr: dict[str, str] = {}
    for who in ("Dr Hugo Moreau", "Zoé Lenoir", "Nora Petit"):
        client = practitioners(twin, listener)
        async with Browser() as browser:
            answer = await sign_in(browser, client, who)
        tokens = client.exchange(answer["code"]).json()
        found[who] = client.userinfo(tokens["access_token"]).json()
        acr[who] = client.verified(tokens["id_token"])["acr"]
    assert acr["Dr Hugo Moreau"] == "eidas3"  # what the sandbox was seen to return
    student = found["Zoé Lenoir"]["SubjectRefPro"]["exercices"][0]
    assert (student["codeProfession"], student["codeCategorieProfessionnelle"]) == ("40", "E")
    assert "SubjectRefPro" not in found["Nora Petit"]
    assert found["Nora Petit"]["SubjectNameID"].startswith("ANS")


async def test_staff_sign_in_at_the_generic_issuer(twin: Twin, listener: Listener) -> None:
    client = staff(twin, listener)
    async with Browser() as browser:
        answer = await sign_in(browser, client, "Ana Lopes")
    tokens = client.exchange(answer["code"]).json()
    claims = client.verified(tokens["id_token"], issuer=twin.issuers["staff"])
    assert (claims["name"], claims["email"], claims["email_verified"]) == ("Ana Lopes", "ana@atlas.example", True)
    assert claims["amr"] == ["pwd", "mfa"]
    assert "acr" not in claims


async def test_going_back_is_an_error_that_names_its_issuer(twin: Twin, listener: Listener) -> None:
    client = practitioners(twin, listener)
    async with Browser() as browser:
        answer = await sign_in(browser, client, "Annuler")
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", client.state, twin.issuers["psc"])


async def test_signing_out_ends_the_session_and_tells_the_back_channel(twin: Twin, listener: Listener) -> None:
    client = practitioners(twin, listener)
    async with Browser() as browser:
        tokens = client.exchange((await sign_in(browser, client, "Dr Camille Paz"))["code"]).json()
        sid = client.verified(tokens["id_token"])["sid"]
        silently = await browser.open(client.authorization_url(), stop_at=client.redirect_uri)
        assert "code" in query_of(silently)  # the session at the provider lives
        listener.heard.clear()
        ending = httpx.URL(
            client.metadata()["end_session_endpoint"],
            params={
                "id_token_hint": tokens["id_token"],
                "post_logout_redirect_uri": f"{listener.url}/bye",
                "state": "done",
            },
        )
        asked = await browser.open(str(ending))
        assert LABEL in asked.text
        back = await browser.press("Oui, me déconnecter", stop_at=f"{listener.url}/bye")
        assert query_of(back) == {"state": "done"}
        assert (await browser.open(client.authorization_url(), stop_at=client.redirect_uri)).status_code == 200
    [token] = listener.heard
    claims = client.verified(token, issuer=twin.issuers["psc"])
    assert jwt.get_unverified_header(token)["typ"] == "logout+jwt"
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert claims["sid"] == sid
    assert "jti" in claims
    assert "nonce" not in claims


async def test_an_administrator_can_end_sessions_and_change_what_is_asserted(twin: Twin, listener: Listener) -> None:
    client = practitioners(twin, listener)
    async with Browser() as browser:
        before = client.exchange((await sign_in(browser, client, "Dr Hugo Moreau"))["code"]).json()
        listener.heard.clear()
        told = administer(twin, "end-sessions", "psc", persona="moreau")["told"]
        assert {one["outcome"] for one in told} == {"done"}
        assert client.verified(listener.heard[0])["sub"] == client.verified(before["id_token"])["sub"]
        change = {"sub": "6f1f9a3e-1111-4222-8333-944445555666", "acr": "eidas2", "claims": {"SubjectRefPro": None}}
        administer(twin, "change", "psc", persona="moreau", change=as_json(change))
        after = client.exchange((await sign_in(browser, client, "Dr Hugo Moreau"))["code"]).json()
    claims = client.verified(after["id_token"])
    assert (claims["sub"], claims["acr"]) == (change["sub"], "eidas2")
    person = client.userinfo(after["access_token"]).json()
    assert "SubjectRefPro" not in person
    assert person["SubjectNameID"].startswith("8999999")


def test_administration_needs_its_token(twin: Twin) -> None:
    form = {"issuer": "psc", "persona": "nobody"}
    for headers, status in [({}, 404), ({"Authorization": "Bearer wrong"}, 404)]:
        answer = httpx.post(f"{twin.origin}/_twin/end-sessions", data=form, headers=headers, trust_env=False)
        assert answer.status_code == status
    assert administer(twin, "end-sessions", "psc", persona="nobody") == {"told": []}


async def test_keys_rotate_with_or_without_overlap(twin: Twin, listener: Listener) -> None:
    client = practitioners(twin, listener)
    async with Browser() as browser:
        first = client.exchange((await sign_in(browser, client, "Dr Camille Paz"))["code"]).json()["id_token"]
        kid = administer(twin, "rotate-keys", "psc")["kid"]
        second = client.exchange((await sign_in(browser, client, ""))["code"]).json()["id_token"]
        assert jwt.get_unverified_header(first)["kid"] != kid == jwt.get_unverified_header(second)["kid"]
        client.verified(first)  # the old key is still published
        administer(twin, "rotate-keys", "psc", keep_old="no")
        with pytest.raises(KeyError):
            client.verified(second)
        client.verified(client.exchange((await sign_in(browser, client, ""))["code"]).json()["id_token"])


async def test_every_page_carries_the_label(twin: Twin, listener: Listener) -> None:
    client = practitioners(twin, listener)
    ending = client.metadata()["end_session_endpoint"]
    async with Browser() as browser:
        pages = [
            (twin.origin + "/", 200),
            (twin.origin + "/nowhere", 404),
            (client.authorization_url(), 200),
            (client.authorization_url(redirect_uri="https://elsewhere.example/"), 400),
            (client.authorization_url(client_id="stranger"), 400),
            (twin.issuers["psc"] + "/interaction/unknown", 400),
            (ending, 200),  # the library's own self-submitting form
        ]
        for address, status in pages:
            page = await browser.open(address)
            assert (page.status_code, LABEL in page.text) == (status, True), address
            assert ("<script" in page.text) == (address == ending), address  # the others need no JavaScript
        await browser.press("Continue")
        assert LABEL in browser.page.text
        assert "Vous êtes déconnecté" in browser.page.text


async def test_a_client_certificate_replaces_the_secret(tmp_path: Path, listener: Listener) -> None:
    certificates = make_certificates(tmp_path / "tls", "vigie", "other")
    config = {
        "tls": over_tls(certificates),
        "issuers": [
            issuer_config("pro_sante_connect", "Pro Santé Connect simulé", [by_certificate(listener.url, "vigie")])
        ],
    }
    with running_twin(tmp_path, config) as twin:
        client = practitioners(twin, listener, auth="tls_client_auth", tls=trusting(certificates, "vigie"))
        assert client.metadata()["mtls_endpoint_aliases"]["token_endpoint"] == client.metadata()["token_endpoint"]
        async with Browser(tls=trusting(certificates)) as browser:
            answer = await sign_in(browser, client, "Dr Camille Paz")
            for wrong in (trusting(certificates), trusting(certificates, "other")):
                client.tls = wrong
                assert client.exchange(answer["code"]).json()["error"] == "invalid_client"
            client.tls = trusting(certificates, "vigie")
            tokens = client.exchange(answer["code"])
            assert tokens.status_code == 200, tokens.text
        token = tokens.json()["access_token"]
        assert client.userinfo(token).json()["SubjectRole"]
        client.tls = trusting(certificates)
        assert client.userinfo(token).json()["error"] == "invalid_token"  # bound to the certificate


async def test_the_twin_never_outlives_who_started_it(twin: Twin) -> None:
    program = (
        "import subprocess, sys, time\n"
        "twin = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)\n"
        "twin.stdout.readline(); print(twin.pid, flush=True); time.sleep(60)\n"
    )
    arguments = twin.process.args
    assert isinstance(arguments, list)
    starter = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, *map(str, arguments)), stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    pid = int(await asyncio.wait_for(starter.stdout.readline(), 30))
    try:
        assert psutil.pid_exists(pid)
        starter.kill()  # without notice
        await starter.wait()
        for _ in range(100):
            if not psutil.pid_exists(pid):
                break
            await asyncio.sleep(0.05)
        assert not psutil.pid_exists(pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_demo_without_identity_providers_says_why(tmp_path: Path, twin: Twin) -> None:
    told: list[str] = []
    settings = Settings(data_dir=tmp_path, public_url="http://127.0.0.1:9")
    taken = int(twin.origin.rpartition(":")[2])
    assert start_identity(settings, taken, told.append) is None
    assert "address already in use" in told[0]
    found = start_identity(settings, free_port(), told.append)  # the same with another port
    assert found is not None
    found.stop()
    assert found.twin.process.returncode == 0
    with pytest.raises(TwinUnavailableError, match="npm could not install"):
        _npm_ci(tmp_path)  # where no lock file is


def test_rpps_like_numbers_hold_their_key_and_say_that_they_are_invented() -> None:
    people = json.loads((twin_folder() / "personas.json").read_text())
    numbers = [one["claims"]["SubjectNameID"][1:] for one in people["pro_sante_connect"]]
    numbers = [number for number in numbers if number.isdigit() and len(number) == 11]
    assert len(numbers) == 3
    for number in numbers:
        doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(number))]
        assert sum(value - 9 * (value > 9) for value in doubled) % 10 == 0
        assert number.startswith("999999")
    assert "invented" in people["about"]
