"""When accounts of people were last used: counts and steps of ten days leave the machine, names and times do not."""

import base64
import json
import os
import sqlite3
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.agent.bench import NOW, Machine
from vigie_agent.collectors.base import CollectError
from vigie_agent.collectors.linux import accounts, sign_ins
from vigie_agent.collectors.sign_ins import counted
from vigie_agent.collectors.windows import access
from vigie_agent.collectors.windows.registry_reader import RecordedRegistry

DAY = timedelta(days=1)
WIDE = os.uname().machine in sign_ins.WIDE
# Written by utmpdump (util-linux 2.38): a session over the network, a start, a session at the screen, its end.
WTMP = zlib.decompress(
    base64.b85decode(
        b"c-muUU|_h!!oW~aQmk*lfE$3MQ%Vc+^Ga~5F|;(&Gc>c%Gt@J}XVkC<6$^5+K=gqXj3R{8GC}D&0_y7O6cmb5lk)TNgufXu<PCHUEp!ueQ_M_8aQMG"
        b"^mPM>ub|4mE1*Y$kN+W#gK=OprKOr+l3iwesjp*>_pknxs0%-Vu`%iTE0|5PEDWm"
    )
)


@pytest.mark.parametrize(
    ("ages", "expected"),
    [
        ([], (0, 0, None)),
        ([None, None], (2, 2, None)),
        ([timedelta(0)], (1, 0, 10)),
        ([timedelta(hours=-3)], (1, 0, 10)),  # a clock that was wrong
        ([9 * DAY, 10 * DAY], (2, 0, 10)),
        ([11 * DAY, None], (2, 1, 20)),
        ([90 * DAY + timedelta(hours=23)], (1, 0, 90)),
        ([91 * DAY], (1, 0, 100)),
        ([180 * DAY, 3 * DAY], (2, 0, 180)),
    ],
)
def test_the_longest_idle_account_counts_in_steps_that_never_flatter(
    ages: list[timedelta | None], expected: tuple[int, int, int | None]
) -> None:
    found = counted([None if age is None else NOW - age for age in ages], NOW)
    assert tuple(found.values()) == expected


def test_wtmp_tells_the_last_sign_in_of_each_name() -> None:
    assert sign_ins.parse_wtmp(WTMP) == {"dupont": datetime(2026, 9, 1, 7, 30, tzinfo=UTC)}
    assert sign_ins.parse_wtmp(WTMP[:500]) == {"dupont": datetime(2026, 8, 1, 7, 30, tzinfo=UTC)}  # cut while written
    assert sign_ins.parse_wtmp(b"") == {}


def utmp(name: str, at: datetime, *, wide: bool) -> bytes:
    record, kind = sign_ins.UTMP_RECORD[wide], sign_ins.USER_PROCESS
    return record.pack(kind, name.encode().ljust(32, b"\0"), int(at.timestamp()))


def lastlog(numbers: dict[int, datetime], *, wide: bool) -> bytes:
    record = sign_ins.LASTLOG_RECORD[wide]
    content = bytearray(record.size * (max(numbers) + 1))
    for number, at in numbers.items():
        record.pack_into(content, number * record.size, int(at.timestamp()))
    return bytes(content)


