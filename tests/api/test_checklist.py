"""The checklist of a practice: points that add up, sentences in two languages, and the way to the proof of each state."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from fastapi import FastAPI

from tests.support.agent import healthy, patch_section
from tests.support.budget import statements_of
from tests.support.cast import Cast
from tests.support.refusals import refusal
from vigie.core.clock import wire_time
from vigie.overview.checklist_schemas import ChecklistOut

FRENCH = {"Accept-Language": "fr"}
MOST_STATEMENTS = 12


async def checklist(cast: Cast, practice: str | None = None, **options: Any) -> dict[str, Any]:
    """Return the checklist of Cedar, or of the practice given.

    It is written without its model: each one that any test reads is, to the byte, what the model would have written.
    """
    answer = await cast.pia.call("GET", f"/v1/practices/{practice or cast.cedar}/checklist", **options)
    assert answer.status_code == 200, answer.text
    assert answer.content == ChecklistOut.model_validate_json(answer.content).model_dump_json().encode()
    found: dict[str, Any] = answer.json()
    return found


def controls_of(found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the controls of a checklist by their ids."""
    return {control["id"]: control for rule in found["rules"] for control in rule["controls"]}


def check_sums(found: Mapping[str, Any]) -> None:
    """Every level is the sum of the one below, and the score is what the points say."""
    for part in ("earned", "possible"):
        for rule in found["rules"]:
            assert rule["points"][part] == sum(control["points"][part] for control in rule["controls"]), rule["id"]
        assert found["points"][part] == sum(rule["points"][part] for rule in found["rules"])
    if found["score"] is not None:
        points = found["points"]
        assert found["score"] == int(points["earned"] * 2) * 100 // int(points["possible"] * 2)


async def test_points_add_up_from_controls_to_the_score_and_the_list_shows_the_same(cast: Cast) -> None:
    device = await cast.device()
    await device.report(healthy(cast.clock.now()))
    found = await checklist(cast)
    check_sums(found)
    assert len(controls_of(found)) == 70
    rows = {row["id"]: row for row in (await cast.pia.get("/v1/practices"))["items"]}
    assert rows[cast.cedar]["score"] == found["score"] > 0
    assert (rows[cast.cedar]["checklist"], rows[cast.elm]["score"]) == (found["light"], 0)
    practice = await cast.pia.get(f"/v1/practices/{cast.cedar}")
    assert practice["posture"]["score"] == found["score"]
    earlier = found["score"]
    cast.clock.advance(timedelta(hours=1))
    await device.report({"patch": patch_section(cast.clock.now(), security=2, age_days=40)})
    found = await checklist(cast)
    check_sums(found)
    assert found["score"] < earlier


async def test_each_state_of_a_device_leads_to_the_heartbeat_that_told_it(cast: Cast) -> None:
    device = await cast.device()
    first_at = cast.clock.now()
    await device.report(healthy(first_at))
    cast.clock.advance(timedelta(hours=1))
    second_at = cast.clock.now()
    await device.report({"patch": patch_section(second_at, security=2, age_days=40)})
    cast.clock.advance(timedelta(hours=1))
    await device.report()
    controls = controls_of(await checklist(cast))
    patches, backup = controls["ANS-2.2"], controls["ANS-5.1"]
    assert (patches["state"], patches["devices_in_state"], patches["devices_concerned"]) == ("fail", 1, 1)
    [proof] = patches["devices"]
    assert (proof["device_id"], proof["alias"]) == (device.device_id, "accueil-1")
    assert (proof["state"], proof["reason"]) == ("fail", "security_updates_overdue")
    assert proof["told_by"] == [{"section": "patch", "sequence": 2, "received_at": wire_time(second_at)}]
    assert proof["last_heartbeat"] == {"sequence": 3, "received_at": wire_time(cast.clock.now())}
    assert (proof["since"], proof["evidence"]["oldest_days"]) == (wire_time(second_at), 40)
    assert backup["devices"][0]["told_by"] == [{"section": "backup", "sequence": 1, "received_at": wire_time(first_at)}]
    assert [told["section"] for told in controls["ANS-2.1"]["devices"][0]["told_by"]] == ["os", "patch"]
    assert patches["valid_until"] == min(filter(None, [one["valid_until"] for one in patches["devices"]]), default=None)


