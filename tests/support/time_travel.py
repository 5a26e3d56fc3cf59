"""Moving time past a fleet: the sweep as the worker runs it, and the invariant that must hold after anything happened."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from vigie.core.clock import wire_time
from vigie.core.db import connect, role_url
from vigie.devices.sweep import Sweep
from vigie.posture.assessment import Assessor
from vigie.posture.rules.device import DEVICE_CONTROLS
from vigie.posture.rules.practice import INVENTORY, headline_of, overall, practice_state, rank
from vigie.settings import Settings

_LIGHTS = ("patch", "backup", "liveness")


class Worker:
    """A worker process in a test: it sweeps when it is told to, on a connection of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        citus = settings.database_form == "citus"
        self.sweep = Sweep("citus", Assessor("citus")) if citus else Sweep("postgresql", Assessor("postgresql"))
        self._connection: asyncpg.Connection | None = None

    async def connection(self) -> asyncpg.Connection:
        """Return the connection, under the worker's role."""
        if self._connection is None:
            self._connection = await connect(*role_url(self._settings, "vigie_worker"))
        return self._connection

    async def run(self, now: datetime) -> int:
        """Sweep once, as of an instant."""
        return await self.sweep.run(await self.connection(), now)

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()


def second_missed_slot(heard_at: datetime, slot_s: int) -> datetime:
    """Return when silence counts: five minutes after the second slot missed; a slot within five minutes is left out."""
    slot = heard_at.replace(minute=0, second=0, microsecond=0) + timedelta(seconds=slot_s)
    while slot - heard_at < timedelta(minutes=5):
        slot += timedelta(hours=1)
    return slot + timedelta(hours=1, minutes=5)


async def events_of(rows: asyncpg.Connection, practice: str) -> list[asyncpg.Record]:
    """Return the events of a practice by number."""
    found: list[asyncpg.Record] = await rows.fetch(
        "SELECT number, kind, device_id, happened_at, recorded_at, payload FROM event WHERE practice_id = $1 ORDER BY number",
        practice,
    )
    return found


def control_changes(events: list[asyncpg.Record], control: str) -> list[tuple[str, str | None, str, str]]:
    """Return what became of a control of devices, event by event: when, from, to, why."""
    return [
        (wire_time(event["happened_at"]), change["from"], change["to"], change["reason"])
        for event in events
        if event["kind"] == "finding.changed"
        for change in event["payload"]["changes"]
        if change["control"] == control
    ]


def light_changes(events: list[asyncpg.Record], light: str) -> list[tuple[str, str, str]]:
    """Return what became of a light, event by event: when, from, to."""
    return [
        (wire_time(event["happened_at"]), change["from"], change["to"])
        for event in events
        if event["kind"] == "posture.changed"
        for change in event["payload"]["headlines"]
        if change["headline"] == light
    ]


async def assert_invariants(rows: asyncpg.Connection) -> None:
    """Assert that every posture is what findings and devices say, and that event numbers have no gap.

    Also that events tell one story: each change of a finding or of a light begins where the one before ended, and the last
    one ends where the row stands.
    """
    findings: dict[Any, dict[str, Counter[str]]] = {}
    for row in await rows.fetch("SELECT practice_id, subject_id, control, state FROM finding"):
        if row["control"] not in DEVICE_CONTROLS and row["control"] != INVENTORY:
            continue  # what people and records say of the practice itself stands in `posture.answers`
        findings.setdefault(row["practice_id"], {}).setdefault(row["control"], Counter())[row["state"]] += 1
    censuses = {row["practice_id"]: dict(row) for row in await rows.fetch(_CENSUS)}
    for posture in await rows.fetch("SELECT * FROM posture"):
        counted = findings.get(posture["practice_id"], {})
        _assert_controls(posture, counted)
        census = censuses.get(posture["practice_id"], {})
        expected = {name: census.get(name, 0) for name in ("active", "silent", "never", "pending")}
        assert posture["devices"] == expected, posture["practice_id"]
        _assert_lights(posture, expected)
    await _assert_one_story(rows)


_CENSUS = """
    SELECT d.practice_id,
           count(*) FILTER (WHERE d.status = 'active') AS active,
           count(*) FILTER (WHERE d.status = 'active' AND l.silent_since IS NOT NULL) AS silent,
           count(*) FILTER (WHERE d.status = 'active' AND l.silent_since IS NULL AND l.last_seen_at IS NULL) AS never,
           count(*) FILTER (WHERE d.status = 'pending') AS pending
    FROM device d JOIN device_liveness l ON l.device_id = d.id
    WHERE d.status <> 'revoked' GROUP BY d.practice_id
"""


def _assert_controls(posture: asyncpg.Record, counted: Mapping[str, Counter[str]]) -> None:
    shown = posture["controls"]
    assert set(shown) == set(counted), posture["practice_id"]
    for control, counts in counted.items():
        if control == "ANS-5.11":
            assert counts == Counter({shown[control]["state"]: 1})
            continue
        assert shown[control]["counts"] == dict(counts), (posture["practice_id"], control)
        assert shown[control]["state"] == practice_state(control, dict(counts))[0]  # type: ignore[arg-type]


def _assert_lights(posture: asyncpg.Record, census: Mapping[str, int]) -> None:
    states = {control: entry["state"] for control, entry in posture["controls"].items()}
    heard = census["active"] - census["silent"] - census["never"]
    liveness = ("warning" if census["silent"] else "ok") if heard else ("critical" if census["silent"] else "unknown")
    lights = (headline_of("patch", states), headline_of("backup", states), liveness)
    assert tuple(posture[name] for name in _LIGHTS) == lights, posture["practice_id"]
    assert posture["overall"] == overall(*lights)  # type: ignore[arg-type]
    assert posture["rank"] == rank(*lights)  # type: ignore[arg-type]


async def _assert_one_story(rows: asyncpg.Connection) -> None:
    heads = {row["provider_id"]: row["last_number"] for row in await rows.fetch("SELECT * FROM event_head")}
    numbers: dict[Any, list[int]] = {}
    told: dict[tuple[Any, str], str | None] = {}
    for event in await rows.fetch("SELECT * FROM event ORDER BY provider_id, number"):
        numbers.setdefault(event["provider_id"], []).append(event["number"])
        subject = event["device_id"] or event["practice_id"]
        changes = event["payload"].get("changes", []) if event["kind"] == "finding.changed" else []
        if event["kind"] == "posture.changed":
            lights = [{"control": light["headline"], **light} for light in event["payload"]["headlines"]]
            changes = [*lights, *event["payload"]["controls"]]
        for change in changes:
            key = (subject, change["control"])
            assert told.get(key, change["from"]) == change["from"], (event["number"], key)
            told[key] = change["to"]
    for provider, found in numbers.items():
        assert found == list(range(1, heads[provider] + 1)), provider
    for posture in await rows.fetch("SELECT * FROM posture"):
        for name in (*_LIGHTS, "overall"):
            assert told.get((posture["practice_id"], name), posture[name]) == posture[name]
