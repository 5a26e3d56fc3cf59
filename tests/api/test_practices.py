"""Practices: created, read, changed, archived; what is refused on the way."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.support.agent import healthy
from tests.support.cast import Cast
from tests.support.refusals import refusal
from tests.support.rows import holdings
from vigie.core.db import Database

NEW = {"name": "Cabinet du Parc", "profession": "physician"}
WHOLE = {
    **NEW,
    "time_zone": "Indian/Reunion",
    "city": "Saint-Denis",
    "finess": "690000013",
    "siret": "73282932000074",
    "external_ref": "C-0042",
}
INVALID = (422, "request.invalid")


async def test_a_practice_is_created_and_read_back(cast: Cast) -> None:
    created = await cast.pia.post("/v1/practices", WHOLE)
    read = await cast.pia.get(f"/v1/practices/{created['id']}")
    assert {name: created[name] for name in WHOLE} == WHOLE
    assert {name: read[name] for name in created} == created
    assert read["posture"]["overall"] == "unknown"
    assert (read["created_at"], read["archived_at"]) == ("2026-11-17T09:30:00Z", None)


async def test_a_name_of_500_characters_is_kept_whole(cast: Cast) -> None:
    name = "Cabinet de groupe des docteurs Éléonore, 🦷 שלום " * 11
    assert (await cast.pia.post("/v1/practices", NEW | {"name": name[:500].strip()}))["name"] == name[:500].strip()
    found = await cast.pia.get("/v1/practices", params={"q": "eleonore"})
    assert [each["name"] for each in found["items"]] == [name[:500].strip()]


async def test_a_practice_needs_only_a_name_and_a_profession(cast: Cast) -> None:
    created = await cast.pia.post("/v1/practices", NEW)
    left_out = {name: created[name] for name in WHOLE if name not in NEW}
    assert left_out == {"time_zone": "Europe/Paris", "city": None, "finess": None, "siret": None, "external_ref": None}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", "x" * 501),
        ("name", "two\nlines"),
        ("name", "nul\x00"),
        ("name", None),
        ("name", 7),
        ("profession", "plumber"),
        ("profession", "Dentist"),
        ("time_zone", "Europe/Lyon"),
        ("time_zone", "../../etc/passwd"),
        ("time_zone", "+01:00"),
        ("city", "x" * 81),
        ("finess", "690000014"),
        ("finess", "69000001"),
        ("finess", "69000001A"),
        ("siret", "73282932000075"),
        ("siret", "7328293200007"),
        ("siret", "\uff173282932000074"),
        ("external_ref", "x" * 65),
        ("external_ref", ""),
        ("id", "01a2005b-0101-70bd-b2e6-5c7c36c59c2b"),
        ("provider_id", "01a2005b-0101-70bd-b2e6-5c7c36c59c2b"),
        ("archived_at", "2026-11-17T09:30:00Z"),
    ],
)
async def test_a_practice_with_one_wrong_field_is_refused_and_not_created(
    cast: Cast, database: Database, field: str, value: Any
) -> None:
    before = await holdings(database, cast.pia.provider_id)
    answer = await cast.pia.call("POST", "/v1/practices", json={**WHOLE, field: value})
    assert refusal(answer) == INVALID
    assert answer.json()["errors"][0]["pointer"] == f"/body/{field}"
    assert await holdings(database, cast.pia.provider_id) == before
    assert (await cast.pia.call("POST", "/v1/practices", json=WHOLE)).status_code == 201


@pytest.mark.parametrize("finess", ["690000013", "2A0000154"])
async def test_a_finess_number_is_checked_by_its_key_except_in_corsica(cast: Cast, finess: str) -> None:
    assert (await cast.pia.post("/v1/practices", {**NEW, "finess": finess}))["finess"] == finess


@pytest.mark.parametrize("body", [b"", b"not JSON", b"[]", b'"x"', b"null", b'{"name": "x"', b"\xff"])
async def test_a_body_that_is_no_object_is_refused(cast: Cast, body: bytes) -> None:
    answer = await cast.pia.call("POST", "/v1/practices", content=body, headers={"Content-Type": "application/json"})
    assert refusal(answer) in {INVALID, (400, "request.malformed")}


async def test_a_field_whose_name_cannot_be_written_is_refused_too(cast: Cast) -> None:
    body = b'{"name": "x", "profession": "dentist", "\\ud800": 1}'
    answer = await cast.pia.call("POST", "/v1/practices", content=body, headers={"Content-Type": "application/json"})
    assert refusal(answer) == INVALID


async def test_a_refusal_names_the_field_and_does_not_repeat_the_value(cast: Cast) -> None:
    answer = await cast.pia.call("POST", "/v1/practices", json={**NEW, "siret": "12345"})
    assert answer.json()["errors"][0]["pointer"] == "/body/siret"
    assert "12345" not in answer.text


async def test_a_reference_is_given_once_per_provider(cast: Cast) -> None:
    first = await cast.pia.post("/v1/practices", WHOLE)
    again = await cast.pia.call("POST", "/v1/practices", json={**WHOLE, "name": "Another"})
    elm = await cast.pia.call("PATCH", f"/v1/practices/{cast.elm}", json={"external_ref": "C-0042"})
    itself = await cast.pia.call("PATCH", f"/v1/practices/{first['id']}", json={"external_ref": "C-0042"})
    borea = await cast.bela.call("POST", "/v1/practices", json=WHOLE)
    without = [await cast.pia.call("POST", "/v1/practices", json=NEW) for _ in range(2)]
    assert [refusal(again), refusal(elm)] == [(409, "practice.reference_taken")] * 2
    assert (itself.status_code, borea.status_code) == (200, 201)
    assert [answer.status_code for answer in without] == [201, 201]


async def test_a_patch_changes_what_it_names_and_nothing_else(cast: Cast) -> None:
    created = await cast.pia.post("/v1/practices", WHOLE)
    cast.clock.advance(timedelta(minutes=1))
    answer = await cast.pia.call(
        "PATCH", f"/v1/practices/{created['id']}", json={"name": "Cabinet du Port", "city": None}
    )
    expected = {**created, "name": "Cabinet du Port", "city": None, "updated_at": "2026-11-17T09:31:00Z"}
    assert answer.json() == expected
    assert [row["name"] for row in (await cast.pia.get("/v1/practices", params={"q": "port"}))["items"]] == [
        "Cabinet du Port"
    ]
    assert (await cast.pia.get("/v1/practices", params={"q": "parc"}))["items"] == []


@pytest.mark.parametrize(
    "patch",
    [{"name": None}, {"profession": None}, {"time_zone": None}, {"name": ""}, {"rank": 1}, {"siret": "1"}],
    ids=str,
)
async def test_a_wrong_patch_changes_nothing(cast: Cast, database: Database, patch: dict[str, Any]) -> None:
    before = await holdings(database, cast.pia.provider_id)
    answer = await cast.pia.call("PATCH", f"/v1/practices/{cast.cedar}", json={"city": "Nantes", **patch})
    assert refusal(answer) == INVALID
    assert await holdings(database, cast.pia.provider_id) == before


@pytest.mark.parametrize("patch", [{}, {"name": "Cedar", "city": "Lyon"}], ids=str)
async def test_a_patch_to_what_already_is_is_no_change(cast: Cast, database: Database, patch: dict[str, Any]) -> None:
    before = await holdings(database, cast.pia.provider_id)
    cast.clock.advance(timedelta(minutes=1))
    answer = await cast.pia.call("PATCH", f"/v1/practices/{cast.cedar}", json=patch)
    assert answer.status_code == 200
    assert await holdings(database, cast.pia.provider_id) == before


async def test_an_archived_practice_leaves_the_lists_and_keeps_its_history(cast: Cast) -> None:
    device = await cast.device()
    await device.report(healthy(cast.clock.now()))
    archived = await cast.pia.call("DELETE", f"/v1/practices/{cast.cedar}")
    again = await cast.pia.call("DELETE", f"/v1/practices/{cast.cedar}")
    listed = await cast.pia.get("/v1/practices")
    read = await cast.pia.get(f"/v1/practices/{cast.cedar}")
    posture = await cast.pia.call("GET", f"/v1/practices/{cast.cedar}/posture")
    changes = await cast.pia.get(f"/v1/practices/{cast.cedar}/changes")
    summary = await cast.pia.get("/v1/summary")
    kinds = [change["kind"] for change in changes["items"]]
    assert (archived.status_code, again.status_code) == (204, 204)
    assert [row["id"] for row in listed["items"]] == [cast.elm]
    assert (read["archived_at"], read["posture"]) == ("2026-11-17T09:30:00Z", None)
    assert refusal(posture) == (404, "not_found")
    assert kinds[:2] == ["practice.archived", "device.revoked"]
    assert kinds.count("practice.archived") == 1
    assert (summary["practices"], sum(summary["devices"].values())) == (1, 0)


async def test_a_practice_that_does_not_exist_is_not_found(cast: Cast) -> None:
    path = f"/v1/practices/{uuid4()}"
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        assert refusal(await cast.pia.call(method, path, json=body)) == (404, "not_found")
    assert refusal(await cast.pia.call("GET", "/v1/practices/cedar")) == INVALID


async def test_what_changed_is_told_latest_first_and_page_by_page(cast: Cast) -> None:
    for name in ("One", "Two", "Three"):
        await cast.pia.call("PATCH", f"/v1/practices/{cast.cedar}", json={"name": name})
    path = f"/v1/practices/{cast.cedar}/changes"
    whole = (await cast.pia.get(path))["items"]
    first = await cast.pia.get(path, params={"limit": 3})
    second = await cast.pia.get(path, params={"limit": 3, "cursor": first["next_cursor"]})
    assert [change["kind"] for change in whole] == ["practice.changed"] * 3 + ["posture.changed", "practice.created"]
    assert whole[0]["payload"] == {"fields": ["name"], "by": cast.pia.client_id}
    assert [change["number"] for change in whole] == sorted((change["number"] for change in whole), reverse=True)
    assert first["items"] + second["items"] == whole
    assert second["next_cursor"] is None


async def test_the_verdict_is_read_with_its_evidence_and_in_the_reader_s_language(cast: Cast) -> None:
    device = await cast.device()
    await device.report(healthy(cast.clock.now()))
    path = f"/v1/practices/{cast.cedar}/posture"
    english = await cast.pia.get(path)
    french = await cast.pia.get(path, headers={"Accept-Language": "fr"})
    numbers = [tuple(map(int, entry["control"].removeprefix("ANS-").split("."))) for entry in english["controls"]]
    assert numbers == sorted(numbers)
    assert all(entry["findings"] for entry in english["controls"])
    assert [e["control"] for e in english["controls"]] == [f["control"] for f in french["controls"]]
    assert all(e["title"] != f["title"] for e, f in zip(english["controls"], french["controls"], strict=True))


async def test_an_unchanged_practice_is_not_sent_twice(cast: Cast) -> None:
    path = f"/v1/practices/{cast.cedar}"
    first = await cast.pia.call("GET", path)
    tag = first.headers["etag"]
    same = await cast.pia.call("GET", path, headers={"If-None-Match": tag})
    weak = await cast.pia.call("GET", path, headers={"If-None-Match": f'"other", W/{tag}'})
    await cast.pia.call("PATCH", path, json={"city": "Nantes"})
    changed = await cast.pia.call("GET", path, headers={"If-None-Match": tag})
    assert [(answer.status_code, answer.content) for answer in (same, weak)] == [(304, b"")] * 2
    assert same.headers["etag"] == tag
    assert (changed.status_code, changed.json()["city"]) == (200, "Nantes")
    assert changed.headers["etag"] != tag


async def test_refusals_are_titled_in_the_reader_s_language(cast: Cast) -> None:
    path = f"/v1/practices/{uuid4()}"
    titles = [
        (await cast.pia.call("GET", path, headers={"Accept-Language": language})).json()["title"]
        for language in ("fr", "fr-CH;q=0.4, en;q=0.3", "en, fr;q=0.9", "de", "fr;q=x")
    ]
    assert titles == ["Introuvable", "Introuvable", "No such thing", "No such thing", "No such thing"]


async def test_a_path_or_method_that_does_not_exist_is_a_problem_document(cast: Cast) -> None:
    assert refusal(await cast.pia.call("GET", "/v1/nothing")) == (404, "not_found")
    assert refusal(await cast.pia.call("PUT", "/v1/practices")) == (405, "method_not_allowed")
