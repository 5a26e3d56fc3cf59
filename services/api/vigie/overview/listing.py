"""The rows of the list of practices: who each is, who looks after it, its lights and why they are what they are.

Rows are plain values by the fields of `schemas.PracticeRow`, which a test holds them against: fifty of them are on the first page
that anybody opens, and models of models cost several times as much.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from vigie.auth.dependencies import Call
from vigie.overview import queries, reasons, schemas
from vigie.overview.reason_queries import Decided, decided, last_reports, told_of
from vigie.posture.catalogue import load_catalogue

Row = dict[str, Any]
"""A practice by the fields of `PracticeRow`; instants are datetimes in UTC."""


def _row(listed: queries.Listed, why: Row | None) -> Row:
    responsible = None
    if listed.member_id is not None and listed.member_name is not None:
        responsible = {"id": listed.member_id, "name": listed.member_name}
    return {
        "id": listed.practice_id,
        "name": listed.name,
        "city": listed.city,
        "profession": listed.profession,
        "external_ref": listed.external_ref,
        "overall": listed.overall,
        "patch": listed.patch,
        "backup": listed.backup,
        "checklist": listed.checklist,
        "score": listed.score,
        "liveness": listed.liveness,
        "since": datetime.fromisoformat(listed.since["overall"]),
        "devices": listed.devices,
        "as_of": listed.assessed_at,
        "responsible": responsible,
        "reasons": why,
    }


async def _why_of(call: Call, listed: Sequence[queries.Listed], language: reasons.Language) -> dict[UUID, Row]:
    """Return why the lights of a page of practices are what they are, by the fields of `PracticeReasons`."""
    found = decided(listed)
    told = await told_of(call, found)
    heard = await last_reports(call, [row.practice_id for row in listed])
    return {row.practice_id: _why(row, found, told, heard.get(row.practice_id), language, call.now) for row in listed}


def _why(
    listed: queries.Listed,
    found: Decided,
    told: Mapping[tuple[UUID, str], reasons.Told],
    heard: datetime | None,
    language: reasons.Language,
    now: datetime,
) -> Row:
    passed, concerned = reasons.points_of(listed.controls, listed.answers, len(load_catalogue().controls))
    lights: dict[str, Row | None] = dict.fromkeys(reasons.REASONED)
    copied = None
    for name in reasons.REASONED:
        deciding = found.get((listed.practice_id, name))
        if deciding is None:
            continue
        finding = told.get((listed.practice_id, deciding.control))
        lights[name] = _light(deciding, finding, language, now)
        if name == "backup" and finding is not None:
            copied = reasons.last_copy(finding.values)
    return {
        "patch": lights["patch"],
        "backup": lights["backup"],
        "points_passed": passed,
        "points_concerned": concerned,
        "last_report_at": heard,
        "last_copy_at": datetime.fromisoformat(copied) if copied is not None else None,
    }


def _light(deciding: reasons.Deciding, finding: reasons.Told | None, language: reasons.Language, now: datetime) -> Row:
    short, says, code = reasons.say(deciding, finding, language, now)
    devices, concerned = reasons.devices_of(deciding)
    alone = finding if finding is not None and devices == 1 else None
    return {
        "control": deciding.control,
        "title": reasons.title_of(deciding.control, language),
        "code": code,
        "short": short,
        "says": says,
        "since": datetime.fromisoformat(deciding.since) if deciding.since else None,
        "devices_in_state": devices,
        "devices_concerned": concerned,
        "device_id": alone.device_id if alone is not None else None,
        "device_alias": alone.alias if alone is not None else None,
    }


async def list_rows(
    call: Call, query: schemas.PracticeQuery, language: reasons.Language | None
) -> tuple[list[Row], str | None]:
    """Return a page of the list, worst first. `language`: that of the reasons; None: without reasons."""
    listed, following = await queries.list_practices(call, query, reasons=language is not None)
    why = await _why_of(call, listed, language) if language is not None else {}
    return [_row(row, why.get(row.practice_id)) for row in listed], following
