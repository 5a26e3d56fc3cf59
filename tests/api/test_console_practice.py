"""The page of a practice: what it says, to whom, and what it never says."""

import re

import httpx
import pytest

from tests.support.agent import backup_section, healthy, job, section
from tests.support.cast import Cast
from tests.support.people import Person
from vigie.console.journal import PLAIN
from vigie.events.kinds import KINDS

HOSTILE = "<script>alert('x')</script> \"عيادة\" 🦷 " + "W" * 70


UNREAD = {"code": "permission", "source": "defender", "detail": "0x80070005"}


async def page(person: Person, path: str, language: str = "fr") -> httpx.Response:
    """Return a page as a browser asks for it."""
    return await person.http.get(path, headers={"Accept": "text/html", "Accept-Language": language})


async def shown(person: Person, path: str, language: str = "fr") -> str:
    """Return the text of a page that is there, without its tags and with plain spaces."""
    answer = await page(person, path, language)
    assert answer.status_code == 200, (path, answer.status_code, answer.headers.get("location"))
    assert "<script>alert" not in answer.text
    return plain(answer.text)


def plain(html: str) -> str:
    """Return the text of HTML with plain spaces and apostrophes."""
    body = re.sub(r"(?s)<(svg|script|head)\b.*?</\1>", " ", html)
    text = re.sub(r"<[^>]+>", " ", body).replace("\u2068", "").replace("\u2069", "")
    text = text.replace("&#39;", "'").replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return re.sub(r"\s+", " ", text)


@pytest.fixture
async def device(cast: Cast) -> str:
    """A device of Cedar whose backup fails and whose antivirus could not be read."""
    now = cast.clock.now()
    agent = await cast.device(alias="accueil-1")
    broken = {
        "backup": backup_section(now, job(now, target="usb", offsite="no")),
        "antivirus": section(now, "defender", None, "unknown", errors=[UNREAD]),
    }
    await agent.report({**healthy(now), **broken})
    return str(agent.device_id)


async def test_a_practice_says_what_is_wrong_since_when_and_what_changed(cast: Cast, device: str) -> None:
    ana, ivo = await cast.ana(), await cast.ivo()
    await cast.pia.call("PATCH", f"/v1/practices/{cast.cedar}", json={"name": HOSTILE, "city": "Lyon"})
    here = f"/practices/{cast.cedar}"
    french = await shown(ana, here)
    for said in (
        "&lt;script&gt;alert('x')&lt;/script&gt;",
        "Chirurgien-dentiste · 1 poste · horaires non renseignés",
        "Sauvegardes Critique",
        "1 poste entendu sur 1",
        "accueil-1",
        "Non conforme",
        "Points de contrôle, règle par règle",
        "accueil-1 a rejoint le cabinet",
        "a modifié la fiche du cabinet",
        "Ajouter un poste",
    ):
        assert said in french, said
    assert f'href="/devices/{device}"' in (await page(ana, here)).text
    english = await shown(ana, here, "en")
    assert "Backups Critical" in english
    assert "1 device heard of 1" in english
    assert "accueil-1 joined the practice" in english
    assert not re.search(r"[éèêàç]", english.replace("mémento", ""))
    auditor = await shown(ivo, here)
    assert "Sauvegardes Critique" in auditor
    assert "Ajouter un poste" not in auditor  # an auditor reads


async def test_nobody_meets_a_practice_they_do_not_see(cast: Cast, device: str) -> None:
    tom, bea, paz = await cast.tom(), await cast.bea(), await cast.paz()
    assert "accueil-1" in await shown(tom, f"/practices/{cast.cedar}")
    assert "Elm" not in await shown(tom, f"/practices/{cast.cedar}")
    for person, practice in ((tom, cast.elm), (bea, cast.cedar)):
        answer = await page(person, f"/practices/{practice}")
        assert answer.status_code == 404
        assert "Elm" not in answer.text
        assert "Cedar" not in answer.text
    sent = await page(paz, f"/practices/{cast.cedar}")
    assert (sent.status_code, sent.headers["location"]) == (303, "/my-practice")
    assert device


async def test_an_archived_practice_says_so(cast: Cast) -> None:
    ana = await cast.ana()
    assert "Aucun poste n'est encore inscrit" in await shown(ana, f"/practices/{cast.elm}")
    assert (await cast.pia.call("DELETE", f"/v1/practices/{cast.elm}")).status_code == 204
    assert "Ce cabinet est archivé" in await shown(ana, f"/practices/{cast.elm}")


def test_every_kind_of_event_about_a_practice_has_a_sentence() -> None:
    of_the_provider = {kind for kind in KINDS if kind.startswith(("channel.", "webhook_endpoint.", "alerting_policy."))}
    assert set(KINDS) - of_the_provider - {"finding.changed", "posture.changed"} == set(PLAIN)
