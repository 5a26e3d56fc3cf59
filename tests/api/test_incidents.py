"""Incident mode through HTTP: declaring, the two clocks, steps, log, freezing, drafts, closing; who may, and at once."""

import asyncio
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from tests.support.agent import healthy
from tests.support.audit import entries, last_number, verdict
from tests.support.cast import Cast
from tests.support.people import Person
from tests.support.records import CARD, done, refused
from tests.support.rows import fetch
from tests.support.scene import NIR
from vigie.audit.details import digest_text
from vigie.auth.tokens import signed_document
from vigie.cli import main
from vigie.core.clock import wire_time
from vigie.core.db import Database
from vigie.incidents.bundle import examine
from vigie.overview import incident_queries

INCIDENTS = "/v1/incidents"
LESSONS = {"lessons": "Garder une copie hors ligne, et le numéro de l'assureur sur papier."}
OTHER = {"kind": "other"}
INSTANT = (422, "incident.instant")
NBSP = "\N{NO-BREAK SPACE}"


async def declared(who: Person, practice: str, **more: Any) -> str:
    """Declare an incident and return its address."""
    made = await done(who, "POST", INCIDENTS, {"practice_id": practice, "kind": "ransomware", **more})
    return f"{INCIDENTS}/{made['id']}"


def clocks(incident: dict[str, Any]) -> dict[str, tuple[str, int | None]]:
    """Return clock → its state and the seconds that remain."""
    return {each["clock"]: (each["state"], each["remaining_s"]) for each in incident["clocks"]}


async def test_an_incident_is_declared_once_worked_through_and_logged(cast: Cast) -> None:
    paz, lea = await cast.paz(), await cast.lea()
    await done(paz, "PUT", f"/v1/practices/{cast.cedar}/contacts", {"contacts": CARD})
    known = cast.clock.now() - timedelta(hours=3)
    said = {"practice_id": cast.cedar, "kind": "ransomware", "known_at": wire_time(known), "description": "En .lock"}
    made = await done(paz, "POST", INCIDENTS, said, headers={"Idempotency-Key": "one"})
    assert await done(paz, "POST", INCIDENTS, said, headers={"Idempotency-Key": "one"}) == made
    path = f"{INCIDENTS}/{made['id']}"
    (listed,) = (await paz.get(f"{INCIDENTS}?practice_id={cast.cedar}&status=open"))["items"]
    assert listed == {name: made[name] for name in listed}
    assert (made["status"], made["known_at"], made["declared_by_name"]) == ("open", wire_time(known), "Dr Paz")
    assert clocks(made) == {"complaint": ("running", 69 * 3600), "cnil": ("running", 69 * 3600)}
    assert made["clocks"][0]["deadline"] == wire_time(known + timedelta(hours=72))
    assert made["contacts"]["contacts"][0]["phone"] == CARD[0]["phone"]
    assert (made["steps_done"], made["steps_total"], made["evidence"]) == (0, len(made["steps"]), None)
    ticked = await done(paz, "POST", f"{path}/steps/disconnect", {"done": True})
    assert (ticked["steps_done"], ticked["steps"][0]["by_name"]) == (1, "Dr Paz")
    await done(lea, "POST", f"{path}/steps/disconnect", {"done": True})  # is so already: Dr Paz did it
    assert (await lea.get(path))["steps"][0]["by_name"] == "Dr Paz"
    await done(lea, "POST", f"{path}/steps/keep_running", {"done": True})
    assert (await done(paz, "POST", f"{path}/steps/keep_running", {"done": False}))["steps_done"] == 1
    line = {"text": "6 photos d'écran reçues", "at": wire_time(known + timedelta(minutes=5))}
    entry = await done(lea, "POST", f"{path}/log", line, headers={"Idempotency-Key": "two"})
    assert await done(lea, "POST", f"{path}/log", line, headers={"Idempotency-Key": "two"}) == entry
    course = await paz.get(path, headers={"Accept-Language": "fr"})
    assert (course["kind_title"], course["steps"][1]["title"]) == ("Rançongiciel", "Ne pas éteindre, ne pas redémarrer")
    assert [(each["kind"], each["says"], each["by_name"]) for each in course["log"]] == [
        ("declared", f"Connu, et déclaré comme{NBSP}: Rançongiciel", "Dr Paz"),
        ("note", "6 photos d'écran reçues", "Lea"),  # told later, happened before
        ("step_done", f"Fait{NBSP}: Débrancher le réseau et le disque de sauvegarde", "Dr Paz"),
        ("step_done", f"Fait{NBSP}: Ne pas éteindre, ne pas redémarrer", "Lea"),
        ("step_undone", f"Décoché{NBSP}: Ne pas éteindre, ne pas redémarrer", "Dr Paz"),
    ]


