"""Whether what is stored of every practice is what its stored facts say: all is judged again, compared, and undone.

The same code judges as when a heartbeat or an answer comes in, in a transaction that is rolled back; what it would have written
differently is a difference. Practices that wait for the worker (a deadline has passed, a policy has changed) are counted apart:
what is stored of them is not yet meant to be what the facts say.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from vigie.checklist.settling import settle
from vigie.core.db import Database
from vigie.devices.census import take_census
from vigie.events.session import driver_connection
from vigie.overview import stored_posture as sql
from vigie.posture.assessment import Assessor, DeviceChange
from vigie.posture.rules.device import CONTROLS_READING

AT_ONCE: Final = 20
"""Practices judged in one transaction: their devices wait for its end before they are answered."""

_READ: Final = list(CONTROLS_READING)
_FIELDS: Final = ("rank", "overall", "patch", "backup", "checklist", "liveness", "score", "answers", "devices")

_OF_DEVICES: Final = "devices by "
_INVENTORY: Final = "ANS-5.11"  # judged where there is a device, or was one
_NO_ANSWER: Final = {*_FIELDS, _INVENTORY}
"""What is stored of a practice that people or records do not decide: its posture, and the inventory of its devices."""

Subject = tuple[UUID, UUID, str]
"""Practice, device or again the practice, and what is stored of it: a control, or a field of the posture."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is stored otherwise than it is judged now; None: it is not there."""

    practice_id: UUID
    subject_id: UUID
    name: str
    stored: str | None
    judged: str | None


@dataclass(slots=True)
class Outcome:
    """What a check looked at and found; `waiting`: practices left out because the worker has yet to come by."""

    practices: int = 0
    waiting: int = 0
    compared: int = 0
    differences: list[Difference] = field(default_factory=list)


async def check_provider(database: Database, assessor: Assessor, provider_id: UUID, now: datetime) -> Outcome:
    """Judge all practices of a provider again as of now, and return what is stored otherwise; changes nothing."""
    outcome = Outcome()
    async with database.session(provider_id, write=False) as session:
        connection = await driver_connection(session)
        practices = [row["practice_id"] for row in await connection.fetch(sql.PRACTICES, provider_id)]
    for start in range(0, len(practices), AT_ONCE):
        some = practices[start : start + AT_ONCE]
        async with database.session(provider_id, write=True) as session:
            await _check(session, assessor, provider_id, some, now, outcome)
            await session.rollback()
    return outcome


async def _check(
    session: AsyncSession,
    assessor: Assessor,
    provider_id: UUID,
    practices: Sequence[UUID],
    now: datetime,
    outcome: Outcome,
) -> None:
    connection = await driver_connection(session)
    devices = await connection.fetch(sql.HOLD_DEVICES, provider_id, practices)
    held = [row["practice_id"] for row in await connection.fetch(sql.HOLD_POSTURES, provider_id, practices)]
    waiting = {row["practice_id"] for row in await connection.fetch(sql.WAITING, provider_id, now)}
    ready = [practice for practice in held if practice not in waiting]
    outcome.practices += len(ready)
    outcome.waiting += len(held) - len(ready)
    before = await _stored(connection, provider_id, ready)
    known = defaultdict(set)
    for _, subject_id, name in before:
        known[subject_id].add(name)
    changes = [
        _device_change(row, sections, known[row["device_id"]], now)
        for row, sections in await _with_sections(connection, provider_id, devices)
        if row["practice_id"] not in waiting
    ]
    assessment = await assessor.assess_devices(connection, changes)
    peopled = {change.practice_id for change in changes} | {each[0] for each in before if each[2] == _INVENTORY}
    counted = await take_census(connection, "citus", [((provider_id, practice), now) for practice in sorted(peopled)])
    await assessor.settle_practices(connection, counted, now, assessment.terms)
    await settle(session, assessor, provider_id, _answered(before), now)
    after = await _stored(connection, provider_id, ready)
    outcome.compared += len(before.keys() | after.keys())
    outcome.differences += _differences(before, after)


async def _with_sections(
    connection: Any, provider_id: UUID, devices: Sequence[Any]
) -> list[tuple[Any, dict[str, Any]]]:
    """Return the devices with those of their sections that rules read."""
    found: dict[UUID, dict[str, Any]] = {row["device_id"]: {} for row in devices}
    for row in await connection.fetch(sql.SECTIONS, provider_id, list(found), _READ):
        found[row["device_id"]][row["section"]] = row["body"]
    return [(row, found[row["device_id"]]) for row in devices]


def _device_change(row: Any, sections: Mapping[str, Any], stored: set[str], now: datetime) -> DeviceChange:
    """Return a device to judge by what it holds and by what was judged of it: a section it never sent was never judged."""
    controls = frozenset[str]().union(*(CONTROLS_READING[name] for name in sections), stored)
    return DeviceChange(
        provider_id=row["provider_id"],
        practice_id=row["practice_id"],
        device_id=row["device_id"],
        family=row["family"],
        role=row["role"],
        enrolled_at=row["enrolled_at"],
        seen_at=row["last_seen_at"] or row["enrolled_at"],
        sections=sections,
        controls=controls,
        happened_at=now,
    )


def _answered(stored: Iterable[Subject]) -> list[UUID]:
    """Return the practices of which something was judged by answers or records; of the others nobody has told anything yet."""
    own = {
        practice
        for practice, subject, name in stored
        if practice == subject and not name.startswith(_OF_DEVICES) and name not in _NO_ANSWER
    }
    return sorted(own)


async def _stored(connection: Any, provider_id: UUID, practices: Sequence[UUID]) -> dict[Subject, str]:
    """Return all that is compared, in words."""
    found: dict[Subject, str] = {
        (row["practice_id"], row["subject_id"], row["control"]): f"{row['state']} ({row['reason']})"
        for row in await connection.fetch(sql.FINDINGS, provider_id, practices)
    }
    for row in await connection.fetch(sql.POSTURES, provider_id, practices):
        practice = row["practice_id"]
        found |= {(practice, practice, name): _word(row[name]) for name in _FIELDS}
        for control, entry in row["controls"].items():
            words = f"{entry['state']} ({entry['reason']}) since {entry['since']}, {_word(entry['counts'])}"
            found[practice, practice, f"{_OF_DEVICES}{control}"] = words
    return found


def _word(value: Any) -> str:
    return ", ".join(f"{name} {value[name]}" for name in sorted(value)) if isinstance(value, Mapping) else str(value)


def _differences(before: Mapping[Subject, str], after: Mapping[Subject, str]) -> Iterator[Difference]:
    for subject in sorted(before.keys() | after.keys()):
        stored, judged = before.get(subject), after.get(subject)
        if stored != judged:
            yield Difference(*subject, stored, judged)
