"""Restore points of a borg 1.x repository.

borg prints local time without an offset, so it always runs with ``TZ=UTC``; without a passphrase it would ask on
the terminal, so it never gets one.
"""

import json
import shlex
from typing import Any

from vigie_agent import clock
from vigie_agent.collectors.base import CollectError, mapping
from vigie_agent.collectors.host import Host
from vigie_agent.config import BackupRepository

TIMEOUT_S = 60.0
PASSED_OVER = frozenset({".checkpoint"})
FIXED = {
    "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
    "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
    "TZ": "UTC",
}


def observe(host: Host, repository: BackupRepository, environment: dict[str, str]) -> dict[str, Any]:
    """The facts of a job's repository; ``CollectError`` when it cannot be read."""
    env = {**FIXED, **environment}
    listed = _ask(host, ["borg", "--bypass-lock", "--log-json", "list", "--json", repository.repository], env)
    facts = parse_list(listed)
    if facts["moments"]:
        info = _ask(
            host,
            ["borg", "--bypass-lock", "--log-json", "info", "--json", "--last", "1", repository.repository],
            env,
        )
        facts |= parse_info(info)
    return facts


def settings(repository: BackupRepository) -> dict[str, str]:
    """The environment by which borg finds the passphrase."""
    if repository.password_file:
        return {"BORG_PASSCOMMAND": f"cat {shlex.quote(repository.password_file)}"}
    if repository.passcommand:
        return {"BORG_PASSCOMMAND": repository.passcommand}
    return {}


def _ask(host: Host, argv: list[str], env: dict[str, str]) -> bytes:
    answer = host.run(argv, TIMEOUT_S, env)
    if answer.rc not in {0, 1}:  # 1 is success with warnings
        raise CollectError("provider_error", "borg", error_id(answer.stderr) or f"rc_{answer.rc}")
    return answer.stdout


def error_id(stderr: bytes) -> str | None:
    """The last ``msgid`` of borg's JSON log (``PassphraseWrong``, ``Repository.DoesNotExist``); no text of it."""
    found_id = None
    for line in stderr.decode("utf-8", "replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("msgid"), str):
            found_id = entry["msgid"]
    return found_id


def parse_list(output: bytes) -> dict[str, Any]:
    """Times of the finished archives and whether the repository is encrypted."""
    document = mapping(json.loads(output))
    archives = [mapping(item) for item in document["archives"]]
    mode = mapping(document.get("encryption", {})).get("mode")
    moments = sorted(
        clock.from_iso(item.get("time") or item["start"])
        for item in archives
        if not str(item.get("name", "")).endswith(tuple(PASSED_OVER))
    )
    encrypted = (
        "unknown" if mode is None else "no" if mode == "none" or str(mode).startswith("authenticated") else "yes"
    )
    return {"moments": moments, "encrypted": encrypted}


def parse_info(output: bytes) -> dict[str, Any]:
    """End, duration, size and files of the last archive."""
    archives = mapping(json.loads(output)).get("archives") or []
    if not archives:
        return {}
    last = mapping(archives[-1])
    stats = mapping(last.get("stats", {}))
    return {
        "ended_at": clock.from_iso(last["end"]),
        "duration_s": max(0, int(last.get("duration", 0))),
        "bytes": stats.get("original_size"),
        "files": stats.get("nfiles"),
    }
