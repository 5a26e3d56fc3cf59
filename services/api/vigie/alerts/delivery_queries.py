"""What the delivery of notifications asks of the database and writes into it. Two steps: which providers, then inside one."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import case, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.alerts.channel_models import Channel, Notification, NotificationAttempt
from vigie.auth.models import Member
from vigie.practices.models import Practice, Provider

DUE_PROVIDERS: Final = """
    SELECT provider_id, min(due_at) AS due_at FROM notification
    WHERE status = 'pending' AND due_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
    GROUP BY provider_id ORDER BY 2 LIMIT $2
"""
# Per target only the first few, so that a channel with a thousand messages takes no more room than one with two. The rows of a
# target are claimed together or not at all: while one worker sends to a channel, no other does, and messages keep their order.
_CLAIM: Final = text(
    """
    WITH waiting AS (
        SELECT n.id, n.due_at, coalesce(n.channel_id, n.member_id) AS target, c.failing_since IS NOT NULL AS failing,
               row_number() OVER (PARTITION BY coalesce(n.channel_id, n.member_id) ORDER BY n.due_at, n.wanted_at, n.id) AS place,
               dense_rank() OVER (PARTITION BY c.failing_since IS NOT NULL ORDER BY coalesce(n.channel_id, n.member_id)) AS lane
        FROM notification n LEFT JOIN channel c ON c.provider_id = n.provider_id AND c.id = n.channel_id
        WHERE n.provider_id = :provider AND n.status = 'pending' AND n.due_at <= :now
          AND NOT (coalesce(n.channel_id, n.member_id) = ANY (:busy))
          AND NOT EXISTS (
              SELECT FROM notification o WHERE o.provider_id = :provider AND o.status = 'pending' AND o.leased_until > :now
                AND coalesce(o.channel_id, o.member_id) = coalesce(n.channel_id, n.member_id))
    ), chosen AS (
        SELECT n.id, w.due_at, w.failing FROM notification n JOIN waiting w ON w.id = n.id
        WHERE n.provider_id = :provider AND n.status = 'pending' AND (n.leased_until IS NULL OR n.leased_until <= :now)
          AND w.place <= CASE WHEN w.failing THEN 1 ELSE :each END AND (NOT w.failing OR w.lane <= :most_failing)
        ORDER BY w.failing, w.due_at, n.id LIMIT :most FOR UPDATE OF n SKIP LOCKED
    )
    UPDATE notification n SET leased_until = :until, attempts = n.attempts + 1 FROM chosen
    WHERE n.provider_id = :provider AND n.id = chosen.id
    RETURNING n.id, n.channel_id, n.member_id, n.practice_id, n.alert_id, n.kind, n.data, n.wanted_at, n.due_at, n.attempts,
              chosen.failing
    """
)


class Claimed(NamedTuple):
    """A notification that this worker may send until its lease ends; `attempts`: the number of this attempt."""

    id: UUID
    channel_id: UUID | None
    member_id: UUID | None
    practice_id: UUID | None
    alert_id: UUID | None
    kind: str
    data: dict[str, Any]
    wanted_at: datetime
    due_at: datetime
    attempts: int
    failing: bool

    @property
    def target(self) -> UUID:
        """Return whom it goes to: a channel, or a member."""
        found = self.channel_id or self.member_id
        assert found is not None  # noqa: S101 - a constraint of the table
        return found


class Named(NamedTuple):
    """What a message says of practice and provider."""

    provider: str
    practice: str | None
    time_zone: str | None


class Places(NamedTuple):
    """What a worker has room for: targets it is not sending to already, messages of each and in all, targets that are failing."""

    busy: Collection[UUID]
    each: int
    most: int
    most_failing: int


async def claim(
    session: AsyncSession, provider_id: UUID, now: datetime, lease: timedelta, places: Places
) -> Sequence[Claimed]:
    """Lease what is due, the targets that work first, in the order in which each target is to receive it."""
    bound = {**places._asdict(), "busy": list(places.busy)}
    found = await session.execute(_CLAIM, {"provider": provider_id, "now": now, "until": now + lease, **bound})
    rows = [Claimed(*row) for row in found]
    return sorted(rows, key=lambda row: (row.due_at, row.wanted_at, row.id))


async def channel_of(session: AsyncSession, provider_id: UUID, channel_id: UUID, *, lock: bool = False) -> Channel:
    """Return a channel, whatever became of it."""
    statement = select(Channel).where(Channel.provider_id == provider_id, Channel.id == channel_id)
    return (await session.scalars(statement.with_for_update(key_share=True) if lock else statement)).one()


async def mailbox_of(session: AsyncSession, provider_id: UUID, member_id: UUID) -> str | None:
    """Return the address of a member who still is one."""
    statement = select(Member.email).where(
        Member.provider_id == provider_id, Member.id == member_id, Member.removed_at.is_(None)
    )
    return (await session.scalars(statement)).first()


async def names_of(session: AsyncSession, provider_id: UUID, practice_id: UUID | None) -> Named:
    """Return what a message says of the provider, and of a practice if it is about one."""
    provider = (await session.scalars(select(Provider.name).where(Provider.id == provider_id))).one()
    if practice_id is None:
        return Named(provider, None, None)
    statement = select(Practice.name, Practice.time_zone).where(
        Practice.provider_id == provider_id, Practice.id == practice_id
    )
    practice = (await session.execute(statement)).one()
    return Named(provider, practice.name, practice.time_zone)


async def add_attempt(
    session: AsyncSession, provider_id: UUID, claimed: Claimed, started_at: datetime, ended_at: datetime, **more: Any
) -> None:
    """Write an attempt into the log (`outcome`, `code`, `excerpt`)."""
    await session.execute(
        insert(NotificationAttempt).values(
            provider_id=provider_id,
            notification_id=claimed.id,
            number=claimed.attempts,
            started_at=started_at,
            ended_at=ended_at,
            **more,
        )
    )


async def settle(session: AsyncSession, provider_id: UUID, claimed: Claimed, **values: Any) -> bool:
    """Write what became of a notification; false when the lease was lost meanwhile and another attempt has begun."""
    done = await session.execute(
        update(Notification)
        .where(
            Notification.provider_id == provider_id,
            Notification.id == claimed.id,
            Notification.status == "pending",
            Notification.attempts == claimed.attempts,
        )
        .values(leased_until=None, **values)
        .returning(Notification.id)
    )
    return done.first() is not None


async def drop_waiting(session: AsyncSession, provider_id: UUID, channel_id: UUID, why: str, now: datetime) -> int:
    """Give up what waits for a channel that is off, also what the caller has leased of it; return how many messages."""
    done = await session.execute(
        update(Notification)
        .where(
            Notification.provider_id == provider_id,
            Notification.channel_id == channel_id,
            Notification.status == "pending",
        )
        .values(status="dropped", last_error=why, settled_at=now, leased_until=None)
        .returning(Notification.id)
    )
    return len(done.all())


async def postpone(session: AsyncSession, provider_id: UUID, claimed: Claimed, until: datetime) -> None:
    """Have what else waits for a target that did not answer wait as long: messages keep their order, nobody knocks in vain.

    What this worker had leased of it is given back.
    """
    target = Notification.channel_id if claimed.channel_id is not None else Notification.member_id
    await session.execute(
        update(Notification)
        .where(
            Notification.provider_id == provider_id,
            target == claimed.target,
            Notification.status == "pending",
            Notification.id != claimed.id,
        )
        .values(
            due_at=func.greatest(Notification.due_at, until),
            attempts=case(
                (Notification.leased_until.is_(None), Notification.attempts), else_=Notification.attempts - 1
            ),
            leased_until=None,
        )
    )
