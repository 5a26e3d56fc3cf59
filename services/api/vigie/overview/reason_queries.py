"""Reads behind the reasons in the list of practices: a page of them in three statements, whatever its length."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, Uuid, and_, cast, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from vigie.auth.dependencies import Call
from vigie.devices.models import Device, DeviceLiveness
from vigie.overview.reasons import REASONED, Deciding, Told, deciding
from vigie.posture.models import Finding, Posture

Decided = Mapping[tuple[UUID, str], Deciding]
"""Practice and light → what decides it."""


def decided(postures: Sequence[Posture]) -> Decided:
    """Return what decides the lights of practices."""
    return {
        (posture.practice_id, name): found
        for posture in postures
        for name in REASONED
        if (found := deciding(name, posture.controls, posture.answers)) is not None  # type: ignore[arg-type]
    }


async def told_of(call: Call, found: Decided) -> dict[tuple[UUID, str], Told]:
    """Return for practice and control the finding behind what decides: the one that has stood longest.

    `found` is of practices that the list has shown to the caller.
    """
    asked = sorted({(practice, each.control, str(each.state)) for (practice, _), each in found.items()})
    if not asked:
        return {}
    wanted = (
        func.unnest(
            cast([practice for practice, _, _ in asked], ARRAY(Uuid)),
            cast([control for _, control, _ in asked], ARRAY(Text)),
            cast([state for _, _, state in asked], ARRAY(Text)),
        )
        .table_valued(column("practice_id", Uuid), column("control", Text), column("state", Text))
        .render_derived(name="wanted")
    )
    tied = and_(
        Finding.practice_id == wanted.c.practice_id,
        Finding.control == wanted.c.control,
        Finding.state == wanted.c.state,
    )
    rows = await call.session.execute(
        select(
            Finding.practice_id,
            Finding.control,
            Finding.reason,
            Finding.evidence,
            Finding.threshold,
            Device.id,
            Device.alias,
        )
        .select_from(wanted)
        .join(Finding, tied)
        .outerjoin(Device, and_(Device.provider_id == Finding.provider_id, Device.id == Finding.subject_id))
        .where(Finding.provider_id == call.principal.provider_id)
        .ext(distinct_on(Finding.practice_id, Finding.control))
        .order_by(Finding.practice_id, Finding.control, Finding.since, Finding.subject_id)
    )
    return {
        (row.practice_id, row.control): Told(row.reason, {**row.threshold, **row.evidence}, row.id, row.alias)
        for row in rows
    }


async def last_reports(call: Call, practices: Sequence[UUID]) -> dict[UUID, datetime]:
    """Return when each practice was last heard of; without those that never were."""
    rows = await call.session.execute(
        select(Device.practice_id, func.max(DeviceLiveness.last_seen_at))
        .join(
            DeviceLiveness,
            and_(DeviceLiveness.provider_id == Device.provider_id, DeviceLiveness.device_id == Device.id),
        )
        .where(
            Device.provider_id == call.principal.provider_id,
            Device.practice_id.in_(practices),
            DeviceLiveness.last_seen_at.is_not(None),
        )
        .group_by(Device.practice_id)
    )
    return {practice: at for practice, at in rows if at is not None}
