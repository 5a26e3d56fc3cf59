"""Every route, every caller: the isolation matrix is the security review.

The table stands in `tests/support/matrix.py`. A route that is not in it fails; so does an answer that holds an id or a name of
what its reader may not see, and a refusal that changed a row.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.conftest import NOW, PUBLIC_URL, settings_for
from tests.support.agent import healthy
from tests.support.bad_idp import BadIdp, staff
from tests.support.matrix import (
    AGENT,
    CALLERS,
    MATRIX,
    PEER,
    PUBLIC,
    Operation,
    Refusal,
    Row,
    expected,
    place_of,
)
from tests.support.refusals import PROBLEM, refusal
from tests.support.world import (
    CEDAR_ONLY,
    NAMES,
    Voice,
    World,
    build_world,
    client,
    device,
    fingerprint,
    issuer,
    make,
    member,
    person,
    session_of,
    twin,
)
from vigie.app import create_app
from vigie.auth.principal import SCOPES
from vigie.core.clock import MovableClock
from vigie.core.db import Database
from vigie.core.sealing import new_sealing_key
from vigie.openapi import agent_document, console_document
from vigie.people.members import Standing


@pytest.fixture(scope="module")
async def world(database_url: str, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One world for the whole module: refused calls change nothing in it, and what is granted is done to fresh things."""
    sealing_key = tmp_path_factory.mktemp("isolation") / "sealing-key"
    sealing_key.write_bytes(new_sealing_key())
    settings = settings_for(database_url, key_file, sealing_key_file=sealing_key)
    clock = MovableClock(NOW)
    app = create_app(settings, clock=clock, outbound=BadIdp(staff(), NOW).outbound())
    rows = Database(database_url, {"application_name": "test"}, 2)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as http,
    ):
        yield await build_world(app, http, rows, clock)
    await rows.close()


async def send(
    world: World, operation: Operation, row: Row, voice: Voice, home: str, **ids: str
) -> httpx.Response:
    """Call an operation as somebody, aimed at a home, or at what else is named."""
    named = {**world.homes[home], **ids}
    if row.fresh == "pending" and "device_id" not in ids:
        named["device_id"] = named["pending_id"]
    body = None if row.body is None else {name: str(value).format(**named) for name, value in row.body.items()}
    return await world.call(voice, operation[0], operation[1].format(**named), json=body)


def told(answer: httpx.Response) -> Refusal | int:
    """Return what an answer says, as the matrix writes it."""
    if answer.headers.get("content-type") != PROBLEM:
        return answer.status_code
    return refusal(answer)


def faults_of(world: World, voice: Voice, what: str, answer: httpx.Response, wanted: Refusal | int) -> list[str]:
    """Return what is wrong with an answer: another status, or something in it that the caller must not see."""
    found = [] if told(answer) == wanted else [f"{what}: {told(answer)} instead of {wanted}"]
    whole = answer.text + repr(answer.headers)
    return found + [f"{what}: tells {text}" for text in world.hidden_from(voice) if text in whole]


def refused(world: World, operation: Operation, row: Row) -> list[tuple[Voice, str, Refusal | int]]:
    """Return every call that is to be refused, and for reads those that are not: who, on which home, with what outcome."""
    calls: list[tuple[Voice, str, Refusal | int]] = []
    for name in (*CALLERS, f"without {row.may.scope}"):
        if name not in world.voices:
            continue
        voice = world.voices[name]
        homes = ("cedar",) if place_of(operation, row) == "nowhere" else tuple(NAMES)
        for home in homes:
            wanted = expected(operation, row, voice, home)
            if operation[0] == "GET" or not isinstance(wanted, int):
                calls.append((voice, home, wanted))
    return calls


async def faults_of_refusals(world: World, operation: Operation, row: Row) -> list[str]:
    """Make every call that is to be refused; return what was answered otherwise, or told, or changed."""
    before = await fingerprint(world)
    found = []
    for voice, home, wanted in refused(world, operation, row):
        answer = await send(world, operation, row, voice, home)
        found += faults_of(world, voice, f"{' '.join(operation)} as {voice.name} on {home}", answer, wanted)
    after = await fingerprint(world)
    return found + [f"{' '.join(operation)}: refused, and {name} changed" for name in before if before[name] != after[name]]


async def own(world: World, row: Row, voice: Voice, home: str) -> tuple[Voice, dict[str, str]]:
    """Return something of the caller's own to act on, and perhaps another caller like them, to whom alone it belongs."""
    match row.fresh:
        case None:
            return voice, {}
        case "own session":
            assert voice.member is not None
            return voice, {"session_id": (await session_of(world, voice.member))[0]}
        case "own place":
            return await somebody_of_two_places(world, voice, home)
        case "practice":
            ids = await make(world, "practice", home)
            return (await twin(world, voice, ids["practice_id"]) if voice.limited else voice), ids
    return voice, await make(world, row.fresh, home)


async def somebody_of_two_places(world: World, voice: Voice, home: str) -> tuple[Voice, dict[str, str]]:
    """Return a person who came in by the provider's own issuer, and the membership of theirs that they are not at."""
    assert voice.member is not None
    here = await member(world, voice.provider_id, Standing("technician"), "Kim")
    there = Standing("practice_staff", UUID(world.homes[home]["practice_id"]))
    other = await member(world, voice.provider_id, there, "Kim", account=here.account_id)
    door = await issuer(world, voice.provider_id)
    return await person(world, here, voice.homes, door), {"member_id": str(other.id)}


async def faults_of_grants(world: World, operation: Operation, row: Row) -> list[str]:
    """Let everybody who may do it, each to something of their own."""
    found = []
    for name in CALLERS:
        voice, peer = world.voices[name], PEER.get(name, name)
        if peer not in row.may.callers or peer in row.exceptions():
            continue
        home = "fir" if "fir" in voice.homes else "cedar"
        actor, ids = await own(world, row, voice, home)
        answer = await send(world, operation, row, actor, home, **ids)
        found += faults_of(world, voice, f"{' '.join(operation)} as {name} on their own", answer, row.status)
    return found


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
