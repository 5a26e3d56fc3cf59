"""The inbox: each box says what waits for whom, an alert says why and what was done, and nobody meets what is not theirs."""

import re
from typing import Any

import pytest

from tests.support.alerts import follow_as_owner, line_down, log_events
from tests.support.cast import Cast
from tests.support.console_pages import missing, page, present, visit
from vigie.alerts.schemas import AlertOut
from vigie.core.clock import wire_time
from vigie.core.db import Database
from vigie.core.pagination import Page

HOSTILE = "<script>alert('Orme')</script> \u202eemrO\u202c \N{OFFICE BUILDING} " + "é" * 40


def boxes(html: str) -> dict[str, int]:
    """Return title → number of the boxes that are counted."""
    return {title: int(number) for title, number in re.findall(r"<span>([^<]+)</span><span>(\d+)</span></a>", html)}


@pytest.fixture
async def alerts(cast: Cast, database: Database) -> dict[str, str]:
    """The lines of Cedar and Elm are down; Elm has a name that would like to be markup."""
    now, pia = cast.clock.now(), cast.pia
    answer = await pia.call("PATCH", f"/v1/practices/{cast.elm}", json={"name": HOSTILE})
    assert answer.status_code == 200, answer.text
    down = [line_down(pia.provider_id, practice, now) for practice in (cast.cedar, cast.elm)]
    await log_events(cast.parts, pia.provider_id, *down, now=now)
    await follow_as_owner(database, now)
    listed = await pia.call("GET", "/v1/alerts")
    # Written without its model; to the byte what the model would have written.
    assert listed.content == Page[AlertOut].model_validate_json(listed.content).model_dump_json().encode()
    found = listed.json()["items"]
    return {each["practice_id"]: each["id"] for each in found}


async def test_an_alert_is_found_read_taken_and_followed(cast: Cast, alerts: dict[str, str]) -> None:
    ana, cedar = await cast.ana(), alerts[cast.cedar]
    html = await page(ana, "/alerts")
    assert boxes(html) == {"À prendre": 2, "À moi": 0, "Sans responsable": 2, "En sommeil": 0, "Toutes": 2}
    assert not missing(html, "Le cabinet ne répond plus", "&lt;script&gt;alert(&#39;Orme&#39;)&lt;/script&gt;")
    assert not present(html, "<script>alert", "Rien n'attend personne")
    assert "sans responsable" in await page(ana, f"/alerts/{cedar}")

    await ana.post(f"/v1/alerts/{cedar}/acknowledge", {"take": True})
    html = await page(ana, "/alerts?box=mine")
    assert boxes(html) == {"À prendre": 1, "À moi": 1, "Sans responsable": 1, "En sommeil": 0, "Toutes": 2}
    assert not missing(html, f'id="m-{cedar}"', "Prise en charge par <bdi>Ana</bdi>", "Confiée à <bdi>Ana</bdi>")
    assert not present(html, f'id="m-{alerts[cast.elm]}"', "Prendre en charge <kbd")  # it is theirs already
    lea = await cast.lea()
    tomorrow = wire_time(cast.clock.now().replace(hour=23))
    for act, body in (
        ("assign", {"member_id": lea.member_id}),
        ("comment", {"comment": "<b>box</b> redémarrée"}),
        ("snooze", {"until": tomorrow}),
    ):
        await ana.post(f"/v1/alerts/{cedar}/{act}", body)
    html = await page(ana, f"/alerts/{cedar}?box=snoozed")
    assert not missing(
        html,
        *("Confiée à <bdi>Lea</bdi> par <bdi>Ana</bdi>", "&lt;b&gt;box&lt;/b&gt; redémarrée"),
        *("Mise en sommeil par", "En sommeil jusqu'au"),
    )
    english = await page(ana, f"/alerts/{cedar}?box=all&group=cause", language="en")
    assert not missing(english, "The practice no longer answers", "Given to <bdi>Lea</bdi> by <bdi>Ana</bdi>")
    assert not present(english, "Cabinet<", "Pourquoi", "Suivi<", "répond", "sommeil", "Prendre")


