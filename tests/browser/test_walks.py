"""What people come for, done in a real browser: by a technician, an owner and a dentist."""

import asyncio
import hashlib
import os
import re
import stat
import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, Route, expect
from pypdf import PdfReader

from tests.browser.conftest import CLOCK, Furnished
from tests.support.agent import backup_section, job
from tests.support.chromium import PHONE, Window, window
from tests.support.guides import all_of, chapters, missing, names
from tests.support.house import PSC, STAFF

ANA, PAZ = (STAFF, "Ana Lopes"), (PSC, "Dr Camille Paz")
LONG_MS = 45_000  # for what a busy machine takes its time to do
# Answers every question of a questionnaire that is still open, as the page would: one by one takes a minute of clicks.
THE_OTHERS = """async (address) => {
  const { questions } = await (await window.vigie.request("GET", address)).json();
  const open = questions.filter((each) => each.lacks.length);
  const said = ({ parts }) => parts.includes("yes_no") ? { answer: "not_applicable", comment: "Sans objet" } : { text: "Personne" };
  const answers = open.map((each) => ({ question: each.id, ...said(each) }));
  return (await window.vigie.request("PUT", `${address}/answers`, { answers })).status;
}"""

pytestmark = pytest.mark.timeout(240)


def a_shell(folder: Path) -> dict[str, str]:
    """Return the surroundings of a technician's shell: our agent under its name, a state folder of its own, and we are root."""
    agent = Path(sys.executable).with_name("vigie-agent")
    programs = {
        "sudo": '#!/bin/sh\nexec "$@"\n',
        "vigie-agent": f'#!/bin/sh\nverb=$1\nshift\nexec {agent} "$verb" --state-dir {folder}/state "$@"\n',
    }
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(stat.S_IRWXU)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


async def test_a_practice_is_added_and_a_real_agent_answers(
    furnished: Furnished, chrome: Browser, tmp_path: Path
) -> None:
    async with window(chrome) as shown:
        page = shown.page
        await shown.sign_in(furnished.house.url, *ANA)
        await page.get_by_role("link", name="Ajouter un cabinet").click()
        name = page.get_by_label("Nom", exact=True)
        await name.evaluate("field => field.removeAttribute('maxlength')")
        await name.fill("Cabinet des Acacias" * 40)
        await page.get_by_role("button", name="Créer le cabinet et continuer").click()
        await expect(page.locator("#told-name")).to_have_text(re.compile(r"^Au plus 500 caractères\.$"))
        await name.fill("Cabinet des Acacias")
        await page.get_by_role("button", name="Créer le cabinet et continuer").click()
        await page.wait_for_url("**/install*")
        await page.get_by_text("Linux", exact=True).click()
        command = page.locator("#command-lin")
        await expect(command).to_contain_text("vigie-agent enrol", timeout=LONG_MS)
        await expect(page.get_by_text("En attente du poste")).to_be_visible(timeout=LONG_MS)
        typed = (await command.inner_text()).rpartition(" && ")[
            0
        ]  # what follows registers an hourly task with this machine
        assert typed.count("vigie-agent") == 2
        shell = await asyncio.create_subprocess_shell(typed, env=a_shell(tmp_path))
        assert await shell.wait() == 0
        await expect(page.locator("#waiting svg[data-s=ok]")).to_have_count(4, timeout=LONG_MS)
        await page.get_by_role("link", name="Ouvrir la fiche du cabinet").click()
        await expect(page.get_by_role("heading", name="Cabinet des Acacias")).to_be_visible()
        await expect(page.get_by_role("link", name="accueil-1").first).to_be_visible()
        assert [each for each in shown.wrongs if "422" not in each] == []  # the name that was too long


async def inbox(shown: Window, base: str, least: int) -> list[str]:
    """Go to the inbox once it holds so many alerts, which the worker opens by and by; return their ids in order."""
    rows = shown.page.locator(".mail > li[data-alert]")
    for _ in range(60):
        await shown.page.goto(f"{base}/alerts")
        if await rows.count() >= least:
            break
        await asyncio.sleep(1)
    return [str(each) for each in await rows.evaluate_all("all => all.map(row => row.dataset.alert)")]


