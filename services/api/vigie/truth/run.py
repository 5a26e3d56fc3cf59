"""Living through the simulated world with the real code: intake, sweep, assessment, alerts, with a moved clock.

What is left out is the wire: a heartbeat is built as bytes, read by the intake's reader, dated against the moved clock and written
by the intake's writer. Practices, hours, devices that come and go are told through the API, in this process.

Time moves in steps of a quarter of an hour. What says "all as before" is written every five minutes, what brings news once per
step. A real worker sweeps every five seconds; here the sweep runs whenever a device falls silent, after all that arrived before:
the deadlines are stored, and one can ask for them. So no silence is told later than it would be, and a report that comes after its
deadline comes after the sweep has told of it. What else is due is looked at every half hour (each step while we are away
ourselves): it may be recorded that much late, with the instant at which it became true.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import httpx

from vigie.alerts.follow import follow
from vigie.app import Parts, connector, create_app
from vigie.checklist.sweep import ChecklistSweep
from vigie.cli_actions import add_provider
from vigie.core.clock import MovableClock
from vigie.core.db import Database, connect, role_url
from vigie.core.errors import AppError
from vigie.devices.agent_requests import read_heartbeat
from vigie.devices.reassessment import Reassessment
from vigie.devices.report import Accepted, Identity, Report, make_report
from vigie.devices.sweep import Sweep
from vigie.devices.writing import HeartbeatWriter
from vigie.posture.assessment import Assessor
from vigie.settings import Settings
from vigie.simulator.client import AgentClient, PartnerClient
from vigie.simulator.device import VirtualDevice
from vigie.simulator.scenarios import HEALTHY
from vigie.truth import statements as sql
from vigie.truth.agent import SimulatedAgent
from vigie.truth.course import Arrival, Course
from vigie.truth.openings import DAY_S, HOUR_S, MINUTE_S, Span, when
from vigie.truth.spans import at, joined
from vigie.truth.world import World
from vigie.worker import ensure_partitions

STEP_S = 15 * MINUTE_S
_QUIET_S = 5 * MINUTE_S
_SWEEP_EVERY_S = 30 * MINUTE_S
PRACTICES_PER_PROVIDER = 50
_SUNDAY = 6
_SWEEP_S = 5  # what a deadline waits for the sweep of a real worker
Batch = dict[int, tuple[SimulatedAgent, Report]]


@dataclass
class Lived:
    """What is known after the world was lived: which rows of the database are whom in the world."""

    practices: dict[UUID, int] = field(default_factory=dict)
    devices: dict[UUID, tuple[int, int]] = field(default_factory=dict)
    reports: int = 0
    refused: dict[str, int] = field(default_factory=dict)


async def live(settings: Settings, world: World, tell: Callable[[str], None]) -> Lived:
    """Live through a world in an empty database; return who is who."""
    clock = MovableClock(when(world.span.start))
    app = create_app(settings, clock=clock)
    parts: Parts = app.state.parts
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=settings.public_url) as http,
    ):
        run = _Run(settings, world, clock, parts, http)
        await run.open()
        try:
            await run.live(tell)
        finally:
            await run.close()
    return run.lived


class _Run:
    """Moves the clock, and everything with it."""

    def __init__(
        self, settings: Settings, world: World, clock: MovableClock, parts: Parts, http: httpx.AsyncClient
    ) -> None:
        self._settings = settings
        self._world = world
        self._clock = clock
        self._http = http
        self._course = Course(world)
        self._notes = parts.refusal_notes
        self._writer = HeartbeatWriter("postgresql", parts.assessor)
        self._agents = AgentClient(http, settings.public_url, clock.now)
        self._partners: dict[int, PartnerClient] = {}
        self._ids: dict[int, str] = {}
        self._tokens: dict[int, tuple[str, int]] = {}
        self._identities: dict[int, Identity] = {}
        self._waiting = list(enumerate(self._course.agents))
        self._hours_after_us = joined(Span(outage.span.start, outage.span.end + 3 * HOUR_S) for outage in world.outages)
        self._sick = joined(outage.span for outage in world.outages if outage.everything)
        self._swept = when(world.span.start)
        self.lived = Lived()

    async def open(self) -> None:
        """Open the connections and the jobs of the worker."""
        self._intake = await connector(self._settings, "vigie_intake")()
        self._worker = await connect(*role_url(self._settings, "vigie_worker"))
        url = self._settings.database_url
        if url is None:
            raise LookupError("a simulation needs a database of its own")
        self._admin = await connect(url.get_secret_value(), {})
        self._database = Database(*role_url(self._settings, "vigie_worker"), pool_size=1)
        self._sweep = Sweep("postgresql", Assessor("postgresql"))
        self._reassessment = Reassessment(Assessor("postgresql"), self._database, rest=0)
        self._checklist = ChecklistSweep(self._database, Assessor("postgresql"))

    async def close(self) -> None:
        """Close the connections."""
        for connection in (self._intake, self._worker, self._admin):
            await connection.close()
        await self._database.close()

    async def live(self, tell: Callable[[str], None]) -> None:
        """Go from the first instant to the last."""
        await self._found_practices()
        span = self._world.span
        for day in range(span.start, span.end, DAY_S):
            if when(day).day == 1 or day == span.start:
                await ensure_partitions(self._worker, self._clock)
            arrivals = self._course.arrivals(Span(day, min(day + DAY_S, span.end)))
            await self._day(day, arrivals)
            if (day - span.start) // DAY_S % 7 == _SUNDAY:
                tell(f"{when(day):%Y-%m-%d}: {self.lived.reports} heartbeats")
        await self._jobs(span.end)

    async def _day(self, day: int, arrivals: Sequence[Arrival]) -> None:
        place = 0
        for step in range(day, day + DAY_S, STEP_S):
            end = step + STEP_S
            self._clock.move_to(when(step))
            await self._join_and_leave(end)
            self._clock.move_to(when(end))
            first = place
            # What is late at midnight belongs to the last step of its day: no report is lost between two days.
            while place < len(arrivals) and (arrivals[place].instant < end or end == day + DAY_S):
                place += 1
            await self._step(arrivals[first:place], end)

    async def _step(self, arrivals: Sequence[Arrival], end: int) -> None:
        """Write what arrived in a step, and sweep in between whenever something is due."""
        done = 0
        due: datetime | None = when(0)
        while at(self._sick, end) is None:
            due = await self._worker.fetchval(sql.NEXT_SILENCE, due, when(end - _SWEEP_S))
            if due is None:  # nothing, or only what the sweep holds back
                break
            instant = int(due.timestamp()) + _SWEEP_S
            first = done
            while done < len(arrivals) and arrivals[done].instant < instant:
                done += 1
            await self._receive(arrivals[first:done])
            self._swept = max(when(instant), self._swept)
            await self._sweep.run(self._worker, self._swept)
        await self._receive(arrivals[done:])
        if at(self._sick, end) is not None:
            return
        if end % _SWEEP_EVERY_S == 0 or at(self._hours_after_us, end):
            await self._jobs(end)
        else:
            await follow(self._worker, when(end))

    async def _receive(self, arrivals: Sequence[Arrival]) -> None:
        """Write what arrived: what is quiet every few minutes, what brings news together; each device once per batch."""
        quiet: Batch = {}
        news: Batch = {}
        until = 0
        for arrival in arrivals:
            if self._course.is_cut_off(arrival):
                arrival.agent.missed(arrival.ran)
                continue
            if arrival.instant >= until:
                await self._write(quiet)
                until = arrival.instant + _QUIET_S
            if arrival.order in news or arrival.order in quiet:
                await self._write(quiet)
                await self._write(news)
            report = await self._report(arrival.order, arrival.agent, arrival.instant, arrival.ran)
            if report is None:
                continue
            batch = news if report.sections or report.ran_at or report.backup_events else quiet
            batch[arrival.order] = (arrival.agent, report)
            if arrival.twice:
                await self._write(batch)
                await self._writer.write(self._intake, [report])
        await self._write(quiet)
        await self._write(news)

    async def _report(self, order: int, agent: SimulatedAgent, instant: int, ran: int) -> Report | None:
        identity = self._identities.get(order)
        if identity is None:
            return None
        body = agent.heartbeat(ran)
        if agent.signed_askew:
            await self._refused(identity, "agent.clock_skew", instant)
        try:
            heartbeat = read_heartbeat(body, when(instant))
        except AppError as error:
            await self._refused(identity, error.code, instant)
            agent.refused()
            return None
        return make_report(identity, heartbeat, hashlib.sha256(body).digest()[:16], when(instant))

    async def _refused(self, identity: Identity, code: str, instant: int) -> None:
        """Note a refusal as the route does."""
        self.lived.refused[code] = self.lived.refused.get(code, 0) + 1
        await self._notes.note(identity, code, when(instant))

    async def _write(self, gathered: Batch) -> None:
        """Write a batch and empty it."""
        if not gathered:
            return
        # The last report first: it says when the batch was recorded.
        batch = sorted(gathered.items(), key=lambda item: item[1][1].received_at, reverse=True)
        gathered.clear()
        self.lived.reports += len(batch)
        again: Batch = {}
        outcomes = await self._writer.write(self._intake, [report for _, (_, report) in batch])
        for (order, (agent, report)), outcome in zip(batch, outcomes, strict=True):
            if not isinstance(outcome, Accepted):
                raise LookupError(f"a heartbeat of the simulated world was not accepted: {outcome}")  # noqa: TRY004
            agent.accepted(resync=outcome.resync)
            if outcome.resync:
                instant = int(report.received_at.timestamp())
                full = await self._report(order, agent, instant, instant)
                if full is not None:
                    again[order] = (agent, full)
        await self._write(again)

    async def _jobs(self, instant: int) -> None:
        """Run what the worker runs."""
        now = when(instant)
        await self._sweep.run(self._worker, now)
        self._swept = now
        await follow(self._worker, now)
        if instant % HOUR_S == 0:
            await self._reassessment.run(self._worker, now)
            await self._checklist.run(self._worker, now)

    async def _found_practices(self) -> None:
        """Make providers, practices and their hours."""
        for practice in self._world.practices:
            group = practice.number // PRACTICES_PER_PROVIDER
            if group not in self._partners:
                made = await add_provider(self._settings, f"Prestataire {group + 1}")
                self._partners[group] = PartnerClient(
                    self._http, self._settings.public_url, made["client_id"], made["client_secret"]
                )
            partner = self._partners[group]
            found = await partner.create_practice(practice.plan)
            await partner.tell_opening_hours(found, practice.openings.document())
            self._ids[practice.number] = found
            self.lived.practices[UUID(found)] = practice.number

    async def _join_and_leave(self, instant: int) -> None:
        """Enrol the devices that join by now, take out those that leave."""
        waiting = []
        for order, agent in self._waiting:
            device = agent.device
            if order not in self._identities and device.joins_at <= instant:
                self._identities[order] = await self._enrol(agent)
            if device.leaves_at is not None and order in self._identities and device.leaves_at <= instant:
                partner = self._partners[agent.practice.number // PRACTICES_PER_PROVIDER]
                await partner.revoke_device(str(self._identities.pop(order).device_id))
            elif order not in self._identities or device.leaves_at is not None:
                waiting.append((order, agent))
        self._waiting = waiting

    async def _enrol(self, agent: SimulatedAgent) -> Identity:
        """Enrol a device through the API, and give it the slot the world has drawn: ids are random, the world is not."""
        device, number = agent.device, agent.practice.number
        partner = self._partners[number // PRACTICES_PER_PROVIDER]
        now = int(self._clock.now().timestamp())
        if number not in self._tokens or now - self._tokens[number][1] > DAY_S // 2:  # a token lives for a day
            self._tokens[number] = (await partner.create_enrolment_token(self._ids[number], uses=8), now)
        machine = VirtualDevice(
            device.machine, HEALTHY, self._clock.now(), secret=f"{self._world.seed}:{number}:{device.place}"
        )
        answer = await self._agents.enrol(machine, self._tokens[number][0])
        if not machine.device_id:
            raise LookupError(f"a device of the simulated world was not enrolled: {answer.code}")
        provider_id, device_id = UUID(machine.provider_id), UUID(machine.device_id)
        if await self._admin.execute(sql.GIVE_SLOT, provider_id, device_id, device.slot_s) != "UPDATE 1":
            raise LookupError("a device of the simulated world has no slot of its own")
        self.lived.devices[device_id] = (number, device.place)
        return Identity(
            provider_id=provider_id,
            device_id=device_id,
            practice_id=UUID(self._ids[number]),
            public_key=machine.public_key,
            key_generation=1,
            status="active",
            family=device.machine.profile.family,
            role=device.role,
            slot_s=device.slot_s,
            enrolled_at=self._clock.now(),
        )
