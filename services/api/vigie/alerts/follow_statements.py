"""Set-based SQL of the alert engine."""

from typing import Final

from vigie.core.batch import Statement

DUE_PROVIDERS: Final = """
    SELECT provider_id FROM (
        SELECT h.provider_id FROM event_head h LEFT JOIN alert_cursor c ON c.provider_id = h.provider_id
        WHERE h.last_number > coalesce(c.number, 0)
        UNION SELECT provider_id FROM alert_state WHERE due_at <= $1
    ) AS due ORDER BY provider_id
"""
MAKE_CURSOR: Final = """
    INSERT INTO alert_cursor (provider_id, number) VALUES ($1, 0) ON CONFLICT (provider_id) DO NOTHING
"""
CLAIM_CURSOR: Final = "SELECT number FROM alert_cursor WHERE provider_id = $1 FOR UPDATE SKIP LOCKED"
MOVE_CURSOR: Final = "UPDATE alert_cursor SET number = $2 WHERE provider_id = $1"
HEAD: Final = "SELECT last_number FROM event_head WHERE provider_id = $1"
NEWS: Final = """
    SELECT number, kind, practice_id, device_id, happened_at, recorded_at, payload FROM event
    WHERE provider_id = $1 AND number > $2 AND number <= $3 AND kind = ANY ($4::text[])
    ORDER BY number LIMIT $5
"""
# Of one practice, with what concerns every practice, after what its state knows already.
NEWS_OF_PRACTICE: Final = """
    SELECT number, kind, practice_id, device_id, happened_at, recorded_at, payload FROM event
    WHERE provider_id = $1 AND number > $2 AND number <= $3 AND kind = ANY ($4::text[]) AND practice_id = $5
    UNION ALL
    SELECT number, kind, practice_id, device_id, happened_at, recorded_at, payload FROM event
    WHERE provider_id = $1 AND number > $2 AND number <= $3 AND kind = ANY ($6::text[]) AND practice_id IS NULL
    ORDER BY number
"""
DUE_PRACTICES: Final = """
    SELECT practice_id FROM alert_state WHERE provider_id = $1 AND due_at <= $2 ORDER BY due_at, practice_id LIMIT $3
"""
BUSY_PRACTICES: Final = "SELECT practice_id FROM alert_state WHERE provider_id = $1 AND busy"
# A practice the engine has not met: what it does not know from events yet is read once.
SEEDS: Final = """
    SELECT p.id AS practice_id, p.time_zone, p.created_at, o.hours
    FROM practice p LEFT JOIN opening_hours o ON o.provider_id = p.provider_id AND o.practice_id = p.id
    WHERE p.provider_id = $1 AND p.id = ANY ($2::uuid[])
      AND NOT EXISTS (SELECT FROM alert_state s WHERE s.provider_id = $1 AND s.practice_id = p.id)
"""
MAKE_STATES: Final = Statement(
    """
    INSERT INTO alert_state AS t (provider_id, practice_id, number, state, busy, due_at, checked_at, failures) {source}
    ON CONFLICT (provider_id, practice_id) DO NOTHING
    """,
    ("uuid", "uuid", "bigint", "jsonb", "boolean", "timestamptz", "timestamptz", "integer"),
)
CLAIM_STATES: Final = """
    SELECT practice_id, number, state, due_at, checked_at, failures FROM alert_state
    WHERE provider_id = $1 AND practice_id = ANY ($2::uuid[]) ORDER BY practice_id FOR UPDATE
"""
STORE_STATES: Final = Statement(
    """
    UPDATE alert_state t SET number = v.number, state = v.state, busy = v.busy, due_at = v.due_at, checked_at = v.checked_at,
           failures = 0
    FROM {rows} AS v (provider_id, practice_id, number, state, busy, due_at, checked_at)
    WHERE t.provider_id = v.provider_id AND t.practice_id = v.practice_id AND {tenant}
    """,
    ("uuid", "uuid", "bigint", "jsonb", "boolean", "timestamptz", "timestamptz"),
)
PUSH_ASIDE: Final = """
    UPDATE alert_state SET due_at = $3, failures = failures + 1 WHERE provider_id = $1 AND practice_id = $2
"""
KEEP_CHECKPOINTS: Final = Statement(
    """
    INSERT INTO alert_checkpoint AS t (provider_id, practice_id, number, at, state) {source}
    ON CONFLICT (provider_id, practice_id, number) DO NOTHING
    """,
    ("uuid", "uuid", "bigint", "timestamptz", "jsonb"),
)
# Of what is older than any rehearsal reaches, the latest is kept: a rehearsal may begin there.
FORGET_CHECKPOINTS: Final = """
    DELETE FROM alert_checkpoint AS t
    WHERE provider_id = $1 AND practice_id = ANY ($2::uuid[]) AND at < $3
      AND EXISTS (SELECT FROM alert_checkpoint n WHERE n.provider_id = $1 AND n.practice_id = t.practice_id
                  AND n.number > t.number AND n.at < $3)
"""
STORE_ALERTS: Final = Statement(
    """
    INSERT INTO alert AS t (provider_id, id, practice_id, cause, severity, status, rank, opened_at, condition_since, clears_at,
                            closed_at, acknowledged_at, acknowledged_by, assignee_id, snoozed_until, next_step_at, waits_for,
                            flapping, reopenings, members, changed_at) {source}
    ON CONFLICT (provider_id, id) DO UPDATE SET
        severity = excluded.severity, status = excluded.status, rank = excluded.rank,
        condition_since = excluded.condition_since, clears_at = excluded.clears_at, closed_at = excluded.closed_at,
        acknowledged_at = excluded.acknowledged_at, acknowledged_by = excluded.acknowledged_by,
        assignee_id = excluded.assignee_id, snoozed_until = excluded.snoozed_until, next_step_at = excluded.next_step_at,
        waits_for = excluded.waits_for, flapping = excluded.flapping, reopenings = excluded.reopenings,
        members = excluded.members, changed_at = excluded.changed_at
    """,
    (
        *("uuid", "uuid", "uuid", "text", "text", "text", "smallint"),
        *("timestamptz", "timestamptz", "timestamptz", "timestamptz", "timestamptz", "text", "uuid"),
        *("timestamptz", "timestamptz", "text", "boolean", "integer", "jsonb", "timestamptz"),
    ),
)
STORE_ENTRIES: Final = Statement(
    """
    INSERT INTO alert_entry AS t (provider_id, alert_id, id, at, kind, number, by, detail) {source}
    ON CONFLICT (provider_id, alert_id, id) DO NOTHING
    """,
    ("uuid", "uuid", "uuid", "timestamptz", "text", "bigint", "text", "jsonb"),
)
POLICIES: Final = """
    SELECT activated_at, document::text AS document FROM alerting_policy
    WHERE provider_id = $1 AND activated_at IS NOT NULL ORDER BY activated_at, revision
"""
WINDOWS: Final = """
    SELECT id, practice_id, device_id, created_at, cancelled_at, starts_at, ends_at, weekly::text AS weekly, causes, controls
    FROM maintenance_window
    WHERE provider_id = $1 AND (cancelled_at IS NULL OR cancelled_at > $2) AND (ends_at IS NULL OR ends_at > $2)
    ORDER BY id
"""
CHANNELS: Final = """
    SELECT id, created_at, least(disabled_at, removed_at) AS ended_at, minimum_severity, causes, practices FROM channel
    WHERE provider_id = $1 ORDER BY created_at, id
"""
# The latest state kept at or before an instant, else the first that was kept.
CHECKPOINTS: Final = """
    SELECT DISTINCT ON (practice_id) practice_id, number, at, state FROM alert_checkpoint
    WHERE provider_id = $1 AND practice_id = ANY ($2::uuid[])
    ORDER BY practice_id, (at <= $3) DESC, CASE WHEN at <= $3 THEN number END DESC, number
"""
NEWS_OF_PRACTICES: Final = """
    SELECT number, kind, practice_id, device_id, happened_at, recorded_at, payload FROM event
    WHERE provider_id = $1 AND number > $2 AND kind = ANY ($3::text[]) AND practice_id = ANY ($4::uuid[])
    UNION ALL
    SELECT number, kind, practice_id, device_id, happened_at, recorded_at, payload FROM event
    WHERE provider_id = $1 AND number > $2 AND kind = ANY ($5::text[]) AND practice_id IS NULL
    ORDER BY number
"""
