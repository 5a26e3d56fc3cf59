"""What of alerting is forgotten: alerts that are closed, with their course; messages that went or never will; what was not sent."""

from typing import Final

from vigie.alerts.engine_run import CLOSED_RANK
from vigie.core.retention import Purge

_CLOSED: Final = f"""
    SELECT id FROM alert
    WHERE provider_id = $1 AND rank = {CLOSED_RANK} AND opened_at < $2 AND closed_at < $2 ORDER BY opened_at, id
"""  # noqa: S608 - a number of ours
_SETTLED: Final = """
    SELECT id FROM notification
    WHERE provider_id = $1 AND wanted_at < $2 AND settled_at < $2 ORDER BY wanted_at, id
"""
# What belongs to something goes before it.
PURGES: Final = (
    Purge(
        "alert_entries",
        "alerts",
        f"""
        DELETE FROM alert_entry WHERE provider_id = $1 AND (alert_id, id) IN (
            SELECT e.alert_id, e.id FROM ({_CLOSED}) AS a JOIN alert_entry e ON e.provider_id = $1 AND e.alert_id = a.id
            LIMIT $3)
        """,  # noqa: S608 - as above
    ),
    Purge("alerts", "alerts", f"DELETE FROM alert WHERE provider_id = $1 AND id IN ({_CLOSED} LIMIT $3)"),  # noqa: S608
    Purge(
        "notification_attempts",
        "alerts",
        f"""
        DELETE FROM notification_attempt WHERE provider_id = $1 AND (notification_id, number) IN (
            SELECT t.notification_id, t.number FROM ({_SETTLED}) AS n
            JOIN notification_attempt t ON t.provider_id = $1 AND t.notification_id = n.id LIMIT $3)
        """,  # noqa: S608 - as above
    ),
    Purge(
        "notifications",
        "alerts",
        f"DELETE FROM notification WHERE provider_id = $1 AND id IN ({_SETTLED} LIMIT $3)",  # noqa: S608 - as above
    ),
    Purge(
        "suppressions",
        "alerts",
        """
        DELETE FROM suppression WHERE provider_id = $1 AND id IN (
            SELECT id FROM suppression WHERE provider_id = $1 AND wanted_at < $2 ORDER BY wanted_at, id LIMIT $3)
        """,
    ),
)
