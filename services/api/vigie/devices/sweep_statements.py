"""The SQL of the sweep. Everything after the first question stays inside one provider."""

from vigie.core.batch import Statement

DUE_PROVIDERS = """
    SELECT provider_id, min(due_at) AS due_at FROM device_deadline
    WHERE due_at <= $1 AND (NOT $2::boolean OR review_at <= $1)
    GROUP BY provider_id ORDER BY 2 LIMIT $3
"""
DUE_DEVICES = """
    SELECT device_id FROM device_deadline
    WHERE provider_id = $1 AND due_at <= $2 AND (NOT $3::boolean OR review_at <= $2)
    ORDER BY due_at LIMIT $4
"""
CLAIM = """
    SELECT t.provider_id, t.device_id, t.last_seen_at, t.silent_since, d.practice_id, d.alias, d.family, d.role,
           d.slot_s, d.enrolled_at
    FROM device_liveness t
    JOIN device d ON d.provider_id = t.provider_id AND d.id = t.device_id
    WHERE t.provider_id = $1 AND t.device_id = ANY ($2::uuid[]) AND t.status = 'active'
    ORDER BY t.device_id
    FOR NO KEY UPDATE OF t SKIP LOCKED
"""
DEADLINES = """
    SELECT device_id, due_at, silent_after, review_at FROM device_deadline
    WHERE provider_id = $1 AND device_id = ANY ($2::uuid[])
"""
SECTIONS = """
    SELECT device_id, section, body FROM device_section
    WHERE provider_id = $1 AND device_id = ANY ($2::uuid[]) AND section = ANY ($3::text[])
"""
PUSH = "UPDATE device_deadline SET due_at = $3 WHERE provider_id = $1 AND device_id = $2"
MARK_SILENT = Statement(
    """
    UPDATE device_liveness t SET silent_since = v.at
    FROM {rows} AS v (provider_id, device_id, at)
    WHERE t.provider_id = v.provider_id AND t.device_id = v.device_id AND {tenant}
    """,
    ("uuid", "uuid", "timestamptz"),
)
MOVE_DEADLINES = Statement(
    """
    UPDATE device_deadline t
    SET silent_after = v.silent_after, review_at = v.review_at,
        due_at = COALESCE(LEAST(v.silent_after, v.review_at), 'infinity')
    FROM {rows} AS v (provider_id, device_id, silent_after, review_at)
    WHERE t.provider_id = v.provider_id AND t.device_id = v.device_id AND {tenant}
    """,
    ("uuid", "uuid", "timestamptz", "timestamptz"),
)
# A device that fell silent with another one keeps its own deadline: it may have been pushed aside.
SILENT_BESIDE = Statement(
    """
    UPDATE device_deadline t
    SET silent_after = NULL, review_at = LEAST(t.review_at, v.review_at), due_at = LEAST(t.due_at, v.review_at)
    FROM {rows} AS v (provider_id, device_id, review_at)
    WHERE t.provider_id = v.provider_id AND t.device_id = v.device_id AND {tenant}
    """,
    ("uuid", "uuid", "timestamptz"),
)
