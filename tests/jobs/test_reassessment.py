"""What practices are judged by changes: they are judged anew from what is stored, without anybody reporting."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from tests.conftest import NOW, settings_for
from tests.jobs.test_sweep_protection import encrypted
from tests.support.agent import Agent, healthy, patch_section
from tests.support.cast import Cast
from tests.support.people import Person
from tests.support.time_travel import Worker, assert_invariants, control_changes, events_of
from vigie.core.clock import wire_time
from vigie.core.db import Database, bind_provider, connect, role_url
from vigie.devices.reassessment import Reassessment
from vigie.posture.assessment import Assessor, PracticeChange
from vigie.posture.queries import score_history
from vigie.posture.rules.model import Finding
from vigie.settings import Settings

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
CONTROL = "ANS-2.2"
CHECK = "the scanner's maker forbids updates"


class Job:
    """The job of one worker process."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        self.database = Interrupted(*role_url(settings, "vigie_worker"), 2)
        self._settings = settings
        self._job = Reassessment(Assessor("postgresql"), self.database, rest=0, **options)

    async def run(self, now: datetime) -> int:
        """Run once, as of an instant; return how many practices were judged."""
        connection = await connect(*role_url(self._settings, "vigie_worker"))
        try:
            return await self._job.run(connection, now)
        finally:
            await connection.close()


class Interrupted(Database):
    """A database with which something else happens once, when the first transaction that writes has ended."""

    meanwhile: Callable[[], Awaitable[None]] | None = None

    @asynccontextmanager
    async def session(self, provider_id: UUID, *, write: bool) -> AsyncIterator[AsyncSession]:
        async with super().session(provider_id, write=write) as session:
            yield session
        if write and self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()


@pytest.fixture
def settings(fresh_database_url: str, key_file: Path) -> Settings:
    return settings_for(fresh_database_url, key_file)


@pytest.fixture
async def job(settings: Settings) -> AsyncIterator[Job]:
    job = Job(settings)
    yield job
    await job.database.close()


def missing(days: int) -> dict[str, Any]:
    """Return a report with a security update that has been missing for so many days."""
    pending = {"security": 1, "critical": 0, "other": 0, "max_age_days": days, "items": []}
    return {**healthy(NOW), "patch": patch_section(NOW, pending=pending)}


async def reporting(cast: Cast, days: int, practice: str | None = None) -> Agent:
    device = await cast.device(practice)
    await device.report(missing(days))
    return device


async def finding(cast: Cast, device: Agent, control: str = CONTROL) -> tuple[str, str]:
    items = (await cast.pia.get(f"/v1/devices/{device.device_id}/findings"))["items"]
    found = next(item for item in items if item["control"] == control)
    return found["state"], found["reason"]


async def set_days(person: Person, practice: str | None, days: int) -> None:
    body = {"practice_id": practice, "thresholds": {"patch": {"security_pass_days": days, "security_warn_days": 90}}}
    assert (await person.call("PUT", "/v1/policies", json=body)).status_code == 200


