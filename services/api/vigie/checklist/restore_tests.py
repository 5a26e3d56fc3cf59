"""Restore tests: what the provider tried, with which result."""

from uuid import UUID
from zoneinfo import ZoneInfo

from vigie.auth.dependencies import Call
from vigie.checklist import record_queries as queries
from vigie.checklist.record_errors import RestoreTestToComeError
from vigie.checklist.record_models import RestoreTest
from vigie.checklist.record_schemas import NewRestoreTest
from vigie.checklist.reopening import settle_told
from vigie.core.errors import NotFoundError
from vigie.core.ids import uuid7
from vigie.events.log import NewEvent
from vigie.posture.assessment import Assessor
from vigie.practices.queries import changeable_practice


async def record_test(call: Call, assessor: Assessor, practice_id: UUID, new: NewRestoreTest) -> RestoreTest:
    """Record a restore that was tried; it is never changed, a mistake is followed by another record.

    Raises `NotFoundError` (for a device of another practice, too), `InsufficientScopeError`, `PracticeArchivedError`,
    `RestoreTestToComeError`.
    """
    queries.refuse_practice_side(call)
    practice = await changeable_practice(call, practice_id, lock=True)
    if new.device_id is not None and not await queries.is_device_of(call.session, practice, new.device_id):
        raise NotFoundError
    if new.tested_on > call.now.astimezone(ZoneInfo(practice.time_zone)).date():
        raise RestoreTestToComeError
    test = RestoreTest(
        provider_id=practice.provider_id,
        id=uuid7(),
        practice_id=practice.id,
        **new.model_dump(),
        recorded_at=call.now,
        recorded_by=call.principal.name or call.principal.subject,
    )
    call.session.add(test)
    await call.session.flush()
    call.audit(object_id=test.id, details={"result": test.result, "tested_on": test.tested_on.isoformat()})
    payload = {
        "restore_test": str(test.id),
        "tested_on": test.tested_on.isoformat(),
        "result": test.result,
        "by": call.principal.subject,
    }
    event = NewEvent(practice.provider_id, "restore_test.recorded", practice.id, test.device_id, call.now, payload)
    await settle_told(call, assessor, practice.provider_id, [practice.id], [event])
    return test
