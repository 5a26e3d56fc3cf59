"""Does a chain hold? Pure: entries in, a verdict out that names the first one at fault and says what happened to it.

A chain tells that something was altered, and the verdict tells what it can of where and how. It cannot tell a chain that was
written anew as a whole: for that, compare with a head noted elsewhere (docs/audit.md).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from vigie.audit.chain import entry_hash, genesis

Fault = Literal["changed", "removed", "inserted", "reordered", "truncated", "other_head", "unreadable"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it was found: its fields in the canonical form, and the two hashes that stand beside them."""

    fields: Mapping[str, Any]
    previous_hash: bytes
    hash: bytes

    @property
    def number(self) -> int:
        """Return its place in the chain."""
        return int(self.fields["number"])

    def holds_as(self, number: int) -> bool:
        """Whether the hash is right for these fields under a number."""
        return entry_hash(self.previous_hash, {**self.fields, "number": number}) == self.hash


@dataclass(frozen=True, slots=True)
class Head:
    """How far a chain goes: the number and hash of its last entry; number 0 for a chain without entries."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Start:
    """Where a look at a chain begins: before its first entry, or after one whose hash is taken on trust."""

    provider_id: UUID
    number: int
    previous_hash: bytes

    @classmethod
    def first(cls, provider_id: UUID) -> "Start":
        """Return the beginning of a provider's chain: nothing is taken on trust."""
        return cls(provider_id, 1, genesis(provider_id))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `number` is that of the first entry at fault, `entries` how many were read."""

    entries: int
    fault: Fault | None = None
    number: int | None = None
    why: str = "every entry follows from the one before"

    @property
    def holds(self) -> bool:
        """Whether nothing is at fault."""
        return self.fault is None


def verify(entries: Iterable[Entry], start: Start, head: Head | None = None) -> Verdict:
    """Return the verdict on entries in the order they stand in, and on their end when it is known from elsewhere."""
    check = Check(start)
    for entry in entries:
        check.add(entry)
    return check.finish(head)


@dataclass(frozen=True, slots=True)
class _Suspicion:
    """Something is wrong around an entry; what follows it tells what."""

    kind: Literal["gap", "unsound", "link"]
    entry: Entry


class Check:
    """Looks at one entry after the other, holding none but the last: a chain may be longer than memory."""

    def __init__(self, start: Start) -> None:
        self._provider_id: Final = str(start.provider_id)
        self._first: Final = start.number
        self._number = start.number
        self._previous = start.previous_hash
        self._suspicion: _Suspicion | None = None
        self._found: tuple[Fault, int, str] | None = None
        self._entries = 0

    @property
    def decided(self) -> bool:
        """Whether further entries cannot change the verdict."""
        return self._found is not None

    def add(self, entry: Entry) -> None:
        """Look at the next entry."""
        self._entries += 1
        if self._found is not None:
            return
        if self._suspicion is not None:
            self._decide(self._suspicion, entry)
        elif entry.number > self._number:
            self._suspicion = _Suspicion("gap", entry)
        elif entry.number < self._number:
            self._fault("inserted", entry.number, "an entry with this number stood there before")
        elif not entry.holds_as(entry.number):
            self._look_into(entry)
        elif entry.fields.get("provider_id") != self._provider_id:
            self._fault("inserted", entry.number, "the entry is of another provider's chain")
        elif entry.previous_hash != self._previous:
            self._suspicion = _Suspicion("link", entry)
        else:
            self._number += 1
            self._previous = entry.hash

    def finish(self, head: Head | None) -> Verdict:
        """Return the verdict; `head` is how far the chain should go, when that is known."""
        if self._suspicion is not None and self._found is None:
            self._decide(self._suspicion, None, head)
        if self._found is None and head is not None:
            self._compare_end(head)
        if self._found is None:
            return Verdict(self._entries)
        return Verdict(self._entries, *self._found)

    def _fault(self, fault: Fault, number: int, why: str) -> None:
        self._found = (fault, number, why)

    def _look_into(self, entry: Entry) -> None:
        """The hash does not hold. Under a neighbouring number it would: then the entries were renumbered to hide something."""
        if entry.holds_as(entry.number - 1):
            self._fault("inserted", entry.number - 1, "the entries after it were renumbered to make room for it")
        elif entry.holds_as(entry.number + 1):
            self._fault("removed", entry.number, "the entries after it were renumbered to close the gap")
        else:
            self._suspicion = _Suspicion("unsound", entry)

    def _decide(self, suspicion: _Suspicion, following: Entry | None, head: Head | None = None) -> None:
        """Say what is wrong, now that the entry after the suspicious one is known, or that there is none."""
        number = suspicion.entry.number
        if suspicion.kind == "gap":
            # The missing number may yet come: until the end, it was not removed but moved.
            if following is None:
                last = number - 1
                which = "it is" if last == self._number else f"entries {self._number} to {last} are"
                self._fault("removed", self._number, f"{which} missing before entry {number}")
            elif following.number == self._number:
                self._fault("reordered", number, f"it stands where entry {self._number} should, which comes later")
        elif suspicion.kind == "unsound":
            if following is not None and following.number == number:
                self._fault("inserted", number, "its hash does not hold, and another entry has its number")
            else:
                self._fault("changed", number, "its hash is not that of its fields")
        else:
            self._decide_link(suspicion.entry, following, head)

    def _decide_link(self, entry: Entry, following: Entry | None, head: Head | None) -> None:
        """Two neighbours disagree, each with a hash that holds: the one that what follows does not know was written anew."""
        vouching = following.previous_hash if following is not None else head.hash if head is not None else entry.hash
        if entry.number == self._first or vouching != entry.hash:
            self._fault("changed", entry.number, "its hash was computed anew: its neighbours remember another")
        else:
            self._fault("changed", entry.number - 1, "its hash was computed anew: the entry after it remembers another")

    def _compare_end(self, head: Head) -> None:
        last = self._number - 1
        if last < head.number:
            which = "entry" if head.number - last == 1 else f"{head.number - last} entries"
            self._fault("truncated", last + 1, f"the chain goes on to entry {head.number}: {which} missing at the end")
        elif last > head.number:
            self._fault("inserted", head.number + 1, f"the chain ends with entry {head.number}")
        elif self._previous != head.hash:
            self._fault(
                "other_head", last, "it, or a run of entries up to it, was written anew: the head remembers another"
            )
