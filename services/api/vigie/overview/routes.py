"""REST routes of practices, their verdicts and their changes."""

from datetime import datetime
from typing import Annotated, Any, Protocol, cast
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from vigie.auth.dependencies import Call, IdempotencyKey, attempt_of, reads, writes
from vigie.auth.errors import InsufficientScopeError, LimitedToPracticesError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.checklist.settling import settle_new
from vigie.core import idempotency
from vigie.core.errors import InvalidRequestError, NotFoundError, language_of, preferred_language, problems
from vigie.core.etag import tagged, tagged_values
from vigie.core.pagination import InvalidCursorError, Page, PageQuery
from vigie.devices.fleet import get_device, revoke_devices_of
from vigie.devices.silence_models import PracticeLine
from vigie.events.queries import events_of_practice
from vigie.events.session import record
from vigie.overview import schemas
from vigie.overview.counting_anew import count_anew
from vigie.overview.naming import names_in
from vigie.overview.queries import read_whole
from vigie.overview.saying import DeviceFindings, device_finding
from vigie.posture import queries as postures
from vigie.posture.assessment import Assessor
from vigie.posture.catalogue import load_catalogue
from vigie.posture.exceptions import count_active
from vigie.posture.models import Finding, Posture
from vigie.posture.rules.practice import fraction
from vigie.posture.schemas import ControlOut, FindingOut, HeadlineOut, PostureOut
from vigie.practices import service
from vigie.practices.models import Practice
from vigie.practices.queries import get_practice, refuse_limited
from vigie.practices.schemas import NewPractice, PracticeOut, PracticePatch, ResponsibleOut

router = APIRouter(prefix="/v1", responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.PRACTICES_READ)]
Writes = Annotated[Call, writes(Permission.PRACTICES_WRITE)]
_LIGHTS = ("overall", "patch", "backup", "checklist", "liveness")


class Kit(Protocol):
    """What the application puts on `app.state.parts` for these routes."""

    assessor: Assessor


def _practice_out(practice: Practice) -> dict[str, Any]:
    return {name: getattr(practice, name) for name in PracticeOut.model_fields}


@router.post(
    "/practices",
    tags=["practices"],
    status_code=201,
    responses=problems(
        InsufficientScopeError,
        LimitedToPracticesError,
        InvalidRequestError,
        service.ReferenceTakenError,
        idempotency.IdempotencyConflictError,
    ),
    summary="Create a practice",
)
async def create_practice(
    request: Request, call: Writes, new: NewPractice, idempotency_key: IdempotencyKey = None
) -> PracticeOut:
    """Create a practice. Until somebody or a device tells anything, all that is known of it is what is missing.

    Nobody who sees some practices only may.
    With an `Idempotency-Key`, the same request again within 24 hours is answered as the first time.
    """
    refuse_limited(call)
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(object_id=kept["id"], practice_id=UUID(kept["id"]), details={"repeated": True})
        return PracticeOut(**kept)
    practice, opened = await service.open_practice(call, new)
    await postures.open_postures(call.session, practice.provider_id, [practice.id], call.now)
    assessor = cast("Kit", request.app.state.parts).assessor
    await settle_new(call.session, assessor, practice.provider_id, [practice.id], call.now, events=[opened])
    created = PracticeOut(**_practice_out(practice))
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, created.model_dump(mode="json"))
    return created


@router.get(
    "/practices/{practice_id}",
    tags=["practices"],
    response_model=schemas.PracticeDetail,
    responses=problems(NotFoundError),
    summary="Read a practice",
)
async def read_practice(request: Request, call: Reads, practice_id: UUID) -> Response:
    """Read one practice with its lights."""
    practice, posture, trouble, member_id, member_name = await read_whole(call, practice_id)
    lights = None
    if posture is not None:
        named = {name: getattr(posture, name) for name in (*_LIGHTS, "score", "devices")}
        opened = posture.since["overall"]
        since = {name: datetime.fromisoformat(posture.since.get(name, opened)) for name in _LIGHTS}
        lights = schemas.PracticeLights(**named, since=since, as_of=posture.assessed_at)
    line = _line_out(trouble, posture)
    responsible = ResponsibleOut(id=member_id, name=member_name or "") if member_id is not None else None
    detail = schemas.PracticeDetail(**_practice_out(practice), posture=lights, line=line, responsible=responsible)
    return tagged(request, detail)


def _line_out(line: PracticeLine | None, posture: Posture | None) -> schemas.LineOut:
    """Return the state of a practice's line. `line`: its last trouble."""
    if line is not None and line.until is None:
        return schemas.LineOut(state="down", since=line.since, confirmed=None, evidence=line.evidence)
    counted = posture.devices if posture is not None else {}
    heard = counted.get("active", 0) - counted.get("silent", 0) - counted.get("never", 0)
    return schemas.LineOut(
        state="up" if heard > 0 else "unknown",
        since=line.until if line is not None else None,
        confirmed=line.confirmed if line is not None else None,
        evidence=line.evidence if line is not None else {},
    )