async def test_an_alert_is_dealt_with_by_keyboard_and_another_tab_sees_it(
    furnished: Furnished, chrome: Browser
) -> None:
    async with window(chrome) as shown:
        page = shown.page
        await shown.sign_in(furnished.house.url, *ANA)
        first = (await inbox(shown, furnished.house.url, 2))[0]
        other = Window(await shown.context.new_page(), shown.context, shown.wrongs)
        other.watch()
        await other.page.goto(f"{furnished.house.url}/alerts/{first}")
        await page.bring_to_front()
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/alerts/{first}*")
        await page.keyboard.press("a")
        await expect(page.locator("#detail header")).to_contain_text("Prise en charge", timeout=LONG_MS)
        await page.keyboard.press("e")
        await page.keyboard.type("Disque remplacé, copie vérifiée")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#told")).to_contain_text("déclarée résolue", timeout=LONG_MS)
        await expect(page.locator("#detail")).not_to_have_attribute(
            "data-alert", first, timeout=LONG_MS
        )  # the next is open
        await other.page.bring_to_front()
        await expect(other.page.locator("#detail header")).to_contain_text("Résolue", timeout=LONG_MS)
        assert shown.wrongs == []


async def test_fast_keys_end_at_the_alert_they_came_to(furnished: Furnished, chrome: Browser) -> None:
    base, asked, held = furnished.house.url, list[str](), asyncio.Event()

    async def late(route: Route) -> None:
        asked.append(route.request.url.partition("?")[0].rpartition("/")[2])
        if len(asked) == 1:  # the first is answered when the last key was pressed
            await held.wait()
        await route.continue_()

    async with window(chrome) as shown:
        page, detail = shown.page, shown.page.locator("#detail")
        await shown.sign_in(base, *ANA)
        alerts = await inbox(shown, base, 3)
        await page.route("**/alerts/*?*", late)
        for key in ["j", "Enter"] * 8 + ["k", "Enter"] * 2:
            await page.keyboard.press(key)
        held.set()
        last = alerts[max(min(7, len(alerts) - 1) - 2, 0)]
        await expect(detail).to_have_attribute("data-alert", last, timeout=LONG_MS)
        await expect(page.locator(".mail [aria-current]")).to_have_attribute("href", re.compile(last))
        await page.wait_for_url(f"**/alerts/{last}*")
        assert len(asked) <= 2, asked  # those between were not asked for
        await page.locator(f"#m-{alerts[0]} a").focus()
        for key in "ajaja":  # A acts on the alert that has the focus, whatever is open
            await page.keyboard.press(key)
        for alert in alerts[:3]:
            await page.wait_for_function(
                "async (at) => (await (await fetch(at)).json()).status === 'acknowledged'",
                arg=f"/v1/alerts/{alert}",
                polling=250,
                timeout=LONG_MS,
            )
        await expect(detail).to_have_attribute("data-alert", alerts[2])
        await expect(page.locator(f"#m-{alerts[2]} a")).to_be_focused()
        assert shown.wrongs == []


async def test_a_dentist_answers_and_reads_their_page_on_a_phone(furnished: Furnished, chrome: Browser) -> None:
    async with window(chrome, viewport=PHONE, has_touch=True) as shown:
        page = shown.page
        await shown.sign_in(furnished.house.url, *PAZ)
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Bonjour")
        await page.get_by_role("link", name=re.compile("^Répondre à")).first.click()
        place = page.locator("#place")
        await expect(place).to_contain_text("Question 1 sur")
        question = await page.locator("#question").inner_text()
        await page.get_by_role("radio", name="Oui").check(force=True)
        await page.get_by_role("button", name="Enregistrer et continuer").click()
        await expect(page.locator("#question")).not_to_have_text(question, timeout=LONG_MS)
        await page.goto(f"{furnished.house.url}/my-practice/checklist")
        await expect(page.get_by_role("heading", name="Points de contrôle")).to_be_visible()
        assert shown.wrongs == []


