"""Reads behind the evidence report: what changed in a period, and what people said, accepted, signed and tried."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Row, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.alerts.models import Alert
from vigie.checklist.questionnaire_models import Questionnaire
from vigie.checklist.record_models import RestoreTest
from vigie.devices.models import Device, DeviceLiveness
from vigie.events.models import Event
from vigie.incidents.models import Incident
from vigie.posture.models import ControlException
from vigie.practices.models import Practice, Provider
from vigie.reports.rules import Period

TOLD: Final = (
    *("posture.changed", "device.enrolled", "device.revoked", "exception.created", "exception.ended"),
    *("practice.line_down", "questionnaire.signed", "restore_test.recorded", "attestation.given", "incident.declared"),
)
"""Kinds of events that a report tells of."""
MOST_CHANGES: Final = 400
MOST_ROWS: Final = 60


async def devices_of(
    session: AsyncSession, practice: Practice
) -> Sequence[Row[Device, datetime | None, datetime | None]]:
    """Return the devices that count, each with when it was last heard and since when it is silent, by their names."""
    found = await session.execute(
        select(Device, DeviceLiveness.last_seen_at, DeviceLiveness.silent_since)
        .join(
            DeviceLiveness,
            and_(DeviceLiveness.provider_id == Device.provider_id, DeviceLiveness.device_id == Device.id),
        )
        .where(Device.provider_id == practice.provider_id, Device.practice_id == practice.id, Device.status == "active")
        .order_by(Device.alias, Device.id)
    )
    return found.all()


async def changes_of(session: AsyncSession, practice: Practice, period: Period) -> tuple[Sequence[Event], int]:
    """Return the latest changes of a period, and how many there were in all."""
    chosen = (
        Event.provider_id == practice.provider_id,
        Event.practice_id == practice.id,
        Event.kind.in_(TOLD),
        Event.happened_at >= period.begins_at,
        Event.happened_at < period.ends_at,
    )
    found = (
        await session.scalars(select(Event).where(*chosen).order_by(Event.number.desc()).limit(MOST_CHANGES))
    ).all()
    if len(found) < MOST_CHANGES:
        return found, len(found)
    return found, await session.scalar(select(func.count()).select_from(Event).where(*chosen)) or 0


async def exceptions_of(session: AsyncSession, practice: Practice, period: Period) -> Sequence[ControlException]:
    """Return the accepted deviations that held on a day of a period, those that end last in front."""
    found = await session.scalars(
        select(ControlException)
        .where(
            ControlException.provider_id == practice.provider_id,
            ControlException.practice_id == practice.id,
            ControlException.starts_at < period.ends_at,
            func.coalesce(ControlException.ended_at, ControlException.ends_at) >= period.begins_at,
        )
        .order_by(ControlException.ends_at.desc(), ControlException.id)
        .limit(MOST_ROWS)
    )
    return found.all()


async def questionnaires_of(session: AsyncSession, practice: Practice) -> Sequence[Questionnaire]:
    """Return the questionnaires of a practice, by kind."""
    found = await session.scalars(
        select(Questionnaire)
        .where(Questionnaire.provider_id == practice.provider_id, Questionnaire.practice_id == practice.id)
        .order_by(Questionnaire.kind, Questionnaire.id)
        .limit(MOST_ROWS)
    )
    return found.all()


async def restores_of(session: AsyncSession, practice: Practice) -> Sequence[RestoreTest]:
    """Return the latest restore tests of a practice: the last one says something whenever it was."""
    found = await session.scalars(
        select(RestoreTest)
        .where(RestoreTest.provider_id == practice.provider_id, RestoreTest.practice_id == practice.id)
        .order_by(RestoreTest.tested_on.desc(), RestoreTest.id.desc())
        .limit(MOST_ROWS)
    )
    return found.all()


async def incidents_of(session: AsyncSession, practice: Practice, period: Period) -> Sequence[Incident]:
    """Return the incidents that became known in a period, or were not closed before it, the latest first."""
    found = await session.scalars(
        select(Incident)
        .where(
            Incident.provider_id == practice.provider_id,
            Incident.practice_id == practice.id,
            Incident.known_at < period.ends_at,
            Incident.closed_at.is_(None) | (Incident.closed_at >= period.begins_at),
        )
        .order_by(Incident.known_at.desc(), Incident.id.desc())
        .limit(MOST_ROWS)
    )
    return found.all()


async def alerts_of(session: AsyncSession, practice: Practice, period: Period) -> Sequence[tuple[str, int, int]]:
    """Return, by cause, how many alerts were opened in a period and how many of these are not closed."""
    found = await session.execute(
        select(Alert.cause, func.count(), func.count().filter(Alert.closed_at.is_(None)))
        .where(
            Alert.provider_id == practice.provider_id,
            Alert.practice_id == practice.id,
            Alert.opened_at >= period.begins_at,
            Alert.opened_at < period.ends_at,
        )
        .group_by(Alert.cause)
        .order_by(func.count().desc(), Alert.cause)
    )
    return [(cause, opened, living) for cause, opened, living in found]


async def provider_name(session: AsyncSession, provider_id: UUID) -> str:
    """Return how a provider is called."""
    return await session.scalar(select(Provider.name).where(Provider.id == provider_id)) or ""
