"""Judging everything again from what is stored gives what is stored, whatever order it came in; and it would be noticed."""

import asyncio
import random
from argparse import Namespace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from tests.conftest import NOW, settings_for
from tests.support.agent import Agent, healthy
from tests.support.cast import Cast
from tests.support.time_travel import Worker, assert_invariants
from vigie.commands import posture_check
from vigie.core.db import Database, role_url
from vigie.overview.posture_check import Difference, Outcome, check_provider
from vigie.posture.assessment import Assessor
from vigie.settings import Settings
from vigie.simulator.device import VirtualDevice
from vigie.simulator.fleet import plan_fleet

HOUR = timedelta(hours=1)
STORIES = ("patch_drift", "backup_quietly_failing", "antivirus_off")


@pytest.fixture
def settings(fresh_database_url: str, key_file: Path) -> Settings:
    return settings_for(fresh_database_url, key_file)


def machines() -> list[VirtualDevice]:
    """The machine that keeps the data and the last one, of one practice of every story: with habits, backups and updates."""
    plans = {plan.scenario.name: plan for plan in plan_fleet(24, 3, now=NOW)}
    return [device for story in STORIES for device in plans[story].devices()[::2]]


class Fleet:
    """Simulated machines behind real agents of a practice; what each reports depends on the instant, not on the order."""

    def __init__(self, cast: Cast, practice: str) -> None:
        self.cast, self.practice = cast, practice
        self.devices: list[tuple[Agent, VirtualDevice]] = []

    async def enrol(self) -> None:
        for place, device in enumerate(machines()):
            profile = device.machine.profile
            agent = await self.cast.device(
                self.practice, family=profile.family, role=profile.role, alias=f"machine-{place}"
            )
            self.devices.append((agent, device))

    async def report(self, order: random.Random | None = None) -> None:
        """Send one heartbeat of each device, in this order."""
        now = self.cast.clock.now()
        shuffled = self.devices[:]
        if order is not None:
            order.shuffle(shuffled)
        for agent, device in shuffled:
            answer = await agent.post("/v1/agent/heartbeats", orjson.dumps(device.heartbeat(now)), keyid=agent.keyid)
            assert answer.status_code == 200, answer.text
            device.apply_answer(answer.json())

    async def verdict(self) -> dict[str, Any]:
        """What is shown of the practice and of each of its devices, but for who they are and since when."""
        posture = (await self.cast.pia.get(f"/v1/practices/{self.practice}"))["posture"]
        shown: dict[str, Any] = {
            name: posture[name] for name in ("overall", "patch", "backup", "checklist", "liveness", "score")
        }
        for agent, device in self.devices:
            items = (await self.cast.pia.get(f"/v1/devices/{agent.device_id}/findings"))["items"]
            shown[device.machine.alias + device.scenario.name] = {
                item["control"]: (item["state"], item["reason"], item["since"], item["evidence"]) for item in items
            }
        return shown


@pytest.fixture
async def as_worker(settings: Settings) -> Any:
    opened = Database(*role_url(settings, "vigie_worker"), pool_size=1)
    yield opened
    await opened.close()


async def check(as_worker: Database, cast: Cast, after: timedelta = timedelta(0)) -> Outcome:
    return await check_provider(as_worker, Assessor("citus"), UUID(cast.pia.provider_id), cast.clock.now() + after)


async def test_judged_again_all_is_as_stored_in_whatever_order_it_came(
    cast: Cast, worker: Worker, rows: asyncpg.Connection, as_worker: Database
) -> None:
    one, other = Fleet(cast, cast.cedar), Fleet(cast, cast.elm)
    await one.enrol()
    await other.enrol()
    dice = random.Random(20261121)
    for hours in (
        1,
        1,
        20,
        3,
        60,
    ):  # the first report, a quiet hour, a day with news, another hour, after a stale week-end
        cast.clock.advance(hours * HOUR)
        await worker.run(cast.clock.now())
        await one.report()
        await other.report(dice)
        await worker.run(cast.clock.now())
        found = await check(as_worker, cast)
        assert found.differences == []
        assert (found.practices, found.waiting) == (2, 0)
    assert found.compared > 2 * len(STORIES) * 2 * 20
    assert await one.verdict() == await other.verdict()
    await assert_invariants(rows)
    cast.clock.advance(8 * 24 * HOUR)  # nobody reports any more, and the worker has not come by
    assert ((await check(as_worker, cast)).practices, (await check(as_worker, cast)).waiting) == (0, 2)
    await worker.run(cast.clock.now())
    assert (await check(as_worker, cast)).differences == []


FINDING = "UPDATE finding SET state = 'fail', reason = 'firewall_off' WHERE subject_id = $1 AND control = 'ANS-2.8'"
NO_FINDING = "DELETE FROM finding WHERE subject_id = $1 AND control = 'ANS-2.10'"
UNREAD_FACT = """
    UPDATE device_section SET body = jsonb_set(body, '{data,uac}', '"no"') WHERE device_id = $1 AND section = 'accounts'
"""
FACT = """
    UPDATE device_section SET body = jsonb_set(body, '{data,guest_enabled}', '"yes"')
    WHERE device_id = $1 AND section = 'accounts'
"""
LIGHT = "UPDATE posture SET patch = 'unknown' WHERE practice_id = (SELECT practice_id FROM device WHERE id = $1)"


async def test_what_is_stored_otherwise_is_named_and_left_as_it_is(
    cast: Cast,
    rows: asyncpg.Connection,
    as_worker: Database,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fleet = Fleet(cast, cast.cedar)
    await fleet.enrol()
    await fleet.report()
    device, practice = UUID(fleet.devices[0][0].device_id), UUID(cast.cedar)
    shown = (await cast.pia.get(f"/v1/practices/{practice}"))["posture"]["patch"]
    expected: set[Difference] = set()
    for change, difference in (
        (UNREAD_FACT, None),
        (FINDING, Difference(practice, device, "ANS-2.8", "fail (firewall_off)", "pass (firewall_on)")),
        (NO_FINDING, Difference(practice, device, "ANS-2.10", None, "pass (passwords_strong)")),
        (FACT, Difference(practice, device, "ANS-2.11", "pass (accounts_closed)", "fail (guest_enabled)")),
        (LIGHT, Difference(practice, practice, "patch", "unknown", shown)),
    ):
        before = await check(as_worker, cast)
        assert set(before.differences) >= expected  # nothing is repaired
        assert bool(before.differences) == bool(expected)
        await rows.execute(change, device)
        expected |= {difference} if difference is not None else set()
    found = await check(as_worker, cast)
    assert set(found.differences) >= expected
    status = await asyncio.to_thread(posture_check.run, settings, Namespace(provider=None), cast.clock)
    told = capsys.readouterr().out
    assert (status, f"{len(found.differences)} DIFFER" in told) == (1, True)
    assert f"device {device}, ANS-2.11: stored pass (accounts_closed), judged fail (guest_enabled)" in told


async def test_the_command_ends_well_when_all_is_as_stored(
    cast: Cast, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    everywhere = Namespace(provider=None)
    with pytest.raises(LookupError, match="no provider has any device"):
        await asyncio.to_thread(posture_check.run, settings, everywhere, cast.clock)
    device = await cast.device()
    await device.report(healthy(cast.clock.now()))
    for arguments in (everywhere, Namespace(provider=UUID(cast.pia.provider_id))):
        assert await asyncio.to_thread(posture_check.run, settings, arguments, cast.clock) == 0
        assert "2 practices, " in capsys.readouterr().out