async def prepare(page: Page, base: str, practice: UUID, seen: list[str]) -> str:
    """List the provider as a supplier, begin a questionnaire, answer and sign it; return where it stands."""
    await page.goto(f"{base}/practices/{practice}")
    await page.get_by_role("link", name="Questionnaires").first.click()
    await page.wait_for_url("**/questionnaires")
    seen.append(await all_of(page))
    await page.locator("details.adding", has_text="prestataire de ce cabinet").locator("summary").click()
    await page.get_by_label("Intervient à distance").check(force=True)
    await page.get_by_role("button", name="Ajouter à la liste").click()
    begin = page.get_by_role("button", name="Commencer : Maintenance à distance")
    await expect(begin).to_be_visible(timeout=LONG_MS)
    seen.append(await all_of(page))
    await begin.click()
    await page.wait_for_url(re.compile(r"/questionnaires/[0-9a-f-]{36}$"))
    here = page.url.removeprefix(base)
    first = page.locator("article.point", has=page.locator("input[value=not_applicable]")).first
    await first.locator("details summary").click()
    await first.get_by_label("Sans objet").check(force=True)
    await first.get_by_label("Commentaire").fill("Personne n'intervient à distance ici.")
    await first.get_by_role("button", name="Enregistrer").click()
    await expect(first.locator(".state").first).to_have_text("Sans objet", timeout=LONG_MS)
    assert await page.evaluate(THE_OTHERS, f"/v1{here}") == 200
    await page.reload()
    await sign(page)
    await expect(page.locator("#signatures")).to_contain_text("pour le fournisseur", timeout=LONG_MS)
    await expect(page.get_by_role("button", name="Signer")).to_have_count(0)  # the other party's turn
    return here


async def sign(page: Page) -> None:
    """Take the oath and sign."""
    await page.get_by_label("J’ai lu les réponses").check()  # noqa: RUF001 - as it stands on the page
    await page.get_by_role("button", name="Signer").click()


async def test_a_questionnaire_is_signed_by_both_and_a_second_tab_sees_it(
    furnished: Furnished, chrome: Browser
) -> None:
    base, practice = furnished.house.url, furnished.house.practices[0]
    async with window(chrome) as supplier, window(chrome, viewport=PHONE, has_touch=True) as dentist:
        desk, phone = supplier.page, dentist.page
        await supplier.sign_in(base, *ANA)
        seen: list[str] = []
        here = await prepare(desk, base, practice, seen)
        await dentist.sign_in(base, *PAZ)
        seen.append(await all_of(phone))
        await phone.get_by_role("link", name="Lire et signer").click()
        await phone.get_by_role("link", name="Maintenance à distance").click()
        second = Window(await dentist.context.new_page(), dentist.context, dentist.wrongs)
        second.watch()
        await second.page.goto(base + here)
        seen.append(await all_of(second.page))
        assert missing(names(chapters("dix-minutes-du-praticien")["4. Signer"]), " ".join(seen)) == []
        await second.page.evaluate("window.stays = true")
        await phone.bring_to_front()
        await phone.get_by_role("link", name="Aller à la signature").click()
        await phone.get_by_role("button", name="Signer").click()
        await expect(phone.locator("#signatures")).not_to_contain_text("pour le cabinet")  # not without the oath
        await sign(phone)
        await expect(phone.locator("#signatures")).to_contain_text("CAMILLE PAZ, pour le cabinet", timeout=LONG_MS)
        await expect(phone.locator("#signatures")).to_contain_text(re.compile(r"identité vérifiée par.*eidas1"))
        await expect(phone.locator("#q-head")).to_contain_text("Signé")
        digest = await phone.locator("#signatures .inset .hash code").inner_text()
        signed = await (await dentist.context.request.get(f"{base}/v1{here}/content")).body()
        assert hashlib.sha256(signed).hexdigest() == digest
        assert await phone.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        for other in (second.page, desk):
            await other.bring_to_front()
            await expect(other.locator("#signatures")).to_contain_text("pour le cabinet", timeout=LONG_MS)
            await expect(other.get_by_role("button", name="Signer")).to_have_count(0)
        assert await second.page.evaluate("window.stays")
        assert supplier.wrongs + dentist.wrongs == []


