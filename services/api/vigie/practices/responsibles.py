"""Who of the provider looks after a practice."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.dependencies import Call
from vigie.events.log import NewEvent
from vigie.practices.errors import ResponsibleError
from vigie.practices.models import PracticeResponsible
from vigie.practices.queries import changeable_practice, may_look_after, responsible_of
from vigie.practices.schemas import ResponsibleOut


async def give_practice(
    call: Call, practice_id: UUID, member_id: UUID | None
) -> tuple[ResponsibleOut | None, NewEvent | None]:
    """Give a practice to a member, or (None) to nobody; return who has it now, and the event, which the caller records.

    Raises `ResponsibleError` unless the member is an owner or a technician who sees the practice. What already is as asked is
    no change.
    """
    practice = await changeable_practice(call, practice_id, lock=True)
    before = await responsible_of(call, practice.id)
    call.audit(details={"member_id": str(member_id) if member_id else None})
    if member_id == (before.id if before else None):
        return before, None
    key = {"provider_id": practice.provider_id, "practice_id": practice.id}
    if member_id is None:
        await call.session.execute(
            delete(PracticeResponsible).where(
                PracticeResponsible.provider_id == practice.provider_id, PracticeResponsible.practice_id == practice.id
            )
        )
    elif not await may_look_after(call, member_id, practice.id):
        raise ResponsibleError
    else:
        said = {"member_id": member_id, "since": call.now}
        written = insert(PracticeResponsible).values(**key, **said)
        await call.session.execute(
            written.on_conflict_do_update(index_elements=["provider_id", "practice_id"], set_=said)
        )
    payload = {"fields": ["responsible"], "by": call.principal.subject}
    changed = NewEvent(practice.provider_id, "practice.changed", practice.id, None, call.now, payload)
    return await responsible_of(call, practice.id), changed


async def release_practices(
    session: AsyncSession, provider_id: UUID, member_id: UUID, *, but: Collection[UUID] = ()
) -> None:
    """Take from a member the practices they look after, but those named: they have gone, or no longer see the others."""
    taken = delete(PracticeResponsible).where(
        PracticeResponsible.provider_id == provider_id, PracticeResponsible.member_id == member_id
    )
    await session.execute(taken.where(PracticeResponsible.practice_id.not_in(but)) if but else taken)
