"""What a collector is, what it may use, and how it says "could not look".

The collector law: reads only; no patient data, ever; no names, paths or addresses in what it returns; a bounded
time; the parsing of a tool's answer is a pure function apart from running the tool.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from vigie_agent.process import ToolMissingError, ToolTimeoutError

if TYPE_CHECKING:
    from vigie_agent.collectors.host import Host
    from vigie_agent.collectors.memory import Memory
    from vigie_agent.config import Config

T = TypeVar("T")
HOUR_S = 3600
DAY_S = 86400


@dataclass(frozen=True)
class Problem:
    """One coded reason why a fact is missing; ``detail`` is a hex code or class name, never text."""

    code: str
    source: str
    detail: str | None = None
    retryable: bool | None = None

    def as_wire(self) -> dict[str, Any]:
        """The protocol's form."""
        wire: dict[str, Any] = {"code": self.code, "source": self.source}
        if self.detail is not None:
            wire["detail"] = self.detail
        if self.retryable is not None:
            wire["retryable"] = self.retryable
        return wire


class CollectError(Exception):
    """Nothing of the section could be read; carries the coded problem."""

    def __init__(self, code: str, source: str, detail: str | None = None) -> None:
        super().__init__(f"{code} {source} {detail or ''}".strip())
        self.problem = Problem(code, source, detail)


READING_ERRORS = (CollectError, ToolMissingError, ToolTimeoutError, OSError, ValueError, KeyError, IndexError)


@dataclass
class Section:
    """The outcome of one collector, before the contract has checked it."""

    source: str
    status: str
    data: dict[str, Any] | None = None
    problems: list[Problem] = field(default_factory=list)
    ttl_s: int = HOUR_S


def found(source: str, data: dict[str, Any], problems: list[Problem] | None = None) -> Section:
    """A section with facts: ``ok``, or ``partial`` when there are problems."""
    listed = problems or []
    return Section(source, "partial" if listed else "ok", data, listed)


def absent(source: str) -> Section:
    """Read correctly: the thing does not exist here."""
    return Section(source, "absent")


def not_applicable(source: str) -> Section:
    """The question makes no sense on this machine."""
    return Section(source, "not_applicable")


@dataclass
class Context:
    """All a collector may touch: the machine, the settings, its memory, the time."""

    host: "Host"
    config: "Config"
    memory: "Memory"
    now: datetime


@dataclass(frozen=True)
class Collector:
    """One section of the heartbeat and how to read it; ``applies`` is a question of its own."""

    name: str
    collect: Callable[[Context], Section]
    timeout_s: float = 20.0
    applies: Callable[[Context], bool] = lambda _context: True
    hint: str = ""


def tri(value: bool | None) -> str:  # noqa: FBT001 - a fact, not a switch
    """yes, no, or unknown for None."""
    return "unknown" if value is None else ("yes" if value else "no")


_CODES: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((ToolTimeoutError, TimeoutError), "timeout"),
    ((ToolMissingError, FileNotFoundError), "not_installed"),
    ((PermissionError,), "permission"),
    ((ValueError, KeyError, IndexError), "parse"),
    ((OSError,), "provider_error"),
)


def problem_of(error: BaseException, source: str) -> Problem:
    """The coded problem of an exception met while reading ``source``; of its text nothing is kept."""
    if isinstance(error, CollectError):
        return error.problem
    code = next((name for kinds, name in _CODES if isinstance(error, kinds)), "internal")
    plain = code in {"timeout", "not_installed", "permission"}
    return Problem(code, source, None if plain else type(error).__name__, True if code == "timeout" else None)


class Gaps:
    """Collects problems while a collector reads several independent facts.

    ``value = gaps.read("auth.shadow", lambda: …)`` gives None and notes why when the reading fails.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def read(self, source: str, reading: Callable[[], T], otherwise: T | None = None) -> T | None:
        """The value of ``reading``, or ``otherwise`` with the reason noted."""
        try:
            return reading()
        except READING_ERRORS as error:
            self.problems.append(problem_of(error, source))
            return otherwise

    def note(self, code: str, source: str, detail: str | None = None) -> None:
        """Note a reason."""
        self.problems.append(Problem(code, source, detail))


def mapping(value: Any) -> Mapping[str, Any]:
    """``value`` if it is a JSON object, else ``ValueError``: tools change their shapes."""
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - wrong data of a tool, not a wrong call
    return value
