"""What people say reaches the questionnaires that rest on it at once: a draft shows it, and what was signed is re-opened.

Use cases in which somebody tells something of a practice (an answer, a contract, a certificate, a restore that was tried) end with
`settle_told` instead of `settling.settle`. Devices and the passing of time do not: what they change is taken in when a person
refreshes the questionnaire (docs/adr/0024).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import cast
from uuid import UUID

from vigie.auth.dependencies import Call
from vigie.checklist import questionnaire_queries as queries
from vigie.checklist.filling import take_evidence, tell
from vigie.checklist.prefill import Observation, Origin, PreAnswer, Standing, pre_answer
from vigie.checklist.questionnaire_content import standings_of, template_of
from vigie.checklist.questionnaire_models import Questionnaire, QuestionnaireAnswer
from vigie.checklist.settling import settle
from vigie.events.log import NewEvent
from vigie.posture.assessment import Assessor
from vigie.posture.rules.model import State


async def settle_told(
    call: Call, assessor: Assessor, provider_id: UUID, practice_ids: Collection[UUID], events: Sequence[NewEvent]
) -> None:
    """Settle practices of which somebody has told something, and take it into their questionnaires: the end of a unit of work.

    Whoever has to hold the postures before calls `questionnaire_queries.hold_questionnaires` first: that is the order of locks.
    """
    held = await queries.hold_questionnaires(call.session, provider_id, practice_ids)
    turned = await settle(call.session, assessor, provider_id, sorted(practice_ids), call.now, events=events)
    await tell(call, assessor, provider_id, await _take_in(call, provider_id, held, turned))


async def _take_in(
    call: Call, provider_id: UUID, held: Iterable[Questionnaire], turned: Mapping[UUID, frozenset[str]]
) -> list[NewEvent]:
    """Write what turned into the questionnaires that ask for it; return the events of those that are re-opened."""
    concerned = {
        row.id: (row, controls)
        for row in held
        if (controls := turned.get(row.practice_id, frozenset()).intersection(template_of(row).questionnaire.controls))
    }
    if not concerned:
        return []
    answers = await queries.answers_of(call.session, provider_id, list(concerned))
    practices = {row.practice_id for row, _ in concerned.values()}
    asked = frozenset[str]().union(*(controls for _, controls in concerned.values()))
    observed = await queries.observations_of(call.session, provider_id, practices, asked)
    events = []
    for row, controls in concerned.values():
        now = [each for each in observed.get(row.practice_id, ()) if each.control in controls]
        _, reopened = take_evidence(call, row, answers[row.id], _fresh(call, row, answers[row.id], controls, now))
        events += reopened
    return events


def _fresh(
    call: Call,
    questionnaire: Questionnaire,
    answers: Mapping[str, QuestionnaireAnswer],
    controls: frozenset[str],
    observed: Sequence[Observation],
) -> dict[str, PreAnswer]:
    """Return the pre-answers of the questions that ask for some controls, from what was shown and these as they are now.

    What else was shown stays as it was: a device that has drifted since a signature is not what somebody has just told.
    """
    now = standings_of(observed, call.now)
    found = {}
    for question in template_of(questionnaire).questionnaire.questions:
        if controls.intersection((*question.answered_by, *question.denied_by)):
            known = {**_shown(answers[question.id]), **now}
            found[question.id] = pre_answer(question.answered_by, question.denied_by, known)
    return found


def _shown(answer: QuestionnaireAnswer) -> dict[str, Standing]:
    """Return how controls stood when the evidence of an answer was looked at."""
    return {
        each["control"]: Standing(cast("State", each["state"]), each, cast("Origin", each["source"]))
        for each in answer.evidence
    }