async def test_an_incident_is_declared_worked_on_and_closed(furnished: Furnished, chrome: Browser) -> None:
    async with window(chrome) as shown:
        page = shown.page
        await shown.sign_in(furnished.house.url, *PAZ)
        await page.get_by_role("link", name="Déclarer un incident").click()
        await page.get_by_role("radio", name=re.compile("Rançongiciel")).check(force=True)
        await page.get_by_role("button", name="Déclarer l’incident").click()  # noqa: RUF001 - as it stands on the page
        await page.wait_for_url(re.compile(r"/incidents/[0-9a-f-]{36}"))
        await expect(page.locator(".clock .left")).to_have_count(2)
        tick = page.locator(".todo-list [role=checkbox]").first
        await tick.click()
        await expect(page.locator(".todo-list [aria-checked=true]")).to_have_count(1, timeout=LONG_MS)
        await page.locator("#note").fill("Le poste de l'accueil affiche une demande de rançon.")
        await page.get_by_role("button", name="Consigner").click()
        await expect(page.locator("#log")).to_contain_text("demande de rançon", timeout=LONG_MS)
        await page.get_by_role("button", name="Geler les preuves").click()
        await expect(page.locator("#proof")).to_contain_text("SHA-256", timeout=LONG_MS)
        for clock in ("complaint", "cnil"):
            panel = page.locator(f"#clock-{clock}")
            await panel.locator("summary").nth(1).click()
            await panel.locator("textarea").fill("Exercice : rien n'est dû.")
            await panel.get_by_role("button", name="Noter la décision").click()
            await expect(panel.locator(".left.over")).to_be_visible(timeout=LONG_MS)
        await page.locator("#lessons").fill("Copie hors ligne à garder débranchée, équipe à former.")
        await page.get_by_role("button", name="Clore l’incident").click()  # noqa: RUF001 - as it stands on the page
        await expect(page.get_by_role("heading", name="Ce que l’on en retient")).to_be_visible(timeout=LONG_MS)  # noqa: RUF001
        assert shown.wrongs == []


async def test_a_report_is_made_downloaded_and_checked(furnished: Furnished, chrome: Browser, tmp_path: Path) -> None:
    practice = furnished.house.practices[1]
    async with window(chrome) as shown, window(chrome) as stranger:
        page = shown.page
        await shown.sign_in(furnished.house.url, *ANA)
        await page.goto(f"{furnished.house.url}/practices/{practice}/reports")
        await page.get_by_role("button", name="Faire le rapport").click()
        link = page.get_by_role("link", name=re.compile("^Télécharger")).nth(1)
        await expect(link).to_be_visible(timeout=LONG_MS)
        async with page.expect_download() as download:
            await link.click()
        await (await download.value).save_as(tmp_path / "report.pdf")
        content = (tmp_path / "report.pdf").read_bytes()
        address = verification(tmp_path / "report.pdf")
        (tmp_path / "altered.pdf").write_bytes(content[:-100] + bytes([content[-100] ^ 1]) + content[-99:])
        told = {}
        for name in ("report", "altered"):
            await stranger.page.goto(address)
            await stranger.page.locator("input[type=file]").set_input_files(tmp_path / f"{name}.pdf")
            verdict = "Valide : c’est bien le fichier émis" if name == "report" else "Non valide"  # noqa: RUF001
            await expect(stranger.page.get_by_role("heading", level=1)).to_have_text(
                re.compile(verdict.replace(" ", r"\s")), timeout=LONG_MS
            )
            told[name] = await stranger.page.inner_text("main")
        assert "Cabinet 1" not in told["report"] + told["altered"]  # nothing but valid or not, date and number
        assert shown.wrongs + stranger.wrongs == []


def verification(report: Path) -> str:
    """Return the public address that the code on a report leads to."""
    found = [
        str(note.get_object()["/A"]["/URI"])
        for sheet in PdfReader(report).pages
        for note in sheet.get("/Annots", ())
        if "/A" in note.get_object()
    ]
    return next(address for address in found if "/verify/" in address)