@pytest.mark.parametrize("wide", [False, True])
def test_records_of_both_widths(wide: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    assert len(utmp("x", NOW, wide=wide)) == (400 if wide else 384)
    assert sign_ins.parse_wtmp(utmp("martin", NOW, wide=wide), wide=wide) == {"martin": NOW}
    content = lastlog({1000: NOW - DAY, 1002: NOW}, wide=wide)
    assert len(content) == 1003 * (296 if wide else 292)
    known = {"dupont": 1000, "martin": 1001, "leroy": 1002, "nobody": 40000}
    assert sign_ins.parse_lastlog(content, known, wide=wide) == {"dupont": NOW - DAY, "leroy": NOW}


def database(path: Path, table: str, *rows: tuple[object, ...]) -> bytes:
    connection = sqlite3.connect(path)
    connection.execute(TABLES[table])
    for row in rows:
        connection.execute(ROWS[table], row)
    connection.commit()
    connection.close()
    return path.read_bytes()


TABLES = {
    "lastlog2": "CREATE TABLE Lastlog2"
    "(Name TEXT PRIMARY KEY, Time INTEGER, TTY TEXT, RemoteHost TEXT, Service TEXT) STRICT",
    "wtmpdb": "CREATE TABLE wtmp(ID INTEGER PRIMARY KEY, Type INTEGER, User TEXT NOT NULL, Login INTEGER, Logout INTEGER,"
    " TTY TEXT, RemoteHost TEXT, Service TEXT)",
}
ROWS = {
    "lastlog2": "INSERT INTO Lastlog2 VALUES (?, ?, 'tty2', '192.168.1.20', 'gdm')",
    "wtmpdb": "INSERT INTO wtmp (Type, User, Login) VALUES (?, ?, ?)",
}
PASSWD = (
    "root:x:0:0::/root:/bin/bash\n"
    "daemon:x:1:1::/:/usr/sbin/nologin\n"
    "dupont:x:1000:1000::/home/dupont:/bin/bash\n"
    "martin:x:1001:1001::/home/martin:/bin/sh\n"
    "keys:x:1002:1002::/home/keys:/bin/bash\n"
    "locked:x:1003:1003::/home/locked:/bin/bash\n"
    "left:x:1004:1004::/home/left:/bin/bash\n"
    "scanner:x:1005:1005::/srv:/usr/sbin/nologin\n"
    "nobody:x:65534:65534::/:/bin/sh\n"
)
SHADOW = (
    "root:$y$x:19000:0:99999:7:::\n"
    "dupont:$y$x:19000:0:99999:7:::\n"
    "martin::19000:0:99999:7:::\n"
    "keys:!:19000:0:99999:7:::\n"
    "locked:!$y$x:19000:0:99999:7:::\n"
    "left:$y$x:19000:0:99999:7::20000:\n"
    "scanner:$y$x:19000:0:99999:7:::\n"
)
BASE: dict[str, str | bytes] = {
    "/etc/passwd": PASSWD,
    "/etc/group": "",
    "/etc/shadow": SHADOW,
    "/home/keys/.ssh/authorized_keys": "ssh-ed25519 AAAA",
    "/proc/stat": f"cpu 1 2 3\nbtime {int((NOW - 5 * DAY).timestamp())}\n",
}


def test_people_are_those_who_could_sign_in(machine: Machine) -> None:
    host = machine(BASE).host
    assert sign_ins.people(host, PASSWD, SHADOW, NOW) == {"dupont": 1000, "martin": 1001, "keys": 1002}
    (host.root / "etc/login.defs").write_text("UID_MIN 1001\nUID_MAX 1001\n")
    assert sign_ins.people(host, PASSWD, SHADOW, NOW) == {"martin": 1001}


def idle(
    machine: Machine, files: dict[str, str | bytes], written: datetime | None = NOW
) -> dict[str, int | None] | str:
    """The field, or why there is none; ``written``: when the old records were last touched."""
    context = machine(BASE | files)
    for path in (sign_ins.WTMP, sign_ins.WTMP_BEFORE):
        if path in files and written is not None:
            os.utime(context.host.path(path), (written.timestamp(),) * 2)
    try:
        return sign_ins.sign_ins(context.host, PASSWD, SHADOW, NOW)
    except CollectError as error:
        return f"{error.problem.code} {error.problem.source}"


def field(accounts_: int, unseen: int, days: int | None) -> dict[str, int | None]:
    return {"accounts": accounts_, "unseen": unseen, "longest_idle_days": days}


def test_debian_12_keeps_lastlog_and_wtmp(machine: Machine) -> None:
    files: dict[str, str | bytes] = {
        "/var/log/lastlog": lastlog({1000: NOW - 200 * DAY, 1002: NOW - 50 * DAY}, wide=WIDE),
        "/var/log/wtmp.1": utmp("dupont", NOW - 60 * DAY, wide=WIDE),  # at the screen, which lastlog does not see
        "/var/log/wtmp": utmp("dupont", NOW - 40 * DAY, wide=WIDE) + utmp("ghost", NOW - 400 * DAY, wide=WIDE),
    }
    assert idle(machine, files) == field(3, 1, 50)
    assert idle(machine, {**files, "/run/systemd/users/1001": "NAME=martin\nSTATE=active\n"}) == field(3, 0, 50)
    assert idle(machine, {**files, "/run/systemd/users/1001": "NAME=martin\nSTATE=lingering\n"}) == field(3, 1, 50)


def test_records_that_an_upgrade_left_behind_do_not_count(machine: Machine) -> None:
    files: dict[str, str | bytes] = {
        "/var/log/lastlog": lastlog({1000: NOW - 200 * DAY}, wide=WIDE),
        "/var/log/wtmp": utmp("dupont", NOW - 200 * DAY, wide=WIDE),
    }
    assert idle(machine, files, NOW - 4 * DAY) == field(3, 2, 200)
    assert idle(machine, files, NOW - 6 * DAY) == "not_installed sign_ins"  # it was not written at the last start


def test_debian_13_keeps_databases(machine: Machine, tmp_path: Path) -> None:
    def seconds(age: int) -> int:
        return int((NOW - age * DAY).timestamp())

    visits = [(3, "martin", seconds(40)), (3, "martin", seconds(2)), (1, "reboot", seconds(1))]
    files: dict[str, str | bytes] = {
        sign_ins.LASTLOG2: database(
            tmp_path / "one", "lastlog2", ("dupont", seconds(30)), ("martin", seconds(95)), ("gone", seconds(400))
        ),
        sign_ins.WTMPDB: database(
            tmp_path / "two", "wtmpdb", *((kind, user, at * 1_000_000) for kind, user, at in visits)
        ),
    }
    before = {path: content for path, content in files.items() if path.endswith(".db")}
    assert idle(machine, files) == field(3, 1, 30)
    root = machine().host.root
    assert {path: (root / path[1:]).read_bytes() for path in before} == before
    assert sorted(entry.name for entry in (root / "var/lib/wtmpdb").iterdir()) == ["wtmp.db"]  # nothing beside it


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"not a database", "parse sign_ins"), (b"", "parse sign_ins"), (None, "not_installed sign_ins")],
)
def test_what_cannot_be_read_is_said(machine: Machine, content: bytes | None, expected: str) -> None:
    files: dict[str, str | bytes] = {} if content is None else {sign_ins.WTMPDB: content}
    assert idle(machine, files) == expected


