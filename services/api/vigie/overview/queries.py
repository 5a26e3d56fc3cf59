"""Reads that cross slices. Nothing here is aggregated per row: verdicts are materialised when they change."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Uuid, and_, bindparam, false, func, select

from vigie.auth.dependencies import Call
from vigie.auth.models import Member
from vigie.core.db import PROVIDER
from vigie.core.errors import NotFoundError
from vigie.core.pagination import Shape, by_shape, page_of
from vigie.devices.silence_models import PracticeLine
from vigie.overview.checklist_queries import in_state
from vigie.overview.schemas import PracticeQuery
from vigie.posture.models import Posture
from vigie.posture.queries import posture_of
from vigie.posture.rules.model import State
from vigie.posture.rules.practice import HEADLINES, lights_with
from vigie.practices.models import Practice, PracticeResponsible, practice_of
from vigie.practices.queries import MATCHING, as_caller, seen_in, shape_of, visible_in, words_of

_FILTERS = ("overall", "patch", "backup", "checklist", "liveness")
_COUNTED = ("active", "silent", "never", "pending")
_WORDS: Final[Mapping[str, ColumnElement[Any]]] = {
    "q": MATCHING,
    "unassigned": PracticeResponsible.member_id.is_(None),
    "given": PracticeResponsible.member_id == bindparam("given", type_=Uuid),
}
"""What else the list may be narrowed by."""


class Listed(NamedTuple):
    """A practice of the list with its posture, and who looks after it; `controls` and `answers` where reasons are asked for."""

    practice_id: UUID
    rank: int
    name: str
    city: str | None
    profession: str
    external_ref: str | None
    overall: str
    patch: str
    backup: str
    checklist: str
    score: int | None
    liveness: str
    since: dict[str, str]
    devices: dict[str, int]
    assessed_at: datetime
    member_id: UUID | None
    member_name: str | None
    controls: dict[str, Any] = {}  # noqa: RUF012 - of a tuple, which nobody changes
    answers: dict[str, Any] = {}  # noqa: RUF012 - as above


class Whole(NamedTuple):
    """A practice with its posture (None: archived), the last trouble of its line, and who looks after it."""

    practice: Practice
    posture: Posture | None
    line: PracticeLine | None
    member_id: UUID | None
    member_name: str | None


@cache
def _whole(*, limited: bool) -> Select[*tuple[Any, ...]]:
    """Return the statement of `read_whole`, made once: every page of a practice asks it."""
    latest = (
        select(func.max(PracticeLine.since))
        .where(PracticeLine.provider_id == Practice.provider_id, PracticeLine.practice_id == Practice.id)
        .correlate(Practice)
        .scalar_subquery()
    )
    return (
        select(Practice, Posture, PracticeLine, Member.id, Member.name)
        .outerjoin(Posture, practice_of(Posture))
        .outerjoin(PracticeLine, and_(practice_of(PracticeLine), PracticeLine.since == latest))
        .outerjoin(PracticeResponsible, practice_of(PracticeResponsible))
        .outerjoin(
            Member,
            and_(Member.provider_id == PracticeResponsible.provider_id, Member.id == PracticeResponsible.member_id),
        )
        .where(*seen_in(Practice.provider_id, Practice.id, limited=limited), Practice.id == bindparam("id", type_=Uuid))
    )


async def read_whole(call: Call, practice_id: UUID) -> Whole:
    """Return a visible practice with all that is shown of it, in one statement; raises `NotFoundError` for any other."""
    asked = {**as_caller(call.principal), "id": practice_id}
    row = (await call.session.execute(_whole(limited=call.principal.limited), asked)).first()
    if row is None:
        raise NotFoundError
    whole = Whole(*row)
    call.audit(practice_id=whole.practice.id)
    call.keep("practice", practice_id, whole.practice)
    call.keep("posture", practice_id, whole.posture)
    return whole


async def posture_seen(call: Call, practice: Practice) -> Posture | None:
    """Return the posture of a practice that `get_practice` has shown; found once for the questions of a page. None: archived."""
    found: Posture | None = call.recall("posture", practice.id)
    if found is None:
        found = await posture_of(call.session, practice.provider_id, practice.id)
        call.keep("posture", practice.id, found)
    return found


_LISTED: Final = (
    *(Posture.practice_id, Posture.rank, Practice.name, Practice.city, Practice.profession, Practice.external_ref),
    *(Posture.overall, Posture.patch, Posture.backup, Posture.checklist, Posture.score, Posture.liveness),
    *(Posture.since, Posture.devices, Posture.assessed_at, Member.id, Member.name),
)
_REASONED: Final = (*_LISTED, Posture.controls, Posture.answers)


@cache
def listed(columns: tuple[Any, ...], *, limited: bool) -> Select[*tuple[Any, ...]]:
    """Return the statement over the practices a caller sees, with postures and responsibles: these columns of theirs. Made once.

    It is executed with `as_caller`.
    """
    return (
        select(*columns)
        .select_from(Practice)
        .join(Posture, and_(Posture.provider_id == Practice.provider_id, Posture.practice_id == Practice.id))
        .outerjoin(
            PracticeResponsible,
            and_(
                PracticeResponsible.provider_id == Posture.provider_id,
                PracticeResponsible.practice_id == Posture.practice_id,
            ),
        )
        .outerjoin(
            Member,
            and_(Member.provider_id == PracticeResponsible.provider_id, Member.id == PracticeResponsible.member_id),
        )
        .where(Posture.provider_id == PROVIDER, *seen_in(Practice.provider_id, Practice.id, limited=limited))
    )


@by_shape
def _narrowed(shape: Shape, control: str | None, state: State) -> Select[*tuple[Any, ...]]:
    """Return the statement of `list_practices`. A control is written out: what it implies depends on which one it is."""
    columns = _REASONED if "reasons" in shape.filters else _LISTED
    statement = listed(columns, limited=shape.limited).where(
        *shape.where(Posture, *_FILTERS),
        *(condition for word, condition in _WORDS.items() if word in shape.filters),
    )
    if control is not None:
        statement = statement.where(in_state(control, state), *_implied(control, state))
    return shape.ordered(statement, [Posture.rank, Posture.practice_id])


def _implied(control: str, state: State) -> list[ColumnElement[bool]]:
    """Return what the state of a control says of the light it is behind: an index finds lights, each posture holds its controls.

    A control of which nothing is stored is unknown, but its light does not know of it.
    """
    if state not in {"fail", "warn"}:
        return []
    return [getattr(Posture, light).in_(lights_with(state)) for light, behind in HEADLINES.items() if control in behind]


def looked_after(call: Call, responsible: UUID | str) -> ColumnElement[bool]:
    """Return the condition that a member, the caller (`me`) or nobody (`none`) looks after a practice of `listed`.

    A partner client looks after none.
    """
    if responsible == "none":
        return PracticeResponsible.member_id.is_(None)
    if responsible == "me" and call.principal.kind != "member":
        return false()
    member_id = UUID(call.principal.subject) if responsible == "me" else responsible
    return PracticeResponsible.member_id == member_id


async def list_practices(
    call: Call, query: PracticeQuery, *, reasons: bool = False
) -> tuple[Sequence[Listed], str | None]:
    """Return a page of practices with their postures, worst first; without `reasons` their controls stay unread."""
    shape, asked = shape_of(call, query, _FILTERS, [int, UUID])
    words = {"reasons"} if reasons else set()
    if query.q is not None and (named := words_of(query.q)) is not None:
        words.add("q")
        asked["words"] = named
    if query.responsible is not None:
        words.add("unassigned" if query.responsible == "none" else "given")
        asked["given"] = _own_id(call) if query.responsible == "me" else query.responsible
    statement = _narrowed(shape._replace(filters=shape.filters | words), query.control, query.state)
    rows = [Listed(*row) for row in (await call.session.execute(statement, asked)).all()]
    return page_of(rows, query, lambda row: [row.rank, row.practice_id])


def _own_id(call: Call) -> UUID | None:
    """Return the id of a member who calls; a partner client looks after nothing."""
    return UUID(call.principal.subject) if call.principal.kind == "member" else None


async def count_lights(call: Call) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return how many practices, and how many of their devices, there are per combination of lights (at most 1,024 rows).

    One pass over the postures, which hold the counts of devices: practices that are archived have none.
    """
    lights = [getattr(Posture, name) for name in _FILTERS]
    devices = [func.sum(Posture.devices[name].as_integer()) for name in _COUNTED]
    statement = (
        select(*lights, func.count(), *devices)
        .where(*visible_in(call.principal, Posture.provider_id, Posture.practice_id))
        .group_by(*lights)
    )
    return (await call.session.execute(statement)).all()


@cache
def _given(*, limited: bool) -> Select[int, int]:
    """Return the statement of `count_responsibles`, made once: the fleet and both pages of gaps ask it."""
    own = PracticeResponsible.member_id == bindparam("me", type_=Uuid)
    seen = seen_in(PracticeResponsible.provider_id, PracticeResponsible.practice_id, limited=limited)
    return (
        select(func.count(), func.count().filter(own))
        .select_from(PracticeResponsible)
        .join(Practice, practice_of(PracticeResponsible))
        .where(*seen, Practice.archived_at.is_(None))
    )


async def count_responsibles(call: Call) -> tuple[int, int]:
    """Return how many practices somebody looks after, and how many of these the caller."""
    asked = {**as_caller(call.principal), "me": _own_id(call)}
    given, own = (await call.session.execute(_given(limited=call.principal.limited), asked)).one()
    return given, own
