"""People act on a device while it reports: both get what they came for, in the one order of locks.

The intake locks liveness rows first and then inserts rows that refer to device and practice. Here a connection of the test takes
the same locks by hand, so that the two meet at the worst instant every time.
"""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.support.agent import Agent, healthy
from tests.support.cast import Cast
from tests.support.refusals import refusal
from vigie.core.db import Database

HINT = "AAAAAAAAAAAAAAAAAAAAAA"
Act = Callable[[Cast, Agent], Awaitable[httpx.Response]]


async def until_somebody_waits(database: Database) -> None:
    """Return once a session waits for a lock in this database; fail when none does within five seconds."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(5), database.engine.connect() as connection:
        while not (await connection.execute(waiting)).scalar():
            await connection.rollback()
            await asyncio.sleep(0.01)


async def lock_as_the_intake_does(connection: AsyncConnection, device: Agent) -> None:
    """Take the first lock of a heartbeat."""
    await connection.execute(
        text("SELECT 1 FROM device_liveness WHERE device_id = :device FOR NO KEY UPDATE"), {"device": device.device_id}
    )


async def write_as_the_intake_does(connection: AsyncConnection, device: Agent, practice: str) -> None:
    """Insert what a heartbeat inserts: rows whose foreign keys share-lock the device and the practice."""
    key = {"provider": device.provider_id, "device": device.device_id, "practice": practice}
    await connection.execute(
        text(
            "INSERT INTO device_section (provider_id, device_id, section, digest, changed_at, body) "
            "VALUES (:provider, :device, 'power', '\\x00', now(), '{}')"
        ),
        key,
    )
    await connection.execute(
        text(
            "INSERT INTO finding (provider_id, subject_id, control, practice_id, state, reason, since, assessed_at, "
            "evidence, threshold) VALUES (:provider, :device, 'ANS-9.9', :practice, 'pass', 'x', now(), now(), '{}', '{}')"
        ),
        key,
    )


async def _revoke(cast: Cast, device: Agent) -> httpx.Response:
    return await cast.pia.call("POST", f"/v1/devices/{device.device_id}/revoke")


async def _rename(cast: Cast, device: Agent) -> httpx.Response:
    return await cast.pia.call("PATCH", f"/v1/devices/{device.device_id}", json={"alias": "accueil-9"})


async def _archive(cast: Cast, _device: Agent) -> httpx.Response:
    return await cast.pia.call("DELETE", f"/v1/practices/{cast.cedar}")


async def _enrol_again(cast: Cast, device: Agent) -> httpx.Response:
    again = cast.agent()
    again.boot_ref = device.boot_ref
    return await again.enrol(await cast.pia.enrolment_token(cast.cedar), machine_hint=HINT)


@pytest.mark.parametrize("act", [_revoke, _archive, _enrol_again])
async def test_who_acts_on_a_reporting_device_waits_for_the_report(cast: Cast, database: Database, act: Act) -> None:
    device = await cast.device(machine_hint=HINT)
    await device.report(healthy(cast.clock.now()))
    async with database.engine.begin() as connection:
        await lock_as_the_intake_does(connection, device)
        acting = asyncio.ensure_future(act(cast, device))
        await until_somebody_waits(database)
        await write_as_the_intake_does(connection, device, cast.cedar)
    answer = await acting
    assert answer.is_success, answer.text


async def test_renaming_a_device_does_not_wait_for_its_report(cast: Cast, database: Database) -> None:
    device = await cast.device(machine_hint=HINT)
    async with database.engine.begin() as connection:
        await lock_as_the_intake_does(connection, device)
        answer = await asyncio.wait_for(_rename(cast, device), timeout=5)
    assert answer.status_code == 200


async def test_a_machine_that_enrols_while_its_practice_is_archived_stays_outside(
    cast: Cast, database: Database
) -> None:
    token = await cast.pia.enrolment_token(cast.cedar)
    async with database.engine.begin() as connection:
        await connection.execute(
            text("UPDATE practice SET archived_at = now() WHERE id = :id"), {"id": cast.cedar}
        )  # as the archiving request has done, not committed yet
        enrolling = asyncio.ensure_future(cast.agent().enrol(token))
        await until_somebody_waits(database)
    assert refusal(await enrolling) == (403, "enrolment.token_unknown")


async def test_reports_and_people_at_the_same_time_lose_nothing(cast: Cast) -> None:
    devices = [await cast.device() for _ in range(4)]

    async def hourly(device: Agent) -> list[int]:
        found = []
        for minutes in range(5):
            sections = healthy(cast.clock.now())
            sections["os"]["data"]["ubr"] = 7000 + minutes
            found.append((await device.send(device.heartbeat(sections))).status_code)
        return found

    async def people() -> list[int]:
        calls = [cast.pia.call("PATCH", f"/v1/devices/{d.device_id}", json={"alias": "poste-1"}) for d in devices]
        calls += [cast.pia.call("POST", f"/v1/devices/{devices[0].device_id}/revoke")]
        return [(await call).status_code for call in calls]

    *reports, acted = await asyncio.gather(*map(hourly, devices), people())
    assert set(acted) == {200}
    assert [set(found) for found in reports[1:]] == [{200}] * 3
    assert set(reports[0]) <= {200, 403}
