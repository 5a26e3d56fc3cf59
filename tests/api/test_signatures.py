"""Signing supplier questionnaires: both parties under one digest, what is refused on the way, and what takes signatures away."""

import asyncio
import hashlib
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tests.api.test_questionnaires import reporting, turn
from tests.support.cast import Cast
from tests.support.people import Person
from tests.support.questionnaires import NOT_HERE, Form, begin
from tests.support.refusals import refusal
from tests.support.rows import fetch, holdings
from vigie.checklist import filling, questionnaire_content
from vigie.core.db import Database, role_url
from vigie.people.members import Standing
from vigie.posture.catalogue.documents import own_folder
from vigie.posture.catalogue.questionnaires import FOLDER, read_editions
from vigie.settings import Settings

INVALID = (422, "request.invalid")
PLAN = {"owner": "Tom", "due_on": "2026-12-01"}


async def signed(cast: Cast, database: Database, **more: Any) -> tuple[Form, Person]:
    """Return a questionnaire that both parties signed, and the practitioner."""
    form, paz = await begin(cast, database, await cast.ana()), await cast.paz()
    await form.fill(**more)
    for who in (form.who, paz):
        answer = await form.sign(who)
        assert answer.status_code == 200, answer.text
    return form, paz


async def finding(database: Database, form: Form, control: str = "ANS-9.3") -> tuple[str, str] | None:
    """Return state and reason of what a questionnaire decides."""
    rows = await fetch(
        database,
        "SELECT state, reason FROM finding WHERE provider_id = :provider AND subject_id = :practice AND control = :control",
        provider=form.who.provider_id,
        practice=form.path.split("/")[3],
        control=control,
    )
    return (rows[0]["state"], rows[0]["reason"]) if rows else None


async def events(database: Database, form: Form) -> list[tuple[str, Any]]:
    """Return what was told about questionnaires of a provider, in order."""
    rows = await fetch(
        database,
        "SELECT kind, payload FROM event WHERE provider_id = :provider AND kind LIKE 'questionnaire.%' ORDER BY number",
        provider=form.who.provider_id,
    )
    return [(row["kind"], row["payload"]) for row in rows]


async def test_both_parties_sign_the_same_bytes(cast: Cast, database: Database) -> None:
    form, paz = await begin(cast, database, await cast.ana()), await cast.paz()
    ready = await form.fill()
    assert ready["status"] == "ready"
    first = (await form.sign(form.who)).json()
    assert (first["status"], first["signed_at"]) == ("signed_by_supplier", None)
    cast.clock.advance(timedelta(minutes=5))
    second = (await form.sign(paz)).json()
    assert (second["status"], second["signed_at"]) == ("signed", "2026-11-17T09:35:00Z")
    assert second["expires_at"] == "2027-11-17T09:35:00Z"
    practitioner, supplier = second["signatures"]
    common = {"revision": 1, "content_hash": ready["content_hash"], "way": "session", "evidence_ref": None}
    assert supplier == common | {
        "party": "supplier",
        "name": "Ana",
        "role": "owner",
        "member_id": form.who.member_id,
        "issuer": "https://staff.test",
        "identity_provider": "staff",
        "acr": None,
        "signed_on": "2026-11-17",
        "signed_at": "2026-11-17T09:30:00Z",
    }
    assert practitioner == common | {
        "party": "practitioner",
        "name": "Dr Paz",
        "role": "practitioner",
        "member_id": paz.member_id,
        "issuer": "https://psc.test/auth/realms/esante-wallet",
        "identity_provider": "psc",
        "acr": "eidas1",
        "signed_on": "2026-11-17",
        "signed_at": "2026-11-17T09:35:00Z",
    }
    for reader in (form.who, paz, await cast.ivo()):
        content = await reader.call("GET", f"{form.path}/content")
        assert hashlib.sha256(content.content).hexdigest() == ready["content_hash"]
    assert content.json()["answers"][0]["answer"] == "not_applicable"
    told = await events(database, form)
    assert [(kind, payload["party"], payload["status"]) for kind, payload in told] == [
        ("questionnaire.signed", "supplier", "signed_by_supplier"),
        ("questionnaire.signed", "practitioner", "signed"),
    ]
    assert {payload["content_hash"] for _, payload in told} == {ready["content_hash"]}


