"""The hash chain as a table: every way to tamper with an audit, and the entry the verdict names."""

import hashlib
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from vigie.audit.chain import FIELDS, canonical, entry_hash, fields_of, genesis, instant
from vigie.audit.export import Header, entry_line, header_line, verify_file
from vigie.audit.verification import Entry, Head, Start, Verdict, verify

ATLAS, BOREA = UUID("01a1f000-0000-7000-8000-00000000a71a"), UUID("01a1f000-0000-7000-8000-00000000b02e")
AT = datetime(2026, 11, 22, 8, 17, 42, 5, UTC)
PAGE = Path(__file__).parents[2] / "docs" / "audit.md"


def columns(number: int, **bent: Any) -> dict[str, Any]:
    return {
        "provider_id": ATLAS,
        "number": number,
        "at": AT + timedelta(seconds=number),
        "actor_kind": "member",
        "actor_id": "01a1f000-0000-7000-8000-000000000001",
        "actor_name": "Ana Dupré",
        "role": "owner",
        "action": "practice.change",
        "object_kind": "practice",
        "object_id": f"object {number}",
        "practice_id": None,
        "address": "192.0.2.7",
        "outcome": "done",
        "code": None,
        "details": {"fields": ["city"], "n": number},
        **bent,
    }


def chained(rows: Sequence[dict[str, Any]], before: bytes) -> list[Entry]:
    found = []
    for row in rows:
        fields = fields_of(row)
        found.append(Entry(fields, before, entry_hash(before, fields)))
        before = found[-1].hash
    return found


def chain(entries: int, provider_id: UUID = ATLAS) -> list[Entry]:
    rows = [columns(number, provider_id=provider_id) for number in range(1, entries + 1)]
    return chained(rows, genesis(provider_id))


def rehashed(entry: Entry, **bent: Any) -> Entry:
    """The entry with other fields, its own hash computed anew."""
    fields = {**entry.fields, **bent}
    return Entry(fields, entry.previous_hash, entry_hash(entry.previous_hash, fields))


def bent(entry: Entry, **more: Any) -> Entry:
    """The entry with other fields under its old hash."""
    return replace(entry, fields={**entry.fields, **more})


def head(entries: Sequence[Entry]) -> Head:
    return Head(entries[-1].number, entries[-1].hash)


def test_what_is_hashed_is_what_the_page_says() -> None:
    """Written out by hand: a change of the canonical form would break every chain there is."""
    row = columns(1, practice_id=BOREA, details={"z": [True, None, 1], "a": 'é\u2028"\\\n\x1f\x7f/🦷'})
    expected = (
        '{"action":"practice.change","actor_id":"01a1f000-0000-7000-8000-000000000001","actor_kind":"member",'
        '"actor_name":"Ana Dupré","address":"192.0.2.7","at":"2026-11-22T08:17:43.000005Z","code":null,'
        '"details":{"a":"é\u2028\\"\\\\\\n\\u001f\x7f/🦷","z":[true,null,1]},"number":1,"object_id":"object 1",'
        '"object_kind":"practice","outcome":"done","practice_id":"01a1f000-0000-7000-8000-00000000b02e",'
        '"provider_id":"01a1f000-0000-7000-8000-00000000a71a","role":"owner","v":1}'
    ).encode()
    before = hashlib.sha256(b"vigie-audit/1 01a1f000-0000-7000-8000-00000000a71a").digest()
    assert canonical(fields_of(row)) == expected
    assert genesis(ATLAS) == before
    assert entry_hash(before, fields_of(row)) == hashlib.sha256(before + expected).digest()


def test_every_field_is_hashed() -> None:
    base = chain(1)[0]
    assert set(base.fields) == set(FIELDS)
    assert base.holds_as(1)
    assert not base.holds_as(2)
    for name in set(FIELDS) - {"number"}:
        assert not bent(base, **{name: "other"}).holds_as(1), name


@pytest.mark.parametrize(
    ("at", "written"),
    [
        (datetime(2026, 11, 22, 8, 17, 42, tzinfo=UTC), "2026-11-22T08:17:42.000000Z"),
        (datetime(2026, 11, 22, 9, 17, 42, 1, timezone(timedelta(hours=1))), "2026-11-22T08:17:42.000001Z"),
    ],
)
def test_an_instant_is_written_one_way(at: datetime, written: str) -> None:
    assert instant(at) == written


