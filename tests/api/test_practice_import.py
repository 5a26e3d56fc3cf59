"""Many practices at once: all of them or none, once, and tried beforehand."""

from typing import Any

import httpx

from tests.support.cast import Cast
from tests.support.refusals import refusal
from tests.support.rows import holdings
from vigie.core.db import Database

LIST = "nom;profession;ville;référence\nLes Tilleuls;dentiste;Lyon;C-1\nCedar;médecin;;C-2\n"
IMPORT = "/v1/practices/import"


async def send(who: Any, content: str, *, kind: str = "text/csv", **more: Any) -> httpx.Response:
    headers = {"Content-Type": kind, **more.pop("headers", {})}
    answer: httpx.Response = await who.call("POST", IMPORT, content=content.encode(), headers=headers, **more)
    return answer


async def test_a_list_is_tried_then_created_once_and_judged_like_any_practice(cast: Cast, database: Database) -> None:
    ana = await cast.ana()
    before = await holdings(database, ana.provider_id)
    tried = await send(ana, LIST, params={"dry_run": "true"})
    assert tried.status_code == 200
    assert [(each["row"], each["id"], each["known"]) for each in tried.json()["practices"]] == [
        (2, None, False),
        (3, None, True),  # a practice of this name is there; that is told, not refused
    ]
    after = await holdings(database, ana.provider_id)
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {"audit_entry", "audit_head"}
    key = {"Idempotency-Key": "once"}
    made, again = await send(ana, LIST, headers=key), await send(ana, LIST, headers=key)
    assert (made.status_code, again.status_code) == (201, 201)
    assert made.json() == again.json()
    assert refusal(await send(ana, LIST + "Elm;other;;\n", headers=key)) == (409, "request.idempotency_conflict")
    tilleuls, cedar = made.json()["practices"]
    alone = await ana.post("/v1/practices", {"name": "Alone", "profession": "nurse"})
    for each in (tilleuls, cedar):
        posture = (await ana.get(f"/v1/practices/{each['id']}"))["posture"]
        assert posture == {**(await ana.get(f"/v1/practices/{alone['id']}"))["posture"]}
    read = await ana.get(f"/v1/practices/{tilleuls['id']}")
    assert (read["profession"], read["city"], read["external_ref"]) == ("dentist", "Lyon", "C-1")
    told = (await ana.get("/v1/events?limit=200"))["items"]
    kinds = [each["kind"] for each in told if each["practice_id"] == tilleuls["id"]]
    assert kinds == [each["kind"] for each in told if each["practice_id"] == alone["id"]]
    entries = (await ana.get("/v1/audit?action=practice.import"))["items"]
    details = [each["details"] for each in entries if each["outcome"] == "done"]
    assert {"practices": 2, "dry_run": False} in details


async def test_a_list_with_a_wrong_row_creates_nothing_and_tells_all_of_them(cast: Cast, database: Database) -> None:
    ana = await cast.ana()
    assert (await send(ana, LIST)).status_code == 201
    before = await holdings(database, ana.provider_id)
    wrong = LIST.replace("Les Tilleuls;dentiste;Lyon;C-1", "Les Tilleuls;plombier;Lyon;C-9")
    answer = await send(ana, wrong, headers={"Accept-Language": "fr"})
    assert refusal(answer) == (422, "practices.import_refused")
    told = answer.json()
    assert [(each["row"], each["column"]) for each in told["errors"]] == [(2, "profession"), (3, "external_ref")]
    assert told["errors"][1]["reason"] == "un autre cabinet porte cette référence"
    assert told["more"] == 0
    tried = await send(ana, wrong, params={"dry_run": "true"})
    assert refusal(tried) == (422, "practices.import_refused")
    for kind, params in (("application/json", {}), ("text/csv", {"colour": "1"})):
        assert refusal(await send(ana, "nom;profession\nAsh;nurse\n", kind=kind, params=params)) == (
            422,
            "request.invalid",
        )
    after = await holdings(database, ana.provider_id)
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {"audit_entry", "audit_head"}
    assert (await send(await cast.bea(), LIST)).status_code == 201  # a reference is taken in one's own house only
