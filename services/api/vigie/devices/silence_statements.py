"""The SQL of silences, lines, refusals, and of what the service notes about itself."""

from vigie.core.batch import Statement

# What the service notes about itself, once a minute and process.
NOTE_PULSE = "INSERT INTO intake_pulse (at, heard) VALUES ($1, $2) ON CONFLICT (at) DO NOTHING"
PULSES = "SELECT at, heard FROM intake_pulse WHERE at > $1 AND at <= $2 ORDER BY at"
FORGET_PULSES = "DELETE FROM intake_pulse WHERE at < $1"
IS_FLEET = """
    SELECT count(*) >= $1 FROM (SELECT FROM device_liveness WHERE status = 'active' LIMIT $1) AS devices
"""
IS_WITHHELD = "SELECT EXISTS (SELECT FROM device_deadline WHERE due_at <= $1 AND silent_after <= $1)"
OUTAGES = "SELECT since, until, withheld FROM service_outage WHERE until IS NULL OR until > $1 ORDER BY since"
BEGIN_OUTAGE = """
    INSERT INTO service_outage AS t (since, told_at, until, withheld) VALUES ($1, $2, $3, false)
    ON CONFLICT (since) DO UPDATE SET until = excluded.until WHERE t.until IS NULL
"""
WITHHOLD = "UPDATE service_outage SET withheld = true WHERE since = $1"

# Telling a silence.
SIBLINGS = """
    SELECT t.provider_id, t.device_id, t.last_seen_at, t.silent_since, d.practice_id, d.alias, d.family, d.role,
           d.slot_s, d.enrolled_at
    FROM device d
    JOIN device_liveness t ON t.provider_id = d.provider_id AND t.device_id = d.id
    WHERE d.provider_id = $1 AND d.practice_id = ANY ($2::uuid[]) AND t.status = 'active' AND t.device_id <> ALL ($3::uuid[])
    ORDER BY t.device_id
    FOR NO KEY UPDATE OF t SKIP LOCKED
"""
COUNT_ACTIVE = """
    SELECT practice_id, count(*) AS devices FROM device
    WHERE provider_id = $1 AND practice_id = ANY ($2::uuid[]) AND status = 'active' GROUP BY practice_id
"""
LINES_DOWN = """
    SELECT practice_id, since FROM practice_line WHERE provider_id = $1 AND practice_id = ANY ($2::uuid[]) AND until IS NULL
"""
REFUSALS = """
    SELECT device_id, code, times, last_at FROM device_refusal WHERE provider_id = $1 AND device_id = ANY ($2::uuid[])
"""
AGENT_HEALTH = """
    SELECT device_id, body FROM device_section
    WHERE provider_id = $1 AND device_id = ANY ($2::uuid[]) AND section = 'agent_health'
"""
TELL = Statement(
    """
    INSERT INTO device_silence (provider_id, device_id, since, practice_id, last_seen_at, told_at, cause, evidence, review_at)
    {source}
    """,
    ("uuid", "uuid", "timestamptz", "uuid", "timestamptz", "timestamptz", "text", "jsonb", "timestamptz"),
)
TELL_LINE = Statement(
    "INSERT INTO practice_line (provider_id, practice_id, since, told_at, evidence) {source}",
    ("uuid", "uuid", "timestamptz", "timestamptz", "jsonb"),
)

# Judging again.
DUE_PROVIDERS = "SELECT DISTINCT provider_id FROM device_silence WHERE review_at <= $1"
DUE_SILENCES = """
    SELECT t.device_id FROM device_silence s
    JOIN device_liveness t ON t.provider_id = s.provider_id AND t.device_id = s.device_id
    WHERE s.provider_id = $1 AND s.review_at <= $2 AND s.until IS NULL
    ORDER BY t.device_id LIMIT $3
    FOR NO KEY UPDATE OF t SKIP LOCKED
"""
OPEN_SILENCES = """
    SELECT s.provider_id, s.device_id, s.since, s.practice_id, s.last_seen_at, s.cause, s.evidence, d.alias, d.role
    FROM device_silence s JOIN device d ON d.provider_id = s.provider_id AND d.id = s.device_id
    WHERE s.provider_id = $1 AND s.device_id = ANY ($2::uuid[]) AND s.until IS NULL
    ORDER BY s.device_id
"""
PRACTICES_OF = "SELECT DISTINCT practice_id FROM device WHERE provider_id = $1 AND id = ANY ($2::uuid[])"
LAST_HEARD = """
    SELECT d.practice_id, t.device_id, t.last_seen_at FROM device d
    JOIN device_liveness t ON t.provider_id = d.provider_id AND t.device_id = d.id
    WHERE d.provider_id = $1 AND d.practice_id = ANY ($2::uuid[]) AND t.status = 'active' AND d.role <> 'laptop'
      AND t.last_seen_at IS NOT NULL
"""
PUSH = "UPDATE device_silence SET review_at = $3 WHERE provider_id = $1 AND review_at <= $2"
JUDGED = Statement(
    """
    UPDATE device_silence t SET cause = v.cause, evidence = v.evidence, explained_at = v.explained_at, review_at = v.review_at
    FROM {rows} AS v (provider_id, device_id, since, cause, evidence, explained_at, review_at)
    WHERE t.provider_id = v.provider_id AND t.device_id = v.device_id AND t.since = v.since AND {tenant}
    """,
    ("uuid", "uuid", "timestamptz", "text", "jsonb", "timestamptz", "timestamptz"),
)

