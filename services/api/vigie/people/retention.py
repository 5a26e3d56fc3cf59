"""What of people is forgotten: invitations that were used, withdrawn or never followed."""

from typing import Final

from vigie.core.retention import Purge

PURGES: Final = (
    Purge(
        "invitations",
        "access",
        """
        DELETE FROM invitation WHERE provider_id = $1 AND id IN (
            SELECT id FROM invitation WHERE provider_id = $1 AND least(used_at, revoked_at, expires_at) < $2 LIMIT $3)
        """,
    ),
)