def test_the_section_tells_counts_or_why_it_cannot(machine: Machine) -> None:
    files = BASE | {"/var/log/wtmp": utmp("dupont", NOW - 100 * DAY, wide=WIDE)}
    section = accounts.collect(machine(files))
    assert section.data is not None
    assert section.data["sign_ins"] == field(3, 2, 100)
    assert "dupont" not in json.dumps(section.data)
    without = {path: content for path, content in BASE.items() if path != "/etc/shadow"}
    context = machine(without)
    (context.host.root / "etc/shadow").unlink()
    section = accounts.collect(context)
    assert section.data is not None
    assert section.data["sign_ins"] is None
    assert ("not_installed", "shadow") in [(problem.code, problem.source) for problem in section.problems]


MACHINE = "S-1-5-21-1111-2222-3333"


def filetime(at: datetime) -> dict[str, int]:
    ticks = int((at - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000
    return {"LocalProfileLoadTimeHigh": ticks >> 32, "LocalProfileLoadTimeLow": ticks & 0xFFFFFFFF}


def windows(
    profiles: dict[int, dict[str, int]], *said: tuple[int, str | None], loaded: tuple[str, ...] = ()
) -> dict[str, int | None]:
    registry = RecordedRegistry(
        {rf"{access.PROFILES}\{MACHINE}-{rid}": values for rid, values in profiles.items()}
        | {rf"HKU\{key}\Volatile Environment": {} for key in loaded}
        | {rf"{access.PROFILES}\S-1-5-18": filetime(NOW)}
    )
    listed = [
        {"rid": 500, "disabled": False, "password_required": True},
        {"rid": 1001, "disabled": False, "password_required": True},
        {"rid": 1002, "disabled": False, "password_required": True},
        {"rid": 1003, "disabled": True, "password_required": True},
    ]
    return access.sign_ins(listed, [{"rid": rid, "at": at} for rid, at in said], registry, NOW)


def test_windows_takes_the_latest_of_three_signs() -> None:
    old, older = "2026-05-01T08:00:00Z", "2025-05-01T08:00:00Z"  # 204 and 569 days before
    assert windows({}) == field(2, 2, None)
    assert windows({}, (1001, old), (1002, None), (500, older), (1003, older)) == field(2, 1, 210)
    # Somebody signs in by PIN: the account's own word stays behind, the profile does not.
    by_pin = {1001: filetime(NOW - 3 * DAY), 1002: filetime(NOW - 70 * DAY)}
    assert windows(by_pin, (1001, old), (1002, older)) == field(2, 0, 70)
    assert windows(by_pin, loaded=(f"{MACHINE}-1002",)) == field(2, 0, 10)
    assert windows(by_pin, loaded=(f"{MACHINE}-1002_Classes", "S-1-5-18", ".DEFAULT")) == field(2, 0, 70)
    never = {1001: {"LocalProfileLoadTimeHigh": 0, "LocalProfileLoadTimeLow": 0}, 1002: {"LocalProfileLoadTimeLow": 5}}
    assert windows(never) == field(2, 2, None)