async def test_a_signed_questionnaire_decides_its_control(cast: Cast, database: Database) -> None:
    form, paz = await begin(cast, database, await cast.ana()), await cast.paz()
    await form.fill()
    await form.sign(form.who)
    assert await finding(database, form) == ("fail", "questionnaire_unsigned")
    await form.sign(paz)
    assert await finding(database, form) == ("pass", "questionnaires_signed")
    assert await finding(database, form, "ANS-9.2") == ("fail", "questionnaire_unsigned")


async def test_what_is_planned_is_signed_and_warned_about_until_its_day(cast: Cast, database: Database) -> None:
    form, _ = await signed(cast, database, Q2_3={"answer": "no", "comment": "Old server", "plan": PLAN})
    assert await finding(database, form) == ("warn", "questionnaire_planned")
    (row,) = await fetch(
        database,
        "SELECT valid_until FROM finding WHERE subject_id = :practice AND control = 'ANS-9.3'",
        practice=cast.cedar,
    )
    assert row["valid_until"].isoformat() == "2026-12-02T00:00:00+00:00"


async def test_open_deviations_are_named_and_nothing_is_signed(cast: Cast, database: Database) -> None:
    await turn(cast, await reporting(cast), well=False)
    form = await begin(cast, database, await cast.ana())
    day = cast.clock.now().date()
    planned = {
        "answer": "no",
        "comment": "Old server",
        "plan": {"owner": "Tom", "due_on": str(day + timedelta(days=1))},
    }
    late = {**planned, "plan": {"owner": "Tom", "due_on": str(day)}}
    await form.fill(
        Q2_2=None,
        Q2_3={"answer": "no", "comment": "Old server"},
        Q2_4={"answer": "no", "plan": PLAN},
        Q2_5=late,
        Q2_6=planned,
        Q2_8={"answer": "yes"},
        Q2_11={"answer": "not_applicable"},
        Q2_12=None,
    )
    before = await holdings(database, form.who.provider_id)
    refused = await form.sign(form.who)
    assert refusal(refused) == (409, "questionnaire.open_deviations")
    assert refused.json()["questions"] == [
        {"question": "Q2.2", "lacks": ["comment", "plan"]},
        {"question": "Q2.3", "lacks": ["plan"]},
        {"question": "Q2.4", "lacks": ["comment"]},
        {"question": "Q2.5", "lacks": ["plan"]},
        {"question": "Q2.8", "lacks": ["text"]},
        {"question": "Q2.11", "lacks": ["comment"]},
        {"question": "Q2.12", "lacks": ["answer"]},
    ]
    assert await holdings(database, form.who.provider_id) == before
    await form.fill(Q2_6=planned)
    assert (await form.sign(form.who)).status_code == 200


async def test_a_plan_that_came_due_before_the_countersignature_stops_it(cast: Cast, database: Database) -> None:
    form = await begin(cast, database, await cast.ana())
    await form.fill(Q2_3={"answer": "no", "comment": "Old server", "plan": PLAN})
    await form.sign(form.who)
    cast.clock.advance(timedelta(days=14))  # to the day itself
    form.who, paz = await cast.ana(), await cast.paz()
    assert refusal(await form.sign(paz)) == (409, "questionnaire.open_deviations")
    moved = {"owner": "Tom", "due_on": "2027-02-01"}
    await form.say(Q2_3={"answer": "no", "comment": "Old server", "plan": moved})
    assert [(await form.sign(who)).status_code for who in (form.who, paz)] == [200, 200]


