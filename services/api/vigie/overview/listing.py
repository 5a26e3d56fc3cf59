"""The rows of the list of practices: who each is, who looks after it, its lights and why they are what they are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from vigie.auth.dependencies import Call
from vigie.overview import queries, reasons, schemas
from vigie.overview.explaining import states_of
from vigie.overview.reason_queries import Decided, decided, last_reports, told_of
from vigie.posture.catalogue import load_catalogue
from vigie.posture.models import Posture
from vigie.practices.schemas import ResponsibleOut


def _row(listed: queries.Listed, why: schemas.PracticeReasons | None) -> schemas.PracticeRow:
    practice, posture = listed.practice, listed.posture
    responsible = None
    if listed.member_id is not None and listed.member_name is not None:
        responsible = ResponsibleOut(id=listed.member_id, name=listed.member_name)
    return schemas.PracticeRow(
        id=practice.id,
        name=practice.name,
        city=practice.city,
        profession=practice.profession,
        external_ref=practice.external_ref,
        overall=posture.overall,
        patch=posture.patch,
        backup=posture.backup,
        checklist=posture.checklist,
        score=posture.score,
        liveness=posture.liveness,
        since=posture.since["overall"],
        devices=posture.devices,
        as_of=posture.assessed_at,
        responsible=responsible,
        reasons=why,
    )


async def _why_of(
    call: Call, listed: Sequence[queries.Listed], language: reasons.Language
) -> dict[UUID, schemas.PracticeReasons]:
    """Return why the lights of a page of practices are what they are."""
    postures = [row.posture for row in listed]
    found = decided(postures)
    told = await told_of(call, found)
    heard = await last_reports(call, [posture.practice_id for posture in postures])
    return {
        posture.practice_id: _why(posture, found, told, heard.get(posture.practice_id), language, call.now)
        for posture in postures
    }


def _why(
    posture: Posture,
    found: Decided,
    told: Mapping[tuple[UUID, str], reasons.Told],
    heard: datetime | None,
    language: reasons.Language,
    now: datetime,
) -> schemas.PracticeReasons:
    states = states_of(posture.controls, posture.answers)
    passed, concerned = reasons.points_of(states.values(), len(load_catalogue().controls))
    lights: dict[str, schemas.LightReason | None] = dict.fromkeys(reasons.REASONED)
    copied = None
    for name in reasons.REASONED:
        deciding = found.get((posture.practice_id, name))
        if deciding is None:
            continue
        finding = told.get((posture.practice_id, deciding.control))
        lights[name] = _light(deciding, finding, language, now)
        if name == "backup" and finding is not None:
            copied = reasons.last_copy(finding.values)
    return schemas.PracticeReasons(
        patch=lights["patch"],
        backup=lights["backup"],
        points_passed=passed,
        points_concerned=concerned,
        last_report_at=heard,
        last_copy_at=datetime.fromisoformat(copied) if copied is not None else None,
    )


def _light(
    deciding: reasons.Deciding, finding: reasons.Told | None, language: reasons.Language, now: datetime
) -> schemas.LightReason:
    short, says, code = reasons.say(deciding, finding, language, now)
    devices, concerned = reasons.devices_of(deciding)
    alone = finding if finding is not None and devices == 1 else None
    return schemas.LightReason(
        control=deciding.control,
        title=reasons.title_of(deciding.control, language),
        code=code,
        short=short,
        says=says,
        since=datetime.fromisoformat(deciding.since) if deciding.since else None,
        devices_in_state=devices,
        devices_concerned=concerned,
        device_id=alone.device_id if alone is not None else None,
        device_alias=alone.alias if alone is not None else None,
    )


async def list_rows(
    call: Call, query: schemas.PracticeQuery, language: reasons.Language | None
) -> tuple[list[schemas.PracticeRow], str | None]:
    """Return a page of the list, worst first. `language`: that of the reasons; None: without reasons."""
    listed, following = await queries.list_practices(call, query, reasons=language is not None)
    why = await _why_of(call, listed, language) if language is not None else {}
    return [_row(row, why.get(row.practice.id)) for row in listed], following
