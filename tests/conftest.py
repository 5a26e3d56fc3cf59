"""Fixtures: the server of the run, a database per process, the application in this process, the cast."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import uvloop
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import FastAPI
from pydantic import SecretStr

from tests.support.calm import look_again
from tests.support.cast import Cast, Stage, assemble, understudy
from tests.support.copies import Original, original
from tests.support.database import FAST, PROCESS, URL_VARIABLE, Server
from vigie.app import create_app
from vigie.core.clock import MovableClock
from vigie.core.db import Database
from vigie.core.embedded import EmbeddedPostgres
from vigie.events.log import check_all
from vigie.settings import Settings

PUBLIC_URL = "https://vigie.test"
NOW = datetime(2026, 11, 17, 9, 30, tzinfo=UTC)  # a Tuesday morning


def missing_tool(name: str) -> None:
    """Skip a test whose tool is not installed; in CI that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{name} is not installed, and CI must have it")
    pytest.skip(f"{name} is not installed")


_RUN_SERVER = pytest.StashKey[tuple[EmbeddedPostgres, Path]]()


def pytest_configure(config: pytest.Config) -> None:
    """Check every event, wait as the service does; of several worker processes, the one that outlives all owns the server."""
    check_all()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # the loop that the service runs on, and a tenth less work
    distributes = getattr(config.option, "dist", "no") != "no" and not hasattr(config, "workerinput")
    if distributes:
        look_again()  # collecting is the worker processes' part
    if distributes and not os.environ.get(URL_VARIABLE):
        folder = Path(tempfile.mkdtemp(prefix="vigie-tests-"))
        folder.chmod(0o755)  # as root, PostgreSQL runs as another user who must reach its files
        embedded = EmbeddedPostgres(folder, options=FAST)
        os.environ[URL_VARIABLE] = embedded.start()
        config.stash[_RUN_SERVER] = (embedded, folder)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several worker processes, begin with what takes long: at the end no worker is left with it alone.

    (xdist itself puts groups with several tests before single tests.) A single process keeps the files together.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """All tests are loaded."""
    look_again()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the server of the run."""
    if _RUN_SERVER in config.stash:
        embedded, folder = config.stash[_RUN_SERVER]
        embedded.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The PostgreSQL server of this run, shared by all worker processes."""
    folder = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        folder = folder.parent
    found = Server(folder)
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signing key as short as may be: it signs some thousand tokens of a run, in a third of the time of one that we make."""
    path = tmp_path_factory.mktemp("keys") / "token-key.pem"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


@pytest.fixture(scope="session")
def database_url(server: Server) -> Iterator[str]:
    """The database of this worker process. Tests keep apart by making their own providers."""
    name = f"vigie_{PROCESS}"
    yield server.clone(name)
    server.drop(name)


@pytest.fixture(scope="session")
def lent_database(server: Server) -> Iterator[str]:
    """The name of the database that this worker process lends to one test after the other."""
    name = f"vigie_{PROCESS}_lent"
    yield name
    server.drop(name)


@pytest.fixture
def fresh_database_url(server: Server, lent_database: str) -> str:
    """A database in which the test is alone, for what looks at all providers (sweeps, catalogues)."""
    return server.empty(lent_database)


@pytest.fixture
def cloned_database_url(server: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database that nobody uses before or after the test, which may change its tables."""
    name = f"vigie_{PROCESS}_{abs(hash(request.node.nodeid)) % 10**9}"
    yield server.clone(name)
    server.drop(name)


def settings_for(url: str, key_file: Path, **more: object) -> Settings:
    """Return settings for a database."""
    base = Settings(database_url=SecretStr(url), public_url=PUBLIC_URL, token_key_file=key_file)
    return base.model_copy(update=more)


@pytest.fixture(scope="session")
def shared_settings(database_url: str, key_file: Path) -> Settings:
    """Settings of the shared database."""
    return settings_for(database_url, key_file)


@pytest.fixture
def settings(shared_settings: Settings) -> Settings:
    """The settings of the test's application. A module that defines its own gets an application of its own."""
    return shared_settings


@pytest.fixture(scope="session")
def shared_clock() -> MovableClock:
    """The clock of the shared application."""
    return MovableClock(NOW)


@pytest.fixture
def clock(shared_clock: MovableClock) -> MovableClock:
    """A clock that stands still until a test moves it; each test begins at the same instant."""
    shared_clock.move_to(NOW)
    return shared_clock


@asynccontextmanager
async def running(settings: Settings, clock: MovableClock) -> AsyncIterator[FastAPI]:
    """Run an application in this process, assembled as in production."""
    app = create_app(settings, clock=clock)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture(scope="session")
async def shared_app(shared_settings: Settings, shared_clock: MovableClock) -> AsyncIterator[FastAPI]:
    """The application that most tests share, each with providers of its own."""
    async with running(shared_settings, shared_clock) as app:
        yield app


@pytest.fixture
async def own_app(settings: Settings, clock: MovableClock) -> AsyncIterator[FastAPI]:
    """An application for this test alone, to be bent or broken."""
    async with running(settings, clock) as app:
        yield app


@pytest.fixture
def app(request: pytest.FixtureRequest, settings: Settings, shared_settings: Settings) -> FastAPI:
    """The application: the shared one, unless the test or its module has settings of its own."""
    alone = settings is not shared_settings or "own_app" in request.fixturenames
    found: FastAPI = request.getfixturevalue("own_app" if alone else "shared_app")
    return found


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the application."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
        yield client


@pytest.fixture(scope="session")
def originals() -> dict[datetime, tuple[Cast, Original]]:
    """The casts that later ones of this process are copies of, by the instant at which they were made."""
    return {}


@pytest.fixture
async def cast(
    settings: Settings,
    app: FastAPI,
    http: httpx.AsyncClient,
    clock: MovableClock,
    database: Database,
    originals: dict[datetime, tuple[Cast, Original]],
) -> Cast:
    """Atlas and Borea with their practices and partner clients."""
    now = clock.now()
    if now not in originals:
        made = await assemble(settings, app.state.parts, http, clock)
        originals[now] = made, await original(database, (made.pia.provider_id, made.bela.provider_id))
    return await understudy(*originals[now], database, Stage(settings, app.state.parts, http, clock))


def as_owner(settings: Settings) -> Database:
    """Return a database as the owner's login, without a role: for looking at rows."""
    assert settings.database_url is not None
    return Database(settings.database_url.get_secret_value(), {"application_name": "test"}, 2)


@pytest.fixture(scope="session")
async def shared_database(shared_settings: Settings) -> AsyncIterator[Database]:
    """The database that most tests share, as its owner sees it."""
    found = as_owner(shared_settings)
    yield found
    await found.close()


@pytest.fixture
async def own_database(settings: Settings) -> AsyncIterator[Database]:
    """The database of this test alone, as its owner sees it."""
    found = as_owner(settings)
    yield found
    await found.close()


@pytest.fixture
def database(request: pytest.FixtureRequest, settings: Settings, shared_settings: Settings) -> Database:
    """The database of the test, as its owner sees it: that of the shared application, unless the test has its own."""
    alone = settings is not shared_settings
    found: Database = request.getfixturevalue("own_database" if alone else "shared_database")
    return found