async def test_clocks_run_until_there_is_a_word_and_then_it_may_be_closed(cast: Cast, database: Database) -> None:
    paz = await cast.paz()
    first = await last_number(database, paz.provider_id)
    path, known = await declared(paz, cast.cedar), cast.clock.now()
    assert await refused(paz, "POST", f"{path}/close", LESSONS) == (409, "incident.undecided")
    cast.clock.advance(timedelta(hours=49))
    paz = await cast.paz()  # sessions end sooner than clocks
    assert clocks(await paz.get(path))["cnil"] == ("urgent", 23 * 3600)
    filed = {"clock": "complaint", "at": wire_time(known + timedelta(hours=5)), "reference": "2026/4471"}
    stopped = await done(paz, "POST", f"{path}/notified", filed)
    assert clocks(stopped) == {"complaint": ("done", None), "cnil": ("urgent", 23 * 3600)}
    assert await done(paz, "POST", f"{path}/notified", filed) == stopped
    answer = await paz.call("POST", f"{path}/close", json=LESSONS)
    assert (answer.status_code, answer.json()["missing"]) == (409, ["cnil"])
    cast.clock.advance(timedelta(hours=24))
    paz = await cast.paz()
    assert clocks(await paz.get(path))["cnil"] == ("overdue", -3600)
    assert clocks(await done(paz, "POST", f"{path}/notified", {"clock": "cnil"}))["cnil"] == ("done_late", None)
    waived = {"clock": "cnil", "outcome": "not_required", "reason": "Aucune donnée personnelle ici"}
    decided = await done(paz, "POST", f"{path}/notified", waived)
    assert clocks(decided)["cnil"] == ("not_required", None)
    assert [step["id"] for step in decided["steps"] if step["done"]] == ["complaint", "cnil"]
    closed = await done(paz, "POST", f"{path}/close", LESSONS)
    assert (closed["status"], closed["lessons"], closed["closed_by_name"]) == ("closed", LESSONS["lessons"], "Dr Paz")
    for what, body in (
        ("close", LESSONS),
        ("log", {"text": "Encore"}),
        ("steps/patients", {"done": True}),
        ("notified", filed),
        ("freeze", None),
    ):
        assert await refused(paz, "POST", f"{path}/{what}", body) == (409, "incident.closed"), what
    assert (await paz.get(f"{INCIDENTS}?status=open"))["items"] == []
    log = (await paz.get(path, headers={"Accept-Language": "fr"}))["log"]
    assert [each["says"] for each in log[1:]] == [
        "Plainte déposée (2026/4471)",
        "CNIL notifiée",
        f"Pas de notification à la CNIL{NBSP}: Aucune donnée personnelle ici",
        "Incident clos",
    ]
    changes = (await paz.get(f"/v1/practices/{cast.cedar}/changes?limit=100"))["items"]
    told = [each["kind"].partition(".") for each in reversed(changes)]
    said = [verb for subject, _, verb in told if subject == "incident"]
    assert said == ["declared", "notified", "notified", "notified", "closed"]
    found = [each for each in await entries(database, paz.provider_id, first) if each["object_kind"] == "incident"]
    assert {each["object_id"] for each in found} == {path.rpartition("/")[2]}
    assert [each["action"] for each in found if each["details"].get("repeated")] == ["incident.notify"]
    assert "donnée" not in json.dumps([each["details"] for each in found], ensure_ascii=False)