async def test_each_party_signs_for_itself(cast: Cast, database: Database) -> None:
    form, paz = await begin(cast, database, await cast.ana()), await cast.paz()
    await form.fill()
    for who in (await cast.lea(), await cast.tom(), await cast.ivo(), await cast.zoe()):
        for party in ("supplier", "practitioner"):
            assert refusal(await form.sign(who, party=party)) == (403, "auth.insufficient_scope")
    assert refusal(await form.sign(form.who, party="practitioner")) == (403, "questionnaire.wrong_party")
    assert refusal(await form.sign(paz)) == (409, "questionnaire.supplier_first")
    assert (await form.sign(form.who)).status_code == 200
    assert refusal(await form.sign(paz, party="supplier")) == (403, "questionnaire.wrong_party")
    quince = await cast.person(cast.pia.provider_id, Standing("practitioner", UUID(cast.elm)), "Dr Quince")
    assert refusal(await form.sign(quince)) == (404, "not_found")
    assert (await form.sign(paz)).status_code == 200


async def test_nobody_signs_twice(cast: Cast, database: Database) -> None:
    form, paz = await begin(cast, database, await cast.ana()), await cast.paz()
    await form.fill()
    assert (await form.sign(form.who)).status_code == 200
    assert refusal(await form.sign(form.who)) == (409, "questionnaire.already_signed")
    assert (await form.sign(paz)).status_code == 200
    for who in (form.who, paz):
        assert refusal(await form.sign(who)) == (409, "questionnaire.already_signed")
    assert len((await form.read())["signatures"]) == 2


async def test_two_practitioners_at_once_leave_one_signature(cast: Cast, database: Database) -> None:
    form = await begin(cast, database, await cast.ana())
    await form.fill()
    await form.sign(form.who)
    pair = [
        await cast.paz(),
        await cast.person(cast.pia.provider_id, Standing("practitioner", UUID(cast.cedar)), "Dr Q"),
    ]
    answers = await asyncio.gather(*(form.sign(who) for who in pair))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len((await form.read())["signatures"]) == 2


async def test_nobody_signs_what_changed_since_they_read_it(cast: Cast, database: Database) -> None:
    form, paz = await begin(cast, database, await cast.ana()), await cast.paz()
    seen = (await form.fill())["content_hash"]
    await form.say(Q2_3={"answer": "yes"})
    refused = await form.sign(form.who, content_hash=seen)
    assert refusal(refused) == (409, "questionnaire.changed")
    today = (await form.read())["content_hash"]
    assert refused.json()["content_hash"] == today != seen
    assert (await form.sign(form.who)).status_code == 200
    await form.say(Q2_3=NOT_HERE)  # between the two signatures
    assert refusal(await form.sign(paz, content_hash=today)) == (409, "questionnaire.changed")
    for wrong in ("", "0" * 63, "G" * 64, None):
        assert refusal(await form.sign(form.who, content_hash=wrong)) == INVALID
    assert [(await form.sign(who)).status_code for who in (form.who, paz)] == [200, 200]


async def test_a_changed_answer_opens_it_again_and_keeps_what_was_signed(cast: Cast, database: Database) -> None:
    form, paz = await signed(cast, database)
    before = await form.read()
    bytes_before = (await form.who.call("GET", f"{form.path}/content")).content
    assert (await form.say(Q2_3=NOT_HERE)).json()["status"] == "signed"  # the same again is no change
    read = (await form.say(Q2_3={"answer": "yes"})).json()
    assert (read["status"], read["revision"], read["signed_at"], read["expires_at"]) == ("reopened", 2, None, None)
    assert read["signatures"] == before["signatures"]
    assert await finding(database, form) == ("fail", "questionnaire_unsigned")
    kind, payload = (await events(database, form))[-1]
    assert (kind, payload["questions"], payload["revision"]) == ("questionnaire.reopened", ["Q2.3"], 2)
    kept = await form.who.call("GET", f"{form.path}/content", params={"revision": 1})
    assert kept.content == bytes_before
    assert (await form.who.call("GET", f"{form.path}/content")).content != bytes_before
    missing = await form.who.call("GET", f"{form.path}/content", params={"revision": 3})
    assert refusal(missing) == (404, "not_found")
    assert refusal(await form.sign(paz)) == (409, "questionnaire.supplier_first")
    for who in (form.who, paz):
        assert (await form.sign(who)).status_code == 200
    assert [(each["revision"], each["party"]) for each in (await form.read())["signatures"]] == [
        (2, "practitioner"),
        (2, "supplier"),
        (1, "practitioner"),
        (1, "supplier"),
    ]
    assert await finding(database, form) == ("pass", "questionnaires_signed")


