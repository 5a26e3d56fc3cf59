"""The SQL of judging practices anew: their devices, inside one provider."""

COUNT_DEVICES = """
    SELECT practice_id, count(*) AS devices FROM device
    WHERE provider_id = $1 AND practice_id = ANY ($2::uuid[]) AND status = 'active'
    GROUP BY practice_id
"""
REPORTED = """
    SELECT DISTINCT device_id FROM device_section
    WHERE provider_id = $1 AND device_id = ANY ($2::uuid[]) AND section = ANY ($3::text[])
"""
LOCK_DEVICES = """
    SELECT t.device_id, t.last_seen_at, d.practice_id, d.family, d.role, d.enrolled_at
    FROM device_liveness t
    JOIN device d ON d.provider_id = t.provider_id AND d.id = t.device_id
    WHERE t.provider_id = $1 AND d.practice_id = ANY ($2::uuid[]) AND t.status = 'active' AND t.device_id > $3
    ORDER BY t.device_id
    LIMIT $4
    FOR NO KEY UPDATE OF t
"""
