"""Answers of people: every edge of their life, calendar months, and what they are together with dated records."""

from datetime import UTC, date, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from tests.rules.answer_cases import CASES, END, GIVEN, LAPSE, NOTICE, PARIS, QUESTION, SECOND, Case, answer
from vigie.posture.catalogue import load_catalogue
from vigie.posture.rules.answers import (
    PER_EVENT_MONTHS,
    Question,
    assess_answer,
    months_of,
    standing_of,
    term_of,
    worse,
)
from vigie.posture.rules.model import Finding, State
from vigie.posture.rules.timeline import WORST_FIRST


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_an_answer_is_worth(case: Case) -> None:
    found = case.finding()
    assert (found.state, found.reason, found.valid_until) == (case.state, case.reason, case.until)


@pytest.mark.parametrize("case", [case for case in CASES if case.until is not None], ids=lambda case: case.name)
def test_a_verdict_holds_exactly_until_it_says(case: Case) -> None:
    assert case.until is not None
    said = case.said
    assert said is not None
    at_the_end = assess_answer(QUESTION, answer(said), case.until - SECOND)
    after = assess_answer(QUESTION, answer(said), case.until)
    assert (at_the_end.state, at_the_end.reason) == (case.state, case.reason)
    assert (after.state, after.reason) != (case.state, case.reason)


def test_the_evidence_names_the_answer_and_no_person() -> None:
    found = assess_answer(QUESTION, answer("yes"), NOTICE)
    assert found.evidence == {
        "attestation": {
            "id": "0197",
            "answer": "yes",
            "author": "0198",
            "role": "practitioner",
            "side": "practice",
            "effective_on": "2026-01-20",
            "expires_on": "2027-01-20",
            "standing": "answer_expiring",
        },
        "effective_on": "2026-01-20",
        "expires_on": "2027-01-20",
    }
    assert found.threshold == {"every_months": 12, "notice_days": 30, "grace_days": 30}
    assert standing_of(found.evidence) == ("0197", "answer_expiring")


def test_a_no_has_no_end() -> None:
    found = assess_answer(QUESTION, answer("no"), NOTICE)
    assert found.evidence["attestation"]["expires_on"] is None
    assert "expires_on" not in found.evidence


@pytest.mark.parametrize(
    ("effective_on", "months", "last_day"),
    [
        (date(2026, 1, 20), 12, date(2027, 1, 20)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),  # no 31 February
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2026, 2, 28), 24, date(2028, 2, 28)),
        (date(2026, 12, 31), 3, date(2027, 3, 31)),
    ],
)
def test_months_are_months_of_the_calendar(effective_on: date, months: int, last_day: date) -> None:
    term = term_of(Question("ANS-1.1", months), effective_on, UTC)
    assert term.last_day == last_day
    assert term.ends_at == datetime.combine(last_day + timedelta(days=1), datetime.min.time(), UTC)
    assert term.ends_at - term.notice_at == term.lapses_at - term.ends_at == timedelta(days=30)


def test_days_begin_where_the_practice_is_summer_time_included() -> None:
    paris = term_of(Question("ANS-3.6", 6), date(2026, 9, 30), PARIS)
    assert paris.last_day == date(2027, 3, 30)
    assert paris.ends_at == datetime(2027, 3, 30, 22, tzinfo=UTC)  # summer time began on the 28th
    assert paris.notice_at == datetime(2027, 2, 28, 23, tzinfo=UTC)
    reunion = term_of(Question("ANS-3.6", 6), date(2026, 9, 30), ZoneInfo("Indian/Reunion"))
    assert reunion.ends_at == datetime(2027, 3, 30, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "months"), [("12m", 12), ("3m", 3), ("per_event", PER_EVENT_MONTHS), ("continuous", None)]
)
def test_how_long_the_catalogue_lets_an_answer_hold(every: str, months: int | None) -> None:
    assert months_of(every) == months


def test_every_control_that_people_answer_has_a_term() -> None:
    asked = [control for control in load_catalogue().controls.values() if control.kind != "automatic"]
    assert len(asked) == 39
    assert all(months_of(control.every) for control in asked)


RECORDS: dict[State, Finding] = {
    state: Finding("ANS-8.1", state, f"record_{state}", {"ends_on": "2027-03-01"}, {"warn_days": 60}, END + SECOND)
    for state in WORST_FIRST
}
STATES: dict[State, datetime] = {"pass": NOTICE - SECOND, "warn": END, "unknown": LAPSE}


@pytest.mark.parametrize(("answered", "dated"), list(product([*STATES, "fail", "not_applicable"], RECORDS)))
def test_with_a_record_the_worse_of_both_decides(answered: State, dated: State) -> None:
    said = {"fail": "no", "not_applicable": "not_applicable"}.get(answered, "yes")
    own = assess_answer(QUESTION, answer(said), STATES.get(answered, NOTICE - SECOND))  # type: ignore[arg-type]
    assert own.state == answered
    together = worse(own, RECORDS[dated])
    assert together.state == min(answered, dated, key=WORST_FIRST.__getitem__)
    assert together.reason == (own.reason if WORST_FIRST[answered] <= WORST_FIRST[dated] else f"record_{dated}")
    assert together.control == QUESTION.control
    assert together.evidence["attestation"] == own.evidence["attestation"]
    assert together.evidence["records"] == {"state": dated, "reason": f"record_{dated}", "ends_on": "2027-03-01"}
    assert together.threshold == {**own.threshold, "warn_days": 60}


@pytest.mark.parametrize(
    ("own_end", "record_end", "end"),
    [(END, LAPSE, END), (LAPSE, END, END), (END, None, END), (None, END, END), (None, None, None)],
)
def test_what_two_decide_changes_when_the_first_of_them_does(
    own_end: datetime | None, record_end: datetime | None, end: datetime | None
) -> None:
    own = assess_answer(QUESTION, answer("yes"), NOTICE)._replace(valid_until=own_end)
    assert worse(own, RECORDS["warn"]._replace(valid_until=record_end)).valid_until == end


def test_a_sentence_is_filled_by_the_finding_it_belongs_to() -> None:
    certificate = Finding("ANS-8.5", "fail", "expired", {"expires_on": "2026-05-16"}, {}, None)
    assert worse(assess_answer(QUESTION, answer("yes"), NOTICE), certificate).evidence["expires_on"] == "2026-05-16"
    assert worse(assess_answer(QUESTION, answer("no"), NOTICE), certificate).evidence["expires_on"] == "2026-05-16"
    current = certificate._replace(state="pass")
    assert worse(assess_answer(QUESTION, answer("yes"), END), current).evidence["expires_on"] == "2027-01-20"


def test_an_answer_that_nobody_gave_is_not_replaced_by_a_record() -> None:
    together = worse(assess_answer(QUESTION, None, NOTICE), RECORDS["pass"])
    assert (together.state, together.reason) == ("unknown", "not_answered")
    assert standing_of(together.evidence) is None


def test_the_day_of_the_answer_counts_wherever_it_was_given() -> None:
    early = assess_answer(QUESTION, answer("yes", GIVEN, PARIS), datetime(2026, 1, 19, 23, tzinfo=UTC))
    assert early.reason == "answered_yes"
