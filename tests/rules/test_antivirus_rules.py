"""ANS-2.6 and 2.7: antivirus and its signatures on every system, each verdict beside its nearest other."""

from datetime import timedelta
from typing import Any

from tests.rules.control_cases import Case, about, check, judge, row
from tests.rules.machines import SYSTEMS, linux, mac, part, told, windows, with_body, without
from tests.rules.posture_facts import NOW, SEEN, section
from vigie.posture.rules.model import DeviceFacts

TICK = timedelta(seconds=1)


def products(machine: DeviceFacts, *listed: tuple[str, str | None, str | None], **more: Any) -> DeviceFacts:
    """Name, state and signatures of each product."""
    rows = [{"name": name, "state": state, "signatures": signatures} for name, state, signatures in listed]
    return told(machine, "antivirus", products=rows, **more)


def registered(*listed: tuple[str, str | None, str | None], **more: Any) -> DeviceFacts:
    """A Windows client whose facts about real time are not told: Defender, who tells them, is not on."""
    return products(windows(), *listed, **{"realtime": "unknown", "tamper_protected": None, **more})


def server(*listed: tuple[str, str | None, str | None], **more: Any) -> DeviceFacts:
    """A Windows server: no Security Center, so services instead, which say nothing of signatures."""
    facts = told(windows(role="server"), "os", product="server", chassis="server")
    return products(facts, *listed, **{"realtime": "unknown", "tamper_protected": None, **more})


DEFENDER = ("windows_defender", "on", "up_to_date")
DEFENDER_ASIDE = ("windows_defender", "off", "up_to_date")
CLAMAV = ("clamav", "on", "up_to_date")
ESET = ("eset", "on", "up_to_date")
ESET_SERVICE = ("eset", "on", "unknown")
XPROTECT = ("xprotect", "on", "unknown")


