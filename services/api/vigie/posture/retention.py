"""What of verdicts is forgotten: runs of backups. Findings and lights have no past of their own; the event log tells it."""

from typing import Final

from vigie.core.retention import Purge

PURGES: Final = (
    Purge(
        "backup_runs",
        "backup_runs",
        """
        DELETE FROM backup_run WHERE provider_id = $1 AND (device_id, job, ended_at) IN (
            SELECT device_id, job, ended_at FROM backup_run WHERE provider_id = $1 AND ended_at < $2
            ORDER BY ended_at LIMIT $3)
        """,
    ),
)
