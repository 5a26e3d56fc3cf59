"""Opening, changing and archiving practices, and creating providers."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.dependencies import Call
from vigie.core.errors import AppError
from vigie.core.ids import uuid7
from vigie.events.log import NewEvent
from vigie.practices.models import Practice, Provider
from vigie.practices.queries import get_practice, normalise
from vigie.practices.schemas import NewPractice, PracticePatch


class ReferenceTakenError(AppError):
    """Another practice of the provider has this `external_ref`."""

    status, code = 409, "practice.reference_taken"
    title, title_fr = "Another practice has this reference", "Un autre cabinet porte cette référence"


async def create_provider(session: AsyncSession, provider_id: UUID, name: str, *, now: datetime) -> None:
    """Create a provider; the session is bound to the new id."""
    session.add(Provider(id=provider_id, name=name, created_at=now))
    await session.flush()  # rows that refer to it follow


async def open_practice(call: Call, new: NewPractice) -> tuple[Practice, NewEvent]:
    """Create a practice. The caller makes its posture and records the event, in the same unit of work."""
    ((practice, event),) = await open_practices(call, [new])
    call.audit(object_id=practice.id, practice_id=practice.id)
    return practice, event


async def open_practices(call: Call, all_new: Sequence[NewPractice]) -> list[tuple[Practice, NewEvent]]:
    """Create practices, each with its event. The caller makes their postures and records the events, in the same unit of work.

    Raises `ReferenceTakenError`, and then creates none.
    """
    practices = [
        Practice(
            provider_id=call.principal.provider_id,
            id=uuid7(),
            **new.model_dump(),
            search_text=_search_text(new.name, new.city, new.external_ref),
            created_at=call.now,
            updated_at=call.now,
        )
        for new in all_new
    ]
    call.session.add_all(practices)
    await _flush(call.session)
    return [(each, _event(call, each, "practice.created", {"time_zone": each.time_zone})) for each in practices]


async def change_practice(
    call: Call, practice_id: UUID, patch: PracticePatch
) -> tuple[Practice, NewEvent | None, frozenset[str]]:
    """Change the fields that are present; return the practice, the event, which the caller records, and which fields changed.

    What already is as asked is no change, and no event.
    """
    practice = await get_practice(call, practice_id, lock=True)
    asked = patch.model_dump(include=patch.model_fields_set)
    changed = {name: value for name, value in asked.items() if getattr(practice, name) != value}
    call.audit(details={"fields": sorted(changed)})
    if not changed:
        return practice, None, frozenset()
    for name, value in changed.items():
        setattr(practice, name, value)
    practice.search_text = _search_text(practice.name, practice.city, practice.external_ref)
    practice.updated_at = call.now
    await _flush(call.session)
    told = {"time_zone": practice.time_zone} if "time_zone" in changed else {}
    event = _event(call, practice, "practice.changed", {"fields": sorted(changed), **told})
    return practice, event, frozenset(changed)


async def archive_practice(call: Call, practice_id: UUID) -> NewEvent | None:
    """Archive a practice; return the event, or None when it was archived already.

    The caller turns its devices away, closes its posture and records the event last, in the same unit of work.
    """
    practice = await get_practice(call, practice_id, lock=True)
    if practice.archived_at is not None:
        call.audit(details={"repeated": True})
        return None
    practice.archived_at = practice.updated_at = call.now
    await _flush(call.session)
    return _event(call, practice, "practice.archived", {})


async def known_provider(session: AsyncSession, provider_id: UUID) -> bool:
    """Whether a provider exists."""
    return (await session.scalars(select(Provider.id).where(Provider.id == provider_id))).first() is not None


def _search_text(*parts: str | None) -> str:
    return normalise(" ".join(part for part in parts if part))


async def _flush(session: AsyncSession) -> None:
    try:
        await session.flush()  # so that a conflict is answered here, as a conflict
    except IntegrityError as error:
        if "uq_practice_provider_id_external_ref" in str(error.orig):
            raise ReferenceTakenError from error
        raise


def _event(call: Call, practice: Practice, kind: str, payload: dict[str, object]) -> NewEvent:
    payload = {**payload, "by": call.principal.subject}
    return NewEvent(practice.provider_id, kind, practice.id, None, call.now, payload)
