"""REST routes of enrolment tokens and devices."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Protocol, cast
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlalchemy import Row
from starlette.responses import Response

from vigie.auth.dependencies import Call, IdempotencyKey, attempt_of, reads, writes
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core import idempotency
from vigie.core.errors import InvalidRequestError, NotFoundError, problems
from vigie.core.etag import tagged
from vigie.core.pagination import InvalidCursorError, Page, PageQuery
from vigie.devices import enrolment, errors, fleet, queries, schemas
from vigie.devices.models import DeviceLiveness, DevicePresence, EnrolmentToken
from vigie.devices.silence_models import DeviceSilence
from vigie.posture.assessment import Assessor
from vigie.practices.calendar import open_hours
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.opening_hours import calendar_of
from vigie.practices.queries import get_practice

router = APIRouter(prefix="/v1", responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.DEVICES_READ)]
Writes = Annotated[Call, writes(Permission.DEVICES_WRITE)]
_PRESENCE_DAYS = 92


class Kit(Protocol):
    """What the application puts on `app.state.parts` for these routes."""

    assessor: Assessor


def _assessor(request: Request) -> Assessor:
    return cast("Kit", request.app.state.parts).assessor


def _silence_out(
    liveness: DeviceLiveness, silence: DeviceSilence | None, outage: datetime | None
) -> schemas.SilenceOut | None:
    if silence is not None:
        return schemas.SilenceOut(**{name: getattr(silence, name) for name in schemas.SilenceOut.model_fields})
    if outage is None or liveness.status != "active" or liveness.silent_since is not None:
        return None
    return schemas.SilenceOut(since=outage, cause="service", evidence={}, explained_at=None)


def device_out(row: Row[*tuple[Any, ...]]) -> schemas.DeviceOut:
    """Return the wire shape of a device, from a row of `queries.list_devices`."""
    device, liveness, silence, outage, evidence = row
    if device.status != "active":
        live = device.status
    elif liveness.silent_since is not None:
        live = "silent"
    else:
        live = "reporting" if liveness.last_seen_at is not None else "never"
    return schemas.DeviceOut(
        id=device.id,
        practice_id=device.practice_id,
        alias=device.alias,
        family=device.family,
        role=device.role,
        status=device.status,
        liveness=live,
        enrolled_at=device.enrolled_at,
        last_seen_at=liveness.last_seen_at,
        silent_since=liveness.silent_since,
        silence=_silence_out(liveness, silence, outage),
        heartbeats=liveness.received,
        agent=liveness.agent,
        slot_s=device.slot_s,
        clone_suspect_at=device.clone_suspect_at,
        revoked_at=device.revoked_at,
        system=_system(evidence or {}),
    )


def _system(evidence: Mapping[str, Any]) -> str | None:
    """Return the system a device runs by the name of its life cycle; one without, by its product and version."""
    told = (evidence.get("product"), evidence.get("version"))
    return evidence.get("system") or " ".join(str(each) for each in told if each) or None


def _token_out(token: EnrolmentToken) -> dict[str, Any]:
    return {name: getattr(token, name) for name in schemas.EnrolmentTokenOut.model_fields}


@router.get(
    "/practices/{practice_id}/enrolment-tokens",
    tags=["enrolment"],
    response_model=Page[schemas.EnrolmentTokenOut],
    responses=problems(NotFoundError, InvalidCursorError),
    summary="List the enrolment tokens of a practice",
)
async def list_enrolment_tokens(call: Reads, practice_id: UUID, query: Annotated[PageQuery, Query()]) -> Any:
    """List the tokens of a practice, latest first; their text is not kept and cannot be shown."""
    tokens, following = await queries.list_tokens(call, practice_id, query)
    return {"items": [_token_out(token) for token in tokens], "next_cursor": following}


@router.post(
    "/practices/{practice_id}/enrolment-tokens",
    tags=["enrolment"],
    status_code=201,
    responses=problems(
        NotFoundError,
        PracticeArchivedError,
        InvalidRequestError,
        idempotency.IdempotencyConflictError,
        idempotency.AlreadyDoneError,
    ),
    summary="Create an enrolment token",
)
async def create_enrolment_token(
    request: Request,
    call: Writes,
    practice_id: UUID,
    new: schemas.NewEnrolmentToken,
    idempotency_key: IdempotencyKey = None,
) -> schemas.CreatedEnrolmentToken:
    """Create a token that lets agents join this practice. Its text is in this answer and nowhere else.

    That is why the same request again under the same `Idempotency-Key` cannot be answered as the first time: it is refused
    with 409 `request.already_done`, whose `id` names the token, to be revoked should its text be lost.
    """
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        raise idempotency.AlreadyDoneError(id=kept["id"])
    token, text = await enrolment.create_token(call, practice_id, new)
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, {"id": str(token.id)})
    return schemas.CreatedEnrolmentToken(**_token_out(token), token=text)


@router.delete(
    "/enrolment-tokens/{token_id}",
    tags=["enrolment"],
    status_code=204,
    responses=problems(NotFoundError),
    summary="Revoke an enrolment token",
)
async def revoke_enrolment_token(call: Writes, token_id: UUID) -> None:
    """Revoke a token: it lets nobody in any more. Devices that joined with it stay."""
    await enrolment.revoke_token(call, token_id)


@router.get(
    "/devices",
    tags=["devices"],
    response_model=Page[schemas.DeviceOut],
    responses=problems(InvalidCursorError),
    summary="List devices",
)
async def list_devices(request: Request, call: Reads, query: Annotated[queries.DeviceQuery, Query()]) -> Response:
    """List devices with their liveness."""
    rows, following = await queries.list_devices(call, query)
    items = [device_out(row) for row in rows]
    return tagged(request, Page[schemas.DeviceOut](items=items, next_cursor=following))


async def _one(call: Call, device_id: UUID) -> schemas.DeviceOut:
    await call.session.flush()
    row = await queries.device_row(call, device_id)
    if row is None:
        raise NotFoundError
    return device_out(row)


@router.get(
    "/devices/{device_id}",
    tags=["devices"],
    response_model=schemas.DeviceOut,
    responses=problems(NotFoundError),
    summary="Read a device",
)
async def read_device(request: Request, call: Reads, device_id: UUID) -> Response:
    """Read one device."""
    return tagged(request, await _one(call, device_id))


@router.patch(
    "/devices/{device_id}",
    tags=["devices"],
    responses=problems(NotFoundError, InvalidRequestError),
    summary="Change alias or role of a device",
)
async def change_device(call: Writes, device_id: UUID, patch: schemas.DevicePatch) -> schemas.DeviceOut:
    """Change what people call a device, or what it is used as."""
    await fleet.change_device(call, device_id, patch)
    return await _one(call, device_id)


@router.post(
    "/devices/{device_id}/approve",
    tags=["devices"],
    responses=problems(NotFoundError, errors.WrongStatusError),
    summary="Approve a pending device",
)
async def approve_device(request: Request, call: Writes, device_id: UUID) -> schemas.DeviceOut:
    """Let a pending device count."""
    await fleet.approve_device(call, _assessor(request), device_id)
    return await _one(call, device_id)


@router.post(
    "/devices/{device_id}/clear-suspicion",
    tags=["devices"],
    responses=problems(NotFoundError),
    summary="Say that one machine has the identity of a device",
)
async def clear_suspicion(call: Writes, device_id: UUID) -> schemas.DeviceOut:
    """Take back that two machines may share a device's identity (`clone_suspect_at`): somebody has looked, and it is one."""
    await fleet.clear_suspicion(call, device_id)
    return await _one(call, device_id)