@pytest.mark.parametrize(
    ("what", "good", "bent", "answer"),
    [
        ("", {"known_at": "2026-11-17T09:30:00Z"}, {"known_at": "2026-11-17T09:30:01Z"}, INSTANT),
        ("", {"known_at": "2025-11-16T09:30:00Z"}, {"known_at": "2025-11-16T09:29:59Z"}, INSTANT),
        ("", {}, {"known_at": "2026-11-17T09:30:00"}, (422, "request.invalid")),
        ("", {}, {"kind": "mood"}, (422, "request.invalid")),
        ("", {}, {"patient": "x"}, (422, "request.invalid")),
        ("", {"description": "x" * 2000}, {"description": "x" * 2001}, (422, "request.invalid")),
        ("", {"description": NIR[:-1]}, {"description": f"Dossier {NIR}"}, (422, "incident.personal_data_refused")),
        ("/log", {"text": "Vu"}, {"text": f"Vu {NIR}"}, (422, "incident.personal_data_refused")),
        ("/log", {"text": "Vu"}, {"text": " "}, (422, "request.invalid")),
        ("/log", {"text": "Vu"}, {"text": "Vu", "at": "2026-11-17T09:31:00Z"}, INSTANT),
        ("/notified", {"clock": "cnil"}, {"clock": "cnil", "at": "2026-11-17T09:29:00Z"}, INSTANT),
        ("/notified", {"clock": "cnil"}, {"clock": "cnil", "at": "2026-11-17T09:31:00Z"}, INSTANT),
        (
            "/notified",
            {"clock": "cnil", "outcome": "not_required", "reason": "Aucun risque"},
            {"clock": "cnil", "outcome": "not_required"},
            (422, "request.invalid"),
        ),
        (
            "/notified",
            {"clock": "cnil", "reference": "77"},
            {"clock": "cnil", "outcome": "not_required", "reason": "Aucun risque", "reference": "77"},
            (422, "request.invalid"),
        ),
        ("/steps/patients", {"done": True}, {"done": "perhaps"}, (422, "request.invalid")),
    ],
)
async def test_what_does_not_fit_is_refused_and_kept_nowhere(
    cast: Cast, what: str, good: dict[str, Any], bent: dict[str, Any], answer: tuple[int, str]
) -> None:
    zoe = await cast.zoe()
    path = f"{await declared(zoe, cast.cedar)}{what}" if what else INCIDENTS
    own = {} if what else {"practice_id": cast.cedar, "kind": "other"}
    before = await zoe.get(INCIDENTS)
    assert await refused(zoe, "POST", path, {**own, **bent}) == answer
    assert await zoe.get(INCIDENTS) == before
    await done(zoe, "POST", path, {**own, **good})


async def test_each_sees_the_incidents_of_their_practices_and_some_only_read(cast: Cast) -> None:
    ana, tom, paz, ivo, bea = [await each() for each in (cast.ana, cast.tom, cast.paz, cast.ivo, cast.bea)]
    of_cedar, of_elm = await declared(tom, cast.cedar), await declared(ana, cast.elm)
    for who in (tom, paz):
        assert [each["practice_name"] for each in (await who.get(INCIDENTS))["items"]] == ["Cedar"]
        assert await refused(who, "GET", of_elm) == (404, "not_found")
        await who.get(of_cedar)
        body = {"practice_id": cast.elm, "kind": "other"}
        assert await refused(who, "POST", INCIDENTS, body) == (404, "not_found")
    assert await refused(bea, "GET", of_cedar) == (404, "not_found")
    assert await refused(ivo, "POST", f"{of_cedar}/log", {"text": "Lu"}) == (403, "auth.insufficient_scope")
    assert len((await ivo.get(INCIDENTS))["items"]) == 2
    page = await ivo.get(f"{INCIDENTS}?limit=1")
    assert [each["practice_name"] for each in page["items"]] == ["Elm"]
    rest = await ivo.get(f"{INCIDENTS}?limit=1&cursor={page['next_cursor']}")
    assert [each["practice_name"] for each in rest["items"]] == ["Cedar"]
    assert await refused(tom, "POST", f"{of_cedar}/steps/dance", {"done": True}) == (404, "not_found")
    for step in ("complaint", "cnil"):
        assert await refused(tom, "POST", f"{of_cedar}/steps/{step}", {"done": True}) == (409, "incident.step_of_clock")
    reader = await cast.client(cast.pia, "incidents:read")
    assert (await reader.get(of_cedar))["contacts"] is None  # whom to call needs records:read
    assert (await cast.pia.get(of_cedar))["contacts"]["contacts"] == []
    await done(ana, "DELETE", f"/v1/practices/{cast.elm}")
    assert await refused(ana, "POST", f"{of_elm}/log", {"text": "Vu"}) == (409, "practice.archived")
    assert (await ana.get(of_elm))["status"] == "open"


async def test_two_at_once_tick_and_close_one_after_the_other(cast: Cast) -> None:
    lea, paz = await cast.lea(), await cast.paz()
    path = await declared(paz, cast.cedar)
    both = await asyncio.gather(
        *(who.call("POST", f"{path}/steps/patients", json={"done": True}) for who in (lea, paz))
    )
    assert [answer.status_code for answer in both] == [200, 200]
    assert [each["kind"] for each in (await paz.get(path))["log"]] == ["declared", "step_done"]
    for clock in ("complaint", "cnil"):
        await done(paz, "POST", f"{path}/notified", {"clock": clock})
    closing = await asyncio.gather(*(who.call("POST", f"{path}/close", json=LESSONS) for who in (lea, paz)))
    assert sorted(answer.status_code for answer in closing) == [200, 409]
    assert [each["kind"] for each in (await paz.get(path))["log"]].count("closed") == 1


