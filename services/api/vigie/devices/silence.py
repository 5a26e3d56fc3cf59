"""Telling silences, each with its cause, and judging them again when something was learnt meanwhile."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from vigie.core.batch import fetch
from vigie.devices import silence_events as events_of
from vigie.devices import silence_statements as sql
from vigie.devices import sweep_statements
from vigie.devices.cadence import Outage
from vigie.devices.census import lock_practices
from vigie.devices.courses import Course
from vigie.devices.silence_rules import Facts, Refusal, Staying, cause_of, evidence_of, judge_line, last_run_of
from vigie.events.log import NewEvent, append
from vigie.posture.assessment import PracticeKey

_AGAIN = timedelta(hours=1)  # while it is us, a cause is looked at so often
_MOST = 200


@dataclass(slots=True)
class _Told:
    """A device whose silence is told at an instant; with its practice's line, or by itself."""

    course: Course
    at: datetime
    with_line: bool
    others_heard: bool


@dataclass(slots=True)
class _Known:
    """What is stored that speaks for a cause, of some devices: refusals, the agents' own words, lines that are down."""

    refusals: Mapping[UUID, Refusal]
    health: Mapping[UUID, Mapping[str, Any]]
    lines: Mapping[UUID, datetime]

    def refused(self, device_id: UUID, last_seen: datetime | None) -> Refusal | None:
        """Return the refusal of a device if it came after its last report."""
        found = self.refusals.get(device_id)
        return found if found is not None and (last_seen is None or found.last_at > last_seen) else None


async def tell(
    connection: asyncpg.Connection,
    provider_id: UUID,
    courses: Sequence[Course],
    instants: Mapping[PracticeKey, datetime],
    now: datetime,
) -> tuple[list[Course], list[NewEvent]]:
    """Mark as silent the devices whose deadline is the instant of their practice; return them and the events.

    `courses`: every active device of these practices, locked. A practice whose line is down falls silent as one.
    """
    due = [c for c in courses if c.told and c.silent_after is not None and c.silent_after == instants.get(c.practice)]
    if not due:
        return [], []
    due_now = set(due)
    known = await _known(connection, provider_id, [course.row["device_id"] for course in courses], due)
    told: list[_Told] = []
    events: list[NewEvent] = []
    lines: list[tuple[Any, ...]] = []
    together: dict[PracticeKey, list[Course]] = defaultdict(list)
    for course in courses:
        together[course.practice].append(course)
    for practice in sorted({course.practice for course in due}):
        own, at = together[practice], instants[practice]
        falling, line = _falling(own, [course for course in own if course in due_now], at, known)
        told += falling
        if line:
            devices = [str(each.course.row["device_id"]) for each in falling if each.with_line]
            alone = sum(1 for course in own if course.silent_after is None and course.row["role"] != "laptop")
            last = max(each.course.row["last_seen_at"] for each in falling if each.with_line)
            events.append(events_of.line_down(practice, at, [UUID(device) for device in devices], alone))
            lines.append((*practice, at, now, {"devices": devices, "alone": alone, "last_heard_at": last.isoformat()}))
    await fetch(connection, "citus", sql.TELL_LINE, lines)
    events += await _mark(connection, told, known, now)
    return [each.course for each in told], events


def _falling(own: Sequence[Course], due: Sequence[Course], at: datetime, known: _Known) -> tuple[list[_Told], bool]:
    """Return which devices of a practice fall silent at an instant, and whether that is its line."""
    staying = [course for course in own if course.may_tell_of_the_line]
    gone = [course for course in due if course in staying]
    verdict: str | datetime = "alone"
    if gone and own[0].row["practice_id"] not in known.lines and not _service_out(own[0].outages):
        verdict = judge_line([Staying(each.row["last_seen_at"], each.missed_at) for each in staying], at)
    if isinstance(verdict, datetime):  # not everybody was expected since: it is not told yet
        for course in gone:
            course.silent_after = verdict
        gone = []
    elif verdict == "down":
        gone = staying
    rest = [course for course in due if course not in staying]
    return [
        _Told(course, at, verdict == "down" and course in gone, _others_heard(course, own)) for course in (*gone, *rest)
    ], verdict == "down"


def _others_heard(course: Course, own: Sequence[Course]) -> bool:
    """Whether another machine that stays in the practice was heard after the first report of this one was missing."""
    if course.row["last_seen_at"] is None:
        return False
    missed = course.missed_at
    return any(
        other.row["last_seen_at"] is not None and other.row["last_seen_at"] > missed
        for other in own
        if other is not course and other.row["role"] != "laptop"
    )


