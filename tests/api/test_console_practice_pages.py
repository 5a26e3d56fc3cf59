"""The pages beside a practice's overview: its log, hours, exceptions, contacts and contracts, details and codes."""

from datetime import timedelta

import pytest

from tests.api.test_console_practice import HOSTILE, page, shown
from tests.support.cast import Cast

PARTS = ("log", "hours", "exceptions", "contacts", "settings", "install")


async def test_each_part_says_what_is_on_record_in_both_languages(cast: Cast) -> None:
    ana, ivo = await cast.ana(), await cast.ivo()
    here, api = f"/practices/{cast.cedar}", f"/v1/practices/{cast.cedar}"
    for part in PARTS:  # nothing is on record yet
        await shown(ana, f"{here}/{part}", "en")
    assert "Rien n'est renseigné" in await shown(ana, f"{here}/hours")
    now = cast.clock.now()
    weekly = {"tuesday": [{"from": "08:30", "to": "12:30"}]}
    closed = [{"first": "2026-11-24", "last": "2026-11-24", "label": "Inventaire <b>"}]
    await ana.call("PUT", f"{api}/opening-hours", json={"weekly": weekly, "closures": closed})
    contact = {"kind": "it_provider", "name": HOSTILE[:110], "phone": "+33 1 23 45 67 89"}
    await ana.call("PUT", f"{api}/contacts", json={"contacts": [contact]})
    supplier = await ana.post(f"{api}/suppliers", {"name": "Hébergeur Sûr", "kind": "host", "services": ["remote"]})
    terms = {"supplier_id": supplier["id"], "subject": "Sauvegarde externe", "ends_on": "2027-06-30"}
    await ana.post(f"{api}/contracts", terms)
    tested = {"tested_on": "2026-11-02", "scope": "Base du logiciel", "result": "success", "tested_by": "Ana"}
    await ana.post(f"{api}/restore-tests", tested)
    until = (now + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    asked = {"practice_id": cast.cedar, "control": "ANS-5.4", "reason": "Disque déposé à la banque", "ends_at": until}
    await ana.post("/v1/exceptions", asked)
    await ana.post(f"{api}/enrolment-tokens", {"label": HOSTILE[:60], "use_limit": 3})
    said = {
        "log": ("Ana a accepté une dérogation", "Ana a modifié un contrat", "Ana a changé les horaires d'ouverture"),
        "hours": ("congés", "Les deux semaines à venir"),
        "exceptions": ("Disque déposé à la banque", "tout le cabinet", "Mettre fin"),
        "contacts": ("3 contacts manquent", "Hébergeur Sûr", "Sauvegarde externe", "Base du logiciel", "réussi"),
        "settings": ("0 sur 3", "Révoquer", "Archiver le cabinet"),
    }
    for part, sentences in said.items():
        found = await shown(ana, f"{here}/{part}")
        for sentence in sentences:
            assert sentence in found, (part, sentence)
        await shown(ana, f"{here}/{part}", "en")
    hours = (await page(ana, f"{here}/hours")).text
    assert 'name="weekly.tuesday.0.from" value="08:30"' in hours
    assert "Inventaire &lt;b&gt;" in hours
    assert "Révoquer" not in await shown(ivo, f"{here}/settings")
    assert "Mettre fin" not in await shown(ivo, f"{here}/exceptions")


@pytest.mark.parametrize("part", PARTS)
async def test_nobody_opens_a_part_of_a_practice_they_do_not_see(cast: Cast, part: str) -> None:
    tom, bea, paz = await cast.tom(), await cast.bea(), await cast.paz()
    assert "Elm" not in await shown(tom, f"/practices/{cast.cedar}/{part}")
    for person, practice in ((tom, cast.elm), (bea, cast.cedar)):
        answer = await page(person, f"/practices/{practice}/{part}")
        assert answer.status_code == 404
        assert "Elm" not in answer.text
        assert "Cedar" not in answer.text
    sent = await page(paz, f"/practices/{cast.cedar}/{part}")
    assert sent.status_code == 303
    assert sent.headers["location"].startswith("/my-practice")
