"""The settings file ``agent.toml``, written by people; an error says which line and which key.

Example: see ``docs/agent.md``. Machine-written facts (device id, sequence) are not here but in the state directory.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from vigie_agent.contract import SECTIONS

ALIAS = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
ROLES = ("workstation", "laptop", "server", "nas")
TRI = ("yes", "no", "unknown")
TARGETS = ("local", "usb", "nas", "server", "offsite", "cloud", "unknown")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MAX_BACKUPS = 20


class ConfigError(Exception):
    """The settings file is wrong; the message names the file, the line and the key."""


@dataclass(frozen=True)
class BackupRepository:
    """A repository whose restore points the agent reads itself."""

    job: str
    tool: str
    repository: str
    password_file: str | None = None
    passcommand: str | None = None
    environment_file: str | None = None
    target: str = "unknown"
    offsite: str = "unknown"
    immutable: str = "unknown"
    period_hours: int = 24


@dataclass(frozen=True)
class Config:
    """Everything a person may set; all of it optional until enrolment."""

    url: str | None = None
    alias: str | None = None
    role: str | None = None
    proxy: str | None = None
    disabled: frozenset[str] = frozenset()
    backups: tuple[BackupRepository, ...] = field(default=())


def load(path: Path) -> Config:
    """Read the settings; a missing file is an empty one. ``ConfigError`` on anything not understood."""
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({type(error).__name__})") from error
    try:
        document = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    return _Reader(str(path), content).config(document)


def check_url(url: str) -> str:
    """The base address without a final slash; ``ValueError`` unless it is https (or http to this very machine)."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must look like https://vigie.example")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("must be https (http is for this machine only)")
    return url.rstrip("/")


def check_alias(value: Any) -> str:
    """The alias (or job name) if it is one; ``ValueError`` otherwise."""
    if not isinstance(value, str) or not ALIAS.fullmatch(value):
        raise ValueError("must be 1 to 32 of a-z, 0-9 and -, and start with a letter or digit")
    return value


class _Reader:
    """Checks one document and finds the line of what is wrong."""

    def __init__(self, path: str, content: str) -> None:
        self.path = path
        self.lines = content.splitlines()

    def config(self, document: Mapping[str, Any]) -> Config:
        known = {"url", "alias", "role", "proxy", "disabled", "backup"}
        self._refuse_unknown(document, known, "")
        disabled = document.get("disabled", [])
        if not isinstance(disabled, list) or not all(isinstance(name, str) for name in disabled):
            self._fail("disabled", "must be a list of section names")
        for name in disabled:
            if name not in SECTIONS:
                self._fail("disabled", f"knows no section {name!r}; there are: {', '.join(SECTIONS)}")
        return Config(
            url=self._value(document, "url", check_url),
            alias=self._value(document, "alias", check_alias),
            role=self._value(document, "role", lambda value: _one_of(value, ROLES)),
            proxy=self._value(document, "proxy", _proxy),
            disabled=frozenset(disabled),
            backups=self._backups(document.get("backup", [])),
        )

    def _backups(self, entries: Any) -> tuple[BackupRepository, ...]:
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self._fail("backup", "must be written as [[backup]] blocks")
        if len(entries) > MAX_BACKUPS:
            self._fail("backup", f"takes at most {MAX_BACKUPS} blocks")
        found = tuple(self._backup(entry, number) for number, entry in enumerate(entries, 1))
        for number, repository in enumerate(found, 1):
            if any(other.job == repository.job for other in found[: number - 1]):
                self._fail("job", f"{repository.job!r} is used twice", number)
        return found

    def _backup(self, entry: Mapping[str, Any], number: int) -> BackupRepository:
        self._refuse_unknown(entry, set(BackupRepository.__dataclass_fields__), f"backup {number}", number)
        for key in ("job", "tool", "repository"):
            if key not in entry:
                self._fail("backup", f"block {number} lacks {key!r}", number)
        if "password_file" in entry and "passcommand" in entry:
            self._fail("passcommand", "and password_file exclude each other", number)
        checks: dict[str, Callable[[Any], Any]] = {
            "job": check_alias,
            "tool": lambda value: _one_of(value, ("restic", "borg")),
            "target": lambda value: _one_of(value, TARGETS),
            "offsite": lambda value: _one_of(value, TRI),
            "immutable": lambda value: _one_of(value, TRI),
            "period_hours": _hours,
        }
        values = {key: self._value(entry, key, checks.get(key, _words), number) for key in entry}
        return BackupRepository(**values)

    def _value(self, table: Mapping[str, Any], key: str, check: Callable[[Any], Any], block: int = 0) -> Any:
        if key not in table:
            return None
        try:
            return check(table[key])
        except (ValueError, TypeError, AttributeError) as error:
            self._fail(key, str(error) if isinstance(error, ValueError) else "has the wrong type", block)

    def _refuse_unknown(self, table: Mapping[str, Any], known: set[str], where: str, block: int = 0) -> None:
        for key in table:
            if key not in known:
                suffix = f" in {where}" if where else ""
                self._fail(key, f"is not a setting{suffix}; there are: {', '.join(sorted(known))}", block)

    def _fail(self, key: str, problem: str, block: int = 0) -> NoReturn:
        raise ConfigError(f"{self.path}:{self._line(key, block)}: {key} {problem}")

    def _line(self, key: str, block: int) -> int:
        """The line of a key, inside the given [[backup]] block when there is one (1 when it is nowhere)."""
        start, seen = 0, 0
        for number, line in enumerate(self.lines):
            if re.match(r"\s*\[\[\s*backup\s*\]\]", line):
                seen += 1
                if seen == block:
                    start = number
        assignment = re.compile(rf"\s*(\[\[?\s*)?\"?{re.escape(key)}\"?\s*(=|\]|\.)")
        for number, line in enumerate(self.lines[start:], start + 1):
            if assignment.match(line):
                return number
        return start + 1


def _one_of(value: Any, words: tuple[str, ...]) -> str:
    if value not in words:
        raise ValueError(f"must be one of {', '.join(words)}")
    return str(value)


def _words(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or "\n" in value or "\x00" in value:
        raise ValueError("must be a line of text")
    return value


def _hours(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 24 * 366:
        raise ValueError("must be a whole number of hours, at least 1")
    return value


def _proxy(value: Any) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must look like http://proxy:3128")
    return str(value)
