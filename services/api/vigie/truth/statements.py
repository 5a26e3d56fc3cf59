"""The SQL of a simulation: what it asks of the tables beside what the product's own functions do."""

GIVE_SLOT = "UPDATE device SET slot_s = $3 WHERE provider_id = $1 AND id = $2"
# When the next device that was not heard for an interval falls silent. (Quiet reports do not move the deadline of their device:
# those of devices heard since are moved when the step ends, and what else is due is told then, as of its own instant.)
NEXT_SILENCE = """
    SELECT min(t.due_at) FROM device_deadline t
    JOIN device_liveness l ON l.provider_id = t.provider_id AND l.device_id = t.device_id
    WHERE t.due_at > $1 AND t.due_at <= $2 AND t.silent_after <= t.due_at AND l.silent_since IS NULL
      AND (l.last_seen_at IS NULL OR l.last_seen_at < t.due_at - interval '65 minutes')
"""
ALERTS = """
    SELECT kind, practice_id, happened_at, payload FROM event
    WHERE kind IN ('alert.opened', 'alert.reopened', 'alert.updated', 'alert.closed') ORDER BY provider_id, number
"""
