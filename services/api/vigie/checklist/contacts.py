"""The contacts of a practice's incident card: replacing the list, and confirming that it is right."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete

from vigie.auth.dependencies import Call
from vigie.checklist import record_queries as queries
from vigie.checklist.record_errors import ContactsChangedError, ContactsIncompleteError
from vigie.checklist.record_facts import REQUIRED_CONTACTS, missing_contacts
from vigie.checklist.record_models import IncidentContact
from vigie.checklist.record_schemas import Contact, ContactOut, ContactsOut
from vigie.checklist.reopening import settle_told
from vigie.checklist.suppliers import confirm
from vigie.core.etag import is_named_by, tag_of
from vigie.events.log import NewEvent
from vigie.posture.assessment import Assessor
from vigie.practices.models import Practice
from vigie.practices.queries import changeable_practice


async def card_of(call: Call, practice: Practice) -> ContactsOut:
    """Return the contacts of a practice, and what is missing among them."""
    contacts = await queries.contacts_of(call.session, practice)
    found = await queries.record_of(call.session, practice)
    return ContactsOut(
        contacts=[ContactOut.model_validate(each) for each in contacts],
        required=list(REQUIRED_CONTACTS),
        missing=missing_contacts(contacts),
        confirmed_at=found.contacts_confirmed_at if found else None,
        confirmed_by=found.contacts_confirmed_by if found else None,
    )


async def replace_contacts(
    call: Call, assessor: Assessor, practice_id: UUID, contacts: Sequence[Contact], if_match: str | None
) -> ContactsOut:
    """Replace the whole list. `if_match`: the entity tag of the list the caller read; without, the last word counts.

    When somebody confirmed the list stays as it was: what was entered since is newer than that.
    Raises `NotFoundError`, `PracticeArchivedError`, `ContactsChangedError`.
    """
    practice = await changeable_practice(call, practice_id, lock=True)
    before = await card_of(call, practice)
    if if_match is not None and not is_named_by(tag_of(before), if_match):
        raise ContactsChangedError
    call.audit(object_id=practice.id, details={"contacts": len(contacts)})
    if [ContactOut(**contact.model_dump()) for contact in contacts] == before.contacts:
        return before
    await call.session.execute(
        delete(IncidentContact).where(
            IncidentContact.provider_id == practice.provider_id, IncidentContact.practice_id == practice.id
        )
    )
    key = {"provider_id": practice.provider_id, "practice_id": practice.id}
    call.session.add_all(
        IncidentContact(**key, position=position, **contact.model_dump()) for position, contact in enumerate(contacts)
    )
    await call.session.flush()
    await _settle(call, assessor, practice, "contacts.changed")
    return await card_of(call, practice)


async def confirm_contacts(call: Call, assessor: Assessor, practice_id: UUID) -> ContactsOut:
    """Say that the list is right today. Raises `NotFoundError`, `PracticeArchivedError`, `ContactsIncompleteError`."""
    practice = await changeable_practice(call, practice_id, lock=True)
    missing = missing_contacts(await queries.contacts_of(call.session, practice))
    if missing:
        raise ContactsIncompleteError(missing=missing)
    await confirm(call, practice, "contacts")
    call.audit(object_id=practice.id)
    await _settle(call, assessor, practice, "contacts.confirmed")
    return await card_of(call, practice)


async def _settle(call: Call, assessor: Assessor, practice: Practice, kind: str) -> None:
    event = NewEvent(practice.provider_id, kind, practice.id, None, call.now, {"by": call.principal.subject})
    await settle_told(call, assessor, practice.provider_id, [practice.id], [event])
