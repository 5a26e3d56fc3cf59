"""When reports are made by themselves, as the provider decides it."""

from datetime import timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from vigie.alerts.channel_models import Channel
from vigie.auth.dependencies import Call
from vigie.auth.models import Member
from vigie.core.errors import NotFoundError
from vigie.practices.queries import changeable_practice, get_practice, refuse_limited
from vigie.reports import queries
from vigie.reports.errors import ReportScheduleError
from vigie.reports.models import ReportSchedule
from vigie.reports.rules import next_due_at
from vigie.reports.schemas import NewSchedule

LOOK_AGAIN: Final = timedelta(days=1)
"""At the latest after this time a schedule is looked at again: a practice that was added meanwhile may be due earlier."""


async def schedule_for(call: Call, practice_id: UUID | None) -> ReportSchedule | None:
    """Return the schedule of a practice, or of the provider; None when nobody set one.

    Raises `NotFoundError` for a practice the caller does not see, `LimitedToPracticesError` for what is the whole provider's.
    """
    if practice_id is None:
        refuse_limited(call)
    else:
        await get_practice(call, practice_id)
    return await queries.schedule_of(call.session, call.principal.provider_id, practice_id)


async def set_schedule(call: Call, practice_id: UUID | None, new: NewSchedule) -> ReportSchedule:
    """Decide when reports are made by themselves and who is told.

    Raises `ReportScheduleError` when it would be nobody, `NotFoundError` for a channel or a member who is not there, and what
    `schedule_for` raises.
    """
    provider_id = call.principal.provider_id
    refuse_limited(call)  # channels and members are the whole provider's
    if practice_id is not None:
        await changeable_practice(call, practice_id)
    await _check_told(call, new)
    found = await queries.schedule_of(call.session, provider_id, practice_id, lock=True)
    if found is None:
        found = ReportSchedule(provider_id=provider_id, practice_id=practice_id)
        call.session.add(found)
    for name in ("enabled", "day", "language", "channel_id", "members"):
        setattr(found, name, getattr(new, name))
    zones = [ZoneInfo(zone) for zone in await queries.zones_of(call.session, provider_id, practice_id)]
    soon = call.now + LOOK_AGAIN
    found.next_at = min(next_due_at(new.day, zones, call.now) or soon, soon) if new.enabled else None
    found.changed_at, found.changed_by = call.now, call.principal.subject
    await call.session.flush()
    call.audit(
        object_id=practice_id or provider_id,
        practice_id=practice_id,
        details={"enabled": new.enabled, "day": new.day, "members": len(new.members), "channel": str(new.channel_id)},
    )
    return found


async def _check_told(call: Call, new: NewSchedule) -> None:
    """Raise unless somebody would be told, and everybody named is there."""
    provider_id = call.principal.provider_id
    if new.enabled and new.channel_id is None and not new.members:
        raise ReportScheduleError
    if new.channel_id is not None:
        channel = select(Channel.id).where(
            Channel.provider_id == provider_id, Channel.id == new.channel_id, Channel.removed_at.is_(None)
        )
        if await call.session.scalar(channel) is None:
            raise NotFoundError
    if new.members:
        members = select(Member.id).where(
            Member.provider_id == provider_id, Member.id.in_(set(new.members)), Member.removed_at.is_(None)
        )
        if set((await call.session.scalars(members)).all()) != set(new.members):
            raise NotFoundError
