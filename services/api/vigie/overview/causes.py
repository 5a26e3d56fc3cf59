"""What asks for somebody now: causes, each with its numbers and its first alerts, in words."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from vigie.alerts.saying import said_of
from vigie.auth.dependencies import Call
from vigie.overview import cause_queries, reasons
from vigie.overview.reason_queries import decided, told_of
from vigie.overview.schemas import CauseAlert, CauseOut

_LIGHT_OF: Final = {"patch": "patch", "backup": "backup"}
"""Causes that are a light's own: why it is so is said in a few words."""


async def gather_causes(call: Call, language: reasons.Language) -> list[CauseOut]:
    """Return every cause with alerts that ask for somebody, the worst first."""
    rows = await cause_queries.list_causes(call)
    why = await _why(call, [row.alert.practice_id for row in rows if row.alert.cause in _LIGHT_OF], language)
    causes: dict[str, list[cause_queries.First]] = {}
    for row in rows:
        causes.setdefault(row.alert.cause, []).append(row)
    return [_cause(cause, of_cause, why, language) for cause, of_cause in causes.items()]


async def _why(call: Call, practices: Sequence[UUID], language: reasons.Language) -> Mapping[tuple[UUID, str], str]:
    if not practices:
        return {}
    found = decided(await cause_queries.postures_of(call, practices))
    told = await told_of(call, found)
    return {
        (practice, light): reasons.say(each, told.get((practice, each.control)), language, call.now)[0]
        for (practice, light), each in found.items()
    }


def _cause(
    cause: str, rows: Sequence[cause_queries.First], why: Mapping[tuple[UUID, str], str], language: str
) -> CauseOut:
    worst = rows[0]
    devices = [_devices(row.alert.members) for row in rows]
    about = devices[0] if worst.alerts == 1 else []
    return CauseOut(
        cause=cause,
        title=said_of(cause, about, language).title,
        severity=worst.alert.severity,
        alerts=worst.alerts,
        unassigned=worst.alerts - worst.assigned,
        since=worst.since,
        first=[
            CauseAlert(
                id=row.alert.id,
                practice_id=row.alert.practice_id,
                practice_name=row.alert.practice_name,
                severity=row.alert.severity,
                since=row.alert.condition_since,
                assignee_id=row.alert.assignee_id,
                assignee_name=row.alert.assignee_name,
                devices=named,
                why=why.get((row.alert.practice_id, _LIGHT_OF.get(cause, ""))),
            )
            for row, named in zip(rows, devices, strict=True)
        ],
    )


def _devices(members: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [alias for each in members.values() if (alias := each.get("alias"))]
