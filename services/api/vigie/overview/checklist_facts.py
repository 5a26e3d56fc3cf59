"""Everything that the checklist of a practice is shown from, read in one place for the API and for reports."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from vigie.overview import checklist_queries as queries
from vigie.overview.checklist import Facts
from vigie.overview.checklist_queries import WHOLE, Extent
from vigie.overview.explaining import Standing, trend
from vigie.posture.models import Posture
from vigie.posture.rules.model import Policy


async def facts_of(
    session: AsyncSession,
    posture: Posture,
    days: int,
    now: datetime,
    standing: Standing | None = None,
    extent: Extent = WHOLE,
) -> Facts:
    """Return what the checklist of a practice rests on; `days`: of the trend, today included."""
    if extent.brief:
        return await _in_brief(session, posture, now, extent)
    provider_id, practice_id = posture.provider_id, posture.practice_id
    today = now.date()
    first = today - timedelta(days=days - 1)
    return Facts(
        posture=posture,
        findings=await queries.findings_of(session, provider_id, practice_id, extent.controls),
        devices=await queries.reported_by(session, provider_id, practice_id),
        policy=await queries.policy_of(session, provider_id, practice_id),
        exceptions=await queries.exceptions_in_force(session, provider_id, practice_id, now),
        answers=await queries.answers_of(session, provider_id, practice_id),
        trend=trend(await queries.scores_since(session, provider_id, practice_id, first), first, today),
        standing=standing,
        controls=extent.controls,
    )


async def _in_brief(session: AsyncSession, posture: Posture, now: datetime, extent: Extent) -> Facts:
    """Return what the short checklist rests on, without reading what it does not show."""
    provider_id, practice_id = posture.provider_id, posture.practice_id
    short = await queries.short_of(session, provider_id, practice_id, extent)
    return Facts(
        posture=posture,
        findings=short.findings,
        devices=short.devices,
        policy=Policy(),
        exceptions=await queries.exceptions_in_force(session, provider_id, practice_id, now),
        answers=await queries.answers_of(session, provider_id, practice_id),
        trend=(),
        standing=None,
        controls=extent.controls,
        ends=short.ends,
    )
