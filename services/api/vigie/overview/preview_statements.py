"""The SQL of a preview: devices of some practices, read and not locked."""

DEVICES = """
    SELECT t.device_id, t.last_seen_at, d.practice_id, d.family, d.role, d.enrolled_at
    FROM device d
    JOIN device_liveness t ON t.provider_id = d.provider_id AND t.device_id = d.id
    WHERE d.provider_id = $1 AND d.practice_id = ANY ($2::uuid[]) AND d.status = 'active'
    ORDER BY d.practice_id, d.id
"""
