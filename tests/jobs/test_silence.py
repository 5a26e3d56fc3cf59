"""Silences with their causes, as stories: what happens at a practice, what the API and the log say, and what it turns out to be."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.conftest import settings_for
from tests.support.agent import Agent, healthy
from tests.support.cast import Cast
from tests.support.time_travel import Worker, assert_invariants, events_of
from vigie.core.clock import wire_time
from vigie.settings import Settings

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MONDAY = datetime(2026, 11, 16, 8, 0, tzinfo=UTC)  # nine o'clock in Paris
KINDS = ("device.silent", "device.returned", "device.silence_explained")


@pytest.fixture
def settings(fresh_database_url: str, key_file: Path, database_form: str) -> Settings:
    return settings_for(fresh_database_url, key_file, database_form=database_form)


class Office:
    """Cedar with its machines, each with a slot the test chose, and a clock that only the test moves."""

    def __init__(self, cast: Cast, worker: Worker, rows: asyncpg.Connection) -> None:
        self.cast, self.worker, self.rows = cast, worker, rows
        self.machines: dict[str, tuple[Agent, int]] = {}

    async def install(self, **slots: int) -> None:
        """Enrol machines named after their roles, with the minute of their slots, and have each heard at nine."""
        self.cast.clock.move_to(MONDAY)
        for name, minute in slots.items():
            agent = await self.cast.device(alias=name.replace("_", "-"), role=name.split("_")[0])
            key = (agent.device_id, minute * 60)
            await self.rows.execute("UPDATE device SET slot_s = $2 WHERE id = $1", *key)
            self.machines[name] = (agent, minute)
            await agent.report(healthy(MONDAY))

    async def pass_until(self, end: datetime, *alive: str) -> None:
        """Let time pass minute by minute in which anything happens: reports of those alive, the sweep after each."""
        at = self.cast.clock.now()
        while at < end:
            at += MINUTE
            due = [name for name in alive if at.minute == self.machines[name][1]]
            self.cast.clock.move_to(at)
            for name in due:
                await self.machines[name][0].report()
            if due or at.minute % 5 == 0:
                await self.worker.run(at)

    async def back(self, name: str, at: datetime, **bent: Any) -> None:
        """Have a machine report again at an instant."""
        self.cast.clock.move_to(at)
        await self.machines[name][0].report(**bent)

    async def told(self) -> list[tuple[str, str, str]]:
        """Return what was told of machines and their line: when, of whom, what."""
        names = {agent.device_id: name for name, (agent, _) in self.machines.items()}
        found = []
        for event in await events_of(self.rows, self.cast.cedar):
            said, at = event["payload"], f"{event['happened_at']:%d %H:%M}"
            if event["kind"] in KINDS:
                what = said.get("cause", "returned")
                found.append(
                    (at, names[str(event["device_id"])], what if "was" not in said else f"{said['was']}>{what}")
                )
            elif event["kind"].startswith("practice.line"):
                sure = {True: " confirmed", False: " unconfirmed", None: ""}[said.get("confirmed")]
                found.append((at, "line", event["kind"].removeprefix("practice.line_") + sure))
        return found

    async def device(self, name: str) -> Any:
        """Return what the API says of a machine."""
        return await self.cast.pia.get(f"/v1/devices/{self.machines[name][0].device_id}")

    async def line(self) -> Any:
        """Return what the API says of the line."""
        return (await self.cast.pia.get(f"/v1/practices/{self.cast.cedar}"))["line"]


@pytest.fixture
async def office(cast: Cast, worker: Worker, rows: asyncpg.Connection) -> Office:
    return Office(cast, worker, rows)


def ran(*minutes: int) -> list[str]:
    return [wire_time(MONDAY + minute * MINUTE) for minute in minutes]


async def test_a_line_that_is_cut_is_told_once_and_confirmed_by_who_ran_meanwhile(office: Office) -> None:
    await office.install(server=10, workstation_a=50, laptop=30)
    assert await office.line() == {"state": "up", "since": None, "confirmed": None, "evidence": {}}
    await office.pass_until(MONDAY + 3 * HOUR)
    down = [("16 09:15", "line", "down"), ("16 09:15", "server", "line"), ("16 09:15", "workstation_a", "line")]
    assert sorted(await office.told()) == sorted(down)
    line = await office.line()
    assert (line["state"], line["since"], len(line["evidence"]["devices"])) == ("down", "2026-11-16T09:15:00Z", 2)
    silence = (await office.device("workstation_a"))["silence"]
    assert (silence["cause"], silence["since"]) == ("line", "2026-11-16T09:15:00Z")
    assert (await office.device("laptop"))["liveness"] == "reporting"
    await office.back("workstation_a", MONDAY + 4 * HOUR + 50 * MINUTE)  # no proof: perhaps it was off
    await office.back("server", MONDAY + 5 * HOUR + 10 * MINUTE, ran_at=ran(10, 70, 130))
    assert (await office.told())[len(down) :] == [
        ("16 12:50", "workstation_a", "returned"),
        ("16 12:50", "workstation_a", "line>machine_off"),
        ("16 12:50", "line", "restored unconfirmed"),
        ("16 13:10", "server", "returned"),
        ("16 13:10", "line", "confirmed"),
    ]
    line = await office.line()
    assert (line["state"], line["since"], line["confirmed"]) == ("up", "2026-11-16T12:50:00Z", True)
    past = (await office.cast.pia.get(f"/v1/devices/{office.machines['server'][0].device_id}/silences"))["items"]
    assert [(item["cause"], item["until"], item["evidence"]["ran_meanwhile"]) for item in past] == [
        ("line", "2026-11-16T13:10:00Z", 3)
    ]
    await assert_invariants(office.rows)


async def test_a_machine_that_does_not_come_back_with_its_line_is_silent_by_itself(office: Office) -> None:
    await office.install(server=10, workstation_a=50, workstation_b=20)
    await office.pass_until(MONDAY + 3 * HOUR)
    await office.back("server", MONDAY + 3 * HOUR + 10 * MINUTE, ran_at=ran(10))
    await office.pass_until(MONDAY + 5 * HOUR + 30 * MINUTE, "server", "workstation_b")
    told = await office.told()
    assert ("16 11:10", "line", "restored confirmed") in told
    # Two reports more from ten past eleven on, as if it had been heard then; and the line works.
    assert told[-1][1:] == ("workstation_a", "line>machine_off")
    assert "16 13:15" <= told[-1][0] <= "16 13:20"
    assert (await office.device("workstation_a"))["silence"]["cause"] == "machine_off"
    assert (await office.device("workstation_b"))["silence"] is None
    await assert_invariants(office.rows)


async def test_one_pc_that_is_off_and_a_server_that_is_not_heard_are_told_apart_by_what_is_known(
    office: Office,
) -> None:
    await office.install(server=10, workstation_a=50, workstation_b=20)
    await office.pass_until(MONDAY + 3 * HOUR, "server", "workstation_b")
    assert await office.told() == [("16 09:55", "workstation_a", "machine_off")]
    await office.pass_until(MONDAY + 6 * HOUR, "workstation_b")
    assert (await office.told())[1:] == [("16 12:15", "server", "unknown")]
    silence = (await office.device("server"))["silence"]
    assert silence["evidence"] == {"last_run": "clean", "others_heard": True}
    # It comes back on the same boot, up all the while: its agent had stopped.
    vitals = {"uptime_s": 90_000, "run_ms": 50, "clock_offset_ms": 0}
    await office.back("server", MONDAY + 6 * HOUR + 10 * MINUTE, vitals=vitals)
    # The PC proves that it ran: its own way out was closed.
    await office.back("workstation_a", MONDAY + 6 * HOUR + 50 * MINUTE, ran_at=ran(50, 110))
    assert (await office.told())[2:] == [
        ("16 14:10", "server", "returned"),
        ("16 14:10", "server", "unknown>agent_broken"),
        ("16 14:50", "workstation_a", "returned"),
        ("16 14:50", "workstation_a", "machine_off>agent_broken"),
    ]
    assert await office.line() == {"state": "up", "since": None, "confirmed": None, "evidence": {}}


async def test_a_device_that_is_refused_runs_and_its_agent_is_what_is_broken(office: Office) -> None:
    await office.install(server=10, workstation_a=50)
    await office.pass_until(MONDAY + 3 * HOUR, "server")
    agent = office.machines["workstation_a"][0]
    forged = await agent.send(agent.heartbeat(unknown=1), key=office.cast.agent().key)
    await office.worker.run(office.cast.clock.now())
    before = (await office.device("workstation_a"))["silence"]["cause"]
    refused = await agent.send(agent.heartbeat(unknown=1))
    await office.worker.run(office.cast.clock.now())
    silence = (await office.device("workstation_a"))["silence"]
    assert (forged.status_code, refused.status_code) == (401, 422)
    assert (before, silence["cause"]) == ("machine_off", "agent_broken")  # whoever has not the key says nothing of it
    told = {"code": "agent.schema_invalid", "times": 1, "last_at": wire_time(office.cast.clock.now())}
    assert silence["evidence"]["refused"] == told
    await office.back("workstation_a", office.cast.clock.now() + 50 * MINUTE)
    assert (await office.told())[-1][1:] == ("workstation_a", "returned")  # and what it was stays so
    # Refused again hours before it falls silent, and heard since: that says nothing.
    await office.pass_until(office.cast.clock.now() + 3 * HOUR, "server")
    assert (await office.told())[-1][1:] == ("workstation_a", "machine_off")


async def test_a_laptop_may_stay_away_for_days_as_the_policy_says(office: Office) -> None:
    await office.install(server=10, laptop=30)
    await office.pass_until(MONDAY + 3 * HOUR, "server")
    assert (await office.device("laptop"))["liveness"] == "reporting"
    owner = await office.cast.ana()
    body = {"practice_id": office.cast.cedar, "thresholds": {"silence": {"laptop_days": 1}}}
    assert (await owner.call("PUT", "/v1/policies", json=body)).status_code == 200
    for hour in range(3, 27):
        await office.back("server", MONDAY + hour * HOUR + 10 * MINUTE)
    await office.worker.run(MONDAY + 25 * HOUR)
    assert await office.told() == [("17 08:35", "laptop", "machine_off")]
