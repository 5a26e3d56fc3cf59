"""Freezing the evidence of an incident: gathered, packed, signed, kept once; the audit's entry names its SHA-256."""

import asyncio
import hashlib
from functools import partial
from uuid import UUID

from vigie.audit.details import digest_text
from vigie.auth.dependencies import Call
from vigie.auth.signing_keys import SigningKeys
from vigie.auth.tokens import sign_document
from vigie.incidents import queries, service
from vigie.incidents.bundle import FORMAT, About, Part, seal
from vigie.incidents.queries import Seen
from vigie.incidents.rules import window_of
from vigie.overview.incident_queries import Subject, gather

KIND = FORMAT.partition("/")[0]
"""Of the signed manifest, as its header says it."""


async def freeze_incident(call: Call, incident_id: UUID, keys: SigningKeys) -> Seen:
    """Freeze the evidence of an incident; twice is as good as once, the first archive stays.

    Raises `NotFoundError`, `PracticeArchivedError`, `IncidentClosedError`. The incident stays locked while its archive is made.
    """
    seen = await service.open_incident(call, incident_id)
    incident = seen.incident
    kept = await queries.evidence_of(call.session, incident)
    if kept is not None:
        call.audit(details={"repeated": True, "sha256": digest_text(kept.sha256)})
        return seen
    from_at, until_at = window_of(incident.known_at, call.now)
    subject = Subject(incident.provider_id, incident.practice_id, from_at, until_at)
    about = About(
        provider_id=incident.provider_id,
        practice_id=incident.practice_id,
        incident_id=incident.id,
        kind=incident.kind,
        known_at=incident.known_at,
        from_at=from_at,
        until_at=until_at,
        frozen_at=call.now,
    )
    parts = await gather(call.session, subject)
    archive = await asyncio.to_thread(_archive, about, parts, keys)
    await service.keep_archive(call, seen, archive)
    call.audit(details={"sha256": digest_text(archive.sha256), "size": len(archive.content)})
    return seen


def _archive(about: About, parts: list[Part], keys: SigningKeys) -> service.Archive:
    content = seal(about, parts, partial(sign_document, keys, KIND))
    return service.Archive(
        from_at=about.from_at,
        until_at=about.until_at,
        lines={part.name: len(part.lines) for part in parts},
        complete=all(part.complete for part in parts),
        content=content,
        sha256=hashlib.sha256(content).digest(),
    )
