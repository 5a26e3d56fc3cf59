"""The lists that a member has saved for themselves."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from vigie.auth.dependencies import Call
from vigie.core.errors import NotFoundError
from vigie.core.ids import uuid7
from vigie.people.errors import PeopleOnlyError, TooManyViewsError
from vigie.people.models import SavedView
from vigie.people.schemas import NewView

_MOST: Final = 30


def _member_id(call: Call) -> UUID:
    if call.principal.session_id is None:
        raise PeopleOnlyError
    return UUID(call.principal.subject)


async def views_of(call: Call) -> Sequence[SavedView]:
    """Return the lists the caller has saved, by name; raises `PeopleOnlyError`."""
    rows = await call.session.scalars(
        select(SavedView)
        .where(SavedView.provider_id == call.principal.provider_id, SavedView.member_id == _member_id(call))
        .order_by(func.lower(SavedView.name), SavedView.id)
    )
    return rows.all()


async def keep(call: Call, new: NewView) -> SavedView:
    """Save a list under its name, in the place of one that had this name; raises `TooManyViewsError`, `PeopleOnlyError`."""
    member_id, provider_id = _member_id(call), call.principal.provider_id
    own = await views_of(call)
    if len(own) >= _MOST and new.name not in {view.name for view in own}:
        raise TooManyViewsError
    written = insert(SavedView).values(
        provider_id=provider_id,
        id=uuid7(),
        member_id=member_id,
        name=new.name,
        query=new.query,
        created_at=call.now,
    )
    kept = await call.session.execute(
        written.on_conflict_do_update(
            index_elements=["provider_id", "member_id", "name"], set_={"query": new.query}
        ).returning(SavedView)
    )
    view = kept.scalar_one()
    call.audit(object_kind="saved_view", object_id=view.id)
    return view


async def remove(call: Call, view_id: UUID) -> None:
    """Remove one of the caller's lists; raises `NotFoundError` for any other, and `PeopleOnlyError`."""
    member_id = _member_id(call)
    gone = await call.session.execute(
        delete(SavedView)
        .where(
            SavedView.provider_id == call.principal.provider_id,
            SavedView.member_id == member_id,
            SavedView.id == view_id,
        )
        .returning(SavedView.id)
    )
    if gone.first() is None:
        raise NotFoundError
    call.audit(object_kind="saved_view", object_id=view_id)
