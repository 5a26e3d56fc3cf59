"""ANS-2.9 to 2.12 and 3.2: sessions, passwords, accounts and administrators, each verdict beside its nearest other."""

from typing import Any

import pytest

from tests.rules.control_cases import Case, about, check, row
from tests.rules.machines import SYSTEMS, linux, mac, part, told, windows, with_body, without
from tests.rules.posture_facts import section
from vigie.posture.rules.model import DeviceFacts, Policy, PolicyError


def limited(machine: DeviceFacts, seconds: int | None, seen: int = 0, compliant: int = 0, **more: Any) -> DeviceFacts:
    """A machine that imposes a limit (None: none), with so many users seen, so many of them locking by themselves."""
    facts = {
        "machine_timeout_s": seconds,
        "machine_policy": "no" if seconds is None else "yes",
        "users": {"seen": seen, "compliant": compliant},
        "effective": "unknown",
    }
    return told(machine, "screen_lock", **(facts | more))


def console(seen: int, compliant: int, effective: str, idle_s: int | None = None) -> DeviceFacts:
    """A Mac: the delay of the person at the console; the idle time only where it was read."""
    users = {"seen": seen, "compliant": compliant}
    return told(mac(), "screen_lock", machine_timeout_s=idle_s, users=users, effective=effective)


def dconf(seconds: int | None, locked: str) -> DeviceFacts:
    """A Linux desktop: the default of the system, which users may change unless it is locked."""
    effective = "enforced" if locked == "yes" else "unknown"
    return told(linux(), "screen_lock", machine_timeout_s=seconds, machine_policy=locked, effective=effective)


@about(
    "ANS-2.9",
    [
        row("windows, enforced", windows(), "pass", "lock_enforced"),
        row("mac, by its user", mac(), "pass", "lock_by_user"),
        row("linux, enforced", linux(), "pass", "lock_enforced"),
        *(
            row(f"{name}, {seconds} s", limited(machine(), seconds), state, reason)
            for name, machine in SYSTEMS.items()
            for seconds, state, reason in (
                (1, "pass", "lock_enforced"),
                (899, "pass", "lock_enforced"),
                (900, "pass", "lock_enforced"),
                (901, "warn", "lock_late"),
                (1800, "warn", "lock_late"),
                (1801, "fail", "lock_too_late"),
                (7200, "fail", "lock_too_late"),
            )
        ),
        row("no limit, nobody signed in", limited(windows(), None), "unknown", "lock_unknown"),
        row("limit of zero is none", limited(windows(), 0, 1, 0), "fail", "lock_missing"),
        row("no limit, all lock", limited(windows(), None, 2, 2), "pass", "lock_by_user"),
        row("no limit, one of two locks", limited(windows(), None, 2, 1, effective="weak"), "fail", "lock_missing"),
        row("no limit, none locks", limited(windows(), None, 1, 0, effective="weak"), "fail", "lock_missing"),
        row("long limit, all lock", limited(windows(), 7200, 1, 1), "pass", "lock_by_user"),
        row("long limit, one does not", limited(windows(), 7200, 2, 1), "fail", "lock_too_late"),
        row("late limit, one does not", limited(windows(), 1200, 2, 1), "warn", "lock_late"),
        row("short limit, nobody locks", limited(windows(), 600, 2, 0), "pass", "lock_enforced"),
        row(
            "resume without password",
            part(windows(), "screen_lock", "users", no_password=1),
            "fail",
            "lock_without_password",
        ),
        row(
            "no resume without password",
            part(windows(), "screen_lock", "users", no_password=0),
            "pass",
            "lock_enforced",
        ),
        row("never", limited(windows(), None, effective="none"), "fail", "lock_missing"),
        row(
            "counts not told, all lock",
            limited(windows(), None, users=None, effective="per_user"),
            "pass",
            "lock_by_user",
        ),
        row("counts not told, weak", limited(windows(), None, users=None, effective="weak"), "fail", "lock_missing"),
        row("said to be enforced", limited(windows(), None, effective="enforced"), "pass", "lock_enforced"),
        row("a word of tomorrow", limited(windows(), None, effective="biometric"), "unknown", "lock_unknown"),
        # The reported delay of a Mac starts with the screen saver: without the idle time nobody knows when.
        row("mac, idle time not told", console(1, 1, "per_user"), "unknown", "lock_idle_unknown"),
        row("mac, idle time told", console(1, 1, "per_user", 300), "pass", "lock_by_user"),
        row("mac, never", console(1, 0, "none"), "fail", "lock_missing"),
        row("mac, an hour after the screen saver", console(1, 0, "weak"), "fail", "lock_missing"),
        row("linux, default that users may change", dconf(300, "no"), "unknown", "lock_unknown"),
        row("linux, locked default", dconf(300, "yes"), "pass", "lock_enforced"),
        row("linux, no default", dconf(None, "no"), "unknown", "lock_unknown"),
        row(
            "linux, no screen",
            with_body(linux(), "screen_lock", section(None, "not_applicable")),
            "not_applicable",
            "section_not_applicable",
        ),
        row(
            "stricter than the count",
            limited(windows(), None, 1, 1),
            "warn",
            "lock_late",
            policy={"access": {"lock_pass_s": 600}},
        ),
        row(
            "much stricter",
            limited(windows(), None, 1, 1),
            "fail",
            "lock_too_late",
            policy={"access": {"lock_pass_s": 300, "lock_warn_s": 600}},
        ),
        row("chairside", limited(windows(), 1800), "pass", "lock_enforced", policy={"access": {"lock_pass_s": 1800}}),
    ],
)
def test_an_unattended_session_locks_itself(case: Case) -> None:
    check(case)


