"""Healthy machines of the reference day, of every system, in the words of the agent; to be changed one thing at a time."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.rules.machine_sections import LINUX, MAC, WINDOWS
from tests.rules.posture_facts import SEEN, section
from vigie.posture.rules.model import DeviceFacts

Machine = Callable[..., DeviceFacts]


def _machine(family: str, role: str, sections: dict[str, Any], changes: dict[str, Any]) -> DeviceFacts:
    facts = DeviceFacts(
        family=family,
        role=role,
        enrolled_at=datetime(2025, 1, 10, tzinfo=UTC),
        seen_at=SEEN,
        sections={name: section(deepcopy(data)) for name, data in sections.items()},
    )
    return replace(facts, **changes)


def windows(**changes: Any) -> DeviceFacts:
    """Return a Windows workstation of a practice; ``changes`` are fields of `DeviceFacts`."""
    return _machine("windows", "workstation", WINDOWS, changes)


def mac(**changes: Any) -> DeviceFacts:
    """Return a MacBook."""
    return _machine("macos", "laptop", MAC, changes)


def linux(**changes: Any) -> DeviceFacts:
    """Return a Linux server with a screen, so that every question applies to it."""
    return _machine("linux", "server", LINUX, changes)


SYSTEMS: dict[str, Machine] = {"windows": windows, "macos": mac, "linux": linux}


def told(facts: DeviceFacts, name: str, **changes: Any) -> DeviceFacts:
    """Return a machine with some facts of one section changed."""
    return with_body(facts, name, section({**facts.sections[name]["data"], **changes}))


def part(facts: DeviceFacts, name: str, key: str, **changes: Any) -> DeviceFacts:
    """Return a machine with some facts of one object inside a section changed."""
    return told(facts, name, **{key: {**(facts.sections[name]["data"].get(key) or {}), **changes}})


def without(facts: DeviceFacts, name: str, *keys: str) -> DeviceFacts:
    """Return a machine that does not tell some facts of a section."""
    kept = {key: value for key, value in facts.sections[name]["data"].items() if key not in keys}
    return with_body(facts, name, section(kept))


def with_body(facts: DeviceFacts, name: str, body: dict[str, Any] | None) -> DeviceFacts:
    """Return a machine with one section replaced, or gone."""
    sections = {key: kept for key, kept in facts.sections.items() if key != name}
    if body is not None:
        sections[name] = body
    return replace(facts, sections=sections)
