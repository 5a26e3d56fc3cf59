"""REST routes of alerts, of the ledger of what was not sent, and of the policy of alerting with its rehearsal."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from vigie.alerts import acts, policies, queries
from vigie.alerts.answers import alert_fields, setting_of, suppression_out
from vigie.alerts.errors import (
    AlertAssigneeError,
    AlertClosedError,
    NoDraftError,
    SnoozePeriodError,
    UnknownTargetError,
)
from vigie.alerts.models import AlertingPolicy
from vigie.alerts.policy_schemas import AlertingPolicyIn, AlertingPolicyOut
from vigie.alerts.queries import Seen
from vigie.alerts.rehearsal import Rehearsal, rehearse, what_happened
from vigie.alerts.rehearsal_schemas import (
    Counts,
    RehearsalOut,
    RehearsalQuery,
    RehearsedNote,
    RehearsedPractice,
    RehearseIn,
)
from vigie.alerts.rules.model import Note
from vigie.alerts.rules.rota import on_call_at
from vigie.alerts.schemas import (
    AcknowledgeIn,
    AlertDetail,
    AlertEntryOut,
    AlertOut,
    AlertQuery,
    AlertSummary,
    AssigneeOut,
    AssignIn,
    CommentIn,
    ResolveIn,
    SnoozeIn,
    SuppressionOut,
    SuppressionQuery,
)
from vigie.auth.dependencies import Call, reads, writes
from vigie.auth.errors import InsufficientScopeError, LimitedToPracticesError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core.errors import InvalidRequestError, NotFoundError, language_of, problems
from vigie.core.etag import tagged, tagged_values
from vigie.core.pagination import InvalidCursorError, Page
from vigie.practices.queries import who_may_look_after

router = APIRouter(prefix="/v1", tags=["alerts"], responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.ALERTS_READ)]
Writes = Annotated[Call, writes(Permission.ALERTS_WRITE)]
PolicyReads = Annotated[Call, reads(Permission.POLICIES_READ)]

Rehearses = Annotated[Call, reads(Permission.ALERTS_WRITE)]
PolicyWrites = Annotated[Call, writes(Permission.POLICIES_WRITE)]
_ACTED = problems(NotFoundError, AlertClosedError, InvalidRequestError)
_DECIDED = problems(LimitedToPracticesError, InvalidRequestError, UnknownTargetError)
_MOST_ITEMS = 1_000


async def _detail(request: Request, call: Call, seen: Seen) -> AlertDetail:
    course = await queries.course_of(call, seen.alert)
    lines = [AlertEntryOut(**{name: getattr(each, name) for name in AlertEntryOut.model_fields}) for each in course]
    return AlertDetail(**alert_fields(setting_of(request), seen), time_zone=seen.time_zone, timeline=lines)


@router.get("/alerts", response_model=Page[AlertOut], responses=problems(InvalidCursorError), summary="List alerts")
async def list_alerts(request: Request, call: Reads, query: Annotated[AlertQuery, Query()]) -> Response:
    """List alerts, the worst first; those that are not closed, unless `status` asks for others."""
    rows, following = await queries.list_alerts(call, query)
    setting = setting_of(request)
    items = [alert_fields(setting, seen) for seen in rows]
    return tagged_values(request, {"items": items, "next_cursor": following}, setting.language)


@router.get("/alerts/summary", summary="Count the alerts that wait")
async def summarize_alerts(call: Reads) -> AlertSummary:
    """Count the living alerts of the practices the caller sees: what consoles show in their bar and on their boxes."""
    counted = await queries.count_alerts(call)
    return AlertSummary(**dict(zip(AlertSummary.model_fields, counted, strict=True)))


@router.get(
    "/alerts/{alert_id}", response_model=AlertDetail, responses=problems(NotFoundError), summary="Read an alert"
)
async def read_alert(request: Request, call: Reads, alert_id: UUID) -> Response:
    """Read an alert with what it is about, the events behind it, and its course."""
    return tagged(request, await _detail(request, call, await queries.get_alert(call, alert_id)), language_of(request))


@router.get("/alerts/{alert_id}/assignees", responses=problems(NotFoundError), summary="List who may be given an alert")
async def list_assignees(call: Reads, alert_id: UUID) -> Page[AssigneeOut]:
    """List the owners and technicians who see the practice, by name; there are few, and no further pages."""
    rows = await who_may_look_after(call, (await queries.get_alert(call, alert_id)).alert.practice_id)
    items = [AssigneeOut(member_id=row.id, name=row.name, role=row.role) for row in rows]
    return Page(items=items, next_cursor=None)


@router.post(
    "/alerts/{alert_id}/acknowledge",
    responses=problems(NotFoundError, AlertClosedError, InvalidRequestError, AlertAssigneeError),
    summary="Look after an alert",
)
async def acknowledge_alert(request: Request, call: Writes, alert_id: UUID, asked: AcknowledgeIn) -> AlertDetail:
    """Say that you look after it: nobody else is told. It stays open until what it is about has gone. `take` assigns it to you."""
    return await _detail(request, call, await acts.acknowledge(call, alert_id, asked.comment, take=asked.take))


@router.post(
    "/alerts/{alert_id}/assign",
    responses=problems(NotFoundError, AlertClosedError, InvalidRequestError, AlertAssigneeError),
    summary="Give an alert to somebody",
)
async def assign_alert(request: Request, call: Writes, alert_id: UUID, asked: AssignIn) -> AlertDetail:
    """Give it to an owner or a technician who sees the practice, or (null) to nobody."""
    return await _detail(request, call, await acts.assign(call, alert_id, asked.member_id, asked.comment))


@router.post(
    "/alerts/{alert_id}/snooze",
    responses=problems(NotFoundError, AlertClosedError, InvalidRequestError, SnoozePeriodError),
    summary="Keep an alert silent for a while",
)
async def snooze_alert(request: Request, call: Writes, alert_id: UUID, asked: SnoozeIn) -> AlertDetail:
    """Keep it silent until an instant; if it is not over by then, everybody on the ladder is told as at first."""
    return await _detail(request, call, await acts.snooze(call, alert_id, asked))


@router.post("/alerts/{alert_id}/resolve", responses=_ACTED, summary="Say that nothing is left to do")
async def resolve_alert(request: Request, call: Writes, alert_id: UUID, asked: ResolveIn) -> AlertDetail:
    """Say why nothing is left to do. It closes when what it is about has gone, and reopens when more comes to it."""
    return await _detail(request, call, await acts.resolve(call, alert_id, asked.reason))


@router.post(
    "/alerts/{alert_id}/comment",
    responses=problems(NotFoundError, InvalidRequestError),
    summary="Write about an alert",
)
async def comment_alert(request: Request, call: Writes, alert_id: UUID, asked: CommentIn) -> AlertDetail:
    """Write something into its course."""
    return await _detail(request, call, await acts.comment_on(call, alert_id, asked.comment))


@router.get(
    "/suppressions",
    response_model=Page[SuppressionOut],
    responses=problems(InvalidCursorError),
    summary="List what was not sent",
)
async def list_suppressions(request: Request, call: Reads, query: Annotated[SuppressionQuery, Query()]) -> Response:
    """List the notifications that were held back, latest first, each with why and until when."""
    rows, following = await queries.list_suppressions(call, query)
    setting = setting_of(request)
    items = [suppression_out(setting, row) for row in rows]
    return tagged(request, Page[SuppressionOut](items=items, next_cursor=following), setting.language)


def _policy_out(call: Call, row: AlertingPolicy | None) -> AlertingPolicyOut:
    document = AlertingPolicyIn.model_validate(row.document if row is not None else {})
    policy = document.policy()
    turn = on_call_at(policy.on_call, call.now)
    causes = {
        cause: {
            "severity": each.severity,
            "open_after_min": int(each.open_after.total_seconds() // 60),
            "close_after_min": int(each.close_after.total_seconds() // 60),
            "while_closed": each.while_closed,
            "ignore": sorted(each.ignore),
        }
        for cause, each in policy.causes.items()
    }
    return AlertingPolicyOut(
        revision=row.revision if row is not None else 0,
        status=("draft" if row.status == "draft" else "active") if row is not None else "default",
        document=document.model_dump(mode="json", by_alias=True),
        effective_causes=causes,
        changed_at=row.changed_at if row is not None else None,
        changed_by=row.changed_by if row is not None else None,
        activated_at=row.activated_at if row is not None else None,
        on_call_now=turn.label if turn is not None else None,
    )


@router.get("/alerting-policy", response_model=AlertingPolicyOut, summary="Read the policy of alerting")
async def read_alerting_policy(request: Request, call: PolicyReads) -> Response:
    """Read the policy that applies; with status `default` where nobody has set one."""
    return tagged(request, _policy_out(call, (await queries.policies_of(call)).get("active")))


@router.put("/alerting-policy", responses=_DECIDED, summary="Set the policy of alerting")
async def set_alerting_policy(call: PolicyWrites, new: AlertingPolicyIn) -> AlertingPolicyOut:
    """Put a policy into force. Alerts that are open follow it from now on. `POST …/rehearse` says beforehand what it would send."""
    return _policy_out(call, await policies.put_policy(call, new))


@router.get(
    "/alerting-policy/draft",
    response_model=AlertingPolicyOut,
    responses=problems(NoDraftError),
    summary="Read the draft",
)
async def read_alerting_policy_draft(request: Request, call: PolicyReads) -> Response:
    """Read the draft of the policy of alerting."""
    draft = (await queries.policies_of(call)).get("draft")
    if draft is None:
        raise NoDraftError
    return tagged(request, _policy_out(call, draft))


@router.put("/alerting-policy/draft", responses=_DECIDED, summary="Draft another policy of alerting")
async def draft_alerting_policy(call: PolicyWrites, new: AlertingPolicyIn) -> AlertingPolicyOut:
    """Keep a draft, which changes nothing until it is activated."""
    return _policy_out(call, await policies.draft_policy(call, new))


@router.post(
    "/alerting-policy/activate",
    responses=problems(LimitedToPracticesError, NoDraftError, UnknownTargetError),
    summary="Put the draft into force",
)
async def activate_alerting_policy(call: PolicyWrites) -> AlertingPolicyOut:
    """Put the draft into force; there is none afterwards."""
    return _policy_out(call, await policies.activate_draft(call))


@router.post(
    "/alerting-policy/rehearse",
    responses=problems(InvalidRequestError, NotFoundError, NoDraftError, UnknownTargetError),
    summary="See what a policy would have sent",
)
async def rehearse_alerting_policy(call: Rehearses, asked: RehearseIn) -> RehearsalOut:
    """Replay the stored history of the practices you see under a policy, by the very rules that send, and change nothing."""
    if isinstance(asked.policy, AlertingPolicyIn):
        await policies.refuse_absent(call, asked.policy)
    document = asked.policy if isinstance(asked.policy, AlertingPolicyIn) else await _stored(call, asked.policy)
    return await _tried(call, document, asked.days, asked.practice_id)


@router.get(
    "/alerting-policy/rehearsal",
    responses=problems(InvalidRequestError, NotFoundError, NoDraftError),
    summary="See what the policy in force, or the draft, would have sent",
)
async def read_rehearsal(call: PolicyReads, query: Annotated[RehearsalQuery, Query()]) -> RehearsalOut:
    """Replay the stored history of the practices you see under a stored policy, as `POST …/rehearse` does."""
    return await _tried(call, await _stored(call, query.policy), query.days, query.practice_id)


async def _stored(call: Call, policy: str) -> AlertingPolicyIn:
    row = (await queries.policies_of(call)).get(policy)
    if row is None and policy == "draft":
        raise NoDraftError
    return AlertingPolicyIn.model_validate(row.document if row is not None else {})


async def _tried(call: Call, document: AlertingPolicyIn, days: int, practice_id: UUID | None) -> RehearsalOut:
    outcome = await rehearse(call, document.policy(), days, practice_id)
    return _rehearsal_out(outcome, await what_happened(call, outcome))


def _rehearsal_out(outcome: Rehearsal, really: tuple[int, int]) -> RehearsalOut:
    sent, held, why = outcome.sums()
    notes = sorted(
        ((note, each.practice_id) for each in outcome.practices for note in each.notes),
        key=lambda one: (one[0].at, one[0].key),
    )
    practices = []
    for each in outcome.practices:
        suppressed = sum(note.why is not None for note in each.notes)
        if each.notes:
            counts = {"sent": len(each.notes) - suppressed, "suppressed": suppressed}
            practices.append(RehearsedPractice(practice_id=each.practice_id, name=each.name, **counts))
    return RehearsalOut(
        since=outcome.since,
        until=outcome.until,
        total=Counts(sent=sent.total(), suppressed=held.total()),
        really=Counts(sent=really[0], suppressed=really[1]),
        by_cause={cause: Counts(sent=sent[cause], suppressed=held[cause]) for cause in sorted(sent | held)},
        by_why=dict(sorted(why.items())),
        practices=sorted(practices, key=lambda each: (-each.sent, each.name)),
        items=[_note_out(note, practice_id) for note, practice_id in notes[:_MOST_ITEMS]],
        complete=outcome.complete,
        items_complete=len(notes) <= _MOST_ITEMS,
    )


def _note_out(note: Note, practice_id: UUID) -> RehearsedNote:
    kind, _, target = (note.target or "").partition(":")
    return RehearsedNote(
        at=note.at,
        practice_id=practice_id,
        alert_id=note.alert_id,
        cause=note.data["cause"],
        severity=note.data["severity"],
        kind=note.kind,
        step=note.step,
        channel_id=UUID(target) if kind == "channel" else None,
        member_id=UUID(target) if kind == "member" else None,
        why=note.why,
        until=note.until,
    )