@router.patch(
    "/practices/{practice_id}",
    tags=["practices"],
    responses=problems(NotFoundError, InvalidRequestError, service.ReferenceTakenError),
    summary="Change a practice",
)
async def change_practice(call: Writes, practice_id: UUID, patch: PracticePatch) -> PracticeOut:
    """Change the fields that are present; null empties a field that may be empty.

    In another time zone silence and ages are counted anew, as with other opening hours.
    """
    practice, changed, fields = await service.change_practice(call, practice_id, patch)
    if changed is not None and "time_zone" in fields:
        await count_anew(call, practice_id, changed)
    elif changed is not None:
        await record(call.session, [changed], call.now)
    return PracticeOut(**_practice_out(practice))


@router.delete(
    "/practices/{practice_id}",
    tags=["practices"],
    status_code=204,
    responses=problems(NotFoundError),
    summary="Archive a practice",
)
async def archive_practice(request: Request, call: Writes, practice_id: UUID) -> None:
    """Archive a practice: it leaves the lists, its devices are revoked, its history stays. Twice is as good as once."""
    archived = await service.archive_practice(call, practice_id)
    if archived is None:
        return
    assessor = cast("Kit", request.app.state.parts).assessor
    revoked = await revoke_devices_of(call, assessor, practice_id)
    await postures.close_posture(call.session, call.principal.provider_id, practice_id)
    await record(call.session, [*revoked, archived], call.now)


def finding_out(finding: Finding) -> FindingOut:
    """Return the wire shape of a finding."""
    own = {name: getattr(finding, name) for name in FindingOut.model_fields if name != "device_id"}
    return FindingOut(**own, device_id=None if finding.subject_id == finding.practice_id else finding.subject_id)


def _found_on_device(finding: Finding) -> dict[str, Any]:
    return {
        name: finding.subject_id if name == "device_id" else getattr(finding, name) for name in FindingOut.model_fields
    }


@router.get(
    "/practices/{practice_id}/posture",
    tags=["practices"],
    response_model=PostureOut,
    responses=problems(NotFoundError),
    summary="Read the verdict on a practice",
)
async def read_posture(request: Request, call: Reads, practice_id: UUID) -> Response:
    """Read the verdict control by control, with every finding, its evidence and the threshold applied."""
    practice = await get_practice(call, practice_id)
    posture = await postures.posture_of(call.session, practice.provider_id, practice.id)
    if posture is None:
        raise NotFoundError
    findings = await postures.findings_of_practice(call.session, practice.provider_id, practice.id)
    language = preferred_language(request.headers.get("accept-language", ""))
    accepted = await count_active(call, practice.id)
    return tagged(request, _posture_out(posture, findings, accepted, language))


def _posture_out(posture: Posture, findings: Any, accepted: int, language: str) -> PostureOut:
    catalogue = load_catalogue()
    by_control: dict[str, list[FindingOut]] = {}
    for finding in findings:
        by_control.setdefault(finding.control, []).append(finding_out(finding))
    controls = []
    for name, entry in sorted(posture.controls.items(), key=lambda item: _control_order(item[0])):
        title = catalogue.controls[name].title
        shown = fraction(entry["state"], entry["counts"]) if entry["counts"] else (None, None)
        controls.append(
            ControlOut(
                control=name,
                title=getattr(title, language),
                state=entry["state"],
                reason=entry["reason"],
                since=entry["since"],
                devices_in_state=shown[0],
                devices_concerned=shown[1],
                findings=by_control.get(name, []),
            )
        )
    opened = posture.since["overall"]
    lights = {
        name: HeadlineOut(state=getattr(posture, name), since=posture.since.get(name, opened)) for name in _LIGHTS
    }
    return PostureOut(
        practice_id=posture.practice_id,
        as_of=posture.assessed_at,
        **lights,
        devices=posture.devices,
        active_exceptions=accepted,
        controls=controls,
    )


def _control_order(control: str) -> tuple[int, ...]:
    return tuple(int(part) for part in control.removeprefix("ANS-").split("."))


@router.get(
    "/practices/{practice_id}/changes",
    tags=["practices"],
    response_model=Page[schemas.ChangeOut],
    responses=problems(NotFoundError, InvalidCursorError),
    summary="List what changed about a practice",
)
async def list_changes(
    request: Request, call: Reads, practice_id: UUID, query: Annotated[PageQuery, Query()]
) -> Response:
    """List what changed about a practice and its devices, latest first."""
    practice = await get_practice(call, practice_id)
    events, following = await events_of_practice(call.session, practice.provider_id, practice.id, query)
    named = await names_in(call, events)
    items = [
        {
            "number": event.number,
            "kind": event.kind,
            "device_id": event.device_id,
            "device_alias": named.get(str(event.device_id)),
            "by_name": named.get(str(event.payload.get("by"))),
            "happened_at": event.happened_at,
            "recorded_at": event.recorded_at,
            "payload": event.payload,
        }
        for event in events
    ]
    return tagged_values(request, {"items": items, "next_cursor": following})


@router.get(
    "/devices/{device_id}/findings",
    tags=["devices"],
    response_model=DeviceFindings,
    responses=problems(NotFoundError),
    summary="Read the findings of a device",
)
async def read_findings(
    request: Request, call: Annotated[Call, reads(Permission.DEVICES_READ)], device_id: UUID
) -> Response:
    """Read what was found on a device, control by control, each with what it says to people and what to do."""
    device = await get_device(call, device_id)
    findings = await postures.findings_of_device(call.session, device.provider_id, device.id)
    language, catalogue = language_of(request), load_catalogue()
    items = [device_finding(_found_on_device(finding), catalogue, language) for finding in findings]
    return tagged_values(request, {"items": items}, language)
