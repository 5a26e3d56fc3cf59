"""Own thresholds of a provider and its practices: reading what applies, changing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.dependencies import Call
from vigie.core.errors import InvalidRequestError
from vigie.core.pagination import PageQuery, keyset, page_of
from vigie.core.sentences import Sentence, fault
from vigie.events.log import NewEvent
from vigie.events.session import record
from vigie.posture import reassessments
from vigie.posture.catalogue import load_catalogue
from vigie.posture.errors import PolicyContradictoryError, PolicyOutOfBoundsError
from vigie.posture.models import OwnPolicy, Posture
from vigie.posture.rules.bounds import BOUNDS, excesses, values_of
from vigie.posture.rules.device import DEVICE_CONTROLS
from vigie.posture.rules.model import Policy, PolicyError
from vigie.posture.terms import merged
from vigie.practices.models import Practice, practice_of
from vigie.practices.queries import changeable_practice, refuse_limited, visible

Thresholds = Mapping[str, Mapping[str, Any]]
_NAMED = 20
_DEFAULTS = values_of(Policy())
_EVERY_REPORT = "freshness."  # the age of a report weighs on every control of its device


@dataclass(frozen=True, slots=True)
class Change:
    """Thresholds as they are, and as they are asked to be; of a practice, or (None) of the provider.

    `beneath`: what the practice's are laid over. `above`: the own thresholds of practices, which are laid over the provider's.
    """

    practice_id: UUID | None
    before: Thresholds
    after: Thresholds
    beneath: Thresholds
    above: Mapping[UUID, Thresholds]

    def policies_of(self, practice_id: UUID) -> tuple[Policy, Policy]:
        """Return the policy of a practice before and after."""
        if self.practice_id is not None:
            layers = [(self.beneath, own) for own in (self.before, self.after)]
        else:
            layers = [(ours, self.above.get(practice_id, {})) for ours in (self.before, self.after)]
        before, after = (Policy.from_mapping(merged(*each)) for each in layers)
        return before, after

    def told(self) -> list[dict[str, Any]]:
        """Return every threshold that changes, from what to what; None: not set."""
        return [
            {"family": family, "key": key, "from": was, "to": becomes}
            for family, key in sorted({(f, k) for own in (self.before, self.after) for f in own for k in own[f]})
            if (was := self.before.get(family, {}).get(key)) != (becomes := self.after.get(family, {}).get(key))
        ]


def concerned(change: Change) -> frozenset[str]:
    """Return the controls, of devices or of practices, that changed thresholds may turn: those whose rule reads one of them."""
    keys = {f"{one['family']}.{one['key']}" for one in change.told()}
    found = {control.id for control in load_catalogue().controls.values() if keys.intersection(control.thresholds)}
    return frozenset(found | DEVICE_CONTROLS.keys() if any(key.startswith(_EVERY_REPORT) for key in keys) else found)


async def prepare(call: Call, practice_id: UUID | None, thresholds: Thresholds) -> Change:
    """Return a change that could be made; refuses what nobody may ask or what could not be applied.

    Raises `LimitedToPracticesError`, `NotFoundError`, `PracticeArchivedError`, `InvalidRequestError`, `PolicyOutOfBoundsError`,
    `PolicyContradictoryError`.
    """
    if practice_id is None:
        refuse_limited(call)
    else:
        await changeable_practice(call, practice_id)
    thresholds = {family: dict(values) for family, values in thresholds.items() if values}
    _check(thresholds)
    provider_id = call.principal.provider_id
    own = await _own(call.session, provider_id, None if practice_id is None else [provider_id, practice_id])
    beneath = own.pop(provider_id, {})
    if practice_id is not None:
        change = Change(practice_id, own.get(practice_id, {}), thresholds, beneath, {})
    else:
        change = Change(None, beneath, thresholds, {}, own)
    _check_together(change)
    return change


async def change_policy(call: Call, practice_id: UUID | None, thresholds: Thresholds) -> Change:
    """Replace the own thresholds of a practice, or of the provider (None); the practices concerned are judged anew.

    What already is as asked is no change, and no event. Refuses as `prepare` does.
    """
    await _lock(call)
    change = await prepare(call, practice_id, thresholds)
    told = change.told()
    call.audit(
        object_kind="policy",
        object_id=practice_id or call.principal.provider_id,
        details={"changed": [f"{one['family']}.{one['key']}: {one['from']} → {one['to']}" for one in told]},
    )
    if not told:
        return change
    await _store(call, change)
    practices = [practice_id] if practice_id is not None else await practices_judged(call)
    await reassessments.ask(call.session, call.principal.provider_id, practices, call.now, controls=concerned(change))
    payload = {"changed": told, "by": call.principal.subject}
    event = NewEvent(call.principal.provider_id, "policy.changed", practice_id, None, call.now, payload)
    await record(call.session, [event], call.now)
    return change


async def own_policies(
    call: Call, query: PageQuery, practice_id: UUID | None
) -> tuple[OwnPolicy | None, Sequence[OwnPolicy], str | None]:
    """Return the provider's own thresholds, and a page of those of the practices that the caller sees."""
    provider_id = call.principal.provider_id
    ours = select(OwnPolicy).where(OwnPolicy.provider_id == provider_id, OwnPolicy.practice_id.is_(None))
    provider = (await call.session.scalars(ours)).first()
    statement = select(OwnPolicy).join(Practice, practice_of(OwnPolicy)).where(*visible(call.principal))
    if practice_id is not None:
        statement = statement.where(OwnPolicy.practice_id == practice_id)
    rows = (await call.session.scalars(keyset(statement, query, [OwnPolicy.subject_id], [UUID]))).all()
    items, following = page_of(rows, query, lambda row: [row.subject_id])
    return provider, items, following


