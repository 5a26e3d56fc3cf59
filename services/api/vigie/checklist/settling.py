"""The seam of the checklist: whoever changes what is judged of a practice itself calls `settle` at the end of its unit of work.

Facts come from three sides: the answers of people, dated records (suppliers, contracts, contacts, restore tests) and supplier
questionnaires. Each side is a `Source`; a module that holds one must not import this one. What the sides say of the same control
is one finding, the worse of both (`posture.rules.answers.worse`). Only what differs from what is stored is written.

A control that nobody answered has no finding: the checklist counts it as unknown all the same (docs/adr/0023).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Final, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from vigie.checklist import queries, questionnaires, records
from vigie.checklist.asking import question_of, zone_of
from vigie.checklist.models import Attestation
from vigie.core.clock import wire_time
from vigie.events.log import NewEvent
from vigie.events.session import driver_connection, record
from vigie.posture.assessment import Assessor, Moves, PracticeChange
from vigie.posture.catalogue import current_id
from vigie.posture.rules.answers import Answer, Said, assess_answer, standing_of, worse
from vigie.posture.rules.device import DEVICE_CONTROLS
from vigie.posture.rules.model import Finding

Findings = Mapping[UUID, Sequence[Finding]]
Source = Callable[[AsyncSession, UUID, Sequence[UUID], datetime], Awaitable[Findings]]
"""`findings_of(session, provider_id, practice_ids, now)`: what one side of the facts says of practices, by practice."""

SOURCES: Final[tuple[Source, ...]] = (records.findings_of, questionnaires.findings_of)
"""Beside the answers of people, which are read here."""

_TOLD: Final = {"answer_expiring": "attestation.expiring", "answer_expired": "attestation.expired"}


async def settle(
    session: AsyncSession,
    assessor: Assessor,
    provider_id: UUID,
    practice_ids: Sequence[UUID],
    now: datetime,
    *,
    events: Sequence[NewEvent] = (),
    happened_at: datetime | None = None,
) -> dict[UUID, frozenset[str]]:
    """Judge practices by all that people and records say of them, bring their lights and scores up to date, and record the events.

    Returns, by practice, the controls that are in another state than was stored.

    The end of a unit of work: postures are locked here (if the caller has not), then event heads. `events` are the caller's own,
    recorded first. `happened_at`: the instant as of which to judge, when that is not now. An archived practice has no posture
    and is left alone; so is whatever does not differ from what is stored.
    """
    at = happened_at or now
    practices = await queries.lock_postures(session, provider_id, practice_ids)
    await session.flush()
    judged = await _judge(session, provider_id, practices, at)
    stored = await queries.own_findings(session, provider_id, practices)
    changes, told, turned = [], list(events), {}
    for practice in practices:
        before = stored.get(practice, {})
        findings = [*judged.get(practice, ()), *_withdrawn(judged.get(practice, ()), before)]
        differing = [found for found in findings if not _is_stored(found, before.get(found.control))]
        if differing:
            # Counts of devices stay as they are, unless a finding of the practice is counted among those of devices.
            moves: Moves | None = None if any(found.control in DEVICE_CONTROLS for found in differing) else {}
            changes.append(PracticeChange(provider_id, practice, at, moves=moves, answers=differing))
            told += _notices(provider_id, practice, differing, before, at)
            turned[practice] = frozenset(found.control for found in differing if _turns(found, before))
    connection = await driver_connection(session)
    settled, _ = await assessor.settle_practices(connection, changes, now)
    await queries.set_deadlines(
        session, provider_id, practices, await queries.next_changes(session, provider_id, practices)
    )
    await record(session, [*told, *settled], now)
    return turned


async def settle_new(
    session: AsyncSession,
    assessor: Assessor,
    provider_id: UUID,
    practices: Sequence[UUID],
    now: datetime,
    *,
    events: Sequence[NewEvent],
) -> None:
    """Judge practices that were opened in this unit of work, as `settle` would: of them nothing has been said, and nobody is asked.

    What is missing, such as the incident card, is told from the first day on. None of that changes by itself: no deadline is set.
    """
    connection = await driver_connection(session)
    terms = await assessor.terms_of(connection, {(provider_id, practice): now for practice in practices})
    changes = []
    for practice in practices:
        policy = terms[provider_id, practice].policy
        findings = [*records.nothing_recorded(policy, now), *questionnaires.nothing_signed(policy, now)]
        changes.append(PracticeChange(provider_id, practice, now, moves={}, answers=findings))
    settled, _ = await assessor.settle_practices(connection, changes, now, terms)
    await record(session, [*events, *settled], now)


async def _judge(
    session: AsyncSession, provider_id: UUID, practices: Sequence[UUID], at: datetime
) -> dict[UUID, list[Finding]]:
    """Return what is known of practices themselves at an instant, one finding per control."""
    zones = await queries.zones_of(session, provider_id, practices)
    found: dict[UUID, dict[str, Finding]] = {practice: {} for practice in practices}
    for row in await queries.current_answers(session, provider_id, practices):
        # An answer counts for the control that took the place of the one it was given to, in a later version of the catalogue.
        control = current_id(row.control, row.catalogue_version)
        question = question_of(control) if control is not None else None
        if question is not None:  # of two that have become one control, the later answer counts
            answer = answer_of(row, zone_of(zones[row.practice_id]))
            found[row.practice_id][question.control] = assess_answer(question, answer, at)
    for source in SOURCES:
        for practice, findings in (await source(session, provider_id, practices, at)).items():
            for dated in findings:
                found[practice][dated.control] = _together(found[practice].get(dated.control), dated, at)
    return {practice: list(by_control.values()) for practice, by_control in found.items()}


def _together(answered: Finding | None, dated: Finding, at: datetime) -> Finding:
    """Return the finding of a control of which records speak: with the answer, if it is one that people answer."""
    if answered is None:
        question = question_of(dated.control)
        if question is None:
            return dated
        answered = assess_answer(question, None, at)
    return worse(answered, dated)


def _withdrawn(judged: Sequence[Finding], before: Mapping[str, queries.Judged]) -> list[Finding]:
    """Return what is to be stored of controls of which nobody says anything any more, such as a contract taken back."""
    known = {found.control for found in judged}
    return [Finding(control, "unknown", "not_answered", {}, {}, None) for control in before if control not in known]


def _is_stored(found: Finding, stored: queries.Judged | None) -> bool:
    return stored is not None and (
        (stored.state, stored.reason, stored.valid_until) == (found.state, found.reason, found.valid_until)
        and stored.evidence == found.evidence
        and stored.threshold == found.threshold
    )


def _turns(found: Finding, before: Mapping[str, queries.Judged]) -> bool:
    stored = before.get(found.control)
    return stored is None or stored.state != found.state


def _notices(
    provider_id: UUID, practice: UUID, findings: Sequence[Finding], before: Mapping[str, queries.Judged], at: datetime
) -> list[NewEvent]:
    """Return an event for each answer that has come near its end, or to it, since the practice was last judged."""
    told = []
    for found in findings:
        standing = standing_of(found.evidence)
        if standing is None or standing[1] not in _TOLD:
            continue
        stored = before.get(found.control)
        if stored is not None and standing_of(stored.evidence) == standing:
            continue
        payload = {
            "control": found.control,
            "attestation": standing[0],
            "expires_on": found.evidence["attestation"]["expires_on"],
            "at": wire_time(at),
        }
        told.append(NewEvent(provider_id, _TOLD[standing[1]], practice, None, at, payload))
    return told


def answer_of(row: Attestation, zone: tzinfo) -> Answer:
    """Return a stored answer as the rules read it."""
    return Answer(
        attestation=str(row.id),
        said=cast("Said", row.answer),
        author=str(row.member_id),
        role=row.author_role,
        side=row.side,
        effective_on=row.effective_on,
        zone=zone,
    )
