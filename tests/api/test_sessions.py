"""Sessions of people: who they are, how long they hold, how they end, everywhere and within a second."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import PUBLIC_URL
from tests.support.audit import entries, last_number
from tests.support.cast import Cast
from tests.support.front_door import Visitor, World, new_rpps
from tests.support.people import browser
from tests.support.refusals import refusal
from tests.support.rows import fetch
from vigie.app import create_app
from vigie.auth.sessions import end_session
from vigie.core.db import Database
from vigie.settings import Settings

NOBODY = (401, "auth.unauthenticated")


@pytest.fixture
def settings(front_settings: Settings) -> Settings:
    return front_settings


@pytest.fixture
def app(front_app: FastAPI) -> FastAPI:
    return front_app


async def came_in(cast: Cast, visitor: Visitor, role: str = "technician", idp: str = "staff") -> dict[str, Any]:
    """Let the visitor in by a link; return who they are."""
    more = {"practice_id": cast.cedar} if role.startswith("practi") else {}
    made = await (await cast.ana()).post("/v1/invitations", {"role": role, "label": "whom it is for", **more})
    await visitor.follow(made["link"])
    assert (await visitor.sign_in(idp)).status_code == 303, visitor.last.text
    found: dict[str, Any] = await visitor.me()
    return found


def another(visitor: Visitor) -> Visitor:
    """Return a browser on another machine."""
    return Visitor(browser(visitor.http), visitor.world)


async def is_in(visitor: Visitor) -> bool:
    """Whether the service knows who is behind a browser."""
    return (await visitor.http.get("/v1/me")).status_code == 200


async def is_out_within_a_second(client: httpx.AsyncClient) -> None:
    """Ask every few milliseconds, so that the session stays remembered, until nobody is known; a second at most."""
    started = time.monotonic()
    while (await client.get("/v1/me")).status_code == 200:
        assert time.monotonic() - started < 1
        await asyncio.sleep(0.02)


# --- how long they hold --------------------------------------------------------------------------------------------


async def test_everybody_sees_what_their_role_and_their_practices_are(cast: Cast) -> None:
    everything, cedar = {"Cedar", "Elm"}, {"Cedar"}
    cases = [
        (cast.ana, everything),
        (cast.tom, cedar),
        (cast.lea, everything),
        (cast.ivo, everything),
        (cast.paz, cedar),
        (cast.zoe, cedar),
        (cast.bea, {"Fir"}),
    ]
    for make, practices in cases:
        person = await make()
        assert {row["name"] for row in (await person.get("/v1/practices"))["items"]} == practices, person.name


async def test_the_limits_are_those_of_the_identity_provider(cast: Cast, visitor: Visitor, world: World) -> None:
    """Thirty minutes without a request, four hours in all by Pro Santé Connect, ten by an issuer of staff."""
    world.be_dentist(new_rpps())
    await came_in(cast, visitor, "practitioner", "psc")
    other = another(visitor)
    world.be_staff("Tom")
    await came_in(cast, other)
    for step in range(1, 26):
        cast.clock.advance(timedelta(minutes=24))
        assert (await is_in(other), await is_in(visitor)) == (step < 25, step < 10), step
    idle = await cast.ana()
    cast.clock.advance(timedelta(minutes=29, seconds=59))
    assert (await idle.call("GET", "/v1/me")).status_code == 200
    cast.clock.advance(timedelta(minutes=30))
    assert refusal(await idle.call("GET", "/v1/me")) == NOBODY


async def test_that_it_was_used_is_written_once_a_minute(cast: Cast, database: Database) -> None:
    ana = await cast.ana()

    async def versions() -> set[str]:
        rows = await fetch(database, "SELECT xmin::text AS at FROM session WHERE id = :id", id=UUID(ana.session_id))
        return {row["at"] for row in rows}

    first = await versions()
    for _ in range(5):
        cast.clock.advance(timedelta(seconds=11))
        await ana.get("/v1/me")
    assert await versions() == first
    cast.clock.advance(timedelta(seconds=11))
    await ana.get("/v1/me")
    assert await versions() != first


# --- in the cookie, and nowhere else -------------------------------------------------------------------------------


async def test_the_cookie_is_for_this_host_by_https_and_out_of_reach_of_scripts(
    cast: Cast, visitor: Visitor, world: World, database: Database
) -> None:
    world.be_staff("Tom")
    await came_in(cast, visitor)
    cookie = next(line for line in visitor.last.headers.get_list("set-cookie") if line.startswith("__Host-vigie="))
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "secure", "samesite=lax", "path=/"}
    secret = cookie.split(";")[0].removeprefix("__Host-vigie=")
    rows = await fetch(
        database, "SELECT session::text AS row FROM session WHERE provider_id = :id", id=UUID(cast.pia.provider_id)
    )
    assert rows
    assert not [row for row in rows if secret in row["row"]]
    for bent in (
        secret[:-1],
        secret[:-1] + ("A" if secret[-1] != "A" else "B"),
        "vss_x",
        "",
        secret + "x",
        "\udcff"[:0] + "é",
    ):
        answer = await visitor.http.get("/v1/me", headers=[(b"Cookie", f"__Host-vigie={bent}".encode())])
        assert refusal(answer) == NOBODY, bent
    plain = await visitor.http.get("/v1/me", headers={"Cookie": f"vigie={secret}"})
    assert refusal(plain) == NOBODY
    assert (await visitor.http.get("/v1/me")).status_code == 200


async def test_signing_in_again_ends_the_older_session_of_the_browser(
    cast: Cast, visitor: Visitor, world: World
) -> None:
    world.be_staff("Tom")
    me = await came_in(cast, visitor)
    old = visitor.http.cookies["__Host-vigie"]
    assert (await visitor.sign_in("staff")).status_code == 303
    assert visitor.http.cookies["__Host-vigie"] != old
    assert (await visitor.me())["subject"] == me["subject"]
    visitor.http.cookies.set("__Host-vigie", old, domain="vigie.test")
    await is_out_within_a_second(visitor.http)


# --- how they end --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def another_process(settings: Settings, cast: Cast) -> AsyncIterator[httpx.AsyncClient]:
    """A second application on the same database, with a memory of its own."""
    app = create_app(settings, clock=cast.clock)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
            yield client


async def test_an_end_is_an_end_on_every_process_within_a_second(cast: Cast, settings: Settings) -> None:
    ana = await cast.ana()
    async with another_process(settings, cast) as elsewhere:
        tom, lea, ivo = await cast.tom(), await cast.lea(), await cast.ivo()
        for person in (tom, lea, ivo):
            elsewhere.cookies = person.http.cookies
            assert (await elsewhere.get("/v1/me")).status_code == 200
        assert (await ana.call("DELETE", f"/v1/members/{tom.member_id}")).status_code == 204
        elsewhere.cookies = tom.http.cookies
        await is_out_within_a_second(elsewhere)
        assert (await lea.call("DELETE", f"/v1/me/sessions/{lea.session_id}")).status_code == 204
        elsewhere.cookies = lea.http.cookies
        await is_out_within_a_second(elsewhere)
        elsewhere.cookies = ivo.http.cookies
        assert (await elsewhere.get("/v1/me")).status_code == 200


def deaf(_news: object) -> None:
    """Hear nothing, as when a notification is lost."""


async def test_a_notification_that_is_lost_delays_the_end_by_less_than_a_second(
    cast: Cast, settings: Settings, app: FastAPI
) -> None:
    ana = await cast.ana()
    async with another_process(settings, cast) as elsewhere:
        tom = await cast.tom()
        elsewhere.cookies = tom.http.cookies
        assert (await elsewhere.get("/v1/me")).status_code == 200
        elsewhere._transport.app.state.parts.listener.subscribe("session", deaf, deaf)  # type: ignore[attr-defined]
        database = app.state.parts.database
        async with database.session(UUID(ana.provider_id), write=True) as session:
            await end_session(session, UUID(ana.provider_id), UUID(tom.session_id), "test", now=cast.clock.now())
        await is_out_within_a_second(elsewhere)


async def test_one_s_own_sessions_are_listed_and_ended_and_nobody_else_s(cast: Cast) -> None:
    ana, tom = await cast.ana(), await cast.tom()
    listed = (await ana.get("/v1/me/sessions"))["items"]
    assert [(row["id"], row["current"]) for row in listed] == [(ana.session_id, True)]
    for session_id in (tom.session_id, (await cast.bea()).session_id, str(UUID(int=1))):
        assert refusal(await ana.call("DELETE", f"/v1/me/sessions/{session_id}")) == (404, "not_found")
    assert (await tom.call("GET", "/v1/me")).status_code == 200
    assert (await ana.call("DELETE", f"/v1/me/sessions/{ana.session_id}")).status_code == 204
    await is_out_within_a_second(ana.http)
    assert refusal(await ana.call("GET", "/v1/me")) == NOBODY


async def test_a_partner_client_has_no_sessions_and_no_other_places(cast: Cast) -> None:
    me = await cast.pia.get("/v1/me")
    assert (me["kind"], me["memberships"], me["practices"], me["role"]) == ("client", [], "all", None)
    people_only = (403, "auth.people_only")
    assert refusal(await cast.pia.call("GET", "/v1/me/sessions")) == people_only
    assert refusal(await cast.pia.call("DELETE", f"/v1/me/sessions/{UUID(int=1)}")) == people_only
    there = {"json": {"member_id": str(UUID(int=1))}}
    assert refusal(await cast.pia.call("POST", "/v1/me/membership", **there)) == people_only


# --- going elsewhere -----------------------------------------------------------------------------------------------


async def test_one_goes_from_place_to_place_without_signing_in_again(
    cast: Cast, visitor: Visitor, world: World
) -> None:
    ana, bea, rpps = await cast.ana(), await cast.bea(), new_rpps()
    for owner, practice in ((ana, cast.cedar), (ana, cast.elm), (bea, cast.fir)):
        invitation = {"role": "practitioner", "label": "Dr Paz", "practice_id": practice, "rpps": rpps}
        await owner.post("/v1/invitations", invitation)
    world.be_dentist(rpps)
    for place in ("0", "1"):  # each sign-in accepts one more: Cedar, then Elm beside it
        await visitor.sign_in("psc")
        await visitor.post("/auth/choose", {"choice": visitor.field("choice"), "place": place})
    signs = {"Origin": PUBLIC_URL, "X-Vigie-Request": "1"}
    me = await visitor.me()
    assert {place["practice_name"] for place in me["memberships"]} == {"Cedar", "Elm"}
    expires = (await visitor.http.get("/v1/me/sessions")).json()["items"][0]["expires_at"]
    here, there = sorted(me["memberships"], key=lambda place: not place["current"])
    old = visitor.http.cookies["__Host-vigie"]
    cast.clock.advance(timedelta(minutes=5))
    for target, status in ((here["member_id"], 404), (str(UUID(int=1)), 404), ((await cast.paz()).member_id, 404)):
        answer = await visitor.http.post("/v1/me/membership", json={"member_id": target}, headers=signs)
        assert (answer.status_code, "set-cookie" in answer.headers) == (status, False)
    answer = await visitor.http.post("/v1/me/membership", json={"member_id": there["member_id"]}, headers=signs)
    assert answer.status_code == 204
    now = await visitor.me()
    assert now["subject"] == there["member_id"]
    session = (await visitor.http.get("/v1/me/sessions")).json()["items"][0]
    assert (session["expires_at"], session["acr"]) == (expires, "eidas1")
    visitor.http.cookies.set("__Host-vigie", old, domain="vigie.test")
    await is_out_within_a_second(visitor.http)


async def test_a_place_that_another_door_opens_is_not_reached_from_here(
    cast: Cast, visitor: Visitor, world: World
) -> None:
    """Staff of Cedar by Pro Santé Connect who is a practitioner of Elm needs the rights of one to go there."""
    world.be_dentist(new_rpps())
    await came_in(cast, visitor, "practice_staff", "psc")
    ana = await cast.ana()
    made = await ana.post("/v1/invitations", {"role": "practitioner", "label": "x", "practice_id": cast.elm})
    await visitor.follow(made["link"])
    assert (await visitor.sign_in("psc")).status_code == 303
    both = {place["practice_name"]: place["member_id"] for place in (await visitor.me())["memberships"]}
    assert both.keys() == {"Cedar", "Elm"}
    person = dict(world.providers["psc"].person)
    world.bend("psc", person={**person, "SubjectRefPro": None})
    again = await visitor.sign_in("psc")
    assert again.status_code == 303  # the one place that is left to somebody without a profession
    me = await visitor.me()
    assert (me["role"], [place["practice_name"] for place in me["memberships"]]) == ("practice_staff", ["Cedar"])
    signs = {"Origin": PUBLIC_URL, "X-Vigie-Request": "1"}
    answer = await visitor.http.post("/v1/me/membership", json={"member_id": both["Elm"]}, headers=signs)
    assert refusal(answer) == (404, "not_found")


# --- signing out ---------------------------------------------------------------------------------------------------


async def test_signing_out_ends_the_session_here_and_leads_to_the_end_of_the_other(
    cast: Cast, visitor: Visitor, world: World, database: Database
) -> None:
    world.be_staff("Tom")
    me = await came_in(cast, visitor)
    await visitor.get("/auth/account")
    form = {"form_token": visitor.field("form_token")}
    secret = visitor.http.cookies["__Host-vigie"]
    before = await last_number(database, me["provider_id"])
    answer = await visitor.post("/auth/logout", form)
    assert answer.status_code == 200
    assert "Vous êtes déconnecté de Vigie" in visitor.shown()
    assert "__Host-vigie" not in visitor.http.cookies
    target = answer.headers["refresh"].removeprefix("0; url=")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
    assert target.startswith(world.providers["staff"].endpoints()["end_session_endpoint"] + "?")
    assert asked["post_logout_redirect_uri"] == f"{PUBLIC_URL}/auth/logged-out"
    assert asked["id_token_hint"].count(".") == 2
    kept = await fetch(
        database, "SELECT id_token, ended_why FROM session WHERE member_id = :id", id=UUID(me["subject"])
    )
    assert kept == [{"id_token": None, "ended_why": "signed out"}]
    assert [entry["action"] for entry in await entries(database, me["provider_id"], before)] == ["session.end"]
    visitor.http.cookies.set("__Host-vigie", secret, domain="vigie.test")
    await is_out_within_a_second(visitor.http)
    for query, status in (("?state=another", 400), (f"?state={asked['state']}", 200), ("", 200)):
        visitor.http.cookies.set("__Host-vigie-farewell", asked["state"], domain="vigie.test")
        assert (await visitor.get(f"/auth/logged-out{query}")).status_code == status, query


async def test_signing_out_works_though_the_identity_provider_is_away(
    cast: Cast, visitor: Visitor, world: World
) -> None:
    world.be_staff("Tom")
    await came_in(cast, visitor)
    signs = {"Origin": PUBLIC_URL, "X-Vigie-Request": "1"}
    cast.clock.advance(timedelta(minutes=29))
    world.bend("staff", away={"discovery", "jwks_uri"})
    answer = await visitor.http.post("/auth/logout", headers=signs)
    assert answer.status_code == 200
    assert "continue_at" in answer.json()
    assert not await is_in(visitor)
    again = await visitor.post("/auth/logout", {})  # nobody is signed in any more: there is nothing to end
    assert (again.status_code, again.headers["location"]) == (303, "/auth/logged-out")


async def test_the_identity_provider_ends_sessions_by_its_own_word(
    cast: Cast, visitor: Visitor, world: World, database: Database
) -> None:
    far = world.providers["staff"]
    subject = world.be_staff("Tom")
    far.id_claims = {"sid": f"sid-{subject}"}
    me = await came_in(cast, visitor)
    bystander = another(visitor)
    world.be_staff("Uma")
    far.id_claims = {"sid": "sid-of-another"}
    await came_in(cast, bystander)
    now = int(cast.clock.now().timestamp())
    right = {
        "iss": far.idp.issuer,
        "aud": far.idp.client_id,
        "iat": now,
        "exp": now + 120,
        "jti": f"jti-{subject}",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }
    path = "/auth/backchannel-logout/staff"
    refused: list[dict[str, Any]] = [
        {"sid": f"sid-{subject}", "aud": "another"},
        {"sid": f"sid-{subject}", "nonce": "n"},
        {"sid": f"sid-{subject}", "events": {}},
        {},
    ]
    for number, bent in enumerate(refused):
        token = far.sign({**right, "jti": f"no-{subject}-{number}", **bent})
        answer = await visitor.http.post(path, data={"logout_token": token})
        assert (answer.status_code, answer.headers["cache-control"]) == (400, "no-store"), bent
    assert (await visitor.http.post(path, data={})).status_code == 400
    other_idp = far.sign({**right, "jti": f"psc-{subject}", "sid": f"sid-{subject}"})
    assert (
        await visitor.http.post("/auth/backchannel-logout/psc", data={"logout_token": other_idp})
    ).status_code == 400
    assert await is_in(visitor)
    before = await last_number(database, me["provider_id"])
    token = far.sign({**right, "sid": f"sid-{subject}"})
    answer = await visitor.http.post(path, data={"logout_token": token})
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, b"", "no-store")
    await is_out_within_a_second(visitor.http)
    assert await is_in(bystander)
    written = await entries(database, me["provider_id"], before)
    assert [(entry["action"], entry["actor_kind"]) for entry in written] == [("session.end", "system")]
    assert (await visitor.http.post(path, data={"logout_token": token})).status_code == 400  # said once
    world.be_staff("Tom", subject)
    assert (await visitor.sign_in("staff")).status_code == 303
    by_person = far.sign({**right, "jti": f"sub-{subject}", "sub": subject})
    assert (await visitor.http.post(path, data={"logout_token": by_person})).status_code == 200
    await is_out_within_a_second(visitor.http)
    assert await is_in(bystander)


# --- the page ------------------------------------------------------------------------------------------------------


async def test_the_page_of_one_s_own_does_what_it_offers(cast: Cast, visitor: Visitor, world: World) -> None:
    assert (await visitor.get("/auth/account")).headers["location"] == "/auth/login?return_to=/auth/account"
    world.be_staff("Tom")
    await came_in(cast, visitor)
    bea = await cast.bea()
    made = await bea.post("/v1/invitations", {"role": "auditor", "label": "Tom"})
    second = another(visitor)
    await second.follow(made["link"])
    assert (await second.sign_in("staff")).status_code == 303
    page = await visitor.get("/auth/account", **{"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"})
    assert "Technicien, Atlas" in visitor.shown()
    assert "Borea" in visitor.shown()
    assert page.headers["cache-control"] == "no-store"
    form = {"form_token": visitor.field("form_token"), "member_id": visitor.field("member_id")}
    answer = await visitor.post("/auth/account/membership", form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/account")
    await visitor.get("/auth/account")
    assert "Auditeur, Borea" in visitor.shown()
    assert "cette session" in visitor.shown()
    await second.get("/auth/account")
    mine = (await visitor.http.get("/v1/me/sessions")).json()["items"]
    other = next(row["id"] for row in mine if not row["current"])
    await visitor.get("/auth/account")
    token = {"form_token": visitor.field("form_token")}
    assert (await visitor.post(f"/auth/account/sessions/{UUID(int=1)}", token)).status_code == 404
    assert (await visitor.post("/auth/account/sessions/x", token)).status_code == 404
    assert (await visitor.post(f"/auth/account/sessions/{other}", token)).status_code == 303
    await is_out_within_a_second(second.http)
    assert await is_in(visitor)


async def test_the_page_of_somebody_whose_practice_is_archived(cast: Cast, world: World) -> None:
    """The session goes on to its end; another sign-in finds no place."""
    paz = await cast.paz()
    browsing = Visitor(paz.http, world)
    assert (await browsing.get("/auth/account")).status_code == 200
    assert "Praticien, Cedar" in browsing.shown()
    assert (await cast.pia.call("DELETE", f"/v1/practices/{cast.cedar}")).status_code == 204
    assert (await browsing.get("/auth/account")).status_code == 200
    assert "Cedar" not in browsing.shown()
    assert (await paz.get("/v1/me"))["memberships"] == []
