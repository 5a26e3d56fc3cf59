"""What the product told: alerts as the event log has them."""

from typing import Any
from uuid import UUID

import asyncpg

from vigie.truth import statements as sql
from vigie.truth.judge import Told
from vigie.truth.run import Lived
from vigie.truth.truths import NEVER


async def read_alerts(connection: asyncpg.Connection, lived: Lived) -> list[Told]:
    """Return every alert, once per time it was open, in the order in which they opened."""
    living: dict[str, Told] = {}
    found: list[Told] = []
    for event in await connection.fetch(sql.ALERTS):
        at, said = int(event["happened_at"].timestamp()), event["payload"]
        name = said["alert_id"]
        if event["kind"] in {"alert.opened", "alert.reopened"}:
            living[name] = told = _told(event, said, at, lived)
            found.append(told)
        elif event["kind"] == "alert.updated" and name in living:
            for member in _places(said["members"], lived):
                living[name].members.setdefault(member, at)
        elif event["kind"] == "alert.closed" and name in living:
            _close(found, living.pop(name), at)
    return sorted(found, key=lambda told: (told.opened_at, told.practice, told.cause))


def _told(event: asyncpg.Record, said: dict[str, Any], at: int, lived: Lived) -> Told:
    return Told(
        alert=said["alert_id"],
        practice=lived.practices[event["practice_id"]],
        cause=said["cause"],
        severity=said["severity"],
        opened_at=at,
        closed_at=NEVER,
        members=dict.fromkeys(_places(said["members"], lived), at),
        again=event["kind"] == "alert.reopened",
    )


def _close(found: list[Told], told: Told, at: int) -> None:
    place = next(place for place in range(len(found) - 1, -1, -1) if found[place] is told)
    found[place] = Told(
        told.alert, told.practice, told.cause, told.severity, told.opened_at, at, told.members, again=told.again
    )


def _places(members: list[str], lived: Lived) -> list[int]:
    """Return the devices among the members of an alert; others are controls, or the line."""
    found = []
    for member in members:
        try:
            device = lived.devices.get(UUID(member))
        except ValueError:
            continue
        if device is not None:
            found.append(device[1])
    return found
