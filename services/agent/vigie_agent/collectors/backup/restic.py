"""Restore points of a restic repository, read without a lock and without writing to it."""

import json
from typing import TYPE_CHECKING, Any

from vigie_agent import clock
from vigie_agent.collectors.base import CollectError, mapping
from vigie_agent.collectors.host import Host
from vigie_agent.config import BackupRepository

if TYPE_CHECKING:
    from datetime import datetime

TIMEOUT_S = 60.0
# restic 0.17 and newer; older ones answer 1 for everything
EXIT_DETAILS = {10: "no_repository", 11: "locked", 12: "wrong_password"}


def observe(host: Host, repository: BackupRepository, environment: dict[str, str]) -> dict[str, Any]:
    """The facts of a job's repository; ``CollectError`` when it cannot be read."""
    argv = ["restic", "--no-lock", "snapshots", "--json"]
    answer = host.run(argv, TIMEOUT_S, {**environment, "RESTIC_REPOSITORY": repository.repository})
    if answer.rc != 0:
        raise CollectError("provider_error", "restic", EXIT_DETAILS.get(answer.rc, f"rc_{answer.rc}"))
    return parse_snapshots(answer.stdout)


def settings(repository: BackupRepository) -> dict[str, str]:
    """The environment by which restic finds the password."""
    if repository.password_file:
        return {"RESTIC_PASSWORD_FILE": repository.password_file}
    if repository.passcommand:
        return {"RESTIC_PASSWORD_COMMAND": repository.passcommand}
    return {}


def parse_snapshots(output: bytes) -> dict[str, Any]:
    """Times of ``restic snapshots --json``; paths, host and user names are never looked at.

    Newer versions (0.17) add a summary with start, end, bytes and files.
    """
    listed = json.loads(output) or []
    if not isinstance(listed, list):
        raise ValueError("no list of snapshots")  # noqa: TRY004 - wrong data of a tool
    points = sorted(((clock.from_iso(mapping(item)["time"]), item) for item in listed), key=lambda pair: pair[0])
    moments: list[datetime] = [moment for moment, _item in points]
    facts: dict[str, Any] = {"moments": moments, "encrypted": "yes"}  # restic knows no unencrypted repository
    if points:
        summary = points[-1][1].get("summary")
        if isinstance(summary, dict):
            facts |= _summary(summary)
    return facts


def _summary(summary: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if isinstance(summary.get("total_bytes_processed"), int):
        facts["bytes"] = summary["total_bytes_processed"]
    if isinstance(summary.get("total_files_processed"), int):
        facts["files"] = summary["total_files_processed"]
    if summary.get("backup_start") and summary.get("backup_end"):
        ended = clock.from_iso(summary["backup_end"])
        facts["ended_at"] = ended
        facts["duration_s"] = max(0, int((ended - clock.from_iso(summary["backup_start"])).total_seconds()))
    return facts
