"""The set-based SQL of assessment: findings, postures, backup runs. Postures are locked after device rows, by key."""

from vigie.core.batch import Statement

STORED_FINDINGS = Statement(
    """
    SELECT t.subject_id, array_agg(t.control) AS controls, array_agg(t.state) AS states,
           array_agg(t.valid_until) AS ends, array_agg(t.assessed_at) AS assessed,
           max(t.evidence ->> 'since') FILTER (WHERE t.control = 'ANS-2.3') AS reboot_required,
           max(t.evidence ->> 'suspended_since') FILTER (WHERE t.control = 'ANS-1.5') AS encryption_suspended
    FROM {rows} AS v (provider_id, subject_id)
    JOIN finding t ON t.provider_id = v.provider_id AND t.subject_id = v.subject_id
    WHERE {tenant}
    GROUP BY t.provider_id, t.subject_id
    """,
    ("uuid", "uuid"),
)
ADD_FINDINGS = Statement(
    """
    INSERT INTO finding (provider_id, subject_id, control, practice_id, state, reason, since, valid_until, assessed_at,
                         evidence, threshold) {source}
    """,
    ("uuid", "uuid", "text", "uuid", "text", "text", "timestamptz", "timestamptz", "timestamptz", "jsonb", "jsonb"),
)
STORE_FINDINGS = Statement(
    """
    INSERT INTO finding AS t (provider_id, subject_id, control, practice_id, state, reason, since, valid_until, assessed_at,
                              evidence, threshold) {source}
    ON CONFLICT (provider_id, subject_id, control)
    DO UPDATE SET state = excluded.state, reason = excluded.reason,
                  since = CASE WHEN t.state = excluded.state THEN t.since ELSE excluded.since END,
                  valid_until = excluded.valid_until, assessed_at = excluded.assessed_at, evidence = excluded.evidence,
                  threshold = excluded.threshold
    """,
    ADD_FINDINGS.types,
)
# One row per subject, an object per column with the controls as keys: a full report touches twenty-five findings, and only those
# in which anything differs are written. `ends` are seconds since 1970: the cast from text is one that Citus refuses here.
CHANGE_FINDINGS = Statement(
    """
    UPDATE finding t
    SET state = v.states ->> t.control, reason = v.reasons ->> t.control,
        since = CASE WHEN t.state = v.states ->> t.control THEN t.since ELSE v.assessed_at END,
        valid_until = to_timestamp((v.ends ->> t.control)::double precision), assessed_at = v.assessed_at,
        evidence = v.evidence -> t.control, threshold = v.thresholds -> t.control
    FROM {rows} AS v (provider_id, subject_id, assessed_at, states, reasons, ends, evidence, thresholds)
    WHERE t.provider_id = v.provider_id AND t.subject_id = v.subject_id AND v.states ? t.control AND {tenant}
      AND (t.state <> v.states ->> t.control OR t.reason <> v.reasons ->> t.control
           OR t.valid_until IS DISTINCT FROM to_timestamp((v.ends ->> t.control)::double precision)
           OR t.evidence <> v.evidence -> t.control OR t.threshold <> v.thresholds -> t.control)
    """,
    ("uuid", "uuid", "timestamptz", "jsonb", "jsonb", "jsonb", "jsonb", "jsonb"),
)
FORGET_FINDINGS = Statement(
    """
    DELETE FROM finding t USING {rows} AS v (provider_id, subject_id)
    WHERE t.provider_id = v.provider_id AND t.subject_id = v.subject_id AND {tenant}
    """,
    ("uuid", "uuid"),
)
OWN_FINDINGS = Statement(
    """
    SELECT t.provider_id, t.practice_id, t.control, t.state, t.reason, t.valid_until, t.evidence, t.threshold
    FROM {rows} AS v (provider_id, practice_id, control)
    JOIN finding t ON t.provider_id = v.provider_id AND t.subject_id = v.practice_id AND t.control = v.control
    WHERE {tenant}
    """,
    ("uuid", "uuid", "text"),
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
           t.controls, t.answers, t.score, t.devices
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
    SET rank = v.rank, overall = v.overall, patch = v.patch, backup = v.backup, checklist = v.checklist,
        liveness = v.liveness, score = v.score, since = v.since, controls = v.controls, answers = v.answers,
        devices = v.devices, assessed_at = v.assessed_at
    FROM {rows} AS v (provider_id, practice_id, rank, overall, patch, backup, checklist, liveness, score, since, controls,
                      answers, devices, assessed_at)
    WHERE t.provider_id = v.provider_id AND t.practice_id = v.practice_id AND {tenant}
    """,
    (
        *("uuid", "uuid", "smallint", "text", "text", "text", "text", "text", "smallint"),
        *("jsonb", "jsonb", "jsonb", "jsonb", "timestamptz"),
    ),
)
# The score as it stands at the end of the day: the last word of a day counts.
STORE_SCORES = Statement(
    """
    INSERT INTO score_day AS t (provider_id, practice_id, day, score, earned, possible) {source}
    ON CONFLICT (provider_id, practice_id, day)
    DO UPDATE SET score = excluded.score, earned = excluded.earned, possible = excluded.possible
    """,
    ("uuid", "uuid", "date", "smallint", "integer", "integer"),
)
