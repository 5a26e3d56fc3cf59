"""Enrolment: an agent joins one practice with a token and a key it proves to hold."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.audit.actions import Action
from vigie.audit.log import Actor, NewEntry, append
from vigie.auth.dependencies import Call
from vigie.auth.identifiers import new_enrolment_token
from vigie.core.crypto import hash_secret
from vigie.core.errors import NotFoundError
from vigie.core.ids import uuid7
from vigie.core.invalidation import announce
from vigie.devices import errors
from vigie.devices.cadence import Patience, silent_after, slot_of
from vigie.devices.fleet import device_event, lock_liveness, settle
from vigie.devices.models import Device, DeviceDeadline, DeviceLiveness, EnrolmentToken
from vigie.devices.schemas import NewEnrolmentToken
from vigie.events.log import NewEvent
from vigie.posture.assessment import Assessor
from vigie.posture.rules.model import AlwaysOpen
from vigie.practices.models import Practice
from vigie.practices.queries import changeable_practice, get_practice

# The sweep looks then, and knows opening hours and thresholds: until it has, the earliest instant at which anything could be due.
_CALENDAR, _PATIENCE = AlwaysOpen(), Patience(0, 2)
_LIVING = timedelta(hours=2)  # a machine heard within two slots is alive


class EnrolmentRequest(BaseModel):
    """What an agent sends to enrol (docs/protocol.md §2)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    token: Annotated[str, Field(max_length=200)]
    public_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
    machine_hint: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{22}$")]
    family: Literal["windows", "macos", "linux", "nas"]
    role: Literal["workstation", "laptop", "server", "nas"]
    alias: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    boot_ref: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")] | None = None
    agent: "EnrollingAgent"


class EnrollingAgent(BaseModel):
    """Which agent enrols."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+[a-z0-9.+-]{0,16}$")]
    build: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]


async def create_token(call: Call, practice_id: UUID, new: NewEnrolmentToken) -> tuple[EnrolmentToken, str]:
    """Create an enrolment token of a practice; return it with its text, which is shown this once."""
    practice = await changeable_practice(call, practice_id)
    text = new_enrolment_token(practice.provider_id)
    token = EnrolmentToken(
        provider_id=practice.provider_id,
        id=uuid7(),
        practice_id=practice.id,
        token_hash=hash_secret(text),
        label=new.label,
        needs_approval=new.needs_approval,
        use_limit=new.use_limit,
        uses=0,
        created_at=call.now,
        expires_at=call.now + timedelta(seconds=new.expires_in_s),
    )
    call.session.add(token)
    call.audit(object_id=token.id, details={"label": new.label, "use_limit": new.use_limit})
    return token, text


async def revoke_token(call: Call, token_id: UUID) -> None:
    """Revoke an enrolment token; raises `NotFoundError`. Revoking twice changes nothing."""
    found = await call.session.execute(
        update(EnrolmentToken)
        .where(EnrolmentToken.provider_id == call.principal.provider_id, EnrolmentToken.id == token_id)
        .values(revoked_at=func.coalesce(EnrolmentToken.revoked_at, call.now))
        .returning(EnrolmentToken.practice_id)
    )
    row = found.first()
    if row is None:
        raise NotFoundError
    await get_practice(call, row.practice_id)  # a caller limited to some practices sees only their tokens


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who asks to enrol: the key whose possession was proved, and the address it came from."""

    provider_id: UUID
    key: bytes
    address: str | None = None


async def enrol(
    session: AsyncSession, assessor: Assessor, applicant: Applicant, request: EnrolmentRequest, now: datetime
) -> tuple[Device, bool]:
    """Let a machine join the practice of its token; return the device and whether it is new.

    The same machine in the same practice is the same device with another key. A living twin with the same hint is not: both
    are then marked as suspected clones, and a person looks. Raises the token's refusals and `KeyInUseError`.
    """
    provider_id, key = applicant.provider_id, applicant.key
    token = await _usable_token(session, provider_id, request.token, now)
    hint = request.machine_hint.encode()
    twins = await _twins(session, provider_id, token.practice_id, hint)
    holder = await session.scalar(select(Device.id).where(Device.provider_id == provider_id, Device.public_key == key))
    same = next((device for device, liveness in twins if not _is_other_machine(liveness, request, now)), None)
    if holder is not None and (same is None or holder != same.id):
        raise errors.KeyInUseError
    token.uses += 1
    if same is not None:
        device, events = same, [await _re_enrol(session, same, request, key, token, now)]
    else:
        device, joined = await _join(session, token, request, key, hint, now)
        events = [joined, *_suspect([device, *(twin for twin, _ in twins)] if twins else [], now)]
    await session.flush()
    await settle(session, assessor, (provider_id, token.practice_id), events, now)
    await append(session, _entry(applicant, device, token, is_new=same is None), now)
    return device, same is None


def _entry(applicant: Applicant, device: Device, token: EnrolmentToken, *, is_new: bool) -> NewEntry:
    details = {"enrolment_token_id": str(token.id), "key_generation": device.key_generation, "status": device.status}
    return NewEntry(
        provider_id=device.provider_id,
        actor=Actor("device", str(device.id), device.alias),
        action=Action.DEVICE_ENROL if is_new else Action.DEVICE_REENROL,
        object_id=str(device.id),
        practice_id=device.practice_id,
        address=applicant.address,
        details=details,
    )


