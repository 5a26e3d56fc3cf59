"""The questions of a page: refused as the same requests from the network, one transaction, nothing held afterwards.

And the index of routes, which has to find what the framework's own search finds.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp

from tests.conftest import settings_for
from tests.support.cast import Cast
from tests.support.console_pages import visit
from tests.support.people import Person
from tests.support.refusals import refusal
from vigie.auth.questions import Questions
from vigie.console.rest import RefusedError, Rest
from vigie.core.middleware import Within
from vigie.core.route_index import RouteIndex
from vigie.settings import Settings

Outcome = tuple[int, str | None]


def rest_of(app: FastAPI, cookie: str) -> Rest:
    """Return the API as a page asks it that came with this cookie."""
    headers = [(b"cookie", cookie.encode()), (b"host", b"vigie.test")]
    scope = {"type": "http", "app": app, "method": "GET", "path": "/practices", "headers": headers, "scheme": "http"}
    within = {Within.KEY: behind_the_network(app)}
    return Rest(Request({**scope, **within, "query_string": b"", "client": ("127.0.0.1", 1)}), "en")


def behind_the_network(app: FastAPI) -> ASGIApp:
    """Return what an application gives those who serve a request to ask in turn."""
    app.middleware_stack = layer = app.middleware_stack or app.build_middleware_stack()
    while not isinstance(layer, Within):
        layer = getattr(layer, "app")  # noqa: B009 - layers are callables, and all but the innermost stand before another
    return layer.app


def cookie_of(who: Person) -> str:
    """Return what somebody's browser sends along."""
    return "; ".join(f"{each.name}={each.value}" for each in who.http.cookies.jar)


async def asked(rest: Rest, path: str, **parameters: object) -> Outcome:
    """Return how a question of a page ended."""
    try:
        await rest.get(path, **parameters)
    except RefusedError as error:
        return error.status, error.code
    return 200, None


async def sent(who: Person, path: str, **parameters: Any) -> Outcome:
    """Return how the same request from the network ended."""
    answer = await who.call("GET", path, params=parameters)
    return (200, None) if answer.status_code == 200 else refusal(answer)


def held(cast: Cast) -> int:
    """Return how many connections are in use."""
    return int(cast.parts.database.engine.pool.checkedout())  # type: ignore[attr-defined]


async def test_a_question_is_refused_as_the_same_request_from_the_network(cast: Cast, app: FastAPI) -> None:
    ana, tom, ivo, paz, bea = await cast.ana(), await cast.tom(), await cast.ivo(), await cast.paz(), await cast.bea()
    allowed: set[Outcome] = set()
    for who in (ana, tom, ivo, paz, bea):
        rest = rest_of(app, cookie_of(who))
        for path, parameters in (
            ("/v1/me", {}),
            ("/v1/practices", {}),
            (f"/v1/practices/{cast.cedar}", {}),
            (f"/v1/practices/{cast.elm}", {}),
            (f"/v1/practices/{cast.fir}/checklist", {}),
            (f"/v1/practices/{uuid4()}", {}),
            ("/v1/practices", {"misspelt": "x"}),
            ("/v1/practices", {"cursor": "nonsense"}),
            ("/v1/members", {}),
            ("/v1/audit", {}),
            ("/v1/nowhere", {}),
            (f"/v1/practices/{cast.cedar}/opening-hours", {}),  # the practice itself was found above, or refused
            (f"/v1/practices/{cast.elm}/opening-hours", {}),
            ("/v1/me", {}),
        ):
            there = await sent(who, path, **parameters)
            assert await asked(rest, path, **parameters) == there, (who.name, path)
            allowed.add(there)
        seen = {each["name"] for each in (await rest.get("/v1/practices"))["items"]}
        assert seen == {each["name"] for each in (await who.get("/v1/practices"))["items"]}, who.name
        await rest.close()
    assert {status for status, _ in allowed} == {200, 403, 404, 422}
    for stranger in ("", "vigie=vss_nonsense", "__Host-vigie=vss_nonsense"):
        rest = rest_of(app, stranger)
        assert [await asked(rest, path) for path in ("/v1/me", "/v1/practices")] == [(401, "auth.unauthenticated")] * 2
    assert held(cast) == 0


