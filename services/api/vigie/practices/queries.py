"""The one place where a caller becomes a set of practices: every query about a practice starts here."""

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, SQLColumnExpression, Text, and_, bindparam, func, or_, select

from vigie.auth.dependencies import Call
from vigie.auth.errors import LimitedToPracticesError
from vigie.auth.models import Member, MemberPractice
from vigie.auth.principal import ALL_PRACTICES, Principal
from vigie.core.db import PROVIDER
from vigie.core.errors import NotFoundError
from vigie.core.pagination import PageQuery, Shape, keyset, page_of, place_of
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.models import Practice, PracticeResponsible, practice_of
from vigie.practices.schemas import ResponsibleOut

_MOST_MEMBERS: Final = 500
MATCHING: Final = Practice.search.op("@@")(func.to_tsquery("simple", bindparam("words", type_=Text)))
"""The condition on a practice that it is named so, of a statement made once; `words` are those of `words_of`."""


def visible(principal: Principal) -> list[ColumnElement[bool]]:
    """Return the conditions under which a practice is visible to a caller: the first lock on tenancy."""
    conditions: list[ColumnElement[bool]] = [Practice.provider_id == principal.provider_id]
    if principal.practices != ALL_PRACTICES:
        conditions.append(Practice.id.in_(principal.practices))
    return conditions


def visible_in(
    principal: Principal, provider_id: SQLColumnExpression[UUID], practice_id: SQLColumnExpression[UUID]
) -> list[ColumnElement[bool]]:
    """Return the conditions of `visible` on a table whose rows name their practice: counting needs no look at practices."""
    conditions: list[ColumnElement[bool]] = [provider_id == principal.provider_id]
    if principal.practices != ALL_PRACTICES:
        conditions.append(practice_id.in_(principal.practices))
    return conditions


def seen_in(
    provider_id: SQLColumnExpression[UUID], practice_id: SQLColumnExpression[UUID | None], *, limited: bool
) -> list[ColumnElement[bool]]:
    """Return the conditions of `visible_in` for a statement that is made once, for callers who are `limited` or are not.

    It is executed with `as_caller`, which has no practices for one who is not: then the other statement does not run at all.
    """
    conditions: list[ColumnElement[bool]] = [provider_id == PROVIDER]
    if limited:
        conditions.append(practice_id.in_(bindparam("practices", expanding=True)))
    return conditions


def as_caller(principal: Principal) -> dict[str, Any]:
    """Return what a statement with the conditions of `seen_in` is executed with."""
    who: dict[str, Any] = {"provider": principal.provider_id}
    return who if principal.practices == ALL_PRACTICES else {**who, "practices": list(principal.practices)}


def shape_of(
    call: Call, query: PageQuery, names: Sequence[str], kinds: Sequence[Callable[[Any], Any]]
) -> tuple[Shape, dict[str, Any]]:
    """Return the shape of a list that a caller asks for, and what its statement is executed with.

    `names`: of the filters. `kinds`: of the parts of the cursor, for `decode_cursor`.
    """
    filters = {name: value for name in names if (value := getattr(query, name)) is not None}
    shape = Shape(call.principal.limited, query.cursor is not None, frozenset(filters))
    return shape, {**as_caller(call.principal), **filters, **place_of(query, kinds)}


def visible_practices(principal: Principal) -> Select[Practice]:
    """Return the statement over the practices visible to a caller."""
    return select(Practice).where(*visible(principal))


def refuse_limited(call: Call) -> None:
    """Raise `LimitedToPracticesError` unless the caller sees every practice: first of all in what concerns the whole provider."""
    if call.principal.limited:
        raise LimitedToPracticesError


async def get_practice(call: Call, practice_id: UUID, *, lock: bool = False) -> Practice:
    """Return a visible practice; raises `NotFoundError` for what does not exist or belongs to somebody else."""
    known: Practice | None = None if lock else call.recall("practice", practice_id)
    if known is not None:
        call.audit(practice_id=known.id)
        return known
    statement = visible_practices(call.principal).where(Practice.id == practice_id)
    # Not the strongest lock: rows that refer to the practice are being inserted while somebody changes it.
    locked = statement.with_for_update(key_share=True)
    found = (await call.session.scalars(locked if lock else statement)).first()
    if found is None:
        raise NotFoundError
    call.audit(practice_id=found.id)
    call.keep("practice", practice_id, found)
    return found