async def test_a_comment_under_a_signature_is_a_change_too(cast: Cast, database: Database) -> None:
    form, _ = await signed(cast, database)
    read = (await form.say(Q2_3={**NOT_HERE, "comment": "Another reason"})).json()
    assert (read["status"], read["revision"]) == ("reopened", 2)


async def test_evidence_that_turns_opens_it_again_and_evidence_that_stays_does_not(
    cast: Cast, database: Database
) -> None:
    device = await reporting(cast)
    form, _ = await signed(cast, database, Q2_2={"text": "7 and 30"})
    before = await form.read()
    cast.clock.advance(timedelta(minutes=20))
    assert (await form.refresh())["turned"] == []
    assert await form.read() == before  # evidence of the day it was signed, not of today
    await turn(cast, device, well=False)
    read = await form.refresh()
    assert (read["turned"], read["status"], read["revision"]) == (["Q2.2"], "reopened", 2)
    assert await finding(database, form) == ("fail", "questionnaire_unsigned")
    assert (await events(database, form))[-1][1]["questions"] == ["Q2.2"]


async def test_what_people_tell_opens_it_again_at_once_and_what_devices_tell_does_not(
    cast: Cast, database: Database
) -> None:
    device, lea, at = await reporting(cast), await cast.lea(), f"/v1/practices/{cast.cedar}"

    async def say(answer: str, **more: str) -> None:
        said = await lea.call("PUT", f"{at}/checklist/ANS-5.10", json={"answer": answer, **more})
        assert said.status_code == 200, said.text

    async def restore(result: str, day: str = "2026-11-16") -> None:
        tried = {"tested_on": day, "scope": "all", "result": result, "tested_by": "Lea"}
        await lea.post(f"{at}/restore-tests", tried)

    await say("yes")
    await restore("success")
    texts = {"Q2_2": {"text": "7 and 30"}, "Q2_9": {"text": "Monthly"}}
    form, _ = await signed(cast, database, **texts, Q2_12=None)
    draft = await begin(cast, database, form.who, practice=cast.elm)
    shown = {each["id"]: each["found"]["answer"] for each in (await form.read())["questions"]}
    assert [shown[name] for name in ("Q2.2", "Q2.9", "Q2.12")] == ["yes", "yes", "yes"]

    before = await form.read()
    await turn(cast, device, well=False)
    await say("yes", comment="As ever")
    await lea.call(
        "PUT", f"{at}/checklist/ANS-3.3", json={"answer": "no"}
    )  # denies what a person answered: theirs counts
    assert await form.read() == before

    await say("no")
    read = await form.read()
    assert (read["status"], read["revision"], read["signed_at"]) == ("reopened", 2, None)
    told = [payload for kind, payload in await events(database, form) if kind == "questionnaire.reopened"]
    assert [(each["questions"], each["by"]) for each in told] == [(["Q2.12"], lea.member_id)]
    assert await finding(database, form) == ("fail", "questionnaire_unsigned")
    asked = {each["id"]: each for each in read["questions"]}
    assert (asked["Q2.12"]["answer"], asked["Q2.12"]["origin"]) == ("no", "attestation")
    assert asked["Q2.2"]["found"] == next(each for each in before["questions"] if each["id"] == "Q2.2")["found"]

    await restore("failure", "2026-11-17")  # it is open: what is told is shown, and nothing is taken away twice
    assert [(await form.question(name))["answer"] for name in ("Q2.9", "Q2.2")] == ["no", "yes"]
    assert len([kind for kind, _ in await events(database, form) if kind == "questionnaire.reopened"]) == 1
    bulk = {"control": "ANS-5.10", "answer": "yes", "practices": "all"}
    await lea.post("/v1/attestations", bulk)
    assert [(await each.question("Q2.12"))["answer"] for each in (form, draft)] == ["yes", "yes"]


