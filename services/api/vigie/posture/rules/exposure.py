"""ANS-2.16, 3.7 and 9.7: remote desktop, shares and the wireless link, tools that take control from afar."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from vigie.posture.rules.lifecycle import Lifecycle
from vigie.posture.rules.model import Calendar, DeviceFacts, Finding, Policy, State
from vigie.posture.rules.reading import read, verdict
from vigie.posture.rules.reasons import Reason
from vigie.posture.rules.timeline import WORST_FIRST

Judgement = tuple[State, Reason]

_VNC_PORTS = frozenset({5900, 5901})
_LISTED = 8
_CLOSED: Mapping[str, str] = {"remote_desktop": "no", "network_level_authentication": "yes"}
_RESTRICTED: Mapping[str, Any] = {"everyone_write": "no", "wifi": "wpa2"}


def assess_remote_desktop(
    facts: DeviceFacts, _policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, _now: datetime
) -> Finding:
    """ANS-2.16: no remote screen, or at least none that lets a stranger in before asking who it is.

    Pass: off. Warn: on with network level authentication, or another shared screen (VNC, macOS screen sharing). Fail: on
    without that authentication. Whether the Internet reaches it is not seen from inside: the rule never says so.
    """
    control = "ANS-2.16"
    reading = read(facts, control, "exposure", _CLOSED)
    if isinstance(reading, Finding):
        return reading
    data, evidence = reading.data, reading.evidence
    desktop = _part(data, "rdp")
    enabled, nla = desktop.get("enabled"), desktop.get("nla")
    evidence["remote_desktop"] = enabled
    screen = _shared_screen(data)
    evidence["shared_screen"] = screen
    if facts.family == "windows":
        state, reason = _windows_desktop(enabled, nla, screen)
        evidence["network_level_authentication"] = nla
    else:
        state, reason = _other_screen(enabled, screen, on_linux=facts.family != "macos")
    return verdict(control, state, reason, evidence, _CLOSED)


def _part(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return one object of a section; an empty one when it is missing."""
    part = data.get(name)
    return part if isinstance(part, Mapping) else {}


def _shared_screen(data: Mapping[str, Any]) -> str | None:
    """Tell whether a screen is shared by other means than remote desktop, by the setting or by an open port."""
    watched = _part(data, "ports").get("watched")
    told = _part(data, "sharing").get("screen")
    if told == "yes" or (watched is not None and not _VNC_PORTS.isdisjoint(watched)):
        return "yes"
    if watched is None:
        return "unknown"
    return str(told) if told is not None else None


def _windows_desktop(enabled: object, nla: object, screen: str | None) -> Judgement:
    if enabled == "yes" and nla == "no":
        return "fail", "remote_desktop_unauthenticated"
    if enabled == "yes" and nla != "yes":
        return "unknown", "remote_desktop_unknown"
    if enabled == "yes":
        return "warn", "remote_desktop_on"
    if enabled != "no":
        return "unknown", "remote_desktop_unknown"
    return _LOCAL_SCREEN.get(screen, ("pass", "remote_desktop_off"))


_LOCAL_SCREEN: Mapping[str | None, Judgement] = {
    "yes": ("warn", "screen_shared"),
    "unknown": ("unknown", "remote_desktop_unknown"),
}


def _other_screen(enabled: object, screen: str | None, *, on_linux: bool) -> Judgement:
    """Judge macOS and Linux, where a shared screen is a service like others and remote desktop a guest (of Linux only)."""
    if enabled == "yes" or screen == "yes":
        return "warn", "screen_shared"
    if on_linux and enabled != "no":
        return "unknown", "remote_desktop_unknown"
    return ("pass", "remote_desktop_off") if screen == "no" else ("unknown", "remote_desktop_unknown")


def assess_shares(
    facts: DeviceFacts, _policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, _now: datetime
) -> Finding:
    """ANS-3.7: no share that everybody may write to, and no wireless link that anybody can listen to.

    Shares: fail when one is open to everybody, unknown when their rights are not told, pass when nothing is shared. Link:
    open or WEP fails, but only warns on a laptop, which may be anywhere; the first WPA warns; a link that cannot be told is
    left to the person who attests the network (guests apart included).
    """
    control = "ANS-3.7"
    reading = read(facts, control, "exposure", _RESTRICTED)
    if isinstance(reading, Finding):
        return reading
    data, evidence = reading.data, reading.evidence
    shares, wifi = _part(data, "shares"), _part(data, "wifi")
    evidence["shares"] = shares.get("count")
    evidence["everyone_write"] = shares.get("everyone_write")
    evidence["wifi"] = wifi.get("security") if wifi.get("connected") == "yes" else None
    results = [
        _judge_shares(shares.get("count"), shares.get("everyone_write"), _file_service(facts, data)),
        _judge_link(evidence["wifi"], mobile=facts.role == "laptop"),
    ]
    state, reason = min(results, key=lambda result: WORST_FIRST[result[0]])
    return verdict(control, state, reason, evidence, _RESTRICTED)


def _file_service(facts: DeviceFacts, data: Mapping[str, Any]) -> object:
    """Tell whether files are offered; on Windows the shares themselves say it, there is no other service."""
    told = _part(data, "sharing").get("file")
    return "no" if told is None and facts.family == "windows" and _part(data, "shares").get("count") == 0 else told


def _judge_shares(count: object, everyone: object, file_service: object) -> Judgement:
    if everyone == "yes":
        return "fail", "share_open_to_all"
    if isinstance(count, int) and count and everyone == "no":
        return "pass", "shares_restricted"
    if not count and file_service == "no":
        return "pass", "nothing_shared"
    return "unknown", "shares_unknown"


def _judge_link(security: object, *, mobile: bool) -> Judgement:
    if security in {"open", "wep"}:
        return "warn" if mobile else "fail", "wifi_open"
    return ("warn", "wifi_weak") if security == "wpa" else ("pass", "shares_restricted")


def assess_remote_tools(
    facts: DeviceFacts, policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, _now: datetime
) -> Finding:
    """ANS-9.7: every tool that takes control from afar is one the practice agreed to (``remote_tools_allowed``).

    Pass: none, or only agreed ones; fail: another one; unknown: some, and nobody said which are agreed. Sessions and their
    consent are not seen here: the supplier answers for them (questionnaire on remote maintenance).
    """
    control = "ANS-9.7"
    allowed = policy.exposure.remote_tools_allowed
    threshold = {"agreed": ", ".join(allowed) if allowed is not None else None}
    reading = read(facts, control, "exposure", threshold)
    if isinstance(reading, Finding):
        return reading
    evidence = reading.evidence
    tools = reading.data.get("remote_tools")
    if not isinstance(tools, list | tuple):
        return verdict(control, "unknown", "remote_tools_unreadable", evidence, threshold)
    if not tools:
        return verdict(control, "pass", "no_remote_tool", evidence, threshold)
    evidence["tools"] = ", ".join(sorted(set(tools))[:_LISTED])
    if allowed is None:
        return verdict(control, "unknown", "remote_tools_undeclared", evidence, threshold)
    strange = sorted(set(tools).difference(allowed))
    if strange:
        evidence["strange"] = ", ".join(strange[:_LISTED])
        return verdict(control, "fail", "remote_tool_strange", evidence, threshold)
    return verdict(control, "pass", "remote_tools_agreed", evidence, threshold)
