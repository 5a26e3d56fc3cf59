"""The facts of the daily digest: what is open, what was closed since the last one, what was not sent and why."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Text, case, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.alerts.channel_models import SEVERITIES, Channel, Suppression
from vigie.alerts.models import Alert
from vigie.auth.models import Member
from vigie.core.clock import wire_time
from vigie.practices.models import Practice, practice_of

_MOST: Final = 100
_DEVICES: Final = 8


async def digest_of(session: AsyncSession, channel: Channel, since: datetime, now: datetime) -> dict[str, Any]:
    """Return the data of a channel's digest of the time from `since` until `now`; names are those of this moment."""
    wanted = _wanted(channel)
    opened = await _alerts(session, [*wanted, Alert.status != "closed"])
    closed = await _alerts(session, [*wanted, Alert.closed_at > since, Alert.closed_at <= now])
    return {"open": opened, "closed": closed, "held_back": await _held_back(session, channel, since, now)}


def _wanted(channel: Channel) -> list[ColumnElement[bool]]:
    """Return the conditions under which a channel wants to hear of an alert."""
    found: list[ColumnElement[bool]] = [
        Alert.provider_id == channel.provider_id,
        Alert.severity.in_(SEVERITIES[SEVERITIES.index(channel.minimum_severity) :]),
    ]
    if channel.causes is not None:
        found.append(Alert.cause.in_(channel.causes))
    if channel.practices is not None:
        found.append(Alert.practice_id.in_(channel.practices))
    return found


async def _alerts(session: AsyncSession, conditions: Sequence[ColumnElement[bool]]) -> list[dict[str, Any]]:
    worst_first = case({name: -place for place, name in enumerate(SEVERITIES)}, value=Alert.severity)
    rows = await session.execute(
        select(Alert, Practice.name, Member.name.label("assignee"))
        .join(Practice, practice_of(Alert))
        .outerjoin(Member, (Member.provider_id == Alert.provider_id) & (Member.id == Alert.assignee_id))
        .where(*conditions)
        .order_by(worst_first, Alert.opened_at, Alert.id)
        .limit(_MOST)
    )
    return [_alert(row.Alert, row.name, row.assignee) for row in rows]


def _alert(alert: Alert, practice: str, assignee: str | None) -> dict[str, Any]:
    members = alert.members
    devices = [{"id": key, "alias": each["alias"]} for key, each in members.items() if each.get("alias")]
    return {
        "alert_id": str(alert.id),
        "practice": practice,
        "practice_id": str(alert.practice_id),
        "cause": alert.cause,
        "severity": alert.severity,
        "status": alert.status,
        "since": wire_time(alert.condition_since),
        "closed_at": wire_time(alert.closed_at) if alert.closed_at is not None else None,
        "devices": devices[:_DEVICES],
        "controls": [
            {"control": each.get("control", key), "reason": each["reason"]}
            for key, each in members.items()
            if each.get("reason")
        ],
        "count": len(members),
        "assignee": assignee,
    }


async def _held_back(session: AsyncSession, channel: Channel, since: datetime, now: datetime) -> dict[str, int]:
    """Count what was not sent to this channel, or to nobody in particular, by why."""
    conditions = [
        Suppression.provider_id == channel.provider_id,
        Suppression.wanted_at > since,
        Suppression.wanted_at <= now,
        or_(Suppression.channel_id.is_(None), Suppression.channel_id == channel.id),
    ]
    if channel.practices is not None:
        conditions.append(Suppression.practice_id.in_(channel.practices))
    why = cast(Suppression.why, Text)
    rows = await session.execute(select(why, func.count()).where(*conditions).group_by(why))
    return {row[0]: row[1] for row in rows}


def key_of(kind: str, channel_id: UUID, due_at: datetime) -> str:
    """Return what makes a daily message this one and no other."""
    return f"{kind}|{channel_id}|{wire_time(due_at)}"
