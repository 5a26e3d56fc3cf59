"""A machine with an agent: its key, its sequence, its digests; builds the heartbeats that the protocol wants.

Use it with `vigie.simulator.drive` over HTTP, or straight in a loop to feed an intake with a moved clock::

    if device.is_on(now):
        if device.line_is_up(now):
            device.apply_answer(intake(device.heartbeat(now)))
        else:
            device.missed(now)
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vigie.simulator.backups import Outcome, backup_events
from vigie.simulator.course import last_at_second
from vigie.simulator.digests import section_digest, state_digest
from vigie.simulator.habits import show_habits
from vigie.simulator.machines import Facts, Machine, stamp
from vigie.simulator.profiles import healthy_facts
from vigie.simulator.scenarios import Moment, Scenario

AGENT = {"version": "0.1.0", "build": "simulated"}
FULL_EVERY = 24
MAX_RAN_AT = 72
MAX_EVENTS = 50
_DAY = timedelta(days=1)
_EVENTS_QUEUED = 500
_NEVER = datetime.min.replace(tzinfo=UTC)


class VirtualDevice:
    """One simulated device. The same arguments and the same calls give the same heartbeats, to the byte.

    Between two changes of its facts it keeps digests only: an hour without news costs a few microseconds, and a hundred
    thousand devices fit in memory.
    """

    def __init__(self, machine: Machine, scenario: Scenario, began_at: datetime, *, secret: str) -> None:
        """Make a device. ``secret`` seeds its key: no two devices of a run may share one."""
        self.machine = machine
        self.scenario = scenario
        self.began_at = began_at
        self.provider_id = ""
        self.device_id = ""
        self._secret = secret
        self._sequence = 0
        self._runs = 0
        self._full_next = True
        self._point = self._next_point = _NEVER
        self._boot_at = machine.joined_at
        self._boot_ref = ""
        self._digests: dict[str, str] = {}
        self._state = ""
        self._acknowledged: dict[str, str] = {}
        self._acknowledged_state = ""
        self._ran_at: list[str] = []
        self._events: list[dict[str, Any]] = []
        self._events_sent = 0

    @cached_property
    def private_key(self) -> Ed25519PrivateKey:
        """The device's key; made when first needed, for in-process use never needs it."""
        return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"key:{self._secret}".encode()).digest())

    @cached_property
    def public_key(self) -> bytes:
        """The 32 raw bytes that enrolment presents."""
        return self.private_key.public_key().public_bytes_raw()

    @property
    def keyid(self) -> str:
        """Who signs: the device once enrolled, before that the thumbprint of its key (docs/protocol.md §1)."""
        if self.device_id:
            return f"{self.provider_id}.{self.device_id}"
        return f"new.{_text(hashlib.sha256(self.public_key).digest())}"

    @property
    def sequence(self) -> int:
        """Number of the last heartbeat built."""
        return self._sequence

    def enrolment(self, token: str) -> dict[str, Any]:
        """Return the body of the enrolment request (docs/protocol.md §2)."""
        return {
            "token": token,
            "public_key": _text(self.public_key),
            "machine_hint": _text(hashlib.sha256(f"machine:{self._secret}".encode()).digest()[:16]),
            "family": self.machine.profile.family,
            "role": self.machine.profile.role,
            "alias": self.machine.alias,
            "agent": AGENT,
        }

    def enrolled(self, answer: Mapping[str, Any]) -> None:
        """Take the identity that the server gave."""
        self.provider_id, self.device_id = str(answer["provider_id"]), str(answer["device_id"])

    def is_on(self, now: datetime) -> bool:
        """Tell whether the machine runs; a machine that does not sends nothing and misses nothing."""
        if now < self.machine.joined_at:
            return False
        return now < self.began_at or self.scenario.is_on(self._moment(now))

    def line_is_up(self, now: datetime) -> bool:
        """Tell whether a report could leave the practice."""
        return now < self.began_at or self.scenario.line_is_up(self._moment(now))

    def missed(self, now: datetime) -> None:
        """Remember a run that could not be delivered; the next heartbeat tells of it in ``ran_at``."""
        self._ran_at.append(stamp(now))
        del self._ran_at[:-MAX_RAN_AT]

    def befall(self, scenario: Scenario, began_at: datetime, now: datetime) -> None:
        """Let another story befall the machine; the next heartbeat tells what is then true."""
        self.scenario, self.began_at = scenario, began_at
        self._next_point = min(self._next_point, now)

    def facts(self, at: datetime) -> Facts:
        """Return all sections as they stand at an instant; pure."""
        facts = healthy_facts(self.machine, at, self._night)
        show_habits(self.machine, facts)
        if at >= self.began_at:
            self.scenario.shape(facts, self._moment(at))
        return facts

    def heartbeat(self, now: datetime) -> dict[str, Any]:
        """Build the next heartbeat: what changed since the last acknowledged one, or everything when that is due.

        ``now`` is in UTC and does not go back from one call to the next.
        """
        facts = None if self._point <= now < self._next_point else self._move_to(now)
        self._sequence += 1
        full = self._full_next or self._runs % FULL_EVERY == 0
        self._runs += 1
        changed = full or self._state != self._acknowledged_state
        self._events_sent = min(len(self._events), MAX_EVENTS)
        return {
            "schema": "hb/1",
            "sequence": self._sequence,
            "sent_at": stamp(now),
            "agent": AGENT,
            "boot_ref": self._boot_ref,
            "ran_at": self._ran_at[:],
            "vitals": {
                "uptime_s": int((now - self._boot_at).total_seconds()),
                "run_ms": 2000 + self._sequence * 7919 % 4000,
                "clock_offset_ms": self._sequence * 104729 % 400 - 200,
            },
            "state_digest": self._state,
            "sections": self._sections(facts or self.facts(self._point), now, full=full) if changed else {},
            "backup_events": self._events[:MAX_EVENTS],
        }

    def apply_answer(self, answer: Mapping[str, Any]) -> None:
        """Take the server's answer: an acknowledgement, or the problem `agent.sequence_behind`.

        After `resync` the next heartbeat is full; after `continue_from` it bears that number. An acknowledgement of
        another heartbeat than the last one changes nothing.
        """
        if "continue_from" in answer:
            self._sequence = int(answer["continue_from"]) - 1
            return
        if answer.get("accepted_sequence") != self._sequence:
            return
        self._acknowledged, self._acknowledged_state = self._digests, self._state
        self._ran_at.clear()
        del self._events[: self._events_sent]
        self._events_sent = 0
        self._full_next = bool(answer.get("resync"))

    def _sections(self, facts: Facts, now: datetime, *, full: bool) -> dict[str, dict[str, Any]]:
        """Return the sections to send, with the time of their collection."""
        collected_at, searched_at = stamp(now), stamp(last_at_second(self._point, self.machine.search_second))
        return {
            name: {**section, "collected_at": searched_at if name == "patch" else collected_at}
            for name, section in facts.items()
            if full or self._digests[name] != self._acknowledged.get(name)
        }

    def _move_to(self, now: datetime) -> Facts:
        """Bring digests and events to the last change not after ``now``; return the facts of that instant."""
        before, point = self._point, self._last_change(now)
        facts = self.facts(point)
        self._digests = {name: section_digest(section) for name, section in facts.items()}
        self._state = state_digest(self._digests)
        boot_at = datetime.fromisoformat(facts["os"]["data"]["boot_at"])
        if boot_at != self._boot_at or not self._boot_ref:
            self._boot_at = boot_at
            self._boot_ref = hashlib.sha256(f"boot:{self._secret}:{boot_at}".encode()).hexdigest()[:8]
        if before != _NEVER:
            self._events.extend(backup_events(self.machine, before, point, self._night))
            del self._events[:-_EVENTS_QUEUED]
        self._point, self._next_point = point, self._next_change(now)
        return facts

    def _last_change(self, now: datetime) -> datetime:
        """Return the last instant at which a fact can have changed: the daily search, the nightly backup, the story."""
        machine = self.machine
        daily = max(last_at_second(now, machine.search_second), last_at_second(now, machine.backup_second))
        return max(daily, self.began_at) if self.began_at <= now else daily

    def _next_change(self, now: datetime) -> datetime:
        """Return the next such instant."""
        machine = self.machine
        daily = min(last_at_second(now, machine.search_second), last_at_second(now, machine.backup_second)) + _DAY
        return min(daily, self.began_at) if self.began_at > now else daily

    def _night(self, night: datetime) -> Outcome | None:
        """Say what a night's backup brought."""
        return "ok" if night < self.began_at else self.scenario.night(self._moment(night))

    def _moment(self, at: datetime) -> Moment:
        return Moment(self.machine, at, at - self.began_at)


def _text(raw: bytes) -> str:
    """Write bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
