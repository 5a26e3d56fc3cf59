"""The live feed over a real connection: in order, resumed where it broke, ended when the caller's right ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from tests.support.cast import Caller, Cast
from tests.support.people import Person
from tests.support.refusals import refusal
from tests.support.service import free_port
from vigie.commands.serve import Server

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    """The application of the test behind a real socket."""
    port = free_port()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.force_exit = server.should_exit = True
    await serving


class Stream:
    """A stream as a client reads it."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def next(self) -> dict[str, str]:
        """Return the fields of the next event; comments and empty ones are passed over."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(10):
            async for line in self._lines:
                if line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "data" in fields:
                    return fields
                elif not line:
                    fields = {}
        raise EOFError

    async def take(self, count: int) -> list[dict[str, Any]]:
        """Return the data of the next events, each checked against its id and kind."""
        found = []
        for _ in range(count):
            fields = await self.next()
            data = json.loads(fields["data"])
            assert (fields["id"], fields["event"]) == (str(data["number"]), data["kind"])
            found.append(data)
        return found


@asynccontextmanager
async def stream(address: str, headers: dict[str, str], query: str = "") -> AsyncIterator[Stream]:
    """Open a stream."""
    async with (
        httpx.AsyncClient(base_url=address, timeout=10) as http,
        http.stream("GET", f"/v1/events/stream{query}", headers={**STREAM, **headers}) as answer,
    ):
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        yield Stream(answer)


def bearer(caller: Caller) -> dict[str, str]:
    return {"Authorization": f"Bearer {caller.token}"}


def cookie_of(person: Person) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in person.http.cookies.items())}


async def rename(cast: Cast, name: str) -> None:
    answer = await cast.pia.call("PATCH", f"/v1/practices/{cast.cedar}", json={"name": name})
    assert answer.status_code == 200, answer.text


async def test_what_happens_arrives_in_order_and_a_broken_line_is_resumed(cast: Cast, address: str) -> None:
    async with stream(address, bearer(cast.pia)) as live:
        await asyncio.sleep(0)  # it begins now: what was before is not sent
        for number in range(3):
            await rename(cast, f"Ash {number}")
        first = await live.take(3)
    assert [event["kind"] for event in first] == ["practice.changed"] * 3
    await rename(cast, "Ash while nobody listened")
    async with stream(address, {**bearer(cast.pia), "Last-Event-ID": str(first[1]["number"])}) as live:
        resumed = await live.take(2)
    assert resumed[0] == first[2]
    assert resumed[1]["number"] == first[2]["number"] + 1
    listed = (await cast.pia.get(f"/v1/events?after={first[0]['number'] - 1}"))["items"]
    assert listed == [*first, resumed[1]]


async def test_a_stream_from_a_number_begins_with_what_is_there(cast: Cast, address: str) -> None:
    async with stream(address, bearer(cast.pia), "?after=0") as live:
        events = await live.take(2)
    assert [event["number"] for event in events] == [1, 2]


async def test_a_stream_tells_a_caller_of_their_practices_only(cast: Cast, address: str) -> None:
    tom = await cast.tom()
    async with stream(address, cookie_of(tom), "?after=0") as live:
        assert {event["practice_id"] for event in await live.take(1)} == {str(cast.cedar)}
        await cast.pia.call("PATCH", f"/v1/practices/{cast.elm}", json={"name": "Elm renamed"})
        await cast.pia.call("PATCH", f"/v1/practices/{cast.cedar}", json={"name": "Cedar renamed"})
        assert [event["practice_id"] for event in await live.take(1)] == [str(cast.cedar)]


async def test_a_stream_ends_when_its_client_is_revoked(cast: Cast, address: str) -> None:
    narrow = await cast.client(cast.pia, "events:read")
    ana = await cast.ana()
    async with stream(address, bearer(narrow), "?after=0") as live:
        await live.take(1)
        revoked = await ana.call("DELETE", f"/v1/clients/{narrow.client_id}")
        assert revoked.status_code == 204, revoked.text
        await cast.pia.practice("Ash")  # something to look up for
        with pytest.raises(EOFError):
            await live.take(50)


async def test_a_server_that_is_told_to_stop_ends_its_streams_and_waits_for_nobody(
    own_app: FastAPI, cast: Cast
) -> None:
    port = free_port()
    server = Server(own_app, host="127.0.0.1", port=port, lifespan="off")
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)
    async with stream(f"http://127.0.0.1:{port}", bearer(cast.pia)) as feed:
        await rename(cast, "Cèdre A")
        assert [event["kind"] for event in await feed.take(1)] == ["practice.changed"]
        server.should_exit = True
        with pytest.raises(EOFError):
            await feed.next()  # it ends as a whole answer does: a broken one would raise something else
    async with asyncio.timeout(10):  # it may take 25 s
        await serving


async def test_only_who_asks_for_a_stream_gets_one(cast: Cast) -> None:
    answer = await cast.pia.call("GET", "/v1/events/stream", headers={"Accept": "application/json"})
    assert refusal(answer) == (406, "events.stream_only")


@pytest.mark.parametrize("query", ["?after=-1", "?after=x", "?limit=5"])
async def test_what_the_stream_does_not_know_is_refused(cast: Cast, query: str) -> None:
    answer = await cast.pia.call("GET", f"/v1/events/stream{query}", headers=STREAM)
    assert refusal(answer) == (422, "request.invalid")
