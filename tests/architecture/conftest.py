"""The world of the isolation matrix, made once in a process: each test that needs one gets a copy of its database."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.database import PROCESS, Server
from tests.support.matrix_run import a_world, again
from tests.support.world import World


@pytest.fixture(scope="session")
def first_world_url(server: Server) -> Iterator[str]:
    """The database of the world that is copied."""
    name = f"vigie_{PROCESS}_first_world"
    yield server.clone(name)
    server.drop(name)


@pytest.fixture(scope="session")
def world_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the key with which all copies seal."""
    return tmp_path_factory.mktemp("world")


@pytest.fixture(scope="session")
async def first_world(first_world_url: str, key_file: Path, world_folder: Path) -> World:
    """The world that is copied. Its application has ended: nobody may be in a database that is copied."""
    async with a_world(first_world_url, key_file, world_folder) as found:
        return found


@pytest.fixture(scope="module")
def world_url(server: Server, first_world: World, first_world_url: str) -> Iterator[str]:
    """The database of the module's world."""
    assert first_world.homes
    name = f"vigie_{PROCESS}_world"
    yield server.clone(name, first_world_url.rpartition("/")[2])
    server.drop(name)


@pytest.fixture(scope="module")
async def world(first_world: World, world_url: str, key_file: Path, world_folder: Path) -> AsyncIterator[World]:
    """One world for a whole module: refused calls change nothing in it, and what is granted is done to fresh things."""
    async with again(first_world, world_url, key_file, world_folder) as found:
        yield found
