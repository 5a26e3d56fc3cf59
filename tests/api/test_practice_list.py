"""The list a technician starts the day with: worst first, filtered, searched, page by page; and the counters beside it."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from fastapi import FastAPI

from tests.support.agent import backup_section, healthy, job, patch_section
from tests.support.budget import statements_of
from tests.support.cast import Caller, Cast
from tests.support.people import Person
from tests.support.refusals import refusal
from vigie.core.clock import wire_time
from vigie.core.crypto import b64url, b64url_decode
from vigie.core.pagination import Page
from vigie.overview.schemas import PracticeRow

PATH = "/v1/practices"
LIGHTS = ("overall", "patch", "backup", "liveness")


async def fleet(cast: Cast) -> None:
    """Give Atlas practices in every colour: Cedar is well, Elm unknown, Yew critical, Oak warning."""
    at = cast.clock.now()
    yew, oak = await cast.pia.practice("Yew"), await cast.pia.practice("Oak")
    await (await cast.device(cast.cedar)).report(healthy(at))
    await (await cast.device(yew)).report({**healthy(at), "patch": patch_section(at, security=2, age_days=40)})
    failed = job(
        at, last_status="failed", exit_code=1, last_ok_at=(at - timedelta(hours=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    )
    await (await cast.device(oak)).report({**healthy(at), "backup": backup_section(at, failed)})


async def names(cast: Cast, **params: Any) -> list[str]:
    """Return the names of the practices on the first page."""
    return [row["name"] for row in (await cast.pia.get(PATH, params=params))["items"]]


async def pages(cast: Cast, path: str, **params: Any) -> list[dict[str, Any]]:
    """Return every row, following the cursor."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await cast.pia.get(path, params={**params, **cursor})
        assert len(page["items"]) <= params.get("limit", 50)
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        assert page["items"], "a page before the last is never empty"
        cursor = {"cursor": page["next_cursor"]}


async def test_the_worst_stands_first(cast: Cast) -> None:
    await fleet(cast)
    rows = (await cast.pia.get(PATH))["items"]
    assert [(row["name"], row["overall"]) for row in rows] == [
        ("Yew", "critical"),
        ("Elm", "unknown"),
        ("Oak", "warning"),
        ("Cedar", "ok"),
    ]


async def test_each_light_is_a_filter(cast: Cast) -> None:
    await fleet(cast)
    rows = (await cast.pia.get(PATH))["items"]
    for light in LIGHTS:
        for state in ("ok", "warning", "critical", "unknown"):
            expected = [row["name"] for row in rows if row[light] == state]
            assert await names(cast, **{light: state}) == expected, (light, state)
    assert await names(cast, overall="critical", backup="ok") == ["Yew"]
    assert await names(cast, overall="critical", backup="critical") == []


async def test_the_counters_agree_with_the_list(cast: Cast) -> None:
    await fleet(cast)
    rows = (await cast.pia.get(PATH))["items"]
    devices = (await cast.pia.get("/v1/devices"))["items"]
    summary = await cast.pia.get("/v1/summary")
    assert summary["practices"] == len(rows)
    for light in LIGHTS:
        states = [row[light] for row in rows]
        assert summary[light] == {state: states.count(state) for state in ("ok", "warning", "critical", "unknown")}
    live = [device["liveness"] for device in devices]
    assert summary["devices"] == {state: live.count(state) for state in ("reporting", "silent", "never", "pending")}
    assert summary["devices"]["reporting"] == sum(row["devices"]["active"] for row in rows) == 3


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("evrard", ["Cabinet Évrard-Lefèvre"]),
        ("ÉVRARD", ["Cabinet Évrard-Lefèvre"]),
        ("lefe", ["Cabinet Évrard-Lefèvre"]),
        ("cab evr", ["Cabinet Évrard-Lefèvre"]),
        ("nîmes", ["Cabinet Évrard-Lefèvre"]),
        ("C-7", ["Cabinet Évrard-Lefèvre"]),
        ("vrard", []),
        ("evrard elm", []),
        ("evrard & ! ( : * |", ["Cabinet Évrard-Lefèvre"]),
        ("' OR 1=1 --", []),
        ("\x00", ["Cabinet Évrard-Lefèvre", "Cedar", "Elm"]),
        ("", ["Cabinet Évrard-Lefèvre", "Cedar", "Elm"]),
    ],
)
async def test_words_are_found_by_their_beginning_without_accents(cast: Cast, asked: str, found: list[str]) -> None:
    await cast.pia.practice("Cabinet Évrard-Lefèvre", city="Nîmes", external_ref="C-7")
    assert sorted(await names(cast, q=asked)) == found


