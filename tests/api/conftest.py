"""Fixtures of the tests through HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import settings_for
from tests.support.cast import Cast
from tests.support.front_door import Visitor, World, files
from tests.support.people import browser
from tests.support.scene import Scene, set_scene
from vigie.app import create_app
from vigie.core.clock import MovableClock
from vigie.settings import Settings


@pytest.fixture
async def scene(cast: Cast) -> Scene:
    """Return a device of Cedar that has reported, and its next report."""
    return await set_scene(cast)


@pytest.fixture(scope="session")
def front_settings(tmp_path_factory: pytest.TempPathFactory, database_url: str, key_file: Path) -> Settings:
    """Settings of a service at which people sign in: Pro Santé Connect, an issuer for staff, a sealing key."""
    return settings_for(database_url, key_file, **files(tmp_path_factory.mktemp("front-door")))


@pytest.fixture(scope="session")
def every_issuer() -> World:
    """The identity providers behind the service's outbound client."""
    return World()


@pytest.fixture(scope="session")
async def front_app(
    front_settings: Settings, every_issuer: World, shared_clock: MovableClock
) -> AsyncIterator[FastAPI]:
    """The application at which people sign in; a module that uses it names it `app`, and its settings `settings`."""
    app = create_app(front_settings, clock=shared_clock, outbound=every_issuer.outbound())
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def world(every_issuer: World, clock: MovableClock) -> World:
    """The identity providers, as they are when nobody has bent them."""
    every_issuer.begin(clock)
    return every_issuer


@pytest.fixture
def visitor(http: httpx.AsyncClient, world: World) -> Visitor:
    """A browser that nobody has used yet."""
    return Visitor(browser(http), world)
