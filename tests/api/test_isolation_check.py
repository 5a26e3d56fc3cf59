"""`vigie isolation-check` in this process: silent about our own application, loud about the same one made to leak.

The document that the check reads is cut down to a few operations, so that it is quick; tests/e2e has it whole.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest
from fastapi import FastAPI

from tests.conftest import NOW, PUBLIC_URL, settings_for
from tests.support.agent import healthy
from tests.support.cast import Cast
from tests.support.locks import Unlocked, without_row_level_security
from tests.support.rows import execute, fetch, holdings
from vigie.app import create_app
from vigie.auth.dependencies import Call, flatten, reads, writes
from vigie.auth.principal import Permission
from vigie.core.clock import MovableClock
from vigie.core.db import Database
from vigie.isolation.check import CheckError, check_isolation
from vigie.isolation.outcomes import Kind, Report
from vigie.isolation.report import as_json, as_markdown
from vigie.isolation.throwaway import workshop
from vigie.openapi import console_document
from vigie.settings import Settings

FEW = (
    "/v1/practices",
    "/v1/practices/{practice_id}",
    "/v1/practices/{practice_id}/enrolment-tokens",
    "/v1/devices/{device_id}",
)
PEOPLE = ("/v1/members", "/v1/members/{member_id}", "/v1/me/sessions", "/v1/me/sessions/{session_id}")
Plant = Callable[[FastAPI, Database], None]


class FewOperations(httpx.ASGITransport):
    """The way to an application whose published document lists some operations only."""

    def __init__(self, app: FastAPI, paths: tuple[str, ...]) -> None:
        super().__init__(app, raise_app_exceptions=False)
        few = FastAPI(openapi_url=None)  # to describe all operations takes ten times as long
        few.router.routes = [route for route in flatten(app.routes) if getattr(route, "path", "") in paths]
        self._document = orjson.dumps(console_document(few))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer the short document, and whatever else the application answers."""
        if request.url.path == "/openapi/console.json":
            return httpx.Response(200, content=self._document)
        return await super().handle_async_request(request)


async def check(
    settings: Settings,
    *paths: str,
    plant: Plant | None = None,
    database: Database | None = None,
    served_with: Settings | None = None,
    public_url: str = PUBLIC_URL,
) -> Report:
    """Run the check against an application in this process, perhaps with other settings, or something planted in it."""
    clock = MovableClock(NOW)
    app = create_app(served_with or settings, clock=clock)
    if plant is not None and database is not None:
        plant(app, database)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=FewOperations(app, (*FEW, *paths)), base_url=PUBLIC_URL) as http,
        workshop(settings, clock) as shop,
    ):
        return await check_isolation(http, PUBLIC_URL, public_url, shop, clock.now, lambda _line: None)


@pytest.fixture
def settings(ours: Settings) -> Settings:
    """The cast lives where the check attacks: in a database of the test's own, for a list shows only its first page."""
    return ours


@pytest.fixture
def ours(fresh_database_url: str, key_file: Path) -> Settings:
    """Settings of our own application."""
    return settings_for(fresh_database_url, key_file)


async def test_our_own_application_leaks_nothing_and_what_was_made_is_put_away(
    ours: Settings, database: Database
) -> None:
    report = await check(ours, "/v1/invitations")
    findings = report.findings
    assert (findings.leaks, findings.inconclusive, findings.without_control) == ([], [], {})
    assert findings.by_kind().keys() == set(Kind) - {Kind.MIXED}  # no path among these few has two ids
    assert len(findings.outcomes) > 150
    assert report.put_away
    page, document = as_markdown(report), as_json(report)
    assert "**Aucune fuite.**" in page
    assert "**No leak.**" in page
    assert (document["leaks"], document["attempts"]) == ([], len(findings.outcomes))
    assert await alive(database) == {0}


@asynccontextmanager
async def own_eyes(url: str) -> AsyncIterator[Database]:
    """A look at rows on connections of its own."""
    found = Database(url, {"application_name": "test"}, 1)
    yield found
    await found.close()