async def test_evidence_that_falls_silent_takes_no_signature_away(cast: Cast, database: Database) -> None:
    device = await reporting(cast)
    form, _ = await signed(cast, database, Q2_2={"text": "7 and 30"})
    assert (await form.who.call("DELETE", f"/v1/devices/{device.device_id}")).status_code == 204
    assert (await form.refresh())["status"] == "signed"
    assert (await form.question("Q2.2"))["answer"] == "yes"
    draft = await begin(cast, database, form.who, practice=cast.elm)
    assert (await draft.question("Q2.2"))["answer"] is None  # and gives none either


async def test_it_expires_after_a_year_and_is_renewed_while_it_holds(cast: Cast, database: Database) -> None:
    form, paz = await signed(cast, database, Q2_3={"answer": "yes"})
    cast.clock.advance(timedelta(days=364, hours=23))
    form.who, paz = await cast.ana(), await cast.paz()
    assert (await form.read())["status"] == "signed"
    cast.clock.advance(timedelta(hours=1, days=1))
    form.who, paz = await cast.ana(), await cast.paz()
    assert (await form.read())["status"] == "expired"
    renewed = await form.refresh(renew=True)
    assert (renewed["status"], renewed["revision"], renewed["turned"]) == ("ready", 2, [])
    assert renewed["signed_at"] == "2026-11-17T09:30:00Z"  # the old signatures hold until the new ones stand
    for who in (form.who, paz):
        assert (await form.sign(who)).status_code == 200
    assert (await form.read())["signed_at"] == "2027-11-18T09:30:00Z"


async def test_a_renewal_that_answers_otherwise_gives_the_old_signatures_up(cast: Cast, database: Database) -> None:
    form, _ = await signed(cast, database, Q2_3={"answer": "yes"})
    await form.refresh(renew=True)
    noted = (await form.say(Q2_3={"answer": "yes", "comment": "As ever"})).json()
    assert (noted["status"], noted["signed_at"]) == ("ready", "2026-11-17T09:30:00Z")
    turned = (await form.say(Q2_3=NOT_HERE)).json()
    assert (turned["status"], turned["revision"], turned["signed_at"]) == ("reopened", 2, None)
    assert await finding(database, form) == ("fail", "questionnaire_unsigned")