async def test_pages_of_any_size_give_the_same_list(cast: Cast) -> None:
    await fleet(cast)
    whole = (await cast.pia.get(PATH))["items"]
    for limit in (1, 2, 3, 4, 200):
        assert await pages(cast, PATH, limit=limit) == whole, limit


async def test_a_cursor_holds_when_rows_come_and_go(cast: Cast) -> None:
    await fleet(cast)
    first = await cast.pia.get(PATH, params={"limit": 2})  # Yew, Elm
    await cast.pia.call("DELETE", f"{PATH}/{first['items'][1]['id']}")  # the row the cursor stands on
    await cast.pia.practice("Ash")  # unknown: sorts where the reader has been
    second = await cast.pia.get(PATH, params={"limit": 2, "cursor": first["next_cursor"]})
    seen = [row["name"] for row in second["items"]]
    assert {"Oak"} <= set(seen)
    assert "Yew" not in seen
    assert len(set(seen)) == len(seen)


def cursor(*parts: object) -> str:
    """Return a cursor of our making."""
    return b64url(orjson.dumps(list(parts)))


FIRST = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    "bad",
    [
        "nonsense",
        "é",
        "",
        cursor(),
        cursor(1),
        cursor(1, FIRST, 2),
        cursor("x", FIRST),
        cursor(1, "x"),
        cursor(1, 5),
        cursor(None, FIRST),
        b64url(b'[%d,"%s"]' % (10**30, FIRST.encode())),
        b64url(b'[%d,"%s"]' % (-(10**30), FIRST.encode())),
        b64url(b'[1e400,"%s"]' % FIRST.encode()),
        b64url(b"7"),
        b64url(b"{}"),
        b64url(b"\xff"),
    ],
)
async def test_a_cursor_that_this_list_never_gave_is_refused(cast: Cast, bad: str) -> None:
    answer = await cast.pia.call("GET", PATH, params={"cursor": bad})
    assert refusal(answer) == (422, "request.invalid_cursor")


async def test_a_cursor_of_another_list_is_refused(cast: Cast) -> None:
    for _ in range(2):
        await cast.device()
    of_devices = (await cast.pia.get("/v1/devices", params={"limit": 1}))["next_cursor"]
    assert refusal(await cast.pia.call("GET", PATH, params={"cursor": of_devices})) == (422, "request.invalid_cursor")


@pytest.mark.parametrize("number", [2**63, -(2**64)])
async def test_a_cursor_beyond_every_number_is_refused(cast: Cast, number: int) -> None:
    path = f"{PATH}/{cast.cedar}/changes"
    given = (await cast.pia.get(path, params={"limit": 1}))["items"]
    assert len(given) == 1
    answer = await cast.pia.call("GET", path, params={"cursor": b64url(b"[%d]" % number)})
    assert refusal(answer) == (422, "request.invalid_cursor")


async def test_a_cursor_says_where_and_not_whose(cast: Cast) -> None:
    """Used by another provider, a cursor only begins in the middle of their own list."""
    await fleet(cast)
    given = (await cast.pia.get(PATH, params={"limit": 1}))["next_cursor"]
    assert orjson.loads(b64url_decode(given))[1] != cast.fir
    rows = (await cast.bela.get(PATH, params={"cursor": given}))["items"]
    assert [row["name"] for row in rows] == ["Fir"]


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"limit": 201}, "/query/limit"),
        ({"limit": 0}, "/query/limit"),
        ({"limit": "many"}, "/query/limit"),
        ({"overall": "green"}, "/query/overall"),
        ({"sort": "name"}, "/query/sort"),
        ({"Overall": "ok"}, "/query/Overall"),
        ({"q": "x" * 101}, "/query/q"),
        ({"cursor": "x" * 201}, "/query/cursor"),
    ],
    ids=str,
)
async def test_a_parameter_that_is_not_documented_is_refused(cast: Cast, params: dict[str, Any], pointer: str) -> None:
    answer = await cast.pia.call("GET", PATH, params=params)
    assert refusal(answer) == (422, "request.invalid")
    assert [entry["pointer"] for entry in answer.json()["errors"]] == [pointer]


