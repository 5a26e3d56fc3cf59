"""Forgetting what is kept long enough: the kinds, how long each is kept, and what one provider's run has deleted so far.

Each slice says in its `retention.py` how rows of its own tables are deleted (`Purge`); `vigie.retention` runs them. A month counts
as 31 days, so that nothing goes before its time, whatever months it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vigie.core.db import TENANT, Base

Period = Literal["presence", "backup_runs", "history", "events", "alerts", "access", "unused_files", "keys"]
MONTH: Final = timedelta(days=31)
# Not for an operator to choose: a file nobody put behind an answer was a mistake; a key says itself until when it counts.
FIXED: Final[Mapping[Period, timedelta]] = {"unused_files": MONTH, "keys": timedelta(0)}


@dataclass(frozen=True, slots=True)
class Purge:
    """How old rows of a kind are deleted. `kind` is told in the audit and the metrics.

    `statement` deletes rows of provider `$1` from before the instant `$2`, at most `$3`; fewer means that none is left.
    """

    kind: str
    period: Period
    statement: str


def kept_since(months: Mapping[Period, int], now: datetime) -> dict[Period, datetime]:
    """Return for each period the instant before which things are forgotten. `months`: how many each is kept."""
    ages = {name: MONTH * count for name, count in months.items()}
    return {name: now - age for name, age in {**ages, **FIXED}.items()}


class RetentionRun(Base):
    """When a provider's old rows are to be looked for, who does it now, and what was deleted since the audit was last told."""

    __tablename__ = "retention_run"
    __table_args__ = (TENANT,)

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    claim: Mapped[UUID | None] = mapped_column()
    purged: Mapped[dict[str, Any]] = mapped_column(JSONB)


CLAIM: Final = """
    INSERT INTO retention_run AS t (provider_id, due_at, claim, purged) VALUES ($1, $3, $4, '{}')
    ON CONFLICT (provider_id) DO UPDATE SET due_at = excluded.due_at, claim = excluded.claim
    WHERE t.due_at <= $2
    RETURNING t.provider_id
"""
"""Take a provider's run at `$2`, until `$3`, under the name `$4`; no row when somebody else has it or has done it."""
COUNT_PURGED: Final = """
    UPDATE retention_run
    SET purged = purged || jsonb_build_object($3::text, coalesce((purged ->> $3::text)::bigint, 0) + $4::bigint), due_at = $5
    WHERE provider_id = $1 AND claim = $2
    RETURNING provider_id
"""
"""Note that `$4` rows of a kind are deleted, and hold the run until `$5`; no row when somebody else took it."""
COUNT_PURGED_BESIDE: Final = """
    INSERT INTO retention_run AS t (provider_id, due_at, purged) VALUES ($1, $4, jsonb_build_object($2::text, $3::bigint))
    ON CONFLICT (provider_id) DO UPDATE
    SET purged = t.purged || jsonb_build_object($2::text, coalesce((t.purged ->> $2::text)::bigint, 0) + $3::bigint),
        due_at = CASE WHEN t.claim IS NULL THEN excluded.due_at ELSE t.due_at END
"""
"""Note what went with a whole partition, outside the run of the provider, and have that run follow now."""
FINISH: Final = """
    WITH done AS (SELECT purged FROM retention_run WHERE provider_id = $1 AND claim = $2 FOR UPDATE)
    UPDATE retention_run t SET due_at = $3, claim = NULL, purged = '{}' FROM done WHERE t.provider_id = $1
    RETURNING done.purged
"""
"""End a run and return what it deleted, whoever began it; no row when somebody else took it."""
IDEMPOTENCY_KEYS: Final = Purge(
    "idempotency_keys",
    "keys",
    """
    DELETE FROM idempotency_key WHERE provider_id = $1 AND key IN (
        SELECT key FROM idempotency_key WHERE provider_id = $1 AND expires_at <= $2 ORDER BY key LIMIT $3 FOR UPDATE SKIP LOCKED)
    """,
)
