"""What of signing in is forgotten: sessions that ended, with the address and the browser they were opened from."""

from typing import Final

from vigie.core.retention import Purge

PURGES: Final = (
    Purge(
        "sessions",
        "access",
        """
        DELETE FROM session WHERE provider_id = $1 AND id IN (
            SELECT id FROM session WHERE provider_id = $1 AND least(ended_at, expires_at) < $2 LIMIT $3)
        """,
    ),
)