async def test_the_reason_is_a_sentence_with_its_numbers_in_both_languages(cast: Cast) -> None:
    device = await cast.device()
    await device.report(
        {**healthy(cast.clock.now()), "patch": patch_section(cast.clock.now(), security=2, age_days=40)}
    )
    english = controls_of(await checklist(cast))["ANS-2.2"]["devices"][0]
    french = controls_of(await checklist(cast, headers=FRENCH))["ANS-2.2"]["devices"][0]
    assert english["says"] == "A security update has been missing for more than 30 days (40 days)."
    assert french["says"] == "Un correctif de sécurité manque depuis plus de 30 jours (40 jours)."
    assert (french["reason"], french["evidence"]) == (english["reason"], english["evidence"])
    for headers in ({}, FRENCH):
        for control in controls_of(await checklist(cast, headers=headers)).values():
            for sentence in (control, *control["devices"], *filter(None, [control["answer"]])):
                for text in (sentence["says"], sentence["next"]):
                    assert text.endswith("."), text
                    assert "{" not in text, text
                    assert "None" not in text, text


async def test_nobody_heard_is_unknown_but_for_the_incident_card_that_is_not_there(cast: Cast) -> None:
    found = await checklist(cast, cast.elm)
    check_sums(found)
    assert (found["score"], found["light"], found["not_compared"]) == (0, "critical", "nothing_known")
    assert found["points"]["earned"] == 0
    controls = controls_of(found)
    assert (controls["ANS-10.2"]["state"], controls["ANS-10.2"]["reason"]) == ("fail", "card_missing")
    assert {control["state"] for name, control in controls.items() if name != "ANS-10.2"} == {"unknown"}
    assert (controls["ANS-2.2"]["reason"], controls["ANS-2.2"]["since"]) == ("no_device_assessed", None)


async def test_improvements_bring_what_they_promise(cast: Cast) -> None:
    device = await cast.device()
    await device.report(
        {**healthy(cast.clock.now()), "patch": patch_section(cast.clock.now(), security=2, age_days=40)}
    )
    found = await checklist(cast)
    offered = {item["control"]: item for item in found["improvements"]}
    assert [item["gain"] for item in found["improvements"]] == sorted(
        (item["gain"] for item in found["improvements"]), reverse=True
    )
    assert offered["ANS-2.2"]["gain"] == 3
    cast.clock.advance(timedelta(hours=1))
    await device.report({"patch": patch_section(cast.clock.now())})
    assert (await checklist(cast))["score"] == offered["ANS-2.2"]["score_then"]


async def test_a_practice_is_compared_only_where_each_one_is_hidden(cast: Cast) -> None:
    others = [await cast.pia.practice(f"Practice {number}") for number in range(8)]
    for practice in (cast.cedar, *others):
        await (await cast.device(practice)).report(healthy(cast.clock.now()))
    found = await checklist(cast)
    assert (found["compared"], found["not_compared"]) == (None, "too_few_practices")
    late = patch_section(cast.clock.now(), security=2, age_days=40)
    await (await cast.device(cast.elm)).report({**healthy(cast.clock.now()), "patch": late})
    best, worst = await checklist(cast), await checklist(cast, cast.elm)
    assert best["compared"] == {"median": best["score"], "place": 1, "practices": 10}
    assert worst["compared"] == {"median": best["score"], "place": 10, "practices": 10}
    assert worst["not_compared"] is None


async def test_the_short_one_and_one_of_some_points_say_the_same_as_the_whole(cast: Cast, app: FastAPI) -> None:
    late = {**healthy(cast.clock.now()), "patch": patch_section(cast.clock.now(), security=2, age_days=40)}
    for sections in (late, healthy(cast.clock.now())):
        await (await cast.device()).report(sections)
    with statements_of(app) as for_all:
        whole = await checklist(cast)
    with statements_of(app) as for_few:
        short = await checklist(cast, params={"brief": True})
    assert len(for_few) <= len(for_all) - 3
    bare: dict[str, Any] = {"evidence": {}, "threshold": {}, "told_by": [], "last_heartbeat": None}
    for name, control in (everything := controls_of(whole)).items():
        amiss = [{**each, **bare} for each in control["devices"] if each["state"] in {"fail", "warn", "unknown"}]
        assert controls_of(short)[name] == {**control, "devices": amiss, "thresholds": []}, name
    assert 0 < len(controls_of(short)["ANS-2.2"]["devices"]) < len(everything["ANS-2.2"]["devices"])
    left_out: dict[str, Any] = {"improvements": [], "trend": [], "compared": None, "not_compared": None}
    assert {**short, "rules": []} == {**whole, **left_out, "rules": []}

    two = {"control": ["ANS-2.2", "ANS-8.5"]}
    for found, params in ((whole, two), (short, {**two, "brief": True})):
        rules = [
            {**rule, "controls": [each for each in rule["controls"] if each["id"] in two["control"]]}
            for rule in found["rules"]
        ]
        assert await checklist(cast, params=params) == {**found, "rules": [rule for rule in rules if rule["controls"]]}
    wrong = await cast.pia.call(
        "GET", f"/v1/practices/{cast.cedar}/checklist", params={"control": ["ANS-2.2", "ANS-2.99"]}
    )
    assert refusal(wrong) == (422, "request.invalid")


