"""Let devices report over HTTP as agents do: on the server's cadence, or faster, or at a given rate."""

import asyncio
import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from random import Random

import httpx

from vigie.simulator.client import AgentClient, Answer, PartnerClient
from vigie.simulator.device import VirtualDevice
from vigie.simulator.fleet import PracticePlan, plan_fleet

_HOUR_S = 3600.0
_LATENCIES_KEPT = 100_000
_SENDS_PER_TURN = 4
_TRIES_TO_ENROL = 5
_POLL_S = 0.2
_PRACTICES_AT_ONCE = 8
_BUSY_S = 5.0
_LEAST_WAIT_S = 0.1
_UNREACHABLE_S = 15.0
# The second: what anyio makes of a connection that was reset as soon as it was made, where uvloop runs.
_CUT = (httpx.TransportError, AttributeError)
_FINAL = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_WAITING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


def utc_now() -> datetime:
    """Return the present, the default clock of a simulation."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Summary:
    """What a simulation did. ``refused`` counts answers by code; latencies in seconds, acknowledged heartbeats only."""

    practices: int = 0
    devices: int = 0
    acknowledged: int = 0
    duplicates: int = 0
    resyncs: int = 0
    undelivered: int = 0
    unreachable: int = 0
    stopped: int = 0
    bytes_sent: int = 0
    seconds: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    def latency_s(self, share: float) -> float | None:
        """Return the latency that ``share`` (0 to 1) of the acknowledged heartbeats did not exceed."""
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast to go. ``speed`` divides the server's waiting times; ``rate`` (heartbeats/s, whole fleet) replaces them.

    Clocks are never accelerated: a report of tomorrow would be refused, rightly.
    """

    speed: float = 1.0
    rate: float | None = None
    duration_s: float | None = None
    connections: int = 64


@dataclass(frozen=True, slots=True)
class Options:
    """What `vigie simulate` was asked. ``devices`` is per practice."""

    url: str
    client_id: str
    client_secret: str
    practices: int
    devices: int
    pace: Pace = Pace()
    seed: str = "vigie"
    verify_tls: bool = True


async def simulate(
    options: Options,
    *,
    stop: asyncio.Event | None = None,
    clock: Callable[[], datetime] = utc_now,
    http: httpx.AsyncClient | None = None,
) -> Summary:
    """Create a fleet by REST, enrol it and let it report until the duration is over or ``stop`` is set.

    ``http`` replaces the client that would be opened; it is closed at the end. Raises `SimulationError` when the server
    refuses the credentials, a practice or a token.
    """
    url = options.url.rstrip("/")
    plans = plan_fleet(options.practices, options.devices, now=clock(), seed=options.seed)
    async with http or open_http(options.pace.connections, verify_tls=options.verify_tls) as client:
        partner = PartnerClient(client, url, options.client_id, options.client_secret)
        at_once = asyncio.Semaphore(_PRACTICES_AT_ONCE)
        opened = await asyncio.gather(*(_open_practice(partner, plan, at_once) for plan in plans))
        enrolments = [pair for devices in opened for pair in devices]
        summary = await drive(url, enrolments, http=client, pace=options.pace, stop=stop, clock=clock)
    summary.practices = len(plans)
    return summary