def asked(
    machine: DeviceFacts, length: int | None, complexity: str | None = "yes", attempts: int | None = 10
) -> DeviceFacts:
    return part(machine, "accounts", "policy", min_length=length, complexity=complexity, lockout_threshold=attempts)


def joined(scope: str | None, product: str = "client", length: int = 7) -> DeviceFacts:
    """A Windows machine of a domain, whose own policy is weak and does not matter."""
    return told(told(asked(windows(), length), "accounts", scope=scope), "os", product=product, join="domain")


@about(
    "ANS-2.10",
    [
        *(
            row(
                f"{name}, {length} characters, complexity {complexity}",
                asked(machine(), length, complexity),
                state,
                reason,
            )
            for name, machine in SYSTEMS.items()
            for length, complexity, state, reason in (
                (14, "no", "pass", "passwords_strong"),
                (14, "unknown", "pass", "passwords_strong"),
                (13, "no", "fail", "passwords_weak"),
                (13, "unknown", "unknown", "password_complexity_unknown"),
                (13, None, "unknown", "password_complexity_unknown"),
                (12, "yes", "pass", "passwords_strong"),
                (11, "yes", "warn", "passwords_limited"),
                (8, "yes", "warn", "passwords_limited"),
                (8, "no", "fail", "passwords_weak"),
                (8, "unknown", "unknown", "password_complexity_unknown"),
                (7, "yes", "fail", "passwords_weak"),
                (0, "yes", "fail", "passwords_weak"),
                (None, "yes", "unknown", "password_policy_unreadable"),
            )
        ),
        *(
            row(
                f"lockout {attempts}, complexity {complexity}",
                asked(windows(), 11, complexity, attempts),
                state,
                reason,
            )
            for attempts, complexity, state, reason in (
                (0, "yes", "fail", "passwords_weak"),
                (1, "yes", "warn", "passwords_limited"),
                (10, "yes", "warn", "passwords_limited"),
                (11, "yes", "fail", "passwords_weak"),
                (None, "yes", "unknown", "password_lockout_unknown"),
                (0, "unknown", "fail", "passwords_weak"),
                (5, "unknown", "unknown", "password_complexity_unknown"),
            )
        ),
        row("no lockout needed at twelve", asked(windows(), 12, "yes", 0), "pass", "passwords_strong"),
        # Periodic renewal is no criterion, neither way.
        row("never renewed", part(windows(), "accounts", "policy", max_age_days=None), "pass", "passwords_strong"),
        row(
            "renewed every day and weak",
            part(asked(windows(), 7), "accounts", "policy", max_age_days=1),
            "fail",
            "passwords_weak",
        ),
        # Members of a domain show their own policy, which nobody follows.
        row("member of a domain", joined("domain"), "unknown", "password_policy_elsewhere"),
        row(
            "member of a domain, strong by itself", joined("domain", length=20), "unknown", "password_policy_elsewhere"
        ),
        row("server of a domain", joined("domain", "server"), "unknown", "password_policy_elsewhere"),
        row("controller of the domain, weak", joined("domain", "dc"), "fail", "passwords_weak"),
        row("controller of the domain, strong", joined("domain", "dc", 14), "pass", "passwords_strong"),
        row("entra", joined("entra"), "unknown", "password_policy_elsewhere"),
        row("entra on a controller", joined("entra", "dc"), "unknown", "password_policy_elsewhere"),
        row("linux of a directory", told(linux(), "accounts", scope="domain"), "unknown", "password_policy_elsewhere"),
        row("scope not told", joined(None), "unknown", "password_policy_unreadable"),
        row("scope of tomorrow", joined("mesh"), "unknown", "password_policy_unreadable"),
        row("policy null", told(windows(), "accounts", policy=None), "unknown", "password_policy_unreadable"),
        row(
            "policy as linux without pwquality tells it",
            asked(linux(), None, "no", None),
            "unknown",
            "password_policy_unreadable",
        ),
        row(
            "longer wanted",
            asked(windows(), 14),
            "warn",
            "passwords_limited",
            policy={"access": {"password_length": 16, "password_alone_length": 20}},
        ),
    ],
)
def test_the_system_asks_for_strong_passwords(case: Case) -> None:
    check(case)


