"""ANS-2.16, 3.7 and 9.7: remote desktop, shares, wireless link, remote-control tools."""

from typing import Any

import pytest

from tests.rules.control_cases import Case, about, check, judge, row
from tests.rules.machines import SYSTEMS, linux, mac, part, told, windows, without
from vigie.posture.rules.model import DeviceFacts, Policy, PolicyError


def desktop(enabled: str | None, nla: str | None, machine: DeviceFacts | None = None) -> DeviceFacts:
    return part(machine or windows(), "exposure", "rdp", enabled=enabled, nla=nla)


def listening(machine: DeviceFacts, *ports: int) -> DeviceFacts:
    return part(machine, "exposure", "ports", watched=list(ports))


def screen(machine: DeviceFacts, shared: str | None) -> DeviceFacts:
    return part(machine, "exposure", "sharing", screen=shared)


@about(
    "ANS-2.16",
    [
        *(row(f"{name}, closed", machine(), "pass", "remote_desktop_off") for name, machine in SYSTEMS.items()),
        row("open, authenticated", desktop("yes", "yes"), "warn", "remote_desktop_on"),
        row("open, not authenticated", desktop("yes", "no"), "fail", "remote_desktop_unauthenticated"),
        row("open, authentication not told", desktop("yes", "unknown"), "unknown", "remote_desktop_unknown"),
        row("open, authentication null", desktop("yes", None), "unknown", "remote_desktop_unknown"),
        row("closed, not authenticated", desktop("no", "no"), "pass", "remote_desktop_off"),
        row("not told", desktop("unknown", "yes"), "unknown", "remote_desktop_unknown"),
        row("null", desktop(None, None), "unknown", "remote_desktop_unknown"),
        row("missing", without(windows(), "exposure", "rdp"), "unknown", "remote_desktop_unknown"),
        row("server, open, authenticated", desktop("yes", "yes", windows(role="server")), "warn", "remote_desktop_on"),
        row(
            "its port says nothing of the Internet", listening(desktop("yes", "yes"), 3389), "warn", "remote_desktop_on"
        ),
        *(
            row(f"{name}, ports not told", told(machine(), "exposure", ports=None), "unknown", "remote_desktop_unknown")
            for name, machine in SYSTEMS.items()
        ),
        row("linux, no word of a desktop", told(linux(), "exposure", rdp=None), "unknown", "remote_desktop_unknown"),
        *(
            row(f"{name}, vnc listens on {port}", listening(machine(), 22, port), "warn", "screen_shared")
            for name, machine in SYSTEMS.items()
            for port in (5900, 5901)
        ),
        *(
            row(f"{name}, ssh listens", listening(machine(), 22), "pass", "remote_desktop_off")
            for name, machine in SYSTEMS.items()
        ),
        row(
            "open without authentication beside vnc",
            listening(desktop("yes", "no"), 5900),
            "fail",
            "remote_desktop_unauthenticated",
        ),
        row("mac shares its screen", screen(mac(), "yes"), "warn", "screen_shared"),
        row("mac does not tell", screen(mac(), "unknown"), "unknown", "remote_desktop_unknown"),
        row("mac tells nothing", told(mac(), "exposure", sharing=None), "unknown", "remote_desktop_unknown"),
        row("linux shares its screen", screen(linux(), "yes"), "warn", "screen_shared"),
        row("linux with a remote desktop", desktop("yes", None, linux()), "warn", "screen_shared"),
        row("linux does not tell", screen(linux(), None), "unknown", "remote_desktop_unknown"),
    ],
)
def test_remote_desktop_is_closed(case: Case) -> None:
    check(case)


def shares(machine: DeviceFacts, count: int | None, everyone: str | None, file: str | None = None) -> DeviceFacts:
    sharing = None if file is None else {"file": file, "screen": "no", "ssh": "no"}
    return told(machine, "exposure", shares={"count": count, "everyone_write": everyone}, sharing=sharing)


def wifi(machine: DeviceFacts, security: str | None, connected: str = "yes") -> DeviceFacts:
    return told(machine, "exposure", wifi={"connected": connected, "security": security})