Tampering = Callable[[list[Entry]], list[Entry]]


def swap(entries: list[Entry], first: int, second: int) -> list[Entry]:
    entries[first], entries[second] = entries[second], entries[first]
    return entries


def renumbered(entries: list[Entry], at: int, by: int) -> list[Entry]:
    """The entries from one on under other numbers, their hashes left."""
    return [*entries[:at], *(bent(entry, number=entry.number + by) for entry in entries[at:])]


def forged(after: Entry, number: int) -> Entry:
    """An entry that never was, with a hash that holds."""
    return chained([columns(number, object_id="forged")], after.hash)[0]


def rewritten(entries: list[Entry], at: int) -> list[Entry]:
    """One entry changed, and every hash from there on computed anew."""
    rows = [dict(entry.fields) for entry in entries[at:]]
    rows[0]["object_id"] = "other"
    before = entries[at].previous_hash
    anew = []
    for fields in rows:
        anew.append(Entry(fields, before, entry_hash(before, fields)))
        before = anew[-1].hash
    return [*entries[:at], *anew]


# What is done to a chain of ten → the fault and the number that the verdict names. Index 4 is entry 5.
TAMPERING: dict[str, tuple[Tampering, str, int]] = {
    "a field is changed": (lambda e: [*e[:4], bent(e[4], object_id="x"), *e[5:]], "changed", 5),
    "a field of the first is changed": (lambda e: [bent(e[0], object_id="x"), *e[1:]], "changed", 1),
    "a field of the last is changed": (lambda e: [*e[:9], bent(e[9], object_id="x")], "changed", 10),
    "a detail is changed": (lambda e: [*e[:4], bent(e[4], details={"n": 6}), *e[5:]], "changed", 5),
    "a field is added": (lambda e: [*e[:4], bent(e[4], note="x"), *e[5:]], "changed", 5),
    "a hash is changed": (lambda e: [*e[:4], replace(e[4], hash=bytes(32)), *e[5:]], "changed", 5),
    "the hash before is changed": (lambda e: [*e[:4], replace(e[4], previous_hash=bytes(32)), *e[5:]], "changed", 5),
    "a field is changed and its hash computed": (lambda e: [*e[:4], rehashed(e[4], code="x"), *e[5:]], "changed", 5),
    "… of the first": (lambda e: [rehashed(e[0], code="x"), *e[1:]], "changed", 1),
    "… of the last but one": (lambda e: [*e[:8], rehashed(e[8], code="x"), e[9]], "changed", 9),
    "… of the last": (lambda e: [*e[:9], rehashed(e[9], code="x")], "other_head", 10),
    "an entry is tied to another before it": (
        lambda e: [*e[:4], rehashed(replace(e[4], previous_hash=bytes(32))), *e[5:]],
        "changed",
        5,
    ),
    "the first is tied to something before it": (
        lambda e: [rehashed(replace(e[0], previous_hash=bytes(32))), *e[1:]],
        "changed",
        1,
    ),
    "the whole chain hangs from something else": (
        lambda e: chained([columns(entry.number) for entry in e], bytes(32)),
        "changed",
        1,
    ),
    "everything from an entry on is computed anew": (lambda e: rewritten(e, 4), "other_head", 10),
    "an entry is removed": (lambda e: [*e[:4], *e[5:]], "removed", 5),
    "three are removed": (lambda e: [*e[:4], *e[7:]], "removed", 5),
    "the first is removed": (lambda e: e[1:], "removed", 1),
    "an entry is removed and the rest renumbered": (lambda e: renumbered([*e[:4], *e[5:]], 4, -1), "removed", 5),
    "the last is removed": (lambda e: e[:9], "truncated", 10),
    "the tail is removed": (lambda e: e[:6], "truncated", 7),
    "everything is removed": (lambda e: e[:0], "truncated", 1),
    "an entry is inserted under a number that is taken": (
        lambda e: [*e[:5], forged(e[4], 5), *e[5:]],
        "inserted",
        5,
    ),
    "… before the one whose number it has": (lambda e: [*e[:4], forged(e[3], 5), *e[4:]], "inserted", 5),
    "… with a hash that does not hold": (lambda e: [*e[:4], bent(e[4], code="x"), *e[4:]], "inserted", 5),
    "an entry is inserted and the rest renumbered": (
        lambda e: renumbered([*e[:4], forged(e[3], 5), *e[4:]], 5, 1),
        "inserted",
        5,
    ),
    "an entry is there twice": (lambda e: [*e[:5], e[4], *e[5:]], "inserted", 5),
    "an entry is added at the end": (lambda e: [*e, forged(e[9], 11)], "inserted", 11),
    "an entry of another chain is inserted": (
        lambda e: [*e[:4], replace(rehashed(chain(5, BOREA)[4], number=5)), *e[5:]],
        "inserted",
        5,
    ),
    "two neighbours are swapped": (lambda e: swap(e, 4, 5), "reordered", 6),
    "two far apart are swapped": (lambda e: swap(e, 2, 7), "reordered", 8),
    "the first and the last are swapped": (lambda e: swap(e, 0, 9), "reordered", 10),
}


