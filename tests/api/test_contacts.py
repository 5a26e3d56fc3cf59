"""The contacts of the incident card: replaced as a whole, confirmed, and what they make of ANS-10.2."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.cast import Cast
from tests.support.records import CARD, done, finding, refused
from vigie.core.db import Database
from vigie.core.pagination import Page
from vigie.overview.schemas import ChangeOut

KINDS = ["it_provider", "insurer", "referent", "backup_custodian"]
FORBIDDEN, INVALID = (403, "auth.insufficient_scope"), (422, "request.invalid")


async def verdict(database: Database, practice: str) -> tuple[str, str]:
    found = await finding(database, practice, "ANS-10.2")
    return found["state"], found["reason"]


async def test_a_card_is_filled_in_confirmed_and_grows_old(cast: Cast, database: Database) -> None:
    zoe, path = await cast.zoe(), f"/v1/practices/{cast.cedar}/contacts"
    empty = {"contacts": [], "required": KINDS, "missing": KINDS, "confirmed_at": None, "confirmed_by": None}
    assert await zoe.get(path) == empty
    filled = await done(zoe, "PUT", path, {"contacts": CARD[:-1]})
    assert (filled["missing"], await verdict(database, cast.cedar)) == (
        ["backup_custodian"],
        ("fail", "contacts_missing"),
    )
    answer = await zoe.call("POST", f"{path}/confirm")
    assert (answer.status_code, answer.json()["missing"]) == (409, ["backup_custodian"])
    whole = await done(zoe, "PUT", path, {"contacts": CARD})
    bare = {"email": None, "policy_number": None}
    assert whole["contacts"] == [{**bare, **each} for each in CARD]
    assert await verdict(database, cast.cedar) == ("fail", "contacts_unconfirmed")
    confirmed = await done(zoe, "POST", f"{path}/confirm")
    assert (confirmed["confirmed_at"], confirmed["confirmed_by"]) == ("2026-11-17T09:30:00Z", "Zoe")
    assert await zoe.get(path) == confirmed
    assert await verdict(database, cast.cedar) == ("pass", "contacts_current")
    found = await finding(database, cast.cedar, "ANS-10.2")
    assert found["valid_until"].isoformat() == "2027-05-17T09:30:01+00:00"
    cast.clock.advance(timedelta(days=200))
    await done(cast.pia, "PUT", path, {"contacts": [*CARD, {"kind": "other", "name": "Plombier", "phone": "3939"}]})
    assert await verdict(database, cast.cedar) == ("warn", "contacts_ageing")
    await done(cast.pia, "POST", f"{path}/confirm")
    assert await verdict(database, cast.cedar) == ("pass", "contacts_current")
    await done(cast.pia, "PUT", path, {"contacts": []})
    assert await verdict(database, cast.cedar) == ("fail", "card_missing")


async def test_who_cannot_be_telephoned_is_missing(cast: Cast) -> None:
    path = f"/v1/practices/{cast.cedar}/contacts"
    by_mail = [{**CARD[0], "phone": None, "email": "urgence@atlas.example"}, *CARD[1:]]
    assert (await done(cast.pia, "PUT", path, {"contacts": by_mail}))["missing"] == ["it_provider"]
    assert (await done(cast.pia, "PUT", path, {"contacts": [*by_mail, CARD[0]]}))["missing"] == []


@pytest.mark.parametrize(
    "bent",
    [
        {"kind": "patient"},
        {"name": ""},
        {"name": "x" * 121},
        {"phone": None},
        {"phone": "ask at the desk"},
        {"email": "nobody"},
        {"policy_number": "CY-77"},
        {"note": "allergic to penicillin"},
    ],
)
async def test_a_contact_of_another_shape_is_refused(cast: Cast, bent: dict[str, Any]) -> None:
    path = f"/v1/practices/{cast.cedar}/contacts"
    card = {"contacts": [{**CARD[0], **bent}]}
    assert await refused(cast.pia, "PUT", path, card) == INVALID
    assert await refused(cast.pia, "PUT", path, {"contacts": [CARD[0]] * 31}) == INVALID
    await done(cast.pia, "PUT", path, {"contacts": [CARD[0]] * 30})


async def test_two_people_do_not_overwrite_each_other(cast: Cast) -> None:
    path = f"/v1/practices/{cast.cedar}/contacts"
    read = (await cast.pia.call("GET", path)).headers["ETag"]
    written = await cast.pia.call("PUT", path, json={"contacts": CARD}, headers={"If-Match": read})
    assert written.is_success
    late = {"json": {"contacts": []}, "headers": {"If-Match": read}}
    assert await refused(cast.pia, "PUT", path, **late) == (412, "contacts.changed")
    late["headers"] = {"If-Match": written.headers["ETag"]}
    assert (await done(cast.pia, "PUT", path, **late))["contacts"] == []


async def test_who_fills_in_a_card(cast: Cast) -> None:
    path = f"/v1/practices/{cast.cedar}/contacts"
    for who in (await cast.ana(), await cast.lea(), await cast.tom(), await cast.paz(), await cast.zoe()):
        await done(who, "PUT", path, {"contacts": CARD})
        await done(who, "POST", f"{path}/confirm")
    ivo = await cast.ivo()
    assert await refused(ivo, "PUT", path, {"contacts": CARD}) == FORBIDDEN
    assert await refused(ivo, "POST", f"{path}/confirm") == FORBIDDEN
    assert (await ivo.get(path))["confirmed_by"] == "Zoe"


async def test_an_archived_practice_keeps_its_card(cast: Cast) -> None:
    path = f"/v1/practices/{cast.elm}/contacts"
    card = await done(cast.pia, "PUT", path, {"contacts": CARD})
    await done(cast.pia, "DELETE", f"/v1/practices/{cast.elm}")
    assert await cast.pia.get(path) == card
    assert await refused(cast.pia, "PUT", path, {"contacts": []}) == (409, "practice.archived")
    assert await refused(cast.pia, "POST", f"{path}/confirm") == (409, "practice.archived")


async def test_confirming_stands_among_the_changes_without_a_name_or_a_number(cast: Cast) -> None:
    path = f"/v1/practices/{cast.cedar}/contacts"
    await done(cast.pia, "PUT", path, {"contacts": CARD})
    await done(cast.pia, "PUT", path, {"contacts": CARD})
    await done(cast.pia, "POST", f"{path}/confirm")
    answer = await cast.pia.call("GET", f"/v1/practices/{cast.cedar}/changes")
    told = [each["kind"] for each in answer.json()["items"] if each["kind"].startswith("contacts.")]
    assert told == ["contacts.confirmed", "contacts.changed"]
    assert answer.content == Page[ChangeOut].model_validate_json(answer.content).model_dump_json().encode()
    assert "Mutuelle" not in answer.text
    assert "0800" not in answer.text