@about(
    "ANS-2.6",
    [
        *(row(f"{name}, protected", machine(), "pass", "antivirus_on") for name, machine in SYSTEMS.items()),
        # Windows clients: the Security Center lists several products, and one that is on suffices.
        row("another product beside defender", registered(ESET, DEFENDER_ASIDE), "pass", "antivirus_on"),
        row("rows in the other order", registered(DEFENDER_ASIDE, ESET), "pass", "antivirus_on"),
        row(
            "a leftover row that is off",
            products(windows(), DEFENDER, ("avast", "off", "out_of_date")),
            "pass",
            "antivirus_on",
        ),
        row("registered, its signatures old", registered(("eset", "on", "out_of_date")), "pass", "antivirus_on"),
        row("real time without a product that is on", products(windows(), DEFENDER_ASIDE), "fail", "antivirus_off"),
        row("defender off alone", registered(DEFENDER_ASIDE), "fail", "antivirus_off"),
        row("snoozed", registered(("eset", "snoozed", "up_to_date"), DEFENDER_ASIDE), "fail", "antivirus_off"),
        row(
            "licence over",
            registered(("norton", "expired", "out_of_date"), DEFENDER_ASIDE),
            "fail",
            "antivirus_expired",
        ),
        row(
            "licence over, defender took over",
            products(windows(), ("norton", "expired", None), DEFENDER),
            "pass",
            "antivirus_on",
        ),
        row("real time off", told(windows(), "antivirus", realtime="no"), "fail", "realtime_off"),
        row(
            "defender registered, real time not told",
            told(windows(), "antivirus", realtime="unknown"),
            "unknown",
            "realtime_unknown",
        ),
        row(
            "real time null, signatures null",
            products(windows(), ("windows_defender", "on", None), realtime=None),
            "unknown",
            "realtime_unknown",
        ),
        row(
            "real time off, another registered",
            registered(ESET, DEFENDER, realtime="no", running_mode="passive"),
            "pass",
            "antivirus_on",
        ),
        row("no product", products(windows(), realtime="unknown"), "fail", "antivirus_none"),
        row("products null", told(windows(), "antivirus", products=None), "unknown", "antivirus_unreadable"),
        row("state unread", registered(("eset", "unknown", "unknown")), "unknown", "antivirus_unreadable"),
        row(
            "state null beside one that is off",
            registered(DEFENDER_ASIDE, ("eset", None, None)),
            "unknown",
            "antivirus_unreadable",
        ),
        row(
            "a state of tomorrow", registered(("eset", "hibernating", "up_to_date")), "unknown", "antivirus_unreadable"
        ),
        row("tampering possible", told(windows(), "antivirus", tamper_protected="no"), "warn", "tamper_protection_off"),
        row("tampering not told", told(windows(), "antivirus", tamper_protected="unknown"), "pass", "antivirus_on"),
        row(
            "tampering with defender, another protects",
            registered(ESET, DEFENDER_ASIDE, tamper_protected="no"),
            "pass",
            "antivirus_on",
        ),
        row(
            "whole drive left out",
            part(windows(), "antivirus", "exclusions", whole_drive="yes"),
            "warn",
            "antivirus_excludes_drive",
        ),
        row("exclusions not told", without(windows(), "antivirus", "exclusions"), "pass", "antivirus_on"),
        # Windows servers have no Security Center: that is no proof of a missing antivirus, a running service none of one.
        row("server, defender", server(DEFENDER, realtime="yes"), "pass", "antivirus_on"),
        row("server, defender without real time", server(DEFENDER, realtime="no"), "fail", "realtime_off"),
        row("server, service of another product", server(ESET_SERVICE), "unknown", "realtime_unknown"),
        row("server, service stopped", server(("eset", "off", "unknown")), "fail", "antivirus_off"),
        row(
            "server, service, defender passive",
            server(ESET_SERVICE, ("windows_defender", "on", "up_to_date"), realtime="no", running_mode="passive"),
            "unknown",
            "realtime_unknown",
        ),
        row(
            "server, nothing at all",
            with_body(windows(role="server"), "antivirus", section(None, "absent")),
            "fail",
            "antivirus_none",
        ),
        # macOS: Apple's own protection counts while the system guards it.
        row(
            "mac, gatekeeper off", part(mac(), "antivirus", "os_protection", gatekeeper="no"), "warn", "gatekeeper_off"
        ),
        row("mac, sip off", part(mac(), "antivirus", "os_protection", sip="no"), "warn", "system_protection_off"),
        row("mac, guards not told", told(mac(), "antivirus", os_protection=None), "pass", "antivirus_on"),
        row(
            "mac, xprotect unread",
            products(mac(), ("xprotect", "unknown", "unknown"), realtime="unknown"),
            "unknown",
            "antivirus_unreadable",
        ),
        # Linux: a scanner that only scans when asked is no real-time protection.
        row("linux, only on demand", told(linux(), "antivirus", realtime="no"), "fail", "realtime_off"),
        row("linux, real time not told", told(linux(), "antivirus", realtime="unknown"), "unknown", "realtime_unknown"),
        row(
            "linux, agent stopped",
            products(linux(), ("sentinelone", "off", "unknown"), realtime="no"),
            "fail",
            "antivirus_off",
        ),
        row(
            "linux, agent beside a scanner",
            products(linux(), CLAMAV, ("sophos", "off", "unknown"), realtime="no"),
            "fail",
            "realtime_off",
        ),
        row(
            "linux, tampering possible",
            told(linux(), "antivirus", tamper_protected="no"),
            "warn",
            "tamper_protection_off",
        ),
        row("linux, none", with_body(linux(), "antivirus", section(None, "absent")), "fail", "antivirus_none"),
        row(
            "linux workstation, none",
            with_body(linux(role="workstation"), "antivirus", section(None, "absent")),
            "fail",
            "antivirus_none",
        ),
        row(
            "nas, none",
            with_body(linux(role="nas"), "antivirus", section(None, "absent")),
            "not_applicable",
            "antivirus_not_on_appliance",
        ),
        row(
            "nas by family, none",
            with_body(linux(family="nas"), "antivirus", section(None, "absent")),
            "not_applicable",
            "antivirus_not_on_appliance",
        ),
        row(
            "nas, one that is off",
            products(linux(role="nas"), ("clamav", "off", "unknown"), realtime="no"),
            "fail",
            "antivirus_off",
        ),
        # Signatures are another control's: old ones do not make a protection that is on a failure here.
        row(
            "on with old signatures",
            products(windows(), ("windows_defender", "on", "out_of_date"), signature_age_days=40),
            "pass",
            "antivirus_on",
        ),
    ],
)
def test_an_antivirus_protects_in_real_time(case: Case) -> None:
    check(case)


def aged(machine: DeviceFacts, days: int | None, signatures: str = "unknown") -> DeviceFacts:
    listed = [{**product, "signatures": signatures} for product in machine.sections["antivirus"]["data"]["products"]]
    return told(machine, "antivirus", products=listed, signature_age_days=days)


def dated(machine: DeviceFacts, before_seen: timedelta, name: str = "eset") -> DeviceFacts:
    date = (SEEN - before_seen).isoformat().replace("+00:00", "Z")
    listed = [{"name": name, "state": "on", "signatures": "unknown", "engine_date": date}]
    return told(machine, "antivirus", products=listed, signature_age_days=None)


def switched_on(machine: DeviceFacts, before_seen: timedelta) -> DeviceFacts:
    return told(machine, "os", boot_at=(SEEN - before_seen).isoformat().replace("+00:00", "Z"))


DAY, TWO_HOURS = timedelta(days=1), timedelta(hours=2)
SINCE_SEEN = NOW - SEEN