def open_http(connections: int, *, verify_tls: bool = True) -> httpx.AsyncClient:
    """Return an HTTP client with as many connections as heartbeats may be under way."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncClient(limits=limits, timeout=30.0, verify=verify_tls, trust_env=False)


async def _open_practice(
    partner: PartnerClient, plan: PracticePlan, at_once: asyncio.Semaphore
) -> list[tuple[VirtualDevice, str]]:
    """Create a practice and a token, and pair the token with each of its devices."""
    async with at_once:
        token = await partner.create_enrolment_token(await partner.create_practice(plan), uses=len(plan.machines))
    return [(device, token) for device in plan.devices()]


async def drive(
    base_url: str,
    enrolments: Iterable[tuple[VirtualDevice, str]],
    *,
    http: httpx.AsyncClient,
    pace: Pace = Pace(),
    stop: asyncio.Event | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Summary:
    """Enrol devices with their tokens (those already enrolled are taken as they are) and let them report.

    Obeys the server: ``next_in_s``, ``Retry-After`` with jitter, ``resync``, ``continue_from``, clock corrections. A device
    that the server stops reports no more.
    """
    driver = _Driver(AgentClient(http, base_url.rstrip("/"), clock), pace, stop or asyncio.Event())
    return await driver.run(list(enrolments))


class _Driver:
    """Devices in the order in which they are due, and workers that take the next."""

    def __init__(self, client: AgentClient, pace: Pace, stop: asyncio.Event) -> None:
        self.client = client
        self.pace = pace
        self.stop = stop
        self.summary = Summary()
        self.jitter = Random(0)  # noqa: S311 - spreads retries, decides nothing
        self.due: list[tuple[float, int, VirtualDevice]] = []
        self.under_way = 0

    async def run(self, enrolments: Sequence[tuple[VirtualDevice, str]]) -> Summary:
        """Enrol everyone, then report until the end."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self._enrol_all(enrolments)
        deadline = None if self.pace.duration_s is None else loop.time() + self.pace.duration_s
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(self.pace.connections, max(len(self.due), 1))):
                workers.create_task(self._work(deadline))
        self.summary.seconds = loop.time() - began
        self.summary.bytes_sent = self.client.bytes_sent
        return self.summary

    async def _enrol_all(self, enrolments: Sequence[tuple[VirtualDevice, str]]) -> None:
        """Enrol with as many connections as allowed and put each device on the list with its first turn."""
        waiting = list(enumerate(enrolments))
        waiting.reverse()

        async def work() -> None:
            while waiting and not self.stop.is_set():
                place, (device, token) = waiting.pop()
                first = 0.0 if device.device_id else await self._enrol(device, token)
                if first is None:
                    self.summary.stopped += 1
                    continue
                self.summary.devices += 1
                wait = place / self.pace.rate if self.pace.rate else first / self.pace.speed
                heapq.heappush(self.due, (asyncio.get_running_loop().time() + wait, place, device))

        async with asyncio.TaskGroup() as workers:
            for _ in range(self.pace.connections):
                workers.create_task(work())

    async def _enrol(self, device: VirtualDevice, token: str) -> float | None:
        """Enrol one device; return the seconds to its first heartbeat, or None when it was refused."""
        for _ in range(_TRIES_TO_ENROL):
            try:
                answer = await self.client.enrol(device, token)
            except _CUT:
                self.summary.unreachable += 1
                await asyncio.sleep(self._spread(_BUSY_S))
                continue
            if device.device_id:
                return float(answer.document.get("next_in_s", 0))
            self.summary.refused[answer.code] += 1
            if answer.status not in _WAITING:
                return None
            await asyncio.sleep(self._patience(answer))
        return None

    async def _work(self, deadline: float | None) -> None:
        """Take the device that is due next, again and again."""
        loop = asyncio.get_running_loop()
        while not self.stop.is_set() and (self.due or self.under_way):
            now = loop.time()
            if deadline is not None and now >= deadline:
                return
            if not self.due or self.due[0][0] > now:
                ahead = self.due[0][0] - now if self.due else _POLL_S
                until_end = deadline - now if deadline is not None else _POLL_S
                await asyncio.sleep(min(ahead, until_end, _POLL_S))
                continue
            due, place, device = heapq.heappop(self.due)
            self.under_way += 1
            try:
                wait = await self._turn(device)
            finally:
                self.under_way -= 1
            if wait is None:
                self.summary.stopped += 1
                continue
            following = due + self.summary.devices / self.pace.rate if self.pace.rate else loop.time() + wait
            heapq.heappush(self.due, (following, place, device))

    async def _turn(self, device: VirtualDevice) -> float | None:
        """Let a device run once; return the seconds until it runs again, or None when it never shall."""
        hour = _HOUR_S / self.pace.speed
        now = self.client.clock()
        if not device.is_on(now):
            return hour
        if not device.line_is_up(now):
            device.missed(now)
            self.summary.undelivered += 1
            return hour
        try:
            return await self._report(device)
        except _CUT:
            device.missed(now)
            self.summary.unreachable += 1
            return self._spread(_UNREACHABLE_S)

    async def _report(self, device: VirtualDevice) -> float | None:
        """Send a heartbeat, and what the server asks for at once after it."""
        loop = asyncio.get_running_loop()
        for _ in range(_SENDS_PER_TURN):
            sent_at = loop.time()
            answer = await self.client.report(device, device.heartbeat(self.client.clock()))
            device.apply_answer(answer.document)
            if answer.status != HTTPStatus.OK:
                self.summary.refused[answer.code] += 1
                if answer.code == "agent.sequence_behind":
                    continue
                return self._after_refusal(answer)
            self._count(answer, loop.time() - sent_at)
            if not answer.document.get("resync"):
                return float(answer.document.get("next_in_s", _HOUR_S)) / self.pace.speed
        return _HOUR_S / self.pace.speed

    def _after_refusal(self, answer: Answer) -> float | None:
        """Say when to come back: as told by a busy server, never after a final word, else in an hour."""
        if answer.status in _WAITING:
            return self._patience(answer)
        return None if answer.status in _FINAL else _HOUR_S / self.pace.speed

    def _patience(self, answer: Answer) -> float:
        """Return the seconds a busy server asked for, or ours; never none at all."""
        return self._spread(_BUSY_S if answer.retry_after_s is None else max(answer.retry_after_s, _LEAST_WAIT_S))

    def _count(self, answer: Answer, latency_s: float) -> None:
        self.summary.acknowledged += 1
        self.summary.duplicates += bool(answer.document.get("duplicate"))
        self.summary.resyncs += bool(answer.document.get("resync"))
        if len(self.summary.latencies) < _LATENCIES_KEPT:
            self.summary.latencies.append(latency_s)

    def _spread(self, seconds: float) -> float:
        """Add up to half, so that those sent away together do not come back together."""
        return seconds * (1 + self.jitter.random() / 2)