@pytest.mark.parametrize(("tamper", "fault", "number"), TAMPERING.values(), ids=TAMPERING)
def test_tampering_is_named_at_the_entry_it_happened_to(tamper: Tampering, fault: str, number: int) -> None:
    entries = chain(10)
    end = head(entries)
    assert verify(entries, Start.first(ATLAS), end).holds
    found = verify(tamper(list(entries)), Start.first(ATLAS), end)
    assert (found.fault, found.number) == (fault, number), found.why


@pytest.mark.parametrize("name", ["everything from an entry on is computed anew", "the tail is removed"])
def test_what_a_chain_alone_cannot_tell_is_told_by_its_head(name: str) -> None:
    entries = chain(10)
    tampered = TAMPERING[name][0](list(entries))
    assert verify(tampered, Start.first(ATLAS)).holds
    assert not verify(tampered, Start.first(ATLAS), head(entries)).holds


def test_an_entry_written_anew_before_the_last_is_told_from_the_last_by_the_head() -> None:
    """Two neighbours disagree; the head knows the last: with it, it is the one before that was touched."""
    entries = chain(10)
    ninth = [*entries[:8], rehashed(entries[8], code="x"), entries[9]]
    tied = [*entries[:9], rehashed(replace(entries[9], previous_hash=bytes(32)))]
    assert verify(ninth, Start.first(ATLAS), head(entries)).number == 9
    assert verify(tied, Start.first(ATLAS), head(entries)).number == 10


@pytest.mark.parametrize("entries", [0, 1, 2, 10])
def test_an_untouched_chain_holds_whole_and_in_part(entries: int) -> None:
    whole = chain(entries)
    end = Head(entries, whole[-1].hash if whole else genesis(ATLAS))
    assert verify(whole, Start.first(ATLAS), end) == Verdict(entries)
    for first in range(2, entries + 1):
        part = Start(ATLAS, first, whole[first - 2].hash)
        assert verify(whole[first - 1 :], part, end) == Verdict(entries - first + 1)


def test_a_look_that_finds_nothing_new_still_compares_the_end() -> None:
    entries = chain(3)
    after = Start(ATLAS, 4, entries[2].hash)
    assert verify([], after, head(entries)).holds
    assert verify([], after, Head(3, bytes(32))).fault == "other_head"


def test_a_chain_is_its_provider_s() -> None:
    entries = chain(3, BOREA)
    assert verify(entries, Start.first(BOREA), head(entries)).holds
    assert verify(entries, Start.first(ATLAS), head(entries)).number == 1


def exported(entries: Sequence[Entry], end: Head | None = None, start: Start | None = None) -> list[bytes]:
    header = Header(start or Start.first(ATLAS), end or head(entries))
    return [header_line(header, AT), *map(entry_line, entries)]


@pytest.mark.parametrize(("tamper", "fault", "number"), TAMPERING.values(), ids=TAMPERING)
def test_a_file_tells_what_its_entries_tell(tamper: Tampering, fault: str, number: int) -> None:
    entries = chain(10)
    assert verify_file(exported(entries))[1] == Verdict(10)
    found = verify_file(exported(tamper(list(entries)), head(entries)))[1]
    assert (found.fault, found.number) == (fault, number)


def edited(line: int, old: bytes, new: bytes) -> Callable[[list[bytes]], list[bytes]]:
    def edit(lines: list[bytes]) -> list[bytes]:
        assert lines[line].count(old) == 1
        return [*lines[:line], lines[line].replace(old, new), *lines[line + 1 :]]

    return edit


