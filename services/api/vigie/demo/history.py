"""A month of history, made by the real code with a moved clock: enrolment over HTTP in this process, then hour by hour.

Heartbeats skip only the wire: they are built by the simulator, parsed by the intake's parser and written by the intake's
writer, and the sweep runs in between, so that what is seen afterwards is what a month would have left.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import httpx
import orjson

from vigie.app import Parts, connector, create_app
from vigie.cli_actions import add_provider
from vigie.core.clock import MovableClock
from vigie.core.collector import calm_the_collector
from vigie.core.db import connect, role_url
from vigie.demo.state import DemoState, planned_devices
from vigie.devices.directory import DeviceKey
from vigie.devices.hb1 import parse_heartbeat
from vigie.devices.report import Accepted, Identity, Report, make_report
from vigie.devices.sweep import Sweep
from vigie.devices.writing import HeartbeatWriter
from vigie.posture.assessment import Assessor
from vigie.settings import Settings
from vigie.simulator.client import AgentClient, PartnerClient
from vigie.simulator.device import VirtualDevice
from vigie.simulator.fleet import PracticePlan
from vigie.worker import ensure_partitions

DAYS = 30
PlannedDevice = tuple[str, PracticePlan, VirtualDevice]
"""A device by its place in a plan, the plan of its practice, and the machine that lives."""
_HOUR = timedelta(hours=1)
_SWEEP_EVERY = 3  # hours; deadlines are exact however late the sweep comes
_LANES = 2  # what goes on at once: the database works on one while the other is being built


async def make_history(
    settings: Settings,
    anchor: datetime,
    tell: Callable[[str], None],
    *,
    days: int = DAYS,
    planned: Sequence[PlannedDevice] | None = None,
    half_way: Callable[[], None] = lambda: None,
) -> DemoState:
    """Create provider, practices and devices, and let them live the days before `anchor`: the demo's, or others.

    `half_way` is called once, when about half of the work is done.
    """
    clock = MovableClock(anchor - timedelta(days=days))
    made = await add_provider(settings, "Atlas Maintenance")
    worker = await connect(*role_url(settings, "vigie_worker"))
    await ensure_partitions(worker, MovableClock(anchor), months_back=days // 28 + 1)
    app = create_app(settings, clock=clock)
    parts: Parts = app.state.parts
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=settings.public_url) as http,
    ):
        partner = PartnerClient(http, settings.public_url, made["client_id"], made["client_secret"])
        agents = AgentClient(http, settings.public_url, clock.now)
        intakes = [await connector(settings, "vigie_intake")() for _ in range(_LANES)]
        for intake in intakes:
            await intake.execute("SET synchronous_commit = off")  # a demo that crashes here starts again from nothing
        calm_the_collector()  # as of a worker: nobody waits for an answer
        month = _Month(parts, partner, agents, clock, worker, intakes)
        planned = planned_devices(anchor) if planned is None else planned
        await month.live(planned, anchor - timedelta(days=days / 2))
        half_way()
        await month.live(planned, anchor)
        for intake in intakes:
            await intake.close()
        tell(f"{month.summary()} des {days} derniers jours enregistrées")
    await worker.close()
    devices = {key: device.device_id for key, device in month.enrolled.items()}
    return DemoState(anchor=anchor, devices=devices, **made)


class _Month:
    """Lives the hours one by one."""

    def __init__(
        self,
        parts: Parts,
        partner: PartnerClient,
        agents: AgentClient,
        clock: MovableClock,
        worker: asyncpg.Connection,
        intakes: Sequence[asyncpg.Connection],
    ) -> None:
        self._parts = parts
        self._partner = partner
        self._agents = agents
        self._clock = clock
        self._worker = worker
        self._writer = HeartbeatWriter("postgresql", parts.assessor)
        self._sweep = Sweep("postgresql", Assessor("postgresql"), may_hold=False)
        self._intakes = intakes
        self._tokens: dict[int, str] = {}
        self._reports = 0
        self._lanes: dict[int, list[tuple[DeviceKey, VirtualDevice]]] = defaultdict(list)
        self.enrolled: dict[str, VirtualDevice] = {}

    async def live(self, planned: Sequence[PlannedDevice], anchor: datetime) -> None:
        """Go from the clock's instant to `anchor`, hour by hour."""
        hour = self._clock.now()
        while hour < anchor:
            await self._join(planned, hour)
            end = min(hour + _HOUR, anchor)
            self._clock.move_to(end)
            lanes = (self._hour(intake, self._lanes[lane], hour, end) for lane, intake in enumerate(self._intakes))
            self._reports += sum(await asyncio.gather(*lanes))
            if (end - anchor) // _HOUR % _SWEEP_EVERY == 0:
                await self._sweep.run(self._worker, end)
            hour = end

    def summary(self) -> str:
        """Return how many there are of what."""
        return f"{len(self._tokens)} cabinets, {len(self.enrolled)} postes, {self._reports} remontées"

    async def _join(self, planned: Sequence[PlannedDevice], now: datetime) -> None:
        """Open the practices that have joined by now, and enrol their devices; some practices at once."""
        joining: dict[int, list[PlannedDevice]] = defaultdict(list)
        for key, plan, device in planned:
            if key not in self.enrolled and device.machine.joined_at <= now:
                joining[plan.number].append((key, plan, device))
        some = asyncio.Semaphore(_LANES)
        await asyncio.gather(*(self._open(devices, some) for devices in joining.values()))

    async def _open(self, joining: Sequence[PlannedDevice], some: asyncio.Semaphore) -> None:
        """Open one practice, if it is not yet, and enrol devices there one after the other."""
        async with some:
            for key, plan, device in joining:
                if plan.number not in self._tokens:
                    practice = await self._partner.create_practice(plan)
                    self._tokens[plan.number] = await self._partner.create_enrolment_token(
                        practice, uses=len(plan.machines)
                    )
                answer = await self._agents.enrol(device, self._tokens[plan.number])
                if not device.device_id:
                    raise LookupError(f"the demo could not enrol a device: {answer.code}")
                self.enrolled[key] = device
                known_as = (UUID(device.provider_id), UUID(device.device_id))
                self._lanes[plan.number % _LANES].append((known_as, device))

    async def _hour(
        self,
        connection: asyncpg.Connection,
        devices: Sequence[tuple[DeviceKey, VirtualDevice]],
        start: datetime,
        end: datetime,
    ) -> int:
        reports: list[tuple[VirtualDevice, Report]] = []
        for known_as, device in devices:
            identity = await self._parts.directory.find(known_as)
            if identity is None:
                continue
            at = start + timedelta(seconds=identity.slot_s)
            if at >= end or not device.is_on(at):
                continue
            if device.line_is_up(at):
                reports.append((device, self._report(device, at, identity)))
            else:
                device.missed(at)
        again = await self._write(connection, reports)
        await self._write(
            connection,
            [(device, self._report(device, report.received_at, report.identity)) for device, report in again],
        )
        return len(reports) + len(again)

    def _report(self, device: VirtualDevice, at: datetime, identity: Identity) -> Report:
        body = orjson.dumps(device.heartbeat(at))
        return make_report(identity, parse_heartbeat(body), hashlib.sha256(body).digest()[:16], at)

    async def _write(
        self, connection: asyncpg.Connection, reports: list[tuple[VirtualDevice, Report]]
    ) -> list[tuple[VirtualDevice, Report]]:
        """Write reports; return those whose device was asked to send everything."""
        if not reports:
            return []
        outcomes = await self._writer.write(connection, [report for _, report in reports])
        again = []
        for (device, report), outcome in zip(reports, outcomes, strict=True):
            if isinstance(outcome, Accepted):
                device.apply_answer({"accepted_sequence": outcome.sequence, "resync": outcome.resync})
                if outcome.resync:
                    again.append((device, report))
        return again