def _service_out(outages: Sequence[Outage]) -> bool:
    return bool(outages) and outages[-1].until is None


async def _mark(connection: asyncpg.Connection, told: Sequence[_Told], known: _Known, now: datetime) -> list[NewEvent]:
    events, rows, marks = [], [], []
    for each in told:
        row = each.course.row
        device_id, last_seen = row["device_id"], row["last_seen_at"]
        facts = Facts(
            role=row["role"],
            last_run=last_run_of(known.health.get(device_id), last_seen),
            others_heard=each.others_heard,
            line_down=each.with_line or row["practice_id"] in known.lines,
            service_out=_service_out(each.course.outages),
            refused=known.refused(device_id, last_seen),
        )
        cause, evidence = cause_of(facts), evidence_of(facts)
        again = now + _AGAIN if cause == "service" else None
        rows.append(
            (row["provider_id"], device_id, each.at, row["practice_id"], last_seen, now, cause, evidence, again)
        )
        marks.append((row["provider_id"], device_id, each.at))
        events.append(events_of.silent(row, each.at, cause, evidence))
        each.course.silent_after = None
    await fetch(connection, "citus", sweep_statements.MARK_SILENT, marks)
    await fetch(connection, "citus", sql.TELL, rows)
    return events


async def _known(
    connection: asyncpg.Connection, provider_id: UUID, devices: Sequence[UUID], due: Sequence[Course]
) -> _Known:
    return await _read(connection, provider_id, devices, sorted({course.row["practice_id"] for course in due}))


async def _read(
    connection: asyncpg.Connection, provider_id: UUID, devices: Sequence[UUID], practices: Sequence[UUID]
) -> _Known:
    refusals = await connection.fetch(sql.REFUSALS, provider_id, devices)
    health = await connection.fetch(sql.AGENT_HEALTH, provider_id, devices)
    lines = await connection.fetch(sql.LINES_DOWN, provider_id, practices)
    return _Known(
        {row["device_id"]: Refusal(row["code"], row["times"], row["last_at"]) for row in refusals},
        {row["device_id"]: row["body"] for row in health},
        {row["practice_id"]: row["since"] for row in lines},
    )


async def judge_again(
    connection: asyncpg.Connection, provider_id: UUID, now: datetime, outages: Sequence[Outage]
) -> int:
    """Judge the silences of a provider that are due for it; the transaction is the caller's. Return how many were.

    They are due when their line came back without them, when a device was refused meanwhile, or when silence was ours.
    """
    claimed = await connection.fetch(sql.DUE_SILENCES, provider_id, now, _MOST)
    devices = [row["device_id"] for row in claimed]
    if not devices:
        return 0
    practices = [row["practice_id"] for row in await connection.fetch(sql.PRACTICES_OF, provider_id, devices)]
    await lock_practices(connection, "citus", ((provider_id, practice) for practice in practices))
    known = await _read(connection, provider_id, devices, practices)
    heard: dict[UUID, list[tuple[UUID, datetime]]] = defaultdict(list)
    for row in await connection.fetch(sql.LAST_HEARD, provider_id, practices):
        heard[row["practice_id"]].append((row["device_id"], row["last_seen_at"]))
    events, rows = [], []
    for silence in await connection.fetch(sql.OPEN_SILENCES, provider_id, devices):
        device_id, was = silence["device_id"], silence["cause"]
        facts = Facts(
            role=silence["role"],
            last_run=last_run_of(known.health.get(device_id), silence["last_seen_at"]),
            others_heard=any(
                at > silence["since"] for other, at in heard[silence["practice_id"]] if other != device_id
            ),
            line_down=silence["practice_id"] in known.lines,
            service_out=_service_out(outages) and was == "service",
            refused=known.refused(device_id, silence["last_seen_at"]),
        )
        cause, evidence = cause_of(facts), evidence_of(facts)
        again = now + _AGAIN if cause == "service" else None
        rows.append((provider_id, device_id, silence["since"], cause, evidence, now, again))
        if cause != was:
            events.append(events_of.explained(silence, now, cause, evidence, was=was))
    await fetch(connection, "citus", sql.JUDGED, rows)
    await append(connection, "citus", events, now)
    return len(devices)