async def practices_judged(call: Call) -> list[UUID]:
    """Return the visible practices that have a verdict, in the order of their ids."""
    statement = select(Posture.practice_id).join(Practice, practice_of(Posture)).where(*visible(call.principal))
    return list((await call.session.scalars(statement.order_by(Posture.practice_id))).all())


def _is_known(family: str, key: str, value: object) -> bool:
    """Whether there is such a threshold, and it is set by a number or by a list, as this value is."""
    return key in BOUNDS.get(family, {}) and isinstance(value, int) is isinstance(_DEFAULTS[family][key], int)


def _check(thresholds: Thresholds) -> None:
    unknown = [
        fault(
            f"/body/thresholds/{family}/{key}",
            "no such threshold, or not such a value",
            "Ce seuil n'existe pas, ou ne prend pas une telle valeur.",
        )
        for family, values in thresholds.items()
        for key, value in values.items()
        if not _is_known(family, key, value)
    ]
    if unknown:
        raise InvalidRequestError(errors=unknown[:_NAMED])
    outside = excesses(thresholds)
    if outside:
        raise PolicyOutOfBoundsError(errors=[one._asdict() for one in outside[:_NAMED]])


def _check_together(change: Change) -> None:
    """Refuse thresholds in the wrong order, also where the own ones of practices are laid over them."""
    try:
        Policy.from_mapping(merged(change.beneath, change.after))
    except PolicyError as error:
        raise PolicyContradictoryError(error.sentence, practices=[]) from error
    contradicted = []
    for practice_id, own in sorted(change.above.items()):
        try:
            Policy.from_mapping(merged(change.after, own))
        except PolicyError:
            contradicted.append(str(practice_id))
    if contradicted:
        reason = Sentence(
            "practices have thresholds of their own that these contradict",
            "Des cabinets ont des seuils à eux que ceux-ci contredisent.",
        )
        raise PolicyContradictoryError(reason, practices=contradicted[:_NAMED])


async def _lock(call: Call) -> None:
    """Lock the provider's own row, made where there is none: changes at any level are checked one after the other."""
    provider_id = call.principal.provider_id
    key = {"provider_id": provider_id, "practice_id": None}
    first = {"thresholds": {}, "revision": 0, "changed_at": call.now, "changed_by": call.principal.subject}
    statement = insert(OwnPolicy).values(**key, **first)
    await call.session.execute(statement.on_conflict_do_nothing(index_elements=["provider_id", "subject_id"]))
    await call.session.execute(
        select(OwnPolicy.revision)
        .where(OwnPolicy.provider_id == provider_id, OwnPolicy.practice_id.is_(None))
        .with_for_update(key_share=True)
    )


async def _own(session: AsyncSession, provider_id: UUID, subjects: Sequence[UUID] | None) -> dict[UUID, Thresholds]:
    """Return own thresholds by subject; of all practices with any when no subjects are named."""
    statement = select(OwnPolicy.subject_id, OwnPolicy.thresholds).where(OwnPolicy.provider_id == provider_id)
    if subjects is not None:
        statement = statement.where(OwnPolicy.subject_id.in_(subjects))
    return {row.subject_id: row.thresholds for row in await session.execute(statement)}


async def _store(call: Call, change: Change) -> None:
    values = {
        "thresholds": change.after,
        "changed_at": call.now,
        "changed_by": call.principal.name or call.principal.subject,
    }
    key = {"provider_id": call.principal.provider_id, "practice_id": change.practice_id}
    statement = insert(OwnPolicy).values(**key, **values, revision=1)
    await call.session.execute(
        statement.on_conflict_do_update(
            index_elements=["provider_id", "subject_id"], set_={**values, "revision": OwnPolicy.revision + 1}
        )
    )
