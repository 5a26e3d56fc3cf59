"""Reads behind the reasons in the list of practices: a page of them in three statements, whatever its length."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import Text, Uuid, and_, any_, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from vigie.auth.dependencies import Call
from vigie.core.db import PROVIDER
from vigie.devices.models import Device, DeviceLiveness
from vigie.overview.reasons import REASONED, Deciding, Told, deciding
from vigie.posture.models import Finding

Decided = Mapping[tuple[UUID, str], Deciding]
"""Practice and light → what decides it."""


_wanted = (
    func.unnest(
        bindparam("practices", type_=ARRAY(Uuid)),
        bindparam("controls", type_=ARRAY(Text)),
        bindparam("states", type_=ARRAY(Text)),
    )
    .table_valued(column("practice_id", Uuid), column("control", Text), column("state", Text))
    .render_derived(name="wanted")
)
_TOLD: Final = (
    select(
        Finding.practice_id,
        Finding.control,
        Finding.reason,
        Finding.evidence,
        Finding.threshold,
        Device.id,
        Device.alias,
    )
    .select_from(_wanted)
    .join(
        Finding,
        and_(
            Finding.practice_id == _wanted.c.practice_id,
            Finding.control == _wanted.c.control,
            Finding.state == _wanted.c.state,
        ),
    )
    .outerjoin(Device, and_(Device.provider_id == Finding.provider_id, Device.id == Finding.subject_id))
    .where(Finding.provider_id == PROVIDER)
    .ext(distinct_on(Finding.practice_id, Finding.control))
    .order_by(Finding.practice_id, Finding.control, Finding.since, Finding.subject_id)
)
_HEARD: Final = (
    select(Device.practice_id, func.max(DeviceLiveness.last_seen_at))
    .join(
        DeviceLiveness,
        and_(DeviceLiveness.provider_id == Device.provider_id, DeviceLiveness.device_id == Device.id),
    )
    .where(
        Device.provider_id == PROVIDER,
        Device.practice_id == any_(bindparam("practices", type_=ARRAY(Uuid))),
        DeviceLiveness.last_seen_at.is_not(None),
    )
    .group_by(Device.practice_id)
)


class Judged(Protocol):
    """What a posture says that decides its lights."""

    @property
    def practice_id(self) -> UUID:
        """Whose it is."""

    @property
    def controls(self) -> dict[str, Any]:
        """What devices and records say, by control."""

    @property
    def answers(self) -> dict[str, Any]:
        """Control → state of what is judged for the practice itself."""


def decided(postures: Iterable[Judged]) -> Decided:
    """Return what decides the lights of practices."""
    return {
        (posture.practice_id, name): found
        for posture in postures
        for name in REASONED
        if (found := deciding(name, posture.controls, posture.answers)) is not None
    }


async def told_of(call: Call, found: Decided) -> dict[tuple[UUID, str], Told]:
    """Return for practice and control the finding behind what decides: the one that has stood longest.

    `found` is of practices that the list has shown to the caller.
    """
    asked = sorted({(practice, each.control, str(each.state)) for (practice, _), each in found.items()})
    if not asked:
        return {}
    practices, controls, states = zip(*asked, strict=True)
    lists = {"practices": list(practices), "controls": list(controls), "states": list(states)}
    rows = await call.session.execute(_TOLD, {"provider": call.principal.provider_id, **lists})
    return {
        (practice, control): Told(reason, {**threshold, **evidence}, device, alias)
        for practice, control, reason, evidence, threshold, device, alias in rows
    }


async def last_reports(call: Call, practices: Sequence[UUID]) -> dict[UUID, datetime]:
    """Return when each practice was last heard of; without those that never were."""
    asked = {"provider": call.principal.provider_id, "practices": list(practices)}
    rows = await call.session.execute(_HEARD, asked)
    return {practice: at for practice, at in rows if at is not None}
