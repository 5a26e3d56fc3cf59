"""The policy of alerting: reading it, drafting another, putting one into force."""

from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from vigie.alerts.errors import NoDraftError, UnknownTargetError
from vigie.alerts.models import AlertingPolicy
from vigie.alerts.policy_schemas import AlertingPolicyIn
from vigie.alerts.queries import absent_targets, policies_of
from vigie.auth.dependencies import Call
from vigie.events.log import NewEvent
from vigie.events.session import record
from vigie.practices.queries import refuse_limited

DRAFT = 0
"""The draft is revision 0; what is put into force gets the next number."""


async def draft_policy(call: Call, new: AlertingPolicyIn) -> AlertingPolicy:
    """Store a draft, which nobody is alerted by. Raises `LimitedToPracticesError`, `UnknownTargetError`."""
    await _check(call, new)
    values = {
        "document": _document(new),
        "changed_at": call.now,
        "changed_by": call.principal.name or call.principal.subject,
    }
    statement = insert(AlertingPolicy).values(
        provider_id=call.principal.provider_id, revision=DRAFT, status="draft", activated_at=None, **values
    )
    await call.session.execute(statement.on_conflict_do_update(index_elements=["provider_id", "revision"], set_=values))
    _audit(call, DRAFT)
    return (await policies_of(call))["draft"]


async def put_policy(call: Call, new: AlertingPolicyIn) -> AlertingPolicy:
    """Put a policy into force. What already is as asked is no change. Raises as `draft_policy` does."""
    await _check(call, new)
    standing = (await policies_of(call)).get("active")
    if standing is not None and standing.document == _document(new):
        call.audit(details={"repeated": True})
        return standing
    return await _activate(call, _document(new))


async def activate_draft(call: Call) -> AlertingPolicy:
    """Put the draft into force. Raises `NoDraftError` beside what `draft_policy` does."""
    refuse_limited(call)
    draft = (await policies_of(call)).get("draft")
    if draft is None:
        raise NoDraftError
    await _check(call, AlertingPolicyIn.model_validate(draft.document))
    made = await _activate(call, draft.document)
    await call.session.execute(
        delete(AlertingPolicy).where(
            AlertingPolicy.provider_id == call.principal.provider_id, AlertingPolicy.revision == DRAFT
        )
    )
    return made


async def _activate(call: Call, document: dict[str, object]) -> AlertingPolicy:
    """Write the next revision. The event is recorded first: the head of the log lets one in at a time."""
    provider_id = call.principal.provider_id
    last = select(func.max(AlertingPolicy.revision)).where(AlertingPolicy.provider_id == provider_id)
    await _lock(call)
    revision = ((await call.session.scalars(last)).one() or 0) + 1
    await call.session.execute(
        update(AlertingPolicy)
        .where(AlertingPolicy.provider_id == provider_id, AlertingPolicy.status == "active")
        .values(status="superseded")
    )
    row = AlertingPolicy(
        provider_id=provider_id,
        revision=revision,
        status="active",
        document=document,
        changed_at=call.now,
        changed_by=call.principal.name or call.principal.subject,
        activated_at=call.now,
    )
    call.session.add(row)
    await call.session.flush()
    _audit(call, revision)
    payload = {"revision": revision, "by": call.principal.subject}
    event = NewEvent(provider_id, "alerting_policy.activated", None, None, call.now, payload)
    await record(call.session, [event], call.now)
    return row


async def _lock(call: Call) -> None:
    """Let one change of the policy through at a time, also where there is none yet."""
    key = f"alerting_policy {call.principal.provider_id}"
    await call.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


async def _check(call: Call, new: AlertingPolicyIn) -> None:
    refuse_limited(call)
    await refuse_absent(call, new)


async def refuse_absent(call: Call, new: AlertingPolicyIn) -> None:
    """Raise `UnknownTargetError` when a policy names channels or members that the provider does not have."""
    absent = await absent_targets(call, new.channels_named(), new.members_named())
    if absent:
        raise UnknownTargetError(missing=len(absent))


def _document(new: AlertingPolicyIn) -> dict[str, object]:
    found: dict[str, object] = new.model_dump(mode="json", by_alias=True)
    return found


def _audit(call: Call, revision: int) -> None:
    call.audit(
        object_kind="alerting_policy", object_id=UUID(str(call.principal.provider_id)), details={"revision": revision}
    )
