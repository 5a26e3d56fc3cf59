"""Evidence reports: made, kept, verified; altered by one byte or without their entry in the audit they are not valid."""

import hashlib
import io
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pypdf import PdfReader

from tests.support.cast import Cast
from tests.support.pictures import PNG, png
from tests.support.records import RESTORE, done, refused
from tests.support.rows import execute, fetch
from vigie.audit.chain import entry_hash, fields_of
from vigie.audit.details import digest_text
from vigie.core.db import Database

HOSTILE = "<script>alert(1)</script> #$*_@` \u202egnp.exe שלום 🦷 " + "x" * 60


def text_of(pdf: bytes) -> str:
    return (
        "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
        .replace("\u200b", "")
        .replace("\n", " ")
    )


def code_in(pdf: bytes) -> str:
    """Return the code behind the QR code, which is a link, too."""
    links = [
        note.get_object()["/A"]["/URI"]
        for note in PdfReader(io.BytesIO(pdf)).pages[0]["/Annots"]  # type: ignore[attr-defined]
    ]
    return str(links[0]).rpartition("/")[2]


async def made(cast: Cast, practice: str | None = None, **asked: Any) -> tuple[dict[str, Any], bytes]:
    """Make a report and download it."""
    report = await cast.pia.post(f"/v1/practices/{practice or cast.cedar}/reports", asked)
    answer = await cast.pia.call("GET", f"/v1/reports/{report['id']}/pdf")
    assert answer.status_code == 200, answer.text
    return report, answer.content


async def verdict(cast: Cast, code: str, pdf: bytes | None = None) -> dict[str, Any]:
    """Ask the public page, as a program that nobody knows."""
    path = f"/verify/{code}"
    if pdf is None:
        answer = await cast.http.get(path)
    else:
        answer = await cast.http.post(path, json={"sha256": hashlib.sha256(pdf).hexdigest()})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_report_is_made_kept_and_told_of(cast: Cast, database: Database) -> None:
    await cast.device()
    await done(await cast.lea(), "POST", f"/v1/practices/{cast.cedar}/restore-tests", RESTORE)
    report, pdf = await made(cast, period_from="2026-10-01")
    assert report["number"] == "2026-11-0001"
    assert (report["period_from"], report["period_to"]) == ("2026-10-01", "2026-11-17")
    assert (report["as_of"], report["origin"], report["language"]) == ("2026-11-17T09:30:00Z", "request", "fr")
    assert report["sha256"] == hashlib.sha256(pdf).hexdigest()
    assert report["size"] == len(pdf)
    text = text_of(pdf)
    for said in (
        *(
            "Rapport nº 2026-11-0001",
            "Cedar",
            "1er\u00a0octobre\u00a02026",
            "état arrêté au 17\u00a0novembre\u00a02026 à 10:30",
        ),
        *("Correctifs", "Sauvegardes", "Points de contrôle", "Les dix règles du mémento", "À faire d\u2019abord"),
        *("réussie", "Aucun incident déclaré.", "Aucune dérogation", "Mesuré", "ce ne sont pas celles"),
        *("10.3", "Exercice de crise réalisé", " ".join(report["content_sha256"][n : n + 8] for n in (0, 8))),
    ):
        assert said in text, said
    await made(cast, language="en")
    listed = await cast.pia.get(f"/v1/practices/{cast.cedar}/reports", params={"limit": 1})
    assert [each["number"] for each in listed["items"]] == ["2026-11-0002"]
    rest = await cast.pia.get(f"/v1/practices/{cast.cedar}/reports", params={"cursor": listed["next_cursor"]})
    assert rest["items"] == [report]
    assert await cast.pia.get(f"/v1/reports/{report['id']}") == report
    events = await cast.pia.get(f"/v1/practices/{cast.cedar}/changes", params={"limit": 1})
    assert events["items"][0]["kind"] == "report.issued"
    assert events["items"][0]["payload"]["number"] == "2026-11-0002"
    entry = (await fetch(database, "SELECT * FROM audit_entry WHERE object_id = :id", id=report["id"]))[0]
    assert (entry["action"], entry["outcome"]) == ("report.issue", "done")
    assert entry["details"]["sha256"].replace(":", "") == report["sha256"]
    assert entry["details"]["number"] == "2026-11-0001"


