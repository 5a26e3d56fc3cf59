"""What is known of an incident, gathered for the drafts of its declarations."""

from collections.abc import Sequence
from datetime import datetime

from vigie.auth.dependencies import Call
from vigie.checklist.record_models import IncidentContact
from vigie.checklist.record_queries import contacts_of
from vigie.incidents import queries
from vigie.incidents.catalogue import load_steps
from vigie.incidents.drafts import NOTICE, Known, Line, write_drafts
from vigie.incidents.models import IncidentNotice
from vigie.incidents.queries import Seen
from vigie.incidents.schemas import DraftOut, DraftsOut
from vigie.incidents.showing import entry_out
from vigie.people.queries import names_of
from vigie.posture.queries import posture_of


async def drafts_of(call: Call, seen: Seen) -> DraftsOut:
    """Return the drafts of an incident's declarations."""
    items = [DraftOut(**draft._asdict()) for draft in write_drafts(await _known(call, seen))]
    return DraftsOut(incident_id=seen.incident.id, as_of=call.now, language="fr", notice=NOTICE, items=items)


async def _known(call: Call, seen: Seen) -> Known:
    incident, practice = seen
    session, provider_id = call.session, incident.provider_id
    course = (await queries.courses_of(session, provider_id, [incident.id]))[incident.id]
    names = await names_of(session, provider_id, practice.id)
    posture = await posture_of(session, provider_id, practice.id)
    evidence = await queries.evidence_of(session, incident)
    contacts = await contacts_of(session, practice)
    helper, insurer = first_of(contacts, "it_provider"), first_of(contacts, "insurer")
    edition = load_steps().get(incident.edition)
    story = [entry_out(entry, edition, "fr") for entry in await queries.log_of(session, incident)]
    return Known(
        practice=practice.name,
        city=practice.city,
        siret=practice.siret,
        finess=practice.finess,
        provider=names.provider if names else "",
        provider_phone=helper.phone if helper else None,
        zone=practice.time_zone,
        kind=incident.kind,
        description=incident.description,
        known_at=incident.known_at,
        declared_by=incident.declared_by_name,
        machines=posture.devices.get("active") if posture else None,
        insurer=insurer.name if insurer else None,
        policy_number=insurer.policy_number if insurer else None,
        complaint=_done(course.notices.get("complaint")),
        cnil=_done(course.notices.get("cnil")),
        frozen=evidence.sha256.hex() if evidence else None,
        story=[Line(entry.at, entry.says) for entry in story],
    )


def first_of(contacts: Sequence[IncidentContact], kind: str) -> IncidentContact | None:
    """Return the first contact of a kind, one who can be telephoned if there is."""
    of_kind = [contact for contact in contacts if contact.kind == kind]
    return next((contact for contact in of_kind if contact.phone), of_kind[0] if of_kind else None)


def _done(notice: IncidentNotice | None) -> tuple[datetime, str | None] | None:
    return (notice.at, notice.reference) if notice is not None and notice.outcome == "done" else None
