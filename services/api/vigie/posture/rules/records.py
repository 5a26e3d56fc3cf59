"""ANS-9.2 to 9.5 and 10.2: decided by the dated records of a practice, without any device."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from vigie.posture.rules.model import TICK, Finding, Policy, RecordsPolicy
from vigie.posture.rules.reading import stamp, verdict
from vigie.posture.rules.timeline import WORST_FIRST, Timeline, combine, step_at

QuestionnaireControl = Literal["ANS-9.2", "ANS-9.3", "ANS-9.4", "ANS-9.5"]
"""General, installation and maintenance, remote maintenance, remote storage and online service."""

_FOR_EVERY_SUPPLIER: QuestionnaireControl = "ANS-9.2"
_MONTHS = 12
_LISTED = 5


@dataclass(frozen=True, slots=True)
class SupplierAnswers:
    """How one supplier stands with one questionnaire that concerns it.

    ``supplier`` is its id, never its name. ``refused`` counts the answers "no" that still stand, ``planned`` those of them
    that have a dated plan. ``signed_at`` None: not signed, or not even sent.
    """

    supplier: str
    signed_at: datetime | None
    refused: int = 0
    planned: int = 0


@dataclass(frozen=True, slots=True)
class IncidentContacts:
    """The contacts on a practice's incident card: how many are still empty, and when somebody last confirmed them."""

    missing: int
    confirmed_at: datetime | None


def assess_questionnaires(
    control: QuestionnaireControl, answers: Sequence[SupplierAnswers] | None, policy: Policy, now: datetime
) -> Finding:
    """ANS-9.2 to 9.5: every supplier that a questionnaire concerns has signed it, and no "no" is left open.

    Pass: signed at most ``questionnaire_pass_months`` ago, nothing open. Warn: up to ``questionnaire_warn_months``, or open
    answers that all have a dated plan. Fail: unsigned, older, or open without a plan. The worst supplier decides. None:
    nobody listed the suppliers, which is unknown. A list that names none is unknown for the general questionnaire (every
    practice has a supplier) and not applicable for the others.
    """
    bounds = policy.records
    threshold = {
        "pass_months": bounds.questionnaire_pass_months,
        "warn_months": bounds.questionnaire_warn_months,
    }
    evidence: dict[str, Any] = {"suppliers": len(answers) if answers is not None else None}
    if answers is None or (not answers and control == _FOR_EVERY_SUPPLIER):
        return verdict(control, "unknown", "suppliers_not_listed", evidence, threshold)
    if not answers:
        return verdict(control, "not_applicable", "no_supplier_concerned", evidence, threshold)
    timelines = [_standing(answer, bounds) for answer in answers]
    state, reason, until = combine(timelines, now, WORST_FIRST)
    if state != "pass":
        evidence["concerned"] = [
            answer.supplier
            for answer, timeline in zip(answers, timelines, strict=True)
            if step_at(timeline, now)[0] == state
        ][:_LISTED]
    return verdict(control, state, reason, evidence, threshold, until)


def _standing(answer: SupplierAnswers, bounds: RecordsPolicy) -> Timeline:
    if answer.signed_at is None:
        return (("fail", "questionnaire_unsigned", None),)
    if answer.refused > answer.planned:
        return (("fail", "questionnaire_unresolved", None),)
    ages_at = months_after(answer.signed_at, bounds.questionnaire_pass_months) + TICK
    ends_at = months_after(answer.signed_at, bounds.questionnaire_warn_months) + TICK
    if answer.refused:
        return (("warn", "questionnaire_planned", ends_at), ("fail", "questionnaire_expired", None))
    return (
        ("pass", "questionnaires_signed", ages_at),
        ("warn", "questionnaire_ageing", ends_at),
        ("fail", "questionnaire_expired", None),
    )


def assess_incident_contacts(card: IncidentContacts | None, policy: Policy, now: datetime) -> Finding:
    """ANS-10.2: the contacts on the incident card are all there and somebody confirmed them.

    Pass: confirmed at most ``contacts_pass_months`` ago; warn: ``contacts_warn_months``; fail: older, never, or one missing.
    None: the practice has no card, which fails, too.
    """
    control = "ANS-10.2"
    bounds = policy.records
    threshold = {"pass_months": bounds.contacts_pass_months, "warn_months": bounds.contacts_warn_months}
    if card is None:
        return verdict(control, "fail", "card_missing", {"missing": None}, threshold)
    evidence: dict[str, Any] = {"missing": card.missing}
    if card.missing:
        return verdict(control, "fail", "contacts_missing", evidence, threshold)
    if card.confirmed_at is None:
        return verdict(control, "fail", "contacts_unconfirmed", evidence, threshold)
    evidence["confirmed_at"] = stamp(card.confirmed_at)
    timeline: Timeline = (
        ("pass", "contacts_current", months_after(card.confirmed_at, bounds.contacts_pass_months) + TICK),
        ("warn", "contacts_ageing", months_after(card.confirmed_at, bounds.contacts_warn_months) + TICK),
        ("fail", "contacts_expired", None),
    )
    state, reason, until = step_at(timeline, now)
    return verdict(control, state, reason, evidence, threshold, until)


def months_after(moment: datetime, months: int) -> datetime:
    """Return the same day and time ``months`` calendar months later; the last day of a month that is shorter."""
    year, month = divmod(moment.year * _MONTHS + moment.month - 1 + months, _MONTHS)
    try:
        return moment.replace(year=year, month=month + 1)
    except ValueError:
        return moment.replace(year=year, month=month + 1, day=monthrange(year, month + 1)[1])