async def test_the_limit_may_be_two_hundred(cast: Cast) -> None:
    assert len(await names(cast, limit=200)) == 2


async def test_an_unchanged_list_is_not_sent_twice(cast: Cast) -> None:
    tag = (await cast.pia.call("GET", PATH)).headers["etag"]
    same = await cast.pia.call("GET", PATH, headers={"If-None-Match": tag})
    borea = await cast.bela.call("GET", PATH, headers={"If-None-Match": tag})
    await cast.pia.practice("Ash")
    changed = await cast.pia.call("GET", PATH, headers={"If-None-Match": tag})
    assert (same.status_code, same.content) == (304, b"")
    assert (borea.status_code, changed.status_code) == (200, 200)


async def test_a_page_costs_two_statements_however_long_it_is(cast: Cast, app: FastAPI) -> None:
    for number in range(5):
        await cast.pia.practice(f"Practice {number}")
    await cast.pia.get(PATH)
    with statements_of(app) as short:
        await cast.pia.get(PATH, params={"limit": 1})
    with statements_of(app) as long:
        await cast.pia.get(PATH, params={"limit": 50, "overall": "unknown", "q": "practice"})
    # 1. SELECT bind_provider(…)
    # 2. SELECT … FROM practice JOIN posture …
    assert [len(short), len(long)] == [2, 2], long
    assert "bind_provider" in long[0]
    assert "FROM practice JOIN posture" in long[1]


async def test_the_counters_cost_four_statements(cast: Cast, app: FastAPI) -> None:
    await cast.pia.get("/v1/summary")
    with statements_of(app) as found:
        await cast.pia.get("/v1/summary")
    # 1. SELECT bind_provider(…)
    # 2. lights of practices and their devices, grouped
    # 3. practices somebody looks after, counted
    # 4. whether nobody is heard because of us
    assert len(found) == 4, found


async def test_each_row_says_why_in_a_few_words(cast: Cast, app: FastAPI) -> None:
    await fleet(cast)
    at = cast.clock.now()
    old = job(at, last_status="failed", exit_code=1, last_ok_at=wire_time(at - timedelta(days=9)))
    two = await cast.device(cast.elm), await cast.device(cast.elm)
    for device in two:
        await device.report({**healthy(at), "backup": backup_section(at, old)})
    french = {"Accept-Language": "fr"}

    async def why(language: dict[str, str]) -> dict[str, dict[str, Any]]:
        answer = await cast.pia.call("GET", PATH, params={"include": "reasons"}, headers=language)
        # Written without its model; to the byte what the model would have written.
        assert answer.content == Page[PracticeRow].model_validate_json(answer.content).model_dump_json().encode()
        rows = answer.json()["items"]
        return {row["name"]: {**row["reasons"], "row": row} for row in rows}

    found = await why(french)
    said = {
        name: [(light["control"], light["code"], light["short"], light["devices_in_state"], light["devices_concerned"])]
        for name, lights in found.items()
        for light in [lights["backup" if name in {"Elm", "Oak"} else "patch"]]
    }
    assert said == {
        "Yew": [("ANS-2.2", "security_updates_overdue", "correctif manquant, 40 j", 1, 1)],
        "Elm": [("ANS-5.1", "backup_overdue", "9 j sans copie réussie", 2, 2)],
        "Oak": [("ANS-5.2", "run_failed", "dernière copie en échec", 1, 1)],
        "Cedar": [("ANS-2.1", "system_supported", "système maintenu", 1, 1)],
    }
    elm, yew = found["Elm"], found["Yew"]
    assert elm["last_copy_at"] == wire_time(at - timedelta(days=9))
    assert elm["last_report_at"] == wire_time(at)
    assert (elm["backup"]["device_alias"], elm["backup"]["says"]) == (
        None,
        "Aucune sauvegarde n\N{RIGHT SINGLE QUOTATION MARK}a réussi depuis plus de 7\N{NO-BREAK SPACE}jours.",
    )
    assert yew["patch"]["device_id"] is not None
    assert 0 < yew["points_passed"] < yew["points_concerned"] <= 70
    posture = await cast.pia.get(f"{PATH}/{cast.elm}/posture")
    counted = [each["state"] for each in posture["controls"]]
    assert elm["points_passed"] == counted.count("pass")
    english = await why({"Accept-Language": "en"})
    assert english["Elm"]["backup"]["short"] == "9 d without a good copy"
    cast.clock.advance(timedelta(days=1))
    assert (await why(french))["Elm"]["backup"]["short"] == "10 j sans copie réussie"
    plain = (await cast.pia.get(PATH))["items"]
    assert {row["reasons"] for row in plain} == {None}
    with statements_of(app) as asked:
        await cast.pia.get(PATH, params={"include": "reasons"})
    assert len(asked) == 4, asked  # bound, the page, the findings that decide, the last reports


