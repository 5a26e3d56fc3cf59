"""`vigie isolation-check` against the service as it runs in production: every operation, over the network."""

import json
import re
from pathlib import Path

import httpx
import pytest

from tests.support.service import Service

# What has no right request beside the refused ones: nobody signs in here, the owner has no other place to go to, and what these
# bodies need (a file, a supplier in use, a stream, dates and hours that make sense together, a kind of channel) is not told by
# their shapes. Nobody has drafted a policy of alerting when the draft is asked for, and this service has no key that seals secrets.
WITHOUT_CONTROL = {
    "GET /v1/alerting-policy/draft",
    "GET /v1/events/stream",
    "POST /v1/attestations",
    "POST /v1/channels",
    "POST /v1/exceptions",
    "POST /v1/identity-providers",
    "POST /v1/maintenance-windows",
    "POST /v1/me/membership",
    "POST /v1/practices/import",
    "POST /v1/practices/{practice_id}/contacts/confirm",
    "POST /v1/practices/{practice_id}/contracts",
    "POST /v1/practices/{practice_id}/evidence",
    "POST /v1/practices/{practice_id}/questionnaires",
    "POST /v1/practices/{practice_id}/restore-tests",
    "POST /v1/webhook-endpoints",
    "PUT /v1/practices/{practice_id}/opening-hours",
    "PUT /v1/provider/logo.png",
    "GET /v1/provider/logo.png",
}
# What the throw-away providers have none of; operations that name one are not tried, and the report says so.
NOT_FURNISHED = {
    *("action_id", "alert_id", "channel_id", "contract_id", "control", "control_id", "delivery_id", "endpoint_id"),
    *("evidence_id", "exception_id", "identity_provider_id", "incident_id", "questionnaire_id", "step", "window_id"),
}


@pytest.mark.timeout(360)
@pytest.mark.slow(reason="attacks operations of real processes")
@pytest.mark.xdist_group("real service")
async def test_a_running_service_keeps_providers_apart(service: Service, tmp_path: Path) -> None:
    document, page = tmp_path / "report.json", tmp_path / "report.md"
    options = ("--json", str(document), "--markdown", str(page))
    printed = await service.run("isolation-check", "--url", service.url, *options)
    async with httpx.AsyncClient(base_url=service.url) as http:
        published = (await http.get("/openapi/console.json")).json()
    assert page.read_text() == printed
    found = json.loads(document.read_text())
    guarded = {
        f"{method.upper()} {path}"
        for path, item in published["paths"].items()
        for method, operation in item.items()
        if operation.get("security")
    }
    assert (found["leaks"], found["put_away"]) == ([], True)
    assert set(found["operations"]) == guarded
    assert found["attempts"] > 10 * len(guarded)
    assert found["subject"]["url"] == service.url
    assert {name for name, status in found["without_control"].items() if status} == WITHOUT_CONTROL
    not_tried = " ".join(name for name, status in found["without_control"].items() if not status)
    names = re.findall(r"{(\w+)}", " ".join(each for each in guarded if each not in found["without_control"]))
    assert set(re.findall(r"{(\w+)}", not_tried)) - {"practice_id"} <= NOT_FURNISHED
    assert not set(names) & NOT_FURNISHED
    assert len(found["by_kind"]) == 11
