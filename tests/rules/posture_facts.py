"""Facts for the posture tests: a healthy device of the reference day, to be changed one thing at a time."""

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.rules.machine_sections import WINDOWS
from vigie.posture.catalogue import load_lifecycle
from vigie.posture.rules.device import assess_device
from vigie.posture.rules.lifecycle import Lifecycle, Product
from vigie.posture.rules.model import AlwaysOpen, BackupRun, Calendar, DeviceFacts, Finding, Policy

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SEEN = datetime(2026, 11, 21, 7, 45, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)

ALL_MONTHS = [f"2025-{month:02d}" for month in range(11, 13)] + [f"2026-{month:02d}" for month in range(1, 12)]

OS: dict[str, Any] = {
    "family": "windows",
    "product": "client",
    "edition": "Professional",
    "version": "25H2",
    "build": "26200",
    "ubr": 7019,
    "boot_at": "2026-11-18T06:12:00Z",
    "reboot_required": {"value": "no", "strong_sources": [], "file_rename": "yes"},
}
PATCH: dict[str, Any] = {
    "manager": "windows_update",
    "last_search_ok_at": "2026-11-20T19:00:00Z",
    "last_os_install_at": "2026-11-12T21:40:00Z",
    "pending": {"security": 0, "critical": 0, "other": 1, "optional": 1, "max_age_days": None, "items": []},
    "auto_update": "enabled",
    "managed_by": "none",
    "paused_until": None,
    "esu": None,
    "apps": [],
}
JOB: dict[str, Any] = {
    "job": "srv-nightly",
    "origin": "hook",
    "tool": "restic",
    "last_status": "ok",
    "last_end_at": "2026-11-21T02:00:00Z",
    "last_ok_at": "2026-11-21T02:00:00Z",
    "bytes": 1000,
    "target": "cloud",
    "offsite": "yes",
    "encrypted": "yes",
    "immutable": "yes",
    "restore_tested_at": "2026-11-02T14:00:00Z",
    "restore_months": ALL_MONTHS,
}
STORAGE: dict[str, Any] = {
    "disks": [{"kind": "ssd", "health": "ok"}],
    "volumes": [{"role": "os", "total_gib": 400, "free_gib": 200}],
    "raid": "none",
}
PROTECTION: dict[str, Any] = {name: data for name, data in WINDOWS.items() if name != "os"}


SOFTWARE = Lifecycle(
    as_of=date(2026, 11, 21),
    systems={},
    software={
        "suite": (
            (("15",), Product("suite-15", "Suite 15", ends_on=date(2026, 11, 20))),
            (("16",), Product("suite-16", "Suite 16", ends_on=date(2026, 11, 21))),
        ),
        "browser": (((), Product("browser", "Browser", release="150", released_on=date(2026, 11, 10))),),
        "reader": (((), Product("reader", "Reader", release="25.3", released_on=date(2026, 10, 1))),),
        "editor": (((), Product("editor", "Editor", release="3", released_on=date(2026, 10, 22))),),
        "player": (((), Product("player", "Player", release="3", released_on=date(2026, 8, 23))),),
        "viewer": (((), Product("viewer", "Viewer", release="4.2", released_on=date(2026, 7, 1))),),
    },
)
"""A small catalogue made up for the tests."""


def section(
    data: dict[str, Any] | None, status: str = "ok", collected_at: str = "2026-11-21T07:40:00Z"
) -> dict[str, Any]:
    """Return a stored section."""
    errors = [{"code": "permission", "source": "test"}] if status in {"unknown", "partial"} else []
    return {
        "v": 1,
        "status": status,
        "collected_at": collected_at,
        "source": "test",
        "ttl_s": 3600,
        "errors": errors,
        "data": data,
    }


def backup(*jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the section of a device with these jobs."""
    return section({"tools": [], "jobs": list(jobs), "sync_only": "no", **more})


def job(name: str = "srv-nightly", **changes: Any) -> dict[str, Any]:
    """Return a healthy job with some fields changed."""
    return {**JOB, "job": name, **changes}


def device(**changes: Any) -> DeviceFacts:
    """Return a healthy Windows server with one backup job; ``changes`` are fields of `DeviceFacts`."""
    facts = DeviceFacts(
        family="windows",
        role="server",
        enrolled_at=datetime(2025, 1, 10, tzinfo=UTC),
        seen_at=SEEN,
        sections={
            "os": section(deepcopy(OS)),
            "patch": section(deepcopy(PATCH)),
            "backup": backup(job()),
            "storage": section(deepcopy(STORAGE)),
            **{name: section(deepcopy(data)) for name, data in PROTECTION.items()},
        },
    )
    return replace(facts, **changes)


def with_section(name: str, value: dict[str, Any] | None, **changes: Any) -> DeviceFacts:
    """Return the healthy device with one section replaced, or gone."""
    facts = device(**changes)
    sections = {key: kept for key, kept in facts.sections.items() if key != name}
    if value is not None:
        sections[name] = value
    return replace(facts, sections=sections)


def with_data(name: str, **changes: Any) -> DeviceFacts:
    """Return the healthy device with some facts of one section changed."""
    facts = device()
    return with_section(name, section({**facts.sections[name]["data"], **changes}))


def judge(
    control: str,
    facts: DeviceFacts,
    *,
    now: datetime = NOW,
    policy: Policy | None = None,
    calendar: Calendar | None = None,
    lifecycle: Lifecycle | None = None,
) -> Finding:
    """Return the finding of one control."""
    (finding,) = assess_device(
        facts, policy or Policy(), calendar or AlwaysOpen(), lifecycle or load_lifecycle(), now, [control]
    )
    return finding


def verdict(control: str, facts: DeviceFacts, **context: Any) -> tuple[str, str]:
    """Return state and reason of one control."""
    finding = judge(control, facts, **context)
    return finding.state, finding.reason


def run(ended: str, status: str = "ok", size: int | None = 1000, name: str = "srv-nightly") -> BackupRun:
    """Return a finished run."""
    return BackupRun(name, status, datetime.fromisoformat(ended), size)


def vouched(facts: DeviceFacts, now: datetime) -> DeviceFacts:
    """Return the same facts, confirmed by a heartbeat at ``now``: time passes, the report stays young."""
    return replace(facts, seen_at=now)


def assert_expires_exactly(control: str, facts: DeviceFacts, now: datetime, **context: Any) -> Finding:
    """Check that a verdict holds until its ``valid_until`` and has changed at that very instant."""
    finding = judge(control, facts, now=now, **context)
    assert finding.valid_until is not None
    assert finding.valid_until > now
    held = judge(control, facts, now=finding.valid_until - MOMENT, **context)
    assert (held.state, held.reason) == (finding.state, finding.reason)
    changed = judge(control, facts, now=finding.valid_until, **context)
    assert (changed.state, changed.reason) != (finding.state, finding.reason)
    return finding
