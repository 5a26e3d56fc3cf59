"""Reports on screen: issued ones, making one, when they come by themselves; for whoever sees the practice."""

from tests.support.cast import Cast
from tests.support.pages import forms, page, read, read_english


async def test_reports_are_listed_and_made_by_whoever_may_and_shown_to_nobody_else(cast: Cast) -> None:
    ana, ivo, paz, tom, bea = await cast.ana(), await cast.ivo(), await cast.paz(), await cast.tom(), await cast.bea()
    here = f"/practices/{cast.cedar}/reports"
    make, own, general = f"POST /v1{here}", f"PUT /v1/practices/{cast.cedar}/report-schedule", "PUT /v1/report-schedule"
    assert "Aucun rapport n'a encore été émis." in await read(paz, here)
    assert "Rien n'est décidé." in await read(ana, here)
    made = await paz.post(f"/v1{here}", {})
    for person, offered in (
        (ana, {make, own, general}),
        (ivo, set()),
        (paz, {make}),
        (tom, {make}),  # who sees some practices only decides nothing for the months to come
    ):
        shown = await page(person, here)
        assert made["number"] in shown.text, person.name
        assert f'href="/v1/reports/{made["id"]}/pdf"' in shown.text
        assert forms(shown.text) == offered, person.name
        assert "Elm" not in shown.text
    answer = await ana.call("PUT", "/v1/report-schedule", json={"day": 5, "members": [ana.member_id]})
    assert answer.status_code == 200, answer.text
    assert "Ce cabinet suit la règle de tous les cabinets. Le 5 de chaque mois, à 8 h du matin" in await read(ana, here)
    answer = await ana.call("PUT", f"/v1/practices/{cast.cedar}/report-schedule", json={"enabled": False})
    assert answer.status_code == 200, answer.text
    assert "Aucun rapport n'est fait de lui-même." in await read(paz, here)
    await read_english(ana, here)
    await read_english(paz, here)
    for person, path in ((bea, here), (tom, here.replace(cast.cedar, cast.elm))):
        assert (await page(person, path)).status_code == 404
