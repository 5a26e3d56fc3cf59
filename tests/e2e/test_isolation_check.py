"""`vigie isolation-check` against the service as it runs in production: every operation, over the network."""

import json
from pathlib import Path

import httpx
import pytest

from tests.support.service import Service


@pytest.mark.timeout(240)
@pytest.mark.slow(reason="attacks every operation of real processes")
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
    # Nobody signs in here, and the owner has no other place to go to: only these have no right request beside the refused ones.
    assert found["without_control"].keys() == {"POST /v1/identity-providers", "POST /v1/me/membership"}
    assert len(found["by_kind"]) == 11
