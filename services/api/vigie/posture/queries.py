"""Reading findings and postures, and opening or closing the posture of a practice."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import Uuid, bindparam, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.core.db import PROVIDER
from vigie.posture.assessment import first_posture
from vigie.posture.models import Finding, OwnPolicy, Posture, ScoreDay
from vigie.posture.rules.model import Policy
from vigie.posture.terms import stored_policy

_POSTURE: Final = select(Posture).where(
    Posture.provider_id == PROVIDER, Posture.practice_id == bindparam("practice", type_=Uuid)
)
_OF_DEVICE: Final = (
    select(Finding)
    .where(Finding.provider_id == PROVIDER, Finding.subject_id == bindparam("device", type_=Uuid))
    .order_by(Finding.control)
)


async def open_postures(session: AsyncSession, provider_id: UUID, practices: Sequence[UUID], now: datetime) -> None:
    """Give new practices their postures: everything unknown."""
    await session.execute(insert(Posture), [first_posture(provider_id, practice, now) for practice in practices])


async def close_posture(session: AsyncSession, provider_id: UUID, practice_id: UUID) -> None:
    """Take an archived practice out of every list: its posture and its findings end; its events stay."""
    for model in (Posture, Finding):  # in the order in which settling a practice locks them
        await session.execute(delete(model).where(model.provider_id == provider_id, model.practice_id == practice_id))


async def posture_of(session: AsyncSession, provider_id: UUID, practice_id: UUID) -> Posture | None:
    """Return the materialised posture of a practice; None when it is archived."""
    return (await session.scalars(_POSTURE, {"provider": provider_id, "practice": practice_id})).first()


async def findings_of_practice(session: AsyncSession, provider_id: UUID, practice_id: UUID) -> Sequence[Finding]:
    """Return every finding of a practice and its devices, by control."""
    found = await session.scalars(
        select(Finding)
        .where(Finding.provider_id == provider_id, Finding.practice_id == practice_id)
        .order_by(Finding.control, Finding.subject_id)
    )
    return found.all()


async def findings_of_device(session: AsyncSession, provider_id: UUID, device_id: UUID) -> Sequence[Finding]:
    """Return the findings of a device, by control."""
    return (await session.scalars(_OF_DEVICE, {"provider": provider_id, "device": device_id})).all()


async def score_history(session: AsyncSession, provider_id: UUID, practice_id: UUID, since: date) -> Sequence[ScoreDay]:
    """Return the score of each day (UTC) on which it changed, earliest first: from `since` on, and the last before it.

    A day that is missing has the score of the day before it. The one before `since` tells what the period begins with.
    """
    own = (ScoreDay.provider_id == provider_id, ScoreDay.practice_id == practice_id)
    first = select(func.max(ScoreDay.day)).where(*own, ScoreDay.day < since).scalar_subquery()
    days = await session.scalars(
        select(ScoreDay).where(*own, ScoreDay.day >= func.coalesce(first, since)).order_by(ScoreDay.day)
    )
    return days.all()


async def policies_of(session: AsyncSession, provider_id: UUID, practice_ids: Iterable[UUID]) -> dict[UUID, Policy]:
    """Return the thresholds that apply to practices: defaults, the provider's over them, their own over those."""
    practices = sorted(set(practice_ids))
    rows = await session.execute(
        select(OwnPolicy.subject_id, OwnPolicy.thresholds).where(
            OwnPolicy.provider_id == provider_id, OwnPolicy.subject_id.in_([provider_id, *practices])
        )
    )
    own = {row.subject_id: orjson.dumps(row.thresholds).decode() for row in rows}
    return {
        practice: stored_policy(Policy(), *(own[each] for each in (provider_id, practice) if each in own))
        for practice in practices
    }
