"""Running the engine over practices inside a transaction, and writing what comes out: for the worker and for the API alike.

Whoever calls holds the provider's transaction. States are locked in the order of their practices, before the head of the log,
which is locked last: so the worker and a person who acts on an alert never wait for each other in a circle.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

import asyncpg
import orjson

from vigie.alerts import follow_statements as sql
from vigie.alerts import outbox
from vigie.alerts.rules.causes import FOR_ALL, INPUTS
from vigie.alerts.rules.codec import dump_state, load_state
from vigie.alerts.rules.engine import advance
from vigie.alerts.rules.model import Alert, Change, Effect, Input, Note, State
from vigie.alerts.rules.policy import RANK
from vigie.alerts.terms import read_terms
from vigie.core.batch import Form, fetch
from vigie.core.clock import wire_time
from vigie.core.metrics import JOB_ROW_FAILURES
from vigie.events.log import NewEvent, append

log = logging.getLogger(__name__)
JOB: Final = "alerts.follow"
PUSH: Final = timedelta(hours=1)
CHECKPOINT_EVERY: Final = timedelta(days=7)
CHECKPOINTS_REACH: Final = timedelta(days=98)
"""How far back checkpoints are kept: as far as rehearsals reach, and a checkpoint more."""

KINDS: Final = sorted(INPUTS)
KINDS_FOR_ALL: Final = sorted(FOR_ALL)
_NAMESPACE: Final = UUID("b9a3f2d4-52a7-5d0e-9c1c-70c2f1f2a0e4")  # ours, chosen once
_STATUS_RANK: Final = {"open": 0, "acknowledged": 1, "snoozed": 2, "resolved": 3}
CLOSED_RANK: Final = 100


@dataclass(slots=True)
class Written:
    """What a run brings into the tables."""

    states: list[tuple[Any, ...]] = field(default_factory=list)
    checkpoints: list[tuple[Any, ...]] = field(default_factory=list)
    alerts: dict[UUID, tuple[Any, ...]] = field(default_factory=dict)
    entries: list[tuple[Any, ...]] = field(default_factory=list)
    wanted: list[outbox.Message] = field(default_factory=list)
    held: list[tuple[outbox.Message, str]] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: events that were recorded by now, and deadlines due at `until`. `upto`: the last number to be read."""

    provider_id: UUID
    now: datetime
    until: datetime
    upto: int


def input_of(row: asyncpg.Record) -> Input:
    """Return an event as the rules read it."""
    device = row["device_id"]
    return Input(
        row["number"],
        row["kind"],
        str(device) if device is not None else None,
        row["happened_at"],
        row["recorded_at"],
        row["payload"],
    )


async def meet_practices(connection: asyncpg.Connection, run: Run, practices: Sequence[UUID]) -> None:
    """Make the state of practices that the engine has not met: what they told of their hours is read once, and kept."""
    rows = await connection.fetch(sql.SEEDS, run.provider_id, practices)
    if not rows:
        return
    states, checkpoints = [], []
    for row in rows:
        hours = orjson.dumps(row["hours"], option=orjson.OPT_SORT_KEYS).decode() if row["hours"] is not None else None
        kept = dump_state(State(hours=hours, zone=row["time_zone"]))
        key = (run.provider_id, row["practice_id"])
        states.append((*key, 0, kept, False, None, run.now, 0))
        checkpoints.append((*key, 0, row["created_at"], kept))
    await fetch(connection, "citus", sql.MAKE_STATES, sorted(states, key=lambda row: row[1]))
    await fetch(connection, "citus", sql.KEEP_CHECKPOINTS, checkpoints)


