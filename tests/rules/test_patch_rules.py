"""ANS-2.1 to ANS-2.5 on one device: each verdict beside the one that a single changed fact gives."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.rules.posture_facts import (
    NOW,
    OS,
    PATCH,
    SOFTWARE,
    assert_expires_exactly,
    device,
    judge,
    section,
    verdict,
    vouched,
    with_data,
    with_section,
)
from vigie.posture.catalogue import load_lifecycle
from vigie.posture.rules.model import Policy
from vigie.posture.rules.patch import assess_auto_update
from vigie.practices.calendar import Hours, PracticeCalendar, Span


def windows(**changes: Any) -> Any:
    return with_data("os", **changes)


def pending(**changes: Any) -> Any:
    return with_data("patch", pending={**PATCH["pending"], **changes})


def update(kind: str, released_on: str | None, kb: str = "5099999") -> dict[str, Any]:
    return {"kb": kb, "class": kind, "severity": "important", "released_on": released_on}


@pytest.mark.parametrize(
    ("os", "expected"),
    [
        ({}, ("pass", "system_supported")),
        ({"build": "26100"}, ("fail", "support_ended")),
        ({"build": "26100", "edition": "Enterprise"}, ("pass", "system_supported")),
        ({"build": "26100", "edition": "IoTEnterpriseS"}, ("pass", "system_supported")),
        ({"build": "26100", "product": "server", "edition": "ServerStandard"}, ("pass", "system_supported")),
        ({"build": "26100", "edition": None}, ("unknown", "system_unidentified")),
        ({"build": "26100", "edition": "Nouvelle"}, ("unknown", "system_unidentified")),
        ({"build": "22631", "edition": "Enterprise"}, ("fail", "support_ended")),
        ({"build": "19044", "edition": "EnterpriseS"}, ("warn", "support_ends_soon")),
        ({"build": "19044", "edition": "IoTEnterpriseS"}, ("pass", "system_supported")),
        ({"build": "19044", "edition": "Core"}, ("fail", "support_ended")),
        ({"build": "14393", "product": "server", "edition": "ServerStandard"}, ("warn", "support_ends_soon")),
        ({"build": "14393", "product": "dc", "edition": "ServerStandard"}, ("warn", "support_ends_soon")),
        ({"build": "14393", "edition": "EnterpriseS"}, ("fail", "support_ended_extension_unproven")),
        ({"build": "9600", "product": "server", "edition": "ServerStandard"}, ("fail", "support_ended")),
        ({"build": "10.0.26200.7019"}, ("pass", "system_supported")),
        ({"build": "99999"}, ("unknown", "system_not_in_catalogue")),
        ({"build": None}, ("unknown", "system_not_in_catalogue")),
        ({"family": "macos", "version": "26.6.2", "build": "25G82"}, ("pass", "system_supported_undated")),
        ({"family": "macos", "version": "14.8.9", "build": "23J21"}, ("warn", "support_presumed_ended")),
        ({"family": "macos", "version": "13.7", "build": "22H1"}, ("fail", "support_ended")),
        ({"family": "macos", "version": "10.15.7", "build": "19H1"}, ("fail", "support_ended")),
        ({"family": "linux", "distro": "debian", "version": "13.2", "build": None}, ("pass", "system_supported")),
        ({"family": "linux", "distro": "debian", "version": "12", "build": None}, ("warn", "support_extended")),
        ({"family": "linux", "distro": "debian", "version": "11", "build": None}, ("fail", "support_ended")),
        ({"family": "linux", "distro": "ubuntu", "version": "24.04", "build": None}, ("pass", "system_supported")),
        ({"family": "linux", "distro": "ubuntu", "version": "20.04"}, ("fail", "support_ended_extension_unproven")),
        ({"family": "linux", "distro": "rocky", "version": "9.6", "build": None}, ("pass", "system_supported")),
        ({"family": "linux", "distro": "dsm", "version": "7.2", "build": None}, ("unknown", "system_not_in_catalogue")),
        ({"family": "solaris"}, ("unknown", "system_not_in_catalogue")),
    ],
)
def test_the_end_of_support_depends_on_build_kind_and_edition(os: dict[str, Any], expected: tuple[str, str]) -> None:
    assert verdict("ANS-2.1", windows(**os)) == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-10-13T23:59:59Z", ("pass", "system_supported")),
        ("2026-10-14T00:00:00Z", ("warn", "support_ends_soon")),
        ("2027-01-12T23:59:59Z", ("warn", "support_ends_soon")),
        ("2027-01-13T00:00:00Z", ("fail", "support_ended_extension_unproven")),
    ],
)
def test_the_last_day_of_support_is_inclusive(moment: str, expected: tuple[str, str]) -> None:
    server_2016 = windows(build="14393", product="server", edition="ServerStandard")
    now = datetime.fromisoformat(moment)
    assert verdict("ANS-2.1", vouched(server_2016, now), now=now) == expected


def windows_10(ubr: int | None, patch: dict[str, Any] | None = None) -> Any:
    facts = windows(build="19045", version="22H2", ubr=ubr)
    sections = {**facts.sections, "patch": section({**PATCH, **(patch or {})})}
    return device(sections=sections)


@pytest.mark.parametrize(
    ("ubr", "patch", "expected"),
    [
        (6456, {}, ("fail", "support_ended_extension_unproven")),
        (6457, {}, ("warn", "support_extended")),
        (6457, {"last_os_install_at": None}, ("warn", "support_extended")),
        (6457, {"last_os_install_at": "2026-08-12T21:00:00Z"}, ("fail", "support_ended_extension_unproven")),
        (6456, {"esu": {"state": "receiving", "evidence": "ubr"}}, ("fail", "support_ended_extension_unproven")),
        (None, {"esu": {"state": "receiving", "evidence": "license"}}, ("warn", "support_extended")),
        (None, {"esu": {"state": "licensed", "evidence": "license"}}, ("fail", "support_ended_extension_unproven")),
        (None, {"esu": None}, ("fail", "support_ended_extension_unproven")),
    ],
)
def test_extended_updates_must_be_seen_to_arrive(
    ubr: int | None, patch: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert verdict("ANS-2.1", windows_10(ubr, patch)) == expected


def test_extended_updates_end_too() -> None:
    after_all = datetime(2028, 10, 11, 8, tzinfo=UTC)
    facts = vouched(windows_10(9999, {"last_os_install_at": "2028-10-10T20:00:00Z"}), after_all)
    assert verdict("ANS-2.1", facts, now=after_all - timedelta(days=1)) == ("warn", "support_extended")
    assert verdict("ANS-2.1", facts, now=after_all) == ("fail", "support_ended")


@pytest.mark.parametrize(
    ("count", "items", "age_days", "expected"),
    [
        (0, [], None, ("pass", "security_updates_applied")),
        (1, [], 14, ("pass", "security_updates_recent")),
        (1, [], 15, ("warn", "security_updates_late")),
        (1, [], 30, ("warn", "security_updates_late")),
        (1, [], 31, ("fail", "security_updates_overdue")),
        (1, [update("security", "2026-11-07")], None, ("pass", "security_updates_recent")),
        (1, [update("security", "2026-11-06")], None, ("warn", "security_updates_late")),
        (1, [update("security", "2026-10-21")], 3, ("fail", "security_updates_overdue")),
        (
            1,
            [update("driver", "2026-01-01"), update("security", "2026-11-10")],
            None,
            ("pass", "security_updates_recent"),
        ),
        (
            3,
            [update("security", "2026-11-19"), update("security", "2026-11-01"), update("security", "2026-11-12")],
            1,
            ("warn", "security_updates_late"),
        ),
        (1, [update("security", "2026-12-24")], None, ("unknown", "security_updates_age_unknown")),
        (1, [update("security", None)], None, ("unknown", "security_updates_age_unknown")),
        (1, [], None, ("unknown", "security_updates_age_unknown")),
        (None, [], None, ("unknown", "updates_unreadable")),
        (1, [update("security", "2026-01-01", kb="2267602")], None, ("pass", "security_updates_applied")),
        (2, [update("security", "2026-01-01", kb="2267602")], 2, ("pass", "security_updates_recent")),
    ],
)
def test_the_oldest_missing_security_update_decides(
    count: int | None, items: list[dict[str, Any]], age_days: int | None, expected: tuple[str, str]
) -> None:
    assert verdict("ANS-2.2", pending(security=count, items=items, max_age_days=age_days)) == expected


def test_critical_updates_count_as_security_updates() -> None:
    assert verdict("ANS-2.2", pending(critical=1, max_age_days=40)) == ("fail", "security_updates_overdue")


def test_a_missing_update_ages_between_reports() -> None:
    facts = pending(security=1, max_age_days=14)
    later = NOW + timedelta(days=1)
    assert verdict("ANS-2.2", facts) == ("pass", "security_updates_recent")
    assert verdict("ANS-2.2", vouched(facts, later), now=later) == ("warn", "security_updates_late")


def test_updates_of_unknown_age_fail_once_they_have_been_reported_for_long_enough() -> None:
    facts = pending(security=1)
    for days, expected in ((30, "security_updates_age_unknown"), (32, "security_updates_overdue")):
        now = NOW + timedelta(days=days)
        assert verdict("ANS-2.2", vouched(facts, now), now=now)[1] == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"last_search_ok_at": "2026-11-06T09:00:00Z"}, ("pass", "security_updates_applied")),
        ({"last_search_ok_at": "2026-11-06T08:00:00Z"}, ("unknown", "update_search_stale")),
        ({"last_search_ok_at": None}, ("unknown", "update_search_unknown")),
        ({"last_search_ok_at": "2031-01-01T00:00:00Z"}, ("unknown", "update_search_unknown")),
        ({"last_search_ok_at": None, "index_age_s": 86400}, ("pass", "security_updates_applied")),
        ({"index_age_s": 180 * 86400}, ("unknown", "update_search_stale")),
        ({"pending": None}, ("unknown", "updates_unreadable")),
    ],
)
def test_nothing_pending_is_worth_what_the_last_search_is_worth(
    changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert verdict("ANS-2.2", with_data("patch", **changes)) == expected


def test_an_old_search_does_not_soften_an_overdue_update() -> None:
    stale = {"last_search_ok_at": "2026-09-01T00:00:00Z"}
    facts = with_data("patch", pending={**PATCH["pending"], "security": 1, "max_age_days": 45}, **stale)
    assert verdict("ANS-2.2", facts) == ("fail", "security_updates_overdue")


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (timedelta(days=2, hours=23), ("pass", "restart_pending")),
        (timedelta(days=3), ("warn", "restart_due")),
        (timedelta(days=6, hours=23), ("warn", "restart_due")),
        (timedelta(days=7), ("fail", "restart_overdue")),
    ],
)
def test_a_pending_restart_is_counted_from_when_the_server_first_saw_it(
    since: timedelta, expected: tuple[str, str]
) -> None:
    waiting = {**OS, "boot_at": "2026-10-01T06:00:00Z", "reboot_required": {"value": "yes", "strong_sources": ["cbs"]}}
    facts = with_section("os", section(waiting), first_seen={"reboot_required": NOW - since})
    assert verdict("ANS-2.3", facts) == expected


def test_a_restart_since_then_starts_the_count_again() -> None:
    waiting = {**OS, "boot_at": "2026-11-20T06:00:00Z", "reboot_required": {"value": "yes"}}
    facts = with_section("os", section(waiting), first_seen={"reboot_required": NOW - timedelta(days=30)})
    assert verdict("ANS-2.3", facts) == ("pass", "restart_pending")
    assert judge("ANS-2.3", facts).evidence["since"] == "2026-11-20T06:00:00Z"


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ({"value": "no", "file_rename": "yes"}, ("pass", "no_restart_pending")),
        ({"value": "unknown", "file_rename": "yes"}, ("unknown", "restart_unknown")),
        (None, ("unknown", "restart_unknown")),
        ({"value": "yes"}, ("pass", "restart_pending")),
    ],
)
def test_files_to_rename_are_no_pending_restart(flag: dict[str, Any] | None, expected: tuple[str, str]) -> None:
    assert verdict("ANS-2.3", windows(reboot_required=flag)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("pass", "auto_update_on")),
        ({"auto_update": "managed", "managed_by": "wsus"}, ("pass", "auto_update_on")),
        ({"auto_update": "disabled"}, ("fail", "auto_update_off")),
        ({"auto_update": "notify"}, ("warn", "auto_update_notify_only")),
        ({"auto_update": "unknown"}, ("unknown", "auto_update_unknown")),
        ({"auto_update": "quantum"}, ("unknown", "auto_update_unknown")),
        ({"auto_update": None}, ("unknown", "auto_update_unknown")),
        ({"paused_until": "2026-11-20T00:00:00Z"}, ("pass", "auto_update_on")),
        ({"paused_until": "2026-12-05T08:00:00Z"}, ("warn", "auto_update_paused")),
        ({"paused_until": "2026-12-05T08:00:01Z"}, ("fail", "auto_update_paused_long")),
        ({"last_search_ok_at": "2026-11-13T09:00:00Z"}, ("pass", "auto_update_on")),
        ({"last_search_ok_at": "2026-11-13T08:00:00Z"}, ("warn", "update_search_late")),
        ({"last_search_ok_at": "2026-11-06T09:00:00Z"}, ("warn", "update_search_late")),
        ({"last_search_ok_at": "2026-11-06T08:00:00Z"}, ("fail", "update_search_overdue")),
        ({"last_search_ok_at": "2026-11-06T08:00:00Z", "managed_by": "wsus"}, ("fail", "update_search_overdue")),
        ({"last_search_ok_at": None}, ("unknown", "update_search_unknown")),
    ],
)
def test_automatic_updating_must_be_on_and_must_search(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert verdict("ANS-2.4", with_data("patch", **changes)) == expected


@pytest.mark.parametrize(
    ("reopened", "expected"),
    [(date(2026, 11, 20), ("pass", "auto_update_on")), (date(2026, 11, 4), ("fail", "update_search_overdue"))],
)
def test_a_machine_that_is_off_in_the_holidays_need_not_search(reopened: date, expected: tuple[str, str]) -> None:
    """It searched last three weeks ago, as the practice closed; the other practice has been open again for sixteen days."""
    week = ((Span(8 * 60, 19 * 60),),) * 7
    hours = Hours(week, closures=((date(2026, 10, 31), reopened),), territory="none")
    facts = with_data("patch", last_search_ok_at="2026-10-30T08:00:00Z")
    found = assess_auto_update(facts, Policy(), PracticeCalendar(hours, "Europe/Paris"), load_lifecycle(), NOW)
    assert (found.state, found.reason) == expected
    assert found.evidence["search_age_days"] == 22


@pytest.mark.parametrize(
    ("apps", "expected"),
    [
        ([("suite", "16.0.1")], ("pass", "software_current")),
        ([("suite", "15.0.1")], ("fail", "software_ended")),
        ([("suite", "151.0")], ("unknown", "software_not_judged")),
        ([("suite", "17.0")], ("unknown", "software_not_judged")),
        ([("game", "1.0")], ("unknown", "software_not_judged")),
        ([("browser", "150.0.7")], ("pass", "software_current")),
        ([("browser", "149.9")], ("pass", "software_current")),
        ([("reader", "25.2.9")], ("warn", "software_behind")),
        ([("reader", "25.3")], ("pass", "software_current")),
        ([("editor", "2")], ("pass", "software_current")),
        ([("player", "2")], ("warn", "software_behind")),
        ([("player", "3")], ("pass", "software_current")),
        ([("viewer", "4.1")], ("fail", "software_far_behind")),
        ([("viewer", "4.2")], ("unknown", "software_not_judged")),
        ([("reader", None)], ("unknown", "software_not_judged")),
        ([("reader", "beta")], ("unknown", "software_not_judged")),
        ([("suite", "16.0"), ("reader", "25.2")], ("warn", "software_behind")),
        ([("game", "1.0"), ("reader", "25.2")], ("unknown", "software_not_judged")),
        ([("game", "1.0"), ("suite", "15.0")], ("fail", "software_ended")),
        ([], ("not_applicable", "software_none_listed")),
    ],
)
def test_software_is_judged_by_the_catalogue_alone(
    apps: list[tuple[str, str | None]], expected: tuple[str, str]
) -> None:
    listed = [{"slug": slug, "version": version} for slug, version in apps]
    assert verdict("ANS-2.5", with_data("patch", apps=listed), lifecycle=SOFTWARE) == expected


def test_software_that_is_not_in_order_is_named() -> None:
    apps = [
        {"slug": "game", "version": "1.0"},
        {"slug": "suite", "version": "15.0"},
        {"slug": "browser", "version": "150"},
    ]
    evidence = judge("ANS-2.5", with_data("patch", apps=apps), lifecycle=SOFTWARE).evidence
    assert evidence["ended"] == ["suite 15.0"]
    assert evidence["not_judged"] == ["game 1.0"]
    assert evidence["products"] == 3


def test_a_product_that_ends_is_caught_on_the_day_after() -> None:
    facts = with_data("patch", apps=[{"slug": "suite", "version": "16.0"}])
    finding = assert_expires_exactly("ANS-2.5", vouched(facts, NOW), NOW, lifecycle=SOFTWARE)
    assert finding.valid_until == datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("apps", "now", "expected"),
    [
        ([("editor", "2")], "2026-11-22T00:00:00Z", ("warn", "software_behind")),
        ([("player", "2")], "2026-11-22T00:00:00Z", ("fail", "software_far_behind")),
        ([("player", "3")], "2026-11-22T00:00:00Z", ("unknown", "software_not_judged")),
    ],
)
def test_software_falls_behind_on_the_day_after_the_bound(
    apps: list[tuple[str, str]], now: str, expected: tuple[str, str]
) -> None:
    facts = with_data("patch", apps=[{"slug": slug, "version": version} for slug, version in apps])
    moment = datetime.fromisoformat(now)
    assert verdict("ANS-2.5", vouched(facts, NOW), now=moment, lifecycle=SOFTWARE) == expected
    assert verdict("ANS-2.5", vouched(facts, NOW), now=moment - timedelta(seconds=1), lifecycle=SOFTWARE) != expected


def test_packages_of_a_distribution_are_judged_with_the_system() -> None:
    facts = with_data("patch", apps=None)
    assert verdict("ANS-2.5", facts) == ("unknown", "software_unreadable")
    linux = device(family="linux", sections=facts.sections)
    assert verdict("ANS-2.5", linux) == ("not_applicable", "software_from_distribution")


@pytest.mark.parametrize(
    ("control", "facts"),
    [
        ("ANS-2.1", windows()),
        ("ANS-2.1", windows(build="14393", product="server")),
        ("ANS-2.1", windows_10(6457)),
        ("ANS-2.1", windows(family="linux", distro="debian", version="12")),
        ("ANS-2.2", pending()),
        ("ANS-2.2", pending(security=1, max_age_days=3)),
        ("ANS-2.2", pending(security=1, max_age_days=20)),
        ("ANS-2.2", pending(security=1)),
        (
            "ANS-2.2",
            with_data("patch", pending={**PATCH["pending"], "security": 1, "max_age_days": 3}, index_age_s=86400 * 40),
        ),
        ("ANS-2.3", windows(reboot_required={"value": "yes"})),
        ("ANS-2.4", with_data("patch")),
        ("ANS-2.4", with_data("patch", paused_until="2026-11-24T08:00:00Z")),
        ("ANS-2.4", with_data("patch", paused_until="2027-01-24T08:00:00Z")),
        ("ANS-2.4", with_data("patch", auto_update="notify")),
        ("ANS-2.4", with_data("patch", auto_update=None)),
        ("ANS-2.4", with_data("patch", last_search_ok_at="2026-11-13T00:00:00Z")),
    ],
)
def test_a_verdict_holds_exactly_until_it_says(control: str, facts: Any) -> None:
    patient = Policy.from_mapping({"freshness": {"fresh_hours": 24 * 3000, "stale_days": 3001}})
    assert_expires_exactly(control, facts, NOW, policy=patient)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("unknown", ("unknown", "section_unreadable")),
        ("disabled", ("unknown", "collection_disabled")),
        ("not_applicable", ("not_applicable", "section_not_applicable")),
        ("something_new", ("unknown", "section_unreadable")),
    ],
)
@pytest.mark.parametrize("control", ["ANS-2.1", "ANS-2.2", "ANS-2.3", "ANS-2.4", "ANS-2.5"])
def test_what_could_not_be_read_is_never_a_pass(control: str, status: str, expected: tuple[str, str]) -> None:
    name = "os" if control in {"ANS-2.1", "ANS-2.3"} else "patch"
    assert verdict(control, with_section(name, section(None, status))) == expected
    assert verdict(control, with_section(name, None)) == ("unknown", "section_missing")


def test_a_machine_without_any_update_manager_does_not_update_itself() -> None:
    facts = with_section("patch", section(None, "absent"))
    assert verdict("ANS-2.2", facts) == ("unknown", "no_update_manager")
    assert verdict("ANS-2.4", facts) == ("fail", "no_update_manager")
