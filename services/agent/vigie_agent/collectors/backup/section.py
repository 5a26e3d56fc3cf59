"""The collector of section ``backup``: declared repositories, hook events, tools that are only present."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vigie_agent import clock
from vigie_agent.collectors.backup import borg, jobs, restic
from vigie_agent.collectors.base import READING_ERRORS, Context, Gaps, Section, absent, found, problem_of
from vigie_agent.collectors.host import Host
from vigie_agent.config import BackupRepository

OBSERVERS = {"restic": (restic.observe, restic.settings), "borg": (borg.observe, borg.settings)}
VERSION_COMMANDS = {"restic": ["restic", "version"], "borg": ["borg", "--version"]}
# tool of the contract -> programs that show it is installed; their results reach us by hooks
PROGRAMS = {
    "restic": ("restic",),
    "borg": ("borg",),
    "borgmatic": ("borgmatic",),
    "rsnapshot": ("rsnapshot",),
    "duplicity": ("duplicity",),
    "rdiff_backup": ("rdiff-backup",),
    "timeshift": ("timeshift",),
    "duplicati": ("duplicati-cli", "duplicati-server"),
    "urbackup": ("urbackupclientctl",),
    "veeam_agent": ("veeamconfig",),
    "proxmox": ("proxmox-backup-client",),
    "bacula": ("bacula-fd",),
    "backintime": ("backintime",),
    "kopia": ("kopia",),
}
SYNC_PROGRAMS = ("rclone", "nextcloud", "dropbox", "onedrive", "syncthing")
ENVIRONMENT_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*$")
MAX_ENVIRONMENT = 50


def collector(
    events: Callable[[], Iterable[Mapping[str, Any]]],
    cache: Path,
    more: Callable[[Context, Gaps], Any] | None = None,
) -> Callable[[Context], Section]:
    """The collector over a queue of events; ``cache`` is where tools may keep theirs.

    ``more`` may add jobs and tools that this system can observe: it returns (tools, jobs).
    """

    def collect(context: Context) -> Section:
        return _collect(context, list(events()), cache, more)

    return collect


def _collect(
    context: Context,
    events: list[Mapping[str, Any]],
    cache: Path,
    more: Callable[[Context, Gaps], Any] | None,
) -> Section:
    gaps = Gaps()
    observed = [_observe(context.host, repository, cache, gaps) for repository in context.config.backups]
    readable = {job["tool"] for job in observed if job["last_status"] != "unknown"}
    tools = _tools(context, readable)
    if more is not None:
        system_tools, system_jobs = more(context, gaps)
        tools += system_tools
        observed += system_jobs
    hooks = jobs.from_events(events, context.now)
    listed = jobs.all_jobs(observed, hooks)
    sync = any(context.host.which(program) for program in SYNC_PROGRAMS)
    if not tools and not listed and not gaps.problems:
        return absent("path+hook") if not sync else found("path+hook", {"tools": [], "jobs": [], "sync_only": "yes"})
    if not listed and not context.config.backups:
        for tool in tools:
            gaps.note("provider_error", str(tool["tool"]), "not_declared")
    data = {
        "tools": tools,
        "jobs": listed if listed or not gaps.problems else None,
        "sync_only": "no",
    }
    return found("repository+hook" if context.config.backups else "path+hook", data, gaps.problems)


def _tools(context: Context, readable: set[str]) -> list[dict[str, Any]]:
    """The backup programs that are installed; versions only of those that are used."""
    host = context.host
    declared = {repository.tool for repository in context.config.backups}
    return [
        {
            "tool": tool,
            "present": "yes",
            "version": _version(host, tool) if tool in declared else None,
            "readable": "yes" if tool in readable else "no" if tool in declared else "unknown",
        }
        for tool, programs in PROGRAMS.items()
        if any(host.which(program) for program in programs)
    ]


def _version(host: Host, tool: str) -> str | None:
    try:
        match = re.search(r"\b(\d+\.\d+(?:\.\d+)?)", host.run(VERSION_COMMANDS[tool]).text)
    except READING_ERRORS:
        return None
    return match[1] if match else None


def _observe(host: Host, repository: BackupRepository, cache: Path, gaps: Gaps) -> dict[str, Any]:
    """The job of one repository; unreadable is ``unknown`` with the reason, never ``ok``."""
    observe, settings = OBSERVERS[repository.tool]
    job: dict[str, Any] = {
        "job": repository.job,
        "origin": "observed",
        "tool": repository.tool,
        "last_status": "unknown",
        "target": repository.target,
        "offsite": repository.offsite if repository.offsite != "unknown" else _offsite(repository.target),
        "encrypted": "unknown",
        "immutable": repository.immutable,
        "restore_months": None,
    }
    try:
        environment = {**_cache(repository, cache), **_environment(host, repository), **settings(repository)}
        facts = observe(host, repository, environment)
    except READING_ERRORS as error:
        source = f"{repository.tool}.{repository.job}"  # which of several repositories it was
        gaps.problems.append(replace(problem_of(error, source), source=source))
        return job
    moments = facts["moments"]
    ended = facts.get("ended_at") or (moments[-1] if moments else None)
    at = clock.to_wire(ended) if ended else None
    return {
        **job,
        "last_status": "ok" if moments else "never",
        "last_end_at": at,
        "last_ok_at": at,
        "duration_s": facts.get("duration_s"),
        "bytes": facts.get("bytes"),
        "files": facts.get("files"),
        "encrypted": facts["encrypted"],
        "restore_months": jobs.months_of(moments),
    }


def _offsite(target: str) -> str:
    """What the kind of target says by itself."""
    if target in {"offsite", "cloud"}:
        return "yes"
    return "no" if target in {"local", "usb"} else "unknown"


def _cache(repository: BackupRepository, cache: Path) -> dict[str, str]:
    """The tools' caches, below the agent's state: home directories are closed to it."""
    if repository.tool == "restic":
        return {"RESTIC_CACHE_DIR": str(cache / "restic"), "HOME": str(cache)}
    return {"BORG_BASE_DIR": str(cache / "borg"), "HOME": str(cache)}


def _environment(host: Host, repository: BackupRepository) -> dict[str, str]:
    """The variables of the repository's environment file (credentials of a storage service)."""
    if not repository.environment_file:
        return {}
    content = Path(repository.environment_file).read_text(encoding="utf-8")
    del host
    pairs = [match.groups() for line in content.splitlines() if (match := ENVIRONMENT_LINE.match(line))]
    return {name: value.strip("\"'") for name, value in pairs[:MAX_ENVIRONMENT]}
