"""What people do with alerts: acknowledge, assign, snooze, resolve, comment.

Each act is an event of the log and an input of the engine. The engine is run for the practice in the same unit of work, so the
answer shows what follows; the worker, when it comes to the event, finds that the practice knows it already.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from vigie.alerts import follow_statements as sql
from vigie.alerts.engine_run import Run, meet_practices, run_engine
from vigie.alerts.errors import AlertAssigneeError, AlertClosedError, SnoozePeriodError
from vigie.alerts.models import Alert, AlertEntry
from vigie.alerts.queries import Seen, get_alert
from vigie.alerts.schemas import SnoozeIn
from vigie.auth.dependencies import Call
from vigie.core.clock import wire_time
from vigie.core.ids import uuid7
from vigie.events.log import NewEvent
from vigie.events.session import driver_connection, record
from vigie.practices.queries import may_look_after

LONGEST_SNOOZE: Final = timedelta(days=90)


async def acknowledge(call: Call, alert_id: UUID, comment: str | None, *, take: bool = False) -> Seen:
    """Say that somebody looks after an alert: nobody else is told. `take`: it is given to whoever says so.

    Raises `NotFoundError`, `AlertClosedError`, and with `take` `AlertAssigneeError` for whom it cannot be given to.
    """
    alert = await _living(call, alert_id)
    taker = await _taker(call, alert) if take else alert.assignee_id
    done = alert.status == "acknowledged" and comment is None
    if done and taker == alert.assignee_id:
        call.audit(details={"repeated": True})
        return await get_alert(call, alert_id)
    seen = await get_alert(call, alert_id) if done else await _act(call, alert, "alert.acknowledged", {}, comment)
    if taker != seen.alert.assignee_id:
        seen = await _act(call, seen.alert, "alert.assigned", {"assignee": str(taker)}, None)
    return seen


async def _taker(call: Call, alert: Alert) -> UUID:
    """Return the member who is calling; raises `AlertAssigneeError`."""
    member_id = UUID(call.principal.subject) if call.principal.kind == "member" else None
    if member_id is None or not await may_look_after(call, member_id, alert.practice_id):
        raise AlertAssigneeError
    return member_id


async def assign(call: Call, alert_id: UUID, member_id: UUID | None, comment: str | None) -> Seen:
    """Give an alert to a member, or to nobody. Raises `AlertAssigneeError` beside what `acknowledge` does."""
    alert = await _living(call, alert_id)
    if member_id is not None and not await may_look_after(call, member_id, alert.practice_id):
        raise AlertAssigneeError
    if alert.assignee_id == member_id and comment is None:
        call.audit(details={"repeated": True})
        return await get_alert(call, alert_id)
    assignee = str(member_id) if member_id is not None else None
    return await _act(call, alert, "alert.assigned", {"assignee": assignee}, comment)


async def snooze(call: Call, alert_id: UUID, asked: SnoozeIn) -> Seen:
    """Keep an alert silent until an instant. Raises `SnoozePeriodError` beside what `acknowledge` does."""
    if not call.now < asked.until <= call.now + LONGEST_SNOOZE:
        raise SnoozePeriodError
    alert = await _living(call, alert_id)
    return await _act(call, alert, "alert.snoozed", {"until": wire_time(asked.until)}, asked.comment)


async def resolve(call: Call, alert_id: UUID, reason: str) -> Seen:
    """Say that nothing is left to do; the alert closes when what it is about has gone, and reopens when more comes to it."""
    return await _act(call, await _living(call, alert_id), "alert.resolved", {}, reason)


async def comment_on(call: Call, alert_id: UUID, comment: str) -> Seen:
    """Write something into the course of an alert, be it closed or not."""
    alert = (await get_alert(call, alert_id)).alert
    await _catch_up(call, alert.practice_id)
    return await _act(call, alert, "alert.commented", {}, comment)


async def _living(call: Call, alert_id: UUID) -> Alert:
    """Return an alert as it is now, nothing left to be taken in; raises `AlertClosedError`."""
    alert = (await get_alert(call, alert_id)).alert
    await _catch_up(call, alert.practice_id)
    alert = (await get_alert(call, alert_id)).alert
    if alert.status == "closed":
        raise AlertClosedError
    return alert


async def _act(call: Call, alert: Alert, kind: str, more: dict[str, Any], comment: str | None) -> Seen:
    by = call.principal.subject
    payload = {"alert_id": str(alert.id), "cause": alert.cause, "severity": alert.severity, "by": by, **more}
    await record(
        call.session, [NewEvent(alert.provider_id, kind, alert.practice_id, None, call.now, payload)], call.now
    )
    number = await _catch_up(call, alert.practice_id)
    call.session.add(
        AlertEntry(
            provider_id=alert.provider_id,
            alert_id=alert.id,
            id=uuid7(),
            at=call.now,
            kind=kind.partition(".")[2],
            number=number,
            by=by,
            by_name=(call.principal.name or by)[:160],
            comment=comment,
            detail=more,
        )
    )
    await call.session.flush()  # the answer reads it
    call.audit(object_kind="alert", object_id=alert.id, practice_id=alert.practice_id, details={"cause": alert.cause})
    return await get_alert(call, alert.id)


async def _catch_up(call: Call, practice_id: UUID) -> int:
    """Run the engine for one practice up to the end of the log, holding its state; return the last number."""
    connection = await driver_connection(call.session)
    provider_id = call.principal.provider_id
    head: int = await connection.fetchval(sql.HEAD, provider_id) or 0
    run = Run(provider_id, call.now, call.now, head)
    await meet_practices(connection, run, [practice_id])
    await run_engine(connection, run, {practice_id: None})
    return head