# A device came back.
SILENCES_OF = Statement(
    """
    SELECT t.provider_id, t.device_id, t.since, t.practice_id, t.last_seen_at, t.cause, t.evidence, d.alias, d.role
    FROM {rows} AS v (provider_id, device_id)
    JOIN device_silence t ON t.provider_id = v.provider_id AND t.device_id = v.device_id AND t.until IS NULL
    JOIN device d ON d.provider_id = v.provider_id AND d.id = v.device_id
    WHERE {tenant}
    """,
    ("uuid", "uuid"),
)
LATEST_LINES = Statement(
    """
    SELECT DISTINCT ON (t.provider_id, t.practice_id)
           t.provider_id, t.practice_id, t.since, t.until, t.confirmed, t.evidence
    FROM {rows} AS v (provider_id, practice_id)
    JOIN practice_line t ON t.provider_id = v.provider_id AND t.practice_id = v.practice_id
    WHERE {tenant}
    ORDER BY t.provider_id, t.practice_id, t.since DESC
    """,
    ("uuid", "uuid"),
)
END = Statement(
    """
    UPDATE device_silence t
    SET until = v.until, review_at = NULL, cause = v.cause, evidence = v.evidence,
        explained_at = COALESCE(v.explained_at, t.explained_at)
    FROM {rows} AS v (provider_id, device_id, since, until, cause, evidence, explained_at)
    WHERE t.provider_id = v.provider_id AND t.device_id = v.device_id AND t.since = v.since AND {tenant}
    """,
    ("uuid", "uuid", "timestamptz", "timestamptz", "text", "jsonb", "timestamptz"),
)
SETTLE_LINE = Statement(
    """
    UPDATE practice_line t SET until = v.until, confirmed = v.confirmed
    FROM {rows} AS v (provider_id, practice_id, since, until, confirmed)
    WHERE t.provider_id = v.provider_id AND t.practice_id = v.practice_id AND t.since = v.since AND {tenant}
    """,
    ("uuid", "uuid", "timestamptz", "timestamptz", "boolean"),
)
REVIEW_LINE = Statement(
    """
    UPDATE device_silence t SET review_at = v.review_at
    FROM {rows} AS v (provider_id, practice_id, review_at)
    WHERE t.provider_id = v.provider_id AND t.practice_id = v.practice_id AND t.until IS NULL AND t.cause = 'line' AND {tenant}
    """,
    ("uuid", "uuid", "timestamptz"),
)

# A device that proved who it is was refused.
NOTE_REFUSAL = """
    INSERT INTO device_refusal AS t (provider_id, device_id, code, first_at, last_at, times)
    SELECT $1, id, $3, $4, $4, 1 FROM device WHERE provider_id = $1 AND id = $2
    ON CONFLICT (provider_id, device_id) DO UPDATE
    SET code = excluded.code, last_at = excluded.last_at,
        first_at = CASE WHEN t.last_at < $5 THEN excluded.first_at ELSE t.first_at END,
        times = CASE WHEN t.last_at < $5 THEN 1 ELSE t.times + 1 END
"""
REVIEW_REFUSED = """
    UPDATE device_silence SET review_at = $3
    WHERE provider_id = $1 AND device_id = $2 AND until IS NULL AND cause NOT IN ('agent_broken', 'service')
"""
END_REVOKED = """
    UPDATE device_silence SET until = $3, review_at = NULL
    WHERE provider_id = $1 AND device_id = ANY ($2::uuid[]) AND until IS NULL
"""
