"""A preview says what changed thresholds would turn, and turns nothing."""

from typing import Any

import pytest

from tests.conftest import NOW
from tests.support.agent import Agent, healthy, patch_section
from tests.support.cast import Cast
from tests.support.people import Person
from tests.support.rows import holdings
from vigie.core.db import Database

CONTROL = "ANS-2.2"


async def reporting(cast: Cast, days: int, practice: str | None = None) -> Agent:
    device = await cast.device(practice)
    pending = {"security": 1, "critical": 0, "other": 0, "max_age_days": days, "items": []}
    await device.report({**healthy(NOW), "patch": patch_section(NOW, pending=pending)})
    return device


async def preview(person: Person, practice: str | None, **patch: int) -> dict[str, Any]:
    body = {"practice_id": practice, "thresholds": {"patch": patch}}
    answer = await person.call("POST", "/v1/policies/preview", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_preview_says_which_devices_of_which_practices_would_turn(cast: Cast) -> None:
    ana = await cast.ana()
    late, later = await reporting(cast, 12), await reporting(cast, 20, cast.elm)
    await reporting(cast, 2)
    told = await preview(ana, None, security_pass_days=10, security_warn_days=15)
    assert (told["complete"], told["devices_judged"], told["practices_changing"]) == (True, 3, 2)
    (control,) = told["controls"]
    assert (control["control"], control["practices"]) == (CONTROL, 2)
    assert control["devices"] == [
        {"from": "pass", "to": "warn", "devices": 1},
        {"from": "warn", "to": "fail", "devices": 1},
    ]
    assert {each["practice_id"]: each["controls"] for each in told["practices"]} == {
        cast.cedar: [{"control": CONTROL, "from": "pass", "to": "warn", "devices": [late.device_id]}],
        cast.elm: [{"control": CONTROL, "from": "warn", "to": "fail", "devices": [later.device_id]}],
    }
    only = await preview(ana, cast.elm, security_pass_days=10, security_warn_days=15)
    assert (only["devices_judged"], [each["practice_id"] for each in only["practices"]]) == (1, [cast.elm])
    nothing = await preview(ana, None, security_pass_days=13)
    assert (nothing["controls"], nothing["practices"], nothing["practices_changing"]) == ([], [], 0)


async def test_a_preview_is_what_then_happens_to_a_report(cast: Cast) -> None:
    ana = await cast.ana()
    device = await reporting(cast, 12)
    told = await preview(ana, cast.cedar, security_pass_days=10)
    await ana.call(
        "PUT", "/v1/policies", json={"practice_id": cast.cedar, "thresholds": {"patch": {"security_pass_days": 10}}}
    )
    pending = {"security": 1, "critical": 0, "other": 1, "max_age_days": 12, "items": []}
    await device.report({**healthy(NOW), "patch": patch_section(NOW, pending=pending)})
    items = (await cast.pia.get(f"/v1/devices/{device.device_id}/findings"))["items"]
    found = next(item["state"] for item in items if item["control"] == CONTROL)
    assert found == told["controls"][0]["devices"][0]["to"] == "warn"
    again = await preview(ana, cast.cedar, security_pass_days=10)
    assert (again["controls_judged"], again["devices_judged"]) == ([], 0)  # what is so already turns nothing


async def test_a_preview_writes_nothing(cast: Cast, fresh_rows: Database) -> None:
    ana = await cast.ana()
    await reporting(cast, 12)
    before = await holdings(fresh_rows, cast.pia.provider_id)
    assert (await preview(ana, None, security_pass_days=10))["practices_changing"] == 1
    assert await holdings(fresh_rows, cast.pia.provider_id) == before


@pytest.fixture
async def fresh_rows(cast: Cast) -> Any:
    assert cast.settings.database_url is not None
    database = Database(cast.settings.database_url.get_secret_value(), {}, 1)
    yield database
    await database.close()


async def test_a_preview_is_refused_as_the_change_would_be(cast: Cast) -> None:
    ana = await cast.ana()
    for person, practice, days, expected in (
        (ana, None, 14, (200, None)),
        (ana, None, 61, (422, "policy.out_of_bounds")),
        (ana, None, 31, (422, "policy.contradictory")),
        (ana, cast.fir, 14, (404, "not_found")),
        (await cast.lea(), None, 14, (403, "auth.insufficient_scope")),
    ):
        body = {"practice_id": practice, "thresholds": {"patch": {"security_pass_days": days}}}
        answer = await person.call("POST", "/v1/policies/preview", json=body)
        assert (answer.status_code, answer.json().get("code")) == expected
