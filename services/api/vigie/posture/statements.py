"""The set-based SQL of assessment: findings, postures, backup runs. Postures are locked after device rows, by key."""

from vigie.core.batch import Statement

STORED_FINDINGS = Statement(
    """
    SELECT t.provider_id, t.subject_id, t.control, t.state, t.reason, t.since, t.valid_until,
           t.assessed_at, t.evidence, t.threshold
    FROM {rows} AS v (provider_id, subject_id)
    JOIN finding t ON t.provider_id = v.provider_id AND t.subject_id = v.subject_id
    WHERE {tenant}
    """,
    ("uuid", "uuid"),
)
STORE_FINDINGS = Statement(
    """
    INSERT INTO finding (provider_id, subject_id, control, practice_id, state, reason, since, valid_until, assessed_at,
                         evidence, threshold) {source}
    ON CONFLICT (provider_id, subject_id, control)
    DO UPDATE SET state = excluded.state, reason = excluded.reason, since = excluded.since,
                  valid_until = excluded.valid_until, assessed_at = excluded.assessed_at, evidence = excluded.evidence,
                  threshold = excluded.threshold
    """,
    ("uuid", "uuid", "text", "uuid", "text", "text", "timestamptz", "timestamptz", "timestamptz", "jsonb", "jsonb"),
)
_FINDING_TYPES = STORE_FINDINGS.types
ADD_FINDINGS = Statement(STORE_FINDINGS.text.partition("ON CONFLICT")[0], _FINDING_TYPES)
CHANGE_FINDINGS = Statement(
    """
    UPDATE finding t
    SET state = v.state, reason = v.reason, since = v.since, valid_until = v.valid_until, assessed_at = v.assessed_at,
        evidence = v.evidence, threshold = v.threshold
    FROM {rows} AS v (provider_id, subject_id, control, practice_id, state, reason, since, valid_until, assessed_at,
                      evidence, threshold)
    WHERE t.provider_id = v.provider_id AND t.subject_id = v.subject_id AND t.control = v.control AND {tenant}
    """,
    _FINDING_TYPES,
)
FORGET_FINDINGS = Statement(
    """
    DELETE FROM finding t USING {rows} AS v (provider_id, subject_id)
    WHERE t.provider_id = v.provider_id AND t.subject_id = v.subject_id AND {tenant}
    """,
    ("uuid", "uuid"),
)
STORE_RUNS = Statement(
    """
    INSERT INTO backup_run (provider_id, device_id, job, ended_at, practice_id, status, origin, bytes, detail) {source}
    ON CONFLICT (provider_id, device_id, job, ended_at) DO NOTHING
    """,
    ("uuid", "uuid", "text", "timestamptz", "uuid", "text", "text", "bigint", "jsonb"),
)
RECENT_RUNS = Statement(
    """
    SELECT provider_id, device_id, job, status, ended_at, bytes
    FROM (
        SELECT t.provider_id, t.device_id, t.job, t.status, t.ended_at, t.bytes,
               row_number() OVER (PARTITION BY t.provider_id, t.device_id, t.job ORDER BY t.ended_at DESC) AS nth
        FROM {rows} AS v (provider_id, device_id, since)
        JOIN backup_run t ON t.provider_id = v.provider_id AND t.device_id = v.device_id AND t.ended_at >= v.since
        WHERE {tenant}
    ) AS run
    WHERE nth <= 7
    ORDER BY provider_id, device_id, ended_at DESC
    """,
    ("uuid", "uuid", "timestamptz"),
)
LOCK_POSTURES = Statement(
    """
    SELECT t.provider_id, t.practice_id, t.rank, t.overall, t.patch, t.backup, t.checklist, t.liveness, t.since,
           t.controls, t.devices
    FROM {rows} AS v (provider_id, practice_id)
    JOIN posture t ON t.provider_id = v.provider_id AND t.practice_id = v.practice_id
    WHERE {tenant}
    ORDER BY t.provider_id, t.practice_id
    FOR NO KEY UPDATE OF t
    """,
    ("uuid", "uuid"),
)
COUNT_STATES = Statement(
    """
    SELECT t.provider_id, t.practice_id, t.control, t.state, count(*)::integer AS devices
    FROM {rows} AS v (provider_id, practice_id)
    JOIN finding t ON t.provider_id = v.provider_id AND t.practice_id = v.practice_id
    WHERE {tenant}
    GROUP BY t.provider_id, t.practice_id, t.control, t.state
    """,
    ("uuid", "uuid"),
)
STORE_POSTURES = Statement(
    """
    UPDATE posture t
    SET rank = v.rank, overall = v.overall, patch = v.patch, backup = v.backup, liveness = v.liveness, since = v.since,
        controls = v.controls, devices = v.devices, assessed_at = v.assessed_at
    FROM {rows} AS v (provider_id, practice_id, rank, overall, patch, backup, liveness, since, controls, devices,
                      assessed_at)
    WHERE t.provider_id = v.provider_id AND t.practice_id = v.practice_id AND {tenant}
    """,
    (
        *("uuid", "uuid", "smallint", "text", "text", "text", "text"),
        *("jsonb", "jsonb", "jsonb", "timestamptz"),
    ),
)
