"""Numbers of the fleet are those after the last event, of the practices the caller sees; counted once until then."""

from datetime import timedelta
from typing import Any

from tests.support.agent import healthy, patch_section
from tests.support.cast import Cast
from vigie.auth.dependencies import Call
from vigie.overview.tallies import Tallies


async def test_a_summary_is_counted_anew_after_an_event_and_per_caller(cast: Cast) -> None:
    ana, tom, bea = await cast.ana(), await cast.tom(), await cast.bea()

    async def numbers() -> list[tuple[int, int, int]]:
        found = [await who.get("/v1/summary") for who in (ana, tom, bea)]
        return [(each["practices"], each["devices"]["reporting"], each["patch"]["critical"]) for each in found]

    assert await numbers() == await numbers() == [(2, 0, 0), (1, 0, 0), (1, 0, 0)]
    at = cast.clock.now()
    device = await cast.device(cast.elm)
    await device.report({**healthy(at), "patch": patch_section(at, security=2, age_days=40)})
    assert await numbers() == [(2, 1, 1), (1, 0, 0), (1, 0, 0)], "what concerns Elm is Ana's to know, not Tom's"
    failing = {each["control"]: each["practices"]["fail"] for each in await _controls(ana)}
    assert (failing["ANS-2.2"], await _failing(tom, "ANS-2.2")) == (1, 0)
    cast.clock.advance(timedelta(minutes=20))
    await device.report(healthy(cast.clock.now()))
    assert (await numbers())[0] == (2, 1, 0)
    assert await _failing(ana, "ANS-2.2") == 0
    await cast.pia.practice("Later")
    assert (await numbers())[0][0] == 3


async def _controls(who: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await who.get("/v1/checklist/summary"))["items"]
    return found


async def _failing(who: Any, control: str) -> int:
    return int(next(each["practices"]["fail"] for each in await _controls(who) if each["control"] == control))


async def test_a_count_is_made_once_until_an_event_or_a_minute_passes(cast: Cast) -> None:
    seconds, counts = [0.0], []
    tallies = Tallies(lambda: seconds[0])
    ana = await cast.parts.sessions.principal_of(next(iter((await cast.ana()).http.cookies.values())), cast.clock.now())
    assert ana is not None

    async def count(call: Call) -> int:
        counts.append(call.principal.subject)
        return len(counts)

    async def asked() -> int:
        async with cast.parts.database.session(ana.provider_id, write=False) as session:
            return await tallies.of(Call(ana, session, cast.clock.now()), count)

    assert [await asked(), await asked()] == [1, 1]
    await cast.pia.practice("Later")
    assert [await asked(), await asked()] == [2, 2]
    seconds[0] += 59
    assert await asked() == 2
    seconds[0] += 1
    assert [await asked(), await asked()] == [3, 3]
