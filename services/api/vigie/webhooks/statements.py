"""The worker's SQL of webhooks. Everything but the first two of each job runs inside one provider."""

from typing import Final

from vigie.core.batch import Statement

# --- making messages of events ---
WITH_NEWS: Final = """
    SELECT c.provider_id FROM webhook_cursor c JOIN event_head h ON h.provider_id = c.provider_id
    WHERE h.last_number > c.number LIMIT $1
"""
CLAIM_CURSOR: Final = "SELECT number FROM webhook_cursor WHERE provider_id = $1 FOR UPDATE SKIP LOCKED"
FILTERS: Final = """
    SELECT e.kinds, e.limited, e.handed_over,
           (SELECT array_agg(p.practice_id) FROM webhook_endpoint_practice p
            WHERE p.provider_id = e.provider_id AND p.endpoint_id = e.id) AS practices
    FROM webhook_endpoint e WHERE e.provider_id = $1 AND e.removed_at IS NULL
"""
EVENTS: Final = """
    SELECT number, kind, version, practice_id, device_id, happened_at, recorded_at, payload FROM event
    WHERE provider_id = $1 AND number > $2 ORDER BY number LIMIT $3
"""
HEAD: Final = "SELECT last_number FROM event_head WHERE provider_id = $1"
ADD_MESSAGES: Final = Statement(
    """
    INSERT INTO webhook_message (provider_id, number, kind, practice_id, recorded_at, body) {source}
    ON CONFLICT (provider_id, number) DO NOTHING
    """,
    ("uuid", "bigint", "text", "uuid", "timestamptz", "bytea"),
)
MOVE_CURSOR: Final = "UPDATE webhook_cursor SET number = $2 WHERE provider_id = $1"

# --- sending them ---
_IS_DUE: Final = """
    e.removed_at IS NULL AND e.disabled_at IS NULL AND (e.leased_until IS NULL OR e.leased_until <= $1)
    AND (e.retry_at <= $1 OR (e.handed_over < c.number AND (e.paused_until IS NULL OR e.paused_until <= $1)))
"""
DUE_PROVIDERS: Final = f"""
    SELECT DISTINCT e.provider_id FROM webhook_endpoint e JOIN webhook_cursor c ON c.provider_id = e.provider_id
    WHERE {_IS_DUE}
"""  # noqa: S608 - a constant of this file
CLAIM: Final = f"""
    UPDATE webhook_endpoint SET lease = $3, leased_until = $4
    WHERE provider_id = $2 AND id IN (
        SELECT e.id FROM webhook_endpoint e JOIN webhook_cursor c ON c.provider_id = e.provider_id
        WHERE e.provider_id = $2 AND {_IS_DUE} ORDER BY e.id LIMIT $5 FOR UPDATE OF e SKIP LOCKED
    ) RETURNING id
"""  # noqa: S608 - as above
READ_ENDPOINT: Final = """
    SELECT e.id, e.url, e.kinds, e.secret, e.previous_secret, e.previous_until, e.handed_over, e.failures, e.failing_since,
           e.paused_until, e.disabled_at IS NULL AND e.removed_at IS NULL AS enabled, c.number AS made,
           CASE WHEN e.limited THEN (SELECT array_agg(p.practice_id) FROM webhook_endpoint_practice p
                WHERE p.provider_id = e.provider_id AND p.endpoint_id = e.id) END AS practices
    FROM webhook_endpoint e JOIN webhook_cursor c ON c.provider_id = e.provider_id
    WHERE e.provider_id = $1 AND e.id = $2 AND e.lease = $3
"""
DUE_DELIVERIES: Final = """
    SELECT d.id, d.number, d.kind, d.attempts, d.holds, d.created_at, coalesce(d.body, m.body) AS body, d.due_at AS waits_since
    FROM webhook_delivery d LEFT JOIN webhook_message m ON m.provider_id = d.provider_id AND m.number = d.number
    WHERE d.provider_id = $1 AND d.endpoint_id = $2 AND d.status = 'pending' AND d.due_at <= $3
    ORDER BY d.number NULLS FIRST, d.id LIMIT $4
"""
NEW_MESSAGES: Final = """
    SELECT number, kind, recorded_at, body FROM webhook_message
    WHERE provider_id = $1 AND number > $2 AND number <= $3 AND ($4::text[] IS NULL OR kind = ANY ($4))
      AND ($5::uuid[] IS NULL OR practice_id = ANY ($5))
    ORDER BY number LIMIT $6
"""
RECORD: Final = Statement(
    """
    INSERT INTO webhook_delivery (provider_id, id, endpoint_id, number, kind, created_at, status, attempts, holds, due_at, tried_at,
                                  response_status, error, excerpt) {source}
    ON CONFLICT (provider_id, id) DO UPDATE
    SET status = excluded.status, attempts = excluded.attempts, holds = excluded.holds, due_at = excluded.due_at,
        tried_at = excluded.tried_at, response_status = excluded.response_status, error = excluded.error,
        excerpt = excluded.excerpt
    """,
    (
        *("uuid", "uuid", "uuid", "bigint", "text", "timestamptz"),
        *("text", "smallint", "boolean", "timestamptz", "timestamptz", "smallint", "text", "text"),
    ),
)
RECORD_AGAIN: Final = Statement(
    """
    UPDATE webhook_delivery AS t
    SET status = r.status, attempts = r.attempts, holds = r.holds, due_at = r.due_at, tried_at = r.tried_at,
        response_status = r.response_status, error = r.error, excerpt = r.excerpt
    FROM {rows} AS r (provider_id, id, status, attempts, holds, due_at, tried_at, response_status, error, excerpt)
    WHERE {tenant} AND t.provider_id = r.provider_id AND t.id = r.id
    """,
    ("uuid", "uuid", "text", "smallint", "boolean", "timestamptz", "timestamptz", "smallint", "text", "text"),
)
HURRY: Final = """
    UPDATE webhook_delivery SET due_at = $3
    WHERE provider_id = $1 AND endpoint_id = $2 AND status = 'pending' AND holds AND due_at > $3
"""
STAND: Final = """
    UPDATE webhook_endpoint AS e
    SET handed_over = greatest(e.handed_over, $4), failures = $5, failing_since = $6, paused_until = $7,
        delivered_at = coalesce($8, e.delivered_at), lease = $9, leased_until = $10,
        retry_at = (SELECT min(d.due_at) FROM webhook_delivery d
                    WHERE d.provider_id = e.provider_id AND d.endpoint_id = e.id AND d.status = 'pending')
    WHERE e.provider_id = $1 AND e.id = $2 AND e.lease = $3
    RETURNING e.id
"""
DISABLE: Final = """
    UPDATE webhook_endpoint SET disabled_at = $3, disabled_reason = $4, changed_at = $3
    WHERE provider_id = $1 AND id = $2 AND disabled_at IS NULL AND removed_at IS NULL
    RETURNING url
"""

# --- forgetting ---
PROVIDERS: Final = "SELECT provider_id FROM webhook_cursor"
FORGET_DELIVERIES: Final = """
    DELETE FROM webhook_delivery WHERE provider_id = $1 AND id IN (
        SELECT id FROM webhook_delivery WHERE provider_id = $1 AND id < $2 ORDER BY id LIMIT $3)
"""
FORGET_MESSAGES: Final = """
    DELETE FROM webhook_message WHERE provider_id = $1 AND number IN (
        SELECT number FROM webhook_message WHERE provider_id = $1 AND recorded_at < $2 ORDER BY number LIMIT $3)
"""
