"""Every route, every caller: the isolation matrix is the security review.

The table stands in `tests/support/matrix.py`. A route that is not in it fails; so does an answer that holds an id or a name of
what its reader may not see, and a refusal that changed a row.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.matrix import AGENT, MATRIX, PUBLIC, Operation
from tests.support.matrix_run import a_world, faults_of_grants, faults_of_refusals
from tests.support.world import World
from vigie.openapi import agent_document, console_document


@pytest.fixture(scope="module")
async def world(database_url: str, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One world for the whole module: refused calls change nothing in it, and what is granted is done to fresh things."""
    async with a_world(database_url, key_file, tmp_path_factory.mktemp("isolation")) as found:
        yield found


def subjects() -> list[str]:
    """Return the first words of the paths: one test each, so that a failure says where."""
    return sorted({path.split("/")[2] for _method, path in MATRIX})


def operations(document: dict[str, Any]) -> set[Operation]:
    return {(method.upper(), path) for path, item in document["paths"].items() for method in item}


def test_every_operation_is_in_the_matrix(world: World) -> None:
    found = operations(console_document(world.app))
    assert sorted(found ^ (MATRIX.keys() | PUBLIC.keys())) == []
    assert operations(agent_document()) == AGENT.keys()


@pytest.mark.parametrize("subject", subjects())
async def test_each_caller_gets_what_the_matrix_says(world: World, subject: str) -> None:
    found = []
    for operation, row in MATRIX.items():
        if operation[1].split("/")[2] == subject:
            found += await faults_of_refusals(world, operation, row)
            if operation[0] != "GET":
                found += await faults_of_grants(world, operation, row)
    assert found == []