async def run_engine(
    connection: asyncpg.Connection, run: Run, news: Mapping[UUID, Sequence[Input] | None], form: Form = "citus"
) -> int:
    """Bring practices up to date and write what follows; return how many were looked at.

    `news`: per practice its events since the cursor; None: nothing of it was read yet, and all its state does not know is.
    A practice that raises is pushed an hour aside and counted; it then catches up by itself.
    """
    await meet_practices(connection, run, sorted(news))
    rows = await connection.fetch(sql.CLAIM_STATES, run.provider_id, sorted(news))
    if not rows:
        return 0
    due = {row["practice_id"]: await _events_of(connection, run, row, news[row["practice_id"]]) for row in rows}
    since = min(
        *(row["checked_at"] for row in rows),
        *(event.recorded_at for events in due.values() for event in (events or ())[:1]),
        run.now,
    )
    terms = await read_terms(connection, run.provider_id, since)
    written = Written()
    for row in rows:
        practice_id = row["practice_id"]
        events = due[practice_id]
        if events is None:
            continue
        try:
            before = load_state(row["state"])
            state, effects = advance(before, events, terms, practice_id, run.until)
            _gather(run, row, before, state, effects, written)
        except Exception:
            JOB_ROW_FAILURES.labels(JOB).inc()
            log.exception("practice pushed aside", extra={"practice_id": str(practice_id)})
            await connection.execute(sql.PUSH_ASIDE, run.provider_id, practice_id, run.now + PUSH)
    await write(connection, run, written, form)
    return len(rows)


async def _events_of(
    connection: asyncpg.Connection, run: Run, row: asyncpg.Record, events: Sequence[Input] | None
) -> Sequence[Input] | None:
    """Return what a practice has to take in; None while it is pushed aside."""
    aside = row["failures"] > 0
    if aside and (row["due_at"] is None or row["due_at"] > run.until):
        return None
    if events is None or aside:
        return await _unread(connection, run, row["practice_id"], row["number"])
    return events


async def _unread(connection: asyncpg.Connection, run: Run, practice_id: UUID, after: int) -> list[Input]:
    rows = await connection.fetch(
        sql.NEWS_OF_PRACTICE, run.provider_id, after, run.upto, KINDS, practice_id, KINDS_FOR_ALL
    )
    return [input_of(row) for row in rows]


def _gather(
    run: Run, row: asyncpg.Record, before: State, state: State, effects: Sequence[Effect], written: Written
) -> None:
    """Turn the outcome of one practice into rows. Raises before anything of it is kept."""
    found = Written()
    practice_id = row["practice_id"]
    known = {track.alert.id: track.alert for track in before.tracks.values() if track.alert is not None}
    for track in state.tracks.values():
        if track.alert is not None and known.get(track.alert.id) != track.alert:
            found.alerts[track.alert.id] = alert_row(run, practice_id, track.alert, _members(state, track.alert))
    for effect in effects:
        if isinstance(effect, Note):
            _gather_note(run, practice_id, effect, found)
            continue
        if effect.alert.id not in found.alerts:  # closed, and another of the same cause has opened since
            found.alerts[effect.alert.id] = alert_row(run, practice_id, effect.alert, _members(state, effect.alert))
        if not effect.by_event:  # of what people do, who did it has written both
            found.entries.append(_entry(run, effect))
            found.events.append(_event(run, practice_id, effect))
    kept = dump_state(state)
    changed = kept != row["state"] or row["failures"]
    if not changed:
        return
    key = (run.provider_id, practice_id)
    late = run.now - row["checked_at"] >= CHECKPOINT_EVERY
    checked_at = run.now if late else row["checked_at"]
    found.states.append((*key, state.number, kept, not state.idle, state.due_at(), checked_at))
    if late:
        found.checkpoints.append((*key, state.number, run.now, kept))
    for name in ("states", "checkpoints", "entries", "wanted", "held", "events"):
        getattr(written, name).extend(getattr(found, name))
    written.alerts.update(found.alerts)