async def test_it_costs_the_same_few_statements_however_many_devices(cast: Cast, app: FastAPI) -> None:
    await (await cast.device()).report(healthy(cast.clock.now()))
    with statements_of(app) as one:
        await checklist(cast)
    for _ in range(4):
        await (await cast.device()).report(healthy(cast.clock.now()))
    with statements_of(app) as five:
        await checklist(cast)
    assert len(one) == len(five) <= MOST_STATEMENTS, five


async def test_a_practitioner_reads_their_own_checklist_only(cast: Cast) -> None:
    paz = await cast.paz()
    assert (await paz.call("GET", f"/v1/practices/{cast.cedar}/checklist")).status_code == 200
    assert refusal(await paz.call("GET", f"/v1/practices/{cast.elm}/checklist")) == (404, "not_found")
    wrong = await paz.call("GET", f"/v1/practices/{cast.cedar}/checklist", params={"trend_days": 366})
    assert refusal(wrong) == (422, "request.invalid")


async def test_an_archived_practice_has_no_checklist(cast: Cast) -> None:
    await checklist(cast, cast.elm)
    await cast.pia.call("DELETE", f"/v1/practices/{cast.elm}")
    gone = await cast.pia.call("GET", f"/v1/practices/{cast.elm}/checklist")
    assert refusal(gone) == (404, "not_found")


async def test_the_summary_counts_the_practices_one_sees_and_the_list_names_them(cast: Cast) -> None:
    yew = await cast.pia.practice("Yew")
    late = patch_section(cast.clock.now(), security=2, age_days=40)
    await (await cast.device()).report(healthy(cast.clock.now()))
    await (await cast.device(yew)).report({**healthy(cast.clock.now()), "patch": late})
    found = await cast.pia.get("/v1/checklist/summary")
    items = {item["control"]: item["practices"] for item in found["items"]}
    assert (found["practices"], len(items)) == (3, 70)
    assert items["ANS-2.2"] == {"pass": 1, "warn": 0, "fail": 1, "unknown": 1, "not_applicable": 0}
    assert all(sum(counts.values()) == 3 for counts in items.values())
    fails = [item["practices"]["fail"] for item in found["items"]]
    assert fails == sorted(fails, reverse=True)
    for state, expected in (("fail", ["Yew"]), ("pass", ["Cedar"]), ("unknown", ["Elm"]), ("warn", [])):
        page = await cast.pia.get("/v1/practices", params={"control": "ANS-2.2", "state": state})
        assert [row["name"] for row in page["items"]] == expected, state
    default = await cast.pia.get("/v1/practices", params={"control": "ANS-2.2"})
    assert [row["id"] for row in default["items"]] == [yew]


async def test_who_sees_one_practice_counts_one_practice(cast: Cast) -> None:
    yew = await cast.pia.practice("Yew")
    await (await cast.device()).report(healthy(cast.clock.now()))
    late = patch_section(cast.clock.now(), security=2, age_days=40)
    await (await cast.device(yew)).report({**healthy(cast.clock.now()), "patch": late})
    whole, own = (
        await (await cast.lea()).get("/v1/checklist/summary"),
        await (await cast.tom()).get("/v1/checklist/summary"),
    )
    assert (whole["practices"], own["practices"]) == (3, 1)
    fails = {item["control"]: item["practices"]["fail"] for item in own["items"]}
    assert fails["ANS-2.2"] == 0
    page = await (await cast.tom()).get("/v1/practices", params={"control": "ANS-2.2"})
    assert page["items"] == []


async def test_a_control_that_does_not_exist_is_no_filter(cast: Cast) -> None:
    await cast.pia.get("/v1/practices", params={"control": "ANS-2.2", "state": "fail"})
    for params in ({"control": "ANS-2.99"}, {"control": "ANS-2.2", "state": "red"}, {"control": "'"}):
        assert refusal(await cast.pia.call("GET", "/v1/practices", params=params)) == (422, "request.invalid")
