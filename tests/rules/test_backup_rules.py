"""ANS-5.1 to ANS-5.6 on one device: each verdict beside the one that a single changed fact gives."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.rules.posture_facts import (
    ALL_MONTHS,
    NOW,
    assert_expires_exactly,
    backup,
    device,
    job,
    judge,
    run,
    section,
    verdict,
    vouched,
    with_section,
)
from vigie.posture.rules.model import DeviceFacts, Policy
from vigie.practices.calendar import Hours, PracticeCalendar, Span

BACKUP_CONTROLS = ("ANS-5.1", "ANS-5.2", "ANS-5.3", "ANS-5.4", "ANS-5.5", "ANS-5.6")
PATIENT = Policy.from_mapping({"freshness": {"fresh_hours": 24 * 3000, "stale_days": 3001}})


def jobs(*listed: dict[str, Any], **changes: Any) -> DeviceFacts:
    return with_section("backup", backup(*listed), **changes)


def ok_at(moment: str, name: str = "srv-nightly", **changes: Any) -> dict[str, Any]:
    return job(name, last_ok_at=moment, last_end_at=moment, **changes)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-20T06:00:00Z", ("pass", "backup_recent")),
        ("2026-11-20T05:59:59Z", ("warn", "backup_late")),
        ("2026-11-13T08:00:01Z", ("warn", "backup_late")),
        ("2026-11-13T08:00:00Z", ("fail", "backup_overdue")),
        ("2026-11-21T08:03:00Z", ("pass", "backup_recent")),
    ],
)
def test_a_backup_is_recent_for_26_hours_and_late_for_a_week(moment: str, expected: tuple[str, str]) -> None:
    assert verdict("ANS-5.1", jobs(ok_at(moment))) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("pass", "backup_recent")),
        ({"last_status": "unknown"}, ("unknown", "job_unreadable")),
        ({"last_status": None}, ("unknown", "job_unreadable")),
        ({"last_status": "levitating"}, ("unknown", "job_unreadable")),
        ({"last_status": "running"}, ("pass", "backup_recent")),
        ({"last_status": "failed"}, ("pass", "backup_recent")),
        ({"last_ok_at": None}, ("pass", "backup_recent")),
        ({"last_ok_at": None, "last_status": "failed"}, ("unknown", "backup_date_unknown")),
        ({"last_ok_at": None, "last_end_at": None, "last_status": "never"}, ("fail", "backup_never")),
        ({"last_ok_at": "2087-01-01T00:00:00Z", "last_end_at": None}, ("unknown", "backup_date_unknown")),
        ({"last_ok_at": "yesterday", "last_end_at": None}, ("unknown", "backup_date_unknown")),
    ],
)
def test_a_backup_that_cannot_be_read_or_dated_is_no_pass(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert verdict("ANS-5.1", jobs(job(**changes))) == expected


def test_the_worst_job_of_a_device_decides_and_is_named_first() -> None:
    finding = judge("ANS-5.1", jobs(job("images"), ok_at("2026-11-01T02:00:00Z", "database"), job("mail")))
    assert (finding.state, finding.reason) == ("fail", "backup_overdue")
    assert [row["job"] for row in finding.evidence["jobs"]] == ["database", "images", "mail"]
    assert finding.evidence["job_count"] == 3
    assert finding.threshold["pass_hours"] == 26


def test_a_run_that_reported_itself_is_as_good_as_what_the_tool_shows() -> None:
    facts = jobs(ok_at("2026-11-18T02:00:00Z"))
    assert verdict("ANS-5.1", facts) == ("warn", "backup_late")
    reported = jobs(ok_at("2026-11-18T02:00:00Z"), runs=[run("2026-11-21T02:00:00Z")])
    assert verdict("ANS-5.1", reported) == ("pass", "backup_recent")
    failed = jobs(ok_at("2026-11-18T02:00:00Z"), runs=[run("2026-11-21T02:00:00Z", "failed")])
    assert verdict("ANS-5.1", failed) == ("warn", "backup_late")
    of_another = jobs(ok_at("2026-11-18T02:00:00Z"), runs=[run("2026-11-21T02:00:00Z", name="other")])
    assert verdict("ANS-5.1", of_another) == ("warn", "backup_late")


def test_a_run_from_the_future_is_not_believed() -> None:
    late = ok_at("2026-11-18T02:00:00Z")
    clock_ahead = [run("2026-11-22T09:00:00Z")]
    assert verdict("ANS-5.1", jobs(late, runs=clock_ahead)) == ("warn", "backup_late")
    a_little_ahead = [run("2026-11-21T09:00:00Z")]
    assert verdict("ANS-5.1", jobs(late, runs=a_little_ahead)) == ("pass", "backup_recent")


class ClosedOnWeekends:
    """A practice that opens from Monday to Friday."""

    def elapse(self, start: datetime, amount: timedelta) -> datetime:
        step, moment = timedelta(hours=1), start
        while amount > timedelta(0):
            if moment.weekday() < 5:
                amount -= step
            moment += step
        return moment

    def open_between(self, start: datetime, end: datetime) -> timedelta:
        total, moment = timedelta(0), start
        while moment < end:
            total += timedelta(hours=1) if moment.weekday() < 5 else timedelta(0)
            moment += timedelta(hours=1)
        return total


def test_a_weekend_does_not_age_a_backup() -> None:
    monday = datetime(2026, 11, 23, 7, tzinfo=UTC)
    facts = vouched(jobs(ok_at("2026-11-20T12:00:00Z")), monday)
    assert verdict("ANS-5.1", facts, now=monday) == ("warn", "backup_late")
    assert verdict("ANS-5.1", facts, now=monday, calendar=ClosedOnWeekends()) == ("pass", "backup_recent")


@pytest.mark.parametrize(
    ("last_ok", "open_since", "expected"),
    [
        ("2026-11-01T08:00:00Z", date(2026, 11, 21), ("pass", "offsite_recent")),
        ("2026-11-01T08:00:00Z", date(2026, 11, 15), ("warn", "offsite_late")),
        ("2026-11-01T08:00:00Z", date(2026, 11, 10), ("fail", "offsite_overdue")),
        ("2026-11-06T08:00:00Z", date(2026, 11, 1), ("fail", "offsite_overdue")),
        ("2026-11-06T09:00:00Z", date(2026, 11, 1), ("warn", "offsite_late")),
    ],
)
def test_a_copy_is_not_too_old_before_the_practice_was_open_on_half_of_its_days(
    last_ok: str, open_since: date, expected: tuple[str, str]
) -> None:
    week = ((Span(8 * 60, 19 * 60),),) * 7
    closed = ((date(2026, 10, 1), open_since - timedelta(days=1)),)
    calendar = PracticeCalendar(Hours(week, closures=closed, territory="none"), "Europe/Paris")
    assert verdict("ANS-5.4", jobs(ok_at(last_ok)), calendar=calendar) == expected


NIGHTS = [f"2026-11-{day:02d}T02:00:00Z" for day in range(20, 13, -1)]


@pytest.mark.parametrize(
    ("last", "earlier", "expected"),
    [
        ("ok", ["ok", "ok"], ("pass", "runs_clean")),
        ("ok", ["failed", "failed"], ("pass", "runs_clean")),
        ("warning", ["ok", "ok"], ("warn", "run_with_warnings")),
        ("failed", ["ok", "failed"], ("warn", "run_failed")),
        ("failed", ["failed", "ok"], ("fail", "runs_failing")),
        ("failed", ["cancelled", "ok"], ("fail", "runs_failing")),
        ("failed", ["started", "failed"], ("fail", "runs_failing")),
        ("failed", [], ("warn", "run_failed")),
        ("running", ["ok"], ("pass", "runs_clean")),
        ("running", ["failed", "failed"], ("fail", "runs_failing")),
        ("running", [], ("unknown", "run_unknown")),
        ("never", [], ("unknown", "run_unknown")),
        ("unknown", ["ok", "ok"], ("unknown", "job_unreadable")),
    ],
)
def test_failures_in_a_row_decide(last: str, earlier: list[str], expected: tuple[str, str]) -> None:
    runs = [run(moment, status) for moment, status in zip(NIGHTS, earlier, strict=False)]
    assert verdict("ANS-5.2", jobs(job(last_status=last), runs=runs)) == expected


def test_the_run_shown_by_the_tool_and_its_own_report_count_once() -> None:
    same = [run("2026-11-21T02:00:00Z", "failed")]
    assert verdict("ANS-5.2", jobs(job(last_status="failed"), runs=same)) == ("warn", "run_failed")
    one_more = [*same, run("2026-11-20T02:00:00Z", "failed")]
    assert verdict("ANS-5.2", jobs(job(last_status="failed"), runs=one_more)) == ("fail", "runs_failing")


@pytest.mark.parametrize(
    ("size", "earlier", "expected"),
    [
        (500, [1000, 1000, 1000], ("pass", "runs_clean")),
        (499, [1000, 1000, 1000], ("warn", "run_shrunk")),
        (499, [1000, 1000], ("pass", "runs_clean")),
        (499, [None, 1000, 1000], ("pass", "runs_clean")),
        (None, [1000, 1000, 1000], ("pass", "runs_clean")),
        (0, [0, 0, 0], ("pass", "runs_clean")),
    ],
)
def test_a_backup_half_its_usual_size_is_noticed(
    size: int | None, earlier: list[int | None], expected: tuple[str, str]
) -> None:
    runs = [run(moment, size=past_size) for moment, past_size in zip(NIGHTS, earlier, strict=False)]
    assert verdict("ANS-5.2", jobs(job(bytes=size), runs=runs)) == expected


def test_sizes_of_long_ago_are_not_compared() -> None:
    near = [run(f"2026-10-{day:02d}T02:00:00Z") for day in (24, 23, 22)]
    assert verdict("ANS-5.2", jobs(job(bytes=10), runs=near)) == ("warn", "run_shrunk")
    too_old = [run(f"2026-10-{day:02d}T02:00:00Z") for day in (24, 23, 21)]
    assert verdict("ANS-5.2", jobs(job(bytes=10), runs=too_old)) == ("pass", "runs_clean")


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ([], ("pass", "months_kept")),
        (["2025-11"], ("pass", "months_kept")),
        (["2026-11"], ("pass", "months_kept")),
        (["2025-12"], ("warn", "months_few_missing")),
        (["2026-03", "2026-10"], ("warn", "months_few_missing")),
        (["2026-03", "2026-04", "2026-10"], ("fail", "months_missing")),
    ],
)
def test_twelve_months_up_to_the_running_one_are_expected(missing: list[str], expected: tuple[str, str]) -> None:
    kept = [month for month in ALL_MONTHS if month not in missing]
    assert verdict("ANS-5.3", jobs(job(restore_months=kept))) == expected


def test_months_before_enrolment_are_not_expected() -> None:
    kept = job(restore_months=["2026-09", "2026-10", "2026-11"])
    assert verdict("ANS-5.3", jobs(kept)) == ("fail", "months_missing")
    young = jobs(kept, enrolled_at=datetime(2026, 9, 20, tzinfo=UTC))
    assert verdict("ANS-5.3", young) == ("pass", "months_kept")
    assert judge("ANS-5.3", young).evidence["counted_from"] == "2026-09"


@pytest.mark.parametrize(
    ("months", "expected"),
    [(None, ("unknown", "months_unreadable")), ([], ("fail", "no_restore_point"))],
)
def test_no_restore_point_differs_from_an_unreadable_list(months: list[str] | None, expected: tuple[str, str]) -> None:
    new = datetime(2026, 11, 20, tzinfo=UTC)
    assert verdict("ANS-5.3", jobs(job(restore_months=months), enrolled_at=new)) == expected


def test_retention_fades_month_by_month_when_nothing_is_added() -> None:
    facts = jobs(job())
    first = assert_expires_exactly("ANS-5.3", facts, NOW, policy=PATIENT)
    assert first.valid_until == datetime(2027, 1, 1, tzinfo=UTC)
    second = assert_expires_exactly("ANS-5.3", facts, first.valid_until, policy=PATIENT)
    assert second.reason == "months_few_missing"
    assert second.valid_until == datetime(2027, 3, 1, tzinfo=UTC)


def test_a_month_that_leaves_the_window_is_forgiven_on_its_last_day() -> None:
    kept = [month for month in ALL_MONTHS if month not in {"2025-11", "2025-12"}]
    for enrolled in ("2025-12-10", "2024-12-10"):
        facts = jobs(job(restore_months=kept), enrolled_at=datetime.fromisoformat(enrolled).replace(tzinfo=UTC))
        finding = assert_expires_exactly("ANS-5.3", facts, NOW, policy=PATIENT)
        assert finding.reason == "months_few_missing"
        assert finding.valid_until == datetime(2026, 12, 1, tzinfo=UTC)
        assert verdict("ANS-5.3", facts, now=finding.valid_until, policy=PATIENT) == ("pass", "months_kept")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("pass", "offsite_recent")),
        ({"last_ok_at": "2026-11-13T09:00:00Z"}, ("pass", "offsite_recent")),
        ({"last_ok_at": "2026-11-13T08:00:00Z"}, ("warn", "offsite_late")),
        ({"last_ok_at": "2026-11-06T09:00:00Z"}, ("warn", "offsite_late")),
        ({"last_ok_at": "2026-11-06T08:00:00Z"}, ("fail", "offsite_overdue")),
        ({"offsite": "no"}, ("fail", "offsite_none")),
        ({"offsite": "no", "target": "cloud"}, ("fail", "offsite_none")),
        ({"offsite": "unknown"}, ("pass", "offsite_recent")),
        ({"offsite": None, "target": "offsite"}, ("pass", "offsite_recent")),
        ({"offsite": "yes", "target": "usb"}, ("pass", "offsite_recent")),
        ({"offsite": None, "target": "local"}, ("fail", "offsite_none")),
        ({"offsite": None, "target": "nas"}, ("unknown", "offsite_unknown")),
        ({"offsite": None, "target": None}, ("unknown", "offsite_unknown")),
        ({"last_status": "unknown"}, ("unknown", "job_unreadable")),
        ({"last_status": "never", "last_ok_at": None, "last_end_at": None}, ("fail", "backup_never")),
        ({"last_status": "failed", "last_ok_at": None}, ("unknown", "backup_date_unknown")),
    ],
)
def test_a_copy_must_lie_elsewhere_and_be_a_week_old_at_most(
    changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert verdict("ANS-5.4", jobs(job(**changes))) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("pass", "immutable_recent")),
        ({"last_ok_at": "2026-11-13T08:00:00Z"}, ("warn", "immutable_late")),
        ({"last_ok_at": "2026-10-20T09:00:00Z"}, ("warn", "immutable_late")),
        ({"last_ok_at": "2026-10-20T08:00:00Z"}, ("fail", "immutable_overdue")),
        ({"immutable": "no"}, ("fail", "immutable_none")),
        ({"immutable": "unknown"}, ("unknown", "immutable_unknown")),
        ({"immutable": None}, ("unknown", "immutable_unknown")),
        ({"last_status": "unknown"}, ("unknown", "job_unreadable")),
    ],
)
def test_a_copy_must_be_unalterable_and_recent(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert verdict("ANS-5.5", jobs(job(**changes))) == expected


@pytest.mark.parametrize("control", ["ANS-5.3", "ANS-5.4", "ANS-5.5"])
def test_one_good_copy_of_a_device_is_enough(control: str) -> None:
    poor = job("local", target="local", offsite="no", immutable="no", restore_months=["2026-11"])
    good = job("remote")
    assert verdict(control, jobs(poor))[0] == "fail"
    assert verdict(control, jobs(poor, good))[0] == "pass"
    assert verdict(control, jobs(good, poor))[0] == "pass"


def test_a_copy_that_is_too_old_is_named_before_a_job_that_makes_none() -> None:
    local = job("local", target="local", offsite="no")
    old = ok_at("2026-10-01T02:00:00Z", "remote")
    assert verdict("ANS-5.4", jobs(local, old)) == ("fail", "offsite_overdue")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("pass", "copies_encrypted")),
        ({"encrypted": "no"}, ("fail", "copies_unencrypted")),
        ({"encrypted": "unknown"}, ("unknown", "copies_encryption_unknown")),
        ({"encrypted": "no", "target": "usb", "offsite": "no"}, ("fail", "copies_unencrypted")),
        ({"encrypted": "no", "target": "nas", "offsite": "yes"}, ("fail", "copies_unencrypted")),
        ({"encrypted": "no", "target": "nas", "offsite": "no"}, ("not_applicable", "no_portable_copy")),
        ({"encrypted": "no", "target": "unknown", "offsite": None}, ("unknown", "copies_encryption_unknown")),
    ],
)
def test_copies_that_can_leave_must_be_encrypted(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert verdict("ANS-5.6", jobs(job(**changes))) == expected


def test_one_unencrypted_copy_is_one_too_many() -> None:
    assert verdict("ANS-5.6", jobs(job("one"), job("two", encrypted="no")))[0] == "fail"
    assert verdict("ANS-5.6", jobs(job("one"), job("two")))[0] == "pass"


@pytest.mark.parametrize("control", BACKUP_CONTROLS)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (section(None, "absent"), ("not_applicable", "no_backup_job")),
        (section(None, "not_applicable"), ("not_applicable", "section_not_applicable")),
        (section(None, "disabled"), ("unknown", "collection_disabled")),
        (section(None, "unknown"), ("unknown", "section_unreadable")),
        (section({"jobs": None}), ("unknown", "jobs_unreadable")),
        (section({"jobs": [], "sync_only": "no"}), ("not_applicable", "no_backup_job")),
        (section({"jobs": [], "sync_only": "yes"}), ("not_applicable", "sync_is_no_backup")),
        (None, ("unknown", "section_missing")),
    ],
)
def test_no_backup_here_differs_from_could_not_look(
    control: str, value: dict[str, Any] | None, expected: tuple[str, str]
) -> None:
    assert verdict(control, with_section("backup", value)) == expected


@pytest.mark.parametrize(
    ("control", "facts"),
    [
        ("ANS-5.1", jobs(job())),
        ("ANS-5.1", jobs(ok_at("2026-11-19T02:00:00Z"))),
        ("ANS-5.1", jobs(ok_at("2026-11-19T02:00:00Z", "one"), job("two"))),
        ("ANS-5.1", jobs(job("one"), job("two", last_ok_at="2026-11-20T10:00:00Z"))),
        ("ANS-5.3", jobs(job(restore_months=ALL_MONTHS[:-2]))),
        ("ANS-5.4", jobs(job())),
        ("ANS-5.4", jobs(ok_at("2026-11-10T02:00:00Z"))),
        ("ANS-5.4", jobs(ok_at("2026-11-10T02:00:00Z", "one"), job("two"))),
        ("ANS-5.5", jobs(job())),
        ("ANS-5.5", jobs(ok_at("2026-11-10T02:00:00Z"))),
    ],
)
def test_a_verdict_holds_exactly_until_it_says(control: str, facts: DeviceFacts) -> None:
    assert_expires_exactly(control, facts, NOW, policy=PATIENT)


def test_what_is_already_lost_never_changes_by_itself() -> None:
    facts = jobs(ok_at("2026-10-01T02:00:00Z", "one"), job("two"))
    assert judge("ANS-5.1", facts, policy=PATIENT).valid_until is not None  # the report itself grows old
    far = NOW + timedelta(days=2000)
    assert verdict("ANS-5.1", facts, now=far, policy=PATIENT) == ("fail", "backup_overdue")


def test_a_policy_moves_the_bounds_and_is_written_into_the_verdict() -> None:
    strict = Policy.from_mapping({"backup": {"recent_pass_hours": 4}})
    assert verdict("ANS-5.1", device()) == ("pass", "backup_recent")
    finding = judge("ANS-5.1", device(), policy=strict)
    assert (finding.state, finding.threshold["pass_hours"]) == ("warn", 4)
