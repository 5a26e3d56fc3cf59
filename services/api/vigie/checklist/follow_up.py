"""Actions: what has to be done because somebody answered "no", by which side, by when. The next "yes" closes them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from vigie.auth.dependencies import Call
from vigie.checklist import queries
from vigie.checklist.asking import check_reason, day_of, known_control, names_of, side_of, zone_of
from vigie.checklist.errors import ActionOpenError, ActionOwnerError, WrongSideError
from vigie.checklist.models import Action, Attestation
from vigie.checklist.schemas import ActionPatch
from vigie.core.ids import uuid7
from vigie.events.log import NewEvent
from vigie.events.session import record

ESSENTIAL_DAYS: Final = 14
OTHER_DAYS: Final = 60
"""How long an action may take unless somebody says otherwise; our choice: an essential point endangers the practice by itself."""


async def follow(call: Call, answers: Sequence[Attestation], zones: Mapping[UUID, str]) -> list[NewEvent]:
    """Open an action for each "no" that has none, close the open ones of every other answer; return the events.

    The answers are to one control, one per practice; the caller holds the postures of the practices locked.
    """
    if not answers:
        return []
    control = answers[0].control
    open_ones = {
        action.practice_id: action
        for action in await queries.open_actions(
            call.session, call.principal.provider_id, [answer.practice_id for answer in answers], names_of(control)
        )
    }
    events = []
    for answer in answers:
        action = open_ones.get(answer.practice_id)
        if answer.answer == "no" and action is None:
            action = _opened(call, answer, zones[answer.practice_id])
            call.session.add(action)
            events.append(_event(call, action, "action.opened", {"due_on": action.due_on.isoformat()}))
        elif answer.answer != "no" and action is not None:
            _close(call, action, "done")
            events.append(_event(call, action, "action.closed", {"status": "done", "answer": str(answer.id)}))
    await call.session.flush()
    return events


def _opened(call: Call, answer: Attestation, zone: str) -> Action:
    entry = known_control(answer.control)
    days = ESSENTIAL_DAYS if entry.essential else OTHER_DAYS
    return Action(
        provider_id=answer.provider_id,
        id=uuid7(),
        practice_id=answer.practice_id,
        control=answer.control,
        attestation_id=answer.id,
        party=next((party for party in entry.responsible if party != "supplier"), entry.kind),
        due_on=day_of(call.now, zone_of(zone)) + timedelta(days=days),
        status="open",
        opened_at=call.now,
        changed_at=call.now,
    )


async def change_action(call: Call, action_id: UUID, patch: ActionPatch) -> Action:
    """Change owner, due date, status or comment of an action; what already is as asked is no change.

    The practice changes its own actions, the provider those of both. Closing one by hand does not answer the control: it still
    says "no". Raises `NotFoundError`, `WrongSideError`, `ReasonRequiredError` (dropped without a comment), `ActionOwnerError`,
    `ActionOpenError`.
    """
    action = await queries.get_action(call, action_id, lock=True)
    if side_of(call.principal) == "practice" and action.party != "practice":
        raise WrongSideError
    asked = patch.model_dump(exclude_unset=True)
    changed = {name: value for name, value in asked.items() if getattr(action, name) != value}
    call.audit(practice_id=action.practice_id, details={"fields": sorted(changed)})
    if not changed:
        return action
    await _check_owner(call, action, changed.get("member_id"))
    if changed.get("status") == "dropped":
        check_reason(asked.get("comment", action.comment))
    if status := changed.pop("status", None):
        if status == "open":
            action.status, action.closed_at, action.closed_by = status, None, None
        else:
            _close(call, action, status)
        changed["status"] = status
    for name, value in changed.items():
        setattr(action, name, value)
    action.changed_at = call.now
    try:
        await call.session.flush()
    except IntegrityError as error:
        if "uq_action_open" in str(error.orig):
            raise ActionOpenError from error
        raise
    event = _event(call, action, "action.changed", {"fields": sorted(changed), "status": action.status})
    await record(call.session, [event], call.now)
    return action


async def _check_owner(call: Call, action: Action, member_id: UUID | None) -> None:
    """Raise `ActionOwnerError` unless somebody belongs to the party of an action and sees its practice."""
    if member_id is None:
        return
    seen = await queries.sees_practice(call.session, action.provider_id, member_id, action.practice_id)
    if seen != action.party:
        raise ActionOwnerError


def _close(call: Call, action: Action, status: str) -> None:
    action.status, action.closed_at = status, call.now
    action.closed_by, action.changed_at = call.principal.name or call.principal.subject, call.now


def _event(call: Call, action: Action, kind: str, more: dict[str, Any]) -> NewEvent:
    payload = {"action": str(action.id), "control": action.control, "by": call.principal.subject, **more}
    return NewEvent(action.provider_id, kind, action.practice_id, None, call.now, payload)
