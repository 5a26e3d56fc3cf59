"""A creating request that is sent again under its `Idempotency-Key` creates nothing twice."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.support.cast import Caller, Cast
from tests.support.refusals import refusal
from tests.support.rows import holdings
from vigie.core.db import Database

NEW = {"name": "Ash", "profession": "nurse", "city": "Brest"}
KEY = "9f5c2f1e-1d5c-4a55-9a0e-1f7b6b7f2f10"


async def create(caller: Caller, body: Any = None, key: str = KEY, path: str = "/v1/practices") -> httpx.Response:
    """Send a creating request under a key."""
    return await caller.call("POST", path, json=NEW if body is None else body, headers={"Idempotency-Key": key})


async def named(caller: Caller, name: str) -> int:
    """Return how many practices have this name."""
    return len((await caller.get("/v1/practices", params={"q": name}))["items"])


async def test_the_same_request_again_is_answered_as_the_first_time(cast: Cast, database: Database) -> None:
    first = await create(cast.pia)
    cast.clock.advance(timedelta(hours=23))
    before = await holdings(database, cast.pia.provider_id)
    again = await create(cast.pia)
    rewritten = await create(
        cast.pia, {"city": "Brest", "profession": "nurse", "name": "Ash", "time_zone": "Europe/Paris"}
    )
    assert (first.status_code, again.status_code, rewritten.status_code) == (201, 201, 201)
    assert first.json() == again.json() == rewritten.json()
    assert await holdings(database, cast.pia.provider_id) == before


async def test_without_a_key_or_under_another_each_request_creates(cast: Cast) -> None:
    await create(cast.pia)
    await create(cast.pia, key="another")
    await cast.pia.post("/v1/practices", NEW)
    assert await named(cast.pia, "ash") == 3


async def test_another_request_under_the_same_key_is_refused(cast: Cast, database: Database) -> None:
    await create(cast.pia)
    before = await holdings(database, cast.pia.provider_id)
    other_body = await create(cast.pia, {**NEW, "city": "Nantes"})
    other_route = await create(cast.pia, {}, path=f"/v1/practices/{cast.cedar}/enrolment-tokens")
    other_client = await create(await cast.client(cast.pia, "practices:write"))
    for answer in (other_body, other_route, other_client):
        assert refusal(answer) == (409, "request.idempotency_conflict")
    assert await holdings(database, cast.pia.provider_id) == before


async def test_a_key_is_the_provider_s_own(cast: Cast) -> None:
    atlas, borea = await create(cast.pia), await create(cast.bela)
    assert (atlas.status_code, borea.status_code) == (201, 201)
    assert atlas.json()["id"] != borea.json()["id"]


async def test_a_key_is_forgotten_after_a_day(cast: Cast, database: Database) -> None:
    first = await create(cast.pia)
    await create(cast.pia, key="another")
    cast.clock.advance(timedelta(hours=24))
    later = await create(cast.pia, {**NEW, "city": "Nantes"})
    kept = (await holdings(database, cast.pia.provider_id))["idempotency_key"]
    assert later.status_code == 201
    assert later.json()["id"] != first.json()["id"]
    assert [row["key"] for row in kept] == [KEY]


async def test_a_refused_request_may_be_corrected_under_its_key(cast: Cast) -> None:
    await cast.pia.post("/v1/practices", {**NEW, "external_ref": "A-1"})
    taken = await create(cast.pia, {**NEW, "external_ref": "A-1"})
    invalid = await create(cast.pia, {**NEW, "profession": "plumber"})
    right = await create(cast.pia, {**NEW, "external_ref": "A-2"})
    assert refusal(taken) == (409, "practice.reference_taken")
    assert refusal(invalid) == (422, "request.invalid")
    assert right.status_code == 201


async def test_requests_that_come_together_create_once(cast: Cast) -> None:
    answers = await asyncio.gather(*(create(cast.pia) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await named(cast.pia, "ash") == 1


async def test_a_token_is_created_once_and_its_text_is_not_kept(cast: Cast, database: Database) -> None:
    path = f"/v1/practices/{cast.cedar}/enrolment-tokens"
    first = await create(cast.pia, {"label": "x"}, path=path)
    again = await create(cast.pia, {"label": "x"}, path=path)
    stored = repr(await holdings(database, cast.pia.provider_id))
    assert first.status_code == 201
    assert refusal(again) == (409, "request.already_done")
    assert again.json()["id"] == first.json()["id"]
    assert len((await cast.pia.get(path))["items"]) == 1
    assert first.json()["token"] not in stored + again.text


@pytest.mark.parametrize("key", ["", "two words", "x" * 129])
async def test_a_key_of_another_form_is_refused(cast: Cast, key: str) -> None:
    answer = await create(cast.pia, key=key)
    assert refusal(answer) == (422, "request.invalid")
    assert await named(cast.pia, "ash") == 0