async def test_evidence_is_frozen_once_and_vouched_for_by_the_audit(
    cast: Cast, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    paz, ivo, bea = await cast.paz(), await cast.ivo(), await cast.bea()
    device, stranger = await cast.device(), await cast.device(cast.elm)
    for each in (device, stranger):
        await each.report(healthy(cast.clock.now()))
    path = await declared(paz, cast.cedar, known_at=wire_time(cast.clock.now() - timedelta(hours=1)))
    assert await refused(paz, "GET", f"{path}/evidence") == (404, "incident.nothing_frozen")
    frozen = (await done(paz, "POST", f"{path}/freeze"))["evidence"]
    first = await last_number(database, paz.provider_id)
    assert (await done(paz, "POST", f"{path}/freeze"))["evidence"] == frozen
    assert (await entries(database, paz.provider_id, first))[0]["details"]["repeated"] is True
    answer = await ivo.call("GET", f"{path}/evidence")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    (noted,) = [
        each["details"]["sha256"]
        for each in await entries(database, paz.provider_id)
        if each["action"] == "incident.freeze" and "repeated" not in each["details"]
    ]
    keys = cast.parts.tokens.keys
    found = examine(answer.content, noted, lambda text: signed_document(keys, "vigie-evidence", text))
    assert found.faults == ()
    assert noted == digest_text(bytes.fromhex(frozen["sha256"]))
    assert frozen["size"] == len(answer.content)
    assert found.manifest["from"] == "2026-10-18T08:30:00.000000Z"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist()).decode()
        lines = {
            name: [json.loads(line) for line in archive.read(name).splitlines()]
            for name in archive.namelist()
            if name.endswith(".jsonl")
        }
    assert [each["device_id"] for each in lines["heartbeats.jsonl"]] == [device.device_id]
    assert "patch" in lines["heartbeats.jsonl"][0]["sections"]
    assert {each["section"] for each in lines["sections.jsonl"]} >= {"patch", "backup"}
    kinds = [each["kind"] for each in lines["events.jsonl"]]
    assert kinds[0] == "practice.created"  # in the order in which it happened
    assert "device.enrolled" in kinds
    assert stranger.device_id not in whole
    assert "Dr Paz" not in whole
    assert await refused(bea, "GET", f"{path}/evidence") == (404, "not_found")
    reader = await cast.client(cast.pia, "incidents:read", "devices:read", "events:read")
    assert await refused(reader, "GET", f"{path}/evidence") == (403, "auth.insufficient_scope")
    assert (await verdict(database, paz.provider_id)).holds

    await holds_on_the_command_line(ivo, answer.content, tmp_path)
    other = bytearray(answer.content)
    other[len(other) // 2] ^= 1
    assert not examine(bytes(other), noted).holds
    monkeypatch.setitem(incident_queries.AT_MOST, "events.jsonl", 400)
    cut = (await done(paz, "POST", f"{await declared(paz, cast.cedar)}/freeze"))["evidence"]
    assert (cut["complete"], cut["lines"]["events.jsonl"] < len(kinds)) == (False, True)
    assert cut["lines"]["heartbeats.jsonl"] == 1


async def holds_on_the_command_line(ivo: Person, content: bytes, folder: Path) -> None:
    """Verify an archive and an export as an expert would, who has the two files and nothing else."""
    archive, audit = folder / "evidence.zip", folder / "audit.ndjson"
    export = (await ivo.call("GET", "/v1/audit/export")).content
    altered = bytearray(content)
    altered[len(content) // 3] ^= 1
    without = b"".join(line for line in export.splitlines(keepends=True) if b'"incident.freeze"' not in line)
    before = (await ivo.call("GET", "/v1/audit/export", params={"from": export.count(b"\n")})).content
    for of_archive, of_audit, holds in (
        (content, export, True),
        (bytes(altered), export, False),
        (content, without, False),  # the chain is broken
        (content, before, False),  # the chain holds, and knows of no freezing
        (content, b"", False),
    ):
        archive.write_bytes(of_archive)
        audit.write_bytes(of_audit)
        found = await asyncio.to_thread(main, ["incident", "verify", str(archive), "--audit", str(audit)])
        assert (found == 0) is holds
    assert await asyncio.to_thread(main, ["incident", "verify", str(archive)]) == 0
    assert await asyncio.to_thread(main, ["incident", "verify", str(folder / "absent")]) == 1


@pytest.mark.parametrize("table", ["incident_entry", "incident_evidence"])
async def test_nobody_of_the_service_rewrites_the_log_or_the_evidence(database: Database, table: str) -> None:
    statement = (
        "SELECT privilege_type AS may FROM information_schema.role_table_grants"
        " WHERE grantee = 'vigie_app' AND table_name = :name"
    )
    assert {row["may"] for row in await fetch(database, statement, name=table)} == {"SELECT", "INSERT"}


async def test_drafts_hold_what_is_known(cast: Cast) -> None:
    paz, ivo = await cast.paz(), await cast.ivo()
    await done(paz, "PUT", f"/v1/practices/{cast.cedar}/contacts", {"contacts": CARD})
    path = await declared(paz, cast.cedar, description="Écran noir à l'accueil")
    await done(paz, "POST", f"{path}/log", {"text": "Câble débranché"})
    drafts = await paz.get(f"{path}/drafts")
    assert [each["kind"] for each in drafts["items"]] == ["complaint", "insurer", "cnil"]
    for each in drafts["items"]:
        assert "Écran noir à l\N{RIGHT SINGLE QUOTATION MARK}accueil" in each["text"]
        assert "Câble débranché" in each["text"]
        assert "mardi 17 novembre 2026 à 10:30" in each["text"]  # where the practice is
        assert each["blanks"] > 0
    assert "CY-77" in drafts["items"][1]["address"]
    assert await ivo.get(f"{path}/drafts") == drafts
    reader = await cast.client(cast.pia, "incidents:read")  # the number of a contract needs records:read
    assert await refused(reader, "GET", f"{path}/drafts") == (403, "auth.insufficient_scope")


async def card_of(who: Person, practice: str) -> str:
    """Return the text of a practice's card, which is one page."""
    answer = await who.call("GET", f"/v1/practices/{practice}/incident-card.pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    (page,) = PdfReader(io.BytesIO(answer.content)).pages
    assert page.mediabox.width < page.mediabox.height
    return " ".join(page.extract_text().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())


async def test_the_card_is_one_page_with_whom_to_call_and_what_to_write_by_hand(cast: Cast) -> None:
    paz, ana = await cast.paz(), await cast.ana()
    bare = await card_of(paz, cast.cedar)
    assert bare.count("à écrire :") == 3  # insurer, person in charge, who holds the offline copy
    assert "Numéro d'urgence :" in bare
    assert "Contacts jamais confirmés" in bare
    assert "Vigie n'en voit aucune." in bare
    device = await cast.device(alias="srv-cedre")
    sections = healthy(cast.clock.now())
    made = {
        "job": "nightly",
        "last_status": "ok",
        "target": "usb",
        "immutable": "no",
        "last_ok_at": "2026-11-16T21:00:00Z",
    }
    sections["backup"]["data"] = {"jobs": [made]}
    await device.report(sections)
    path = f"/v1/practices/{cast.cedar}/contacts"
    await done(paz, "PUT", path, {"contacts": CARD})
    await done(paz, "POST", f"{path}/confirm")
    card = await card_of(paz, cast.cedar)
    for told in (
        *("Cedar, Lyon", "Atlas, urgences", "01 23 45 67 89", "0800 12 34 56", "contrat CY-77", "06 12 34 56 78"),
        *("17cyber.gouv.fr", "09 72 43 91 25", "notifications.cnil.fr", "État au mardi 17 novembre 2026 à 10:30."),
        "Contacts confirmés le mardi 17 novembre 2026 à 10:30.",
        "Disque USB, hors ligne s'il est débranché, faite le lundi 16 novembre 2026 à 22:00 depuis srv-cedre.",
    ):
        assert told in card.replace("\N{NO-BREAK SPACE}", " "), told
    assert "à écrire" not in card
    assert (
        card.count("fait à") == (await done(paz, "POST", INCIDENTS, OTHER | {"practice_id": cast.cedar}))["steps_total"]
    )
    await done(ana, "PATCH", f"/v1/practices/{cast.cedar}", {"name": "<script>#let x = 1 $*_@`\\ " + "W" * 90})
    hostile = [{**each, "name": "#panic() *W*_`$" + "W" * 100} for each in CARD * 7]
    await done(paz, "PUT", path, {"contacts": hostile})
    crowded = await card_of(paz, cast.cedar)
    assert "<script>#let x = 1 $*_@`" in crowded
    assert "et 20 autres contacts dans Vigie" in crowded
    assert await refused(await cast.bea(), "GET", path.replace("contacts", "incident-card.pdf")) == (404, "not_found")
