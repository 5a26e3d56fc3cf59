"""What is stored of practices and their devices, read to be judged again and compared."""

PRACTICES = "SELECT practice_id FROM posture WHERE provider_id = $1 ORDER BY practice_id"
# The rows of the intake and of the sweep: nobody reports, and nobody is swept, between what is read and what is compared.
HOLD_DEVICES = """
    SELECT t.provider_id, t.device_id, t.last_seen_at, d.practice_id, d.family, d.role, d.enrolled_at
    FROM device_liveness t
    JOIN device d ON d.provider_id = t.provider_id AND d.id = t.device_id
    WHERE t.provider_id = $1 AND d.practice_id = ANY ($2::uuid[]) AND t.status = 'active'
    ORDER BY t.device_id
    FOR NO KEY UPDATE OF t
"""
HOLD_POSTURES = """
    SELECT practice_id FROM posture WHERE provider_id = $1 AND practice_id = ANY ($2::uuid[])
    ORDER BY practice_id FOR NO KEY UPDATE
"""
# Practices of which something has changed by itself and waits for the worker.
WAITING = """
    SELECT d.practice_id FROM device_deadline t
    JOIN device d ON d.provider_id = t.provider_id AND d.id = t.device_id
    WHERE t.provider_id = $1 AND t.due_at <= $2
    UNION SELECT practice_id FROM checklist_deadline WHERE provider_id = $1 AND due_at <= $2
    UNION SELECT practice_id FROM reassessment WHERE provider_id = $1 AND due_at <= $2
"""
SECTIONS = """
    SELECT device_id, section, body FROM device_section
    WHERE provider_id = $1 AND device_id = ANY ($2::uuid[]) AND section = ANY ($3::text[])
"""
FINDINGS = """
    SELECT practice_id, subject_id, control, state, reason FROM finding
    WHERE provider_id = $1 AND practice_id = ANY ($2::uuid[])
"""
POSTURES = """
    SELECT practice_id, rank, overall, patch, backup, checklist, liveness, score, controls, answers, devices
    FROM posture WHERE provider_id = $1 AND practice_id = ANY ($2::uuid[])
"""
