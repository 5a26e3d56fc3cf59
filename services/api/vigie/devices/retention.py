"""What of devices is forgotten: the hours they were heard, silences that ended, installation codes that let nobody in any more.

Presence and silences are looked for device by device, each by the front of its key: no index has to be kept for it, and a
heartbeat pays nothing.
"""

from typing import Final

from vigie.core.retention import Purge

PURGES: Final = (
    Purge(
        "presence",
        "presence",
        """
        DELETE FROM device_presence WHERE provider_id = $1 AND (device_id, day) IN (
            SELECT old.device_id, old.day
            FROM device d CROSS JOIN LATERAL (
                SELECT p.device_id, p.day FROM device_presence p
                WHERE p.provider_id = $1 AND p.device_id = d.id AND p.day < ($2::timestamptz AT TIME ZONE 'UTC')::date
                ORDER BY p.day LIMIT $3
            ) AS old
            WHERE d.provider_id = $1 LIMIT $3)
        """,
    ),
    Purge(
        "silences",
        "presence",
        """
        DELETE FROM device_silence WHERE provider_id = $1 AND (device_id, since) IN (
            SELECT old.device_id, old.since
            FROM device d CROSS JOIN LATERAL (
                SELECT s.device_id, s.since FROM device_silence s
                WHERE s.provider_id = $1 AND s.device_id = d.id AND s.since < $2 AND s.until < $2
                ORDER BY s.since LIMIT $3
            ) AS old
            WHERE d.provider_id = $1 LIMIT $3)
        """,
    ),
    Purge(
        "lines",
        "presence",
        """
        DELETE FROM practice_line WHERE provider_id = $1 AND (practice_id, since) IN (
            SELECT practice_id, since FROM practice_line WHERE provider_id = $1 AND since < $2 AND until < $2 LIMIT $3)
        """,
    ),
    # Its table says "token"; what a secret may be called never reaches the audit, so the kind is named otherwise.
    Purge(
        "enrolment_codes",
        "access",
        """
        DELETE FROM enrolment_token WHERE provider_id = $1 AND id IN (
            SELECT id FROM enrolment_token WHERE provider_id = $1 AND least(revoked_at, expires_at) < $2 LIMIT $3)
        """,
    ),
)

# The history goes by whole months, for everybody at once (`vigie.retention`). What fits no month stands in a partition of its own.
MONTHS_OF_HISTORY: Final = """
    SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'section_history'::regclass
"""
HISTORY_BEFORE: Final = """
    SELECT date_trunc('month', received_at AT TIME ZONE 'UTC')::date AS month, count(*) AS rows FROM section_history
    WHERE provider_id = $1 AND received_at < $2 GROUP BY 1
"""
MAKE_MONTH: Final = "SELECT ensure_section_history($1)"
DROP_MONTH: Final = "SELECT drop_section_history($1)"
