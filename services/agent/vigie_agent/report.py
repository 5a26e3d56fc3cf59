"""From outcomes to the heartbeat: the allow-list serializer, digests, and what to leave out when it is too large.

Nothing reaches the wire but through ``section_as_wire``: a field, word or number that the contract does not know
becomes null, and the section says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vigie_agent import __version__, digest
from vigie_agent.collectors.base import Problem, Section
from vigie_agent.contract import (
    ERROR_CODES,
    ERROR_DETAIL,
    ERROR_SOURCE,
    MAX_ERRORS,
    SECTIONS,
    STATUSES_WITH_DATA,
    STATUSES_WITHOUT_DATA,
)
from vigie_agent.shapes import Refusals

SCHEMA = "hb/1"
SECTION_VERSION = 1
MAX_RAN_AT = 72


@dataclass(frozen=True)
class Vitals:
    """Volatile numbers, in no digest."""

    uptime_s: int
    run_ms: int
    clock_offset_ms: int | None


def section_as_wire(name: str, section: Section, collected_at: str) -> dict[str, Any]:
    """The section as it may leave; ``KeyError`` for a section the contract does not have."""
    refusals = Refusals()
    data = SECTIONS[name].clean(section.data, name, refusals) if section.status in STATUSES_WITH_DATA else None
    problems = [*section.problems, *(Problem("internal", "contract", place[:64]) for place in refusals.places)]
    status = _status(section.status, data, problems)
    return {
        "v": SECTION_VERSION,
        "status": status,
        "collected_at": collected_at,
        "source": section.source if _fits(ERROR_SOURCE, section.source) else "agent",
        "ttl_s": section.ttl_s,
        "errors": _errors(problems) if status != "disabled" else [],
        "data": data if status in STATUSES_WITH_DATA else None,
    }


def _status(status: str, data: Any, problems: list[Problem]) -> str:
    """A status that agrees with data and errors, whatever the collector said."""
    if status in STATUSES_WITHOUT_DATA - {"unknown"}:
        return status
    if data is None or status not in STATUSES_WITH_DATA:
        if not problems:
            problems.append(Problem("internal", "contract", "no_data"))
        return "unknown"
    return "partial" if problems else "ok"


def _errors(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """At most eight errors without repetition, each cut down to the contract's alphabet."""
    errors: list[dict[str, Any]] = []
    for problem in problems:
        wire = problem.as_wire()
        if wire["code"] not in ERROR_CODES:
            wire["code"] = "internal"
        if not _fits(ERROR_SOURCE, wire["source"]):
            wire["source"] = "agent"
        if not _fits(ERROR_DETAIL, wire.get("detail")):
            wire.pop("detail")
        if wire not in errors:
            errors.append(wire)
    return errors[:MAX_ERRORS]


def _fits(shape: Any, value: Any) -> bool:
    refusals = Refusals()
    shape.clean(value, "", refusals)
    return not refusals.places


def digests_of(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The digest of each section."""
    return {name: digest.section_digest(section) for name, section in sections.items()}


def heartbeat(  # noqa: PLR0913 - the envelope has this many parts
    *,
    sequence: int,
    sent_at: str,
    build: str,
    boot_ref: str,
    ran_at: Sequence[str],
    vitals: Vitals,
    sections: Mapping[str, Mapping[str, Any]],
    named: Sequence[str],
    events: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The envelope (docs/protocol.md section 3); ``named`` are the sections to send, the digest is over all of them."""
    return {
        "schema": SCHEMA,
        "sequence": sequence,
        "sent_at": sent_at,
        "agent": {"version": __version__, "build": build},
        "boot_ref": boot_ref,
        "ran_at": list(ran_at)[-MAX_RAN_AT:],
        "vitals": {
            "uptime_s": max(0, vitals.uptime_s),
            "run_ms": max(0, vitals.run_ms),
            "clock_offset_ms": vitals.clock_offset_ms,
        },
        "state_digest": digest.state_digest(digests_of(sections)),
        "sections": {name: sections[name] for name in named},
        "backup_events": list(events),
    }


def without_optional_parts(sections: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The sections without their largest optional lists, for a server that found the report too large.

    What is left out is null and explained, so that nobody takes it for an empty list.
    """
    smaller = {name: dict(section) for name, section in sections.items()}
    patch = smaller.get("patch")
    if patch and patch["data"] and (patch["data"].get("pending") or {}).get("items"):
        data = {**patch["data"], "pending": {**patch["data"]["pending"], "items": None}}
        explained = [*patch["errors"], {"code": "budget_exceeded", "source": "report"}][:MAX_ERRORS]
        smaller["patch"] = {**patch, "data": data, "errors": explained, "status": "partial"}
    return smaller
