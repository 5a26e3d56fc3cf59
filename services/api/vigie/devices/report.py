"""A heartbeat on its way into the database, and what becomes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from vigie.core.crypto import b64url_decode
from vigie.devices.digests import digested_json, state_digest
from vigie.devices.hb1 import Heartbeat


@dataclass(frozen=True, slots=True)
class Identity:
    """What the intake remembers of a device: enough to verify it and to place what it reports."""

    provider_id: UUID
    device_id: UUID
    practice_id: UUID
    public_key: bytes
    key_generation: int
    status: str
    family: str
    role: str
    slot_s: int
    enrolled_at: datetime


class SentSection(NamedTuple):
    """One section of a report: its digest, its value, and the JSON that is stored; a full report makes thirteen of them."""

    digest: bytes
    value: Mapping[str, Any]
    json: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """A verified and valid heartbeat, ready to be written."""

    identity: Identity
    sequence: int
    received_at: datetime
    body_digest: bytes
    state_digest: bytes
    boot_ref: str
    agent: str
    sections: Mapping[str, SentSection]
    is_full: bool
    ran_at: tuple[datetime, ...]
    backup_events: tuple[dict[str, Any], ...]
    uptime_s: int = 0


@dataclass(frozen=True, slots=True)
class Accepted:
    """Committed. `resync`: what the server holds is not what the device described."""

    sequence: int
    duplicate: bool
    resync: bool


@dataclass(frozen=True, slots=True)
class Behind:
    """The sequence goes back with another body: continue from a higher number."""

    continue_from: int


@dataclass(frozen=True, slots=True)
class Gone:
    """The device was revoked, deleted or given another key since it was verified."""

    reason: str


Outcome = Accepted | Behind | Gone
_RAN_BEHIND, _RAN_AHEAD = timedelta(days=60), timedelta(minutes=10)
_NOTHING: Mapping[str, SentSection] = {}


def make_report(identity: Identity, heartbeat: Heartbeat, body_digest: bytes, received_at: datetime) -> Report:
    """Build the report of a parsed heartbeat; digests of its sections are computed here, outside any transaction."""
    sections = _sent(heartbeat.sections_by_name) if heartbeat.sections else _NOTHING
    claimed = b64url_decode(heartbeat.state_digest)
    return Report(
        identity=identity,
        sequence=heartbeat.sequence,
        received_at=received_at,
        body_digest=body_digest,
        state_digest=claimed,
        boot_ref=heartbeat.boot_ref,
        agent=f"{heartbeat.agent['version']}/{heartbeat.agent['build']}",
        sections=sections,
        is_full=bool(sections) and state_digest({name: sent.digest for name, sent in sections.items()}) == claimed,
        ran_at=_believable(heartbeat.ran_at, received_at) if heartbeat.ran_at else (),
        backup_events=tuple(
            {name: value for name, value in event.items() if value is not None} for event in heartbeat.backup_events
        ),
        uptime_s=heartbeat.vitals["uptime_s"],
    )


def _believable(ran_at: Sequence[str], received_at: datetime) -> tuple[datetime, ...]:
    """Return the runs that can have been: machines wait for their next report through August, some with a clock that was wrong.

    The others are passed over, not refused: the agent repeats what it could not deliver until it is acknowledged.
    """
    earliest, latest = received_at - _RAN_BEHIND, received_at + _RAN_AHEAD
    return tuple(at for at in map(datetime.fromisoformat, ran_at) if earliest <= at <= latest)


def _sent(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, SentSection]:
    """Return valid sections, each with its digest and the JSON that is stored, which serves both."""
    found = {}
    for name, section in sections.items():
        told = digested_json(section)
        times = b'{"collected_at":"%s","ttl_s":%d,' % (section["collected_at"].encode(), section["ttl_s"])
        found[name] = SentSection(sha256(told).digest(), section, times + told[1:])
    return found