async def alive(database: Database) -> set[int]:
    """Return how much is alive at throw-away providers: clients, sessions, members, devices, practices."""
    rows = await fetch(
        database,
        "SELECT (SELECT count(*) FROM partner_client c WHERE c.provider_id = p.id AND revoked_at IS NULL)"
        " + (SELECT count(*) FROM session s WHERE s.provider_id = p.id AND ended_at IS NULL)"
        " + (SELECT count(*) FROM member m WHERE m.provider_id = p.id AND removed_at IS NULL)"
        " + (SELECT count(*) FROM device d WHERE d.provider_id = p.id AND status <> 'revoked')"
        " + (SELECT count(*) FROM practice a WHERE a.provider_id = p.id AND archived_at IS NULL) AS alive"
        " FROM provider p WHERE p.name LIKE 'Contrôle d''isolation, à jeter%'",
    )
    return {row["alive"] for row in rows}


async def test_what_was_made_is_put_away_when_the_check_is_interrupted(ours: Settings, database: Database) -> None:
    running = asyncio.create_task(check(ours))
    async with asyncio.timeout(30):
        while await alive(database) <= {0}:  # noqa: ASYNC110 - another task makes them
            await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await alive(database) == {0}


async def test_with_both_locks_off_it_finds_the_leaks_and_touches_no_bystander(
    ours: Settings, fresh_database_url: str, database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it deletes is its own, even where every list shows what is everybody's."""
    await (await cast.device()).report(healthy(cast.clock.now()))
    await cast.ana()
    before = [await holdings(database, caller.provider_id) for caller in (cast.pia, cast.bela)]
    monkeypatch.setattr(asyncpg, "connect", partial(asyncpg.connect, connection_class=Unlocked))
    unlocked = ours.model_copy(update=without_row_level_security(fresh_database_url))
    report = await check(ours, *PEOPLE, served_with=unlocked)
    found = {outcome.operation for outcome in report.findings.outcomes if outcome.leak is not None}
    assert {"GET /v1/practices", "GET /v1/practices/{practice_id}", "PATCH /v1/devices/{device_id}"} <= found
    assert {"GET /v1/members", "DELETE /v1/members/{member_id}"} <= found
    assert "**No leak.**" not in as_markdown(report)
    monkeypatch.undo()
    async with own_eyes(fresh_database_url) as eyes:
        assert [await holdings(eyes, caller.provider_id) for caller in (cast.pia, cast.bela)] == before


def a_list_of_everybody_s(app: FastAPI, database: Database) -> None:
    """Plant a route that forgets whose practices it lists."""

    @app.get("/v1/planted")
    async def list_planted(call: Annotated[Call, reads(Permission.PRACTICES_READ)]) -> list[str]:
        assert call
        return [row["name"] for row in await fetch(database, "SELECT name FROM practice")]


def a_change_at_anybody_s(app: FastAPI, database: Database) -> None:
    """Plant a route that refuses, having done it all the same."""

    @app.post("/v1/practices/{practice_id}/planted")
    async def change_practice(call: Annotated[Call, writes(Permission.PRACTICES_WRITE)], practice_id: UUID) -> None:
        assert call
        await execute(database, "UPDATE practice SET city = 'taken' WHERE id = :id", id=practice_id)
        raise LookupError


@pytest.mark.parametrize(
    ("plant", "path", "told"),
    [
        (a_list_of_everybody_s, "/v1/planted", "GET /v1/planted (own, as owner of A): 200, holds what is the other"),
        (
            a_change_at_anybody_s,
            "/v1/practices/{practice_id}/planted",
            "after POST /v1/practices, PATCH /v1/practices/{practice_id}, ",
        ),
    ],
)
async def test_one_planted_route_is_found(
    ours: Settings, database: Database, plant: Plant, path: str, told: str
) -> None:
    report = await check(ours, path, plant=plant, database=database)
    assert any(leak.startswith(told) for leak in report.findings.leaks), report.findings.leaks
    assert all("planted" in leak for leak in report.findings.leaks), report.findings.leaks


async def test_a_service_that_is_not_there_is_no_clean_service(ours: Settings) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(404)

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http,
        workshop(ours, MovableClock(NOW)) as shop,
    ):
        with pytest.raises(CheckError, match="404"):
            await check_isolation(http, PUBLIC_URL, PUBLIC_URL, shop, MovableClock(NOW).now, print)


async def test_a_service_that_refuses_us_everything_is_no_clean_service(ours: Settings, database: Database) -> None:
    """Requests with the settings of another service are all refused, which says nothing about leaks."""
    with pytest.raises(CheckError, match=r"VIGIE_PUBLIC_URL is https://elsewhere\.example here"):
        await check(ours, public_url="https://elsewhere.example")
    assert await alive(database) == {0}
