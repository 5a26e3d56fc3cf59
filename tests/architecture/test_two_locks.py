"""Two locks on tenancy (docs/adr/0004), each tested alone: one taken off, the other still lets nobody through.

With both off, the same calls find a leak behind every route, so a lock that is on cannot pass for one that holds.
"""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from tests.support.database import PROCESS, Server
from tests.support.locks import Unlocked, without_provider, without_row_level_security
from tests.support.matrix import ALERTING, MATRIX, Operation
from tests.support.matrix_run import (
    across,
    again,
    application,
    faults_of,
    faults_of_calls,
    faults_of_grants,
    send,
    talking_to,
)
from tests.support.rows import fetch
from tests.support.world import World, fingerprint
from vigie.core.ids import uuid7

pytestmark = pytest.mark.xdist_group("isolation")  # one world is made and copied, not one per process


@pytest.fixture
def world_url(server: Server, first_world: World, first_world_url: str) -> Iterator[str]:
    """The database of a world that the test may spoil."""
    assert first_world.homes
    name = f"vigie_{PROCESS}_spoilt_world"
    yield server.clone(name, first_world_url.rpartition("/")[2])
    server.drop(name)


@pytest.fixture
async def world(first_world: World, world_url: str, key_file: Path, world_folder: Path) -> AsyncIterator[World]:
    """A world that the test may spoil."""
    async with again(first_world, world_url, key_file, world_folder) as found:
        # With what is open now it prepares what is attacked; locks are taken off what is opened later.
        for database in (found.rows, found.kit.database):
            async with database.engine.connect():
                pass
        await found.kit.people.doorstep.memberships_of(uuid7())
        yield found


@pytest.fixture
def no_predicate(world: World, monkeypatch: pytest.MonkeyPatch) -> type[Unlocked]:
    """Let every connection that is opened once the world stands be one on which the first lock does not hold."""
    assert world
    Unlocked.opened, Unlocked.sent = set(), set()
    monkeypatch.setattr(asyncpg, "connect", partial(asyncpg.connect, connection_class=Unlocked))
    return Unlocked


async def leaks(world: World) -> dict[Operation, list[str]]:
    """Let each provider call everything on what is the other's, reads first; return what went wrong by operation."""
    found = {operation: await faults_across(world, operation) for operation in MATRIX if operation[0] == "GET"}
    for path, counted in (
        ("/v1/summary", "practices"),
        ("/v1/checklist/summary", "practices"),
        ("/v1/alerts/summary", "critical"),
    ):
        numbers = await world.call(world.voices["bea"], "GET", path)
        if numbers.json()[counted] != 1:
            found["GET", path].append(numbers.text)
    waiting = (await world.call(world.voices["bea"], "GET", "/v1/alerts/summary")).json()
    if waiting["open"] + waiting["acknowledged"] != await alerts_of(world, "fir"):
        found["GET", "/v1/alerts/summary"].append(str(waiting))
    found |= {operation: await faults_across(world, operation) for operation in MATRIX if operation[0] != "GET"}
    rehearse = ("POST", ALERTING + "/rehearse")  # names nothing, changes nothing, and is answered with what it replayed
    for name, home in (("ana", "cedar"), ("bea", "fir")):
        answer = await send(world, rehearse, MATRIX[rehearse], world.voices[name], home)
        found[rehearse] += faults_of(world, world.voices[name], f"rehearsal as {name}", answer, 200)
    return {operation: faults for operation, faults in found.items() if faults}


async def faults_across(world: World, operation: Operation) -> list[str]:
    """Let each provider call an operation on what is the other's; return what went wrong."""
    return await faults_of_calls(world, operation, MATRIX[operation], across(world, operation, MATRIX[operation]))


async def alerts_of(world: World, home: str) -> int:
    """Return how many alerts of the provider of a home ask for somebody, as the rows say."""
    statement = "SELECT count(*) AS alerts FROM alert WHERE provider_id = :id AND status IN ('open', 'acknowledged')"
    [row] = await fetch(world.rows, statement, id=UUID(world.owner_of(home).provider_id))
    return int(row["alerts"])


async def beside(world: World) -> list[str]:
    """Let Borea do whatever it may to what is its own; return what is answered otherwise than ever, or changed at Atlas."""
    before, found = await fingerprint(world, "Atlas"), []
    for operation, row in MATRIX.items():
        if operation[0] != "GET":
            found += await faults_of_grants(world, operation, row, ("bea", "bela"))
    after = await fingerprint(world, "Atlas")
    return found + [name for name in before if before[name] != after[name]]


