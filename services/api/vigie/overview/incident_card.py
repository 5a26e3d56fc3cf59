"""The incident card of a practice, gathered from its contacts, its backups and the steps, and set on paper."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import vigie.incidents
from vigie.auth.dependencies import Call
from vigie.checklist.contacts import card_of
from vigie.core.typesetting import typeset
from vigie.incidents.card import Card, Contact, Copy, Step, on_paper
from vigie.incidents.catalogue import load_steps
from vigie.overview.incident_queries import backups_of, own_line
from vigie.people.queries import names_of
from vigie.practices.models import Practice

TEMPLATE: Final = Path(vigie.incidents.__path__[0]) / "paper" / "card.typ"


async def card_pdf(call: Call, practice: Practice) -> bytes:
    """Return the card of a practice as a PDF of one page. The unit of work stays open meanwhile: it reads, and locks nothing."""
    return await typeset(TEMPLATE, on_paper(await gather_card(call, practice)), now=call.now)


async def gather_card(call: Call, practice: Practice) -> Card:
    """Return what is known today of a practice that has to stand on its card."""
    session, provider_id = call.session, practice.provider_id
    told = await card_of(call, practice)
    names = await names_of(session, provider_id, practice.id)
    edition = load_steps().get()
    return Card(
        practice=practice.name,
        city=practice.city,
        provider=names.provider if names else "",
        emergency_phone=await own_line(session, provider_id),
        zone=practice.time_zone,
        as_of=call.now,
        contacts=[Contact(each.kind, each.name, each.phone, each.email, each.policy_number) for each in told.contacts],
        missing=told.missing,
        confirmed_at=told.confirmed_at,
        copies=copies_of(await backups_of(session, provider_id, practice.id), call.now),
        steps=[
            Step(step.title.fr, step.detail.fr, step.when.fr, step.who, step.clock is not None)
            for step in edition.steps
        ],
        edition=edition.version,
    )


def copies_of(backups: Sequence[tuple[str, Mapping[str, Any]]], now: datetime) -> list[Copy]:
    """Return the jobs of backup sections, each with its device, whose last success is known and not of the future."""
    found = []
    for alias, body in backups:
        for job in (body.get("data") or {}).get("jobs") or ():
            succeeded = _instant(job.get("last_ok_at"))
            if succeeded is not None and succeeded <= now:
                found.append(Copy(alias, str(job.get("target")), job.get("immutable") == "yes", succeeded))
    return found


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if isinstance(text, str) else None