async def test_a_report_in_english_has_no_french_left(cast: Cast) -> None:
    _, pdf = await made(cast, language="en")
    text = text_of(pdf)
    for said in (
        "Report No. 2026-11-0001",
        "IT security of the practice",
        "The ten rules",
        "state as of 17\u00a0November",
    ):
        assert said in text, said
    for french in ("Rapport", "règle", "cabinet", "jusqu", "conforme", "Aucun", "Concerne"):
        assert french not in text, french


async def test_hostile_names_are_printed_as_text(cast: Cast) -> None:
    practice = await cast.pia.practice((HOSTILE * 5)[:500].strip())
    _, pdf = await made(cast, practice)
    text = text_of(pdf)
    assert "<script>alert(1)</script> #$*_@`" in text
    assert "\u202e" not in text


async def test_the_latest_state_is_made_once_in_ten_minutes(cast: Cast) -> None:
    path, paz = f"/v1/practices/{cast.cedar}/report.pdf", await cast.paz()
    first = await paz.call("GET", path)
    assert (first.status_code, first.headers["content-type"]) == (200, "application/pdf")
    assert first.headers["content-disposition"] == 'attachment; filename="vigie-rapport-2026-11-0001.pdf"'
    cast.clock.advance(timedelta(minutes=10))
    again = await paz.call("GET", path)
    assert again.content == first.content
    tag = first.headers["etag"]
    assert (await paz.call("GET", path, headers={"If-None-Match": tag})).status_code == 304
    other = await paz.call("GET", path, params={"language": "en"})
    assert other.headers["content-disposition"] == 'attachment; filename="vigie-report-2026-11-0002.pdf"'
    cast.clock.advance(timedelta(seconds=1))
    later = await paz.call("GET", path)
    assert later.headers["content-disposition"] == 'attachment; filename="vigie-rapport-2026-11-0003.pdf"'
    assert (await verdict(cast, code_in(first.content), first.content))["valid"] is True


async def test_the_same_key_makes_one_report(cast: Cast) -> None:
    path, key = f"/v1/practices/{cast.cedar}/reports", {"Idempotency-Key": "november"}
    first = await cast.pia.call("POST", path, json={}, headers=key)
    again = await cast.pia.call("POST", path, json={}, headers=key)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    other = await cast.pia.call("POST", path, json={"language": "en"}, headers=key)
    assert other.json()["code"] == "request.idempotency_conflict"
    assert len((await cast.pia.get(path))["items"]) == 1


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"period_from": "2026-11-18"}, (422, "report.period")),  # tomorrow
        ({"period_from": "2026-11-17"}, None),
        ({"period_to": "2026-11-18"}, (422, "report.period")),
        ({"period_from": "2026-11-16", "period_to": "2026-11-15"}, (422, "report.period")),
        ({"period_from": "2025-10-17"}, (422, "report.period")),  # 397 days
        ({"period_from": "2025-10-18"}, None),
        ({"period": "2026"}, (422, "request.invalid")),
        ({"language": "de"}, (422, "request.invalid")),
    ],
)
async def test_a_period_has_to_be_possible(cast: Cast, asked: dict[str, str], refusal: tuple[int, str] | None) -> None:
    path = f"/v1/practices/{cast.cedar}/reports"
    if refusal is None:
        await cast.pia.post(path, asked)
    else:
        assert await refused(cast.pia, "POST", path, asked) == refusal


async def test_an_archived_practice_keeps_its_reports_and_gets_no_more(cast: Cast) -> None:
    report, pdf = await made(cast, cast.elm)
    assert (await cast.pia.call("DELETE", f"/v1/practices/{cast.elm}")).status_code == 204
    path = f"/v1/practices/{cast.elm}/reports"
    assert await refused(cast.pia, "POST", path, {}) == (409, "practice.archived")
    assert (await cast.pia.get(path))["items"] == [report]
    assert (await verdict(cast, code_in(pdf), pdf))["valid"] is True


