"""Reports that make themselves: on their day at eight by the practice's clock, each month once, told to whoever may know."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.conftest import settings_for
from tests.support.cast import Cast
from tests.support.records import done, refused
from tests.support.rows import execute, fetch
from vigie.core.db import Database, connect, role_url
from vigie.overview.reporting import gather
from vigie.people.members import Standing
from vigie.reports.issuing import House
from vigie.reports.models import Report
from vigie.reports.monthly import Monthly
from vigie.reports.verifying import is_anchored
from vigie.settings import Settings

MAIL = {"kind": "mail", "name": "Rapports", "recipients": ["reports@atlas.example"]}
Work = tuple[Database, asyncpg.Connection]


@pytest.fixture
def settings(fresh_database_url: str, key_file: Path) -> Settings:
    """The job looks at every provider: here it finds only those of the test."""
    return settings_for(fresh_database_url, key_file)


@pytest.fixture
async def as_worker(settings: Settings) -> AsyncIterator[Work]:
    """The database as the worker sees it, and a connection."""
    database = Database(*role_url(settings, "vigie_worker"), pool_size=1)
    connection = await connect(*role_url(settings, "vigie_worker"))
    yield database, connection
    await connection.close()
    await database.close()


def monthly(work: Work) -> Monthly:
    return Monthly(work[0], House(gather, "https://vigie.example"))


async def made_at(cast: Cast, work: Work, at: str) -> list[dict[str, Any]]:
    """Run the job at an instant, twice; return what was issued."""
    cast.clock.move_to(datetime.fromisoformat(at))
    count = await monthly(work).run(work[1], cast.clock.now())
    assert await monthly(work).run(work[1], cast.clock.now()) == 0
    found = []
    for practice in (cast.cedar, cast.elm):
        page = await cast.pia.get(f"/v1/practices/{practice}/reports")
        found += [each for each in page["items"] if each["as_of"] == at]
    assert len(found) == count
    return found


async def told(cast: Cast, database: Database) -> set[tuple[str, str]]:
    """Return who was told of which practice: a channel or a member by its id."""
    of_atlas = "SELECT * FROM notification WHERE kind = 'report' AND provider_id = :provider"
    rows = await fetch(database, of_atlas, provider=UUID(cast.pia.provider_id))
    return {(str(row["channel_id"] or row["member_id"]), str(row["practice_id"])) for row in rows}


async def test_each_month_once_at_eight_by_the_practice_s_clock(
    cast: Cast, database: Database, as_worker: Work
) -> None:
    ana = await cast.ana()
    tom = await cast.tom()
    channel = (await ana.post("/v1/channels", MAIL))["id"]
    assert (await cast.pia.get("/v1/report-schedule"))["set"] is False
    wanted = {"day": 1, "channel_id": channel, "members": [ana.member_id, tom.member_id]}
    schedule = await done(ana, "PUT", "/v1/report-schedule", wanted)
    assert (schedule["enabled"], schedule["next_at"]) == (True, "2026-11-18T09:30:00Z")  # looked at daily
    await cast.pia.call("PATCH", f"/v1/practices/{cast.elm}", json={"time_zone": "Indian/Reunion"})
    assert await made_at(cast, as_worker, "2026-11-30T23:00:00Z") == []
    assert await made_at(cast, as_worker, "2026-12-01T03:59:59Z") == []
    [elm] = await made_at(cast, as_worker, "2026-12-01T04:00:00Z")
    assert (elm["practice_id"], elm["origin"], elm["made_by"]) == (cast.elm, "schedule", None)
    assert (elm["period_from"], elm["period_to"]) == ("2026-11-01", "2026-11-30")
    assert await made_at(cast, as_worker, "2026-12-01T06:59:59Z") == []
    [cedar] = await made_at(cast, as_worker, "2026-12-01T07:00:00Z")
    assert cedar["practice_id"] == cast.cedar
    # Tom sees Cedar only, and so hears of Cedar only.
    assert await told(cast, database) == {
        *((target, practice) for target in (channel, ana.member_id) for practice in (cast.cedar, cast.elm)),
        (tom.member_id, cast.cedar),
    }
    async with cast.parts.database.session(UUID(cast.pia.provider_id), write=False) as session:
        report = await session.get_one(Report, (UUID(cast.pia.provider_id), UUID(cedar["id"])))
        assert await is_anchored(session, report)
    assert await made_at(cast, as_worker, "2026-12-15T12:00:00Z") == []
    late = await made_at(cast, as_worker, "2027-01-03T12:00:00Z")  # the worker was away on the first
    assert {each["practice_id"] for each in late} == {cast.cedar, cast.elm}


async def test_what_was_due_before_it_was_decided_is_not_made_up_for(cast: Cast, as_worker: Work) -> None:
    ana = await cast.ana()
    await done(ana, "PUT", "/v1/report-schedule", {"day": 17, "members": [ana.member_id]})  # it is half past ten
    assert await made_at(cast, as_worker, "2026-11-18T09:30:00Z") == []
    assert len(await made_at(cast, as_worker, "2026-12-17T07:00:00Z")) == 2


async def test_a_schedule_of_its_own_takes_the_place_of_the_provider_s(cast: Cast, as_worker: Work) -> None:
    ana, own = await cast.ana(), f"/v1/practices/{cast.cedar}/report-schedule"
    wanted = {"day": 20, "members": [ana.member_id]}
    await done(ana, "PUT", "/v1/report-schedule", wanted)
    await done(ana, "PUT", own, wanted | {"day": 25, "language": "en"})
    assert [each["practice_id"] for each in await made_at(cast, as_worker, "2026-11-20T07:00:00Z")] == [cast.elm]
    [cedar] = await made_at(cast, as_worker, "2026-11-25T07:00:00Z")
    assert (cedar["practice_id"], cedar["language"]) == (cast.cedar, "en")
    ana = await cast.ana()
    await done(ana, "PUT", own, {"enabled": False})
    assert [each["practice_id"] for each in await made_at(cast, as_worker, "2026-12-25T07:00:00Z")] == [cast.elm]
    assert await cast.pia.get(own) == {
        **(await cast.pia.get(own)), "enabled": False, "set": True, "next_at": None, "practice_id": cast.cedar,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ({}, (422, "report.nobody_to_tell")),
        ({"enabled": False}, None),
        ({"day": 29, "enabled": False}, (422, "request.invalid")),
        ({"members": ["00000000-0000-0000-0000-000000000000"]}, (404, "not_found")),
        ({"channel_id": "00000000-0000-0000-0000-000000000000"}, (404, "not_found")),
    ],
)
async def test_somebody_has_to_be_told(cast: Cast, wanted: dict[str, Any], refusal: tuple[int, str] | None) -> None:
    ana = await cast.ana()
    if refusal is None:
        await done(ana, "PUT", "/v1/report-schedule", wanted)
    else:
        assert await refused(ana, "PUT", "/v1/report-schedule", wanted) == refusal


async def test_one_that_fails_is_tried_again_and_keeps_nobody_waiting(
    cast: Cast, database: Database, as_worker: Work
) -> None:
    ana = await cast.ana()
    await done(ana, "PUT", "/v1/report-schedule", {"day": 20, "members": [ana.member_id]})

    async def failing(*asked: Any) -> Any:
        if str(asked[1].id) == cast.cedar:
            raise ValueError("the page tore")
        return await gather(*asked)

    cast.clock.move_to(at := datetime(2026, 11, 20, 7, 0, tzinfo=UTC))
    torn = Monthly(as_worker[0], House(failing, "https://vigie.example"))
    assert await torn.run(as_worker[1], at) == 1
    [run] = await fetch(database, "SELECT * FROM report_run WHERE practice_id = :id", id=UUID(cast.cedar))
    assert (str(run["practice_id"]), run["failures"], run["retry_at"]) == (cast.cedar, 1, at + timedelta(hours=1))
    assert await made_at(cast, as_worker, "2026-11-20T07:59:59Z") == []
    [cedar] = await made_at(cast, as_worker, "2026-11-20T08:00:00Z")
    assert cedar["practice_id"] == cast.cedar
    assert cedar["number"] == "2026-11-0002"  # the one that failed took no number


async def test_whom_a_message_would_tell_of_what_they_do_not_see_gets_none(
    cast: Cast, database: Database, as_worker: Work
) -> None:
    ana, paz = await cast.ana(), await cast.paz()
    gone = await cast.person(cast.pia.provider_id, Standing("technician"), "Gone")
    quiet = (await ana.post("/v1/channels", MAIL | {"practices": [cast.elm]}))["id"]
    members = [paz.member_id, gone.member_id]
    await done(ana, "PUT", "/v1/report-schedule", {"day": 20, "channel_id": quiet, "members": members})
    await execute(database, "UPDATE member SET removed_at = now() WHERE id = :id", id=UUID(gone.member_id))
    await made_at(cast, as_worker, "2026-11-20T07:00:00Z")
    assert await told(cast, database) == {(quiet, cast.elm), (paz.member_id, cast.cedar)}