async def test_the_questions_of_a_page_share_one_reading_transaction(cast: Cast) -> None:
    ana = await cast.parts.sessions.principal_of(_secret(await cast.ana()), cast.clock.now())
    assert ana is not None
    questions = Questions(cast.parts.database)
    states = []
    for _ in range(3):
        async with questions.reading(ana) as session:
            row = await session.execute(
                text(
                    "SELECT pg_backend_pid(), transaction_timestamp(), current_setting('transaction_read_only'),"
                    " current_setting('transaction_isolation'), count(*) FROM practice"
                )
            )
            states.append(tuple(row.one()))
        assert held(cast) == 1
        await cast.pia.practice("Later")  # by somebody else, meanwhile
    assert len(set(states)) == 1
    assert states[0][2:] == ("on", "repeatable read", 2), "Cedar and Elm, and nothing of Borea"

    with pytest.raises(DBAPIError, match="read-only"):
        await _in(questions, ana, "DELETE FROM practice")
    assert held(cast) == 0, "an error ends the transaction"
    assert (await _in(questions, ana, "SELECT count(*) FROM practice")).scalar() == 5, "and the next has another"
    await questions.let_go()
    assert held(cast) == 0
    await _in(questions, ana, "SELECT 1")
    assert held(cast) == 1
    await questions.close()
    await _in(questions, ana, "SELECT 1")
    assert held(cast) == 0, "a straggler leaves nothing behind"


async def _in(questions: Questions, principal: Any, statement: str) -> Any:
    async with questions.reading(principal) as session:
        return await session.execute(text(statement))


def _secret(who: Person) -> str:
    return next(str(each.value) for each in who.http.cookies.jar)


async def test_pages_give_back_what_they_held_however_they_end(cast: Cast) -> None:
    ana, tom = await cast.ana(), await cast.tom()
    pages = ("/practices", f"/practices/{cast.cedar}", "/alerts", "/settings/audit")
    refused = (f"/practices/{uuid4()}", f"/devices/{uuid4()}", f"/alerts/{uuid4()}")
    assert [(await visit(ana, path)).status_code for path in (*pages, *refused)] == [200] * 4 + [404] * 3
    assert (await visit(tom, "/settings/audit")).status_code == 403, (
        "the refusal is recorded in a transaction of its own"
    )
    many = await asyncio.gather(*(visit(who, path) for path in pages[:3] for who in (ana, tom) for _ in range(2)))
    assert {answer.status_code for answer in many} == {200}
    assert held(cast) == 0
    gone = await ana.call("DELETE", f"/v1/me/sessions/{ana.session_id}")
    assert gone.status_code == 204
    async with asyncio.timeout(5):  # the database tells every process; by contract within a second
        while (await visit(ana, "/practices")).status_code != 303:  # noqa: ASYNC110 - what is awaited is its answer
            await asyncio.sleep(0.01)
    assert held(cast) == 0


class TestQuotas:
    """A page's questions are counted one by one."""

    @pytest.fixture
    def settings(self, database_url: str, key_file: Path) -> Settings:
        """Settings with a small quota: the test gets an application of its own."""
        return settings_for(database_url, key_file, limit_read="3/hour")

    async def test_a_question_counts_as_a_request(self, cast: Cast, app: FastAPI) -> None:
        ana = await cast.ana()
        rest = rest_of(app, cookie_of(ana))
        found = [await asked(rest, "/v1/practices") for _ in range(4)]
        assert found == [(200, None)] * 3 + [(429, "rate_limit.exceeded")]
        assert await sent(ana, "/v1/practices") == (429, "rate_limit.exceeded")
        await rest.close()


def test_the_index_of_routes_finds_what_the_framework_finds(app: FastAPI) -> None:
    index = RouteIndex(app.router.app, app.routes)
    samples = set(_samples(app.routes))
    assert len(samples) > 300
    for path in samples:
        scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
        candidates = index.candidates(path)
        # By the path alone: which of them takes the method is asked of the same routes in the same order.
        assert _matching(candidates, scope) == _matching(app.routes, scope), path
        assert len(candidates) <= 8, "a path leads to few routes"


def _samples(routes: list[BaseRoute]) -> Iterator[str]:
    """Yield a path of every route, and paths that are almost one."""
    yield from ("/", "", "//", "/nowhere", "/v1", "/v1/practices/{practice_id}", "/v1/practices/{}")
    for route in routes:
        assert isinstance(route, Route), route
        path = route.path
        for name, kind in route.param_convertors.items():
            value = str(UUID(int=1)) if "id" in name or type(kind).__name__ == "UUIDConvertor" else "checklist"
            path = (
                path.replace(f"{{{name}:uuid}}", value).replace(f"{{{name}:str}}", value).replace(f"{{{name}}}", value)
            )
        yield from (path, f"{path}/")


def _matching(routes: list[BaseRoute], scope: dict[str, Any]) -> list[BaseRoute]:
    return [route for route in routes if route.matches(dict(scope))[0] is not Match.NONE]