async def test_a_valid_report_says_its_number_and_date_and_nothing_else(cast: Cast) -> None:
    report, pdf = await made(cast)
    code = code_in(pdf)
    known = {"valid": True, "number": report["number"], "issued_on": "2026-11-17"}
    assert await verdict(cast, code) == {**known, "checked": "record"}
    assert await verdict(cast, code, pdf) == {**known, "checked": "file"}
    cast.http.cookies.clear()
    for method, data in (("GET", None), ("POST", {"sha256": report["sha256"].upper()})):
        page = await cast.http.request(method, f"/verify/{code}", data=data, headers={"Accept": "text/html"})
        assert page.status_code == 200
        assert "<h1>Valide" in page.text
        assert report["number"] in page.text
        for hidden in ("Cedar", "Atlas", cast.cedar, cast.pia.provider_id, report["id"]):
            assert hidden not in page.text, hidden
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"


async def test_one_byte_changed_and_it_is_not_valid(cast: Cast) -> None:
    _, pdf = await made(cast)
    code = code_in(pdf)
    nothing = {"valid": False, "checked": "file", "number": None, "issued_on": None}
    for place in (0, len(pdf) // 2, len(pdf) - 1):
        altered = pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :]
        assert await verdict(cast, code, altered) == nothing
    assert await verdict(cast, code, pdf + b"\n") == nothing
    assert (await verdict(cast, code, pdf))["valid"] is True
    page = await cast.http.post(f"/verify/{code}", data={"sha256": "0" * 64}, headers={"Accept": "text/html"})
    assert "<h1>Non valide</h1>" in page.text
    english = await cast.http.post(
        f"/verify/{code}", data={"sha256": "0" * 64}, headers={"Accept": "text/html", "Accept-Language": "en"}
    )
    assert "<h1>Not valid</h1>" in english.text


TAMPERING = {
    "the entry is removed": "DELETE FROM audit_entry WHERE number = :number",
    "its digest is changed": (
        "UPDATE audit_entry SET details = jsonb_set(details, '{sha256}', '\"00000000\"') WHERE number = :number"
    ),
    "it speaks of another report": "UPDATE audit_entry SET object_id = 'x' WHERE number = :number",
    "it was refused": "UPDATE audit_entry SET outcome = 'refused' WHERE number = :number",
    "its instant is changed": "UPDATE audit_entry SET at = at + interval '1 second' WHERE number = :number",
    "its hash is changed": "UPDATE audit_entry SET hash = sha256(hash) WHERE number = :number",
    "the entry before is removed": "DELETE FROM audit_entry WHERE number = :number - 1",
    "the entry before is changed": "UPDATE audit_entry SET hash = sha256(hash) WHERE number = :number - 1",
    "the entry after remembers another": "UPDATE audit_entry SET previous_hash = sha256(hash) WHERE number = :number + 1",
    "the entry after is removed": "DELETE FROM audit_entry WHERE number = :number + 1",
    "the file on record is changed": "UPDATE report SET content = content || ' '::bytea, size = size + 1",
}
UNDO = (
    *("DELETE FROM audit_entry", "INSERT INTO audit_entry SELECT * FROM kept_audit"),
    "UPDATE report r SET content = k.content, size = k.size FROM kept_report k WHERE r.id = k.id",
)


async def test_without_its_entry_in_the_audit_it_is_not_valid(cast: Cast, database: Database) -> None:
    report, pdf = await made(cast)
    await made(cast, cast.elm)  # so that the chain goes on
    code, nothing = code_in(pdf), {"valid": False, "number": None, "issued_on": None}
    number = (await fetch(database, "SELECT number FROM audit_entry WHERE object_id = :id", id=report["id"]))[0][
        "number"
    ]
    for table in ("audit_entry", "report"):
        await execute(database, f"CREATE TABLE kept_{table.partition('_')[0]} AS SELECT * FROM {table}")  # noqa: S608
    try:
        for how, statement in TAMPERING.items():
            assert (await verdict(cast, code, pdf))["valid"] is True, how
            await execute(database, statement, **({"number": number} if ":number" in statement else {}))
            assert await verdict(cast, code, pdf) == {**nothing, "checked": "file"}, how
            assert await verdict(cast, code) == {**nothing, "checked": "record"}, how
            for undo in UNDO:
                await execute(database, undo)
    finally:
        await execute(database, "DROP TABLE kept_audit, kept_report")


