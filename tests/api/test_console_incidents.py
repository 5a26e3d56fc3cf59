"""Incidents on screen: declared, worked on while two clocks run, closed; and never shown to whoever does not see the practice."""

from datetime import timedelta

import pytest

from tests.support.cast import Cast
from tests.support.pages import HOSTILE, forms, page, read, read_english
from vigie.console.incidents import ticks
from vigie.core.clock import wire_time


@pytest.mark.parametrize(
    ("hours", "gone"), [(-5, 0), (0, 0), (0.99, 0), (1, 1), (24, 24), (71.5, 71), (72, 72), (500, 72)]
)
def test_a_clock_has_a_tick_an_hour(hours: float, gone: int) -> None:
    drawn = ticks(timedelta(hours=hours))
    assert (drawn["gone"].count("M"), drawn["todo"].count("M")) == (gone, 72 - gone)
    assert (drawn["gone"] + drawn["todo"]).count(" 0h5v20h-5z") == 3  # the first hour of each day stands out


async def test_an_incident_is_declared_worked_on_and_closed(cast: Cast) -> None:
    paz, ana, ivo = await cast.paz(), await cast.ana(), await cast.ivo()
    form = await page(paz, "/incidents/declare")
    assert forms(form.text) == {"POST /v1/incidents"}
    assert cast.cedar in form.text
    assert "Aucun incident en cours." in await read(paz, "/incidents")
    known = wire_time(cast.clock.now() - timedelta(hours=3))
    declared = {"practice_id": cast.cedar, "kind": "ransomware", "known_at": known, "description": HOSTILE}
    made = await paz.post("/v1/incidents", declared)
    here, api = f"/incidents/{made['id']}", f"POST /v1/incidents/{made['id']}"
    assert "Plainte CNIL Étapes Rançongiciel Cedar" in await read(ana, "/incidents")
    first = await page(ana, here)
    said = await read(ana, here)
    for text in ("Incident : rançongiciel", "69 h 00 restantes", "0 faite sur", "Main courante"):
        assert text in said, text
    assert {f"{api}/log", f"{api}/notified", f"{api}/freeze", f"{api}/steps/disconnect"} <= forms(first.text)
    assert f"{api}/steps/complaint" not in forms(first.text)  # its clock says it
    assert f"{api}/close" not in forms(first.text)
    assert forms((await page(ivo, here)).text) == set()
    await paz.post(f"/v1{here}/steps/disconnect", {"done": True})
    await ana.post(f"/v1{here}/log", {"text": "Photos <b>reçues</b>"})
    await paz.post(f"/v1{here}/notified", {"clock": "complaint", "reference": "2026/4471"})
    await paz.post(
        f"/v1{here}/notified", {"clock": "cnil", "outcome": "not_required", "reason": "Aucune donnée touchée"}
    )
    then = await page(ana, here)
    assert f"{api}/close" in forms(then.text)
    said = await read(ana, here)
    for text in ("Plainte déposée", "2026/4471", "Aucune notification n'est due", "Photos &lt;b&gt;", "3 faites sur"):
        assert text in said, text
    assert "restantes" not in said
    await ana.post(f"/v1{here}/freeze")
    await ana.post(f"/v1{here}/close", {"lessons": "Débrancher le disque chaque soir"})
    closed = await page(paz, here)
    assert forms(closed.text) == set()
    assert f"/v1{here}/evidence" in closed.text
    assert "Débrancher le disque chaque soir" in closed.text
    await read_english(ana, "/incidents")
    assert "Incident: ransomware" in await read(ana, here, "en")


async def test_whoever_does_not_see_a_practice_never_meets_its_incident(cast: Cast) -> None:
    ana, tom, paz, bea = await cast.ana(), await cast.tom(), await cast.paz(), await cast.bea()
    elm = await ana.post("/v1/incidents", {"practice_id": cast.elm, "kind": "phishing"})
    assert "1 incident en cours." in await read(ana, "/incidents")
    for person in (tom, paz, bea):
        said = await read(person, "/incidents")
        assert "0 incident en cours." in said
        assert "Elm" not in said
        answer = await page(person, f"/incidents/{elm['id']}")
        assert answer.status_code == 404
        assert "Elm" not in answer.text
    assert (await page(tom, f"/incidents/declare?practice={cast.elm}")).status_code == 404
    choice = await read(tom, "/incidents/declare?q=e")
    assert "Elm" not in choice
    assert "Cedar" in await read(tom, "/incidents/declare?q=ced")
    assert forms((await page(tom, f"/incidents/declare?practice={cast.cedar}")).text) == {"POST /v1/incidents"}
    ivo = await cast.ivo()
    assert forms((await page(ivo, f"/incidents/declare?practice={cast.cedar}")).text) == set()
