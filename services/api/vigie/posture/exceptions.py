"""Accepted deviations: granting them, ending them, reading them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, get_args
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, func, select

from vigie.auth.dependencies import Call
from vigie.core.errors import NotFoundError
from vigie.core.ids import uuid7
from vigie.core.pagination import Shape, by_shape, page_of
from vigie.core.sentences import Sentence
from vigie.events.log import NewEvent
from vigie.events.session import record
from vigie.posture import reassessments
from vigie.posture.catalogue import load_catalogue
from vigie.posture.errors import ExceptionControlError, ExceptionPeriodError
from vigie.posture.models import ControlException
from vigie.posture.policy_schemas import ExceptionQuery, NewException
from vigie.posture.rules.device import DEVICE_CONTROLS
from vigie.posture.rules.records import months_after
from vigie.practices.models import Practice, practice_of
from vigie.practices.queries import seen_in, shape_of, visible

LONGEST_MONTHS = 24
Standing = Literal["upcoming", "active", "ended"]
_FILTERS: Final = ("practice_id", "device_id", "control")


def standing_of(row: ControlException, now: datetime) -> Standing:
    """Return how an exception stands at an instant."""
    if row.ended_at is not None or row.ends_at <= now:
        return "ended"
    return "active" if row.starts_at <= now else "upcoming"


def _is(standing: str, now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    over = ControlException.ended_at.is_not(None) | (ControlException.ends_at <= now)
    if standing == "ended":
        return over
    begun = ControlException.starts_at <= now
    return ~over & (begun if standing == "active" else ~begun)


async def grant_exception(call: Call, new: NewException) -> ControlException:
    """Accept a deviation; the practice is judged anew at once, when it begins and when it ends.

    The caller has made sure that the practice is the caller's and the device, if any, the practice's. Raises
    `ExceptionControlError` and `ExceptionPeriodError`.
    """
    known = new.control in (DEVICE_CONTROLS if new.device_id is not None else load_catalogue().controls)
    if not known:
        raise ExceptionControlError
    starts_at = new.starts_at or call.now
    _check_period(starts_at, new.ends_at, call.now)
    asked = new.model_dump(exclude={"starts_at"})
    row = ControlException(
        provider_id=call.principal.provider_id,
        id=uuid7(),
        **asked,
        starts_at=starts_at,
        author_kind=call.principal.kind,
        author_id=call.principal.subject,
        author_name=call.principal.name or call.principal.subject,
        created_at=call.now,
        # What is granted for a month or less needs nobody to be told that it will end soon.
        expiring_told_at=call.now if new.ends_at - reassessments.NOTICE <= call.now else None,
    )
    call.session.add(row)
    await call.session.flush()
    call.audit(object_id=row.id, practice_id=row.practice_id, details=_told(row))
    await _judge_anew(call, row, "exception.created")
    return row


async def end_exception(call: Call, exception_id: UUID) -> None:
    """End an exception now; one that has ended stays as it is. Raises `NotFoundError`."""
    statement = _visible(call).where(ControlException.id == exception_id)
    row = (await call.session.scalars(statement.with_for_update(of=ControlException, key_share=True))).first()
    if row is None:
        raise NotFoundError
    call.audit(practice_id=row.practice_id, details=_told(row))
    if standing_of(row, call.now) == "ended":
        call.audit(details={"repeated": True})
        return
    row.ended_at, row.ended_by, row.end_told_at = call.now, call.principal.name or call.principal.subject, call.now
    await call.session.flush()
    await _judge_anew(call, row, "exception.ended")


@by_shape
def _listed(shape: Shape) -> Select[*tuple[Any, ...]]:
    statement = (
        select(ControlException)
        .join(Practice, practice_of(ControlException))
        .where(
            *seen_in(Practice.provider_id, Practice.id, limited=shape.limited),
            *shape.where(ControlException, *_FILTERS),
        )
    )
    now = bindparam("now", type_=ControlException.ends_at.type)
    standings = [_is(standing, now) for standing in get_args(Standing) if standing in shape.filters]
    return shape.ordered(statement.where(*standings), [ControlException.id], descending=True)


async def list_exceptions(call: Call, query: ExceptionQuery) -> tuple[Sequence[ControlException], str | None]:
    """Return a page of the exceptions of visible practices, latest first."""
    shape, asked = shape_of(call, query, _FILTERS, [UUID])
    statement = _listed(shape._replace(filters=shape.filters | {query.standing}))
    rows = (await call.session.scalars(statement, {**asked, "now": call.now})).all()
    return page_of(rows, query, lambda row: [row.id])


async def count_active(call: Call, practice_id: UUID) -> int:
    """Return how many exceptions of a visible practice hold now."""
    held = _visible(call).where(ControlException.practice_id == practice_id, _is("active", call.now))
    return int((await call.session.scalars(select(func.count()).select_from(held.subquery()))).one())


def _visible(call: Call) -> Select[ControlException]:
    return select(ControlException).join(Practice, practice_of(ControlException)).where(*visible(call.principal))


def _check_period(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    if starts_at < now.replace(microsecond=0):
        raise ExceptionPeriodError(
            Sentence("an exception cannot begin in the past", "Une dérogation ne commence pas dans le passé.")
        )
    if ends_at <= starts_at:
        raise ExceptionPeriodError(
            Sentence("an exception ends after it begins", "Une dérogation finit après son début.")
        )
    if ends_at > months_after(now, LONGEST_MONTHS):
        raise ExceptionPeriodError(
            Sentence(
                f"an exception ends at most {LONGEST_MONTHS} months ahead; it can be granted anew",
                f"Une dérogation finit dans {LONGEST_MONTHS} mois au plus ; elle peut être accordée de nouveau.",
            )
        )


async def _judge_anew(call: Call, row: ControlException, kind: str) -> None:
    await reassessments.ask(call.session, row.provider_id, [row.practice_id], call.now, controls=[row.control])
    payload = {**_told(row), "exception": str(row.id), "by": call.principal.subject}
    await record(
        call.session, [NewEvent(row.provider_id, kind, row.practice_id, row.device_id, call.now, payload)], call.now
    )


def _told(row: ControlException) -> dict[str, Any]:
    return {
        "control": row.control,
        "device": str(row.device_id) if row.device_id is not None else None,
        "ends_at": row.ends_at.isoformat()[:19] + "Z",
    }
