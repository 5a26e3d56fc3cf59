"""A row in every table of alerts, for tests about the tables and not how they fill."""

from vigie.core.ids import uuid7


def alert_rows(provider_id: str, practice_id: str, device_id: str) -> dict[str, str]:
    """Return table with columns → values, in an order in which they can be inserted."""
    own, alert = f"'{provider_id}'", uuid7()
    someone = f"(SELECT id FROM member WHERE provider_id = {own} ORDER BY id LIMIT 1)"  # noqa: S608 - ours
    state = "1, '{}'"
    return {
        "alert (provider_id, id, practice_id, cause, severity, status, rank, opened_at, condition_since, assignee_id, flapping,"
        " reopenings, members, changed_at)": f"{own}, '{alert}', '{practice_id}', 'line', 'critical', 'open', 0, now(), now(),"
        f" {someone}, false, 0, '{{}}', now()",
        "alert_entry (provider_id, alert_id, id, at, kind, detail)": f"{own}, '{alert}', '{uuid7()}', now(), 'opened', '{{}}'",
        "alert_state (provider_id, practice_id, number, state, busy, due_at, checked_at, failures)": f"{own}, '{practice_id}',"
        f" {state}, false, now(), now(), 0",
        "alert_checkpoint (provider_id, practice_id, number, state, at)": f"{own}, '{practice_id}', {state}, now()",
        "alert_cursor (provider_id, number)": f"{own}, 1",
        "alerting_policy (provider_id, revision, status, document, changed_at, changed_by)": f"{own}, 0, 'draft', '{{}}', now(),"
        " 'Ana'",
        "maintenance_window (provider_id, id, practice_id, device_id, starts_at, ends_at, causes, controls, reason, created_at,"
        " author_kind, author_id, author_name)": f"{own}, '{uuid7()}', '{practice_id}', '{device_id}', now(), now(), '{{}}',"
        " '{}', 'disk', now(), 'member', 'a', 'Ana'",
    }
