"""Maintenance windows: announcing work, calling it off."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from vigie.alerts.errors import WindowPeriodError
from vigie.alerts.models import MaintenanceWindow
from vigie.alerts.queries import visible_windows
from vigie.alerts.schemas import NewWindow
from vigie.auth.dependencies import Call
from vigie.core.errors import NotFoundError
from vigie.core.ids import uuid7
from vigie.core.sentences import Sentence
from vigie.events.log import NewEvent
from vigie.events.session import record
from vigie.practices.queries import refuse_limited

LONGEST: Final = timedelta(days=90)


async def announce(call: Call, new: NewWindow) -> MaintenanceWindow:
    """Announce work. The caller has made sure that the practice is the caller's and the device, if any, the practice's.

    Raises `LimitedToPracticesError` for a window of the whole provider, `WindowPeriodError`.
    """
    if new.practice_id is None:
        refuse_limited(call)
    if new.starts_at is not None and new.ends_at is not None:
        if new.ends_at <= new.starts_at or new.ends_at <= call.now:
            raise WindowPeriodError(
                Sentence(
                    "a window ends after it begins, in the future",
                    "Une fenêtre finit après son début, et dans l'avenir.",
                )
            )
        if new.ends_at - new.starts_at > LONGEST:
            raise WindowPeriodError(
                Sentence(
                    f"a window lasts at most {LONGEST.days} days", f"Une fenêtre dure au plus {LONGEST.days} jours."
                )
            )
    row = MaintenanceWindow(
        provider_id=call.principal.provider_id,
        id=uuid7(),
        **new.model_dump(exclude={"weekly"}),
        weekly=new.weekly.model_dump(mode="json", by_alias=True) if new.weekly is not None else None,
        author_kind=call.principal.kind,
        author_id=call.principal.subject,
        author_name=call.principal.name or call.principal.subject,
        created_at=call.now,
    )
    call.session.add(row)
    await call.session.flush()
    call.audit(object_id=row.id, practice_id=row.practice_id, details={"device": str(row.device_id or "")})
    await _tell(call, row, "maintenance_window.created")
    return row


async def call_off(call: Call, window_id: UUID) -> None:
    """End a window now; what it held back is looked at anew. Raises `NotFoundError`, and `LimitedToPracticesError`."""
    statement = visible_windows(call).where(MaintenanceWindow.id == window_id)
    row = (await call.session.scalars(statement.with_for_update(of=MaintenanceWindow, key_share=True))).first()
    if row is None:
        raise NotFoundError
    if row.practice_id is None:
        refuse_limited(call)
    call.audit(practice_id=row.practice_id)
    if row.cancelled_at is not None or (row.ends_at is not None and row.ends_at <= call.now):
        call.audit(details={"repeated": True})
        return
    row.cancelled_at, row.cancelled_by = call.now, call.principal.name or call.principal.subject
    await call.session.flush()
    await _tell(call, row, "maintenance_window.ended")


async def _tell(call: Call, row: MaintenanceWindow, kind: str) -> None:
    payload = {"window": str(row.id), "by": call.principal.subject}
    event = NewEvent(row.provider_id, kind, row.practice_id, row.device_id, call.now, payload)
    await record(call.session, [event], call.now)