async def grant(person: Person, cast: Cast, ends_at: datetime, **more: Any) -> str:
    body = {"practice_id": cast.cedar, "control": CONTROL, "reason": CHECK, "ends_at": wire_time(ends_at), **more}
    answer = await person.call("POST", "/v1/exceptions", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def waiting(rows: asyncpg.Connection) -> list[tuple[str, datetime]]:
    found = await rows.fetch("SELECT practice_id, due_at FROM reassessment ORDER BY practice_id")
    return [(str(row["practice_id"]), row["due_at"]) for row in found]


async def test_a_changed_threshold_turns_what_is_stored(cast: Cast, job: Job, rows: asyncpg.Connection) -> None:
    ana = await cast.ana()
    devices = [await reporting(cast, days) for days in (20, 20)] + [await reporting(cast, 20, cast.elm)]
    assert await finding(cast, devices[0]) == ("warn", "security_updates_late")
    await set_days(ana, cast.cedar, 30)
    assert await waiting(rows) == [(cast.cedar, NOW)]
    assert await job.run(NOW) == 1
    assert [await finding(cast, device) for device in devices] == [
        *[("pass", "security_updates_recent")] * 2,
        ("warn", "security_updates_late"),
    ]
    assert await waiting(rows) == []
    assert control_changes(await events_of(rows, cast.cedar), CONTROL)[-1][1:3] == ("warn", "pass")
    await set_days(ana, None, 10)  # of the provider: Elm follows, Cedar keeps its own
    assert await job.run(NOW) == 2
    assert (await finding(cast, devices[0]))[0] == "pass"
    await assert_invariants(rows)
    assert await job.run(NOW) == 0


THRESHOLDS: list[dict[str, dict[str, int]]] = [
    {"patch": {"security_pass_days": 25}},
    {"patch": {"search_warn_days": 9}, "access": {"lock_pass_s": 60, "lock_warn_s": 120}},
    {"equipment": {"unseen_pass_days": 1}, "backup": {"recent_pass_hours": 1}},
    {"backup": {"restore_test_pass_days": 1}},
    {"records": {"contacts_pass_months": 1}},
    {"freshness": {"fresh_hours": 1}},  # last: each replaces the one before, which is a change as well
]
FINDINGS = """
    SELECT subject_id, control, state, reason, since, valid_until, assessed_at, evidence, threshold
    FROM finding WHERE control <> 'ANS-2.3' ORDER BY 1, 2
"""
POSTURES = """
    SELECT practice_id, rank, overall, patch, backup, checklist, liveness, score, since, controls, answers, devices
    FROM posture ORDER BY 1
"""
ALL_ANEW = """
    INSERT INTO reassessment SELECT DISTINCT provider_id, practice_id, $1::timestamptz, practice_id, NULL::jsonb, 0 FROM device
"""


async def verdicts(rows: asyncpg.Connection) -> list[list[tuple[Any, ...]]]:
    return [[tuple(row) for row in await rows.fetch(statement)] for statement in (FINDINGS, POSTURES)]


async def test_a_changed_threshold_has_its_own_controls_judged_and_that_is_as_good_as_all(
    cast: Cast, job: Job, rows: asyncpg.Connection
) -> None:
    devices = [await reporting(cast, 20), await cast.device(role="server"), await reporting(cast, 40, cast.elm)]
    await devices[1].report({name: body for name, body in healthy(NOW).items() if name in {"os", "patch"}})
    at = NOW + timedelta(hours=5)
    cast.clock.move_to(at)
    ana = await cast.ana()
    await rows.execute(ALL_ANEW, at)
    assert await job.run(at) == 2
    forget = "UPDATE finding SET reason = 'nobody_looked' WHERE control = 'ANS-2.3' RETURNING subject_id"
    looked = "SELECT count(*) FROM finding WHERE control = 'ANS-2.3' AND reason <> 'nobody_looked'"
    changed = 0
    for thresholds in THRESHOLDS:
        assert len(await rows.fetch(forget)) == len(devices)
        before = await verdicts(rows)
        body = {"practice_id": None, "thresholds": thresholds}
        assert (await ana.call("PUT", "/v1/policies", json=body)).status_code == 200
        assert await job.run(at) == 2
        judged = await verdicts(rows)
        assert bool(await rows.fetchval(looked)) is ("freshness" in thresholds)  # of which every device control asks
        changed += judged != before
        await rows.execute(ALL_ANEW, at)
        assert await job.run(at) == 2
        assert await verdicts(rows) == judged, thresholds
        assert await rows.fetchval(looked)
    assert changed == len(THRESHOLDS)
    await assert_invariants(rows)


async def test_what_is_asked_for_meanwhile_is_judged_too(
    cast: Cast, rows: asyncpg.Connection, settings: Settings
) -> None:
    ana, devices = await cast.ana(), [await reporting(cast, 20) for _ in range(3)]
    asked = "SELECT controls FROM reassessment"
    for thresholds, expected in (
        ({"patch": {"security_pass_days": 25}}, {"ANS-2.2"}),
        ({"patch": {"security_pass_days": 25}, "access": {"admins_pass": 1}}, {"ANS-2.2", "ANS-2.12"}),
    ):
        body = {"practice_id": cast.cedar, "thresholds": thresholds}
        assert (await ana.call("PUT", "/v1/policies", json=body)).status_code == 200
        assert set(await rows.fetchval(asked)) == expected
    changed = await cast.pia.call("PATCH", f"/v1/devices/{devices[0].device_id}", json={"role": "server"})
    assert (changed.status_code, await rows.fetchval(asked)) == (200, None)  # all of them, and so it stays
    await set_days(ana, cast.cedar, 25)
    assert await rows.fetchval(asked) is None
    one_by_one = Job(settings, devices=1)
    one_by_one.database.meanwhile = partial(set_days, ana, cast.cedar, 10)  # the first device is judged by then
    assert await one_by_one.run(NOW) == 2
    await one_by_one.database.close()
    assert {await finding(cast, device) for device in devices} == {("warn", "security_updates_late")}
    assert await waiting(rows) == []


async def test_an_exception_is_told_before_its_end_and_ends_to_the_second(
    cast: Cast, job: Job, worker: Worker, rows: asyncpg.Connection
) -> None:
    lea, device = await cast.lea(), await reporting(cast, 200)
    assert await finding(cast, device) == ("fail", "security_updates_overdue")
    ends_at = NOW + 60 * DAY
    name = await grant(lea, cast, ends_at, device_id=device.device_id)
    await job.run(NOW)
    assert await finding(cast, device) == ("warn", "accepted")
    assert await waiting(rows) == [(cast.cedar, ends_at - 30 * DAY)]
    told = ("exception.expiring", "exception.ended")
    for at, expected, ahead in (
        (ends_at - 30 * DAY - SECOND, [], ends_at - 30 * DAY),
        (ends_at - 30 * DAY, ["exception.expiring"], ends_at),
        (ends_at - SECOND, ["exception.expiring"], ends_at),
    ):
        cast.clock.move_to(at)
        await device.report(missing(200))
        await job.run(at)
        events = [event for event in await events_of(rows, cast.cedar) if event["kind"] in told]
        assert ([event["kind"] for event in events], await waiting(rows)) == (expected, [(cast.cedar, ahead)])
        assert (await finding(cast, device))[1] == "accepted"
    cast.clock.move_to(ends_at)
    await worker.run(ends_at)  # the sweep alone ends what it did to the device
    assert await finding(cast, device) == ("fail", "security_updates_overdue")
    await job.run(ends_at + DAY)
    ended = [event for event in await events_of(rows, cast.cedar) if event["kind"] == "exception.ended"]
    assert [(event["happened_at"], event["payload"]["exception"]) for event in ended] == [(ends_at, name)]
    assert await waiting(rows) == []
    await assert_invariants(rows)


async def test_an_exception_that_is_ended_or_has_yet_to_begin_excuses_nothing(
    cast: Cast, job: Job, rows: asyncpg.Connection
) -> None:
    lea, device = await cast.lea(), await reporting(cast, 200)
    ahead = await grant(lea, cast, NOW + 9 * DAY, starts_at=wire_time(NOW + DAY))
    await job.run(NOW)
    assert ((await finding(cast, device))[0], await waiting(rows)) == ("fail", [(cast.cedar, NOW + DAY)])
    cast.clock.move_to(NOW + DAY)
    await job.run(NOW + DAY)
    assert await finding(cast, device) == ("warn", "accepted")
    ended = await (await cast.lea()).call("DELETE", f"/v1/exceptions/{ahead}")  # her session of the day before is over
    assert ended.status_code == 204
    await job.run(NOW + DAY)
    assert ((await finding(cast, device))[0], await waiting(rows)) == ("fail", [])


async def test_lost_devices_and_a_missing_backup_can_be_accepted_for_the_practice(
    cast: Cast, job: Job, worker: Worker, rows: asyncpg.Connection
) -> None:
    device = await cast.device()
    await device.report({name: body for name, body in healthy(NOW).items() if name != "backup"})
    later = NOW + 40 * DAY
    cast.clock.move_to(later)
    await worker.run(later)
    lea = await cast.lea()
    controls = "SELECT controls -> 'ANS-5.11' ->> 'state' FROM posture WHERE practice_id = $1"
    assert await rows.fetchval(controls, UUID(cast.cedar)) == "fail"
    await grant(lea, cast, later + 60 * DAY, control="ANS-5.11")
    await job.run(later)
    assert await rows.fetchval(controls, UUID(cast.cedar)) == "warn"
    await job.run(later + 60 * DAY)
    assert await rows.fetchval(controls, UUID(cast.cedar)) == "fail"


async def test_an_answer_that_stands_is_accepted_when_an_exception_begins(
    cast: Cast, rows: asyncpg.Connection, settings: Settings
) -> None:
    assessor, provider, practice = Assessor("postgresql"), UUID(cast.pia.provider_id), UUID(cast.cedar)
    said = Finding("ANS-1.1", "fail", "answered_no", {"who": "zoe"}, {}, None)
    stored = "SELECT state, reason, evidence FROM finding WHERE control = 'ANS-1.1'"
    connection = await connect(*role_url(settings, "vigie_worker"))
    state: list[tuple[Any, ...]] = []
    for answers in ([said], None, None):
        if answers is None and len(state) == 1:
            await grant(await cast.lea(), cast, NOW + 9 * DAY, control="ANS-1.1")
        async with connection.transaction():
            await bind_provider(connection, provider)
            change = PracticeChange(provider, practice, NOW, moves={}, answers=answers or ())
            changes = [change] if answers else await assessor.restated(connection, [change])
            await assessor.settle_practices(connection, changes, NOW)
        state.append(tuple(await rows.fetchrow(stored)))
    assert state[0] == ("fail", "answered_no", {"who": "zoe"})
    assert state[1][:2] == state[2][:2] == ("warn", "accepted")
    assert state[1][2]["accepted_reason"] == state[2][2]["accepted_reason"] == "answered_no"  # not accepted twice
    await connection.close()


async def test_another_role_is_another_verdict(cast: Cast, job: Job) -> None:
    device = await cast.device(role="server", family="windows")
    await device.report(healthy(NOW) | {"encryption": encrypted(timedelta(0), "off")})
    before = await finding(cast, device, "ANS-1.5")
    changed = await cast.pia.call("PATCH", f"/v1/devices/{device.device_id}", json={"role": "laptop"})
    assert (changed.status_code, await job.run(NOW)) == (200, 1)
    assert (before[0], (await finding(cast, device, "ANS-1.5"))[0]) == ("warn", "fail")


async def test_what_cannot_be_judged_is_pushed_aside_and_the_rest_is_judged(
    cast: Cast, job: Job, rows: asyncpg.Connection
) -> None:
    broken, sound = await reporting(cast, 20), await reporting(cast, 20, cast.elm)
    await rows.execute(
        "UPDATE device_section SET body = '[]' WHERE section = 'patch' AND device_id = $1", UUID(broken.device_id)
    )
    await set_days(await cast.ana(), None, 30)
    assert await job.run(NOW) == 1
    assert await finding(cast, sound) == ("pass", "security_updates_recent")
    assert await waiting(rows) == [(cast.cedar, NOW + timedelta(hours=1))]
    assert await rows.fetchval("SELECT failures FROM reassessment") == 1


async def test_a_practice_with_more_devices_than_a_transaction_takes_is_judged_whole(
    cast: Cast, settings: Settings, rows: asyncpg.Connection
) -> None:
    devices = [await reporting(cast, 20) for _ in range(4)]
    await set_days(await cast.ana(), cast.cedar, 30)
    job = Job(settings, devices=2)
    assert await job.run(NOW) == 1
    await job.database.close()
    assert {await finding(cast, device) for device in devices} == {("pass", "security_updates_recent")}
    assert await waiting(rows) == []


async def test_two_workers_share_the_work(cast: Cast, settings: Settings, rows: asyncpg.Connection) -> None:
    practices = [cast.cedar, cast.elm, *[await cast.pia.practice(f"P{number}") for number in range(4)]]
    devices = [await reporting(cast, 20, practice) for practice in practices]
    await set_days(await cast.ana(), None, 30)
    jobs = [Job(settings, devices=1) for _ in range(2)]
    done = await asyncio.gather(*[job.run(NOW) for job in jobs])
    for job in jobs:
        await job.database.close()
    assert sum(done) == len(practices)
    assert {(await finding(cast, device))[0] for device in devices} == {"pass"}
    assert await waiting(rows) == []
    await assert_invariants(rows)


async def test_an_archived_practice_is_taken_off_the_queue(cast: Cast, job: Job, rows: asyncpg.Connection) -> None:
    ana = await cast.ana()
    await reporting(cast, 20)
    await set_days(ana, cast.cedar, 30)
    assert (await ana.call("DELETE", f"/v1/practices/{cast.cedar}")).status_code == 204
    await job.run(NOW)
    assert await waiting(rows) == []
    assert await rows.fetchval("SELECT count(*) FROM finding WHERE practice_id = $1", UUID(cast.cedar)) == 0


async def test_the_score_of_a_day_is_kept(cast: Cast, job: Job, rows: asyncpg.Connection) -> None:
    await reporting(cast, 20)
    first = await rows.fetch(
        "SELECT day, score, earned, possible FROM score_day WHERE practice_id = $1", UUID(cast.cedar)
    )
    cast.clock.move_to(NOW + DAY)
    await set_days(await cast.ana(), cast.cedar, 30)
    await job.run(NOW + DAY)
    days = await rows.fetch(
        "SELECT day, score, earned, possible FROM score_day WHERE practice_id = $1 ORDER BY day", UUID(cast.cedar)
    )
    assert [row["day"] for row in days] == [NOW.date(), (NOW + DAY).date()]
    assert days[0] == first[0]
    assert days[-1]["score"] == days[-1]["earned"] * 100 // days[-1]["possible"]
    assert days[-1]["score"] == await rows.fetchval(
        "SELECT score FROM posture WHERE practice_id = $1", UUID(cast.cedar)
    )
    async with job.database.session(UUID(cast.pia.provider_id), write=False) as session:
        for since, expected in ((NOW, 2), (NOW + DAY, 2), (NOW + 2 * DAY, 1)):  # with the last one before
            history = await score_history(session, UUID(cast.pia.provider_id), UUID(cast.cedar), since.date())
            assert [row.score for row in history] == [row["score"] for row in days[-expected:]]


async def test_records_are_judged_by_the_thresholds_of_their_practice_too(
    cast: Cast, job: Job, rows: asyncpg.Connection
) -> None:
    ana = await cast.ana()
    own = (UUID(cast.pia.provider_id), UUID(cast.cedar), NOW.date() - 100 * DAY)
    await rows.execute(
        "INSERT INTO restore_test (provider_id, practice_id, id, tested_on, scope, result, tested_by, recorded_at, recorded_by)"
        " VALUES ($1, $2, $2, $3, 'all', 'success', 'Lea', now(), 'Lea')",
        *own,
    )
    state = "SELECT state FROM finding WHERE practice_id = $1 AND control = 'ANS-5.7'"
    for days, expected in ((90, "warn"), (120, "pass")):
        body = {"practice_id": cast.cedar, "thresholds": {"backup": {"restore_test_pass_days": days}}}
        assert (await ana.call("PUT", "/v1/policies", json=body)).status_code == 200
        assert await job.run(NOW) == 1
        assert await rows.fetchval(state, own[1]) == expected
