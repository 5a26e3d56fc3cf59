"""What practices lack of updates and backups, in words: control by control, device by device."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal, cast
from uuid import UUID

from sqlalchemy import Row

from vigie.auth.dependencies import Call
from vigie.overview import gap_queries, reasons
from vigie.overview.gap_schemas import (
    EndingSystem,
    GapDevice,
    GapOut,
    GapQuery,
    GapState,
    MissingUpdate,
    PatchesSummary,
)
from vigie.overview.tallies import Tallies
from vigie.posture.rules.model import State
from vigie.practices.schemas import ResponsibleOut

_SHOWN: Final = 5
_SECURITY: Final = frozenset({"security", "critical"})
Behind = Mapping[tuple[UUID, str], Sequence[Row[*tuple[Any, ...]]]]


async def page_of_gaps(
    call: Call, query: GapQuery, light: Literal["patch", "backup"], language: reasons.Language
) -> tuple[list[GapOut], str | None]:
    """Return a page of what practices lack, those first that are worst off."""
    gaps, following = await gap_queries.list_gaps(call, query, light)
    behind: dict[tuple[UUID, str], list[Row[*tuple[Any, ...]]]] = defaultdict(list)
    for row in await gap_queries.findings_behind(call, gaps) if gaps else ():
        behind[row.practice_id, row.control].append(row)
    return [_gap(gap, behind[gap.practice_id, gap.control], language, call.now) for gap in gaps], following


def _gap(
    gap: gap_queries.Gap, rows: Sequence[Row[*tuple[Any, ...]]], language: reasons.Language, now: datetime
) -> GapOut:
    answers = cast("Mapping[str, State]", gap.answers)
    deciding = reasons.deciding_of(gap.control, gap.controls, answers)
    devices, concerned = reasons.devices_of(deciding)
    first = reasons.Told(rows[0].reason, {**rows[0].threshold, **rows[0].evidence}) if rows else None
    short, says, code = reasons.say(deciding, first, language, now)
    responsible = None
    if gap.member_id is not None and gap.member_name is not None:
        responsible = ResponsibleOut(id=gap.member_id, name=gap.member_name)
    return GapOut(
        practice_id=gap.practice_id,
        practice_name=gap.name,
        city=gap.city,
        responsible=responsible,
        control=gap.control,
        title=reasons.title_of(gap.control, language),
        state=cast("GapState", gap.state),
        code=code,
        short=short,
        says=says,
        next=reasons.next_of(code, first.values if first else {}, language),
        since=datetime.fromisoformat(deciding.since) if deciding.since else None,
        devices_in_state=devices,
        devices_concerned=concerned,
        devices=[_device(row, deciding, language, now) for row in rows[:_SHOWN] if row.id is not None],
    )


def _device(
    row: Row[*tuple[Any, ...]], deciding: reasons.Deciding, language: reasons.Language, now: datetime
) -> GapDevice:
    values = {**row.threshold, **row.evidence}
    short, says, code = reasons.say(deciding, reasons.Told(row.reason, values), language, now)
    copied, ends_on = reasons.last_copy(values), values.get("ends_on")
    return GapDevice(
        id=row.id,
        alias=row.alias,
        code=code or row.reason,
        short=short,
        says=says,
        next=reasons.next_of(row.reason, values, language),
        since=row.since,
        last_copy_at=datetime.fromisoformat(copied) if copied else None,
        ends_on=date.fromisoformat(ends_on) if ends_on else None,
        updates=_updates(row.pending),
    )


def _updates(pending: object) -> list[str]:
    """Return what missing security updates are called, the oldest first."""
    listed = [each for each in pending if each.get("class") in _SECURITY] if isinstance(pending, list) else []
    listed.sort(key=lambda each: str(each.get("released_on") or "9999"))
    names = [f"KB{each['kb']}" if each.get("kb") else each.get("name") or each.get("title") for each in listed]
    return [str(name) for name in names if name][:_SHOWN]


async def gather_patches(call: Call, tallies: Tallies, language: reasons.Language) -> PatchesSummary:
    """Return the updates and the systems behind most of what is missing."""
    updates = await tallies.of(call, gap_queries.missing_updates)
    systems = await tallies.of(call, gap_queries.ending_systems)
    return PatchesSummary(
        updates=[
            MissingUpdate(name=name, released_on=released_on, devices=devices, practices=practices)
            for name, released_on, devices, practices in updates
        ],
        systems=[
            EndingSystem(
                system=system,
                code=reason,
                says=reasons.says_of(reason, {"system": system, "ends_on": ends_on, "days_left": days_left}, language),
                ends_on=date.fromisoformat(ends_on),
                devices=devices,
                practices=practices,
            )
            for system, reason, ends_on, devices, practices, days_left in systems
        ],
    )