@about(
    "ANS-3.7",
    [
        *(row(f"{name}, nothing shared", machine(), "pass", "nothing_shared") for name, machine in SYSTEMS.items()),
        *(
            row(f"{name}, open to all", shares(machine(), 1, "yes"), "fail", "share_open_to_all")
            for name, machine in SYSTEMS.items()
        ),
        *(
            row(f"{name}, restricted", shares(machine(), 3, "no"), "pass", "shares_restricted")
            for name, machine in SYSTEMS.items()
        ),
        *(
            row(f"{name}, rights not told", shares(machine(), 1, "unknown"), "unknown", "shares_unknown")
            for name, machine in SYSTEMS.items()
        ),
        row("rights null", shares(windows(), 1, None), "unknown", "shares_unknown"),
        row("count null", shares(windows(), None, "no"), "unknown", "shares_unknown"),
        row("none, rights not told", shares(linux(), 0, "unknown", "no"), "pass", "nothing_shared"),
        row("windows, none, rights not told", shares(windows(), 0, "unknown"), "pass", "nothing_shared"),
        row("none, other services not told", shares(linux(), 0, "unknown"), "unknown", "shares_unknown"),
        row("shares null", told(windows(), "exposure", shares=None), "unknown", "shares_unknown"),
        row(
            "linux, no samba share but another file service",
            shares(linux(), 0, "unknown", "yes"),
            "unknown",
            "shares_unknown",
        ),
        row("nas, restricted", shares(linux(role="nas"), 2, "no", "yes"), "pass", "shares_restricted"),
        row("mac shares files", part(mac(), "exposure", "sharing", file="yes"), "unknown", "shares_unknown"),
        row("mac does not tell", part(mac(), "exposure", "sharing", file="unknown"), "unknown", "shares_unknown"),
        *(
            row(f"link {security}", wifi(windows(), security), state, reason)
            for security, state, reason in (
                ("open", "fail", "wifi_open"),
                ("wep", "fail", "wifi_open"),
                ("wpa", "warn", "wifi_weak"),
                ("wpa2", "pass", "nothing_shared"),
                ("wpa3", "pass", "nothing_shared"),
                ("unknown", "pass", "nothing_shared"),
                (None, "pass", "nothing_shared"),
            )
        ),
        row("link open, on the road", wifi(mac(), "open"), "warn", "wifi_open"),
        row("link open, mac of the front desk", wifi(mac(role="workstation"), "open"), "fail", "wifi_open"),
        row("link not in use", wifi(windows(), "open", "no"), "pass", "nothing_shared"),
        row("link weak, rights not told", shares(wifi(windows(), "wpa"), 1, "unknown"), "unknown", "shares_unknown"),
        row("link open, rights not told", shares(wifi(windows(), "open"), 1, "unknown"), "fail", "wifi_open"),
        row("link null", told(linux(), "exposure", wifi=None), "pass", "nothing_shared"),
    ],
)
def test_shares_are_restricted_and_the_link_encrypted(case: Case) -> None:
    check(case)


def tools(machine: DeviceFacts, *names: str) -> DeviceFacts:
    return told(machine, "exposure", remote_tools=list(names))


AGREED = {"exposure": {"remote_tools_allowed": ["teamviewer", "rustdesk"]}}
NONE_AGREED: dict[str, dict[str, list[str]]] = {"exposure": {"remote_tools_allowed": []}}


@about(
    "ANS-9.7",
    [
        *(
            row(f"{name}, {told_by}", tools(machine(), *found), state, reason, policy=policy)
            for name, machine in SYSTEMS.items()
            for told_by, found, policy, state, reason in (
                ("none", (), {}, "pass", "no_remote_tool"),
                ("none where none is agreed", (), NONE_AGREED, "pass", "no_remote_tool"),
                ("agreed", ("teamviewer",), AGREED, "pass", "remote_tools_agreed"),
                ("all agreed", ("rustdesk", "teamviewer"), AGREED, "pass", "remote_tools_agreed"),
                ("one not agreed", ("anydesk", "teamviewer"), AGREED, "fail", "remote_tool_strange"),
                ("one where none is agreed", ("teamviewer",), NONE_AGREED, "fail", "remote_tool_strange"),
                ("a tool of tomorrow", ("holodesk",), AGREED, "fail", "remote_tool_strange"),
                ("nobody said which", ("teamviewer",), {}, "unknown", "remote_tools_undeclared"),
            )
        ),
        row("null", told(windows(), "exposure", remote_tools=None), "unknown", "remote_tools_unreadable"),
        row("missing", without(linux(), "exposure", "remote_tools"), "unknown", "remote_tools_unreadable"),
    ],
)
def test_only_agreed_tools_take_control(case: Case) -> None:
    check(case)


def test_the_tools_and_what_was_agreed_are_named() -> None:
    finding = judge("ANS-9.7", tools(windows(), "vnc", "anydesk", "teamviewer"), policy=Policy.from_mapping(AGREED))
    assert finding.evidence["tools"] == "anydesk, teamviewer, vnc"
    assert finding.evidence["strange"] == "anydesk, vnc"
    assert finding.threshold == {"agreed": "rustdesk, teamviewer"}


@pytest.mark.parametrize(
    "allowed",
    ["teamviewer", ["TeamViewer"], [""], [3], 1, None, [["teamviewer"]]],
)
def test_an_agreement_that_cannot_be_applied_is_refused(allowed: Any) -> None:
    assert Policy.from_mapping({"exposure": {"remote_tools_allowed": ["teamviewer"]}})
    with pytest.raises(PolicyError):
        Policy.from_mapping({"exposure": {"remote_tools_allowed": allowed}})


def test_an_agreement_is_kept_sorted_and_without_repetition() -> None:
    policy = Policy.from_mapping({"exposure": {"remote_tools_allowed": ["vnc", "anydesk", "vnc"]}})
    assert policy.exposure.remote_tools_allowed == ("anydesk", "vnc")