@about(
    "ANS-2.11",
    [
        *(row(f"{name}, closed", machine(), "pass", "accounts_closed") for name, machine in SYSTEMS.items()),
        *(
            row(f"{name}, {reason}", told(machine(), "accounts", **{key: value}), state, reason)
            for name, machine in SYSTEMS.items()
            for key, value, state, reason in (
                ("passwordless_allowed", 1, "fail", "blank_password_allowed"),
                ("autologon", "yes", "fail", "autologon_on"),
                ("autologon", "yes_clear_text", "fail", "autologon_clear_text"),
                ("guest_enabled", "yes", "fail", "guest_enabled"),
                ("guest_enabled", "unknown", "unknown", "account_openness_unknown"),
            )
        ),
        row(
            "autologon unread", told(windows(), "accounts", autologon="unknown"), "unknown", "account_openness_unknown"
        ),
        row("autologon null", told(windows(), "accounts", autologon=None), "unknown", "account_openness_unknown"),
        row(
            "autologon of tomorrow",
            told(windows(), "accounts", autologon="by_badge"),
            "unknown",
            "account_openness_unknown",
        ),
        row(
            "count null", told(windows(), "accounts", passwordless_allowed=None), "unknown", "account_openness_unknown"
        ),
        row(
            "count not told, as macs do",
            without(mac(), "accounts", "passwordless_allowed"),
            "unknown",
            "account_openness_unknown",
        ),
        row(
            "count not told, opens by itself",
            told(without(mac(), "accounts", "passwordless_allowed"), "accounts", autologon="yes"),
            "fail",
            "autologon_on",
        ),
        row(
            "everything at once",
            told(windows(), "accounts", autologon="yes_clear_text", passwordless_allowed=3, guest_enabled="yes"),
            "fail",
            "autologon_clear_text",
        ),
        row(
            "local accounts of a domain machine",
            told(windows(), "accounts", scope="domain", passwordless_allowed=1),
            "fail",
            "blank_password_allowed",
        ),
    ],
)
def test_no_account_opens_by_itself(case: Case) -> None:
    check(case)


def people(machine: DeviceFacts, local: int | None, daily: str | None, builtin: str | None = "no") -> DeviceFacts:
    admins = {"local": local, "domain": 1, "entra": 2, "unresolved": 1}
    return told(machine, "accounts", admins=admins, daily_user_is_admin=daily, builtin_admin_enabled=builtin)


WORKPLACES = {"windows": windows(), "macos": mac(), "linux": linux(role="workstation")}


@about(
    "ANS-2.12",
    [
        *(
            row(
                f"{name}, {enabled} administrators, daily user {daily}",
                people(machine, enabled + 1, daily),
                state,
                reason,
            )
            for name, machine in WORKPLACES.items()
            for enabled, daily, state, reason in (
                (0, "no", "pass", "admins_few"),
                (2, "no", "pass", "admins_few"),
                (3, "no", "warn", "admins_many"),
                (4, "no", "warn", "admins_many"),
                (9, "no", "warn", "admins_many"),
                (1, "yes", "warn", "daily_user_admin"),
                (3, "yes", "warn", "daily_user_admin"),
                (4, "yes", "fail", "daily_user_admin_many"),
                (2, "unknown", "unknown", "daily_user_unknown"),
                (3, "unknown", "warn", "admins_many"),
                (4, "unknown", "unknown", "daily_user_unknown"),
                (2, None, "unknown", "daily_user_unknown"),
            )
        ),
        # The built-in account never leaves its group; it counts only while it is enabled.
        row("built-in enabled", people(windows(), 3, "no", "yes"), "warn", "admins_many"),
        row("built-in not told", people(windows(), 3, "no", "unknown"), "warn", "admins_many"),
        row("built-in disabled and alone", people(windows(), 0, "no"), "pass", "admins_few"),
        row("count null", people(windows(), None, "no"), "unknown", "admins_unknown"),
        row("count null, daily user is one", people(windows(), None, "yes"), "unknown", "admins_unknown"),
        row("counts missing", told(windows(), "accounts", admins=None), "unknown", "admins_unknown"),
        # Nobody works at a server: its daily user is whoever maintains it.
        row("server, few", people(windows(role="server"), 3, "yes"), "pass", "admins_few"),
        row("server, many", people(windows(role="server"), 4, "yes"), "warn", "admins_many"),
        row("server, very many", people(linux(), 9, "unknown"), "warn", "admins_many"),
        row("nas, not told", people(linux(role="nas"), 2, None), "pass", "admins_few"),
        row("one allowed", people(windows(), 3, "no"), "warn", "admins_many", policy={"access": {"admins_pass": 1}}),
    ],
)
def test_nobody_works_as_an_administrator(case: Case) -> None:
    check(case)


