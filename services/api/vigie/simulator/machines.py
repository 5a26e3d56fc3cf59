"""What a simulated machine is: its model (`Profile`), its backup jobs, and its own numbers (`Machine`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Facts = dict[str, dict[str, Any]]
"""Sections by name, as the protocol shapes them but for ``collected_at``, which is known when they are sent."""

Rhythm = Literal["monthly", "weekly"]
"""How often the editor publishes security updates: Microsoft's second Tuesday, or the Thursdays of everybody else."""


@dataclass(frozen=True, slots=True)
class Job:
    """One nightly backup job. ``size`` in bytes; ``origin`` tells whether a hook reports each run."""

    name: str
    tool: str
    origin: Literal["hook", "observed"]
    target: str
    offsite: Literal["yes", "no"]
    immutable: Literal["yes", "no", "unknown"]
    size: int
    encrypted: Literal["yes", "no", "unknown"] = "yes"


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of machine. ``system`` holds the fixed fields of the `os` section.

    ``last_update`` is the day after which the editor publishes nothing more for it (None: still serviced).
    """

    kind: str
    family: str
    role: str
    aliases: tuple[str, ...]
    system: Mapping[str, Any]
    rhythm: Rhythm
    base_ubr: int = 0
    last_update: datetime | None = None
    esu: str | None = None
    jobs: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine. Seconds are of the UTC day; ``number`` makes two machines of a kind differ; ``habits``: see `habits`."""

    profile: Profile
    alias: str
    number: int
    joined_at: datetime
    backed_up_since: datetime
    search_second: int
    backup_second: int
    patch_lag_days: int
    total_gib: int
    free_gib: int
    jobs: tuple[Job, ...] = ()
    habits: tuple[str, ...] = ()


def section(data: dict[str, Any] | None, source: str, ttl_s: int = 3600, status: str = "ok") -> dict[str, Any]:
    """Put facts into the envelope of a section."""
    return {"v": 1, "status": status, "source": source, "ttl_s": ttl_s, "errors": [], "data": data}


def stamp(moment: datetime) -> str:
    """Write an instant in UTC as the protocol wants it; four times faster than strftime."""
    return moment.isoformat()[:19] + "Z"
