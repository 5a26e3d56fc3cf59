"""What a practice is judged by: its thresholds (defaults, then its provider's, then its own), its exceptions, its calendar.

Read by one statement per batch, after the devices are locked, so that whoever changes a policy or an exception and then asks for
the practice to be judged anew finds every verdict given before either older than the request, or given by the new terms.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from vigie.core.batch import Form, Statement, fetch
from vigie.posture.rules.exceptions import Deviation, accept, concerning
from vigie.posture.rules.model import ALWAYS_OPEN, Calendar, Finding, Policy, PolicyError
from vigie.practices.opening_hours_schemas import calendar_from

log = logging.getLogger(__name__)
PracticeKey = tuple[UUID, UUID]
_NOTHING = "{}"

# A provider's thresholds come once per practice, a practice's own beside them; each of its exceptions in a row of its own, and
# its opening hours in one that tells the time zone.
_TERMS = Statement(
    """
    SELECT t.provider_id, v.practice_id, t.practice_id IS NOT NULL AS own, t.thresholds::text AS thresholds,
           NULL::uuid AS id, NULL::uuid AS device_id, NULL AS control, NULL::timestamptz AS starts_at,
           NULL::timestamptz AS ends_at, NULL AS time_zone
    FROM {rows} AS v (provider_id, practice_id, at)
    JOIN policy t ON t.provider_id = v.provider_id AND t.subject_id = ANY (ARRAY[v.provider_id, v.practice_id])
    WHERE {tenant}
    UNION ALL
    SELECT t.provider_id, t.practice_id, NULL, NULL, t.id, t.device_id, t.control, t.starts_at,
           LEAST(t.ends_at, t.ended_at), NULL
    FROM {rows} AS v (provider_id, practice_id, at)
    JOIN control_exception t ON t.provider_id = v.provider_id AND t.practice_id = v.practice_id AND t.ends_at > v.at
    WHERE (t.ended_at IS NULL OR t.ended_at > v.at) AND {tenant}
    UNION ALL
    SELECT t.provider_id, t.practice_id, NULL, t.hours::text, NULL, NULL, NULL, NULL, NULL, p.time_zone
    FROM {rows} AS v (provider_id, practice_id, at)
    JOIN opening_hours t ON t.provider_id = v.provider_id AND t.practice_id = v.practice_id
    JOIN practice p ON p.provider_id = v.provider_id AND p.id = v.practice_id
    WHERE {tenant}
    """,
    ("uuid", "uuid", "timestamptz"),
)


@dataclass(frozen=True, slots=True)
class Terms:
    """The thresholds applied to a practice, its exceptions that have not ended, and when it is open."""

    policy: Policy
    deviations: tuple[Deviation, ...] = ()
    calendar: Calendar = ALWAYS_OPEN

    def accept(self, finding: Finding, device_id: UUID | None, at: datetime) -> Finding:
        """Return a finding of a device, or of the practice itself (None), under the exceptions that concern it."""
        if not self.deviations or finding.state != "fail":
            return finding
        own = str(device_id) if device_id is not None else None
        return accept(finding, concerning(self.deviations, finding.control, own), at)

    def accepted(self, at: datetime) -> frozenset[str]:
        """Return the controls from which the whole practice may deviate at an instant."""
        return frozenset(
            each.control for each in self.deviations if each.device_id is None and each.starts_at <= at < each.ends_at
        )


async def read_terms(
    connection: asyncpg.Connection, form: Form, practices: Mapping[PracticeKey, datetime], default: Policy
) -> dict[PracticeKey, Terms]:
    """Return the terms of each practice; `practices`: the instant from which on its exceptions matter."""
    rows = [(*key, at) for key, at in sorted(practices.items())]
    thresholds: dict[PracticeKey, dict[bool, str]] = {}
    deviations: dict[PracticeKey, list[Deviation]] = {}
    calendars: dict[PracticeKey, Calendar] = {}
    for row in await fetch(connection, form, _TERMS, rows):
        key = (row["provider_id"], row["practice_id"])
        if row["time_zone"] is not None:
            calendars[key] = calendar_from(row["thresholds"], row["time_zone"])
            continue
        if row["thresholds"] is not None:
            thresholds.setdefault(key, {})[row["own"]] = row["thresholds"]
            continue
        device = str(row["device_id"]) if row["device_id"] is not None else None
        deviations.setdefault(key, []).append(
            Deviation(str(row["id"]), row["control"], device, row["starts_at"], row["ends_at"])
        )
    terms = dict.fromkeys(practices, Terms(default))
    for key in thresholds.keys() | deviations.keys() | calendars.keys():
        texts = thresholds.get(key, {})
        policy = stored_policy(default, texts.get(False, _NOTHING), texts.get(True, _NOTHING))
        terms[key] = Terms(policy, tuple(deviations.get(key, ())), calendars.get(key, ALWAYS_OPEN))
    return terms


@lru_cache(maxsize=4096)
def stored_policy(default: Policy, *texts: str) -> Policy:
    """Return a policy from stored thresholds, the later text on top. Decoded once per content.

    They were checked when they were stored. Should a later version refuse them all the same, practices are judged by the
    defaults, which is said in the log, rather than not at all.
    """
    try:
        return Policy.from_mapping(merged(*(orjson.loads(text) for text in texts)), default)
    except PolicyError:
        log.exception("stored thresholds cannot be applied, the defaults are")
        return default


def merged(*overrides: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return thresholds laid over each other, the later ones on top."""
    together: dict[str, dict[str, Any]] = {}
    for each in overrides:
        for family, values in each.items():
            together[family] = {**together.get(family, {}), **values}
    return together
