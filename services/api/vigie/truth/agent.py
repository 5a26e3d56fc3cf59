"""An agent of the simulated world: what it would report at an instant, byte for byte as the protocol wants it.

It behaves as the real agent does (services/agent): runs at its slot and soon after the machine starts, remembers runs it could not
deliver, sends what changed and everything each 24th time, repeats everything when asked to, signs again when its clock is wrong.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from vigie.simulator.backups import Outcome, backup_events, backup_section
from vigie.simulator.course import Updates, months_since_2025
from vigie.simulator.digests import section_digest, state_digest
from vigie.simulator.machines import Facts, Machine, stamp
from vigie.simulator.sections_unix import linux_facts, mac_facts
from vigie.simulator.sections_windows import volume, windows_facts
from vigie.truth.life import Life, life_of
from vigie.truth.openings import DAY_S, when
from vigie.truth.spans import at, before
from vigie.truth.world import DeviceWorld, PracticeWorld

AGENT = {"version": "0.3.0", "build": "simulated"}
_FULL_EVERY = 24
_MOST_RAN_AT = 72
_MOST_EVENTS = 50
_SKEW_S = 300
_BUILDERS = {"windows": windows_facts, "macos": mac_facts, "linux": linux_facts}
_MINUTE = timedelta(minutes=1)


class SimulatedAgent:
    """The agent of one machine."""

    def __init__(self, practice: PracticeWorld, device: DeviceWorld, seed: str) -> None:
        """Make an agent that has not run yet; `seed` tells apart its boots from those of other machines."""
        self.device = device
        self.life: Life = life_of(practice, device)
        self.machine: Machine = device.machine
        self.practice = practice
        self._seed = f"{seed}:{practice.number}:{device.place}"
        self._sequence = 0
        self._runs = 0
        self._full_next = True
        self._key: tuple[Any, ...] = ()
        self._facts: Facts = {}
        self._digests: dict[str, str] = {}
        self._state = ""
        self._boot = -1
        self._boot_ref = ""
        self._acknowledged: dict[str, str] = {}
        self._acknowledged_state = ""
        self._ran_at: list[str] = []
        self._events: list[dict[str, Any]] = []
        self._events_sent = 0
        self._nights_seen: int = device.joins_at
        self._clock_known = 0
        self.signed_askew = False  # the last heartbeat was first signed with a clock that the server refuses
        self._drift = device.befallen("patch_drift")
        self._wrong = [each for each in device.troubles if each.kind == "clock_wrong"]

    def missed(self, instant: int) -> None:
        """Remember a run that could not be delivered."""
        self._ran_at.append(stamp(when(instant)))
        del self._ran_at[:-_MOST_RAN_AT]

    def heartbeat(self, instant: int) -> bytes:
        """Return the body of the next heartbeat; instants never go back."""
        offset = self._clock_error(instant)
        self.signed_askew = abs(offset) > _SKEW_S
        now = when(instant + offset)
        self._look(instant)
        self._sequence += 1
        full = self._full_next or self._runs % _FULL_EVERY == 0
        self._runs += 1
        changed = full or self._state != self._acknowledged_state
        self._events_sent = min(len(self._events), _MOST_EVENTS)
        return orjson.dumps(
            {
                "schema": "hb/1",
                "sequence": self._sequence,
                "sent_at": stamp(now),
                "agent": AGENT,
                "boot_ref": self._boot_ref,
                "ran_at": self._ran_at,
                "vitals": {
                    "uptime_s": max(instant - self._boot, 0),
                    "run_ms": 2000 + self._sequence * 7919 % 4000,
                    "clock_offset_ms": self._sequence * 104729 % 400 - 200,
                },
                "state_digest": self._state,
                "sections": self._sections(now, instant, full=full) if changed else {},
                "backup_events": self._events[:_MOST_EVENTS],
            }
        )

    def accepted(self, *, resync: bool) -> None:
        """Take the acknowledgement of the last heartbeat; whether the server asks for everything."""
        self._acknowledged, self._acknowledged_state = self._digests, self._state
        self._ran_at.clear()
        del self._events[: self._events_sent]
        self._events_sent = 0
        self._full_next = resync

    def refused(self) -> None:
        """Learn that the server could not read the last heartbeat: the next one starts from nothing."""
        self._acknowledged, self._acknowledged_state, self._full_next = {}, "", True

    def _clock_error(self, instant: int) -> int:
        """Return by how much the times in this report are wrong: once, until the server's answer corrected them."""
        error = next((each.size for each in self._wrong if each.span.holds(instant)), 0)
        wrong_by = error - self._clock_known
        self._clock_known = error
        return wrong_by

    def _sections(self, now: datetime, instant: int, *, full: bool) -> dict[str, dict[str, Any]]:
        collected = stamp(now)
        searched = stamp(when(before(self.life.searches, instant) or self.device.joins_at))
        return {
            name: {**section, "collected_at": searched if name == "patch" else collected}
            for name, section in self._facts.items()
            if full or self._digests[name] != self._acknowledged.get(name)
        }

    def _look(self, instant: int) -> None:
        """Collect: what could have changed since the last run is read anew."""
        life, device = self.life, self.device
        boot = before(life.boots, instant) or device.joins_at
        night = before(life.nights, instant)
        key = (
            boot,
            before(life.searches, instant),
            night,
            at(life.disk_full, instant) is not None,
            self._antivirus(instant, boot),
            at(life.unreadable, instant) is not None,
            instant // (7 * DAY_S),
        )
        if key == self._key:
            return
        if self._key and night is not None and night > self._nights_seen:
            since, until = when(self._nights_seen), when(instant)
            self._events.extend(backup_events(self.machine, since, until, self._night))
            del self._events[:-500]
        self._nights_seen = max(self._nights_seen, night or 0)
        self._key = key
        if boot != self._boot:
            self._boot = boot
            self._boot_ref = hashlib.sha256(f"{self._seed}:{boot}".encode()).hexdigest()[:8]
        facts = self._read(instant, boot)
        known = self._facts
        self._digests = {
            name: self._digests[name] if known.get(name) == section else section_digest(section)
            for name, section in facts.items()
        }
        self._facts = facts
        self._state = state_digest(self._digests)

    def _read(self, instant: int, boot: int) -> Facts:
        machine, now = self.machine, when(instant)
        facts = _BUILDERS[machine.profile.system["family"]](machine, now, self._updates(instant))
        facts["os"]["data"]["boot_at"] = stamp(when(boot))
        facts["backup"] = backup_section(machine, now, self._night)
        if at(self.life.unreadable, instant):
            _unreadable(facts, machine)
        if at(self.life.disk_full, instant):
            facts["storage"]["data"]["volumes"] = [volume("os", machine.total_gib, machine.total_gib * 6 // 100)]
        state = self._antivirus(instant, boot)
        if state and facts["antivirus"]["data"] is not None:
            _shape_antivirus(facts["antivirus"]["data"], state)
        return facts

    def _antivirus(self, instant: int, boot: int) -> str | int:
        """Return "off", or by how many days the signatures are old: a machine that was off fetches them within the hour."""
        if at(self.life.antivirus_off, instant) is not None:
            return "off"
        if instant - boot > 30 * 60:
            return 0
        place = bisect_left(self.device.on, (boot,)) - 1
        return max((boot - self.device.on[place].end) // DAY_S, 0) if place >= 0 else 0

    def _updates(self, instant: int) -> Updates:
        """Return what the last search found, and what is installed."""
        life = self.life
        searched = before(life.searches, instant) or self.device.joins_at
        published = life.releases[: bisect_right(life.releases, (searched, searched + 10**10))]
        missing = tuple(when(released) for released, installed in published if installed > searched)
        last = max((installed for _, installed in published if installed <= searched), default=None)
        installed_at = when(last) if last is not None else None
        count = months_since_2025(installed_at) if installed_at is not None else 0
        return Updates(missing, installed_at, count, when(searched))

    def _night(self, night: datetime) -> Outcome | None:
        return self.life.outcome(int(night.timestamp()))


def _shape_antivirus(data: dict[str, Any], state: str | int) -> None:
    if state == "off":
        data.update(realtime="no")
        if "tamper_protected" in data:
            data.update(tamper_protected="no", running_mode="not_running")
    elif "signature_age_days" in data:
        data["signature_age_days"] = state
    for product in data["products"] or ():
        if state == "off":
            product["state"] = "off"
        elif isinstance(state, int) and state > 2:  # noqa: PLR2004 - Windows calls them outdated after some days
            product["signatures"] = "out_of_date"


def _unreadable(facts: Facts, machine: Machine) -> None:
    """The repositories cannot be opened: whether backups exist is not known."""
    backup: dict[str, Any] = facts["backup"]
    if not machine.jobs:
        return
    backup["status"] = "partial"
    backup["errors"] = [
        {"code": "permission", "source": job.tool, "detail": "repository_locked", "retryable": True}
        for job in machine.jobs
    ]
    jobs: list[dict[str, Any]] = backup["data"]["jobs"]
    gone: Mapping[str, Any] = dict.fromkeys(
        ("last_end_at", "last_ok_at", "duration_s", "bytes", "restore_tested_at", "exit_code", "restore_months")
    )
    for job in jobs:
        job.update(gone, last_status="unknown")
    for tool in backup["data"]["tools"]:
        tool["readable"] = "no"
