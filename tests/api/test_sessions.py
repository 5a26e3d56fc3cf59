"""Sessions of people: who they are, how long they hold, how they end."""

from datetime import timedelta

import pytest

from tests.support.cast import Cast
from tests.support.refusals import refusal


async def test_everybody_sees_what_their_role_and_their_practices_are(cast: Cast) -> None:
    seen = {}
    for person in (
        await cast.ana(),
        await cast.tom(),
        await cast.lea(),
        await cast.ivo(),
        await cast.paz(),
        await cast.zoe(),
    ):
        page = await person.get("/v1/practices")
        seen[person.name] = {row["name"] for row in page["items"]}
    everything, cedar = {"Cedar", "Elm"}, {"Cedar"}
    assert seen == {
        "Ana": everything,
        "Tom": cedar,
        "Lea": everything,
        "Ivo": everything,
        "Dr Paz": cedar,
        "Zoe": cedar,
    }


async def test_an_idle_session_ends_and_a_used_one_goes_on(cast: Cast) -> None:
    idle, busy = await cast.ana(), await cast.ana()
    for _ in range(3):
        cast.clock.advance(timedelta(minutes=14))
        await busy.get("/v1/practices")
    assert refusal(await idle.call("GET", "/v1/practices")) == (401, "auth.unauthenticated")
