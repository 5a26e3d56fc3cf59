"""Reading reports, schedules and logos, and giving the next number."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from vigie.audit.models import AuditEntry
from vigie.auth.dependencies import Call
from vigie.core.crypto import hash_secret
from vigie.core.errors import NotFoundError
from vigie.core.pagination import PageQuery, keyset, page_of
from vigie.practices.models import Practice, practice_of
from vigie.practices.queries import visible
from vigie.reports.models import ProviderLogo, Report, ReportHead, ReportSchedule
from vigie.reports.rules import Period


async def next_number(session: AsyncSession, provider_id: UUID) -> int:
    """Return the next number of a provider's reports; nobody else of the provider gets one before this unit of work ends."""
    found = await session.execute(
        insert(ReportHead)
        .values(provider_id=provider_id, last_number=1)
        .on_conflict_do_update(index_elements=["provider_id"], set_={"last_number": ReportHead.last_number + 1})
        .returning(ReportHead.last_number)
    )
    return found.scalar_one()


async def list_reports(call: Call, practice: Practice, query: PageQuery) -> tuple[Sequence[Report], str | None]:
    """Return a page of the reports of a practice, latest first, without their bytes."""
    chosen = select(Report).where(Report.provider_id == practice.provider_id, Report.practice_id == practice.id)
    rows = (await call.session.scalars(keyset(chosen, query, [Report.id], [UUID], descending=True))).all()
    return page_of(rows, query, lambda row: (row.id,))


async def get_report(call: Call, report_id: UUID, *, whole: bool = False) -> Report:
    """Return a report of a visible practice, `whole` with its bytes; raises `NotFoundError` for any other."""
    chosen = (
        select(Report)
        .join(Practice, practice_of(Report))
        .where(*visible(call.principal))
        .where(Report.provider_id == call.principal.provider_id, Report.id == report_id)
    )
    found = (await call.session.scalars(chosen.options(undefer(Report.content)) if whole else chosen)).first()
    if found is None:
        raise NotFoundError
    call.audit(practice_id=found.practice_id)
    return found


async def fresh_report(
    session: AsyncSession, practice: Practice, period: Period, language: str, since: datetime
) -> Report | None:
    """Return the latest report of a practice over a period in a language that was made since an instant, with its bytes."""
    found = await session.scalars(
        select(Report)
        .where(
            Report.provider_id == practice.provider_id,
            Report.practice_id == practice.id,
            Report.language == language,
            Report.period_from == period.first,
            Report.period_to == period.last,
            Report.as_of >= since,
        )
        .order_by(Report.id.desc())
        .limit(1)
        .options(undefer(Report.content))
    )
    return found.first()


async def report_of_code(session: AsyncSession, provider_id: UUID, code: str) -> Report | None:
    """Return the report that a verification code names, with its bytes; None when it names none."""
    found = await session.scalars(
        select(Report)
        .where(Report.provider_id == provider_id, Report.code_hash == hash_secret(code))
        .options(undefer(Report.content))
    )
    return found.first()


async def number_of_entry(session: AsyncSession, report: Report, action: str) -> int | None:
    """Return the number of the audit's entry of the issue of a report; None when there is none."""
    number: int | None = await session.scalar(
        select(AuditEntry.number)
        .where(
            AuditEntry.provider_id == report.provider_id,
            AuditEntry.practice_id == report.practice_id,
            AuditEntry.number > report.audit_after,
            AuditEntry.action == action,
            AuditEntry.object_id == str(report.id),
            AuditEntry.outcome == "done",
        )
        .order_by(AuditEntry.number)
        .limit(1)
    )
    return number


async def logo_of(session: AsyncSession, provider_id: UUID) -> ProviderLogo | None:
    """Return a provider's logo; None when it has none."""
    return await session.get(ProviderLogo, provider_id)


async def schedule_of(
    session: AsyncSession, provider_id: UUID, practice_id: UUID | None, *, lock: bool = False
) -> ReportSchedule | None:
    """Return the schedule of a practice, or (None) that of the provider; None when nobody has set it."""
    chosen = select(ReportSchedule).where(
        ReportSchedule.provider_id == provider_id, ReportSchedule.subject_id == (practice_id or provider_id)
    )
    return (await session.scalars(chosen.with_for_update(key_share=True) if lock else chosen)).first()


async def zones_of(session: AsyncSession, provider_id: UUID, practice_id: UUID | None) -> Sequence[str]:
    """Return the time zones of a practice, or (None) of all practices of a provider that are not archived."""
    chosen = select(Practice.time_zone).where(Practice.provider_id == provider_id, Practice.archived_at.is_(None))
    if practice_id is not None:
        chosen = chosen.where(Practice.id == practice_id)
    return (await session.scalars(chosen.distinct())).all()
