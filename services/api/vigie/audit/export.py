"""The audit as a file: a line that says what follows, then one entry a line (NDJSON), each with its hashes.

    {"format": "vigie-audit/1", "provider_id": …, "first": 1, "previous_hash": …, "head": {"number": …, "hash": …}, …}
    {"action": "practice.create", …, "previous_hash": …, "hash": …}

Every line is canonical JSON (`vigie.audit.chain`), every hash in hexadecimal. Leave `previous_hash` and `hash` out of a line and
it is the bytes that were hashed: checking needs nothing of ours.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from vigie.audit.chain import FIELDS, FORMAT, canonical, instant
from vigie.audit.verification import Check, Entry, Head, Start, Verdict

MEDIA_TYPE = "application/x-ndjson"
_HASHES = ("previous_hash", "hash")


class UnreadableLineError(ValueError):
    """A line of an export is not one: the file was not made by us, or not left as it was."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of an export."""

    start: Start
    head: Head


def header_line(header: Header, exported_at: datetime) -> bytes:
    """Return the first line of an export."""
    start, head = header.start, header.head
    fields = {
        "format": FORMAT,
        "provider_id": str(start.provider_id),
        "first": start.number,
        "previous_hash": start.previous_hash.hex(),
        "head": {"number": head.number, "hash": head.hash.hex()},
        "exported_at": instant(exported_at),
    }
    return canonical(fields) + b"\n"


def entry_line(entry: Entry) -> bytes:
    """Return the line of an entry."""
    hashes = {"previous_hash": entry.previous_hash.hex(), "hash": entry.hash.hex()}
    return canonical({**entry.fields, **hashes}) + b"\n"


def read_header(line: bytes) -> Header:
    """Return what the first line says; raises `UnreadableLineError`."""
    fields = _object(line)
    try:
        if fields["format"] != FORMAT:
            raise UnreadableLineError(f"the format is {fields['format']!r}, not {FORMAT!r}")
        head = Head(_number(fields["head"]["number"]), bytes.fromhex(fields["head"]["hash"]))
        before = bytes.fromhex(fields["previous_hash"])
        return Header(Start(UUID(fields["provider_id"]), _number(fields["first"]), before), head)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, UnreadableLineError):
            raise
        raise UnreadableLineError("it is not the first line of an export") from error


def read_entry(line: bytes) -> Entry:
    """Return the entry of a line; raises `UnreadableLineError`. Fields we do not know are kept: they are hashed, too."""
    fields = _object(line)
    try:
        _number(fields["number"])
        previous_hash, own_hash = (bytes.fromhex(fields.pop(name)) for name in _HASHES)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableLineError("it is not an entry") from error
    missing = [name for name in FIELDS if name not in fields]
    if missing:
        raise UnreadableLineError(f"it has no {missing[0]}")
    return Entry(fields, previous_hash, own_hash)


def verify_file(lines: Iterable[bytes], noted: Head | None = None) -> tuple[Header | None, Verdict]:
    """Return the first line of an export and the verdict on the rest, without any database.

    `noted` is a head that was written down elsewhere when the chain was that long: the only thing that tells a chain that
    was written anew as a whole. Its entry must be in the file.
    """
    reading = _Reading(noted)
    try:
        for line in lines:
            reading.add(line)
    except UnreadableLineError as error:
        return reading.header, reading.stopped(f"line {reading.lines}: {error}")
    if reading.header is None:
        return None, reading.stopped("the file is empty")
    return reading.header, reading.finish(reading.header)


class _Reading:
    """A file as far as it has been read."""

    def __init__(self, noted: Head | None) -> None:
        self.lines = 0
        self.header: Header | None = None
        self._check: Check | None = None
        self._noted = noted
        self._seen: bytes | None = None  # the hash that the file has where one was noted

    def add(self, line: bytes) -> None:
        """Read the next line; raises `UnreadableLineError`."""
        self.lines += 1
        if self._check is None:
            self.header = read_header(line)
            start = self.header.start
            self._check = Check(start)
            self._see(start.number - 1, start.previous_hash)
            return
        entry = read_entry(line)
        try:
            self._check.add(entry)
        except (UnicodeEncodeError, RecursionError) as error:
            raise UnreadableLineError("it has no canonical form") from error
        self._see(entry.number, entry.hash)

    def _see(self, number: int, found: bytes) -> None:
        if self._noted is not None and self._noted.number == number:
            self._seen = found

    def stopped(self, why: str) -> Verdict:
        """Return the verdict on a file that cannot be read to its end: a fault found before that is the first one."""
        if self._check is not None and self._check.decided:
            return self._check.finish(None)
        return Verdict(max(0, self.lines - 2), "unreadable", None, why)

    def finish(self, header: Header) -> Verdict:
        """Return the verdict on a file that was read to its end."""
        verdict = (self._check or Check(header.start)).finish(header.head)
        if not verdict.holds or self._noted is None or self._seen == self._noted.hash:
            return verdict
        why = "the chain was written anew: the hash noted is another"
        if self._seen is None:
            why = "there is no entry with the number that was noted"
        return Verdict(verdict.entries, "other_head", self._noted.number, why)


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line, object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        if isinstance(error, UnreadableLineError):
            raise
        raise UnreadableLineError("it is not JSON") from error
    if not isinstance(found, dict):
        raise UnreadableLineError("it is not a JSON object")
    return found


def _without_repeats(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """A name that stands twice shows one value to a reader and another to a checker."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise UnreadableLineError(f"{name!r} stands in it twice")
        found[name] = value
    return found


def _refuse_constant(name: str) -> None:
    """Python reads `NaN` and `Infinity`; JSON has neither."""
    raise UnreadableLineError(f"{name} is not JSON")


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UnreadableLineError("a number in it is not a whole number")
    return value
