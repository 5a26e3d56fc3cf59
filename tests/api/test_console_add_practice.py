"""Adding a practice: who may, and the lines that say how far its first device has come."""

from tests.api.test_console_practice import page, shown
from tests.support.agent import healthy
from tests.support.cast import Cast


async def test_who_sees_all_practices_may_add_one(cast: Cast) -> None:
    ana, tom, ivo, paz = await cast.ana(), await cast.tom(), await cast.ivo(), await cast.paz()
    assert "Créer le cabinet et continuer" in await shown(ana, "/add-practice")
    assert "Create the practice and go on" in await shown(ana, "/add-practice", "en")
    assert "Vous suivez certains cabinets seulement" in await shown(tom, "/add-practice")
    assert "Votre rôle permet de lire" in await shown(ivo, "/add-practice")
    assert (await page(paz, "/add-practice")).headers["location"] == "/my-practice"


async def test_who_may_add_one_may_import_a_list(cast: Cast) -> None:
    ana, tom, ivo, paz = await cast.ana(), await cast.tom(), await cast.ivo(), await cast.paz()
    assert 'href="/add-practice/import"' in (await page(ana, "/add-practice")).text
    assert 'href="/add-practice/import"' not in (await page(tom, "/add-practice")).text
    here = "/add-practice/import"
    assert "Fichier CSV" in await shown(ana, here)
    assert "CSV file" in await shown(ana, here, "en")
    assert "Vous suivez certains cabinets seulement" in await shown(tom, here)
    assert 'type="file"' not in (await page(ivo, here)).text
    assert (await page(paz, here)).headers["location"] == "/my-practice"


async def test_the_lines_follow_a_device_from_its_code_to_its_first_verdict(cast: Cast) -> None:
    ana, ivo, tom = await cast.ana(), await cast.ivo(), await cast.tom()
    here = f"/practices/{cast.elm}/install"
    assert "Code d'installation créé" not in await shown(ana, here)
    made = await ana.post(f"/v1/practices/{cast.elm}/enrolment-tokens", {"use_limit": 2, "needs_approval": True})
    here += f"?token={made['id']}"
    waiting = await shown(ana, here)
    assert "0 utilisé sur 2" in waiting
    assert "En attente du poste" in waiting
    assert made["token"] not in (await page(ana, here)).text
    agent = cast.agent()
    assert (await agent.enrol(made["token"], alias="accueil-1")).status_code == 201
    joined = await shown(ana, here)
    assert "Poste inscrit : accueil-1" in joined
    assert "Ce poste attend votre approbation Approuver" in joined
    reading = await shown(ivo, here)
    assert "Ce poste attend votre approbation" in reading
    assert "Approuver" not in reading.replace("approbation", "")
    await ana.post(f"/v1/devices/{agent.device_id}/approve")
    assert "En attente de la première remontée" in await shown(ana, here)
    await agent.report(healthy(cast.clock.now()))
    green = await shown(ana, here)
    assert "Première remontée reçue" in green
    assert "points examinés sur ce poste" in green
    assert "data-waiting" not in (await page(ana, here)).text
    assert "First report received" in await shown(ana, here, "en")
    assert (await page(tom, here)).status_code == 404