async def changeable_practice(call: Call, practice_id: UUID, *, lock: bool = False) -> Practice:
    """Return a visible practice to which something may be added; raises `PracticeArchivedError` beside what `get_practice` does."""
    practice = await get_practice(call, practice_id, lock=lock)
    if practice.archived_at is not None:
        raise PracticeArchivedError
    return practice


async def responsible_of(call: Call, practice_id: UUID) -> ResponsibleOut | None:
    """Return who looks after a practice that `get_practice` has shown."""
    found = await call.session.execute(
        select(Member.id, Member.name)
        .join(
            PracticeResponsible,
            and_(PracticeResponsible.provider_id == Member.provider_id, PracticeResponsible.member_id == Member.id),
        )
        .where(Member.provider_id == call.principal.provider_id, PracticeResponsible.practice_id == practice_id)
    )
    row = found.first()
    return ResponsibleOut(id=row.id, name=row.name) if row is not None else None


async def list_responsibles(call: Call, query: PageQuery) -> tuple[Sequence[Row[UUID, str]], str | None]:
    """Return a page of the members who may look after a practice that the caller sees, in the order in which they joined."""
    sees = or_(
        ~Member.limited,
        select(MemberPractice.practice_id)
        .join(Practice, practice_of(MemberPractice))
        .where(
            *visible(call.principal),
            MemberPractice.provider_id == Member.provider_id,
            MemberPractice.member_id == Member.id,
        )
        .exists(),
    )
    statement = select(Member.id, Member.name).where(
        Member.provider_id == call.principal.provider_id,
        Member.removed_at.is_(None),
        Member.role.in_(("owner", "technician")),
        sees,
    )
    rows = (await call.session.execute(keyset(statement, query, [Member.id], [UUID]))).all()
    return page_of(rows, query, lambda row: (row.id,))


async def may_look_after(call: Call, member_id: UUID, practice_id: UUID) -> bool:
    """Whether a member is an owner or a technician of the provider, and sees a practice."""
    statement = select(Member.id).where(*_looking_after(call, practice_id), Member.id == member_id)
    return (await call.session.scalars(statement)).first() is not None


async def who_may_look_after(call: Call, practice_id: UUID) -> Sequence[Row[UUID, str, str]]:
    """Return id, name and role of those who may look after a practice, by name; the caller has made sure that it is theirs."""
    statement = select(Member.id, Member.name, Member.role).where(*_looking_after(call, practice_id))
    return (await call.session.execute(statement.order_by(Member.name, Member.id).limit(_MOST_MEMBERS))).all()


def _looking_after(call: Call, practice_id: UUID) -> Sequence[ColumnElement[bool]]:
    """Return the conditions of an owner or a technician of the provider who sees a practice."""
    sees = or_(
        ~Member.limited,
        select(MemberPractice.practice_id)
        .where(
            MemberPractice.provider_id == Member.provider_id,
            MemberPractice.member_id == Member.id,
            MemberPractice.practice_id == practice_id,
        )
        .exists(),
    )
    return (
        Member.provider_id == call.principal.provider_id,
        Member.removed_at.is_(None),
        Member.role.in_(("owner", "technician")),
        sees,
    )


def normalise(text: str) -> str:
    """Return a text as it is searched: lower case, without accents, apart from letters and digits only spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c)).split())


def matching(text: str) -> ColumnElement[Any] | None:
    """Return the condition that every word of `text` begins a word of the practice; None when there is no word."""
    words = words_of(text)
    return Practice.search.op("@@")(func.to_tsquery("simple", words)) if words is not None else None


def words_of(text: str) -> str | None:
    """Return what `MATCHING` takes as `words`: every word begins a word of the practice; None when there is no word."""
    return " & ".join(f"{word}:*" for word in normalise(text).split()) or None


async def taken_references(call: Call, references: Sequence[str]) -> set[str]:
    """Return which references practices of the caller's provider have already, the archived ones included."""
    found = await call.session.scalars(
        select(Practice.external_ref).where(
            Practice.provider_id == call.principal.provider_id, Practice.external_ref.in_(references)
        )
    )
    return {reference for reference in found if reference is not None}


async def named_alike(call: Call, names: Sequence[str]) -> set[str]:
    """Return which names practices of the caller have already, in small letters."""
    wanted = [name.lower() for name in names]
    found = await call.session.scalars(
        select(func.lower(Practice.name)).where(
            *visible(call.principal), Practice.archived_at.is_(None), func.lower(Practice.name).in_(wanted)
        )
    )
    return set(found)
