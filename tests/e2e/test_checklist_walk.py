"""A practice goes through its whole checklist by plain REST, in French: what issue 4 must show.

The technician and the practitioner answer all that people answer, the device reports what devices report, two questionnaires come
pre-answered (the general one from these answers, that of installation and maintenance from telemetry), are completed, signed by
the provider and countersigned. Every point of the score is added up by hand.
"""

from typing import Any

import pytest

from tests.conftest import NOW
from tests.support.agent import healthy
from tests.support.cast import Cast
from tests.support.people import Person
from tests.support.questionnaires import Form, begin
from vigie.core.db import Database

FRENCH = {"Accept-Language": "fr"}
HALVES = {"pass": 1.0, "warn": 0.5, "fail": 0.0, "unknown": 0.0}


async def put(person: Person, path: str, body: Any) -> Any:
    answer = await person.call("PUT", path, json=body, headers=FRENCH)
    assert answer.is_success, (path, answer.text)
    return answer.json()


async def answer_their_side(person: Person, practice: str, kind: str) -> list[str]:
    """Answer every control of a side as somebody of it; return which."""
    controls = (await person.get("/v1/controls", params={"kind": kind}, headers=FRENCH))["items"]
    for control in controls:
        assert control["title"]
        said = await put(person, f"/v1/practices/{practice}/checklist/{control['id']}", {"answer": "yes"})
        assert said["side"] == kind
    return [control["id"] for control in controls]


def assert_adds_up(checklist: Any) -> None:
    """Assert that controls make rules, rules make the total, and the total makes the score."""
    earned = possible = 0.0
    for rule in checklist["rules"]:
        own = {"earned": 0.0, "possible": 0.0}
        for control in rule["controls"]:
            weight = 3.0 if control["essential"] else 1.0
            if control["state"] == "not_applicable":
                assert control["points"] == {"earned": 0.0, "possible": 0.0}, control["id"]
                continue
            assert control["points"] == {"earned": HALVES[control["state"]] * weight, "possible": weight}, control["id"]
            own = {name: own[name] + control["points"][name] for name in own}
        assert rule["points"] == own, rule["id"]
        earned, possible = earned + own["earned"], possible + own["possible"]
    assert checklist["points"] == {"earned": earned, "possible": possible}
    assert checklist["score"] == int(earned * 100 // possible)


def control_of(checklist: Any, control: str) -> Any:
    return next(each for rule in checklist["rules"] for each in rule["controls"] if each["id"] == control)


@pytest.mark.slow("answers thirty-nine points one by one, each with its verdict")
async def test_a_practice_walks_through_its_checklist_in_french(cast: Cast, database: Database) -> None:
    device = await cast.device()
    await device.report(healthy(NOW))
    ana, lea, paz = await cast.ana(), await cast.lea(), await cast.paz()
    at = f"/v1/practices/{cast.cedar}"

    begun = await paz.get(f"{at}/checklist", headers=FRENCH)
    assert (begun["language"], len([each for rule in begun["rules"] for each in rule["controls"]])) == ("fr", 70)
    assert_adds_up(begun)
    unanswered = control_of(begun, "ANS-1.1")
    assert (unanswered["state"], unanswered["reason"]) == ("unknown", "not_answered")
    assert unanswered["says"] == "Personne n'a encore répondu à ce point."

    assert len(await answer_their_side(paz, cast.cedar, "practice")) == 30
    assert len(await answer_their_side(lea, cast.cedar, "provider")) == 9
    answered = await paz.get(f"{at}/checklist", headers=FRENCH)
    assert_adds_up(answered)
    assert answered["score"] > (begun["score"] or 0)
    proof = control_of(answered, "ANS-1.1")["answer"]
    assert proof["source"] == "attestation"
    assert proof["evidence"]["attestation"]["author"] == paz.member_id

    form = await begin(cast, database, ana, kind=1)
    on_site = await ana.post(f"{at}/questionnaires", {"supplier_id": ana.provider_id, "kind": 2})
    measured = Form(ana, f"{at}/questionnaires/{on_site['id']}", on_site["id"])
    await complete(form, "attestation")
    await complete(measured, "telemetry")
    for each in (form, measured):
        for who in (ana, paz):
            signed = await each.sign(who)
            assert signed.status_code == 200, signed.text
        assert signed.json()["status"] == "signed"
    whole = await paz.get(f"{at}/checklist", headers=FRENCH)
    assert_adds_up(whole)
    assert [control_of(whole, name)["state"] for name in ("ANS-9.2", "ANS-9.3")] == ["pass", "pass"]
    assert whole["score"] > answered["score"]

    told = next(each for each in (await form.read())["questions"] if each["found"]["origin"] == "attestation")
    point = next(each for each in told["answered_by"] if control_of(whole, each)["kind"] == "practice")
    await put(paz, f"{at}/checklist/{point}", {"answer": "no"})
    taken_away = await paz.get(f"{at}/checklist", headers=FRENCH)
    assert_adds_up(taken_away)
    assert control_of(taken_away, point)["state"] == control_of(taken_away, "ANS-9.2")["state"] == "fail"
    assert ((await form.read())["status"], (await measured.read())["status"]) == ("reopened", "signed")
    await put(paz, f"{at}/checklist/{point}", {"answer": "yes"})
    for who in (ana, paz):
        assert (await form.sign(who)).status_code == 200
    assert control_of(await paz.get(f"{at}/checklist", headers=FRENCH), "ANS-9.2")["state"] == "pass"

    question = next(each["id"] for each in (await form.read())["questions"] if "yes_no" in each["parts"])
    said = {"question": question, "answer": "no", "comment": "Changé depuis la signature."}
    changed = await put(lea, f"{form.path}/answers", {"answers": [said]})
    assert changed["status"] == "reopened"
    reopened = await paz.get(f"{at}/checklist", headers=FRENCH)
    assert_adds_up(reopened)
    assert control_of(reopened, "ANS-9.2")["state"] == "fail"
    assert reopened["score"] < whole["score"]


async def complete(form: Form, origin: str) -> None:
    """Answer what the evidence has not answered; what it has, by telemetry or attestation, stays as it is, with its date."""
    questions = (await form.who.get(form.path, headers=FRENCH))["questions"]
    told = [each for each in questions if each["found"]["origin"] == origin and each["found"]["answer"] == "yes"]
    assert told, f"no question is answered by {origin}"
    assert all(each["found"]["items"][0]["as_of"] for each in told)
    missing = [{"question": each["id"], **_what_lacks(each["lacks"])} for each in questions if each["lacks"]]
    ready = await put(form.who, f"{form.path}/answers", {"answers": missing})
    assert ready["status"] == "ready"


def _what_lacks(lacking: list[str]) -> dict[str, Any]:
    """Return what makes an answer whole: what does not apply says why, details are given."""
    if "answer" in lacking:
        return {"answer": "not_applicable", "comment": "Sans objet pour ce cabinet."}
    given = {"text": "Voir le contrat.", "date": "2026-11-02", "document": "Contrat 2026-014", "comment": "Vérifié."}
    return {name: given[name] for name in lacking}
