"""A fact of another section than the one a control judges, when it changes what that section means."""

from datetime import datetime
from typing import Any

from vigie.posture.rules.model import DeviceFacts
from vigie.posture.rules.reading import past


def fact(facts: DeviceFacts, section: str, name: str) -> Any:
    """Return one fact of a section; None when the section, its data or the fact is missing.

    For what only refines a verdict (is it a laptop, when was it switched on); what decides one goes through `reading.read`,
    which explains a missing section.
    """
    found = facts.sections.get(section)
    data = found.get("data") if found is not None else None
    return data.get(name) if data is not None else None


def booted_at(facts: DeviceFacts) -> datetime | None:
    """Return when the device was switched on, by its `os` section; None when it is not told.

    Windows counts a nightly shutdown with fast startup as no restart: such a machine seems to have been on for days.
    """
    return past(fact(facts, "os", "boot_at"), facts.seen_at)
