"""Restore tests: recorded by the provider, never changed, and what they make of ANS-5.7."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.cast import Cast
from tests.support.records import RESTORE, done, finding, refused
from vigie.core.db import Database

FORBIDDEN, INVALID, NOT_FOUND = (403, "auth.insufficient_scope"), (422, "request.invalid"), (404, "not_found")


async def verdict(database: Database, practice: str) -> tuple[str, str]:
    found = await finding(database, practice, "ANS-5.7")
    return found["state"], found["reason"]


async def test_a_restore_that_was_tried_is_recorded_and_decides(cast: Cast, database: Database) -> None:
    lea, path = await cast.lea(), f"/v1/practices/{cast.cedar}/restore-tests"
    device = await cast.device()
    whole = {**RESTORE, "minutes": 42, "device_id": device.device_id, "evidence_ref": "pv-essai.pdf"}
    made = await done(lea, "POST", path, whole)
    assert {name: made[name] for name in whole} == whole
    assert (made["recorded_by"], made["recorded_at"]) == ("Lea", "2026-11-17T09:30:00Z")
    found = await finding(database, cast.cedar, "ANS-5.7")
    assert await verdict(database, cast.cedar) == ("pass", "restore_tested")
    assert found["evidence"]["restore_tested_at"] == "2026-11-16T00:00:00Z"
    cast.clock.advance(timedelta(days=1))
    lea = await cast.lea()  # no session lasts a day
    second = await done(lea, "POST", path, {**RESTORE, "tested_on": "2026-11-18", "result": "partial"})
    assert await verdict(database, cast.cedar) == ("fail", "restore_test_failed")
    await done(lea, "POST", path, {**RESTORE, "tested_on": "2026-06-01"})
    assert await verdict(database, cast.cedar) == ("fail", "restore_test_failed")  # an older success changes nothing
    listed = await lea.get(path, params={"limit": 2})
    assert [each["id"] for each in listed["items"]][1] == second["id"]
    rest = await lea.get(path, params={"limit": 2, "cursor": listed["next_cursor"]})
    assert rest["items"] == [made]


async def test_a_test_of_today_counts_at_once_and_one_of_tomorrow_is_refused(cast: Cast, database: Database) -> None:
    overseas = await cast.pia.practice("Palme", time_zone="Indian/Reunion")
    path = f"/v1/practices/{overseas}/restore-tests"
    cast.clock.advance(timedelta(hours=12))  # 21:30 in UTC is half past one of the next morning there
    assert await refused(cast.pia, "POST", path, {**RESTORE, "tested_on": "2026-11-19"}) == (
        422,
        "restore_test.to_come",
    )
    await done(cast.pia, "POST", path, {**RESTORE, "tested_on": "2026-11-18"})
    assert await verdict(database, overseas) == ("pass", "restore_tested")
    here = f"/v1/practices/{cast.cedar}/restore-tests"
    assert await refused(cast.pia, "POST", here, {**RESTORE, "tested_on": "2026-11-18"}) == (
        422,
        "restore_test.to_come",
    )
    await done(cast.pia, "POST", here, {**RESTORE, "tested_on": "2026-11-17"})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tested_on", "last week"),
        ("tested_on", "1066-10-14"),
        ("scope", ""),
        ("scope", "x" * 161),
        ("result", "fine"),
        ("minutes", 0),
        ("minutes", 20_161),
        ("tested_by", " "),
        ("comment", "of patient X"),
    ],
)
async def test_a_test_of_another_shape_is_refused(cast: Cast, field: str, value: Any) -> None:
    path = f"/v1/practices/{cast.cedar}/restore-tests"
    assert await refused(cast.pia, "POST", path, {**RESTORE, field: value}) == INVALID
    assert (await cast.pia.get(path))["items"] == []


async def test_the_device_is_one_of_the_practice(cast: Cast) -> None:
    elms, own = [(await cast.device(practice)).device_id for practice in (cast.elm, cast.cedar)]
    path = f"/v1/practices/{cast.cedar}/restore-tests"
    assert await refused(cast.pia, "POST", path, {**RESTORE, "device_id": elms}) == NOT_FOUND
    await done(cast.pia, "POST", path, {**RESTORE, "device_id": own})


async def test_the_provider_records_and_the_practice_reads(cast: Cast) -> None:
    path = f"/v1/practices/{cast.cedar}/restore-tests"
    for who in (await cast.ana(), await cast.tom(), cast.pia):
        await done(who, "POST", path, RESTORE)
    for reader in (await cast.paz(), await cast.zoe(), await cast.ivo()):
        assert await refused(reader, "POST", path, RESTORE) == FORBIDDEN
        assert len((await reader.get(path))["items"]) == 3


async def test_the_same_test_under_the_same_key_is_recorded_once(cast: Cast) -> None:
    path, key = f"/v1/practices/{cast.cedar}/restore-tests", {"Idempotency-Key": "once"}
    first, second = [await done(cast.pia, "POST", path, RESTORE, headers=key) for _ in range(2)]
    assert first == second
    assert len((await cast.pia.get(path))["items"]) == 1
    told = (await cast.pia.get(f"/v1/practices/{cast.cedar}/changes"))["items"]
    assert [each["kind"] for each in told].count("restore_test.recorded") == 1


async def test_an_archived_practice_keeps_its_tests_and_takes_no_more(cast: Cast) -> None:
    path = f"/v1/practices/{cast.elm}/restore-tests"
    made = await done(cast.pia, "POST", path, RESTORE)
    await done(cast.pia, "DELETE", f"/v1/practices/{cast.elm}")
    assert (await cast.pia.get(path))["items"] == [made]
    assert await refused(cast.pia, "POST", path, RESTORE) == (409, "practice.archived")
