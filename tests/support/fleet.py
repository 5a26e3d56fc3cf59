"""A small fleet for tests of concurrency: devices that enrolled through the door, whose reports are handed to writers directly."""

import hashlib
import random
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from tests.support.agent import Agent, backup_section, healthy, job, patch_section, storage_section
from tests.support.cast import Caller, Cast
from vigie.core.batch import fetch
from vigie.core.db import connect, role_url
from vigie.devices import statements
from vigie.devices.hb1 import parse_heartbeat
from vigie.devices.report import Identity, Report, make_report
from vigie.devices.writing import HeartbeatWriter
from vigie.posture.assessment import Assessor
from vigie.settings import Settings


@dataclass
class Fleet:
    """Devices with what the intake would remember of them."""

    agents: list[Agent] = field(default_factory=list)
    identities: dict[str, Identity] = field(default_factory=dict)

    def report(self, agent: Agent, at: datetime, changed: dict[str, dict[str, object]] | None = None) -> Report:
        """Return the next report of a device, as the intake receives it."""
        body = orjson.dumps(agent.heartbeat(changed))
        identity = self.identities[agent.device_id]
        return make_report(identity, parse_heartbeat(body), hashlib.sha256(body).digest()[:16], at)

    def full(self, agent: Agent, at: datetime) -> Report:
        """Return a first, healthy report."""
        return self.report(agent, at, healthy(at))


def mood(at: datetime, chance: random.Random) -> dict[str, dict[str, object]]:
    """Return sections as they may have changed: nothing, or something that turns findings one way or the other."""
    choices = [
        {},
        {"patch": patch_section(at, security=chance.randrange(3), age_days=chance.choice([1, 20, 40]))},
        {"backup": backup_section(at, job(at, last_status=chance.choice(["ok", "failed"])))},
        {"storage": storage_section(at, free_gib=chance.choice([10, 50, 200]))},
    ]
    return dict(chance.choice(choices))


async def make_fleet(cast: Cast, settings: Settings, size: int) -> Fleet:
    """Enrol devices, in turn in Cedar and Elm of Atlas and in Fir of Borea."""
    homes: tuple[tuple[Caller, str], ...] = ((cast.pia, cast.cedar), (cast.pia, cast.elm), (cast.bela, cast.fir))
    tokens = [await caller.enrolment_token(practice, use_limit=500) for caller, practice in homes]
    fleet = Fleet()
    for number in range(size):
        agent = cast.agent()
        assert (await agent.enrol(tokens[number % len(tokens)])).status_code == 201
        fleet.agents.append(agent)
    connection = await intake_connection(settings)
    keys = sorted((UUID(agent.provider_id), UUID(agent.device_id)) for agent in fleet.agents)
    for row in await fetch(connection, "postgresql", statements.IDENTITIES, keys):
        fleet.identities[str(row["device_id"])] = Identity(**row)
    await connection.close()
    return fleet


async def intake_connection(settings: Settings) -> asyncpg.Connection:
    """Open a connection as the intake does."""
    return await connect(*role_url(settings, "vigie_intake"))


def writer_of(settings: Settings) -> HeartbeatWriter:
    """Return a writer in the form of the settings."""
    if settings.database_form == "citus":
        return HeartbeatWriter("citus", Assessor("citus"))
    return HeartbeatWriter("postgresql", Assessor("postgresql"))
