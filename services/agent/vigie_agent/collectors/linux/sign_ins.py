"""When the accounts of people were last used on Linux: the records that the system keeps, whichever it keeps.

Debian 12 and its likes write ``lastlog`` and ``wtmp``; Debian 13 writes ``wtmpdb`` and, where it is installed, ``lastlog2``,
both SQLite. An upgrade leaves the old files behind, frozen: they count only while the system still writes them, which it
does at every start. Who has a session open is in use now, however long ago it was opened.
"""

import re
import struct
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from vigie_agent.collectors.base import CollectError
from vigie_agent.collectors.host import Host
from vigie_agent.collectors.sign_ins import counted

LASTLOG, WTMP, WTMP_BEFORE = "/var/log/lastlog", "/var/log/wtmp", "/var/log/wtmp.1"
LASTLOG2, WTMPDB = "/var/lib/lastlog/lastlog2.db", "/var/lib/wtmpdb/wtmp.db"
SESSIONS = "/run/systemd/users"
NO_SHELL = frozenset({"nologin", "false", "sync", "halt", "shutdown"})
UID_MIN, UID_MAX = 1000, 60000
USER_PROCESS = 7
MAX_RECORDS = 10_000
BOOT_SLACK = timedelta(minutes=10)
# Records of glibc: times have 32 bits for the sake of programs of 32 bits, except where there never were any.
WIDE = frozenset({"aarch64", "riscv64", "loongarch64"})
LASTLOG_RECORD = {False: struct.Struct("<I288x"), True: struct.Struct("<q288x")}
UTMP_RECORD = {False: struct.Struct("<hxx40x32s264xI40x"), True: struct.Struct("<hxx40x32s268xq48x")}
_QUERIES = {
    LASTLOG2: "SELECT Name, Time FROM Lastlog2",
    WTMPDB: "SELECT User, max(Login) / 1000000 FROM wtmp GROUP BY User",
}


def sign_ins(host: Host, passwd: str, shadow: str, now: datetime) -> dict[str, int | None]:
    """The field of that name; ``CollectError`` when nothing on this machine records sign-ins."""
    accounts = people(host, passwd, shadow, now)
    sources = [*_old_records(host, accounts), *_databases(host)]
    if not sources:
        raise CollectError("not_installed", "sign_ins")
    here = _signed_in(host)
    return counted(
        (
            now if number in here else max((source[name] for source in sources if name in source), default=None)
            for name, number in accounts.items()
        ),
        now,
    )


def people(host: Host, passwd: str, shadow: str, now: datetime) -> dict[str, int]:
    """The enabled accounts of people, name to number: a shell, a number of a person, not expired, and some way in.

    A locked password closes an account unless it has keys; names stay in this process.
    """
    defs = host.read_optional("/etc/login.defs") or ""
    low, high = _limit(defs, "UID_MIN", UID_MIN), _limit(defs, "UID_MAX", UID_MAX)
    secrets = {entry[0]: entry for line in shadow.splitlines() if len(entry := line.split(":")) >= 8}  # noqa: PLR2004
    found = {}
    for line in passwd.splitlines():
        entry = line.split(":")
        if len(entry) < 7 or not entry[2].isdigit() or not low <= int(entry[2]) <= high:  # noqa: PLR2004 - passwd(5)
            continue
        if entry[6].rpartition("/")[2] in NO_SHELL or _expired(secrets.get(entry[0], []), now):
            continue
        locked = entry[0] not in secrets or secrets[entry[0]][1].startswith(("!", "*"))
        if not locked or host.exists(f"{entry[5].rstrip('/')}/.ssh/authorized_keys"):
            found[entry[0]] = int(entry[2])
    return found


def _limit(defs: str, key: str, otherwise: int) -> int:
    match = re.search(rf"^\s*{key}\s+(\d+)", defs, re.MULTILINE)
    return int(match[1]) if match else otherwise


def _expired(secret: list[str], now: datetime) -> bool:
    """Whether the eighth field, days since 1970, has passed."""
    return len(secret) >= 8 and secret[7].isdigit() and int(secret[7]) <= now.timestamp() // 86400  # noqa: PLR2004


def _signed_in(host: Host) -> set[int]:
    """The numbers of those who have a session open, by systemd-logind."""
    return {
        int(number)
        for path in host.listed(SESSIONS)
        if (number := path.rpartition("/")[2]).isdigit()
        and re.search(r"^STATE=(active|online)$", host.read_optional(path) or "", re.MULTILINE)
    }


def _old_records(host: Host, accounts: Mapping[str, int]) -> list[dict[str, datetime]]:
    """``lastlog`` and ``wtmp`` (with the one before it), if the system wrote to them when it started."""
    written = max((at for path in (WTMP, WTMP_BEFORE) if (at := host.modified_at(path)) is not None), default=None)
    started = re.search(r"^btime (\d+)", host.read_optional("/proc/stat") or "", re.MULTILINE)
    if written is None or started is None or written < int(started[1]) - BOOT_SLACK.total_seconds():
        return []
    wide = host.release().rpartition(" ")[2] in WIDE
    found = []
    if host.exists(LASTLOG):
        size = (max(accounts.values(), default=0) + 1) * LASTLOG_RECORD[wide].size
        found.append(parse_lastlog(host.read_bytes(LASTLOG, size), accounts, wide=wide))
    size = UTMP_RECORD[wide].size * MAX_RECORDS
    found.extend(parse_wtmp(host.read_end(path, size), wide=wide) for path in (WTMP_BEFORE, WTMP) if host.exists(path))
    return found


def parse_lastlog(content: bytes, accounts: Mapping[str, int], *, wide: bool = False) -> dict[str, datetime]:
    """One record per number, most of them empty."""
    record = LASTLOG_RECORD[wide]
    found = {}
    for name, number in accounts.items():
        if (number + 1) * record.size <= len(content):
            (seconds,) = record.unpack_from(content, number * record.size)
            if seconds > 0:
                found[name] = datetime.fromtimestamp(seconds, UTC)
    return found


def parse_wtmp(content: bytes, *, wide: bool = False) -> dict[str, datetime]:
    """The last sign-in of each name; other records (starts, ends, terminals) are left out."""
    record = UTMP_RECORD[wide]
    whole = content[: len(content) // record.size * record.size]
    return _latest(
        (user.split(b"\0", 1)[0].decode("utf-8", "replace"), seconds)
        for kind, user, seconds in record.iter_unpack(whole)
        if kind == USER_PROCESS
    )


def _databases(host: Host) -> list[dict[str, datetime]]:
    return [read_database(host, path, query) for path, query in _QUERIES.items() if host.exists(path)]


def read_database(host: Host, path: str, query: str) -> dict[str, datetime]:
    """The names and times of an SQLite file, read as it lies there: never locked, never written."""
    try:
        import sqlite3  # noqa: PLC0415 - some systems pack it apart, and most machines do without it
    except ImportError as error:
        raise CollectError("not_installed", "sqlite") from error
    try:
        address = f"{host.path(path).absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as database:
            return _latest(database.execute(query))
    except sqlite3.Error as error:
        raise CollectError("parse", "sign_ins", type(error).__name__) from error


def _latest(rows: Iterable[Any]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for name, seconds in rows:
        if isinstance(name, str) and isinstance(seconds, int) and seconds > 0:
            moment = datetime.fromtimestamp(seconds, UTC)
            found[name] = max(found.get(name, moment), moment)
    return found