def used(machine: DeviceFacts, accounts: int | None, unseen: int | None, idle_days: int | None) -> DeviceFacts:
    """A machine whose people's accounts are so many, so many of them without a sign-in on record, the others idle so long."""
    return told(machine, "accounts", sign_ins={"accounts": accounts, "unseen": unseen, "longest_idle_days": idle_days})


def member(scope: str | None, *sign_ins: int | None) -> DeviceFacts:
    return told(used(windows(), *sign_ins), "accounts", scope=scope)


@about(
    "ANS-3.2",
    [
        *(
            row(f"{name}, not told", told(machine(), "accounts", sign_ins=None), "unknown", "last_sign_in_unknown")
            for name, machine in SYSTEMS.items()
        ),
        *(
            row(f"{name}, idle for {days} days", used(machine(), 3, 0, days), state, reason)
            for name, machine in SYSTEMS.items()
            for days, state, reason in (
                (0, "pass", "accounts_in_use"),
                (90, "pass", "accounts_in_use"),
                (91, "warn", "account_idle"),
                (180, "warn", "account_idle"),
                (181, "fail", "account_abandoned"),
                (2**53 - 1, "fail", "account_abandoned"),
            )
        ),
        row(
            "idle longer than agreed",
            used(windows(), 3, 0, 40),
            "warn",
            "account_idle",
            policy={"access": {"idle_pass_days": 30, "idle_warn_days": 60}},
        ),
        row("one never signed in", used(windows(), 3, 1, 20), "warn", "account_unseen"),
        row("one never signed in, one idle", used(windows(), 3, 1, 100), "warn", "account_unseen"),
        row("one never signed in, one gone", used(windows(), 3, 1, 190), "fail", "account_abandoned"),
        row("none ever signed in", used(windows(), 2, 2, None), "warn", "account_unseen"),
        row("two without a date", used(windows(), 2, 0, None), "unknown", "last_sign_in_unknown"),
        row("one without a date", used(windows(), 2, 1, None), "unknown", "last_sign_in_unknown"),
        row("nobody counted, one date", used(windows(), None, 0, 20), "pass", "accounts_in_use"),
        row("nobody counted, no date", used(windows(), None, 0, None), "unknown", "last_sign_in_unknown"),
        row("unseen not told", used(windows(), 2, None, 20), "unknown", "last_sign_in_unknown"),
        row("unseen not told, one gone", used(windows(), 2, None, 190), "fail", "account_abandoned"),
        row("only services", used(linux(), 0, 0, None), "not_applicable", "accounts_of_nobody"),
        row("scope not told", member(None, 2, 0, 20), "unknown", "last_sign_in_unknown"),
        row("scope not told, no account", member(None, 0, 0, None), "unknown", "last_sign_in_unknown"),
        *(
            row(f"member of {scope}, {name}", member(scope, *sign_ins), state, reason)
            for scope in ("domain", "entra")
            for name, sign_ins, state, reason in (
                ("no local one", (0, 0, None), "unknown", "sign_ins_elsewhere"),
                ("in use", (2, 0, 20), "unknown", "sign_ins_elsewhere"),
                ("unseen", (2, 1, 20), "unknown", "sign_ins_elsewhere"),
                ("gone", (2, 0, 190), "fail", "account_abandoned"),
            )
        ),
    ],
)
def test_accounts_that_nobody_uses_are_closed(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(
    "overrides",
    [
        {"access": {"lock_pass_s": 1801}},
        {"access": {"password_length": 15}},
        {"access": {"password_limited_length": 13}},
        {"access": {"admins_pass": 5}},
        {"access": {"idle_pass_days": 181}},
        {"access": {"lockout_attempts": 0}},
    ],
)
def test_a_policy_that_cannot_be_applied_is_refused(overrides: Any) -> None:
    with pytest.raises(PolicyError):
        Policy.from_mapping(overrides)
