"""ANS-1.5: whoever carries a disk off reads nothing on it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from vigie.posture.rules.lifecycle import Lifecycle
from vigie.posture.rules.model import TICK, Calendar, DeviceFacts, Finding, Policy
from vigie.posture.rules.neighbours import fact
from vigie.posture.rules.reading import hours_of, read, stamp, verdict
from vigie.posture.rules.timeline import WORST_FIRST, Timeline, combine

_EVERY_DEVICE = 2
_LISTED = 6

_SAFE = frozenset({"on", "locked"})
_GRAVEST_FIRST = ("off", "decrypting", "suspended", "encrypting")

_IN_PROGRESS: Timeline = (("warn", "encryption_in_progress", None),)
_OPEN_ON_A_PORTABLE: Timeline = (("fail", "disk_unencrypted", None),)
_OPEN_ON_A_FIXTURE: Timeline = (("warn", "disk_unencrypted_fixed", None),)
_SUSPENDED_ON_A_FIXTURE: Timeline = (("warn", "encryption_suspended", None),)
_UNTOLD: Timeline = (("unknown", "encryption_unreadable", None),)


def assess_encryption(
    facts: DeviceFacts, policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, now: datetime
) -> Finding:
    """ANS-1.5: every fixed volume is encrypted and its key does not lie open beside it; the worst volume decides.

    Pass: all on (a locked volume is encrypted, too). Warn: encryption under way. On what can be carried off, an open volume
    fails and a suspended protection (the key in clear) is a warning for ``encryption_suspended_hours``, then a failure; on
    other machines both are warnings, unless ``encryption_reach`` is 2. Portable is what was enrolled as a laptop or says so
    of its chassis. "Since when" a protection is suspended is what the server remembers (``facts.first_seen``); without
    memory, since this state was first reported. Removable media are not reported and not judged.
    """
    control = "ANS-1.5"
    bounds = policy.protection
    portable = facts.role == "laptop" or fact(facts, "os", "chassis") == "laptop"
    strict = portable or bounds.encryption_reach >= _EVERY_DEVICE
    threshold = {
        "required_on": "all" if bounds.encryption_reach >= _EVERY_DEVICE else "portable",
        "suspended_hours": bounds.encryption_suspended_hours,
    }
    reading = read(facts, control, "encryption", threshold, absent=("unknown", "encryption_unreadable"))
    if isinstance(reading, Finding):
        return reading
    evidence = reading.evidence
    evidence["portable"] = portable
    volumes = reading.data.get("volumes")
    if not isinstance(volumes, list | tuple) or not volumes:
        return verdict(control, "unknown", "encryption_unreadable", evidence, threshold)
    states = {str(volume.get("state")) for volume in volumes}
    evidence["volumes"] = len(volumes)
    if states <= _SAFE:
        return verdict(control, "pass", "disks_encrypted", evidence, threshold)
    evidence["open"] = _open_volumes(volumes)
    suspended: Timeline = _SUSPENDED_ON_A_FIXTURE
    if "suspended" in states:
        since = facts.first_seen.get("encryption_suspended") or reading.collected_at
        evidence["suspended_since"] = stamp(since)
        if strict:
            until = since + hours_of(bounds.encryption_suspended_hours) + TICK
            suspended = (("warn", "encryption_suspended", until), ("fail", "encryption_suspended_long", None))
    open_states = sorted(states - _SAFE, key=_weight)
    timelines = [_volume(state, suspended, strict=strict) for state in open_states]
    state, reason, until_change = combine(timelines, now, WORST_FIRST)
    return verdict(control, state, reason, evidence, threshold, until_change)


def _weight(state: str) -> int:
    """Order states so that among equally bad ones the gravest is named."""
    return _GRAVEST_FIRST.index(state) if state in _GRAVEST_FIRST else len(_GRAVEST_FIRST)


def _volume(state: str, suspended: Timeline, *, strict: bool) -> Timeline:
    """Return what one state of an open volume means; a state we do not know counts as unread."""
    if state == "encrypting":
        return _IN_PROGRESS
    if state == "suspended":
        return suspended
    if state in {"off", "decrypting"}:
        return _OPEN_ON_A_PORTABLE if strict else _OPEN_ON_A_FIXTURE
    return _UNTOLD


def _open_volumes(volumes: list[Mapping[str, Any]] | tuple[Mapping[str, Any], ...]) -> list[dict[str, Any]]:
    """Return the volumes that are not protected, by role and state; they have no other name."""
    return [
        {"role": volume.get("role"), "state": volume.get("state")}
        for volume in volumes
        if volume.get("state") not in _SAFE
    ][:_LISTED]
