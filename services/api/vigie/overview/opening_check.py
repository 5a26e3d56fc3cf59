"""Can we open tomorrow? What speaks against it, practice by practice, from what is known now."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.core.clock import wire_time
from vigie.devices.models import Device, DeviceLiveness
from vigie.devices.silence_models import PracticeLine
from vigie.posture.models import Finding

_BACKUP: Final = ("ANS-5.1", "ANS-5.2")
_ANTIVIRUS: Final = "ANS-2.6"
_RESTART: Final = "ANS-2.3"
_ALWAYS_ON: Final = ("server", "nas")
_MOST: Final = 6
_CODES: Final = {"fail": "backup_failing", "unknown": "backup_unknown", "warn": "backup_late"}
_WORST_FIRST: Final = ("fail", "unknown", "warn")
Reason = dict[str, Any]


async def reasons_against(
    session: AsyncSession, provider_id: UUID, practices: Sequence[UUID], _now: datetime
) -> Mapping[UUID, Sequence[Reason]]:
    """Return what speaks against opening each of some practices as usual; nothing for those that are ready.

    A reason has a `code` (`alerts.wording_daily.REASONS`) and a `tone`: critical means that work will not be as usual.
    """
    found: defaultdict[UUID, list[Reason]] = defaultdict(list)
    down = await _lines_down(session, provider_id, practices)
    for practice, since in down.items():
        found[practice].append({"code": "line_down", "tone": "critical", "since": wire_time(since)})
    for practice, reasons in (await _devices(session, provider_id, practices, down)).items():
        found[practice] += reasons
    for practice, reasons in (await _findings(session, provider_id, practices)).items():
        found[practice] += reasons
    return {practice: reasons[:_MOST] for practice, reasons in found.items()}


async def _lines_down(session: AsyncSession, provider_id: UUID, practices: Sequence[UUID]) -> dict[UUID, datetime]:
    rows = await session.execute(
        select(PracticeLine.practice_id, PracticeLine.since).where(
            PracticeLine.provider_id == provider_id,
            PracticeLine.practice_id.in_(practices),
            PracticeLine.until.is_(None),
        )
    )
    return {row.practice_id: row.since for row in rows}


async def _devices(
    session: AsyncSession, provider_id: UUID, practices: Sequence[UUID], down: Mapping[UUID, datetime]
) -> dict[UUID, list[Reason]]:
    """Servers and file servers that are silent while the line is up, and practices of which nothing was ever heard."""
    rows = await session.execute(
        select(Device.practice_id, Device.alias, Device.role, DeviceLiveness.last_seen_at, DeviceLiveness.silent_since)
        .join(
            DeviceLiveness,
            (DeviceLiveness.provider_id == Device.provider_id) & (DeviceLiveness.device_id == Device.id),
        )
        .where(Device.provider_id == provider_id, Device.practice_id.in_(practices), Device.status == "active")
        .order_by(Device.practice_id, Device.alias)
    )
    found: defaultdict[UUID, list[Reason]] = defaultdict(list)
    heard: set[UUID] = set()
    for row in rows:
        if row.last_seen_at is not None:
            heard.add(row.practice_id)
        if row.role in _ALWAYS_ON and row.silent_since is not None and row.practice_id not in down:
            since = wire_time(row.silent_since)
            found[row.practice_id].append(
                {"code": "server_silent", "tone": "critical", "device": row.alias, "since": since}
            )
    for practice in set(practices) - heard:
        found[practice].append({"code": "nothing_heard", "tone": "warning"})
    return found


async def _findings(session: AsyncSession, provider_id: UUID, practices: Sequence[UUID]) -> dict[UUID, list[Reason]]:
    rows = await session.execute(
        select(
            Finding.practice_id,
            Finding.control,
            Finding.state,
            Finding.reason,
            Finding.evidence,
            Finding.threshold,
            Device.alias,
        )
        .outerjoin(Device, (Device.provider_id == Finding.provider_id) & (Device.id == Finding.subject_id))
        .where(
            Finding.provider_id == provider_id,
            Finding.practice_id.in_(practices),
            Finding.control.in_((*_BACKUP, _ANTIVIRUS, _RESTART)),
            Finding.state.in_(_WORST_FIRST),
        )
        .order_by(Finding.practice_id, Finding.control, Device.alias)
    )
    by_practice: defaultdict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        by_practice[row.practice_id].append(row)
    return {practice: [*_backup(each), *_protection(each)] for practice, each in by_practice.items()}


def _backup(rows: Iterable[Any]) -> list[Reason]:
    """The worst that is known of the practice's backups, once."""
    worst = sorted((row for row in rows if row.control in _BACKUP), key=lambda row: _WORST_FIRST.index(row.state))
    if not worst:
        return []
    row = worst[0]
    return [{"code": _CODES[row.state], "tone": "critical" if row.state == "fail" else "warning", **_words(row)}]


def _protection(rows: Iterable[Any]) -> list[Reason]:
    found: list[Reason] = []
    for row in rows:
        if row.control == _RESTART and row.state != "unknown":
            found.append({"code": "reboot", "tone": "warning", "device": row.alias})
        elif row.control == _ANTIVIRUS and row.state == "fail":
            found.append({"code": "antivirus", "tone": "warning", "device": row.alias, **_words(row)})
    return found


def _words(row: Any) -> Reason:
    return {"control": row.control, "reason": row.reason, "values": {**row.threshold, **row.evidence}}
