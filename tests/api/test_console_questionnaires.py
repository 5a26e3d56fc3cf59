"""Questionnaires on screen: begun and answered by the provider, signed by both, read by whoever sees the practice."""

from tests.support.cast import Cast
from tests.support.pages import forms, page, read, read_english
from tests.support.questionnaires import begin
from vigie.core.db import Database


async def test_a_questionnaire_is_answered_signed_by_both_and_shown_with_its_fingerprint(
    cast: Cast, database: Database
) -> None:
    ana, paz, zoe, tom, bea = await cast.ana(), await cast.paz(), await cast.zoe(), await cast.tom(), await cast.bea()
    here = f"/practices/{cast.cedar}/questionnaires"
    assert "Aucun fournisseur n'est encore listé" in await read(paz, here)
    form = await begin(cast, database, ana, kind=2)
    one = f"{here}/{form.id}"
    listed = await page(ana, here)
    assert "À compléter" in listed.text
    assert f"POST /v1{here}" in forms(listed.text)  # the other kinds that concern this supplier
    assert f"POST /v1{here}" not in forms((await page(paz, here)).text)
    fields = forms((await page(ana, one)).text)
    assert fields == {f"PUT /v1{one}/answers", f"POST /v1{one}/refresh"}  # nothing to sign while answers are missing
    await form.fill()
    ready = await page(ana, one)
    assert f"POST /v1{one}/sign" in forms(ready.text)
    assert f"POST /v1{one}/sign" not in forms((await page(paz, one)).text)
    assert (await form.sign(ana)).status_code == 200
    assert "Un attend votre signature." in await read(paz, "/my-practice")
    digest = (await form.read())["content_hash"]
    for person, signs in ((paz, True), (zoe, False), (tom, False), (ana, False)):
        shown = await page(person, one)
        assert (f"POST /v1{one}/sign" in forms(shown.text)) == signs, person.name
        assert digest in shown.text
    assert (await form.sign(paz)).status_code == 200
    signed = await read(zoe, one)
    for said in ("Ana , pour le fournisseur", "Dr Paz , pour le cabinet", "identité vérifiée par psc", "Signé"):
        assert said.replace(" ,", ",") in signed, said
    assert "1 signé" in await read(paz, "/my-practice") or "1 signés sur" in await read(paz, "/my-practice")
    for path in (here, one):
        await read_english(paz, path)
        await read_english(ana, path)
    for person, path in ((bea, here), (bea, one), (tom, here.replace(cast.cedar, cast.elm))):
        assert (await page(person, path)).status_code == 404, path
