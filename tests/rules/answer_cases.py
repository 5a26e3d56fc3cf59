"""Answers of people at every edge of their life: what each is worth, why, and until when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from vigie.posture.rules.answers import Answer, Question, Said, assess_answer
from vigie.posture.rules.model import Finding, State

PARIS = ZoneInfo("Europe/Paris")
SECOND = timedelta(seconds=1)
QUESTION = Question("ANS-1.1", 12)
# Given on 20 January 2026, good through 20 January 2027. In Paris these days begin at 23:00 UTC of the day before.
GIVEN = date(2026, 1, 20)
NOTICE, END, LAPSE = (
    datetime(2026, 12, 21, 23, tzinfo=UTC),
    datetime(2027, 1, 20, 23, tzinfo=UTC),
    datetime(2027, 2, 19, 23, tzinfo=UTC),
)


@dataclass(frozen=True)
class Case:
    """An answer looked at on an instant, and what it is then."""

    name: str
    said: Said | None
    now: datetime
    state: State
    reason: str
    until: datetime | None

    def finding(self) -> Finding:
        """Return what the rule makes of it."""
        return assess_answer(QUESTION, None if self.said is None else answer(self.said), self.now)


def answer(said: Said, effective_on: date = GIVEN, zone: ZoneInfo = PARIS) -> Answer:
    """Return an answer of a practitioner."""
    return Answer("0197", said, "0198", "practitioner", "practice", effective_on, zone)


CASES: tuple[Case, ...] = (
    Case("nobody answered", None, END, "unknown", "not_answered", None),
    Case("yes, at once", "yes", NOTICE - timedelta(days=300), "pass", "answered_yes", NOTICE),
    Case("yes, a second before its notice", "yes", NOTICE - SECOND, "pass", "answered_yes", NOTICE),
    Case("yes, thirty days before its end", "yes", NOTICE, "pass", "answer_expiring", END),
    Case("yes, in the last second", "yes", END - SECOND, "pass", "answer_expiring", END),
    Case("yes, ended", "yes", END, "warn", "answer_expired", LAPSE),
    Case("yes, a second before it lapses", "yes", LAPSE - SECOND, "warn", "answer_expired", LAPSE),
    Case("yes, lapsed", "yes", LAPSE, "unknown", "answer_lapsed", None),
    Case("yes, years later", "yes", LAPSE + timedelta(days=900), "unknown", "answer_lapsed", None),
    Case("no, at once", "no", NOTICE - timedelta(days=300), "fail", "answered_no", None),
    Case("no, years later", "no", LAPSE + timedelta(days=900), "fail", "answered_no", None),
    Case("n/a", "not_applicable", NOTICE - SECOND, "not_applicable", "answered_not_applicable", NOTICE),
    Case("n/a, about to end", "not_applicable", NOTICE, "not_applicable", "answer_expiring", END),
    Case("n/a, in the last second", "not_applicable", END - SECOND, "not_applicable", "answer_expiring", END),
    Case("n/a, ended", "not_applicable", END, "warn", "answer_expired", LAPSE),
    Case("n/a, lapsed", "not_applicable", LAPSE, "unknown", "answer_lapsed", None),
)


def every_answer() -> Iterator[Finding]:
    """Yield what the rule makes of every case."""
    for case in CASES:
        yield case.finding()