@about(
    "ANS-2.7",
    [
        *(
            row(f"{name}, {days} days", aged(machine(), days), state, reason)
            for name, machine in (("windows", windows), ("linux", linux))
            for days, state, reason in (
                (0, "pass", "signatures_recent"),
                (3, "pass", "signatures_recent"),
                (4, "warn", "signatures_late"),
                (7, "warn", "signatures_late"),
                (8, "fail", "signatures_old"),
                (400, "fail", "signatures_old"),
            )
        ),
        row(
            "a date, a second less than four days",
            dated(windows(), 4 * DAY - SINCE_SEEN - TICK),
            "pass",
            "signatures_recent",
        ),
        row("a date, four days", dated(windows(), 4 * DAY - SINCE_SEEN), "warn", "signatures_late"),
        row(
            "a date, a second less than eight days",
            dated(linux(), 8 * DAY - SINCE_SEEN - TICK),
            "warn",
            "signatures_late",
        ),
        row("a date, eight days", dated(linux(), 8 * DAY - SINCE_SEEN), "fail", "signatures_old"),
        row("a date from the future", dated(windows(), -2 * DAY), "unknown", "signatures_unknown"),
        row("an absurd age", aged(windows(), 2**53 - 1), "fail", "signatures_old"),
        # Without age or date, the product's own word.
        row("says up to date", registered(ESET, signature_age_days=None), "pass", "signatures_vouched"),
        row("defender says up to date, no date", aged(windows(), None, "up_to_date"), "unknown", "signatures_unknown"),
        row(
            "fresh, but whether it is on is not told",
            products(windows(), ("eset", None, "up_to_date"), ("windows_defender", "off", "up_to_date")),
            "unknown",
            "signatures_unknown",
        ),
        row("says out of date", aged(windows(), None, "out_of_date"), "fail", "signatures_out_of_date"),
        row("says nothing", aged(windows(), None), "unknown", "signatures_unknown"),
        row("says up to date, a week old", aged(linux(), 8, "up_to_date"), "fail", "signatures_old"),
        row("mac says up to date", mac(), "pass", "signatures_vouched"),
        row("mac says out of date", aged(mac(), None, "out_of_date"), "fail", "signatures_out_of_date"),
        row("mac as the agent reports it", products(mac(), XPROTECT), "unknown", "signatures_unknown"),
        row("mac, apple publishes rarely", dated(mac(), 30 * DAY, "xprotect"), "unknown", "signatures_unknown"),
        # Several products: what is on counts, and one good one is enough.
        row(
            "another on, defender aside and old",
            registered(ESET, ("windows_defender", "off", "out_of_date"), signature_age_days=None),
            "pass",
            "signatures_vouched",
        ),
        row(
            "defender's age is not the other's",
            registered(("eset", "on", "out_of_date"), DEFENDER, signature_age_days=0),
            "pass",
            "signatures_recent",
        ),
        row(
            "defender old, the other fresh",
            registered(ESET, DEFENDER, signature_age_days=90),
            "pass",
            "signatures_vouched",
        ),
        row(
            "defender old, the other silent",
            registered(ESET_SERVICE, DEFENDER, signature_age_days=90),
            "unknown",
            "signatures_unknown",
        ),
        row(
            "fresh, but off, beside one that is on and old",
            registered(("eset", "on", "out_of_date"), DEFENDER_ASIDE, signature_age_days=None),
            "fail",
            "signatures_out_of_date",
        ),
        row(
            "nothing on, all old",
            products(windows(), ("windows_defender", "off", "out_of_date"), signature_age_days=9),
            "fail",
            "signatures_old",
        ),
        row(
            "products unread, age told",
            told(windows(), "antivirus", products=None, signature_age_days=2),
            "unknown",
            "signatures_unknown",
        ),
        row(
            "products unread, age unread",
            told(windows(), "antivirus", products=None, signature_age_days=None),
            "unknown",
            "signatures_unknown",
        ),
        row("no product", products(windows()), "not_applicable", "signatures_no_product"),
        row(
            "no antivirus",
            with_body(linux(), "antivirus", section(None, "absent")),
            "not_applicable",
            "signatures_no_product",
        ),
        # A machine that was just switched on after the holidays fetches what it missed.
        row(
            "on for two hours less a second",
            switched_on(aged(windows(), 21), TWO_HOURS - TICK),
            "unknown",
            "signatures_settling",
        ),
        row("on for two hours", switched_on(aged(windows(), 21), TWO_HOURS), "fail", "signatures_old"),
        row("just on, a little old", switched_on(aged(linux(), 5), TWO_HOURS - TICK), "unknown", "signatures_settling"),
        row("just on, fresh", switched_on(aged(windows(), 1), TWO_HOURS - TICK), "pass", "signatures_recent"),
        row("just on, no antivirus", switched_on(products(windows()), TICK), "not_applicable", "signatures_no_product"),
        row("start not told", with_body(aged(windows(), 21), "os", None), "fail", "signatures_old"),
        row(
            "stricter",
            aged(windows(), 2),
            "warn",
            "signatures_late",
            policy={"protection": {"signatures_pass_days": 1}},
        ),
    ],
)
def test_signatures_are_of_this_week(case: Case) -> None:
    check(case)


def test_an_age_that_every_heartbeat_confirms_does_not_grow_with_the_age_of_the_section() -> None:
    old = section(windows().sections["antivirus"]["data"], collected_at="2026-09-01T07:40:00Z")
    assert judge("ANS-2.7", with_body(windows(), "antivirus", old)).state == "pass"
