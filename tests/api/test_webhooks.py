"""Webhook endpoints through the API: who may make them, what they may be, and what is never shown."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.conftest import settings_for
from tests.support.cast import Cast, sign_in
from tests.support.refusals import refusal
from vigie.core.db import Database
from vigie.core.sealing import load_sealer, new_sealing_key
from vigie.settings import Settings
from vigie.webhooks import endpoints
from vigie.webhooks.signing import purpose_of, shown

URL = "https://receiver.example/vigie"
PATH = "/v1/webhook-endpoints"


@pytest.fixture
def settings(database_url: str, key_file: Path, tmp_path: Path) -> Settings:
    sealing_key = tmp_path / "sealing-key"
    sealing_key.write_bytes(new_sealing_key())
    return settings_for(database_url, key_file, sealing_key_file=sealing_key)


async def test_an_endpoint_is_made_changed_and_removed_and_its_secret_shown_once(
    cast: Cast, settings: Settings, database: Database
) -> None:
    wanted = {"url": URL, "description": "Ticketing", "kinds": ["posture.changed", "device.silent"]}
    key = {"Idempotency-Key": "one"}
    made = (await cast.pia.call("POST", PATH, json=wanted, headers=key)).json()
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert (made["kinds"], made["practices"], made["enabled"]) == (["device.silent", "posture.changed"], None, True)
    again = await cast.pia.call("POST", PATH, json=wanted, headers=key)
    assert (refusal(again), again.json()["id"]) == ((409, "request.already_done"), made["id"])
    assert await cast.pia.get(f"{PATH}/{made['id']}") == made
    assert await cast.pia.get(PATH) == {"items": [made], "next_cursor": None}
    patch = {"kinds": None, "practices": [str(cast.cedar)], "enabled": False, "url": f"{URL}/2"}
    changed = (await cast.pia.call("PATCH", f"{PATH}/{made['id']}", json=patch)).json()
    assert {**made, **patch, "disabled_at": "2026-11-17T09:30:00Z", "disabled_reason": "by_caller"} == changed
    # At rest the secret is sealed, for this endpoint alone; removed, it is forgotten.
    row = text("SELECT secret FROM webhook_endpoint WHERE id = :id")
    async with database.engine.connect() as connection:
        sealed = (await connection.execute(row, {"id": UUID(made["id"])})).scalar_one()
        sealer = load_sealer(settings.sealing_key_file)
        assert sealer is not None
        assert shown(sealer.open(purpose_of(UUID(made["id"])), sealed)) == secret
        assert (await cast.pia.call("DELETE", f"{PATH}/{made['id']}")).status_code == 204
        assert (await connection.execute(row, {"id": UUID(made["id"])})).scalar_one() == b""
    assert refusal(await cast.pia.call("GET", f"{PATH}/{made['id']}")) == (404, "not_found")
    assert (await cast.pia.get(PATH))["items"] == []
    audited = [(entry["action"], entry["object"]["id"]) for entry in await entries(cast)]
    words = ("create", "change", "remove")
    assert audited == [(f"webhook_endpoint.{word}", made["id"]) for word in words]


async def entries(cast: Cast) -> list[dict[str, Any]]:
    """What the audit says of webhooks, in the order it happened; refusals apart."""
    found = (await (await cast.ivo()).get("/v1/audit?limit=100"))["items"]
    return [entry for entry in reversed(found) if entry["action"].startswith("webhook") and entry["outcome"] == "done"]


@pytest.mark.parametrize(
    ("bent", "answer"),
    [
        ({}, None),
        ({"url": "http://receiver.example/"}, (422, "webhook.url_refused")),
        ({"url": "https://10.1.2.3/"}, (422, "webhook.url_refused")),
        ({"url": "https://169.254.169.254/"}, (422, "webhook.url_refused")),
        ({"url": "https://[::1]/"}, (422, "webhook.url_refused")),
        ({"url": "https://user:word@receiver.example/"}, (422, "webhook.url_refused")),
        ({"url": "ftp://receiver.example/"}, (422, "request.invalid")),
        ({"url": "https://receiver.example/\r\nx: y"}, (422, "webhook.url_refused")),
        ({"kinds": ["practice.painted"]}, (422, "request.invalid")),
        ({"kinds": []}, (422, "request.invalid")),
        ({"practices": []}, (422, "request.invalid")),
        ({"practices": ["00000000-0000-7000-8000-000000000000"]}, (422, "request.invalid")),
        ({"secret": "whsec_mine"}, (422, "request.invalid")),
    ],
)
async def test_what_an_endpoint_may_be(cast: Cast, bent: dict[str, Any], answer: tuple[int, str] | None) -> None:
    made = await cast.pia.call("POST", PATH, json={"url": URL, **bent})
    assert (None if made.is_success else refusal(made)) == answer
    if answer is not None and answer[1] == "webhook.url_refused":
        well = (await cast.pia.post(PATH, {"url": URL}))["id"]
        assert refusal(await cast.pia.call("PATCH", f"{PATH}/{well}", json=bent)) == answer


async def test_a_limited_client_makes_and_sees_what_is_limited_to_its_practices(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await cast.ana()
    wanted = {"name": "Cedar only", "scopes": ["webhooks:read", "webhooks:write"], "practices": [str(cast.cedar)]}
    limited = (await ana.call("POST", "/v1/clients", json=wanted)).json()
    pip = await sign_in(cast.http, {**limited, "provider_id": cast.pia.provider_id})
    made = {}
    for name, practices in (
        ("all", None),
        ("both", [cast.cedar, cast.elm]),
        ("elm", [cast.elm]),
        ("cedar", [cast.cedar]),
    ):
        asked = {"url": URL, "practices": None if practices is None else [str(each) for each in practices]}
        made[name] = (await cast.pia.post(PATH, asked))["id"]
    assert [each["id"] for each in (await pip.get(PATH))["items"]] == [made["cedar"]]
    for name, path in made.items():
        assert (await pip.call("GET", f"{PATH}/{path}")).status_code == (200 if name == "cedar" else 404)
    own = await pip.post(PATH, {"url": URL, "practices": [str(cast.cedar)]})
    for widening, answer in (
        ({"practices": None}, (403, "auth.limited_to_practices")),
        ({"practices": [str(cast.elm)]}, (422, "request.invalid")),
    ):
        assert refusal(await pip.call("POST", PATH, json={"url": URL, **widening})) == answer
        assert refusal(await pip.call("PATCH", f"{PATH}/{own['id']}", json=widening)) == answer
    monkeypatch.setattr(endpoints, "MOST", 5)
    assert refusal(await cast.pia.call("POST", PATH, json={"url": URL})) == (409, "webhook.too_many")
    for scopes, status in (({"webhooks:read"}, 403), ({"webhooks:write"}, 201)):
        monkeypatch.setattr(endpoints, "MOST", 50)
        caller = await cast.client(cast.pia, *scopes)
        assert (await caller.call("POST", PATH, json={"url": URL})).status_code == status


async def test_without_a_sealing_key_there_are_no_webhooks(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, app: Any
) -> None:
    made = await cast.pia.post(PATH, {"url": URL})
    monkeypatch.setattr(
        app.state.parts, "webhooks", type(app.state.parts.webhooks)(None, app.state.parts.webhooks.reach)
    )
    assert refusal(await cast.pia.call("POST", PATH, json={"url": URL})) == (503, "webhook.off")
    assert refusal(await cast.pia.call("POST", f"{PATH}/{made['id']}/rotate-secret", json={})) == (503, "webhook.off")
