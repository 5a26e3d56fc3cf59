"""Devices as members of the fleet: approving, changing, revoking them, and counting them anew."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.dependencies import Call
from vigie.core.errors import NotFoundError
from vigie.core.invalidation import announce
from vigie.devices import errors, silence_statements
from vigie.devices.cadence import patience_of, silent_after
from vigie.devices.census import take_census
from vigie.devices.models import Device, DeviceDeadline, DeviceLiveness, DeviceSection
from vigie.devices.schemas import DevicePatch
from vigie.events.log import NewEvent
from vigie.events.session import driver_connection, record
from vigie.posture import reassessments
from vigie.posture.assessment import Assessor, PracticeKey
from vigie.practices.models import Practice, practice_of
from vigie.practices.queries import get_practice, visible


def device_event(device: Device, kind: str, now: datetime, payload: dict[str, Any]) -> NewEvent:
    """Return an event about a device."""
    return NewEvent(device.provider_id, kind, device.practice_id, device.id, now, payload)


async def get_device(call: Call, device_id: UUID, *, lock: bool = False) -> Device:
    """Return a device of a visible practice; raises `NotFoundError` for any other."""
    known: Device | None = None if lock else call.recall("device", device_id)
    if known is not None:
        call.audit(practice_id=known.practice_id)
        return known
    statement = (
        select(Device)
        .join(Practice, practice_of(Device))
        .where(*visible(call.principal))
        .where(Device.provider_id == call.principal.provider_id, Device.id == device_id)
    )
    # Not the strongest lock: rows that refer to the device are being inserted while somebody changes it.
    locked = statement.with_for_update(of=Device, key_share=True)
    found = (await call.session.scalars(locked if lock else statement)).first()
    if found is None:
        raise NotFoundError
    call.audit(practice_id=found.practice_id)
    call.keep("device", device_id, found)
    return found


async def lock_liveness(session: AsyncSession, provider_id: UUID, *which: ColumnElement[bool]) -> None:
    """Lock the liveness rows of the devices that meet the conditions, by key: the first lock of whoever changes a device's status.

    A heartbeat locks its liveness row first and then writes rows that refer to the device; taken in another order, the two would
    wait for each other.
    """
    await session.execute(
        select(DeviceLiveness.device_id)
        .join(Device, (Device.provider_id == DeviceLiveness.provider_id) & (Device.id == DeviceLiveness.device_id))
        .where(DeviceLiveness.provider_id == provider_id, Device.provider_id == provider_id, *which)
        .order_by(DeviceLiveness.device_id)
        .with_for_update(of=DeviceLiveness, key_share=True)
    )


async def settle(
    session: AsyncSession, assessor: Assessor, practice: PracticeKey, events: Sequence[NewEvent], now: datetime
) -> None:
    """Count the devices of a practice anew, settle its verdict, and record the events: the end of every unit of work here.

    In this order, because postures are locked before event heads everywhere.
    """
    connection = await driver_connection(session)
    practices = await take_census(connection, "citus", [(practice, now)])
    changes, _ = await assessor.settle_practices(connection, practices, now)
    await record(session, [*events, *changes], now)


async def expect_anew(call: Call, practice_id: UUID | None) -> None:
    """Have the sweep look at every device of a practice, or of the provider (None), at once: when they are expected has changed."""
    provider_id = call.principal.provider_id
    concerned = [] if practice_id is None else [Device.practice_id == practice_id]
    await lock_liveness(call.session, provider_id, *concerned)
    own = select(Device.id).where(Device.provider_id == provider_id, *concerned)
    await call.session.execute(
        update(DeviceDeadline)
        .where(DeviceDeadline.provider_id == provider_id, DeviceDeadline.device_id.in_(own))
        .values(due_at=func.least(DeviceDeadline.due_at, call.now))
    )


async def _expect_device_anew(call: Call, device: Device) -> None:
    """Have the sweep look at a device at once: how long it may stay away has changed."""
    await call.session.execute(
        update(DeviceDeadline)
        .where(DeviceDeadline.provider_id == device.provider_id, DeviceDeadline.device_id == device.id)
        .values(due_at=func.least(DeviceDeadline.due_at, call.now))
    )


async def change_device(call: Call, device_id: UUID, patch: DevicePatch) -> Device:
    """Change alias or role of a device; what already is as asked is no change, and no event."""
    device = await get_device(call, device_id, lock=True)
    asked = patch.model_dump(exclude_unset=True)
    changed = {name: value for name, value in asked.items() if getattr(device, name) != value}
    for name, value in changed.items():
        setattr(device, name, value)
    call.audit(details={"fields": sorted(changed)})
    if changed:
        await announce(call.session, "device", f"{device.provider_id}.{device.id}")
        if "role" in changed:  # what a server must meet, a laptop need not
            await call.session.flush()
            await _expect_device_anew(call, device)
            await reassessments.ask(call.session, device.provider_id, [device.practice_id], call.now)
        payload = {"fields": sorted(changed), "by": call.principal.subject}
        await record(call.session, [device_event(device, "device.changed", call.now, payload)], call.now)
    return device


async def approve_device(call: Call, assessor: Assessor, device_id: UUID) -> Device:
    """Let a pending device count; its next heartbeat is asked to send everything. Raises `WrongStatusError`."""
    await lock_liveness(call.session, call.principal.provider_id, Device.id == device_id)
    device = await get_device(call, device_id, lock=True)
    if device.status != "pending":
        raise errors.WrongStatusError(f"the device is {device.status}")
    device.status = "active"
    await _set_status(call.session, device, "active")
    practice = (device.provider_id, device.practice_id)
    terms = await assessor.terms_of(await driver_connection(call.session), {practice: call.now})
    own = terms[practice]
    due = silent_after(call.now, device.slot_s, own.calendar, patience_of(device.role, own.policy.silence))
    call.session.add(
        DeviceDeadline(
            provider_id=device.provider_id, device_id=device.id, due_at=due, silent_after=due, review_at=None
        )
    )
    await call.session.flush()
    approved = device_event(device, "device.approved", call.now, {"by": call.principal.subject})
    await settle(call.session, assessor, practice, [approved], call.now)
    return device


async def clear_suspicion(call: Call, device_id: UUID) -> Device:
    """Say that one machine has the identity of a device: somebody has looked. A later sign of two is told anew.

    Where nothing was suspected nothing changes.
    """
    device = await get_device(call, device_id, lock=True)
    if device.clone_suspect_at is None:
        call.audit(details={"repeated": True})
        return device
    device.clone_suspect_at = None
    await call.session.flush()
    payload = {"by": call.principal.subject}
    await record(call.session, [device_event(device, "device.clone_cleared", call.now, payload)], call.now)
    return device


async def revoke_device(call: Call, assessor: Assessor, device_id: UUID) -> Device:
    """Turn a device away for good, on every process within a second. Revoking twice changes nothing."""
    await lock_liveness(call.session, call.principal.provider_id, Device.id == device_id)
    device = await get_device(call, device_id, lock=True)
    if device.status == "revoked":
        call.audit(details={"repeated": True})
        return device
    revoked = await _revoke(call, assessor, device)
    await settle(call.session, assessor, (device.provider_id, device.practice_id), [revoked], call.now)
    return device


async def revoke_devices_of(call: Call, assessor: Assessor, practice_id: UUID) -> list[NewEvent]:
    """Turn away every device of a practice (it is being archived); return the events, which the caller records last."""
    practice = await get_practice(call, practice_id)
    await lock_liveness(call.session, practice.provider_id, Device.practice_id == practice.id)
    found = await call.session.scalars(
        select(Device)
        .where(Device.provider_id == practice.provider_id, Device.practice_id == practice.id)
        .where(Device.status != "revoked")
        .order_by(Device.id)
        .with_for_update(key_share=True)
    )
    return [await _revoke(call, assessor, device) for device in found.all()]


async def _revoke(call: Call, assessor: Assessor, device: Device) -> NewEvent:
    key = (device.provider_id, device.id)
    device.status, device.revoked_at = "revoked", call.now
    await _set_status(call.session, device, "revoked")
    await call.session.execute(
        delete(DeviceDeadline).where(DeviceDeadline.provider_id == key[0], DeviceDeadline.device_id == key[1])
    )
    await call.session.execute(
        delete(DeviceSection).where(DeviceSection.provider_id == key[0], DeviceSection.device_id == key[1])
    )
    await call.session.flush()
    connection = await driver_connection(call.session)
    await connection.execute(silence_statements.END_REVOKED, device.provider_id, [device.id], call.now)
    await assessor.forget_devices(connection, [key])
    return device_event(device, "device.revoked", call.now, {"by": call.principal.subject})


async def _set_status(session: AsyncSession, device: Device, status: str) -> None:
    await session.execute(
        update(DeviceLiveness)
        .where(DeviceLiveness.provider_id == device.provider_id, DeviceLiveness.device_id == device.id)
        .values(status=status)
    )
    await announce(session, "device", f"{device.provider_id}.{device.id}")