async def test_nothing_is_known_of_an_empty_practice_and_its_row_says_so(cast: Cast) -> None:
    row = (await cast.pia.get(PATH, params={"include": "reasons", "q": "Elm"}))["items"][0]
    reasons = row["reasons"]
    assert (reasons["patch"], reasons["last_report_at"], reasons["last_copy_at"]) == (None, None, None)
    assert reasons["points_passed"] == 0


async def test_a_practice_is_given_to_somebody_who_may_look_after_it(cast: Cast) -> None:
    ana, tom, lea, ivo = await cast.ana(), await cast.tom(), await cast.lea(), await cast.ivo()
    bea = await cast.bea()

    async def give(practice: str, member_id: str | None) -> Any:
        return await ana.call("PUT", f"{PATH}/{practice}/responsible", json={"member_id": member_id})

    async def listed(who: Caller | Person, responsible: str) -> list[str]:
        return [row["name"] for row in (await who.get(PATH, params={"responsible": responsible}))["items"]]

    assert await listed(ana, "none") == ["Elm", "Cedar"] or await listed(ana, "none") == ["Cedar", "Elm"]
    given = await give(cast.cedar, tom.member_id)
    assert (given.status_code, given.json()) == (200, {"id": tom.member_id, "name": "Tom"})
    unfit = (422, "practice.responsible")
    assert refusal(await give(cast.elm, tom.member_id)) == unfit  # whom he may not see
    assert refusal(await give(cast.elm, ivo.member_id)) == unfit
    assert refusal(await give(cast.elm, bea.member_id)) == unfit
    assert refusal(await give(cast.fir, lea.member_id)) == (404, "not_found")
    assert (await give(cast.elm, lea.member_id)).status_code == 200
    assert (await listed(tom, "me"), await listed(ana, "me"), await listed(ana, "none")) == (["Cedar"], [], [])
    assert await listed(ana, lea.member_id) == ["Elm"]
    assert await listed(tom, lea.member_id) == []
    assert await listed(cast.pia, "me") == []
    assert (await ana.get(f"{PATH}/{cast.elm}"))["responsible"]["name"] == "Lea"
    counted = [(await who.get("/v1/summary")) for who in (ana, tom)]
    assert [(each["mine"], each["unassigned"]) for each in counted] == [(0, 0), (1, 0)]
    changes = (await ana.get(f"{PATH}/{cast.elm}/changes"))["items"]
    assert [each["payload"]["fields"] for each in changes if each["kind"] == "practice.changed"] == [["responsible"]]
    await give(cast.elm, lea.member_id)  # as it is: nothing has changed
    assert len((await ana.get(f"{PATH}/{cast.elm}/changes"))["items"]) == len(changes)
    # Whoever no longer sees a practice, or has gone, looks after it no more.
    await ana.call("PATCH", f"/v1/members/{lea.member_id}", json={"practices": [cast.cedar]})
    assert await listed(ana, "none") == ["Elm"]
    await ana.call("DELETE", f"/v1/members/{tom.member_id}")
    assert sorted(await listed(ana, "none")) == ["Cedar", "Elm"]
    await give(cast.elm, ana.member_id)
    assert (await give(cast.elm, None)).json() is None
    assert sorted(await listed(ana, "none")) == ["Cedar", "Elm"]