async def test_a_practice_is_chosen_by_searching(furnished: Furnished, chrome: Browser) -> None:
    async with window(chrome) as shown:
        page, choice = shown.page, shown.page.get_by_label("Pour", exact=True)
        await shown.sign_in(furnished.house.url, *ANA)
        await page.goto(f"{furnished.house.url}/settings/maintenance")
        search = page.get_by_role("searchbox", name="Trouver un cabinet")
        await search.fill("nulle part")
        await expect(choice.locator("option")).to_have_text(["tout le parc"])
        await expect(page.get_by_text("Aucun cabinet ne correspond.")).to_be_visible()
        await search.fill("cabinet 3")
        await expect(choice.locator("option")).to_have_text(["tout le parc", "Cabinet 3"])
        await choice.select_option("Cabinet 3")
        await search.fill("")
        await expect(choice.locator("option")).not_to_have_count(2)
        await expect(choice).to_have_value(str(furnished.house.practices[3]))  # what was chosen stays
        await search.press("Enter")
        await page.get_by_role("button", name="Choisir ce cabinet").click()
        await page.wait_for_url(f"**pour={furnished.house.practices[3]}")
        assert shown.wrongs == []


async def test_a_heartbeat_changes_the_fleet_without_reloading(furnished: Furnished, chrome: Browser) -> None:
    agent, practice = furnished.agents[4], furnished.house.practices[4]
    async with window(chrome) as shown:
        await shown.sign_in(furnished.house.url, *ANA)
        row = shown.page.locator(f"#p-{practice}")
        await expect(row).to_be_visible()
        await shown.page.evaluate("window.stays = true")
        await expect(shown.page.locator("#live")).not_to_have_attribute("data-live-state", "off")
        before = await row.inner_text()
        await agent.report({"backup": backup_section(CLOCK.now(), job(CLOCK.now() - timedelta(days=20)))})
        await expect(row).not_to_have_text(before, timeout=LONG_MS)
        assert await shown.page.evaluate("window.stays")
        assert shown.wrongs == []


async def test_a_session_that_ended_leads_to_the_sign_in_and_back(furnished: Furnished, chrome: Browser) -> None:
    base = furnished.house.url
    async with window(chrome) as shown:
        page = shown.page
        await shown.sign_in(base, *ANA)
        await page.goto(f"{base}/practices?overall=critical")
        await shown.context.clear_cookies()
        await page.get_by_role("link", name="Alertes").click()
        await page.wait_for_url("**/auth/login?return_to=/alerts")
        await page.get_by_role("link", name=STAFF).click()
        await page.get_by_role("button", name="Ana Lopes").first.click()
        await page.wait_for_url(f"{base}/alerts")
        await page.goto(f"{base}/add-practice")
        await shown.context.clear_cookies()
        await page.get_by_label("Nom", exact=True).fill("Ne sera pas créé")
        await page.get_by_role("button", name="Créer le cabinet et continuer").click()
        await page.wait_for_url("**/auth/login?return_to=*")
        assert all("401" in each for each in shown.wrongs)


async def test_an_auditor_reads_everything_and_is_offered_no_change(furnished: Furnished, chrome: Browser) -> None:
    base = furnished.house.url
    async with window(chrome) as shown:
        await shown.sign_in(base, STAFF, "Inès Duval")
        await expect(shown.page.locator(f"#p-{furnished.house.practices[6]}")).to_be_visible()
        for path in (f"/practices/{furnished.house.practices[0]}", "/alerts", "/settings/audit"):
            answer = await shown.page.goto(base + path)
            assert answer is not None
            assert answer.status == 200, path
            forms = await shown.page.eval_on_selector_all("[data-api]", "all => all.map(form => form.dataset.api)")
            assert forms == [], path
        await shown.page.goto(f"{base}/add-practice")
        await expect(shown.page.get_by_text("Votre rôle permet de lire")).to_be_visible()
        assert shown.wrongs == []
