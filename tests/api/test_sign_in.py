"""Coming in: invitations by link and by number, choices, accounts, doors. Each refusal beside the way that leads in."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from tests.support.audit import entries, last_number
from tests.support.bad_idp import BadIdp, psc, staff
from tests.support.cast import Cast
from tests.support.front_door import Visitor, World, generic_at, in_training, new_rpps
from tests.support.people import Person, browser
from tests.support.refusals import refusal
from tests.support.rows import fetch
from vigie.app import create_app
from vigie.auth.oidc.identity import Identity
from vigie.core.clock import MovableClock
from vigie.core.db import Database
from vigie.core.errors import AppError
from vigie.people.doorstep import Place
from vigie.people.errors import NoAccessError, ProfessionRefusedError, WrongDoorError
from vigie.people.sign_in import Browser, Visit, enter, recognise
from vigie.people.sign_in import Visitor as Arrived
from vigie.settings import Settings

OPERATOR = str(UUID(int=0))


@pytest.fixture
def settings(front_settings: Settings) -> Settings:
    return front_settings


@pytest.fixture
def app(front_app: FastAPI) -> FastAPI:
    return front_app


@pytest.fixture
async def ana(cast: Cast) -> Person:
    return await cast.ana()


async def invite(owner: Person, role: str, **more: Any) -> dict[str, Any]:
    """Invite somebody as the owner; return the invitation."""
    made: dict[str, Any] = await owner.post("/v1/invitations", {"role": role, "label": "whom it is for", **more})
    return made


def another(visitor: Visitor) -> Visitor:
    """Return a browser on another machine."""
    return Visitor(browser(visitor.http), visitor.world)


async def invitation(owner: Person, made: dict[str, Any]) -> dict[str, Any]:
    """Return an invitation as the owner sees it now."""
    items = (await owner.get("/v1/invitations"))["items"]
    return next(item for item in items if item["id"] == made["id"])


# --- by link -------------------------------------------------------------------------------------------------------


async def test_a_link_makes_a_member_once(ana: Person, visitor: Visitor, world: World, database: Database) -> None:
    made = await invite(ana, "technician", practices=[])
    before = await last_number(database, ana.provider_id)
    page = await visitor.follow(made["link"])
    assert page.status_code == 200
    assert "Atlas vous invite" in visitor.shown()
    assert "technicien" in visitor.shown()
    world.be_staff("Tom Durand")
    answer = await visitor.sign_in("staff", "?return_to=/auth/account%3Fx=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/account?x=1")
    me = await visitor.me()
    assert (me["name"], me["role"], me["practices"]) == ("Tom Durand", "technician", [])
    assert (await invitation(ana, made))["status"] == "used"
    found = [
        (entry["action"], entry["outcome"], entry["actor_id"])
        for entry in await entries(database, ana.provider_id, before)
    ]
    assert found == [("member.join", "done", me["subject"]), ("session.open", "done", me["subject"])]
    # The same person again, by the link they still have: in, and no second member.
    await visitor.follow(made["link"])
    assert "déjà servi" in visitor.shown()
    assert (await visitor.sign_in("staff")).status_code == 303
    assert len([row for row in (await ana.get("/v1/members"))["items"] if row["name"] == "Tom Durand"]) == 1


async def refused(visitor: Visitor, link: str, status: int, code: str, french: str, english: str) -> None:
    """Follow a link that lets nobody in: a page in French, one in English, a problem for a script."""
    form = {"token": link.rpartition("#")[2]}
    await visitor.post("/auth/invitation", form)
    assert (visitor.last.status_code, visitor.last.headers["content-language"]) == (status, "fr"), link
    assert french in visitor.shown()
    assert code in visitor.shown()
    await visitor.post("/auth/invitation", form, **{"Accept-Language": "en"})
    assert english in visitor.shown()
    assert refusal(await visitor.post("/auth/invitation", form, Accept="application/json")) == (status, code)
    assert "__Host-vigie-invitation" not in visitor.http.cookies


async def test_a_link_that_lets_nobody_in_says_so_before_the_identity_provider_is_asked(
    cast: Cast, ana: Person, visitor: Visitor
) -> None:
    good, used, revoked = [await invite(ana, "technician", expires_in_days=2) for _ in range(3)]
    short = await invite(ana, "technician", expires_in_days=1)
    first = another(visitor)
    await first.follow(used["link"])
    assert (await first.sign_in("staff")).status_code == 303
    assert (await ana.call("DELETE", f"/v1/invitations/{revoked['id']}")).status_code == 204
    cast.clock.advance(timedelta(days=1))
    other_end = good["link"][:-1] + ("A" if good["link"][-1] != "A" else "Q")
    unknown = (404, "invitation.unknown", "pas connu", "not known")
    await refused(visitor, other_end, *unknown)
    await refused(visitor, "nothing of the sort", *unknown)
    await refused(visitor, f"vit_{'A' * 22}_{'b' * 43}", *unknown)
    await refused(visitor, used["link"], 409, "invitation.used", "déjà servi", "has been used")
    await refused(visitor, revoked["link"], 410, "invitation.revoked", "a été retirée", "withdrawn")
    await refused(visitor, short["link"], 410, "invitation.expired", "a expiré", "has expired")
    assert (await visitor.follow(good["link"])).status_code == 200
    assert "__Host-vigie-invitation" in visitor.http.cookies


async def test_a_link_that_ends_while_one_is_at_the_identity_provider(
    ana: Person, visitor: Visitor, world: World, database: Database
) -> None:
    """Withdrawn, used by somebody else: said on the way back, recorded, and nobody becomes a member."""
    good, revoked, taken = [await invite(ana, "technician") for _ in range(3)]
    world.be_staff("Too Late")
    under_way = {}
    for made in (good, revoked, taken):
        browsing = under_way[made["id"]] = another(visitor)
        await browsing.follow(made["link"])
        browsing.waiting = await browsing.depart("staff")
    too_late = world.providers["staff"].subject
    world.be_staff("In Time")
    quick = another(visitor)
    await quick.follow(taken["link"])
    assert (await quick.sign_in("staff")).status_code == 303
    assert (await ana.call("DELETE", f"/v1/invitations/{revoked['id']}")).status_code == 204
    before = await last_number(database, ana.provider_id)
    world.be_staff("Too Late", too_late)
    for made, status, code in (
        (revoked, 410, "invitation.revoked"),
        (taken, 409, "invitation.used"),
    ):
        browsing = under_way[made["id"]]
        answer = await browsing.arrive("staff", browsing.waiting)
        assert (answer.status_code, code in browsing.shown()) == (status, True)
        assert "__Host-vigie" not in browsing.http.cookies
    names = {row["name"] for row in (await ana.get("/v1/members"))["items"]}
    assert names == {"Ana", "In Time"}
    found = [
        (entry["outcome"], entry["code"], entry["actor_kind"])
        for entry in await entries(database, ana.provider_id, before)
    ]
    assert found == [("refused", "invitation.revoked", "anonymous"), ("refused", "invitation.used", "anonymous")]
    browsing = under_way[good["id"]]
    assert (await browsing.arrive("staff", browsing.waiting)).status_code == 303


async def test_one_link_two_people_at_once(cast: Cast, ana: Person, visitor: Visitor, database: Database) -> None:
    """One comes by each door at the same moment: one gets in, the other is told, and there is one member."""
    for _ in range(3):
        made = await invite(ana, "practice_staff", practice_id=cast.cedar)
        visitor.world.be_staff("Somebody")
        visitor.world.be_dentist(new_rpps())
        racing = [another(visitor), another(visitor)]
        for browsing, idp in zip(racing, ("staff", "psc"), strict=True):
            await browsing.follow(made["link"])
            browsing.waiting = await browsing.depart(idp)
        answers = await asyncio.gather(
            *(browsing.arrive(idp, browsing.waiting) for browsing, idp in zip(racing, ("staff", "psc"), strict=True))
        )
        assert sorted(answer.status_code for answer in answers) == [303, 409]
        assert {code for _, code in map(refusal_of, answers)} == {"", "invitation.used"}
        used = await fetch(database, "SELECT member_id FROM invitation WHERE id = :id", id=UUID(made["id"]))
        assert used[0]["member_id"] is not None
    assert len((await ana.get("/v1/members?role=practice_staff"))["items"]) == 3


# --- by number -----------------------------------------------------------------------------------------------------


async def test_a_dentist_who_is_told_to_sign_in_simply_gets_in(
    cast: Cast, ana: Person, visitor: Visitor, world: World, database: Database
) -> None:
    rpps = new_rpps()
    made = await invite(ana, "practitioner", practice_id=cast.cedar, rpps=rpps)
    assert made["link"] is None
    assert (made["rpps_end"], rpps in str(made)) == (rpps[-4:], False)
    world.be_dentist(rpps)
    assert (await visitor.sign_in("psc")).headers["location"] == "/"
    me = await visitor.me()
    assert (me["role"], me["practices"], me["name"]) == ("practitioner", [cast.cedar], "CAMILLE PAZ")
    session = (await visitor.http.get("/v1/me/sessions")).json()["items"][0]
    assert (session["acr"], session["identity_provider"]) == ("eidas1", "psc")
    member = next(row for row in (await ana.get("/v1/members"))["items"] if row["id"] == me["subject"])
    assert (member["profession"], member["practice_id"]) == ("40", cast.cedar)
    assert (await invitation(ana, made))["status"] == "used"
    written = [str(entry) for entry in await entries(database, ana.provider_id)]
    assert not [entry for entry in written if rpps in entry]


async def test_a_number_that_is_not_quite_the_one_invited(
    cast: Cast, ana: Person, visitor: Visitor, world: World, database: Database
) -> None:
    """One digit, no rights, withdrawn, expired: a page each, and none that names anybody."""
    rpps = new_rpps()
    made = await invite(ana, "practitioner", practice_id=cast.cedar, rpps=rpps)
    gone = await invite(ana, "practitioner", practice_id=cast.elm, rpps=(withdrawn := new_rpps()))
    assert (await ana.call("DELETE", f"/v1/invitations/{gone['id']}")).status_code == 204
    old = new_rpps()
    await invite(ana, "practitioner", practice_id=cast.elm, rpps=old, expires_in_days=1)
    elsewhere = rpps[:4] + str((int(rpps[4]) + 1) % 10) + rpps[5:]
    cases: list[tuple[str, dict[str, Any], str]] = [
        (elsewhere, {}, "sign_in.no_access"),
        (withdrawn, {}, "sign_in.no_access"),
        (rpps, in_training(), "sign_in.profession_refused"),
        (rpps, {"SubjectRefPro": None}, "sign_in.profession_refused"),
        (rpps, {"SubjectNameID": f"3{rpps}"}, "sign_in.no_access"),  # another register's number
    ]
    before = await last_number(database, OPERATOR)
    for number, changed, code in cases:
        world.be_dentist(number, **changed)
        browsing = another(visitor)
        answer = await browsing.sign_in("psc")
        assert (answer.status_code, code in browsing.shown()) == (403, True), code
        assert not [word for word in ("Atlas", "Cedar", "Elm", "Ana") if word in answer.text]
        assert "__Host-vigie" not in browsing.http.cookies
    assert "numéro RPPS" in browsing.shown()
    recorded = [entry["code"] for entry in await entries(database, OPERATOR, before) if entry["outcome"] == "refused"]
    assert recorded == [code for *_, code in cases]
    cast.clock.advance(timedelta(days=1))
    world.be_dentist(old)
    assert (await another(visitor).sign_in("psc")).status_code == 403
    world.be_dentist(rpps)
    assert (await visitor.sign_in("psc")).status_code == 303
    assert (await visitor.me())["practices"] == [cast.cedar]
    assert (await invitation(await cast.ana(), made))["status"] == "used"


# --- several places ------------------------------------------------------------------------------------------------


async def test_a_practitioner_of_several_practices_chooses(
    cast: Cast, ana: Person, visitor: Visitor, world: World
) -> None:
    bea, rpps = await cast.bea(), new_rpps()
    await invite(ana, "practitioner", practice_id=cast.cedar, rpps=rpps)
    await invite(ana, "practitioner", practice_id=cast.elm, rpps=rpps)
    await invite(bea, "practitioner", practice_id=cast.fir, rpps=rpps)
    subject = world.be_dentist(rpps)
    page = await visitor.sign_in("psc", "?return_to=/auth/account%3Ffrom=choice")
    assert page.status_code == 200
    places = re.findall(r"<b>([^<]+)</b>", page.text)
    assert places == ["Cedar", "Elm", "Fir"]
    assert "__Host-vigie" not in visitor.http.cookies
    form = {"choice": visitor.field("choice"), "place": "2"}
    stranger = another(visitor)
    cases: list[tuple[Visitor, dict[str, str], dict[str, str], int, str]] = [
        (visitor, {**form, "place": "3"}, {}, 409, "sign_in.choice_expired"),
        (visitor, {**form, "place": "-1"}, {}, 409, "sign_in.choice_expired"),
        (visitor, {**form, "choice": form["choice"][:-2] + "AA"}, {}, 409, "sign_in.choice_expired"),
        (visitor, {"place": "2"}, {}, 409, "sign_in.choice_expired"),
        (stranger, form, {}, 409, "sign_in.choice_expired"),
        (visitor, form, {"Origin": "https://evil.test"}, 403, "auth.forged_request"),
    ]
    for browsing, sent, headers, status, code in cases:
        answer = await browsing.post("/auth/choose", sent, **headers)
        assert (answer.status_code, code in browsing.shown()) == (status, True), (sent, headers)
    answer = await visitor.post("/auth/choose", form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/account?from=choice")
    me = await visitor.me()
    assert (me["provider_id"], me["practices"]) == (bea.provider_id, [cast.fir])
    assert [place["practice_name"] for place in me["memberships"]] == ["Fir"]
    visitor.http.cookies.set("__Host-vigie-choice", page.headers["set-cookie"].split("=", 1)[1].split(";")[0])
    again = await visitor.post("/auth/choose", form)
    assert (again.status_code, "sign_in.choice_expired" in visitor.shown()) == (409, True)
    # Later, the membership beside the invitations that are still open; a choice that waited too long is none.
    world.be_dentist(rpps, subject)
    later = another(visitor)
    assert re.findall(r"<b>([^<]+)</b>", (await later.sign_in("psc")).text) == ["Fir", "Cedar", "Elm"]
    form = {"choice": later.field("choice"), "place": "0"}
    cast.clock.advance(timedelta(minutes=10))
    assert (await later.post("/auth/choose", form)).status_code == 409
    await later.sign_in("psc")
    form = {"choice": later.field("choice"), "place": "0"}
    cast.clock.advance(timedelta(minutes=9))
    assert (await later.post("/auth/choose", form)).status_code == 303


async def test_what_was_offered_is_decided_again_when_it_is_taken(
    cast: Cast, ana: Person, app: FastAPI, database: Database
) -> None:
    """By the use case itself: the page that carries an offer is sealed, and that is one lock and not both."""
    people, now = app.state.parts.people, cast.clock.now()
    made = await invite(ana, "practitioner", practice_id=cast.cedar, rpps=(rpps := new_rpps()))
    offer = Place(UUID(ana.provider_id), "Atlas", "practitioner", UUID(cast.cedar), "Cedar", None, UUID(made["id"]))
    identity = Identity(idp="psc", issuer=psc().issuer, subject=new_rpps(), id_token="none", name="Paz")
    right = replace(await recognise(people, identity, now), rpps=rpps, profession="40")
    nowhere = Browser(None, None, None)
    cases: list[tuple[Arrived, type[AppError]]] = [
        (replace(right, rpps=new_rpps()), NoAccessError),
        (replace(right, rpps=None), NoAccessError),
        (replace(right, profession=None), ProfessionRefusedError),
    ]
    for bent, expected in cases:
        with pytest.raises(expected):
            await enter(people, Visit(psc(), bent, nowhere, now), offer)
    with pytest.raises(WrongDoorError):
        await enter(people, Visit(staff(), right, nowhere, now), offer)
    entered = await enter(people, Visit(psc(), right, nowhere, now), offer)
    place = replace(offer, invitation_id=None, member_id=entered.member_id)
    await enter(people, Visit(psc(), right, nowhere, now), place)
    assert (await ana.call("DELETE", f"/v1/members/{entered.member_id}")).status_code == 204
    with pytest.raises(NoAccessError):
        await enter(people, Visit(psc(), right, nowhere, now), place)
    assert len(await fetch(database, "SELECT id FROM member WHERE account_id = :id", id=right.account_id)) == 1


# --- accounts ------------------------------------------------------------------------------------------------------


async def test_first_sign_ins_at_the_same_moment_make_one_account(
    cast: Cast, ana: Person, visitor: Visitor, world: World, database: Database
) -> None:
    rpps = new_rpps()
    await invite(ana, "practitioner", practice_id=cast.cedar, rpps=rpps)
    subject = world.be_dentist(rpps)
    tabs = [another(visitor) for _ in range(6)]
    queries = [await tab.depart("psc") for tab in tabs]
    answers = await asyncio.gather(*(tab.arrive("psc", query) for tab, query in zip(tabs, queries, strict=True)))
    accounts = await fetch(database, "SELECT id FROM account WHERE subject = :subject", subject=subject)
    members = await fetch(database, "SELECT id FROM member WHERE account_id = :id", id=accounts[0]["id"])
    assert (len(accounts), len(members)) == (1, 1)
    assert {answer.status_code for answer in answers} == {303}  # each tab is in: who comes second is a member by then


async def test_an_account_follows_the_number_when_pro_sante_connect_changes_the_subject(
    cast: Cast, ana: Person, visitor: Visitor, world: World, database: Database
) -> None:
    rpps = new_rpps()
    await invite(ana, "practitioner", practice_id=cast.cedar, rpps=rpps)
    before = await last_number(database, OPERATOR)
    first = world.be_dentist(rpps)
    await visitor.sign_in("psc")
    was = await visitor.me()
    renamed = world.be_dentist(rpps)
    assert (await another(visitor).sign_in("psc")).status_code == 303
    fresh = another(visitor)
    await fresh.sign_in("psc")
    assert (await fresh.me())["subject"] == was["subject"]
    found = await fetch(database, "SELECT subject FROM account WHERE subject IN (:a, :b)", a=first, b=renamed)
    assert [row["subject"] for row in found] == [renamed]
    entry = next(entry for entry in await entries(database, OPERATOR, before) if entry["action"] == "account.relink")
    assert rpps not in str(entry)
    # The number of another person under a known subject is two people; one that replaces an older one is not.
    other = new_rpps()
    world.be_dentist(other, renamed)
    answer = await another(visitor).sign_in("psc")
    assert refusal_of(answer) == (409, "sign_in.identity_conflict")
    both = [{"identifiant": f"8{number}", "origine": "RPPS", "qualite": 1} for number in (rpps, other)]
    world.be_dentist(other, renamed, otherIds=both)
    assert (await another(visitor).sign_in("psc")).status_code == 303


def refusal_of(page: httpx.Response) -> tuple[int, str]:
    """Return status and code of a page that refuses."""
    found = re.search(r"<code>([^<]+)</code>", page.text)
    return page.status_code, found[1] if found else ""


async def test_an_e_mail_address_makes_nobody_the_same_person(ana: Person, visitor: Visitor, world: World) -> None:
    made = await invite(ana, "technician")
    subject = world.be_staff("Tom")
    await visitor.follow(made["link"])
    assert (await visitor.sign_in("staff")).status_code == 303
    address = world.providers["staff"].person["email"]
    world.be_staff("Tom")
    world.providers["staff"].person = {**world.providers["staff"].person, "email": address}
    assert refusal_of(await another(visitor).sign_in("staff")) == (403, "sign_in.no_access")
    world.be_staff("Tom", subject)
    assert (await another(visitor).sign_in("staff")).status_code == 303


# --- doors ---------------------------------------------------------------------------------------------------------


async def test_each_role_has_its_doors(cast: Cast, ana: Person, visitor: Visitor, world: World) -> None:
    """Whoever comes by the wrong one is told so, and the invitation stays open for the right one."""
    cases = [
        ("owner", {}, {"staff"}),
        ("technician", {}, {"staff"}),
        ("auditor", {}, {"staff"}),
        ("practitioner", {"practice_id": cast.cedar}, {"psc"}),
        ("practice_staff", {"practice_id": cast.elm}, {"staff", "psc"}),
    ]
    for role, more, doors in cases:
        for door in sorted({"psc", "staff"}, key=lambda door: (door in doors, door)):
            made = await invite(ana, role, **more)
            world.be_dentist(new_rpps())
            world.be_staff("Somebody")
            browsing = another(visitor)
            page = await browsing.follow(made["link"])
            assert (f'href="/auth/login/{door}?invited=1"' in page.text) == (door in doors), (role, door)
            answer = await browsing.sign_in(door)
            if door in doors:
                assert answer.status_code == 303, (role, door)
                assert (await browsing.me())["role"] == role
            else:
                assert refusal_of(answer) == (403, "sign_in.wrong_door"), (role, door)
                assert (await invitation(ana, made))["status"] == "open"


async def test_an_invitation_waits_for_whom_it_was_opened_by(
    cast: Cast, ana: Person, visitor: Visitor, world: World
) -> None:
    """By the wrong door, or after a change of mind, it is there still; somebody else who signs in meanwhile does not take it."""
    made = await invite(ana, "practice_staff", practice_id=cast.cedar)
    await visitor.follow(made["link"])
    world.be_staff("Passer-by")
    visitor.invited = False  # who signs in at the same browser, by the page everybody uses
    assert refusal_of(await visitor.sign_in("staff")) == (403, "sign_in.no_access")
    assert (await invitation(ana, made))["status"] == "open"
    await visitor.follow(made["link"])
    world.bend("staff", error="access_denied")
    assert refusal_of(await visitor.sign_in("staff")) == (403, "sign_in.cancelled")
    world.bend("staff", error=None)
    assert 'href="/auth/login/psc?invited=1"' in (await visitor.get("/auth/login?invited=1")).text
    world.be_dentist(new_rpps())
    assert (await visitor.sign_in("psc", "?invited=1")).status_code == 303
    assert (await visitor.me())["role"] == "practice_staff"
    assert "__Host-vigie-invitation" not in visitor.http.cookies
    owners = await invite(ana, "owner")
    browsing = another(visitor)
    await browsing.follow(owners["link"])
    page = await browsing.sign_in("psc")
    assert refusal_of(page) == (403, "sign_in.wrong_door")
    assert 'href="/auth/login?invited=1"' in page.text
    world.be_staff("Olga")
    assert (await browsing.sign_in("staff", "?invited=1")).status_code == 303
    assert (await browsing.me())["role"] == "owner"


async def test_practice_staff_needs_no_profession_and_a_practitioner_does(
    cast: Cast, ana: Person, visitor: Visitor, world: World
) -> None:
    for role, outcome in (("practice_staff", 303), ("practitioner", 403)):
        made = await invite(ana, role, practice_id=cast.cedar)
        world.be_dentist(new_rpps(), **in_training())
        browsing = another(visitor)
        await browsing.follow(made["link"])
        assert (await browsing.sign_in("psc")).status_code == outcome, role


async def test_a_member_who_is_one_already_does_not_use_up_the_invitation(
    ana: Person, visitor: Visitor, world: World
) -> None:
    first, second = [await invite(ana, "technician") for _ in range(2)]
    subject = world.be_staff("Tom")
    await visitor.follow(first["link"])
    assert (await visitor.sign_in("staff")).status_code == 303
    await visitor.follow(second["link"])
    assert refusal_of(await visitor.sign_in("staff")) == (409, "invitation.already_member")
    assert (await invitation(ana, second))["status"] == "open"
    world.be_staff("Uma")
    await another(visitor).follow(second["link"])
    browsing = another(visitor)
    await browsing.follow(second["link"])
    assert (await browsing.sign_in("staff")).status_code == 303
    world.be_staff("Tom", subject)


# --- the way there and back ----------------------------------------------------------------------------------------


async def test_what_goes_wrong_on_the_way_is_a_page_and_a_code(ana: Person, visitor: Visitor, world: World) -> None:
    made = await invite(ana, "technician")
    world.be_staff("Tom")
    await visitor.follow(made["link"])
    query = await visitor.depart("staff")
    stranger = another(visitor)
    assert refusal_of(await stranger.arrive("staff", query)) == (400, "sign_in.attempt_unknown")
    assert refusal_of(await visitor.arrive("psc", query)) == (400, "sign_in.provider_mismatch")
    await visitor.follow(made["link"])
    query = await visitor.depart("staff")
    cookies = dict(visitor.http.cookies)
    assert (await visitor.arrive("staff", query)).status_code == 303
    for name, value in cookies.items():
        if name not in visitor.http.cookies:
            visitor.http.cookies.set(name, value, domain="vigie.test")
    assert refusal_of(await visitor.arrive("staff", query)) == (409, "sign_in.attempt_used")
    assert refusal_of(await visitor.get("/auth/login/nobody")) == (404, "sign_in.unknown_provider")
    assert refusal_of(await visitor.get("/auth/callback/nobody?state=x&code=y")) == (404, "sign_in.unknown_provider")
    world.bend("staff", error="access_denied")
    assert refusal_of(await visitor.sign_in("staff")) == (403, "sign_in.cancelled")
    world.bend("staff", error=None, away={"token_endpoint"})
    assert refusal_of(await visitor.sign_in("staff")) == (503, "sign_in.provider_away")
    world.bend("staff", away=set())
    assert (await visitor.sign_in("staff")).status_code == 303


async def test_one_comes_back_to_a_path_of_ours_and_nowhere_else(visitor: Visitor, ana: Person, world: World) -> None:
    for path in ("//evil.test/x", "https://evil.test/", "/\\evil.test", "javascript:alert(1)", "practices"):
        answer = await visitor.get(f"/auth/login/staff?{urlencode({'return_to': path})}")
        assert refusal_of(answer) == (422, "sign_in.return_to_refused"), path
        assert "location" not in answer.headers
    page = await visitor.get("/auth/login?return_to=/practices%3Fx=1")
    assert 'href="/auth/login/psc?return_to=/practices%3Fx=1"' in page.text
    made = await invite(ana, "technician")
    world.be_staff("Tom")
    await visitor.follow(made["link"])
    assert (await visitor.sign_in("staff", "?return_to=/practices%3Fx=1")).headers["location"] == "/practices?x=1"


async def test_the_token_of_a_link_is_in_no_address_and_no_page(ana: Person, visitor: Visitor, world: World) -> None:
    made = await invite(ana, "technician")
    head, _, token = made["link"].partition("#")
    assert head == "https://vigie.test/auth/invitation"
    world.be_staff("Tom")
    page = await visitor.follow(made["link"])
    assert token not in page.text
    departure = await visitor.get("/auth/login/staff?invited=1")
    back = await visitor.arrive("staff", world.authorize("staff", departure.headers["location"]))
    for answer in (page, departure, back):
        assert token not in str(answer.headers)
        assert token[30:] not in answer.headers.get("location", "")
    assert back.status_code == 303


async def test_the_door_one_came_by_is_offered_first_next_time(visitor: Visitor, world: World, ana: Person) -> None:
    new = {
        "label": "Annuaire d'Atlas",
        "issuer": "https://id.atlas.test",
        "client_id": "vigie-tests",
        "client_secret": "s",
    }
    world.providers["own"] = BadIdp(generic_at("https://id.atlas.test"), world.clock.now())
    made = await ana.post("/v1/identity-providers", new)
    before = await visitor.get("/auth/login")
    assert made["id"] not in before.text
    visitor.http.cookies.set("__Host-vigie-door", made["id"], domain="vigie.test")
    assert "Continuer avec Annuaire d" in (await visitor.get("/auth/login")).text


async def test_a_service_without_a_sealing_key_says_that_signing_in_is_off(
    shared_app: FastAPI, front_app: FastAPI
) -> None:
    for app, answer in ((shared_app, (503, "sign_in.off")), (front_app, (404, "sign_in.unknown_provider"))):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://vigie.test") as client:
            assert refusal(await client.get("/auth/login/nobody")) == answer
            assert (await client.get("/auth/login")).status_code == 200


async def test_who_knocks_too_often_is_told_when_to_come_back(
    front_settings: Settings, world: World, clock: MovableClock
) -> None:
    few = front_settings.model_copy(update={"limit_sign_in_address": "3/minute"})
    app = create_app(few, clock=clock, outbound=world.outbound())
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, client=("192.0.2.1", 5000))
        other = httpx.ASGITransport(app, client=("192.0.2.2", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="https://vigie.test") as client:
            knocking = Visitor(client, world)
            statuses = [(await knocking.get("/auth/login/staff")).status_code for _ in range(4)]
            assert statuses == [302, 302, 302, 429]
            assert refusal_of(knocking.last) == (429, "rate_limit.exceeded")
            assert 0 < int(knocking.last.headers["retry-after"]) <= 60
            assert (await knocking.get("/auth/login")).status_code == 200  # the page itself counts for nothing
        async with httpx.AsyncClient(transport=other, base_url="https://vigie.test") as client:
            assert (await Visitor(client, world).get("/auth/login/staff")).status_code == 302


async def test_pages_are_french_unless_english_is_preferred(visitor: Visitor) -> None:
    cases = [
        ("fr", "fr"),
        ("en", "en"),
        ("de", "fr"),
        ("", "fr"),
        ("*", "fr"),
        ("en-GB,fr;q=0.5", "en"),
        ("en;q=0.4,fr;q=0.9", "fr"),
    ]
    for asked, language in cases:
        page = await visitor.get("/auth/login", **{"Accept-Language": asked})
        assert page.headers["content-language"] == language, asked
        assert f'<html lang="{language}">' in page.text
        assert ("Se connecter" in page.text) == (language == "fr")
