"""Contracts with suppliers: recorded, changed, closed, and what their dates make of ANS-8.1."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.support.cast import Cast
from tests.support.records import done, finding, refused, said, supplier
from vigie.core.db import Database

TERMS = {"subject": "Maintenance du parc", "reference": "C-2026-7", "starts_on": "2026-01-01", "ends_on": "2028-12-31"}
FORBIDDEN, INVALID, NOT_FOUND = (403, "auth.insufficient_scope"), (422, "request.invalid"), (404, "not_found")


async def listed(cast: Cast, practice: str | None = None, name: str = "Nord") -> str:
    """Return a supplier that a practice lists."""
    found = await supplier(cast.pia, name)
    await done(cast.pia, "PUT", f"/v1/practices/{practice or cast.cedar}/suppliers/{found}", {"services": ["remote"]})
    return found


async def test_a_contract_is_recorded_changed_closed_and_kept(cast: Cast) -> None:
    path, body = f"/v1/practices/{cast.cedar}/contracts", {**TERMS, "supplier_id": await listed(cast)}
    made = await done(cast.pia, "POST", path, {**body, "art28": True, "evidence_ref": "contrat.pdf"})
    assert {name: made[name] for name in body} == body
    assert (made["auto_renewal"], made["art28"], made["reversibility"]) == (False, True, None)
    changed = await done(cast.pia, "PATCH", f"{path}/{made['id']}", {"ends_on": None, "reversibility": False})
    assert changed == {**made, "ends_on": None, "reversibility": False}
    cast.clock.advance(timedelta(hours=1))
    for _ in range(2):
        await done(cast.pia, "DELETE", f"{path}/{made['id']}")
    (kept,) = (await cast.pia.get(path))["items"]
    assert kept == {**changed, "updated_at": "2026-11-17T10:30:00Z", "closed_at": "2026-11-17T10:30:00Z"}
    assert await refused(cast.pia, "PATCH", f"{path}/{made['id']}", {"subject": "x"}) == (409, "contract.closed")
    by_status = [len((await cast.pia.get(path, params={"status": each}))["items"]) for each in ("open", "closed")]
    assert by_status == [0, 1]


@pytest.mark.parametrize(
    "bent",
    [
        {"subject": ""},
        {"subject": "x" * 161},
        {"starts_on": "2029-01-01"},
        {"ends_on": "2025-12-31"},
        {"ends_on": None, "auto_renewal": True},
        {"ends_on": "1066-10-14"},
        {"price": 12},
    ],
)
async def test_a_contract_that_cannot_run_like_this_is_refused(cast: Cast, bent: dict[str, Any]) -> None:
    path, body = f"/v1/practices/{cast.cedar}/contracts", {**TERMS, "supplier_id": await listed(cast)}
    assert await refused(cast.pia, "POST", path, {**body, **bent}) == INVALID
    made = await done(cast.pia, "POST", path, body)
    assert await refused(cast.pia, "PATCH", f"{path}/{made['id']}", bent) == INVALID
    assert (await cast.pia.get(path))["items"] == [made]


async def test_a_contract_is_with_a_supplier_that_the_practice_lists(cast: Cast) -> None:
    of_elm, unlisted = await listed(cast, cast.elm), await supplier(cast.pia, "Nobody's")
    path = f"/v1/practices/{cast.cedar}/contracts"
    for other in (of_elm, unlisted):
        body = {**TERMS, "supplier_id": other}
        assert await refused(cast.pia, "POST", path, body) == (409, "contract.supplier_not_listed")
        await done(cast.pia, "PUT", f"/v1/practices/{cast.cedar}/suppliers/{other}", {})
        await done(cast.pia, "POST", path, body)
    assert await refused(cast.pia, "POST", path, {**TERMS, "supplier_id": str(uuid4())}) == NOT_FOUND


async def test_the_dates_of_contracts_decide_about_the_practice(cast: Cast, database: Database) -> None:
    path = f"/v1/practices/{cast.cedar}/contracts"
    assert await said(database, cast.cedar, "ANS-8.1") is None
    first = await listed(cast)
    assert await said(database, cast.cedar, "ANS-8.1") == ("fail", "contract_missing")
    made = await done(cast.pia, "POST", path, {**TERMS, "supplier_id": first, "ends_on": "2027-01-17"})
    assert await said(database, cast.cedar, "ANS-8.1") == ("pass", "contracts_current")
    ends = (await finding(database, cast.cedar, "ANS-8.1"))["valid_until"]
    assert ends.isoformat() == "2026-11-18T00:00:00+00:00"  # 61 days are left today, 60 tomorrow
    await done(cast.pia, "PATCH", f"{path}/{made['id']}", {"ends_on": "2027-01-16"})
    assert await said(database, cast.cedar, "ANS-8.1") == ("warn", "contract_ending")
    await done(cast.pia, "PATCH", f"{path}/{made['id']}", {"ends_on": "2026-11-16"})
    assert await said(database, cast.cedar, "ANS-8.1") == ("fail", "contract_expired")
    await done(cast.pia, "PATCH", f"{path}/{made['id']}", {"auto_renewal": True})
    assert await said(database, cast.cedar, "ANS-8.1") == ("warn", "contract_renewed")
    await done(cast.pia, "PATCH", f"{path}/{made['id']}", {"ends_on": "2027-11-16"})
    assert await said(database, cast.cedar, "ANS-8.1") == ("pass", "contracts_current")
    second = await listed(cast, name="Sud")
    assert (await finding(database, cast.cedar, "ANS-8.1"))["evidence"]["concerned"] == [second]
    await done(cast.pia, "DELETE", f"/v1/practices/{cast.cedar}/suppliers/{second}")
    assert await said(database, cast.cedar, "ANS-8.1") == ("pass", "contracts_current")
    await done(cast.pia, "DELETE", f"{path}/{made['id']}")
    assert await said(database, cast.cedar, "ANS-8.1") == ("fail", "contract_missing")
    await done(cast.pia, "DELETE", f"/v1/practices/{cast.cedar}/suppliers/{first}")
    assert await said(database, cast.cedar, "ANS-8.1") is None


async def test_a_supplier_that_leaves_the_list_takes_its_contracts_along(cast: Cast) -> None:
    gone, stays = await listed(cast), await listed(cast, name="Sud")
    path = f"/v1/practices/{cast.cedar}/contracts"
    for each in (gone, stays):
        await done(cast.pia, "POST", path, {**TERMS, "supplier_id": each})
    await done(cast.pia, "DELETE", f"/v1/practices/{cast.cedar}/suppliers/{gone}")
    still_open = (await cast.pia.get(path, params={"status": "open"}))["items"]
    assert [each["supplier_id"] for each in still_open] == [stays]
    assert len((await cast.pia.get(path))["items"]) == 2


async def test_the_own_notice_of_a_provider_is_applied(cast: Cast, database: Database) -> None:
    ana = await cast.ana()
    await done(
        ana, "PUT", "/v1/policies", {"practice_id": None, "thresholds": {"records": {"contract_notice_days": 90}}}
    )
    body = {**TERMS, "supplier_id": await listed(cast), "ends_on": "2027-02-01"}
    await done(cast.pia, "POST", f"/v1/practices/{cast.cedar}/contracts", body)
    assert await said(database, cast.cedar, "ANS-8.1") == ("warn", "contract_ending")  # 76 days are left


async def test_both_sides_record_contracts_and_staff_do_not(cast: Cast) -> None:
    path, body = f"/v1/practices/{cast.cedar}/contracts", {**TERMS, "supplier_id": await listed(cast)}
    for who in (await cast.ana(), await cast.tom(), await cast.paz()):
        await done(who, "POST", path, body)
    for refusing in (await cast.zoe(), await cast.ivo()):
        assert await refused(refusing, "POST", path, body) == FORBIDDEN
    made = (await cast.pia.get(path))["items"][0]
    zoe = await cast.zoe()
    assert await refused(zoe, "PATCH", f"{path}/{made['id']}", {"subject": "x"}) == FORBIDDEN
    assert await refused(zoe, "DELETE", f"{path}/{made['id']}") == FORBIDDEN
    assert len((await zoe.get(path))["items"]) == 3


async def test_a_contract_is_found_in_its_own_practice_only(cast: Cast) -> None:
    body = {**TERMS, "supplier_id": await listed(cast)}
    made = await done(cast.pia, "POST", f"/v1/practices/{cast.cedar}/contracts", body)
    for method in ("PATCH", "DELETE"):
        path = f"/v1/practices/{cast.elm}/contracts/{made['id']}"
        assert await refused(cast.pia, method, path, {"subject": "x"} if method == "PATCH" else None) == NOT_FOUND


async def test_the_same_contract_under_the_same_key_is_recorded_once(cast: Cast) -> None:
    path, body = f"/v1/practices/{cast.cedar}/contracts", {**TERMS, "supplier_id": await listed(cast)}
    key = {"Idempotency-Key": "once"}
    first, second = [await done(cast.pia, "POST", path, body, headers=key) for _ in range(2)]
    assert first == second
    assert len((await cast.pia.get(path))["items"]) == 1


async def test_an_archived_practice_keeps_its_contracts_and_takes_no_more(cast: Cast) -> None:
    path, body = f"/v1/practices/{cast.elm}/contracts", {**TERMS, "supplier_id": await listed(cast, cast.elm)}
    made = await done(cast.pia, "POST", path, body)
    await done(cast.pia, "DELETE", f"/v1/practices/{cast.elm}")
    assert (await cast.pia.get(path))["items"] == [made]
    archived = (409, "practice.archived")
    assert await refused(cast.pia, "POST", path, body) == archived
    assert await refused(cast.pia, "PATCH", f"{path}/{made['id']}", {"subject": "x"}) == archived
    assert await refused(cast.pia, "DELETE", f"{path}/{made['id']}") == archived