async def test_without_row_level_security_the_predicate_alone_keeps_providers_apart(
    world: World, world_url: str, key_file: Path, world_folder: Path
) -> None:
    before = await fingerprint(world)
    app = application(world_url, key_file, world_folder, **without_row_level_security(world_url))
    async with talking_to(app) as world.http:
        assert await leaks(world) == {}
        assert await fingerprint(world) == before
        assert await beside(world) == []
        async with app.state.parts.database.engine.connect() as connection:
            seen = await connection.exec_driver_sql("SELECT count(DISTINCT provider_id) FROM practice")
            assert seen.scalar_one() >= 2  # bound to nobody, it sees everything: the lock is off indeed


async def test_without_the_predicate_row_level_security_alone_keeps_providers_apart(
    world: World, world_url: str, key_file: Path, world_folder: Path, no_predicate: type[Unlocked]
) -> None:
    before = await fingerprint(world)
    async with talking_to(application(world_url, key_file, world_folder)) as world.http:
        assert await leaks(world) == {}
        assert await fingerprint(world) == before
        assert await beside(world) == []
    assert len(no_predicate.opened) > 50
    assert any("unnest" in statement for statement in no_predicate.opened)
    assert no_predicate.left() == []


# Where there is nothing to find even with both locks off, and why.
HELD_BY_SOMETHING_ELSE = {
    ("GET", "/v1/me"): "tells what the credential says",
    ("GET", "/v1/me/sessions"): "those of the member of the session that asks",
    ("DELETE", "/v1/me/sessions/{session_id}"): "one of those",
    ("GET", "/v1/me/views"): "those of the member of the session that asks",
    ("POST", "/v1/me/views"): "names nothing of anybody's",
    ("DELETE", "/v1/me/views/{view_id}"): "one of those",
    ("POST", "/v1/me/membership"): "one of the account's own memberships",
    ("GET", "/v1/controls"): "the catalogue is everybody's",
    ("GET", "/v1/controls/{control_id}"): "one point of it",
    ("POST", "/v1/practices"): "names nothing of anybody's",
    ("POST", "/v1/practices/import"): "names nothing of anybody's",
    (
        "POST",
        "/v1/invitations",
    ): "names nothing of anybody's here; what it may name is in tests/architecture/test_isolation.py",
    ("POST", "/v1/clients"): "as an invitation",
    ("POST", "/v1/channels"): "as an invitation",
    ("POST", "/v1/attestations"): "as an invitation",
    ("POST", "/v1/identity-providers"): "names nothing of anybody's",
    ("POST", "/v1/suppliers"): "names nothing of anybody's",
    ("POST", "/v1/webhook-endpoints"): "as an invitation",
    ("PUT", "/v1/policies"): "as an invitation",
    ("POST", "/v1/policies/preview"): "as an invitation",
    ("POST", "/v1/exceptions"): "as an invitation",
    ("POST", "/v1/incidents"): "as an invitation",
    ("GET", "/v1/report-schedule"): "found under the id of the caller's own provider, which the credential says",
    ("PUT", "/v1/report-schedule"): "as an invitation",
    ("PUT", "/v1/provider/logo.png"): "found under the id of the caller's own provider",
    ("DELETE", "/v1/provider/logo.png"): "found under the id of the caller's own provider",
    ("POST", "/v1/maintenance-windows"): "as an invitation",
    ("PUT", ALERTING): "as an invitation; that it leaves another's policy as it was is tried above, one lock at a time",
    ("PUT", ALERTING + "/draft"): "as the policy",
    ("POST", ALERTING + "/activate"): "as the policy",
    ("GET", "/v1/events/stream"): "who asks for no stream gets none; tests/api/test_event_stream.py asks for one",
}


@pytest.mark.usefixtures("no_predicate")
async def test_with_both_off_every_route_leaks(
    world: World, world_url: str, key_file: Path, world_folder: Path
) -> None:
    """That the two tests above could fail, route by route."""
    unlocked = without_row_level_security(world_url)
    async with talking_to(application(world_url, key_file, world_folder, **unlocked)) as world.http:
        found = await leaks(world)
    odd = sorted((MATRIX.keys() - found.keys()) ^ HELD_BY_SOMETHING_ELSE.keys())
    assert odd == [], "\n".join(map(str, odd))


@pytest.mark.parametrize(
    ("statement", "opened"),
    [
        ("SELECT 1 FROM practice WHERE practice.provider_id = $1::UUID", True),
        ("DELETE FROM finding t USING x AS v WHERE t.provider_id = v.provider_id", True),
        ("SELECT 1 FROM provider WHERE provider.id = $1::UUID", True),
        ("SELECT 1 FROM a JOIN b ON a.provider_id = b.provider_id", False),
        ("SELECT bind_provider($1::UUID)", False),
    ],
)
def test_only_conditions_on_a_given_provider_are_opened(statement: str, opened: bool) -> None:  # noqa: FBT001 - a case
    assert (without_provider(statement) != statement) is opened
