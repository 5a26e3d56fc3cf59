"""Reads behind what is missing across the fleet: a page of gaps, the findings behind them, and what is missing most."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Date, Integer, Row, Select, Text, and_, bindparam, cast, column, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from vigie.auth.dependencies import Call
from vigie.auth.models import Member
from vigie.core.db import PROVIDER
from vigie.core.pagination import keyset, page_of
from vigie.devices.models import Device, DeviceSection
from vigie.overview.gap_schemas import GapQuery
from vigie.overview.queries import listed, looked_after
from vigie.posture.models import Finding, Posture
from vigie.posture.rules.practice import HEADLINES
from vigie.practices.models import Practice
from vigie.practices.queries import as_caller, matching, visible

MOST = 20
"""So many updates, and so many systems, are gathered."""

_NOT_WELL = ("critical", "unknown", "warning")
_ASKED = ("fail", "warn", "unknown")
_SECURITY = ("security", "critical")
_OF_PRACTICE = (
    *(Posture.practice_id, Posture.rank, Practice.name, Practice.city, Posture.controls, Posture.answers),
    *(Member.id, Member.name),
)


class Gap(NamedTuple):
    """A practice, what its posture says of controls, who looks after it, and a control point that is not well."""

    practice_id: UUID
    rank: int
    name: str
    city: str | None
    controls: dict[str, Any]
    answers: dict[str, Any]
    member_id: UUID | None
    member_name: str | None
    control: str
    state: str


async def list_gaps(call: Call, query: GapQuery, light: str) -> tuple[Sequence[Gap], str | None]:
    """Return a page of what practices lack of the control points behind a light, in the order of the list of practices."""
    controls = [each for each in HEADLINES[light] if query.control in {None, each}]
    wanted = (
        func.unnest(cast(controls, ARRAY(Text))).table_valued(column("control", Text)).render_derived(name="wanted")
    )
    state = func.coalesce(Posture.controls[wanted.c.control]["state"].astext, Posture.answers[wanted.c.control].astext)
    statement = (
        listed(_OF_PRACTICE, limited=call.principal.limited)
        .add_columns(wanted.c.control, state.label("state"))
        .join(wanted, true())
        .where(getattr(Posture, light).in_(_NOT_WELL), state.in_((query.state,) if query.state else _ASKED))
    )
    if query.q is not None and (condition := matching(query.q)) is not None:
        statement = statement.where(condition)
    if query.responsible is not None:
        statement = statement.where(looked_after(call, query.responsible))
    ordered = keyset(statement, query, [Posture.rank, Posture.practice_id, wanted.c.control], [int, UUID, str])
    found = await call.session.execute(ordered, as_caller(call.principal))
    rows = [Gap(*row) for row in found.all()]
    return page_of(rows, query, lambda row: [row.rank, row.practice_id, row.control])


_asked = (
    func.unnest(
        bindparam("practices", type_=ARRAY(Finding.practice_id.type)),
        bindparam("controls", type_=ARRAY(Text)),
        bindparam("states", type_=ARRAY(Text)),
    )
    .table_valued(column("practice_id", Finding.practice_id.type), column("control", Text), column("state", Text))
    .render_derived(name="wanted")
)
_BEHIND: Final = (
    select(
        *(Finding.practice_id, Finding.control, Finding.reason, Finding.since, Finding.evidence, Finding.threshold),
        *(Device.id, Device.alias),
        DeviceSection.body["data"]["pending"]["items"].label("pending"),
    )
    .select_from(_asked)
    .join(
        Finding,
        and_(
            Finding.practice_id == _asked.c.practice_id,
            Finding.control == _asked.c.control,
            Finding.state == _asked.c.state,
        ),
    )
    .outerjoin(Device, and_(Device.provider_id == Finding.provider_id, Device.id == Finding.subject_id))
    .outerjoin(
        DeviceSection,
        and_(
            DeviceSection.provider_id == Finding.provider_id,
            DeviceSection.device_id == Finding.subject_id,
            DeviceSection.section == "patch",
            Finding.control == "ANS-2.2",
        ),
    )
    .where(Finding.provider_id == PROVIDER)
    .order_by(Finding.practice_id, Finding.control, Finding.since, Finding.subject_id)
)


async def findings_behind(call: Call, gaps: Sequence[Gap]) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return what devices say of the gaps of a page, the oldest first, with their sections about updates."""
    lists = {
        "practices": [gap.practice_id for gap in gaps],
        "controls": [gap.control for gap in gaps],
        "states": [gap.state for gap in gaps],
    }
    found = await call.session.execute(_BEHIND, {"provider": call.principal.provider_id, **lists})
    return found.all()


def _of_practices_not_well(call: Call) -> Select[UUID]:
    """Return the statement over the visible practices whose updates are not in order."""
    return (
        select(Practice.id)
        .join(Posture, and_(Posture.provider_id == Practice.provider_id, Posture.practice_id == Practice.id))
        .where(
            *visible(call.principal),
            Posture.provider_id == call.principal.provider_id,
            Posture.patch.in_(_NOT_WELL),
        )
    )


async def missing_updates(call: Call) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the security updates that most devices lack, as their last reports list them; the oldest of equals first."""
    item = func.jsonb_array_elements(DeviceSection.body["data"]["pending"]["items"]).table_valued(
        column("value", JSONB), name="item"
    )
    told = item.c.value
    name = func.coalesce(literal("KB") + told["kb"].astext, told["name"].astext, told["title"].astext)
    released_on = func.min(cast(told["released_on"].astext, Date))
    devices = func.count(Device.id.distinct())
    found = await call.session.execute(
        select(name.label("name"), released_on.label("released_on"), devices, func.count(Device.practice_id.distinct()))
        .select_from(Device)
        .join(
            DeviceSection,
            and_(DeviceSection.provider_id == Device.provider_id, DeviceSection.device_id == Device.id),
        )
        .join(item, true())
        .where(
            Device.provider_id == call.principal.provider_id,
            Device.status == "active",
            Device.practice_id.in_(_of_practices_not_well(call)),
            DeviceSection.section == "patch",
            func.jsonb_typeof(DeviceSection.body["data"]["pending"]["items"]) == "array",
            told["class"].astext.in_(_SECURITY),
            name.is_not(None),
        )
        .group_by(name)
        .order_by(devices.desc(), released_on, name)
        .limit(MOST)
    )
    return found.all()


async def ending_systems(call: Call) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the systems out of support or soon so, those that ended first in front."""
    system, ends_on = Finding.evidence["system"].astext, Finding.evidence["ends_on"].astext
    found = await call.session.execute(
        select(
            *(system.label("system"), Finding.reason, ends_on.label("ends_on")),
            func.count(),
            func.count(Finding.practice_id.distinct()),
            func.min(cast(Finding.evidence["days_left"].astext, Integer)),
        )
        .where(
            Finding.provider_id == call.principal.provider_id,
            Finding.practice_id.in_(_of_practices_not_well(call)),
            Finding.control == "ANS-2.1",
            Finding.state.in_(("fail", "warn")),
            Finding.reason.startswith("support_"),
            system.is_not(None),
            ends_on.is_not(None),
        )
        .group_by(system, Finding.reason, ends_on)
        .order_by(ends_on, system, Finding.reason)
        .limit(MOST)
    )
    return found.all()