async def test_a_renewal_asks_the_questions_of_today_and_what_is_signed_keeps_its_own(
    cast: Cast, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    form, _ = await signed(cast, database, Q2_3={"answer": "yes"})
    before = await form.read()
    edition = own_folder().joinpath(FOLDER, "2026.11.1.yaml").read_text()
    last = edition.index("      - id: Q2.13")
    later = edition[:last] + edition[edition.index("  - kind: 3") :]
    (tmp_path / "2026.11.1.yaml").write_text(edition)
    (tmp_path / "2026.12.1.yaml").write_text(later.replace('version: "2026.11.1"', 'version: "2026.12.1"'))
    for module in (filling, questionnaire_content):
        monkeypatch.setattr(module, "load_questionnaires", partial(read_editions, tmp_path))
    assert await form.read() == before
    elm = await begin(cast, database, form.who, practice=cast.elm)
    assert (await elm.read())["template_version"] == "2026.12.1"
    renewed = await form.refresh(renew=True)
    assert (renewed["template_version"], len(renewed["questions"])) == ("2026.12.1", 12)
    assert next(each for each in renewed["questions"] if each["id"] == "Q2.3")["answer"] == "yes"
    assert (await form.say(Q2_13={"answer": "yes"})).json()["code"] == "questionnaire.unknown_question"
    kept = (await form.who.call("GET", f"{form.path}/content", params={"revision": 1})).json()
    assert (kept["template"]["version"], len(kept["answers"])) == ("2026.11.1", 13)


async def test_only_what_both_signed_is_renewed(cast: Cast, database: Database) -> None:
    form, paz = await begin(cast, database, await cast.ana()), await cast.paz()
    await form.fill()
    path = f"{form.path}/refresh"
    assert refusal(await form.who.call("POST", path, json={"renew": True})) == INVALID
    await form.sign(form.who)
    assert refusal(await form.who.call("POST", path, json={"renew": True})) == INVALID
    await form.sign(paz)
    assert (await form.who.call("POST", path, json={"renew": True})).status_code == 200


async def test_a_supplier_outside_signs_elsewhere_and_that_is_recorded(cast: Cast, database: Database) -> None:
    form, paz = await begin(cast, database, await cast.ana(), outside="Bonbit"), await cast.paz()
    await form.fill()
    outside = {"name": "B. Bit", "function": "Director", "signed_on": "2026-11-16", "evidence_ref": "Q2-bonbit.pdf"}
    assert refusal(await form.sign(form.who)) == INVALID
    assert refusal(await form.sign(form.who, outside={**outside, "signed_on": "2026-11-18"})) == INVALID
    assert refusal(await form.sign(form.who, outside={**outside, "evidence_ref": ""})) == INVALID
    read = (await form.sign(form.who, outside=outside)).json()
    (signature,) = read["signatures"]
    assert {name: signature[name] for name in ("name", "role", "signed_on", "evidence_ref", "way")} == {
        "name": "B. Bit",
        "role": "Director",
        "signed_on": "2026-11-16",
        "evidence_ref": "Q2-bonbit.pdf",
        "way": "recorded",
    }
    assert (signature["member_id"], signature["issuer"]) == (form.who.member_id, "https://staff.test")
    assert refusal(await form.sign(paz, outside=outside)) == INVALID
    assert (await form.sign(paz)).status_code == 200


async def test_the_provider_itself_signs_here_and_nowhere_else(cast: Cast, database: Database) -> None:
    form = await begin(cast, database, await cast.ana())
    await form.fill()
    outside = {"name": "B. Bit", "function": "Director", "signed_on": "2026-11-16", "evidence_ref": "x"}
    assert refusal(await form.sign(form.who, outside=outside)) == INVALID
    assert (await form.sign(form.who)).status_code == 200


async def test_answers_are_not_sent_to_what_is_signed(cast: Cast, database: Database) -> None:
    form, _ = await signed(cast, database)
    elm = await begin(cast, database, form.who, practice=cast.elm)
    await elm.fill(Q2_3={"answer": "yes"})
    before = await form.read()
    sent = await form.who.post(f"{elm.path}/copy", {"practices": [cast.cedar]})
    assert [each["outcome"] for each in sent["items"]] == ["signed"]
    assert await form.read() == before


@pytest.mark.parametrize("table", ["signature", "questionnaire_revision"])
async def test_the_application_itself_cannot_rewrite_what_was_signed(
    cast: Cast, database: Database, settings: Settings, table: str
) -> None:
    form, _ = await signed(cast, database)
    app = Database(*role_url(settings, "vigie_app"), pool_size=1)
    for statement in (f"UPDATE {table} SET content_hash = content_hash", f"DELETE FROM {table}"):  # noqa: S608 - a case
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with app.session(UUID(form.who.provider_id), write=True) as session:
                await session.execute(text(f"{statement} WHERE provider_id = :id"), {"id": form.who.provider_id})
    async with app.session(UUID(form.who.provider_id), write=False) as session:
        found = await session.execute(text(f"SELECT count(*) FROM {table}"))  # noqa: S608 - a case
        assert found.scalar_one() > 0
    await app.close()
