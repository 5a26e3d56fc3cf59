"""What a person answered to a control that no telemetry can decide: how long it holds, and what it is worth meanwhile.

A "yes" holds for as many calendar months as the catalogue says. In its last days it is told that it ends; once it has ended it
is worth a warning for a while, and then nothing is known any more: nobody said no. A "no" stands until somebody answers anew.
What does not apply ends like a "yes", or it would be a way out for good.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Literal

from vigie.posture.rules.model import Finding, State
from vigie.posture.rules.reading import verdict
from vigie.posture.rules.reasons import Reason
from vigie.posture.rules.records import months_after
from vigie.posture.rules.timeline import WORST_FIRST, Timeline, step_at

Said = Literal["yes", "no", "not_applicable"]

PER_EVENT_MONTHS = 12
"""Months for which an answer about each event (a visit, a retired machine) holds; our choice, no source gives a number."""


@dataclass(frozen=True, slots=True)
class Question:
    """A control that people answer. ``months``: how long an answer holds, in calendar months.

    ``notice_days``: how long before its end an answer is said to end. ``grace_days``: how long an ended one is still worth a
    warning (domain controls, evaluation conventions: 30 days).
    """

    control: str
    months: int
    notice_days: int = 30
    grace_days: int = 30


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody answered. ``author`` is the id of a member, never a name; ``zone`` is where the practice's days begin."""

    attestation: str
    said: Said
    author: str
    role: str
    side: str
    effective_on: date
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Term:
    """How long an answer holds: through ``last_day``. The instants are those at which its worth changes."""

    last_day: date
    notice_at: datetime
    ends_at: datetime
    lapses_at: datetime


def months_of(every: str) -> int | None:
    """Return how many calendar months an answer holds by the catalogue's ``every``; None where nobody is asked."""
    if every.endswith("m"):
        return int(every[:-1])
    return PER_EVENT_MONTHS if every == "per_event" else None


def term_of(question: Question, effective_on: date, zone: tzinfo) -> Term:
    """Return how long an answer holds: through the same day some months later, as days are counted where the practice is."""
    noon = datetime.combine(effective_on, time(12), UTC)  # only its date is used
    last_day = months_after(noon, question.months).date()
    after = last_day + timedelta(days=1)
    return Term(
        last_day=last_day,
        notice_at=_midnight(after - timedelta(days=question.notice_days), zone),
        ends_at=_midnight(after, zone),
        lapses_at=_midnight(after + timedelta(days=question.grace_days), zone),
    )


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def assess_answer(question: Question, answer: Answer | None, now: datetime) -> Finding:
    """Return the state of an attested control from its latest answer; None: nobody answered.

    The evidence names the answer under ``attestation``: its id, author, role, side, date of effect, the last day on which it
    holds, and ``standing``, the reason as it is by the answer alone.
    """
    threshold = {
        "every_months": question.months,
        "notice_days": question.notice_days,
        "grace_days": question.grace_days,
    }
    if answer is None:
        return verdict(question.control, "unknown", "not_answered", {}, threshold)
    term = term_of(question, answer.effective_on, answer.zone)
    state, reason, until = step_at(_timeline(answer.said, term), now)
    told: dict[str, Any] = {
        "id": answer.attestation,
        "answer": answer.said,
        "author": answer.author,
        "role": answer.role,
        "side": answer.side,
        "effective_on": answer.effective_on.isoformat(),
        "expires_on": None if answer.said == "no" else term.last_day.isoformat(),
        "standing": reason,
    }
    dates = {name: told[name] for name in ("effective_on", "expires_on") if told[name]}
    evidence = {"attestation": told, **dates}
    return verdict(question.control, state, reason, evidence, threshold, until)


def _timeline(said: Said, term: Term) -> Timeline:
    """Return what an answer is worth over time; that it is about to end is a step, too, so that somebody is told."""
    if said == "no":
        return (("fail", "answered_no", None),)
    worth: tuple[State, Reason] = ("pass", "answered_yes")
    if said == "not_applicable":
        worth = ("not_applicable", "answered_not_applicable")
    return (
        (*worth, term.notice_at),
        (worth[0], "answer_expiring", term.ends_at),
        ("warn", "answer_expired", term.lapses_at),
        ("unknown", "answer_lapsed", None),
    )


def worse(answered: Finding, dated: Finding) -> Finding:
    """Return the one finding of a control that a person answers and dated records speak of, too: the worse of both decides.

    The evidence of both is kept: of the answer under ``attestation``, of the records under ``records`` with their state and
    reason. It changes when the first of the two does. When both are the same, the answer's reason is shown.
    """
    answer_decides = WORST_FIRST[answered.state] <= WORST_FIRST[dated.state]
    first, other = (answered, dated) if answer_decides else (dated, answered)
    ends = [until for until in (answered.valid_until, dated.valid_until) if until is not None]
    records = {"state": dated.state, "reason": dated.reason, **dated.evidence}
    return Finding(
        answered.control,
        first.state,
        first.reason,
        {
            **other.evidence,
            **first.evidence,
            "records": records,
        },  # the sentence of a reason is filled by its own finding
        {**other.threshold, **first.threshold},
        min(ends) if ends else None,
    )


def standing_of(evidence: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the id of the answer behind a stored finding and what it was worth by itself; None when there was none."""
    told = evidence.get("attestation")
    return (told["id"], told["standing"]) if told else None
