"""What a practice's people read: three lights, who acts, what only they can do; and how they answer question after question."""

from datetime import timedelta

from tests.support.agent import backup_section, healthy, job
from tests.support.cast import Cast
from tests.support.pages import HOSTILE, forms, page, read, read_english
from vigie.core.clock import wire_time

CONTACTS = [
    {"kind": "it_provider", "name": "Atlas <b>", "phone": "01 99 00 42 17"},
    {"kind": "insurer", "name": "Assureur", "phone": "01 99 00 11 22", "policy_number": "CY-1"},
    {"kind": "referent", "name": "Paz", "phone": "06 99 00 00 01"},
    {"kind": "backup_custodian", "name": "Zoe", "phone": "06 99 00 00 02"},
]


async def test_a_practitioner_reads_who_acts_and_what_is_theirs_to_do(cast: Cast) -> None:
    ana, paz, zoe = await cast.ana(), await cast.paz(), await cast.zoe()
    await cast.pia.call("PATCH", f"/v1/practices/{cast.cedar}", json={"name": HOSTILE})
    now = cast.clock.now()
    agent = await cast.device(alias="accueil-1")
    failing = backup_section(now, job(now, target="usb", offsite="no"))
    await agent.report({**healthy(now), "backup": failing})
    first = await read(paz, "/my-practice")
    for said in (
        "Bonjour Dr Paz.",
        "&lt;script&gt;alert('x')&lt;/script&gt;",
        "Mises à jour Tout va bien Les mises à jour de sécurité sont installées sur tous les postes vus.",
        "Sauvegardes Problème",
        "Vos réponses manquent",
        "questions ne peuvent être tranchées que par vous",
        "Il manque 4 contacts à appeler en cas d'attaque.",
        "Aucun questionnaire n'est commencé.",
        "Son numéro d'urgence n'est pas encore noté ici",
    ):
        assert said in first, said
    assert "Elm" not in first
    await read_english(paz, "/my-practice")
    starts, ends = (wire_time(now + timedelta(hours=hours)) for hours in (30, 32))
    window = {"practice_id": cast.cedar, "starts_at": starts, "ends_at": ends, "reason": "Changer le disque <i>"}
    await ana.post("/v1/maintenance-windows", window)
    put = await zoe.call("PUT", f"/v1/practices/{cast.cedar}/contacts", json={"contacts": CONTACTS})
    assert put.status_code == 200, put.text
    then = await page(paz, "/my-practice")
    assert 'href="tel:0199004217"' in then.text
    said = await read(zoe, "/my-practice")
    assert "Intervention prévue" in said
    assert "Changer le disque &lt;i&gt;" in said
    assert "Confirmer les contacts de la fiche réflexe" in said
    assert "Compléter la fiche réflexe" not in said
    contacts = await page(zoe, "/my-practice/contacts")
    assert forms(contacts.text) == {
        f"PUT /v1/practices/{cast.cedar}/contacts",
        f"POST /v1/practices/{cast.cedar}/contacts/confirm",
    }
    assert "Atlas &lt;b&gt;" in contacts.text
    await read_english(paz, "/my-practice/contacts")
    for path in ("/my-practice", "/my-practice/checklist", "/my-practice/questions", "/my-practice/contacts"):
        sent = await page(ana, path)
        assert (sent.status_code, sent.headers["location"]) == (303, "/practices"), path


async def test_questions_come_one_after_the_other_and_an_answer_leads_to_the_next(cast: Cast) -> None:
    paz, ivo = await cast.paz(), await cast.ivo()
    here = f"/v1/practices/{cast.cedar}/checklist"
    first = await page(paz, "/my-practice/questions?of=31")
    assert "Question 1 sur 31" in await read(paz, "/my-practice/questions?of=31")
    assert forms(first.text) == {f"PUT {here}/ANS-1.1"}
    assert 'data-then="/my-practice/questions?of=31&amp;n=2&amp;after=ANS-1.1"' in first.text
    answer = await paz.call("PUT", f"{here}/ANS-1.1", json={"answer": "yes"})
    assert answer.status_code == 200, answer.text
    following = await page(paz, "/my-practice/questions?of=31&n=2&after=ANS-1.1")
    assert forms(following.text) == {f"PUT {here}/ANS-1.2"}
    skipped = await page(paz, "/my-practice/questions?of=31&n=3&after=ANS-1.2")
    assert forms(skipped.text) == {f"PUT {here}/ANS-1.3"}
    await read_english(paz, "/my-practice/questions?of=31&n=3&after=ANS-1.2")
    odd = await page(paz, "/my-practice/questions?of=x&n=-4&after=<b>")
    assert forms(odd.text) == {f"PUT {here}/ANS-1.2"}
    last = await read(paz, "/my-practice/questions?of=31&n=32&after=ANS-10.3")
    assert "Vous avez tout parcouru" in last
    assert "questions restent ouvertes" in last
    assert (await page(ivo, "/my-practice/questions")).headers["location"] == "/practices"


async def test_each_side_answers_its_own_points_and_sees_those_of_the_other(cast: Cast) -> None:
    ana, ivo, paz, tom, bea = (
        await cast.ana(),
        await cast.ivo(),
        await cast.paz(),
        await cast.tom(),
        await cast.bea(),
    )
    here, api = f"/practices/{cast.cedar}/checklist", f"PUT /v1/practices/{cast.cedar}/checklist"
    assert forms((await page(ana, f"{here}?rule=1")).text) == {f"{api}/ANS-1.6"}
    own = forms((await page(paz, "/my-practice/checklist?rule=1")).text)
    assert own == {f"{api}/ANS-1.{number}" for number in range(1, 5)}
    assert forms((await page(ivo, f"{here}?rule=1")).text) == set()
    asked = forms((await page(ana, f"{here}?show=asked")).text)
    assert f"{api}/ANS-1.6" in asked
    assert not own & asked
    said_no = await paz.call(
        "PUT", f"/v1/practices/{cast.cedar}/checklist/ANS-1.2", json={"answer": "no", "reason": "Écran visible <u>"}
    )
    assert said_no.status_code == 200, said_no.text
    failing = await read(tom, f"{here}?show=failing")
    assert "Matériel hors de portée du public" in failing
    assert "Écran visible &lt;u&gt;" in failing
    assert "Locaux fermés à clé" not in failing
    assert "Elm" not in failing
    await read_english(ana, f"{here}?rule=1", "Écran")
    await read_english(paz, "/my-practice/checklist?show=asked")
    sent = await page(paz, here)
    assert (sent.status_code, sent.headers["location"]) == (303, "/my-practice/checklist")
    for person, practice in ((tom, cast.elm), (bea, cast.cedar)):
        assert (await page(person, f"/practices/{practice}/checklist")).status_code == 404
