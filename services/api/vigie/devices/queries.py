"""Reading devices. Every statement starts from the practices visible to the caller."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import Boolean, Date, Row, Select, Text, Uuid, and_, bindparam, select

from vigie.auth.dependencies import Call
from vigie.core.db import PROVIDER
from vigie.core.pagination import PageQuery, Shape, by_shape, keyset, page_of
from vigie.devices.models import Device, DeviceLiveness, DevicePresence, DeviceSection, EnrolmentToken, SectionHistory
from vigie.devices.silence_models import DeviceSilence, ServiceOutage
from vigie.posture.models import Finding
from vigie.practices.models import Practice, practice_of
from vigie.practices.queries import as_caller, get_practice, seen_in, shape_of

_SYSTEM: Final = "ANS-2.1"
"""The control whose finding tells which system a device runs."""
_RUNNING = (
    select(ServiceOutage.since)
    .where(ServiceOutage.until.is_(None), ServiceOutage.withheld)
    .order_by(ServiceOutage.since.desc())
    .limit(1)
)


class DeviceQuery(PageQuery):
    """Filters of the list of devices."""

    practice_id: UUID | None = Field(None, description="Devices of this practice only.")
    status: Literal["pending", "active", "revoked"] | None = Field(None, description="Only devices in this status.")
    clone_suspect: bool | None = Field(None, description="Only devices that are (not) suspected clones.")


@cache
def _devices(*, limited: bool) -> Select[*tuple[Any, ...]]:
    """Return the statement over the devices a caller sees, made once; it is executed with `as_caller`."""
    return (
        select(Device, DeviceLiveness, DeviceSilence, _RUNNING.scalar_subquery(), Finding.evidence)
        .join(Practice, practice_of(Device))
        .join(
            DeviceLiveness,
            and_(DeviceLiveness.provider_id == Device.provider_id, DeviceLiveness.device_id == Device.id),
        )
        .outerjoin(
            DeviceSilence,
            and_(
                DeviceSilence.provider_id == Device.provider_id,
                DeviceSilence.device_id == Device.id,
                DeviceSilence.since == DeviceLiveness.silent_since,
            ),
        )
        .outerjoin(
            Finding,
            and_(
                Finding.provider_id == Device.provider_id,
                Finding.subject_id == Device.id,
                Finding.control == _SYSTEM,
            ),
        )
        .where(Device.provider_id == PROVIDER, *seen_in(Practice.provider_id, Practice.id, limited=limited))
    )


@by_shape
def _listed(shape: Shape) -> Select[*tuple[Any, ...]]:
    statement = _devices(limited=shape.limited).where(*shape.where(Device, "practice_id", "status"))
    if "clone_suspect" in shape.filters:
        is_marked = Device.clone_suspect_at.is_not(None)
        statement = statement.where(is_marked == bindparam("clone_suspect", type_=Boolean))
    return shape.ordered(statement, [Device.id])


async def list_devices(call: Call, query: DeviceQuery) -> tuple[Sequence[Row[*tuple[Any, ...]]], str | None]:
    """Return a page of devices, oldest first.

    Each with its liveness, its silence, since when nobody can be heard, and on what the finding about its system rests.
    """
    shape, asked = shape_of(call, query, ("practice_id", "status", "clone_suspect"), [UUID])
    rows = (await call.session.execute(_listed(shape), asked)).all()
    return page_of(rows, query, lambda row: [row[0].id])


@cache
def _device(*, limited: bool) -> Select[*tuple[Any, ...]]:
    return _devices(limited=limited).where(Device.id == bindparam("device", type_=Uuid))


async def device_row(call: Call, device_id: UUID) -> Row[*tuple[Any, ...]] | None:
    """Return one device as `list_devices` does."""
    if (known := call.recall("device row", device_id)) is None:
        asked = {**as_caller(call.principal), "device": device_id}
        known = (await call.session.execute(_device(limited=call.principal.limited), asked)).first()
        call.keep("device row", device_id, known)
    found: Row[*tuple[Any, ...]] | None = known
    return found


_SECTIONS: Final = (
    select(DeviceSection)
    .where(DeviceSection.provider_id == PROVIDER, DeviceSection.device_id == bindparam("device", type_=Uuid))
    .order_by(DeviceSection.section)
)


async def sections_of(call: Call, device: Device) -> Sequence[DeviceSection]:
    """Return the latest sections of a device, by name."""
    return (await call.session.scalars(_SECTIONS, _of(device))).all()


_PRESENCE: Final = (
    select(DevicePresence)
    .where(
        DevicePresence.provider_id == PROVIDER,
        DevicePresence.device_id == bindparam("device", type_=Uuid),
        DevicePresence.day >= bindparam("start", type_=Date),
    )
    .order_by(DevicePresence.day.desc())
)


async def presence_of(call: Call, device: Device, start: date) -> Sequence[DevicePresence]:
    """Return the stored days of a device from `start`, latest first (the running day is in its liveness row)."""
    return (await call.session.scalars(_PRESENCE, {**_of(device), "start": start})).all()


class HistoryQuery(PageQuery):
    """Filters of the history of a device."""

    section: str | None = Field(None, max_length=32, description="Only reports that changed this section, and only it.")


@by_shape
def _history(shape: Shape) -> Select[*tuple[Any, ...]]:
    statement = select(SectionHistory).where(
        SectionHistory.provider_id == PROVIDER, SectionHistory.device_id == bindparam("device", type_=Uuid)
    )
    if "section" in shape.filters:
        changed = SectionHistory.sections[bindparam("section", type_=Text)]
        statement = statement.where(changed.is_not(None))
    return shape.ordered(statement, [SectionHistory.received_at, SectionHistory.sequence], descending=True)


async def history_of(call: Call, device: Device, query: HistoryQuery) -> tuple[Sequence[SectionHistory], str | None]:
    """Return a page of the reports of a device that changed something, latest first."""
    shape, asked = shape_of(call, query, ["section"], [datetime.fromisoformat, int])
    rows = (await call.session.scalars(_history(shape), {**asked, **_of(device)})).all()
    return page_of(rows, query, lambda row: [row.received_at.isoformat(), row.sequence])


@by_shape
def _silences(shape: Shape) -> Select[*tuple[Any, ...]]:
    statement = select(DeviceSilence).where(
        DeviceSilence.provider_id == PROVIDER, DeviceSilence.device_id == bindparam("device", type_=Uuid)
    )
    return shape.ordered(statement, [DeviceSilence.since], descending=True)


async def silences_of(call: Call, device: Device, query: PageQuery) -> tuple[Sequence[DeviceSilence], str | None]:
    """Return a page of the silences of a device, latest first."""
    shape, asked = shape_of(call, query, (), [datetime.fromisoformat])
    rows = (await call.session.scalars(_silences(shape), {**asked, **_of(device)})).all()
    return page_of(rows, query, lambda row: [row.since.isoformat()])


def _of(device: Device) -> dict[str, Any]:
    return {"provider": device.provider_id, "device": device.id}


async def running_outage(call: Call) -> datetime | None:
    """Return since when silence is withheld because nobody can be heard, if it is."""
    return await call.session.scalar(_RUNNING)


async def list_tokens(call: Call, practice_id: UUID, query: PageQuery) -> tuple[Sequence[EnrolmentToken], str | None]:
    """Return a page of a practice's enrolment tokens, latest first."""
    practice = await get_practice(call, practice_id)
    statement = select(EnrolmentToken).where(
        EnrolmentToken.provider_id == practice.provider_id, EnrolmentToken.practice_id == practice.id
    )
    rows = (await call.session.scalars(keyset(statement, query, [EnrolmentToken.id], [UUID], descending=True))).all()
    return page_of(rows, query, lambda token: [token.id])
