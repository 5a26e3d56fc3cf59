"""The two daily messages at their hours, and a notification to a webhook as its receiver verifies it."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest
from standardwebhooks.webhooks import Webhook

from tests.conftest import settings_for
from tests.support.agent import healthy
from tests.support.cast import Cast
from tests.support.rows import execute
from vigie.alerts.daily import Daily
from vigie.alerts.delivery import Delivery
from vigie.alerts.sending import Post
from vigie.core.db import Database, connect, role_url
from vigie.core.outbound import Outbound, Reach
from vigie.core.sealing import load_sealer, new_sealing_key
from vigie.overview.describing import describe
from vigie.overview.opening_check import reasons_against
from vigie.settings import Settings

WEEKDAYS = {"weekly": {"monday": [{"from": "09:00", "to": "18:00"}], "wednesday": [{"from": "09:00", "to": "18:00"}]}}


@pytest.fixture
def settings(fresh_database_url: str, key_file: Path, tmp_path: Path) -> Settings:
    """Settings of a database in which the test is alone, with a key to seal secrets."""
    (tmp_path / "sealing").write_bytes(new_sealing_key())
    return settings_for(fresh_database_url, key_file, sealing_key_file=tmp_path / "sealing")


@pytest.fixture
async def as_worker(settings: Settings) -> AsyncIterator[tuple[Database, asyncpg.Connection]]:
    """The database as the worker sees it, and a connection."""
    database = Database(*role_url(settings, "vigie_worker"), pool_size=1)
    connection = await connect(*role_url(settings, "vigie_worker"))
    yield database, connection
    await connection.close()
    await database.close()


class Receiver(httpx.AsyncBaseTransport):
    """A receiver of webhooks: keeps what it was sent and answers what it is told to."""

    def __init__(self) -> None:
        self.status = 204
        self.taken: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Keep and answer."""
        self.taken.append(request)
        return httpx.Response(self.status)


def post_to(receiver: Receiver, settings: Settings) -> Post:
    """Return what notifications are sent with when everything outside is this receiver."""

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34"]

    async def connect_to(_certificate: object) -> Receiver:
        return receiver

    outbound = Outbound(resolve=resolve, connect=connect_to)
    return Post(outbound, Reach.PUBLIC, None, load_sealer(settings.sealing_key_file), "https://vigie.example", describe)


async def test_the_eve_of_a_working_day_and_the_end_of_any(
    cast: Cast, settings: Settings, as_worker: tuple[Database, asyncpg.Connection]
) -> None:
    database, connection = as_worker
    ana = await cast.ana()
    server = await cast.device()
    await server.report(healthy(cast.clock.now()))
    assert (await ana.call("PUT", f"/v1/practices/{cast.cedar}/opening-hours", json=WEEKDAYS)).status_code == 200
    hook = {"kind": "webhook", "name": "Soir", "url": "https://atlas.example/hook"}
    made = await ana.post(
        "/v1/channels", hook | {"opening_check_at": "19:00", "digest_at": "18:30", "practices": [cast.cedar]}
    )
    receiver = Receiver()
    delivery, daily = Delivery(database, post_to(receiver, settings), cast.clock), Daily(database, reasons_against)

    async def evening(at: str) -> list[dict[str, Any]]:
        cast.clock.move_to(datetime.fromisoformat(at))
        receiver.taken.clear()
        await daily.run(connection, cast.clock.now())
        assert await daily.run(connection, cast.clock.now()) == 0
        await delivery.run(connection)
        await delivery.finish()
        return [orjson.loads(request.content) for request in receiver.taken]

    assert await evening("2026-11-17T17:29:59Z") == []
    digest, opening = sorted(await evening("2026-11-17T18:00:00Z"), key=lambda each: str(each["type"]))
    assert (digest["type"], digest["data"]["details"]["open"]) == ("digest", [])
    assert digest["data"]["title"] == "Aucune alerte ouverte"
    assert (opening["type"], opening["data"]["practice"]["id"]) == ("opening_check", cast.cedar)
    [verdict] = opening["data"]["details"]["practices"]
    assert (verdict["name"], verdict["verdict"]) == ("Cedar", "yes")
    assert opening["data"]["title"] == "Cedar\N{NO-BREAK SPACE}: oui"
    for request in receiver.taken:
        body = Webhook(made["secret"])
        headers = {name.lower(): value for name, value in request.headers.items()}
        parts = [headers["webhook-id"], headers["webhook-timestamp"], request.content.decode()]
        at = cast.clock.now()
        assert int(parts[1]) == int(at.timestamp())
        assert headers["webhook-signature"] == body.sign(parts[0], at, parts[2])
    assert [each["type"] for each in await evening("2026-11-18T18:00:00Z")] == ["digest"]  # on Thursday Cedar is closed
    shown = await (await cast.ana()).get(f"/v1/channels/{made['id']}")
    assert (shown["next_digest_at"], shown["next_opening_check_at"]) == ("2026-11-19T17:30:00Z", "2026-11-19T18:00:00Z")
    missed = await evening("2026-11-25T18:00:00Z")  # after a week's stop: one digest, not seven
    assert [each["type"] for each in missed] == ["digest"]
    receiver.status = 410
    ana = await cast.ana()
    await ana.post(f"/v1/channels/{made['id']}/test")
    cast.clock.advance(timedelta(seconds=1))
    await delivery.run(connection)
    await delivery.finish()
    gone = await ana.get(f"/v1/channels/{made['id']}")
    assert (gone["enabled"], gone["disabled_why"], gone["next_digest_at"]) == (False, "webhook.status_410", None)


async def test_what_speaks_against_opening(cast: Cast, database: Database, as_worker: Any) -> None:
    worker, _ = as_worker
    device = await cast.device()
    await device.report(healthy(cast.clock.now()))
    provider, cedar, elm = UUID(cast.pia.provider_id), UUID(cast.cedar), UUID(cast.elm)

    async def codes() -> dict[UUID, list[str]]:
        async with worker.session(provider, write=False) as session:
            found = await reasons_against(session, provider, [cedar, elm], cast.clock.now())
        return {practice: [each["code"] for each in reasons] for practice, reasons in found.items()}

    before = await codes()
    assert before == {elm: ["nothing_heard"]}  # Cedar is ready
    await execute(database, "UPDATE device SET role = 'server' WHERE id = :id", id=UUID(device.device_id))
    await execute(
        database, "UPDATE device_liveness SET silent_since = last_seen_at WHERE provider_id = :id", id=provider
    )
    assert await codes() == {cedar: ["server_silent"], elm: ["nothing_heard"]}
    await execute(
        database,
        "INSERT INTO practice_line (provider_id, practice_id, since, told_at, evidence) "
        " VALUES (:provider, :id, now(), now(), '{}')",
        provider=provider,
        id=cedar,
    )
    assert await codes() == {cedar: ["line_down"], elm: ["nothing_heard"]}  # the line explains the server
