"""ANS-5.7, 9.2 to 9.5 and 10.2: restores that were tried, questionnaires that were signed, contacts that were confirmed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.rules.control_cases import Case, about, check, row
from tests.rules.posture_facts import NOW, backup, job, section, with_section
from vigie.posture.rules.model import Policy, PolicyError
from vigie.posture.rules.records import (
    IncidentContacts,
    QuestionnaireControl,
    SupplierAnswers,
    assess_incident_contacts,
    assess_questionnaires,
    months_after,
)
from vigie.posture.rules.restore import RestoreTest, assess_restore_record

TICK, DAY = timedelta(seconds=1), timedelta(days=1)


def restored(*moments: datetime | None, **changes: Any) -> Any:
    """A device with a job for each moment at which one was restored."""
    listed = [
        job(f"job-{place}", restore_tested_at=moment and moment.isoformat().replace("+00:00", "Z"), **changes)
        for place, moment in enumerate(moments)
    ]
    return with_section("backup", backup(*listed))


def record(name: str, tests: Sequence[tuple[timedelta, bool]] | None, state: str, reason: str) -> dict[str, Any]:
    """A row about a practice: how long ago each test was, and whether it succeeded."""
    kept = None if tests is None else [RestoreTest(NOW - ago, succeeded) for ago, succeeded in tests]

    def judge(now: datetime, policy: Policy) -> Any:
        return assess_restore_record(kept, policy, now)

    return {"name": f"record, {name}", "judge": judge, "state": state, "reason": reason}


@about(
    "ANS-5.7",
    [
        *(
            row(f"tested {ago} ago", restored(NOW - ago), state, reason)
            for ago, state, reason in (
                (timedelta(0), "pass", "restore_tested"),
                (91 * DAY - TICK, "pass", "restore_tested"),
                (91 * DAY, "warn", "restore_test_late"),
                (181 * DAY - TICK, "warn", "restore_test_late"),
                (181 * DAY, "fail", "restore_test_overdue"),
            )
        ),
        row("never told", restored(None), "unknown", "restore_test_unknown"),
        row("told for a day to come", restored(NOW + 2 * DAY), "unknown", "restore_test_unknown"),
        row("best job decides", restored(NOW - 200 * DAY, NOW - 9 * DAY), "pass", "restore_tested"),
        row("one old, one not told", restored(NOW - 200 * DAY, None), "unknown", "restore_test_unknown"),
        row("one ageing, one not told", restored(None, NOW - 100 * DAY), "warn", "restore_test_late"),
        row("tested, last run unreadable", restored(NOW - DAY, last_status="unknown"), "pass", "restore_tested"),
        row("no backup", with_section("backup", section(None, "absent")), "not_applicable", "no_backup_job"),
        row(
            "a tool is no backup",
            with_section("backup", section({"tools": [{"tool": "acronis"}], "jobs": None})),
            "unknown",
            "jobs_unreadable",
        ),
        row("no job", with_section("backup", backup()), "not_applicable", "no_backup_job"),
        row(
            "stricter",
            restored(NOW - 40 * DAY),
            "warn",
            "restore_test_late",
            policy={"backup": {"restore_test_pass_days": 30}},
        ),
        record("nobody said", None, "unknown", "restore_test_unknown"),
        record("never", [], "fail", "restore_never_tested"),
        record("to come", [(-DAY, True)], "fail", "restore_never_tested"),
        record("at this very second", [(timedelta(0), True)], "pass", "restore_tested"),
        record("91 days less a second", [(91 * DAY - TICK, True)], "pass", "restore_tested"),
        record("91 days", [(91 * DAY, True)], "warn", "restore_test_late"),
        record("181 days less a second", [(181 * DAY - TICK, True)], "warn", "restore_test_late"),
        record("181 days", [(181 * DAY, True)], "fail", "restore_test_overdue"),
        record("the latest failed", [(30 * DAY, True), (DAY, False)], "fail", "restore_test_failed"),
        record("an earlier one failed", [(30 * DAY, False), (DAY, True)], "pass", "restore_tested"),
        record("failed and succeeded at once", [(DAY, True), (DAY, False)], "fail", "restore_test_failed"),
    ],
)
def test_a_restore_was_really_tried(case: Case) -> None:
    check(case)


def signed(months: int, more: timedelta = timedelta(0), **answers: int) -> SupplierAnswers:
    """A supplier whose signature reaches so many months at the reference instant, plus a little more."""
    return SupplierAnswers(f"s{months}", months_after(NOW, -months) - more, **answers)


UNSIGNED = SupplierAnswers("s-unsigned", None)


def sheet(
    control: QuestionnaireControl,
    name: str,
    answers: Sequence[SupplierAnswers] | None,
    state: str,
    reason: str,
    **more: Any,
) -> dict[str, Any]:
    def judge(now: datetime, policy: Policy) -> Any:
        return assess_questionnaires(control, answers, policy, now)

    return {"name": name, "judge": judge, "state": state, "reason": reason, **more}


def sheets(control: QuestionnaireControl) -> list[dict[str, Any]]:
    """The cases that all four questionnaires share."""
    return [
        sheet(control, "signed today", [signed(0)], "pass", "questionnaires_signed"),
        sheet(control, "twelve months less a second", [signed(12, -TICK)], "pass", "questionnaires_signed"),
        sheet(control, "twelve months", [signed(12)], "pass", "questionnaires_signed"),
        sheet(control, "twelve months and a second", [signed(12, TICK)], "warn", "questionnaire_ageing"),
        sheet(control, "fifteen months", [signed(15)], "warn", "questionnaire_ageing"),
        sheet(control, "fifteen months and a second", [signed(15, TICK)], "fail", "questionnaire_expired"),
        sheet(control, "unsigned", [UNSIGNED], "fail", "questionnaire_unsigned"),
        sheet(control, "unsigned among signed", [signed(1), UNSIGNED, signed(13)], "fail", "questionnaire_unsigned"),
        sheet(control, "ageing among signed", [signed(1), signed(13)], "warn", "questionnaire_ageing"),
        sheet(control, "open without plan", [signed(1, refused=2, planned=1)], "fail", "questionnaire_unresolved"),
        sheet(control, "open with plans", [signed(1, refused=2, planned=2)], "warn", "questionnaire_planned"),
        sheet(
            control,
            "plans and a second over",
            [signed(15, TICK, refused=1, planned=1)],
            "fail",
            "questionnaire_expired",
        ),
        sheet(control, "nobody listed suppliers", None, "unknown", "suppliers_not_listed"),
        sheet(
            control,
            "yearly is too rare",
            [signed(7)],
            "warn",
            "questionnaire_ageing",
            policy={"records": {"questionnaire_pass_months": 6}},
        ),
    ]


GENERAL = sheet("ANS-9.2", "no supplier at all", [], "unknown", "suppliers_not_listed")


@about("ANS-9.2", [*sheets("ANS-9.2"), GENERAL])
def test_every_supplier_signed_the_general_questionnaire(case: Case) -> None:
    check(case)


@about(
    "ANS-9.3", [*sheets("ANS-9.3"), sheet("ANS-9.3", "none concerned", [], "not_applicable", "no_supplier_concerned")]
)
def test_who_installs_and_maintains_signed(case: Case) -> None:
    check(case)


@about(
    "ANS-9.4", [*sheets("ANS-9.4"), sheet("ANS-9.4", "none concerned", [], "not_applicable", "no_supplier_concerned")]
)
def test_who_maintains_from_afar_signed(case: Case) -> None:
    check(case)


@about(
    "ANS-9.5", [*sheets("ANS-9.5"), sheet("ANS-9.5", "none concerned", [], "not_applicable", "no_supplier_concerned")]
)
def test_who_stores_or_serves_from_afar_signed(case: Case) -> None:
    check(case)


def test_suppliers_that_hold_a_practice_back_are_named_by_id() -> None:
    finding = assess_questionnaires("ANS-9.2", [signed(1), UNSIGNED, signed(13), signed(16)], Policy(), NOW)
    assert finding.evidence == {"suppliers": 4, "concerned": ["s-unsigned", "s16"]}
    assert assess_questionnaires("ANS-9.2", [signed(1)], Policy(), NOW).evidence == {"suppliers": 1}


def card(name: str, contacts: IncidentContacts | None, state: str, reason: str) -> dict[str, Any]:
    def judge(now: datetime, policy: Policy) -> Any:
        return assess_incident_contacts(contacts, policy, now)

    return {"name": name, "judge": judge, "state": state, "reason": reason}


def confirmed(months: int, more: timedelta = timedelta(0), missing: int = 0) -> IncidentContacts:
    return IncidentContacts(missing, months_after(NOW, -months) - more)


@about(
    "ANS-10.2",
    [
        card("confirmed today", confirmed(0), "pass", "contacts_current"),
        card("six months less a second", confirmed(6, -TICK), "pass", "contacts_current"),
        card("six months", confirmed(6), "pass", "contacts_current"),
        card("six months and a second", confirmed(6, TICK), "warn", "contacts_ageing"),
        card("twelve months", confirmed(12), "warn", "contacts_ageing"),
        card("twelve months and a second", confirmed(12, TICK), "fail", "contacts_expired"),
        card("one missing, confirmed today", confirmed(0, missing=1), "fail", "contacts_missing"),
        card("never confirmed", IncidentContacts(0, None), "fail", "contacts_unconfirmed"),
        card("no card", None, "fail", "card_missing"),
    ],
)
def test_contacts_of_the_incident_card_are_confirmed(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(
    ("moment", "months", "expected"),
    [
        ("2025-11-21", 12, "2026-11-21"),
        ("2026-08-31", 6, "2027-02-28"),
        ("2027-08-31", 6, "2028-02-29"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2026-11-30", 15, "2028-02-29"),
        ("2026-01-15", -1, "2025-12-15"),
    ],
)
def test_months_end_on_the_same_day_or_on_the_last_one(moment: str, months: int, expected: str) -> None:
    start = datetime.fromisoformat(f"{moment}T23:59:58+00:00")
    assert months_after(start, months) == datetime.fromisoformat(f"{expected}T23:59:58+00:00")


@pytest.mark.parametrize(
    "overrides",
    [
        {"records": {"questionnaire_pass_months": 16}},
        {"records": {"contacts_pass_months": 13}},
        {"backup": {"restore_test_pass_days": 181}},
    ],
)
def test_a_policy_that_cannot_be_applied_is_refused(overrides: Any) -> None:
    with pytest.raises(PolicyError):
        Policy.from_mapping(overrides)