async def test_boxes_filters_groups_and_the_ledger(cast: Cast, alerts: dict[str, str]) -> None:
    ana, elm = await cast.ana(), alerts[cast.elm]
    for query, found in (
        ("q=Cedar", {cast.cedar}),
        ("q=ced", {cast.cedar}),
        ("q=nothing", set()),
        (f"practice_id={cast.elm}", {cast.elm}),
        ("severity=critical", {cast.cedar, cast.elm}),
        ("severity=info", set()),
        ("cause=line&group=practice", {cast.cedar, cast.elm}),
        ("cause=backup&group=cause", set()),
    ):
        html = await page(ana, f"/alerts?{query}")
        assert set(re.findall(r'id="m-([0-9a-f-]{36})"', html)) == {alerts[practice] for practice in found}, query
        assert ("Aucune alerte ne répond à ces filtres" in html) == (not found)
    assert "Cette boîte est vide" in await page(ana, "/alerts?box=closed")
    await page(ana, "/alerts?severity=terrible", status=422)
    html = await page(ana, "/alerts?box=held")  # nobody has a channel yet
    assert (html.count("Aucun canal à prévenir</td>"), html.count(f'href="/alerts/{elm}"')) == (2, 1)
    assert "Aucun message n'a été retenu" in await page(ana, "/alerts?box=held&why=window")


async def test_nobody_meets_what_is_not_theirs(cast: Cast, alerts: dict[str, str]) -> None:
    tom, elm = await cast.tom(), alerts[cast.elm]
    for path in ("/alerts", "/alerts?box=all&group=practice", f"/alerts/{alerts[cast.cedar]}", "/alerts?box=held"):
        html = await page(tom, path)
        assert not present(html, "Orme", elm, cast.elm), path
        assert boxes(html)["Toutes"] == 1
        assert (await page(await cast.bea(), path, 404 if "alerts/" in path else 200)).count("Cedar") == 0
    assert "Aucune alerte" in await page(tom, f"/alerts?practice_id={cast.elm}")
    for stranger, path in ((tom, f"/alerts/{elm}"), (await cast.bea(), f"/alerts/{elm}")):
        assert "Orme" not in await page(stranger, path, status=404)
    ivo, lea = await cast.ivo(), await cast.lea()
    assert 'data-api="' not in await page(ivo, f"/alerts/{elm}")
    assert f'data-api="POST /v1/alerts/{elm}/acknowledge"' in await page(lea, f"/alerts/{elm}")
    away = await visit(await cast.paz(), "/alerts")
    assert (away.status_code, away.headers["location"]) == (303, "/my-practice")


async def test_who_may_be_given_an_alert(cast: Cast, alerts: dict[str, str]) -> None:
    ana, lea, tom = await cast.ana(), await cast.lea(), await cast.tom()
    cedar, elm = (f"/v1/alerts/{alerts[practice]}" for practice in (cast.cedar, cast.elm))

    async def names(who: Any, path: str) -> list[str]:
        return [each["name"] for each in (await who.get(f"{path}/assignees"))["items"]]

    assert await names(ana, cedar) == ["Ana", "Lea", "Tom"]
    assert await names(lea, elm) == ["Ana", "Lea"]  # Tom does not see Elm
    assert (await tom.call("GET", f"{elm}/assignees")).status_code == 404
    taken = await tom.post(f"{cedar}/acknowledge", {"take": True})
    assert (taken["assignee_name"], taken["status"], [line["kind"] for line in taken["timeline"]][1:]) == (
        *("Tom", "acknowledged"),
        ["acknowledged", "assigned"],
    )
    again = await tom.post(f"{cedar}/acknowledge", {"take": True})
    assert len(again["timeline"]) == len(taken["timeline"])
    refused = await cast.pia.call("POST", f"{cedar}/acknowledge", json={"take": True})  # a program looks after nothing
    assert (refused.status_code, refused.json()["code"]) == (422, "alert.assignee")
    assert (await cast.pia.get("/v1/alerts?unassigned=true"))["items"][0]["id"] == alerts[cast.elm]