def _members(state: State, alert: Alert) -> dict[str, Any]:
    """Return what an alert is about, as it is stored; nothing once it is closed."""
    track = state.tracks[alert.cause]
    if track.alert is None or track.alert.id != alert.id:
        return {}
    return {
        key: {"since": wire_time(each.since), "number": each.number, **each.detail}
        for key, each in sorted(track.members.items())
        if not each.held
    }


def alert_row(run: Run, practice_id: UUID, alert: Alert, members: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return an alert as it is stored."""
    rank = CLOSED_RANK if alert.status == "closed" else RANK[alert.severity] * 10 + _STATUS_RANK[alert.status]
    return (
        *(run.provider_id, alert.id, practice_id, alert.cause, alert.severity, alert.status, rank),
        *(alert.opened_at, alert.since, alert.clears_at, alert.closed_at),
        *(alert.acknowledged_at, alert.acknowledged_by),
        UUID(alert.assignee) if alert.assignee is not None else None,
        *(alert.snoozed_until, alert.step_at, alert.waits.partition(" ")[0] if alert.waits else None),
        *(alert.flapping, alert.reopenings, dict(members), run.now),
    )


def _entry(run: Run, change: Change) -> tuple[Any, ...]:
    name = f"{change.alert.id}|{change.kind}|{change.number}|{change.at.isoformat()}"
    detail = {key: value for key, value in change.detail.items() if value}
    key = (run.provider_id, change.alert.id, uuid5(_NAMESPACE, name))
    return (*key, change.at, change.kind, change.number, None, detail)


def _event(run: Run, practice_id: UUID, change: Change) -> NewEvent:
    alert = change.alert
    payload: dict[str, Any] = {
        "alert_id": str(alert.id),
        "cause": alert.cause,
        "severity": change.severity,
        "members": list(change.members),
    }
    if change.kind == "escalated":
        payload["step"] = change.detail["step"]
    return NewEvent(run.provider_id, f"alert.{change.kind}", practice_id, None, change.at, payload)


def _gather_note(run: Run, practice_id: UUID, note: Note, found: Written) -> None:
    message = message_of(run.provider_id, practice_id, note)
    if note.why is None:
        found.wanted.append(message)
    else:
        found.held.append((message, note.why))


def message_of(provider_id: UUID, practice_id: UUID, note: Note) -> outbox.Message:
    """Return a notification as the outbox takes it."""
    kind, _, target = (note.target or "").partition(":")
    return outbox.Message(
        provider_id=provider_id,
        dedup_key=note.key,
        kind=note.kind,
        data={name: _plain(value) for name, value in {**note.data, "until": note.until}.items() if value is not None},
        wanted_at=note.at,
        channel_id=UUID(target) if kind == "channel" else None,
        member_id=UUID(target) if kind == "member" else None,
        practice_id=practice_id,
        alert_id=note.alert_id,
    )


def _plain(value: Any) -> Any:
    return wire_time(value) if isinstance(value, datetime) else value


async def write(connection: asyncpg.Connection, run: Run, written: Written, form: Form) -> None:
    """Write what a run brought about, the events last."""
    await fetch(connection, form, sql.STORE_ALERTS, _closed_first(written.alerts.values()))
    await fetch(connection, form, sql.STORE_ENTRIES, written.entries)
    await outbox.want(connection, written.wanted, form)
    await outbox.suppress(connection, written.held, form)
    await fetch(connection, form, sql.STORE_STATES, written.states)
    if written.checkpoints:
        await fetch(connection, form, sql.KEEP_CHECKPOINTS, written.checkpoints)
        practices = [row[1] for row in written.checkpoints]
        await connection.execute(sql.FORGET_CHECKPOINTS, run.provider_id, practices, run.now - CHECKPOINTS_REACH)
    await append(connection, form, sorted(written.events, key=lambda event: event.happened_at), run.now)


def _closed_first(rows: Any) -> list[tuple[Any, ...]]:
    """Order alerts: one that closed makes room for the next of its cause."""
    return sorted(rows, key=lambda row: (row[5] != "closed", row[1]))
