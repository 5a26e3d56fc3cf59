"""The catalogue as callers read it: seventy points, in their language, filtered, one by one."""

import pytest

from tests.support.cast import Cast
from tests.support.refusals import refusal
from vigie.posture.catalogue import load_catalogue

PATH = "/v1/controls"
FRENCH = {"Accept-Language": "fr-FR,fr;q=0.9"}


async def test_it_lists_seventy_points_of_which_thirty_one_are_automatic(cast: Cast) -> None:
    found = await cast.pia.get(PATH)
    assert len(found["items"]) == 70
    assert found["automatic"] == sum(item["kind"] == "automatic" for item in found["items"]) == 31
    assert [rule["id"] for rule in found["rules"]] == list(range(1, 11))
    assert found["versions"][-1] == found["version"]
    assert "not the text of the ANS" in found["notice"]
    assert {source for item in found["items"] for source in item["sources"]} == set(found["sources"])


async def test_a_point_says_what_it_means_who_answers_and_by_which_numbers_it_is_judged(cast: Cast) -> None:
    items = {item["id"]: item for item in (await cast.pia.get(PATH))["items"]}
    patches, premises = items["ANS-2.2"], items["ANS-1.1"]
    assert {"key": "patch.security_pass_days", "default": 14} in patches["thresholds"]
    assert {"key": "freshness.fresh_hours", "default": 24} in patches["thresholds"]
    assert (patches["telemetry"], patches["weight"], patches["kind"]) == (["patch"], 3, "automatic")
    assert (premises["telemetry"], premises["thresholds"], premises["weight"]) == ([], [], 1)
    assert (premises["responsible"], premises["every"]) == (["practice"], "12m")
    assert all(2 <= len(item["steps"]) <= 5 and item["meaning"] for item in items.values())
    assert {name for name, item in items.items() if item["bulk"]} <= {
        name for name, item in items.items() if item["kind"] == "provider"
    }


async def test_it_speaks_the_language_it_is_asked_in(cast: Cast) -> None:
    catalogue = load_catalogue()
    for headers, language in (({}, "en"), (FRENCH, "fr"), ({"Accept-Language": "de"}, "en")):
        answer = await cast.pia.call("GET", PATH, headers=headers)
        assert (answer.json()["language"], answer.headers["Content-Language"]) == (language, language)
        assert "Accept-Language" in answer.headers["Vary"]
        for item in answer.json()["items"]:
            control = catalogue.controls[item["id"]]
            assert item["title"] == getattr(control.title, language)
            assert item["meaning"] == getattr(control.meaning, language)
            assert item["steps"] == list(getattr(control.steps, language))


async def test_kind_and_rule_are_filters(cast: Cast) -> None:
    items = (await cast.pia.get(PATH))["items"]
    for params in ({"kind": "practice"}, {"rule": 2}, {"kind": "provider", "rule": 3}):
        expected = [item for item in items if all(item[name] == value for name, value in params.items())]
        found = await cast.pia.get(PATH, params=params)
        assert found["items"] == expected
        assert 0 < len(expected) < 70
        assert found["automatic"] == 31, "the count is of the catalogue, not of the filter"


@pytest.mark.parametrize("params", [{"kind": "magic"}, {"rule": 11}, {"rule": 0}, {"colour": "red"}, {"version": "1"}])
async def test_a_filter_nobody_knows_is_refused(cast: Cast, params: dict[str, str]) -> None:
    await cast.pia.get(PATH, params={"version": load_catalogue().version})
    assert refusal(await cast.pia.call("GET", PATH, params=params)) == (422, "request.invalid")


async def test_an_unchanged_catalogue_is_not_sent_again_but_another_language_is(cast: Cast) -> None:
    first = await cast.pia.call("GET", PATH)
    known = {"If-None-Match": first.headers["ETag"]}
    assert (await cast.pia.call("GET", PATH, headers=known)).status_code == 304
    assert (await cast.pia.call("GET", PATH, headers={**known, **FRENCH})).status_code == 200


async def test_one_point_is_read_by_its_id(cast: Cast) -> None:
    found = await cast.pia.get(f"{PATH}/ANS-8.5", headers=FRENCH)
    listed = next(item for item in (await cast.pia.get(PATH, headers=FRENCH))["items"] if item["id"] == "ANS-8.5")
    assert listed.items() <= found.items()
    assert found["rule_title"] == load_catalogue().rules[8].title.fr
    assert set(found["source_titles"]) == set(found["sources"])
    assert refusal(await cast.pia.call("GET", f"{PATH}/ANS-8.6")) == (404, "not_found")
    assert refusal(await cast.pia.call("GET", f"{PATH}/ANS-8.5", params={"version": "1"})) == (422, "request.invalid")