SPOILT: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "nothing": (lambda lines: lines[:0], "empty"),
    "no first line": (lambda lines: lines[1:], "line 1"),
    "an empty first line": (lambda lines: [b"\n", *lines], "line 1"),
    "another format": (edited(0, b"vigie-audit/1", b"vigie-audit/2"), "line 1"),
    "a beginning that is no number": (edited(0, b'"first":1', b'"first":true'), "line 1"),
    "a provider that is none": (edited(0, b'"provider_id":"01a1f000', b'"provider_id":"x'), "line 1"),
    "a line that is no JSON": (edited(2, b'{"action"', b'"action"'), "line 3"),
    "a line that is no object": (lambda lines: [*lines[:2], b"[]\n", *lines[2:]], "line 3"),
    "a number that JSON has not": (edited(2, b'"code":null', b'"code":NaN'), "line 3"),
    "a field less": (edited(2, b'"code":null,', b""), "line 3"),
    "a field twice": (edited(2, b'"code":null', b'"code":null,"code":"x"'), "line 3"),
    "a number that is a text": (edited(2, b'"number":2', b'"number":"2"'), "line 3"),
    "a number under zero": (edited(2, b'"number":2', b'"number":-2'), "line 3"),
    "half a character": (edited(2, b'"code":null', b'"code":"\\ud800"'), "line 3"),
    "a hash that is none": (edited(2, b',"hash":"', b',"hash":"z'), "line 3"),
    "bytes that are no text": (lambda lines: [*lines[:2], b"\xff\xfe\n", *lines[2:]], "line 3"),
    "brackets without end": (lambda lines: [*lines[:2], b"[" * 100_000, *lines[2:]], "line 3"),
    "half a line": (lambda lines: [*lines[:2], lines[2][:40]], "line 3"),
}


@pytest.mark.parametrize(("spoil", "why"), SPOILT.values(), ids=SPOILT)
def test_a_file_that_is_no_export_is_refused_at_its_line(spoil: Callable[[list[bytes]], list[bytes]], why: str) -> None:
    lines = exported(chain(4))
    assert verify_file(lines)[1].holds
    _, verdict = verify_file(spoil(list(lines)))
    assert (verdict.fault, verdict.holds) == ("unreadable", False)
    assert why in verdict.why


def test_the_first_fault_is_named_even_if_the_rest_cannot_be_read() -> None:
    lines = exported(TAMPERING["two neighbours are swapped"][0](chain(10)))
    assert verify_file([*lines, b"?"])[1].number == 6


@pytest.mark.parametrize(
    ("noted", "holds"),
    [
        (lambda e: Head(10, e[9].hash), True),
        (lambda e: Head(4, e[3].hash), True),
        (lambda _: Head(0, genesis(ATLAS)), True),
        (lambda e: Head(10, e[8].hash), False),
        (lambda e: Head(4, e[4].hash), False),
        (lambda e: Head(11, e[9].hash), False),
        (lambda _: Head(0, genesis(BOREA)), False),
    ],
)
def test_a_head_noted_elsewhere_tells_a_chain_written_anew(
    noted: Callable[[list[Entry]], Head], *, holds: bool
) -> None:
    entries = chain(10)
    found = verify_file(exported(entries), noted(entries))[1]
    assert found.holds is holds
    assert found.fault == (None if holds else "other_head")


def test_a_rewritten_file_with_a_rewritten_head_is_told_by_nothing_else() -> None:
    entries = chain(10)
    anew = rewritten(entries, 4)
    assert verify_file(exported(anew))[1].holds
    assert verify_file(exported(anew), Head(10, entries[9].hash))[1].fault == "other_head"
    assert verify_file(exported(anew), Head(5, entries[4].hash))[1].number == 5
    assert verify_file(exported(anew), Head(4, entries[3].hash))[1].holds  # noted before what was touched


def test_the_program_on_the_page_comes_to_the_same_verdict(tmp_path: Path) -> None:
    """An auditor who trusts none of our code can follow the page."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    script, file = tmp_path / "check.py", tmp_path / "audit.ndjson"
    script.write_text(program)

    def status(lines: Sequence[bytes]) -> int:
        file.write_bytes(b"".join(lines))
        return subprocess.run([sys.executable, script, file], capture_output=True, check=False).returncode

    entries = chain(10)
    assert status(exported(entries)) == 0
    for name in ("a detail is changed", "an entry is removed", "the tail is removed", "two neighbours are swapped"):
        assert status(exported(TAMPERING[name][0](list(entries)), head(entries))) == 1, name
