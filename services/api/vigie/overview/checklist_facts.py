"""Everything that the checklist of a practice is shown from, read in one place for the API and for reports."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from vigie.overview import checklist_queries as queries
from vigie.overview.checklist import Facts
from vigie.overview.checklist_queries import WHOLE, Extent, Found
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
    provider_id, practice_id = posture.provider_id, posture.practice_id
    today = now.date()
    first = today - timedelta(days=days - 1)
    part = None if extent == WHOLE else await queries.short_of(session, provider_id, practice_id, extent)
    findings = part.findings if part else await queries.findings_of(session, provider_id, practice_id)
    proven = not extent.brief and any(_is_shown(each, practice_id, extent) for each in findings)
    return Facts(
        posture=posture,
        findings=findings,
        devices=await queries.reported_by(session, provider_id, practice_id) if proven or not part else part.devices,
        policy=Policy() if extent.brief else await queries.policy_of(session, provider_id, practice_id),
        exceptions=await queries.exceptions_in_force(session, provider_id, practice_id, now),
        answers=await queries.answers_of(session, provider_id, practice_id),
        trend=()
        if extent.brief
        else trend(await queries.scores_since(session, provider_id, practice_id, first), first, today),
        standing=standing,
        extent=extent,
        ends=part.ends if part else None,
    )


def _is_shown(finding: Found, practice_id: UUID, extent: Extent) -> bool:
    """Whether a finding on a device is shown with the heartbeats that vouch for it."""
    return finding.subject_id != practice_id and (extent.controls is None or finding.control in extent.controls)
