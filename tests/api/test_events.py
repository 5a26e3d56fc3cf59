"""The change feed page by page: in order, without gap or repetition, and only what a caller may see."""

from typing import Any

import asyncpg
import pytest

from tests.support.cast import Caller, Cast
from tests.support.refusals import refusal
from vigie.core.db import connect


async def all_pages(caller: Caller, limit: int = 3, after: int = 0) -> list[dict[str, Any]]:
    """Read the feed to its end."""
    items: list[dict[str, Any]] = []
    more = True
    while more:
        page = await caller.get(f"/v1/events?after={after}&limit={limit}")
        assert len(page["items"]) <= limit
        items += page["items"]
        after, more = page["next_after"], page["more"]
    return items


async def test_the_feed_is_read_in_order_and_continues_where_it_ended(cast: Cast) -> None:
    before = await all_pages(cast.pia)
    for number in range(5):
        await cast.pia.practice(f"Ash {number}")
    items = await all_pages(cast.pia)
    numbers = [item["number"] for item in items]
    assert numbers == list(range(1, len(items) + 1))
    assert items[: len(before)] == before
    assert [item["kind"] for item in items[len(before) :]] == ["practice.created", "posture.changed"] * 5
    end = await cast.pia.get(f"/v1/events?after={numbers[-1]}")
    assert end == {"items": [], "next_after": numbers[-1], "more": False}
    await cast.pia.practice("Ash again")
    following = await cast.pia.get(f"/v1/events?after={end['next_after']}")
    assert [item["number"] for item in following["items"]] == [numbers[-1] + 1, numbers[-1] + 2]


async def test_a_page_that_is_exactly_full_is_the_last_one(cast: Cast) -> None:
    known = len(await all_pages(cast.pia, limit=100))
    page = await cast.pia.get(f"/v1/events?limit={known}")
    assert (len(page["items"]), page["more"], page["next_after"]) == (known, False, known)
    page = await cast.pia.get(f"/v1/events?limit={known - 1}")
    assert (len(page["items"]), page["more"], page["next_after"]) == (known - 1, True, known - 1)


async def test_a_caller_reads_their_provider_and_their_practices_only(cast: Cast) -> None:
    elm = await cast.pia.call("PATCH", f"/v1/practices/{cast.elm}", json={"name": "Elm and sons"})
    assert elm.status_code == 200
    assert str(cast.elm) in str(await all_pages(cast.pia))
    assert str(cast.cedar) not in str(await all_pages(cast.bela))
    tom = await cast.tom()
    seen = (await tom.get("/v1/events?limit=500"))["items"]
    assert {item["practice_id"] for item in seen} == {str(cast.cedar)}
    # What they do not see is passed over, and not asked for again.
    page = await tom.get(f"/v1/events?limit={len(seen)}")
    assert (page["more"], page["next_after"]) == (False, (await cast.pia.get("/v1/events"))["next_after"])


async def test_a_scope_of_its_own_is_needed(cast: Cast) -> None:
    admitted = await cast.client(cast.pia, "events:read")
    assert (await admitted.call("GET", "/v1/events")).status_code == 200
    other = await cast.client(cast.pia, "practices:read")
    assert refusal(await other.call("GET", "/v1/events")) == (403, "auth.insufficient_scope")


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=501", "cursor=abc", f"after={2**63}"])
async def test_what_the_feed_does_not_know_is_refused(cast: Cast, query: str) -> None:
    assert refusal(await cast.pia.call("GET", f"/v1/events?{query}")) == (422, "request.invalid")


async def test_events_that_are_no_longer_kept_are_told_to_be_gone(cast: Cast, database_url: str) -> None:
    for number in range(4):
        await cast.pia.practice(f"Ash {number}")
    owner: asyncpg.Connection = await connect(database_url, {})
    try:
        await owner.execute("DELETE FROM event WHERE provider_id = $1 AND number < 3", cast.pia.provider_id)
    finally:
        await owner.close()
    gone = await cast.pia.call("GET", "/v1/events?after=1")
    assert refusal(gone) == (410, "events.expired")
    assert gone.json()["oldest"] == 3
    for after in (0, 2, 3):  # from the beginning of what there is; from just before it; from within
        page = await cast.pia.get(f"/v1/events?after={after}")
        assert page["items"][0]["number"] == max(3, after + 1)
