"""The API over a database that goes away and comes back: REST says "try again", and then simply works."""

from uuid import uuid4

import asyncpg
import httpx

from tests.conftest import settings_for
from tests.support.cast import assemble
from vigie.app import create_app
from vigie.core.clock import MovableClock


async def test_a_connection_that_died_in_the_pool_fails_no_request(
    fresh_database_url: str, key_file: object, clock: MovableClock
) -> None:
    settings = settings_for(fresh_database_url, key_file)  # type: ignore[arg-type]
    app = create_app(settings, clock=clock)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=settings.public_url) as http,
    ):
        cast = await assemble(settings, http, clock)
        before = await cast.pia.call("GET", "/v1/practices")
        await _end_every_connection(fresh_database_url)
        after = [(await cast.pia.call("GET", "/v1/practices")).status_code for _ in range(3)]
    assert before.status_code == 200
    assert after == [200, 200, 200]


async def test_while_the_database_is_away_rest_says_try_again_and_afterwards_answers(
    fresh_database_url: str, key_file: object, clock: MovableClock
) -> None:
    settings = settings_for(fresh_database_url, key_file)  # type: ignore[arg-type]
    app = create_app(settings, clock=clock)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    name = fresh_database_url.rpartition("/")[2]
    elsewhere = f"away_{uuid4().hex[:12]}"
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=settings.public_url) as http,
    ):
        cast = await assemble(settings, http, clock)
        await _rename(fresh_database_url, name, elsewhere)
        away = await cast.pia.call("GET", "/v1/practices")
        await _rename(fresh_database_url, elsewhere, name)
        back = await cast.pia.call("GET", "/v1/practices")
    assert (away.status_code, away.json()["code"]) == (503, "service.unavailable")
    assert int(away.headers["retry-after"]) > 0
    assert back.status_code == 200


async def _end_every_connection(url: str) -> None:
    admin = await asyncpg.connect(url.rpartition("/")[0] + "/postgres")
    try:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", url.rpartition("/")[2]
        )
    finally:
        await admin.close()


async def _rename(url: str, old: str, new: str) -> None:
    """Make a database unreachable under its name: end its connections, and rename it before anybody comes back."""
    admin = await asyncpg.connect(url.rpartition("/")[0] + "/postgres")
    try:
        await admin.execute(f"ALTER DATABASE {old} ALLOW_CONNECTIONS false" if new.startswith("away") else "SELECT 1")
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", old)
        if new.startswith("away"):
            for _ in range(50):
                try:
                    await admin.execute(f"ALTER DATABASE {old} RENAME TO {new}")
                    break
                except asyncpg.ObjectInUseError:
                    continue
        else:
            await admin.execute(f"ALTER DATABASE {old} RENAME TO {new}")
            await admin.execute(f"ALTER DATABASE {new} ALLOW_CONNECTIONS true")
    finally:
        await admin.close()
