"""The set-based SQL of the heartbeat intake. Lock order: liveness rows by key, then postures by key, then event heads."""

from vigie.core.batch import Statement

IDENTITIES = Statement(
    """
    SELECT t.provider_id, t.id AS device_id, t.practice_id, t.public_key, t.key_generation, t.status, t.family, t.role,
           t.slot_s, t.enrolled_at
    FROM {rows} AS v (provider_id, device_id)
    JOIN device t ON t.provider_id = v.provider_id AND t.id = v.device_id
    WHERE {tenant}
    """,
    ("uuid", "uuid"),
)
LOCK = Statement(
    """
    SELECT t.provider_id, t.device_id, t.sequence, t.last_seen_at, t.silent_since, t.presence_day, t.presence_hours,
           t.key_generation, t.status, t.body_digest, t.state_digest, t.boot_ref, t.earlier_boot_ref
    FROM {rows} AS v (provider_id, device_id)
    JOIN device_liveness t ON t.provider_id = v.provider_id AND t.device_id = v.device_id
    WHERE {tenant}
    ORDER BY t.provider_id, t.device_id
    FOR NO KEY UPDATE OF t
    """,
    ("uuid", "uuid"),
)
TOUCH = Statement(
    """
    UPDATE device_liveness t
    SET sequence = v.sequence, received = t.received + 1, last_seen_at = v.last_seen_at, silent_since = NULL,
        presence_day = v.presence_day, presence_hours = v.presence_hours, body_digest = v.body_digest,
        state_digest = v.state_digest, boot_ref = v.boot_ref, earlier_boot_ref = v.earlier_boot_ref, agent = v.agent
    FROM {rows} AS v (provider_id, device_id, sequence, last_seen_at, presence_day, presence_hours, body_digest,
                      state_digest, boot_ref, earlier_boot_ref, agent)
    WHERE t.provider_id = v.provider_id AND t.device_id = v.device_id AND {tenant}
    """,
    ("uuid", "uuid", "bigint", "timestamptz", "date", "integer", "bytea", "bytea", "text", "text", "text"),
)
QUIET = Statement(
    """
    UPDATE device_liveness t
    SET sequence = v.sequence, received = t.received + 1, last_seen_at = v.last_seen_at,
        presence_hours = t.presence_hours | v.presence_hours, body_digest = v.body_digest
    FROM {rows} AS v (provider_id, device_id, sequence, last_seen_at, presence_day, presence_hours, body_digest,
                      state_digest, boot_ref, agent, key_generation)
    WHERE t.provider_id = v.provider_id AND t.device_id = v.device_id AND {tenant}
      AND t.sequence < v.sequence AND t.state_digest = v.state_digest AND t.presence_day = v.presence_day
      AND t.boot_ref = v.boot_ref AND t.agent = v.agent AND t.key_generation = v.key_generation
      AND t.status = 'active' AND t.silent_since IS NULL
    RETURNING t.device_id
    """,
    ("uuid", "uuid", "bigint", "timestamptz", "date", "integer", "bytea", "bytea", "text", "text", "integer"),
)
NOTE_PENDING = Statement(
    """
    UPDATE device_liveness t SET sequence = v.sequence, body_digest = v.body_digest
    FROM {rows} AS v (provider_id, device_id, sequence, body_digest)
    WHERE t.provider_id = v.provider_id AND t.device_id = v.device_id AND {tenant}
    """,
    ("uuid", "uuid", "bigint", "bytea"),
)
PRESENCE = Statement(
    """
    INSERT INTO device_presence AS t (provider_id, device_id, day, seen_hours, ran_hours) {source}
    ON CONFLICT (provider_id, device_id, day)
    DO UPDATE SET seen_hours = t.seen_hours | excluded.seen_hours, ran_hours = t.ran_hours | excluded.ran_hours
    """,
    ("uuid", "uuid", "date", "integer", "integer"),
)
HELD_SECTIONS = Statement(
    """
    SELECT t.provider_id, t.device_id, string_agg(t.section || ':' || encode(t.digest, 'hex'), ',') AS digests,
           jsonb_object_agg(t.section, t.body) FILTER (WHERE t.section = ANY (string_to_array(v.wanted, ','))) AS bodies
    FROM {rows} AS v (provider_id, device_id, wanted)
    JOIN device_section t ON t.provider_id = v.provider_id AND t.device_id = v.device_id
    WHERE {tenant}
    GROUP BY t.provider_id, t.device_id
    """,
    ("uuid", "uuid", "text"),
)
ADD_SECTIONS = Statement(
    "INSERT INTO device_section (provider_id, device_id, section, digest, changed_at, body) {source}",
    ("uuid", "uuid", "text", "bytea", "timestamptz", "jsonb"),
)
CHANGE_SECTIONS = Statement(
    """
    UPDATE device_section t
    SET digest = decode(v.digests ->> t.section, 'hex'), changed_at = v.changed_at, body = v.bodies -> t.section
    FROM {rows} AS v (provider_id, device_id, changed_at, digests, bodies)
    WHERE t.provider_id = v.provider_id AND t.device_id = v.device_id AND v.digests ? t.section AND {tenant}
    """,
    ("uuid", "uuid", "timestamptz", "jsonb", "jsonb"),
)
DROP_SECTIONS = Statement(
    """
    DELETE FROM device_section t USING {rows} AS v (provider_id, device_id, section)
    WHERE t.provider_id = v.provider_id AND t.device_id = v.device_id AND t.section = v.section AND {tenant}
    """,
    ("uuid", "uuid", "text"),
)
REMEMBER = Statement(
    "INSERT INTO section_history (provider_id, device_id, received_at, sequence, sections) {source}",
    ("uuid", "uuid", "timestamptz", "bigint", "json"),
)
LOWER_REVIEW = Statement(
    """
    UPDATE device_deadline t
    SET review_at = v.review_at, due_at = LEAST(t.silent_after, v.review_at)
    FROM {rows} AS v (provider_id, device_id, review_at)
    WHERE t.provider_id = v.provider_id AND t.device_id = v.device_id AND {tenant}
      AND (t.review_at IS NULL OR t.review_at > v.review_at)
    """,
    ("uuid", "uuid", "timestamptz"),
)
EXPECT_AGAIN = Statement(
    """
    UPDATE device_deadline t
    SET silent_after = v.silent_after, review_at = LEAST(t.review_at, v.review_at),
        due_at = LEAST(v.silent_after, t.review_at, v.review_at)
    FROM {rows} AS v (provider_id, device_id, silent_after, review_at)
    WHERE t.provider_id = v.provider_id AND t.device_id = v.device_id AND {tenant}
    """,
    ("uuid", "uuid", "timestamptz", "timestamptz"),
)
SUSPECT_CLONE = Statement(
    """
    UPDATE device t SET clone_suspect_at = v.seen_at
    FROM {rows} AS v (provider_id, device_id, seen_at)
    WHERE t.provider_id = v.provider_id AND t.id = v.device_id AND t.clone_suspect_at IS NULL AND {tenant}
    RETURNING t.provider_id, t.id AS device_id
    """,
    ("uuid", "uuid", "timestamptz"),
)