@router.post(
    "/devices/{device_id}/revoke",
    tags=["devices"],
    responses=problems(NotFoundError),
    summary="Revoke a device",
)
async def revoke_device(request: Request, call: Writes, device_id: UUID) -> schemas.DeviceOut:
    """Turn a device away for good; every process refuses it within a second."""
    await fleet.revoke_device(call, _assessor(request), device_id)
    return await _one(call, device_id)


@router.delete(
    "/devices/{device_id}",
    tags=["devices"],
    status_code=204,
    responses=problems(NotFoundError),
    summary="Remove a device from the fleet",
)
async def remove_device(request: Request, call: Writes, device_id: UUID) -> None:
    """Remove a device: the same as revoking it; its history stays for as long as history is kept."""
    await fleet.revoke_device(call, _assessor(request), device_id)


@router.get(
    "/devices/{device_id}/sections",
    tags=["devices"],
    response_model=schemas.SectionList,
    responses=problems(NotFoundError),
    summary="Read what a device reported last",
)
async def read_sections(request: Request, call: Reads, device_id: UUID) -> Response:
    """Read the latest body of each section; `confirmed_at` is the last heartbeat that vouched for it."""
    device = await fleet.get_device(call, device_id)
    seen = (await _one(call, device_id)).last_seen_at
    items = [
        schemas.SectionOut(section=row.section, changed_at=row.changed_at, confirmed_at=seen, body=row.body)
        for row in await queries.sections_of(call, device)
    ]
    return tagged(request, schemas.SectionList(items=items))


