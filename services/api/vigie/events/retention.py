"""What of the event log is forgotten: its beginning. The numbers that stay have no gap, so a reader can tell that theirs went."""

from typing import Final

from vigie.core.retention import Purge

# The numbers one by one, for of "all up to one" PostgreSQL expects a third of the table, and reads it all.
PURGES: Final = (
    Purge(
        "events",
        "events",
        """
        DELETE FROM event WHERE provider_id = $1 AND number IN (
            SELECT number FROM (
                SELECT number, bool_or(recorded_at >= $2) OVER (ORDER BY number) AS kept
                FROM (SELECT number, recorded_at FROM event WHERE provider_id = $1 ORDER BY number LIMIT $3) AS first
            ) AS judged WHERE NOT kept)
        """,
    ),
)
