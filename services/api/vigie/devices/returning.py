"""What a device tells of its silence by coming back: its cause, and whether it was its practice's line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from vigie.core.batch import Form, fetch
from vigie.core.clock import wire_time
from vigie.devices import silence_events as events_of
from vigie.devices import silence_statements as sql
from vigie.devices.cadence import INTERVAL_S, Outage, Patience, silent_after
from vigie.devices.report import Report
from vigie.devices.silence_rules import Return, explain
from vigie.events.log import NewEvent
from vigie.posture.assessment import PracticeKey
from vigie.posture.terms import Terms

_PATIENCE = Patience(0, 2)  # after a line came back, each machine has as long as if it had been heard then


@dataclass(frozen=True, slots=True)
class Returned:
    """A device that was silent (`silent_since`), or is heard for the first time, with what its liveness row said before."""

    report: Report
    silent_since: datetime | None
    last_seen: datetime | None
    same_boot: bool
    reenrolled: bool

    @property
    def practice(self) -> PracticeKey:
        """Return the key of the practice."""
        return self.report.identity.provider_id, self.report.identity.practice_id

    @property
    def stays(self) -> bool:
        """Whether it stays in its practice, so that hearing it says that the line works."""
        return self.report.identity.role != "laptop"

    def runs(self, outages: Sequence[Outage]) -> int:
        """Return how many runs it proved that we would have heard, had they reached us."""
        since = self.last_seen
        return sum(
            1
            for at in self.report.ran_at
            if (since is None or at > since)
            and not any(each.since <= at and (each.until is None or at <= each.until) for each in outages)
        )


async def end_silences(
    connection: asyncpg.Connection,
    form: Form,
    returned: Sequence[Returned],
    terms: Mapping[PracticeKey, Terms],
) -> list[NewEvent]:
    """End the silences of devices that came back and the troubles of their practices' lines; return the events.

    The postures of their practices are locked by the caller. Quiet heartbeats never come here.
    """
    devices = sorted((*each.practice[:1], each.report.identity.device_id) for each in returned if each.silent_since)
    silences = {row["device_id"]: row for row in await fetch(connection, form, sql.SILENCES_OF, devices)}
    practices = sorted({each.practice for each in returned})
    rows = await fetch(connection, form, sql.LATEST_LINES, practices)
    lines = {(row["provider_id"], row["practice_id"]): row for row in rows}
    outages = await _outages(connection, returned)
    events: list[NewEvent] = []
    ended = []
    proved: dict[PracticeKey, datetime] = {}
    for each in returned:
        runs, at = each.runs(outages), each.report.received_at
        silence = silences.get(each.report.identity.device_id)
        if silence is not None:
            line = lines.get(each.practice)
            cause, evidence = _explained(each, silence, runs, concerned=line is not None and _concerns(line, silence))
            changed = cause != silence["cause"]
            if changed:
                events.append(events_of.explained(silence, at, cause, evidence, was=silence["cause"]))
            explained_at = at if changed else None
            ended.append(
                (silence["provider_id"], silence["device_id"], silence["since"], at, cause, evidence, explained_at)
            )
            if cause == "line" and runs:
                proved[each.practice] = at
        elif runs and each.stays:
            proved[each.practice] = at
    await fetch(connection, form, sql.END, ended)
    return events + await _settle_lines(connection, form, returned, terms, lines, proved)


async def _outages(connection: asyncpg.Connection, returned: Sequence[Returned]) -> list[Outage]:
    runs = [min(each.report.ran_at) for each in returned if each.report.ran_at]
    if not runs:
        return []
    found = await connection.fetch(sql.OUTAGES, min(runs))
    return [Outage(row["since"], row["until"]) for row in found]


def _concerns(line: Mapping[str, Any], silence: Mapping[str, Any]) -> bool:
    """Whether a line was down in the time of a silence."""
    heard = silence["last_seen_at"]
    return line["until"] is None or heard is None or bool(line["until"] > heard)


def _explained(each: Returned, silence: Mapping[str, Any], runs: int, *, concerned: bool) -> tuple[str, dict[str, Any]]:
    report = each.report
    told = Return(
        role=report.identity.role,
        was=silence["cause"],
        runs=runs,
        same_boot=each.same_boot,
        up_for=timedelta(seconds=report.uptime_s),
        others_heard=bool(silence["evidence"].get("others_heard")),
        line=concerned,
        reenrolled=each.reenrolled,
        refused="refused" in silence["evidence"],
    )
    booted_at = report.received_at - timedelta(seconds=report.uptime_s)
    evidence = {
        **silence["evidence"],
        "ran_meanwhile": runs,
        "booted_at": wire_time(booted_at),
        "reenrolled": each.reenrolled,
    }
    return explain(told), evidence


async def _settle_lines(
    connection: asyncpg.Connection,
    form: Form,
    returned: Sequence[Returned],
    terms: Mapping[PracticeKey, Terms],
    lines: Mapping[PracticeKey, Mapping[str, Any]],
    proved: Mapping[PracticeKey, datetime],
) -> list[NewEvent]:
    """Call lines restored that somebody was heard over, and confirmed where a machine proved that it ran meanwhile."""
    heard = {each.practice: each.report.received_at for each in returned if each.stays}
    events, settled, reviews = [], [], []
    for practice, line in sorted(lines.items()):
        if line["until"] is None and practice in heard:
            at = heard[practice]
            settled.append((*practice, line["since"], at, practice in proved))
            reviews.append((*practice, _review_after(at, terms[practice])))
            events.append(events_of.line_restored(line, at, confirmed=practice in proved))
        elif line["until"] is not None and not line["confirmed"] and practice in proved:
            settled.append((*practice, line["since"], line["until"], True))
            events.append(events_of.line_confirmed(line, proved[practice]))
    await fetch(connection, form, sql.SETTLE_LINE, settled)
    await fetch(connection, form, sql.REVIEW_LINE, reviews)
    return events


def _review_after(at: datetime, terms: Terms) -> datetime:
    """Return when machines that did not come back with their line are silent by themselves, whatever their slot."""
    return silent_after(at, int(at.timestamp()) % INTERVAL_S, terms.calendar, _PATIENCE)


def keys_of(returned: Sequence[Returned]) -> dict[PracticeKey, datetime]:
    """Return the practices that devices came back to, and when."""
    return {each.practice: each.report.received_at for each in returned}