async def _usable_token(session: AsyncSession, provider_id: UUID, text: str, now: datetime) -> EnrolmentToken:
    """Return the token, locked so that its uses are counted one by one; raises what is wrong with it."""
    found = await session.scalars(
        select(EnrolmentToken)
        .where(EnrolmentToken.provider_id == provider_id, EnrolmentToken.token_hash == hash_secret(text))
        .with_for_update()
    )
    token = found.first()
    if token is None or not await _is_open(session, provider_id, token.practice_id):
        raise errors.TokenUnknownError
    if token.revoked_at is not None:
        raise errors.TokenRevokedError
    if now >= token.expires_at:
        raise errors.TokenExpiredError
    if token.uses >= token.use_limit:
        raise errors.TokenExhaustedError
    return token


async def _is_open(session: AsyncSession, provider_id: UUID, practice_id: UUID) -> bool:
    """Whether the practice is not archived, and will not be while this unit of work runs."""
    found = await session.scalars(
        select(Practice.archived_at)
        .where(Practice.provider_id == provider_id, Practice.id == practice_id)
        .with_for_update(read=True)
    )
    return found.one() is None


async def _twins(
    session: AsyncSession, provider_id: UUID, practice_id: UUID, hint: bytes
) -> list[tuple[Device, DeviceLiveness]]:
    """Return the living devices of the practice with this machine hint, locked."""
    with_hint = (Device.practice_id == practice_id, Device.machine_hint == hint, Device.status != "revoked")
    await lock_liveness(session, provider_id, *with_hint)
    found = await session.execute(
        select(Device, DeviceLiveness)
        .join(
            DeviceLiveness,
            (DeviceLiveness.provider_id == Device.provider_id) & (DeviceLiveness.device_id == Device.id),
        )
        .where(Device.provider_id == provider_id, *with_hint)
        .order_by(Device.id)
    )
    return [(device, liveness) for device, liveness in found]


def _is_other_machine(liveness: DeviceLiveness, request: EnrolmentRequest, now: datetime) -> bool:
    """Whether the twin lives on beside this machine: heard lately, and from another boot than the one that enrols."""
    if liveness.last_seen_at is None or now - liveness.last_seen_at > _LIVING:
        return False
    return request.boot_ref is None or liveness.boot_ref != request.boot_ref


async def _re_enrol(
    session: AsyncSession, device: Device, request: EnrolmentRequest, key: bytes, token: EnrolmentToken, now: datetime
) -> NewEvent:
    device.public_key = key
    device.key_generation += 1
    device.clone_suspect_at = None  # whoever holds the earlier key is turned away from now on
    device.family, device.role, device.alias = request.family, request.role, request.alias
    await session.execute(
        update(DeviceLiveness)
        .where(DeviceLiveness.provider_id == device.provider_id, DeviceLiveness.device_id == device.id)
        .values(key_generation=device.key_generation, state_digest=None)
    )
    await announce(session, "device", f"{device.provider_id}.{device.id}")
    payload = {"token": str(token.id), "key_generation": device.key_generation}
    return device_event(device, "device.reenrolled", now, payload)


async def _join(
    session: AsyncSession, token: EnrolmentToken, request: EnrolmentRequest, key: bytes, hint: bytes, now: datetime
) -> tuple[Device, NewEvent]:
    device_id = uuid7()
    status = "pending" if token.needs_approval else "active"
    device = Device(
        provider_id=token.provider_id,
        id=device_id,
        practice_id=token.practice_id,
        alias=request.alias,
        family=request.family,
        role=request.role,
        status=status,
        public_key=key,
        key_generation=1,
        machine_hint=hint,
        slot_s=slot_of(device_id),
        enrolled_at=now,
    )
    session.add(device)
    await session.flush()  # the rows below refer to it
    session.add(
        DeviceLiveness(
            provider_id=device.provider_id,
            device_id=device_id,
            sequence=0,
            received=0,
            presence_hours=0,
            key_generation=1,
            status=status,
        )
    )
    if status == "active":
        session.add(first_deadline(device, now))
    await announce(
        session, "device", f"{device.provider_id}.{device.id}"
    )  # somebody may remember that it does not exist
    payload = {"token": str(token.id), "status": status, "alias": device.alias, "family": device.family}
    return device, device_event(device, "device.enrolled", now, payload)


def first_deadline(device: Device, now: datetime) -> DeviceDeadline:
    """Return the deadline of a device that has yet to report for the first time."""
    due = silent_after(now, device.slot_s, _CALENDAR, _PATIENCE)
    return DeviceDeadline(
        provider_id=device.provider_id, device_id=device.id, due_at=due, silent_after=due, review_at=None
    )


def _suspect(devices: list[Device], now: datetime) -> list[NewEvent]:
    """Mark devices that may be one machine copied; return an event for each newly marked."""
    marked = [device for device in devices if device.clone_suspect_at is None]
    for device in marked:
        device.clone_suspect_at = now
    payload = {"sign": "machine_hint_of_a_living_device"}
    return [device_event(device, "device.clone_suspect", now, payload) for device in marked]