@router.get(
    "/devices/{device_id}/presence",
    tags=["devices"],
    responses=problems(NotFoundError),
    summary="Read when a device was heard",
)
async def read_presence(
    call: Reads, device_id: UUID, days: Annotated[int, Query(ge=1, le=800)] = _PRESENCE_DAYS
) -> schemas.PresenceOut:
    """Read the hours (UTC) in which a device was heard, or ran without being heard, day by day."""
    row = await queries.device_row(call, device_id)
    if row is None:
        raise NotFoundError
    device, liveness = row[0], row[1]
    first = call.now.date() - timedelta(days=days - 1)
    stored = await queries.presence_of(call, device, first)
    calendar = await calendar_of(call, await get_practice(call, device.practice_id))
    opened = None
    if calendar is not None:
        hours = open_hours(calendar, max(first, device.enrolled_at.date()), call.now.date())
        opened = [schemas.OpenDay(day=day, hours=found) for day, found in hours]
    return schemas.PresenceOut(items=_presence(liveness, stored), open=opened)


@router.get(
    "/devices/{device_id}/history",
    tags=["devices"],
    responses=problems(NotFoundError, InvalidCursorError),
    summary="List what a device reported anew",
)
async def list_history(
    call: Reads, device_id: UUID, query: Annotated[queries.HistoryQuery, Query()]
) -> Page[schemas.HistoryOut]:
    """List the reports that changed something, latest first, each with the sections it changed; as long as history is kept."""
    device = await fleet.get_device(call, device_id)
    rows, following = await queries.history_of(call, device, query)
    items = [
        schemas.HistoryOut(
            received_at=row.received_at, sequence=row.sequence, sections=_only(row.sections, query.section)
        )
        for row in rows
    ]
    return Page[schemas.HistoryOut](items=items, next_cursor=following)


def _only(sections: dict[str, Any], section: str | None) -> dict[str, Any]:
    return sections if section is None else {section: sections[section]}


@router.get(
    "/devices/{device_id}/silences",
    tags=["devices"],
    responses=problems(NotFoundError, InvalidCursorError),
    summary="List the silences of a device",
)
async def list_silences(
    call: Reads, device_id: UUID, query: Annotated[PageQuery, Query()]
) -> Page[schemas.PastSilenceOut]:
    """List when a device was not heard and why, latest first."""
    device = await fleet.get_device(call, device_id)
    rows, following = await queries.silences_of(call, device, query)
    items = [
        schemas.PastSilenceOut(**{name: getattr(row, name) for name in schemas.PastSilenceOut.model_fields})
        for row in rows
    ]
    return Page[schemas.PastSilenceOut](items=items, next_cursor=following)


def _presence(liveness: DeviceLiveness, stored: Sequence[DevicePresence]) -> list[schemas.PresenceDay]:
    days: dict[date, tuple[int, int]] = {row.day: (row.seen_hours, row.ran_hours) for row in stored}
    if liveness.presence_day is not None:  # the running day is written when it is over
        seen, ran = days.get(liveness.presence_day, (0, 0))
        days[liveness.presence_day] = (seen | liveness.presence_hours, ran)
    return [
        schemas.PresenceDay(day=day, seen_hours=_hours(seen), ran_hours=_hours(ran))
        for day, (seen, ran) in sorted(days.items(), reverse=True)
    ]


def _hours(bits: int) -> list[int]:
    return [hour for hour in range(24) if bits >> hour & 1]