async def test_an_entry_whose_hash_was_computed_anew_betrays_itself(cast: Cast, database: Database) -> None:
    """A digest written into the last entry, hash and all, is noticed by the head; in an earlier one, by the entry after it."""
    report, pdf = await made(cast)
    altered = pdf + b"\n"
    entry = (await fetch(database, "SELECT * FROM audit_entry WHERE object_id = :id", id=report["id"]))[0]
    digest = hashlib.sha256(altered).digest()
    details = {**entry["details"], "sha256": digest_text(digest), "size": len(altered)}
    forged = entry_hash(entry["previous_hash"], fields_of({**entry, "details": details}))
    await execute(
        database,
        "UPDATE audit_entry SET details = :details, hash = :hash WHERE number = :number",
        details=details, hash=forged, number=entry["number"],
    )  # fmt: skip
    await execute(
        database,
        "UPDATE report SET content = :content, size = :size, sha256 = :digest WHERE id = :id",
        content=altered, size=len(altered), digest=digest, id=UUID(report["id"]),
    )  # fmt: skip
    assert (await verdict(cast, code_in(pdf), altered))["valid"] is False
    await execute(
        database,
        "UPDATE audit_head SET last_hash = :hash WHERE provider_id = :id",
        hash=forged,
        id=UUID(cast.pia.provider_id),
    )
    assert (await verdict(cast, code_in(pdf), altered))["valid"] is True  # whoever writes everything anew is believed


@pytest.mark.parametrize("code", ["x", "A" * 43, "é" * 43, "A" * 44, "../../etc/passwd", "%00"])
async def test_what_is_no_code_of_ours_is_not_valid(cast: Cast, code: str) -> None:
    answer = await cast.http.get(f"/verify/{code}")
    if answer.status_code != 404:  # a path with more parts leads nowhere
        assert answer.json() == {"valid": False, "checked": "record", "number": None, "issued_on": None}


async def test_another_code_of_the_same_provider_leads_nowhere(cast: Cast) -> None:
    _, pdf = await made(cast)
    code = code_in(pdf)
    other = code[:-2] + ("AA" if code[-2:] != "AA" else "BA")
    assert (await verdict(cast, other, pdf))["valid"] is False
    assert (await verdict(cast, code, pdf))["valid"] is True


async def test_what_is_no_digest_is_refused(cast: Cast) -> None:
    _, pdf = await made(cast)
    wrong: list[Any] = [{"sha256": "abc"}, {"sha256": 1}, {"sha256": "0" * 64, "more": 1}, []]
    for body in wrong:
        answer = await cast.http.post(f"/verify/{code_in(pdf)}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")


async def test_asking_counts_as_a_step_of_signing_in_does(cast: Cast) -> None:
    first, second = [await cast.http.get("/verify/x") for _ in range(2)]
    left = [int(re.findall(r'"sign-in-address";r=(\d+)', answer.headers["ratelimit"])[0]) for answer in (first, second)]
    assert left[1] == left[0] - 1


async def test_the_logo_is_printed_and_checked(cast: Cast) -> None:
    ana, path = await cast.ana(), "/v1/provider/logo.png"
    assert await refused(ana, "GET", path) == (404, "not_found")
    _, without = await made(cast)
    answer = await ana.call("PUT", path, content=PNG, headers={"Content-Type": "image/png"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["width"], answer.json()["height"]) == (8, 4)
    kept = await ana.call("GET", path)
    assert kept.headers["content-type"] == "image/png"
    assert b"tEXt" in PNG
    assert b"tEXt" not in kept.content  # nothing but the picture
    _, printed = await made(cast)
    assert len(PdfReader(io.BytesIO(printed)).pages[0].images) > len(PdfReader(io.BytesIO(without)).pages[0].images)
    for wrong in (
        b"",
        b"GIF89a",
        PNG[:-5],
        PNG[:60] + b"x" + PNG[61:],
        b"\x89PNG\r\n\x1a\n",
        png(2001, 1),
        png(depth=16),
        png(interlaced=1),
        png(rows=5),
    ):
        answer = await ana.call("PUT", path, content=wrong, headers={"Content-Type": "image/png"})
        assert (answer.status_code, answer.json()["code"]) == (422, "provider.logo_refused"), wrong
    assert (await ana.call("DELETE", path)).status_code == 204
    assert await refused(ana, "GET", path) == (404, "not_found")
