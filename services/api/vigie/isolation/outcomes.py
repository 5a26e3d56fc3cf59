"""What was tried, what was answered, and whether that is a leak. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """The ways of trying."""

    OWN = "own"  # one's own request, looked through for what is somebody else's
    PATH = "path"
    MIXED = "mixed"
    BODY = "body"
    FILTER = "filter"
    CURSOR = "cursor"
    KEY = "key"
    ANONYMOUS = "anonymous"
    TOKEN = "token"  # noqa: S105 - a kind of attempt
    COOKIE = "cookie"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt: who, on what, with what changed, and what came of it. `leak` says what is wrong, None where nothing is."""

    kind: Kind
    caller: str
    operation: str
    status: int
    code: str
    leak: str | None = None


@dataclass(slots=True)
class Findings:
    """Everything that came of a run."""

    outcomes: list[Outcome] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)  # what differed at the other provider, and after which operation
    controls: dict[str, int] = field(default_factory=dict)  # operation → status of the owner's own, right request

    @property
    def leaks(self) -> Sequence[str]:
        """Every leak in a sentence."""
        told = [
            f"{each.operation} ({each.kind}, as {each.caller}): {each.status}, {each.leak}"
            for each in self.outcomes
            if each.leak is not None
        ]
        return [*told, *self.changes]

    @property
    def inconclusive(self) -> Sequence[Outcome]:
        """Attempts that the service could not answer (5xx): nothing is known from them."""
        return [each for each in self.outcomes if each.status >= 500]  # noqa: PLR2004 - HTTP

    @property
    def without_control(self) -> Mapping[str, int]:
        """Operations whose right request by the owner did not succeed, or was never made (0): a refusal there proves less."""
        return {name: status for name, status in sorted(self.controls.items()) if not 200 <= status < 300}  # noqa: PLR2004 - HTTP

    def by_kind(self) -> Mapping[Kind, Mapping[int, int]]:
        """Return how often each kind was answered with each status."""
        counted: dict[Kind, Counter[int]] = {}
        for each in self.outcomes:
            counted.setdefault(each.kind, Counter())[each.status] += 1
        return {kind: dict(sorted(counted[kind].items())) for kind in Kind if kind in counted}


@dataclass(frozen=True, slots=True)
class Subject:
    """What was examined: address, version of its API, digest of its documents."""

    url: str
    api_version: str
    documents: str
    checker: str


@dataclass(frozen=True, slots=True)
class Report:
    """A run as it is shown to others."""

    subject: Subject
    started_at: datetime
    seconds: float
    operations: Sequence[str]
    findings: Findings
    put_away: bool
