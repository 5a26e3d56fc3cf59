"""ANS-2.8: the firewall of the device itself is on, wherever the device is plugged in."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from vigie.posture.rules.lifecycle import Lifecycle
from vigie.posture.rules.model import Calendar, DeviceFacts, Finding, Policy, State
from vigie.posture.rules.reading import read, verdict
from vigie.posture.rules.reasons import Reason

_WINDOWS_PROFILES = frozenset({"domain", "private", "public"})
_ON = {"yes"}
_TOLD_INBOUND = {"block"}
_WANTED: Mapping[str, str] = {"profiles": "all", "enabled": "yes", "inbound_default": "block"}


def assess_firewall(
    facts: DeviceFacts, _policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, _now: datetime
) -> Finding:
    """ANS-2.8: the firewall runs on all profiles (domain, private, public on Windows; one elsewhere).

    Fail: none, off on any profile, its service stopped, or letting in by default what no rule asked for. A registered
    third-party firewall takes the place of the profiles. Settings alone are unknown: a profile that is set to on protects
    nobody while the service is stopped. There is no warning in between. The firewall of the box is ANS-3.6.
    """
    control = "ANS-2.8"
    reading = read(facts, control, "firewall", _WANTED, absent=("fail", "firewall_none"))
    if isinstance(reading, Finding):
        return reading
    data, evidence = reading.data, reading.evidence
    engine, service = data.get("engine"), data.get("service_running")
    evidence["engine"] = engine
    evidence["service_running"] = service
    profiles = data.get("profiles")
    if service == "no" or engine == "none":
        state, reason = _OFF
    elif engine == "third_party":
        state, reason = ("pass", "firewall_third_party") if service == "yes" else _UNREADABLE
    elif engine is None or not isinstance(profiles, list | tuple) or not profiles:
        state, reason = _UNREADABLE
    else:
        evidence["profiles"] = {str(profile.get("name")): profile.get("enabled") for profile in profiles}
        state, reason = _judge_profiles(profiles, service, on_windows=facts.family == "windows")
    return verdict(control, state, reason, evidence, _WANTED)


_OFF: tuple[State, Reason] = ("fail", "firewall_off")
_UNREADABLE: tuple[State, Reason] = ("unknown", "firewall_unreadable")


def _judge_profiles(
    profiles: Sequence[Mapping[str, Any]], service: object, *, on_windows: bool
) -> tuple[State, Reason]:
    """Judge the profiles of a firewall whose service is not known to be stopped."""
    told = {(profile.get("enabled"), profile.get("inbound_default")) for profile in profiles}
    enabled = {on for on, _ in told}
    if "no" in enabled:
        return _OFF
    if ("yes", "allow") in told:
        return "fail", "firewall_lets_in"
    if (
        enabled != _ON
        or {inbound for _, inbound in told} != _TOLD_INBOUND
        or (on_windows and not {profile.get("name") for profile in profiles} >= _WINDOWS_PROFILES)
    ):
        return _UNREADABLE
    return ("pass", "firewall_on") if service == "yes" else ("unknown", "firewall_unproven")
