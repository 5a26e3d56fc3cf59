"""Members and invitations as owners manage them, and the issuers of a provider's own."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from tests.support.bad_idp import BadIdp
from tests.support.cast import Cast
from tests.support.front_door import Visitor, World, generic_at, new_rpps
from tests.support.people import Person, browser
from tests.support.refusals import refusal
from tests.support.rows import execute, fetch, holdings
from vigie.cli_people import invite_member
from vigie.core.clock import MovableClock, SystemClock
from vigie.core.db import Database
from vigie.people.invitations import NewInvitation
from vigie.people.members import Standing
from vigie.settings import Settings

NOT_FOUND = (404, "not_found")
OWN_ISSUER = "https://id.atlas.test"


@pytest.fixture
def settings(front_settings: Settings) -> Settings:
    return front_settings


@pytest.fixture
def app(front_app: FastAPI) -> FastAPI:
    return front_app


@pytest.fixture
async def ana(cast: Cast) -> Person:
    return await cast.ana()


# --- members -------------------------------------------------------------------------------------------------------


async def test_the_list_shows_who_may_do_what(cast: Cast, ana: Person) -> None:
    tom, paz, bea = await cast.tom(), await cast.paz(), await cast.bea()
    by_name = {row["name"]: row for row in (await ana.get("/v1/members"))["items"]}
    assert by_name.keys() == {"Ana", "Tom", "Dr Paz"}
    assert (by_name["Tom"]["practices"], by_name["Ana"]["practices"]) == ([cast.cedar], None)
    assert (by_name["Dr Paz"]["practice_id"], by_name["Dr Paz"]["role"]) == (cast.cedar, "practitioner")
    assert [row["id"] for row in (await ana.get("/v1/members?role=practitioner"))["items"]] == [paz.member_id]
    assert [row["id"] for row in (await ana.get(f"/v1/members?practice_id={cast.cedar}"))["items"]] == [paz.member_id]
    page = await ana.get("/v1/members?limit=2")
    rest = await ana.get(f"/v1/members?limit=2&cursor={page['next_cursor']}")
    assert [row["name"] for row in (*page["items"], *rest["items"])] == ["Ana", "Tom", "Dr Paz"]
    for nobody in (tom, paz):
        assert refusal(await nobody.call("GET", "/v1/members")) == (403, "auth.insufficient_scope")
    assert [row["name"] for row in (await bea.get("/v1/members"))["items"]] == ["Bea"]
    assert (await (await cast.ivo()).call("GET", "/v1/members")).status_code == 200


async def test_what_is_changed_is_effective_in_sessions_that_are_open(cast: Cast, ana: Person) -> None:
    tom = await cast.tom()
    path = f"/v1/members/{tom.member_id}"
    steps: list[tuple[dict[str, Any], set[str], bool]] = [
        ({"practices": [cast.elm]}, {"Elm"}, True),
        ({"practices": []}, set(), True),
        ({"practices": None}, {"Cedar", "Elm"}, True),
        ({"role": "auditor"}, {"Cedar", "Elm"}, False),
        ({"role": "technician", "practices": [cast.cedar]}, {"Cedar"}, True),
        ({"role": "technician"}, {"Cedar"}, True),
        ({}, {"Cedar"}, True),
    ]
    for patch, practices, writes in steps:
        answer = await ana.call("PATCH", path, json=patch)
        assert answer.status_code == 200, answer.text
        await eventually(tom, practices)
        changed = await tom.call("PATCH", f"/v1/practices/{cast.cedar}", json={"city": "Lyon"})
        assert (changed.status_code == 200) == (writes and "Cedar" in practices), patch


async def eventually(person: Person, practices: set[str]) -> None:
    """Wait, a second at most, until a person sees these practices."""
    for _ in range(50):
        if {row["name"] for row in (await person.get("/v1/practices"))["items"]} == practices:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(practices)


async def test_changes_that_cannot_be(cast: Cast, ana: Person, database: Database) -> None:
    tom, paz, bea = await cast.tom(), await cast.paz(), await cast.bea()
    before = await holdings(database, ana.provider_id)
    mismatch = (422, "member.role_mismatch")
    cases: list[tuple[str, dict[str, Any], tuple[int, str]]] = [
        (tom.member_id, {"role": "practitioner"}, mismatch),
        (paz.member_id, {"role": "technician"}, mismatch),
        (paz.member_id, {"role": "practice_staff"}, mismatch),
        (paz.member_id, {"practices": [cast.cedar]}, mismatch),
        (tom.member_id, {"role": "owner", "practices": [cast.cedar]}, mismatch),
        (tom.member_id, {"practices": [cast.fir]}, NOT_FOUND),
        (tom.member_id, {"practices": [str(UUID(int=1))]}, NOT_FOUND),
        (tom.member_id, {"role": None}, (422, "request.invalid")),
        (tom.member_id, {"name": "Tim"}, (422, "request.invalid")),
        (ana.member_id, {"role": "technician"}, (409, "member.last_owner")),
        (bea.member_id, {"role": "technician"}, NOT_FOUND),
        (str(UUID(int=1)), {"role": "technician"}, NOT_FOUND),
    ]
    for member_id, patch, expected in cases:
        assert refusal(await ana.call("PATCH", f"/v1/members/{member_id}", json=patch)) == expected, patch
    assert await holdings(database, ana.provider_id) == before
    for person in (tom, paz, await cast.ivo()):
        answer = await person.call("PATCH", f"/v1/members/{tom.member_id}", json={"practices": None})
        assert refusal(answer) == (403, "auth.insufficient_scope"), person.name


async def test_a_member_who_is_removed_is_out_and_may_be_invited_anew(
    cast: Cast, ana: Person, database: Database
) -> None:
    tom, bea = await cast.tom(), await cast.bea()
    assert refusal(await bea.call("DELETE", f"/v1/members/{tom.member_id}")) == NOT_FOUND
    assert (await tom.call("GET", "/v1/me")).status_code == 200
    assert (await ana.call("DELETE", f"/v1/members/{tom.member_id}")).status_code == 204
    for _ in range(50):
        if (await tom.call("GET", "/v1/me")).status_code == 401:
            break
        await asyncio.sleep(0.02)
    assert refusal(await tom.call("GET", "/v1/me")) == (401, "auth.unauthenticated")
    assert refusal(await ana.call("DELETE", f"/v1/members/{tom.member_id}")) == NOT_FOUND
    kept = await fetch(database, "SELECT ended_why FROM session WHERE id = :id", id=UUID(tom.session_id))
    assert kept == [{"ended_why": "member removed"}]
    again = await cast.tom()
    assert again.member_id != tom.member_id


async def test_the_last_owner_stays_even_when_two_go_at_once(cast: Cast, ana: Person, database: Database) -> None:
    refused = (409, "member.last_owner")
    assert refusal(await ana.call("DELETE", f"/v1/members/{ana.member_id}")) == refused
    for _ in range(3):
        first, second = await cast.ana(), await cast.ana()
        for owner in (await ana.get("/v1/members?role=owner"))["items"]:
            if owner["id"] not in {first.member_id, second.member_id}:
                answer = await first.call("DELETE", f"/v1/members/{owner['id']}")
                assert answer.status_code == 204
        answers = await asyncio.gather(
            first.call("DELETE", f"/v1/members/{first.member_id}"),
            second.call("DELETE", f"/v1/members/{second.member_id}"),
        )
        assert sorted(answer.status_code for answer in answers) == [204, 409]
        rows = await fetch(
            database,
            "SELECT id FROM member WHERE provider_id = :id AND role = 'owner' AND removed_at IS NULL",
            id=UUID(ana.provider_id),
        )
        assert len(rows) == 1
        ana = first if str(rows[0]["id"]) == first.member_id else second


# --- invitations ---------------------------------------------------------------------------------------------------


async def test_invitations_that_cannot_be(cast: Cast, ana: Person, database: Database) -> None:
    good = {"role": "practitioner", "label": "Dr Paz", "practice_id": cast.cedar, "rpps": new_rpps()}
    mistyped = good["rpps"][:10] + str((int(good["rpps"][10]) + 1) % 10)
    before = await holdings(database, ana.provider_id)
    invalid, mismatch = (422, "request.invalid"), (422, "member.role_mismatch")
    cases: list[tuple[dict[str, Any], tuple[int, str]]] = [
        ({"rpps": mistyped}, invalid),
        ({"rpps": "8" + good["rpps"]}, invalid),
        ({"rpps": "1234"}, invalid),
        ({"role": "practice_staff"}, mismatch),
        ({"role": "owner"}, mismatch),
        ({"practice_id": None}, mismatch),
        ({"practice_id": cast.fir}, NOT_FOUND),
        ({"practices": [cast.cedar]}, mismatch),
        ({"role": "technician", "practice_id": None, "rpps": None, "practices": [cast.fir]}, NOT_FOUND),
        ({"role": "king"}, invalid),
        ({"label": ""}, invalid),
        ({"expires_in_days": 91}, invalid),
        ({"expires_in_days": 0}, invalid),
        ({"token": "mine"}, invalid),
    ]
    for changed, expected in cases:
        answer = await ana.call("POST", "/v1/invitations", json={**good, **changed})
        assert refusal(answer) == expected, changed
        assert good["rpps"] not in answer.text
    assert await holdings(database, ana.provider_id) == before
    await ana.post("/v1/invitations", good)
    assert refusal(await ana.call("POST", "/v1/invitations", json=good)) == (409, "invitation.open")
    await ana.post("/v1/invitations", {**good, "practice_id": cast.elm})


async def test_invitations_are_listed_by_state_and_their_links_are_shown_once(cast: Cast, ana: Person) -> None:
    made = [
        await ana.post("/v1/invitations", {"role": "technician", "label": f"T{n}", "practices": [cast.elm]})
        for n in range(3)
    ]
    assert all(one["link"].startswith("https://vigie.test/auth/invitation#vit_") for one in made)
    assert (await ana.call("DELETE", f"/v1/invitations/{made[0]['id']}")).status_code == 204
    listed = (await ana.get("/v1/invitations"))["items"]
    assert [(row["label"], row["status"]) for row in listed] == [("T2", "open"), ("T1", "open"), ("T0", "revoked")]
    assert listed[0]["practices"] == [cast.elm]
    assert listed[0]["created_by"] == "Ana"
    assert "link" not in listed[0]
    for state, labels in (("open", ["T2", "T1"]), ("revoked", ["T0"]), ("used", []), ("expired", [])):
        rows = (await ana.get(f"/v1/invitations?status={state}"))["items"]
        assert [row["label"] for row in rows] == labels, state
    bea = await cast.bea()
    assert (await bea.get("/v1/invitations"))["items"] == []
    assert refusal(await bea.call("DELETE", f"/v1/invitations/{made[1]['id']}")) == NOT_FOUND
    assert (await ana.call("DELETE", f"/v1/invitations/{made[0]['id']}")).status_code == 204  # twice changes nothing


async def test_the_same_request_again_invites_nobody_twice(ana: Person) -> None:
    sent = {"json": {"role": "auditor", "label": "Ivo"}, "headers": {"Idempotency-Key": "invite-ivo"}}
    first = await ana.call("POST", "/v1/invitations", **sent)
    again = await ana.call("POST", "/v1/invitations", **sent)
    assert first.status_code == 201
    assert refusal(again) == (409, "request.already_done")
    assert again.json()["id"] == first.json()["id"]


# --- issuers of the provider's own ---------------------------------------------------------------------------------


def new_issuer(**changed: Any) -> dict[str, Any]:
    """Return a request that adds an issuer."""
    right = {"label": "Annuaire d'Atlas", "issuer": OWN_ISSUER, "client_id": "vigie-tests", "client_secret": "hush"}
    return {**right, **changed}


async def test_an_issuer_opens_its_own_provider_and_no_other(
    cast: Cast, ana: Person, visitor: Visitor, world: World, database: Database
) -> None:
    bea = await cast.bea()
    atlas, borea = [await with_issuer(world, owner) for owner in (ana, bea)]
    assert (atlas["redirect_uri"], atlas["login_url"]) == (
        f"https://vigie.test/auth/callback/{atlas['id']}",
        f"https://vigie.test/auth/login/{atlas['id']}",
    )
    assert "client_secret" not in atlas
    kept = await fetch(database, "SELECT client_secret FROM provider_identity WHERE id = :id", id=atlas["id"])
    assert b"secret" not in kept[0]["client_secret"]
    tom = world.be_staff("Tom", idp=atlas["id"])
    invitation = await ana.post("/v1/invitations", {"role": "technician", "label": "Tom"})
    page = await visitor.follow(invitation["link"])
    assert f"/auth/login/{atlas['id']}" in page.text
    assert borea["id"] not in page.text
    assert (await visitor.sign_in(atlas["id"])).status_code == 303
    assert (await visitor.me())["provider_id"] == ana.provider_id
    # The same issuer and the same person, by the door of the other provider.
    world.be_staff("Tom", tom, idp=borea["id"])
    elsewhere = Visitor(browser(visitor.http), world)
    assert (await elsewhere.sign_in(borea["id"])).status_code == 403
    assert "sign_in.wrong_door" in elsewhere.shown()
    wrong = await bea.post("/v1/invitations", {"role": "technician", "label": "Tom"})
    await elsewhere.follow(wrong["link"])
    assert (await elsewhere.sign_in(atlas["id"])).status_code == 403
    await elsewhere.follow(wrong["link"])
    assert (await elsewhere.sign_in(borea["id"])).status_code == 303
    assert (await elsewhere.me())["provider_id"] == bea.provider_id
    assert [place["provider_name"] for place in (await elsewhere.me())["memberships"]] == ["Borea"]
    # The issuer's word, given at one door, ends what came by that door.
    far, now = world.providers["own"], int(world.clock.now().timestamp())
    said = {"iss": OWN_ISSUER, "aud": far.idp.client_id, "iat": now, "exp": now + 60, "jti": tom, "sub": tom}
    token = far.sign({**said, "events": {"http://schemas.openid.net/event/backchannel-logout": {}}})
    answer = await visitor.http.post(f"/auth/backchannel-logout/{borea['id']}", data={"logout_token": token})
    assert answer.status_code == 200
    ended = await fetch(
        database,
        "SELECT identity_provider AS idp FROM session WHERE issuer = :issuer AND ended_why = 'identity provider'"
        " AND identity_provider IN (:atlas, :borea)",
        issuer=OWN_ISSUER,
        atlas=atlas["id"],
        borea=borea["id"],
    )
    assert ended == [{"idp": borea["id"]}]


async def test_an_issuer_whose_secret_can_no_longer_be_read_closes_its_own_door_only(
    ana: Person, visitor: Visitor, world: World, database: Database
) -> None:
    made = await with_issuer(world, ana)
    link = (await ana.post("/v1/invitations", {"role": "technician", "label": "Tom"}))["link"]
    assert made["id"] in (await visitor.follow(link)).text
    await execute(database, "UPDATE provider_identity SET client_secret = 'x' WHERE id = :id", id=made["id"])
    page = await visitor.follow(link)
    assert (page.status_code, made["id"] in page.text, "/auth/login/staff" in page.text) == (200, False, True)


async def test_the_operator_s_command_prints_a_link_that_lets_the_first_owner_in(
    cast: Cast, settings: Settings, clock: MovableClock, visitor: Visitor, world: World
) -> None:
    clock.move_to(SystemClock().now())
    provider = UUID(cast.bela.provider_id)
    owner = NewInvitation(standing=Standing("owner"), label="Bea", lifetime=timedelta(days=14))
    link = await invite_member(settings, provider, owner)
    assert link is not None
    await visitor.follow(link)
    world.be_staff("Bea")
    assert (await visitor.sign_in("staff")).status_code == 303
    me = await visitor.me()
    assert (me["provider_id"], me["role"]) == (cast.bela.provider_id, "owner")
    number = NewInvitation(
        standing=Standing("practitioner", UUID(cast.fir)), label="x", lifetime=timedelta(days=1), rpps=new_rpps()
    )
    assert await invite_member(settings, provider, number) is None
    nowhere = NewInvitation(standing=Standing("practitioner", UUID(cast.cedar)), label="x", lifetime=timedelta(days=1))
    with pytest.raises(LookupError, match="no practice"):
        await invite_member(settings, provider, nowhere)
    with pytest.raises(LookupError, match="no provider"):
        await invite_member(settings, UUID(int=1), owner)


async def with_issuer(world: World, owner: Person) -> dict[str, Any]:
    """Let an owner add the issuer; return it, with somebody behind its door."""
    far = world.providers.setdefault("own", BadIdp(generic_at(OWN_ISSUER), world.clock.now()))
    made: dict[str, Any] = await owner.post("/v1/identity-providers", new_issuer(client_secret=far.idp.client_secret))
    world.providers[made["id"]] = far
    return made


async def test_removing_an_issuer_closes_the_door_and_signs_out_who_came_by_it(
    cast: Cast, ana: Person, visitor: Visitor, world: World, database: Database
) -> None:
    made = await with_issuer(world, ana)
    world.be_staff("Tom", idp=made["id"])
    invitation = await ana.post("/v1/invitations", {"role": "technician", "label": "Tom"})
    await visitor.follow(invitation["link"])
    assert (await visitor.sign_in(made["id"])).status_code == 303
    path = f"/v1/identity-providers/{made['id']}"
    assert refusal(await (await cast.bea()).call("DELETE", path)) == NOT_FOUND
    assert refusal(await (await cast.ivo()).call("DELETE", path)) == (403, "auth.insufficient_scope")
    assert [row["id"] for row in (await (await cast.ivo()).get("/v1/identity-providers"))["items"]] == [made["id"]]
    assert (await visitor.http.get("/v1/me")).status_code == 200
    assert (await ana.call("DELETE", path)).status_code == 204
    for _ in range(50):
        if (await visitor.http.get("/v1/me")).status_code == 401:
            break
        await asyncio.sleep(0.02)
    assert refusal(await visitor.http.get("/v1/me")) == (401, "auth.unauthenticated")
    assert (await visitor.get(f"/auth/login/{made['id']}")).status_code == 404
    assert (await ana.get("/v1/identity-providers"))["items"] == []
    assert refusal(await ana.call("DELETE", path)) == NOT_FOUND
    kept = await fetch(database, "SELECT client_secret FROM provider_identity WHERE id = :id", id=made["id"])
    assert kept == [{"client_secret": None}]


async def test_an_issuer_is_asked_before_it_is_saved(cast: Cast, ana: Person, world: World, database: Database) -> None:
    far = world.providers["own"] = BadIdp(generic_at(OWN_ISSUER), world.clock.now())
    before = await holdings(database, ana.provider_id)
    refused, invalid = (422, "identity_provider.refused"), (422, "request.invalid")
    cases: list[tuple[dict[str, Any], tuple[int, str]]] = [
        ({"issuer": "https://intranet.test"}, refused),  # resolves to a private address
        ({"issuer": "https://127.0.0.1"}, refused),
        ({"issuer": "http://id.atlas.test"}, refused),
        ({"issuer": "https://nobody.test"}, refused),
        ({"issuer": OWN_ISSUER + "/"}, refused),  # its document names another issuer
        ({"issuer": "https://login.microsoftonline.com/common/v2.0"}, refused),
        ({"options": {"algorithms": ["HS256"]}}, refused),
        ({"options": {"required_claims": {"email": ["x"]}}}, refused),
        ({"issuer": "ftp://id.atlas.test"}, invalid),
        ({"options": {"reach": "loopback"}}, invalid),
        ({"client_secret": ""}, invalid),
    ]
    for changed, expected in cases:
        answer = await ana.call("POST", "/v1/identity-providers", json=new_issuer(**changed))
        assert refusal(answer) == expected, changed
        assert "hush" not in answer.text
    far.discovery = {"token_endpoint": "https://evil.test/token"}
    assert refusal(await ana.call("POST", "/v1/identity-providers", json=new_issuer())) == refused
    far.discovery = {}
    for person in (await cast.tom(), await cast.ivo(), await cast.paz()):
        far.asked.clear()
        answer = await person.call("POST", "/v1/identity-providers", json=new_issuer())
        assert (refusal(answer), far.asked) == ((403, "auth.insufficient_scope"), []), person.name
    assert (await holdings(database, ana.provider_id))["provider_identity"] == before["provider_identity"] == []
    options = {"scopes": ["openid", "email"], "idle_s": 900, "required_claims": {"hd": ["atlas.test"]}}
    made = await ana.post("/v1/identity-providers", new_issuer(options=options))
    assert made["options"] == options
    for _ in range(9):
        await ana.post("/v1/identity-providers", new_issuer())
    answer = await ana.call("POST", "/v1/identity-providers", json=new_issuer())
    assert refusal(answer) == (409, "identity_provider.too_many")
