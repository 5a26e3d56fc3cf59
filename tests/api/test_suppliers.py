"""Suppliers: the provider's own list, what each practice uses, who sees whose, and the certificates of hosts."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.cast import Cast
from tests.support.records import CERTIFICATE, HOSTING, done, finding, refused, said, supplier
from vigie.core.db import Database

NEW = {"name": "Logiciels du Sud", "kind": "software_vendor"}
WHOLE = {
    **NEW,
    "security_contact": "rssi@sud.example",
    "emergency_phone": "+33 1 23 45 67 89",
    "website": "https://sud.example/aide",
    "siret": "73282932000074",
}
FORBIDDEN, LIMITED = (403, "auth.insufficient_scope"), (403, "auth.limited_to_practices")
INVALID, NOT_FOUND = (422, "request.invalid"), (404, "not_found")


async def names_seen_by(who: Any) -> set[str]:
    return {each["name"] for each in (await done(who, "GET", "/v1/suppliers"))["items"]}


async def test_a_supplier_is_added_read_changed_and_found_in_the_list(cast: Cast) -> None:
    created = await done(cast.pia, "POST", "/v1/suppliers", WHOLE)
    path = f"/v1/suppliers/{created['id']}"
    assert created == await cast.pia.get(path)
    assert {name: created[name] for name in WHOLE} == WHOLE
    assert (created["own"], created["practice_id"]) == (False, None)
    changed = await done(cast.pia, "PATCH", path, {"name": "Sud", "website": None})
    assert changed == {**created, "name": "Sud", "website": None} == await cast.pia.get(path)
    assert await names_seen_by(cast.pia) == {"Atlas", "Sud"}
    of_kind = await cast.pia.get("/v1/suppliers", params={"kind": "software_vendor"})
    assert [each["name"] for each in of_kind["items"]] == ["Sud"]


async def test_the_provider_is_the_first_of_its_suppliers_and_gets_a_row_when_something_is_said_of_it(
    cast: Cast,
) -> None:
    own = cast.pia.provider_id
    (only,) = (await cast.pia.get("/v1/suppliers"))["items"]
    assert (only["id"], only["name"], only["own"], only["created_at"]) == (own, "Atlas", True, None)
    assert await cast.pia.get(f"/v1/suppliers/{own}") == only
    used = await done(
        cast.pia, "PUT", f"/v1/practices/{cast.cedar}/suppliers/{own}", {"services": ["remote", "on_site"]}
    )
    assert (used["own"], used["questionnaires"]) == (True, [1, 2, 3])
    first = await done(cast.pia, "PATCH", f"/v1/suppliers/{own}", {"emergency_phone": "3636"})
    assert first["created_at"] == "2026-11-17T09:30:00Z"
    await supplier(cast.pia)
    page = await cast.pia.get("/v1/suppliers", params={"limit": 1})
    rest = await cast.pia.get("/v1/suppliers", params={"limit": 1, "cursor": page["next_cursor"]})
    assert [each["name"] for each in (*page["items"], *rest["items"])] == ["Atlas", "Hébergement Nord"]
    assert rest["next_cursor"] is None
    assert await refused(cast.bela, "PUT", f"/v1/practices/{cast.fir}/suppliers/{own}", {}) == NOT_FOUND


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 121),
        ("name", "two\nlines"),
        ("kind", "plumber"),
        ("emergency_phone", "call me"),
        ("emergency_phone", "1"),
        ("emergency_phone", "0" * 25),
        ("website", "ftp://sud.example"),
        ("website", "javascript:alert(1)"),
        ("siret", "73282932000075"),
        ("notes", "anything"),
    ],
)
async def test_a_supplier_of_another_shape_is_refused(cast: Cast, field: str, value: Any) -> None:
    assert await refused(cast.pia, "POST", "/v1/suppliers", {**WHOLE, field: value}) == INVALID
    assert await names_seen_by(cast.pia) == {"Atlas"}


async def test_the_same_supplier_under_the_same_key_is_added_once(cast: Cast) -> None:
    for path, body in (
        ("/v1/suppliers", NEW),
        (f"/v1/practices/{cast.cedar}/suppliers", {**NEW, "services": ["remote"]}),
    ):
        key = {"Idempotency-Key": str(uuid4())}
        first, second = [await done(cast.pia, "POST", path, body, headers=key) for _ in range(2)]
        assert first == second
    assert len((await cast.pia.get("/v1/suppliers"))["items"]) == 3


async def test_each_side_sees_its_own_suppliers(cast: Cast) -> None:
    ana, tom, paz = await cast.ana(), await cast.tom(), await cast.paz()
    shared = await supplier(ana, "Tout le monde")
    await supplier(ana, "Personne encore")
    await done(ana, "PUT", f"/v1/practices/{cast.cedar}/suppliers/{shared}", {})
    await done(paz, "POST", f"/v1/practices/{cast.cedar}/suppliers", {"name": "Neveu de Paz", "kind": "other"})
    elms = await done(ana, "POST", f"/v1/practices/{cast.elm}/suppliers", {"name": "Voisin d'Elm", "kind": "other"})
    providers = {"Atlas", "Tout le monde", "Personne encore"}
    assert await names_seen_by(ana) == {*providers, "Neveu de Paz", "Voisin d'Elm"}
    assert await names_seen_by(tom) == {*providers, "Neveu de Paz"}
    assert await names_seen_by(paz) == {"Tout le monde", "Neveu de Paz"}
    assert await names_seen_by(cast.bela) == {"Borea"}
    path = f"/v1/suppliers/{elms['id']}"
    assert [await refused(who, "GET", path) for who in (tom, paz, cast.bela)] == [NOT_FOUND] * 3
    assert (await ana.get(path))["practice_id"] == cast.elm


async def test_a_supplier_of_one_practice_is_listed_by_no_other(cast: Cast) -> None:
    own = await done(cast.pia, "POST", f"/v1/practices/{cast.cedar}/suppliers", NEW)
    listed = f"suppliers/{own['id']}"
    assert await refused(cast.pia, "PUT", f"/v1/practices/{cast.elm}/{listed}", {}) == NOT_FOUND
    await done(cast.pia, "PUT", f"/v1/practices/{cast.cedar}/{listed}", {"services": ["on_site"]})


async def test_who_may_write_what_about_suppliers(cast: Cast) -> None:
    ana, lea, tom, paz, zoe = [await make() for make in (cast.ana, cast.lea, cast.tom, cast.paz, cast.zoe)]
    shared, of_cedar = await supplier(ana), f"/v1/practices/{cast.cedar}/suppliers"
    for who, refusal in ((lea, None), (tom, LIMITED), (paz, NOT_FOUND), (zoe, FORBIDDEN)):
        answer = await who.call("PATCH", f"/v1/suppliers/{shared}", json={"emergency_phone": "3131"})
        assert (None if answer.is_success else (answer.status_code, answer.json()["code"])) == refusal, who.name
    assert await refused(zoe, "POST", of_cedar, NEW) == FORBIDDEN
    assert await refused(paz, "PUT", f"{of_cedar}/{shared}", {}) == NOT_FOUND  # not used by the practice: not seen
    await done(tom, "PUT", f"{of_cedar}/{shared}", {})
    assert await refused(paz, "PATCH", f"/v1/suppliers/{shared}", {"name": "Mine"}) == LIMITED
    assert await refused(paz, "POST", f"/v1/suppliers/{shared}/certificates", CERTIFICATE) == LIMITED
    own = (await done(paz, "POST", of_cedar, NEW))["id"]
    await done(paz, "PATCH", f"/v1/suppliers/{own}", {"name": "Mine"})
    await done(paz, "POST", f"/v1/suppliers/{own}/certificates", CERTIFICATE)
    assert await refused(zoe, "DELETE", f"{of_cedar}/{own}") == FORBIDDEN
    await done(paz, "DELETE", f"{of_cedar}/{own}")
    assert await refused(paz, "DELETE", f"{of_cedar}/{own}") == NOT_FOUND


@pytest.mark.parametrize(
    "use",
    [
        {"services": ["remote"], "hosts_health_data": True},
        {"services": ["hosting"], "hds_activities": [6]},
        {**HOSTING, "hds_activities": [0]},
        {**HOSTING, "hds_activities": [7]},
        {**HOSTING, "hds_activities": [6, 6]},
        {"services": ["hosting", "hosting"]},
        {"services": ["cooking"]},
    ],
)
async def test_a_use_that_contradicts_itself_is_refused(cast: Cast, use: dict[str, Any]) -> None:
    path = f"/v1/practices/{cast.cedar}/suppliers/{await supplier(cast.pia)}"
    assert await refused(cast.pia, "PUT", path, use) == INVALID
    assert (await done(cast.pia, "PUT", path, HOSTING))["questionnaires"] == [1, 4]


async def test_a_confirmed_list_is_doubted_when_it_shrinks(cast: Cast, database: Database) -> None:
    paz, path = await cast.paz(), f"/v1/practices/{cast.cedar}/suppliers"
    assert await done(paz, "GET", path) == {"confirmed_at": None, "confirmed_by": None, "items": []}
    host = await supplier(cast.pia)
    await done(cast.pia, "PUT", f"{path}/{host}", {"services": ["remote", "hosting"]})

    async def confirmed() -> str | None:
        await done(paz, "POST", f"{path}/confirm")
        found = await done(paz, "GET", path)
        assert (found["confirmed_by"], found["confirmed_at"]) == ("Dr Paz", "2026-11-17T09:30:00Z")
        return str(found["items"][0]["name"])

    assert await said(database, cast.cedar, "ANS-8.5") is None
    assert await confirmed() == "Hébergement Nord"
    assert await said(database, cast.cedar, "ANS-8.5") == ("not_applicable", "no_outside_host")
    await done(cast.pia, "PUT", f"{path}/{host}", {**HOSTING, "services": ["remote", "hosting"]})
    assert (await paz.get(path))["confirmed_at"] is not None
    assert await said(database, cast.cedar, "ANS-8.5") == ("fail", "certificate_missing")
    for shrunk in ({**HOSTING, "services": ["hosting"]}, {"services": ["hosting"]}, None):
        await confirmed()
        await done(cast.pia, "DELETE" if shrunk is None else "PUT", f"{path}/{host}", shrunk)
        assert (await paz.get(path))["confirmed_at"] is None
    assert await said(database, cast.cedar, "ANS-8.5") is None


async def test_certificates_of_a_host_decide_for_every_practice_whose_data_it_holds(
    cast: Cast, database: Database
) -> None:
    host = await supplier(cast.pia)
    for practice, use in ((cast.cedar, HOSTING), (cast.elm, {"services": ["hosting"]})):
        await done(cast.pia, "PUT", f"/v1/practices/{practice}/suppliers/{host}", use)
    path = f"/v1/suppliers/{host}/certificates"
    assert await said(database, cast.cedar, "ANS-8.5") == ("fail", "certificate_missing")
    narrow = await done(cast.pia, "POST", path, {**CERTIFICATE, "activities": [4]})
    assert await said(database, cast.cedar, "ANS-8.5") == ("fail", "certificate_too_narrow")
    await done(cast.pia, "DELETE", f"{path}/{narrow['id']}")
    near = await done(cast.pia, "POST", path, {**CERTIFICATE, "expires_on": "2027-01-16"})
    assert await said(database, cast.cedar, "ANS-8.5") == ("warn", "certificate_ending")
    assert (await finding(database, cast.cedar, "ANS-8.5"))["valid_until"].isoformat() == "2027-01-17T00:00:00+00:00"
    await done(cast.pia, "DELETE", f"{path}/{near['id']}")
    assert await said(database, cast.cedar, "ANS-8.5") == ("fail", "certificate_missing")
    await done(cast.pia, "POST", path, CERTIFICATE)
    assert await said(database, cast.cedar, "ANS-8.5") == ("pass", "hosts_certified")
    assert await said(database, cast.elm, "ANS-8.5") is None
    listed = (await cast.pia.get(path))["items"]
    assert [(each["expires_on"], each["withdrawn_at"] is None) for each in listed] == [
        ("2028-03-31", True),
        ("2027-01-16", False),
        ("2028-03-31", False),
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("activities", []),
        ("activities", [7]),
        ("referential", "v3"),
        ("expires_on", "2028-02-30"),
        ("expires_on", "9999-12-31"),
        ("number", ""),
    ],
)
async def test_a_certificate_of_another_shape_is_refused(cast: Cast, field: str, value: Any) -> None:
    path = f"/v1/suppliers/{await supplier(cast.pia)}/certificates"
    assert await refused(cast.pia, "POST", path, {**CERTIFICATE, field: value}) == INVALID
    assert (await cast.pia.get(path))["items"] == []


async def test_a_certificate_is_withdrawn_once_and_from_its_own_supplier(cast: Cast) -> None:
    one, other = [await supplier(cast.pia, name) for name in ("A", "B")]
    made = await done(cast.pia, "POST", f"/v1/suppliers/{one}/certificates", CERTIFICATE)
    assert await refused(cast.pia, "DELETE", f"/v1/suppliers/{other}/certificates/{made['id']}") == NOT_FOUND
    for _ in range(2):
        await done(cast.pia, "DELETE", f"/v1/suppliers/{one}/certificates/{made['id']}")


async def test_an_archived_practice_keeps_its_suppliers_and_takes_no_more(cast: Cast) -> None:
    path = f"/v1/practices/{cast.elm}/suppliers"
    own = (await done(cast.pia, "POST", path, NEW))["id"]
    await done(cast.pia, "DELETE", f"/v1/practices/{cast.elm}")
    assert [each["id"] for each in (await cast.pia.get(path))["items"]] == [own]
    archived = (409, "practice.archived")
    for method, where, body in (
        ("POST", path, NEW),
        ("POST", f"{path}/confirm", None),
        ("PUT", f"{path}/{own}", {}),
        ("DELETE", f"{path}/{own}", None),
        ("PATCH", f"/v1/suppliers/{own}", {"name": "x"}),
        ("POST", f"/v1/suppliers/{own}/certificates", CERTIFICATE),
    ):
        assert await refused(cast.pia, method, where, body) == archived, where


async def test_a_certificate_still_counts_for_the_living_when_a_practice_is_archived(
    cast: Cast, database: Database
) -> None:
    host = await supplier(cast.pia)
    for practice in (cast.cedar, cast.elm):
        await done(cast.pia, "PUT", f"/v1/practices/{practice}/suppliers/{host}", HOSTING)
    await done(cast.pia, "DELETE", f"/v1/practices/{cast.elm}")
    await done(cast.pia, "POST", f"/v1/suppliers/{host}/certificates", CERTIFICATE)
    assert await said(database, cast.cedar, "ANS-8.5") == ("pass", "hosts_certified")
    assert await finding(database, cast.elm, "ANS-8.5") == {}


async def test_what_changes_about_suppliers_stands_among_the_changes_of_the_practice(cast: Cast) -> None:
    path = f"/v1/practices/{cast.cedar}/suppliers"
    made = (await done(cast.pia, "POST", path, NEW))["id"]
    await done(cast.pia, "PUT", f"{path}/{made}", {"services": ["remote"]})
    await done(cast.pia, "PUT", f"{path}/{made}", {"services": ["remote"]})
    await done(cast.pia, "POST", f"{path}/confirm")
    await done(cast.pia, "DELETE", f"{path}/{made}")
    changes = (await cast.pia.get(f"/v1/practices/{cast.cedar}/changes"))["items"]
    told = [each["payload"]["change"] for each in changes if each["kind"] == "supplier.changed"]
    assert told == ["unlisted", "list_confirmed", "used_otherwise", "listed"]
