"""What changed thresholds would turn, judged from what is stored and written nowhere."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from vigie.auth.dependencies import Call
from vigie.devices.sweep import SECTIONS_READ
from vigie.devices.sweep_statements import SECTIONS
from vigie.events.session import driver_connection
from vigie.overview.preview_schemas import ControlTurn, DevicesTurn, PolicyPreview, PracticeTurn, Turn
from vigie.overview.preview_statements import DEVICES
from vigie.posture.assessment import Assessor, DeviceChange
from vigie.posture.policies import Change, concerned, practices_judged
from vigie.posture.rules.device import DEVICE_CONTROLS
from vigie.posture.rules.model import State
from vigie.posture.rules.practice import practice_state

MOST_DEVICES = 20_000
_PRACTICES_AT_ONCE = 100
_SHOWN_PRACTICES = 50
_SHOWN_DEVICES = 20
Pair = tuple[State, State]
Judged = dict[UUID, dict[str, dict[UUID, Pair]]]
"""Practice → control → device → its state before and after."""


async def preview(call: Call, assessor: Assessor, change: Change) -> PolicyPreview:
    """Judge the devices of the practices concerned under the thresholds as they are and as they would be; at most 20,000."""
    controls = concerned(change) & DEVICE_CONTROLS.keys()
    practices = [change.practice_id] if change.practice_id is not None else await practices_judged(call)
    judged: Judged = {}
    devices, complete = 0, True
    connection = await driver_connection(call.session)
    for start in range(0, len(practices) if controls else 0, _PRACTICES_AT_ONCE):
        part = practices[start : start + _PRACTICES_AT_ONCE]
        rows = await connection.fetch(DEVICES, call.principal.provider_id, part)
        if devices + len(rows) > MOST_DEVICES:
            complete = False
            break
        devices += len(rows)
        judged |= await _judge(call, assessor, connection, rows, controls, change)
    return _told(judged, sorted(controls), devices, complete=complete)


async def _judge(
    call: Call,
    assessor: Assessor,
    connection: asyncpg.Connection,
    rows: Sequence[asyncpg.Record],
    controls: frozenset[str],
    change: Change,
) -> Judged:
    sections: dict[UUID, dict[str, Any]] = {}
    ids = [row["device_id"] for row in rows]
    for row in await connection.fetch(SECTIONS, call.principal.provider_id, ids, SECTIONS_READ):
        sections.setdefault(row["device_id"], {})[row["section"]] = row["body"]
    changes = [
        DeviceChange(
            provider_id=call.principal.provider_id,
            practice_id=row["practice_id"],
            device_id=row["device_id"],
            family=row["family"],
            role=row["role"],
            enrolled_at=row["enrolled_at"],
            seen_at=row["last_seen_at"],
            sections=sections[row["device_id"]],
            controls=controls,
            happened_at=call.now,
        )
        for row in rows
        if row["device_id"] in sections and row["last_seen_at"] is not None
    ]
    policies = {practice: change.policies_of(practice) for practice in {row["practice_id"] for row in rows}}
    found: Judged = defaultdict(lambda: defaultdict(dict))
    for device, before, after in await assessor.judged_by(connection, changes, policies):
        for one, other in zip(before, after, strict=True):
            found[device.practice_id][one.control][device.device_id] = (one.state, other.state)
    return found


def _told(judged: Judged, controls: Sequence[str], devices: int, *, complete: bool) -> PolicyPreview:
    turned: dict[str, Counter[Pair]] = defaultdict(Counter)
    practices: list[PracticeTurn] = []
    changing: Counter[str] = Counter()
    for practice, by_control in sorted(judged.items()):
        turns = list(_turns(by_control, turned))
        changing.update(turn.control for turn in turns)
        if turns:
            practices.append(PracticeTurn(practice_id=practice, controls=turns))
    return PolicyPreview(
        complete=complete,
        controls_judged=list(controls),
        devices_judged=devices,
        controls=[
            ControlTurn(
                control=control,
                practices=changing[control],
                devices=[
                    DevicesTurn(before=before, after=after, devices=count)
                    for (before, after), count in sorted(turned[control].items())
                ],
            )
            for control in controls
            if turned[control]
        ],
        practices_changing=len(practices),
        practices=practices[:_SHOWN_PRACTICES],
    )


def _turns(by_control: dict[str, dict[UUID, Pair]], turned: dict[str, Counter[Pair]]) -> Iterator[Turn]:
    """Yield the controls of a practice on which a device turns, and count these devices."""
    for control, states in by_control.items():
        moved = {device: pair for device, pair in states.items() if pair[0] != pair[1]}
        if not moved:
            continue
        turned[control].update(moved.values())
        before, after = (practice_state(control, Counter(pair[side] for pair in states.values()))[0] for side in (0, 1))
        yield Turn(control=control, before=before, after=after, devices=sorted(moved)[:_SHOWN_DEVICES])
