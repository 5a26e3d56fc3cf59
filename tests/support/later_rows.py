"""A row in every table of silences, webhooks, incidents, reports and the console, for tests about the tables alone."""

from vigie.core.ids import uuid7


def later_rows(provider_id: str, practice_id: str, device_id: str) -> dict[str, str]:
    """Return table with columns → values, in an order in which they can be inserted."""
    own, endpoint, incident, report = f"'{provider_id}'", uuid7(), uuid7(), uuid7()
    channel = f"(SELECT id FROM channel WHERE provider_id = {own} LIMIT 1)"  # noqa: S608 - nothing foreign in it
    someone = f"(SELECT id FROM member WHERE provider_id = {own} ORDER BY id LIMIT 1)"  # noqa: S608 - nothing foreign in it
    return {
        "device_silence (provider_id, device_id, since, practice_id, told_at, cause, evidence)": f"{own}, '{device_id}', now(),"
        f" '{practice_id}', now(), 'unknown', '{{}}'",
        "practice_line (provider_id, practice_id, since, told_at, evidence)": f"{own}, '{practice_id}', now(), now(), '{{}}'",
        "device_refusal (provider_id, device_id, code, first_at, last_at, times)": f"{own}, '{device_id}', 'x', now(), now(), 1",
        "retention_run (provider_id, due_at, purged)": f"{own}, now(), '{{}}'",
        "webhook_cursor (provider_id, number)": f"{own}, 1",
        "webhook_message (provider_id, number, kind, practice_id, recorded_at, body)": f"{own}, 1, 'x', '{practice_id}', now(),"
        " 'x'",
        "webhook_endpoint (provider_id, id, url, description, limited, secret, created_at, created_by, changed_at, handed_over,"
        " failures)": f"{own}, '{endpoint}', 'https://x.test', 'x', true, 'x', now(), 'Pia', now(), 0, 0",
        "webhook_endpoint_practice (provider_id, endpoint_id, practice_id)": f"{own}, '{endpoint}', '{practice_id}'",
        "webhook_delivery (provider_id, id, endpoint_id, kind, status, attempts, holds, created_at, due_at,"
        " body)": f"{own}, '{uuid7()}', '{endpoint}', 'test', 'pending', 0, false, now(), now(), 'x'",
        "practice_responsible (provider_id, practice_id, member_id, since)": f"{own}, '{practice_id}', {someone}, now()",
        "saved_view (provider_id, id, member_id, name, query, created_at)": f"{own}, '{uuid7()}', {someone}, 'x', 'q=x', now()",
        "incident (provider_id, id, practice_id, kind, known_at, edition, declared_at, declared_by, declared_by_name)": f"{own},"
        f" '{incident}', '{practice_id}', 'other', now(), 'x', now(), 'a', 'Ana'",
        "incident_step (provider_id, incident_id, step, done, at, by, by_name)": f"{own}, '{incident}', 'x', true, now(), 'a',"
        " 'Ana'",
        "incident_notice (provider_id, incident_id, clock, outcome, at, noted_at, by, by_name)": f"{own}, '{incident}', 'cnil',"
        " 'done', now(), now(), 'a', 'Ana'",
        "report (provider_id, id, practice_id, number, code_hash, language, origin, period_from, period_to, as_of, issued_on,"
        " data_sha256, sha256, size, audit_after, content)": f"{own}, '{report}', '{practice_id}', 1, sha256('{report}'), 'fr',"
        " 'request', now(), now(), now(), now(), 'x', 'x', 1, 0, 'x'",
        "report_head (provider_id, last_number)": f"{own}, 1",
        "report_schedule (provider_id, practice_id, channel_id, enabled, day, language, members, next_at, changed_at,"
        " changed_by)": f"{own}, '{practice_id}', {channel}, true, 1, 'fr', '{{}}', now(), now(), 'a'",
        "report_run (provider_id, practice_id, month, report_id, failures)": f"{own}, '{practice_id}', now(), '{report}', 0",
        "provider_logo (provider_id, content, width, height, sha256, changed_at, changed_by)": f"{own}, 'x', 1, 1, 'x', now(), 'a'",
        "incident_entry (provider_id, incident_id, id, kind, at, recorded_at, detail, by, by_name)": f"{own}, '{incident}',"
        f" '{uuid7()}', 'declared', now(), now(), '{{}}', 'a', 'Ana'",
        "incident_evidence (provider_id, incident_id, frozen_at, from_at, until_at, lines, complete, sha256, size, content, by,"
        " by_name)": f"{own}, '{incident}', now(), now(), now(), '{{}}', true, 'x', 1, 'x', 'a', 'Ana'",
    }
