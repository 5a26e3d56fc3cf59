"""Supplier questionnaires: begun pre-answered, answered by people, refreshed, sent to other practices; what is refused."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.support.agent import Agent, healthy, patch_section
from tests.support.cast import Cast
from tests.support.questionnaires import NOT_HERE, begin
from tests.support.refusals import refusal
from tests.support.rows import execute, holdings
from tests.support.suppliers import supply
from vigie.checklist import copying
from vigie.core.db import Database

INVALID = (422, "request.invalid")


async def reporting(cast: Cast, practice: str | None = None) -> Agent:
    """Return a device that has reported that all is well."""
    device = await cast.device(practice)
    await device.report(healthy(cast.clock.now()))
    return device


async def turn(cast: Cast, device: Agent, *, well: bool) -> None:
    """Have a device report a security update that has been missing for long, or none."""
    now = cast.clock.now()
    await device.report({"patch": patch_section(now) if well else patch_section(now, security=1, age_days=40)})


async def test_a_new_questionnaire_is_answered_as_far_as_devices_can(cast: Cast, database: Database) -> None:
    await reporting(cast)
    form = await begin(cast, database, await cast.ana())
    read = await form.read()
    found = {each["id"]: (each["answer"], each["origin"], each["found"]["why"]) for each in read["questions"]}
    assert found["Q2.2"] == ("yes", "telemetry", "all_pass")
    assert found["Q2.7"] == (None, None, "not_observed")
    assert found["Q2.11"] == (None, None, "not_denied")
    assert found["Q2.13"] == (None, None, "nobody_asked")
    assert len(found) == 13
    assert (read["status"], read["revision"], read["signed_at"], read["signatures"]) == ("draft", 1, None, [])
    assert read["open"] == sum(bool(each["lacks"]) for each in read["questions"]) > 0
    assert read["supplier"] == {"id": cast.pia.provider_id, "name": "Atlas", "own": True}
    delays = await form.question("Q2.2")
    assert (delays["said"], delays["contradicts"], delays["lacks"]) == (None, False, ["text"])
    assert delays["found"]["items"] == [
        {
            "control": control,
            "state": "pass",
            "source": "telemetry",
            "as_of": "2026-11-17T09:30:00Z",
            "since": "2026-11-17T09:30:00Z",
            "devices": {"in_state": 1, "concerned": 1},
            "references": [],
        }
        for control in ("ANS-2.2", "ANS-2.4")
    ]


async def test_a_device_at_fault_answers_no_and_asks_for_a_plan(cast: Cast, database: Database) -> None:
    await turn(cast, await reporting(cast), well=False)
    await reporting(cast)
    delays = await (await begin(cast, database, await cast.ana())).question("Q2.2")
    assert (delays["answer"], delays["origin"], delays["lacks"]) == ("no", "telemetry", ["comment", "plan"])
    item = delays["found"]["items"][0]
    assert (item["control"], item["state"], item["devices"]) == ("ANS-2.2", "fail", {"in_state": 1, "concerned": 2})


async def test_an_attestation_answers_and_is_named(cast: Cast, database: Database) -> None:
    written = uuid4()
    await execute(
        database,
        "INSERT INTO finding (provider_id, subject_id, control, practice_id, state, reason, since, assessed_at, evidence,"
        " threshold) VALUES (:provider, :practice, 'ANS-8.2', :practice, 'pass', 'answered_yes', :at, :at, :evidence, '{}')",
        provider=cast.pia.provider_id,
        practice=cast.cedar,
        at=cast.clock.now(),
        evidence={"attestation": {"id": str(written)}},
    )
    question = await (await begin(cast, database, await cast.ana(), 1)).question("Q1.2")
    assert (question["answer"], question["origin"]) == ("yes", "attestation")
    assert question["found"]["items"][0]["references"] == [str(written)]


async def test_questions_are_asked_in_the_reader_s_language(cast: Cast, database: Database) -> None:
    form = await begin(cast, database, await cast.ana(), 4)
    french = await form.who.get(form.path, headers={"Accept-Language": "fr-FR"})
    english = await form.read()
    assert french["title"] == "Stockage de données à distance et téléservice"
    assert french["questions"][0]["text"].startswith("L'hébergeur est-il certifié HDS")
    assert french["questions"][0]["detail"] != english["questions"][0]["detail"]
    assert "ce n'est pas le texte de l'ANS" in french["wording"]
    assert french["questions"][0]["found"]["says"].endswith("la question reste ouverte.")
    assert french["content_hash"] == english["content_hash"]


async def test_only_a_supplier_of_the_practice_is_asked_and_only_about_what_it_does(
    cast: Cast, database: Database
) -> None:
    ana, path = await cast.ana(), f"/v1/practices/{cast.cedar}/questionnaires"
    visiting = await supply(database, cast.clock, ana.provider_id, cast.cedar, services=["on_site"], outside="Bonbit")
    elsewhere = await supply(database, cast.clock, ana.provider_id, cast.elm, outside="Elmbit")
    before = await holdings(database, ana.provider_id)

    async def ask(supplier: str, kind: int) -> Any:
        return await ana.call("POST", path, json={"supplier_id": supplier, "kind": kind})

    assert refusal(await ask(visiting, 3)) == (409, "questionnaire.supplier_not_concerned")
    for stranger in (elsewhere, cast.bela.provider_id, str(uuid4())):
        assert refusal(await ask(stranger, 2)) == (404, "not_found")
    for kind in (0, 5):
        assert refusal(await ask(visiting, kind)) == INVALID
    assert await holdings(database, ana.provider_id) == before
    made = await ask(visiting, 2)
    assert made.status_code == 201
    again = await ask(visiting, 2)
    assert refusal(again) == (409, "questionnaire.exists")
    assert again.json()["id"] == made.json()["id"]
    assert (await ask(visiting, 1)).status_code == 201


async def test_a_lost_answer_creates_nothing_twice(cast: Cast, database: Database) -> None:
    ana, path = await cast.ana(), f"/v1/practices/{cast.cedar}/questionnaires"
    supplier = await supply(database, cast.clock, ana.provider_id, cast.cedar)
    body, key = {"supplier_id": supplier, "kind": 1}, {"Idempotency-Key": str(uuid4())}
    first, again = [await ana.call("POST", path, json=body, headers=key) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert len((await ana.get(path))["items"]) == 1


async def test_nothing_is_written_about_an_archived_practice_and_all_stays_readable(
    cast: Cast, database: Database
) -> None:
    form = await begin(cast, database, await cast.ana())
    await form.fill()
    fresh = await form.read()
    assert (await form.who.call("DELETE", f"/v1/practices/{cast.cedar}")).status_code == 204
    archived = (409, "practice.archived")
    assert refusal(await form.say(Q2_3={"answer": "yes"})) == archived
    assert refusal(await form.who.call("POST", f"{form.path}/refresh", json={})) == archived
    assert refusal(await form.sign(form.who)) == archived
    new = {"supplier_id": form.who.provider_id, "kind": 1}
    assert refusal(await form.who.call("POST", form.path.rpartition("/")[0], json=new)) == archived
    assert await form.read() == fresh


async def test_what_is_said_to_one_question_leaves_the_others_alone(cast: Cast, database: Database) -> None:
    form = await begin(cast, database, await cast.ana())
    plan = {"owner": "Tom", "due_on": "2026-12-01"}
    said = {"answer": "no", "comment": "The old\nscanner", "plan": plan}
    await form.say(Q2_3=said)
    answer = await form.say(Q2_13={"answer": "yes"})
    assert answer.status_code == 200
    first, last = await form.question("Q2.3"), await form.question("Q2.13")
    assert {name: first["said"][name] for name in said} == said
    assert (first["answer"], first["origin"], first["lacks"]) == ("no", "person", [])
    assert (first["said"]["by"], first["said"]["at"]) == (form.who.member_id, "2026-11-17T09:30:00Z")
    assert first["said"]["by_name"] == "Ana"
    assert (last["answer"], last["lacks"]) == ("yes", [])
    await form.say(Q2_3=None)
    assert (await form.question("Q2.3"))["said"] is None


async def test_a_person_may_contradict_the_evidence_and_has_to_say_why(cast: Cast, database: Database) -> None:
    await turn(cast, await reporting(cast), well=False)
    form = await begin(cast, database, await cast.ana())
    said = {"answer": "yes", "text": "7 and 30"}
    await form.say(Q2_2=said)
    question = await form.question("Q2.2")
    assert (question["answer"], question["found"]["answer"], question["contradicts"]) == ("yes", "no", True)
    assert question["lacks"] == ["comment"]
    await form.say(Q2_2={**said, "comment": "Installed this morning"})
    assert (await form.question("Q2.2"))["lacks"] == []


REFUSED: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"question": "Q2.14", "answer": "yes"}, (422, "questionnaire.unknown_question")),
    ({"question": "Q1.3", "answer": "yes"}, (422, "questionnaire.unknown_question")),
    ({"question": "Q2.3", "text": "3 days"}, (422, "questionnaire.wrong_type")),
    ({"question": "Q2.3", "date": "2026-12-01"}, (422, "questionnaire.wrong_type")),
    ({"question": "Q2.3", "document": "x.pdf"}, (422, "questionnaire.wrong_type")),
    ({"question": "Q2.3", "answer": "perhaps"}, INVALID),
    ({"question": "Q2.3", "answer": True}, INVALID),
    ({"question": "Q2.3", "answer": "yes", "comment": ""}, INVALID),
    ({"question": "Q2.3", "answer": "yes", "comment": "x" * 1001}, INVALID),
    ({"question": "Q2.3", "answer": "yes", "comment": "nul\x00"}, INVALID),
    ({"question": "Q2.3", "answer": "no", "plan": {"owner": "Tom"}}, INVALID),
    ({"question": "Q2.3", "answer": "no", "plan": {"owner": "Tom", "due_on": "soon"}}, INVALID),
    ({"question": "Q2.3", "answer": "yes", "origin": "telemetry"}, INVALID),
    ({"question": "Q2.3", "answer": "yes", "evidence": []}, INVALID),
]


async def test_an_answer_that_is_wrong_in_one_thing_is_refused_and_nothing_written(
    cast: Cast, database: Database
) -> None:
    form = await begin(cast, database, await cast.ana())
    before = await form.read()
    right = {"question": "Q2.13", "answer": "yes"}
    for wrong, wanted in REFUSED:
        answer = await form.who.call("PUT", f"{form.path}/answers", json={"answers": [right, wrong]})
        assert refusal(answer) == wanted, wrong
    bodies: list[dict[str, Any]] = [
        {"answers": []},
        {"answers": [right] * 2},
        {"answers": [right], "status": "signed"},
        {},
    ]
    for body in bodies:
        assert refusal(await form.who.call("PUT", f"{form.path}/answers", json=body)) == INVALID, body
    assert await form.read() == before
    unknown = await form.say(Q2_14={"answer": "yes"}, Q9_1={"answer": "yes"})
    assert unknown.json()["questions"] == ["Q2.14", "Q9.1"]
    wrong_type = await form.say(Q2_3={"answer": "yes", "text": "x"})
    assert wrong_type.json()["questions"] == [{"question": "Q2.3", "fields": ["text"]}]
    assert (await form.say(Q2_13={"answer": "yes"})).status_code == 200


async def test_a_text_is_asked_for_a_text(cast: Cast, database: Database) -> None:
    form = await begin(cast, database, await cast.ana(), 1)
    assert refusal(await form.say(Q1_1={"answer": "yes"})) == (422, "questionnaire.wrong_type")
    assert (await form.say(Q1_1={"text": "Atlas, security@atlas.test"})).status_code == 200
    assert (await form.question("Q1.1"))["lacks"] == []


async def test_refreshing_a_draft_takes_the_evidence_of_today_and_leaves_people_s_answers(
    cast: Cast, database: Database
) -> None:
    device = await reporting(cast)
    form = await begin(cast, database, await cast.ana())
    await form.say(Q2_1={"answer": "yes"}, Q2_2={"text": "7 and 30"})
    await turn(cast, device, well=False)
    read = await form.refresh()
    questions = {each["id"]: each for each in read["questions"]}
    assert read["turned"] == ["Q2.2"]
    assert (questions["Q2.2"]["answer"], questions["Q2.2"]["said"]["text"]) == ("no", "7 and 30")
    assert (questions["Q2.1"]["answer"], questions["Q2.1"]["contradicts"]) == ("yes", True)
    await turn(cast, device, well=True)
    assert (await form.refresh())["turned"] == ["Q2.2"]
    assert (await form.refresh())["turned"] == []


async def test_the_list_tells_how_each_stands(cast: Cast, database: Database) -> None:
    form = await begin(cast, database, await cast.ana())
    path = form.path.rpartition("/")[0]
    other = await supply(database, cast.clock, form.who.provider_id, cast.cedar, outside="Bonbit")
    await form.who.post(path, {"supplier_id": other, "kind": 1})
    await form.fill()
    listed = await form.who.get(path)
    assert [(each["kind"], each["status"], each["open"]) for each in listed["items"]] == [
        (2, "ready", 0),
        (1, "draft", 14),
    ]
    assert [each["supplier"]["name"] for each in listed["items"]] == ["Atlas", "Bonbit"]
    by_kind = await form.who.get(path, params={"kind": 1})
    by_supplier = await form.who.get(path, params={"supplier_id": other})
    assert [each["supplier"]["id"] for each in by_kind["items"]] == [other]
    assert by_kind["items"] == by_supplier["items"]
    first = await form.who.get(path, params={"limit": 1})
    second = await form.who.get(path, params={"limit": 1, "cursor": first["next_cursor"]})
    assert first["items"] + second["items"] == listed["items"]
    assert second["next_cursor"] is None


async def test_who_works_on_a_practice_fills_its_questionnaires_and_nobody_else_s(
    cast: Cast, database: Database
) -> None:
    form, tom = await begin(cast, database, await cast.ana()), await cast.tom()
    elm = await begin(cast, database, form.who, practice=cast.elm)
    answer = {"answers": [{"question": "Q2.13", "answer": "yes"}]}
    assert (await tom.call("PUT", f"{form.path}/answers", json=answer)).status_code == 200
    for method, path in (("PUT", f"{elm.path}/answers"), ("GET", elm.path), ("GET", f"{elm.path}/content")):
        assert refusal(await tom.call(method, path, json=answer if method == "PUT" else None)) == (404, "not_found")
    for reader in (await cast.paz(), await cast.zoe(), await cast.ivo()):
        assert (await reader.get(form.path))["id"] == form.id
        refused = await reader.call("PUT", f"{form.path}/answers", json=answer)
        assert refusal(refused) == (403, "auth.insufficient_scope")
    mixed = form.path.replace(form.id, elm.id)  # the questionnaire of one practice under another
    assert refusal(await form.who.call("GET", mixed)) == (404, "not_found")


async def test_what_is_filled_in_once_is_sent_to_many(cast: Cast, database: Database) -> None:
    ana = await cast.ana()
    oak, ash = [await cast.pia.practice(name) for name in ("Oak", "Ash")]
    form = await begin(cast, database, ana)
    await form.fill(Q2_2={"text": "7 and 30"}, Q2_13={"answer": "yes"})
    elm = await begin(cast, database, ana, practice=cast.elm)
    await elm.say(Q2_13={"answer": "no", "comment": "Not here", "plan": {"owner": "Lea", "due_on": "2027-01-01"}})
    await supply(database, cast.clock, ana.provider_id, oak)
    await supply(database, cast.clock, ana.provider_id, ash, services=["remote"])
    await turn(cast, await reporting(cast, oak), well=False)
    sent = await ana.post(f"{form.path}/copy", {"practices": "all"})
    outcomes = {each["practice_id"]: (each["outcome"], each["answers"]) for each in sent["items"]}
    assert outcomes == {cast.elm: ("copied", 12), oak: ("copied", 13), ash: ("not_concerned", 0)}
    kept = await elm.question("Q2.13")
    assert (kept["answer"], kept["origin"]) == ("no", "person")
    assert (await elm.question("Q2.12"))["said"]["origin"] == "copied"
    made = next(each["questionnaire_id"] for each in sent["items"] if each["practice_id"] == oak)
    there = {each["id"]: each for each in (await ana.get(f"/v1/practices/{oak}/questionnaires/{made}"))["questions"]}
    assert (there["Q2.2"]["said"]["text"], there["Q2.2"]["answer"]) == ("7 and 30", "no")  # its own evidence
    assert there["Q2.12"]["said"]["comment"] == NOT_HERE["comment"]
    again = await ana.post(f"{form.path}/copy", {"practices": [oak, cast.elm]})
    assert {each["outcome"] for each in again["items"]} == {"unchanged"}
    await form.say(Q2_12={"answer": "yes"})
    later = await ana.post(f"{form.path}/copy", {"practices": [oak]})
    assert [(each["outcome"], each["answers"]) for each in later["items"]] == [("copied", 1)]


async def test_answers_are_sent_only_where_the_sender_works(
    cast: Cast, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, tom = await cast.ana(), await cast.tom()
    form = await begin(cast, database, ana)
    await form.fill()
    await supply(database, cast.clock, ana.provider_id, cast.elm)
    assert (await tom.post(f"{form.path}/copy", {"practices": "all"}))["items"] == []
    before = await holdings(database, ana.provider_id)

    async def send(*practices: str) -> Any:
        return await ana.call("POST", f"{form.path}/copy", json={"practices": list(practices)})

    refused = await tom.call("POST", f"{form.path}/copy", json={"practices": [cast.elm]})
    assert refusal(refused) == (404, "not_found")
    assert refusal(await send(cast.elm, cast.fir)) == (404, "not_found")
    assert refusal(await send()) == INVALID
    monkeypatch.setattr(copying, "MOST_PRACTICES", 1)
    assert refusal(await send(cast.elm, cast.cedar)) == (422, "checklist.too_many")
    assert await holdings(database, ana.provider_id) == before
    assert (await send(cast.elm)).json()["items"][0]["answers"] == 13


async def test_nothing_is_sent_to_an_archived_practice(cast: Cast, database: Database) -> None:
    ana = await cast.ana()
    form = await begin(cast, database, ana)
    await supply(database, cast.clock, ana.provider_id, cast.elm)
    assert (await ana.call("DELETE", f"/v1/practices/{cast.elm}")).status_code == 204
    refused = await ana.call("POST", f"{form.path}/copy", json={"practices": [cast.elm]})
    assert refusal(refused) == (409, "practice.archived")
    assert (await ana.post(f"{form.path}/copy", {"practices": "all"}))["items"] == []


async def test_two_who_begin_the_same_at_once_make_one(cast: Cast, database: Database) -> None:
    ana, lea = await cast.ana(), await cast.lea()
    supplier = await supply(database, cast.clock, ana.provider_id, cast.cedar)
    body = {"supplier_id": supplier, "kind": 1}
    both = await asyncio.gather(
        *(who.call("POST", f"/v1/practices/{cast.cedar}/questionnaires", json=body) for who in (ana, lea))
    )
    assert sorted(answer.status_code for answer in both) == [201, 409]
