"""Running the isolation matrix: each call, and what is wrong with its answer."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI

from tests.conftest import NOW, PUBLIC_URL, settings_for
from tests.support.agent import Agent
from tests.support.bad_idp import BadIdp, staff
from tests.support.matrix import (
    CALLERS,
    FORBIDDEN,
    PEER,
    Operation,
    Refusal,
    Row,
    expected,
    place_of,
)
from tests.support.refusals import PROBLEM, refusal
from tests.support.world import (
    NAMES,
    Voice,
    World,
    build_world,
    fingerprint,
    issuer,
    make,
    member,
    person,
    session_of,
    twin,
)
from vigie.app import create_app
from vigie.core.clock import MovableClock
from vigie.core.db import Database
from vigie.core.sealing import new_sealing_key
from vigie.people.members import Standing


@asynccontextmanager
async def talking_to(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Run an application and give a client of it."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as http,
    ):
        yield http


def application(database_url: str, key_file: Path, folder: Path, **more: object) -> FastAPI:
    """Return an application whose owners may add identity providers: one answers every call. Its clock stands still."""
    sealing_key = folder / "sealing-key"
    if not sealing_key.exists():
        sealing_key.write_bytes(new_sealing_key())
    settings = settings_for(database_url, key_file, sealing_key_file=sealing_key, **more)
    return create_app(settings, clock=MovableClock(NOW), outbound=BadIdp(staff(), NOW).outbound())


@asynccontextmanager
async def a_world(database_url: str, key_file: Path, folder: Path) -> AsyncIterator[World]:
    """A world over an application of its own."""
    app = application(database_url, key_file, folder)
    rows = Database(database_url, {"application_name": "test"}, 2)
    async with talking_to(app) as http:
        yield await build_world(app, http, rows, app.state.parts.clock)
    await rows.close()


@asynccontextmanager
async def again(first: World, database_url: str, key_file: Path, folder: Path) -> AsyncIterator[World]:
    """The same world over a copy of its database, with an application of its own."""
    app = application(database_url, key_file, folder)
    rows = Database(database_url, {"application_name": "test"}, 2)
    async with talking_to(app) as http:
        yield replace(
            first,
            app=app,
            http=http,
            rows=rows,
            clock=app.state.parts.clock,
            voices={name: replace(voice, device=moved(voice.device, http)) for name, voice in first.voices.items()},
            homes={home: dict(ids) for home, ids in first.homes.items()},
            enrolling=dict(first.enrolling),
        )
    await rows.close()


def moved(device: Agent | None, http: httpx.AsyncClient) -> Agent | None:
    """Return a device that talks to another application."""
    if device is None:
        return None
    other = copy(device)
    other.http, other.sections = http, dict(device.sections)
    return other


async def send(world: World, operation: Operation, row: Row, voice: Voice, home: str, **ids: str) -> httpx.Response:
    """Call an operation as somebody, aimed at a home, or at what else is named."""
    named = {**world.homes[home], **ids}
    if row.fresh == "pending" and "device_id" not in ids:
        named["device_id"] = named["pending_id"]
    if row.file is not None:
        media_type, content = row.file
        path = operation[1].format(**named)
        return await world.call(voice, operation[0], path, headers={"Content-Type": media_type}, content=content)
    body = None if row.body is None else {name: filled(value, named) for name, value in row.body.items()}
    return await world.call(voice, operation[0], operation[1].format(**named), json=body)


def filled(value: Any, ids: Mapping[str, str]) -> Any:
    """Return a value of a body with the ids it names."""
    if isinstance(value, list):
        return [filled(each, ids) for each in value]
    if isinstance(value, dict):
        return {name: filled(each, ids) for name, each in value.items()}
    return value.format(**ids) if isinstance(value, str) else value


def told(answer: httpx.Response) -> Refusal | int:
    """Return what an answer says, as the matrix writes it."""
    if answer.headers.get("content-type") != PROBLEM:
        return answer.status_code
    return refusal(answer)


def faults_of(world: World, voice: Voice, what: str, answer: httpx.Response, wanted: Refusal | int) -> list[str]:
    """Return what is wrong with an answer: another status, or something in it that the caller must not see."""
    found = [] if told(answer) == wanted else [f"{what}: {told(answer)} instead of {wanted}"]
    whole = answer.text + repr(answer.headers)
    hidden = world.hidden_from(voice)
    if "/v1/audit" in what:  # which repeats what one's own people typed into paths: no news to them
        typed = " ".join(each for ids in world.homes.values() for each in ids.values())
        hidden = frozenset(text for text in hidden if text not in typed)
    return found + [f"{what}: tells {text}" for text in hidden if text in whole]


def homes_told_apart(voice: Voice) -> tuple[str, ...]:
    """Return the homes that are not the same to somebody: Elm differs from Cedar for those only who see Cedar alone.

    Everybody else sees both (as Atlas does) or neither (as Borea does), and nobody at all is the same everywhere.
    """
    if not voice.homes:
        return ("cedar",)
    return tuple(NAMES) if voice.limited else ("cedar", "fir")


def calls_of(world: World, operation: Operation, row: Row) -> list[tuple[Voice, str, Refusal | int]]:
    """Return every call that leaves its object as it is (reads, and what is refused): who, on which home, with what outcome."""
    calls: list[tuple[Voice, str, Refusal | int]] = []
    for name in (*CALLERS, f"without {row.may.scope}"):
        if name not in world.voices:
            continue
        voice = world.voices[name]
        for home in ("cedar",) if place_of(operation, row) == "nowhere" else homes_told_apart(voice):
            wanted = expected(operation, row, voice, home)
            repeats = home == "elm" and wanted == FORBIDDEN
            if not repeats and (operation[0] == "GET" or not isinstance(wanted, int)):
                calls.append((voice, home, wanted))
    return calls


async def faults_of_calls(
    world: World, operation: Operation, row: Row, calls: Sequence[tuple[Voice, str, Refusal | int]]
) -> list[str]:
    """Make calls; return what was answered otherwise, or told to whom it is hidden from."""
    found = []
    for voice, home, wanted in calls:
        answer = await send(world, operation, row, voice, home)
        found += faults_of(world, voice, f"{' '.join(operation)} as {voice.name} on {home}", answer, wanted)
    return found


async def faults_of_refusals(world: World, rows: Mapping[Operation, Row]) -> list[str]:
    """Make every call that is to leave its object as it is; return what was answered otherwise, or told, or changed."""
    before, found = await fingerprint(world), []
    for operation, row in rows.items():
        found += await faults_of_calls(world, operation, row, calls_of(world, operation, row))
    after = await fingerprint(world)
    return found + [f"refused, and {name} changed" for name in before if before[name] != after[name]]


def across(world: World, operation: Operation, row: Row) -> list[tuple[Voice, str, Refusal | int]]:
    """Return the part between providers: an owner and a client of each aim at the other's, and read their own lists."""
    found = []
    for voice, home, wanted in calls_of(world, operation, row):
        foreign = (home == "fir") != ("fir" in voice.homes)
        known = voice.name in {"ana", "pia", *PEER} and PEER.get(voice.name, voice.name) in row.may.callers
        if known and (foreign or place_of(operation, row) == "nowhere"):
            found.append((voice, home, wanted))
    return found


async def own(world: World, row: Row, voice: Voice, home: str) -> tuple[Voice, dict[str, str]]:
    """Return something of the caller's own to act on, and perhaps another caller like them, to whom alone it belongs."""
    match row.fresh:
        case None:
            return voice, {}
        case "own session":
            assert voice.member is not None
            return voice, {"session_id": (await session_of(world, voice.member))[0]}
        case "own view":
            made = await world.post(voice, "/v1/me/views", {"name": f"Of {voice.name}", "query": "overall=critical"})
            return voice, {"view_id": made["id"]}
        case "own place":
            return await somebody_of_two_places(world, voice, home)
        case "practice" | "served practice" | "alerted practice" | "questionnaire":
            ids = await make(world, row.fresh, home)
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


async def faults_of_grants(world: World, operation: Operation, row: Row, callers: Sequence[str]) -> list[str]:
    """Let these callers do it, as far as they may, each to something of their own."""
    found = []
    for name in callers:
        voice, peer = world.voices[name], PEER.get(name, name)
        if peer not in row.may.callers or peer in row.exceptions():
            continue
        home = "fir" if "fir" in voice.homes else "cedar"
        actor, ids = await own(world, row, voice, home)
        answer = await send(world, operation, row, actor, home, **ids)
        found += faults_of(world, voice, f"{' '.join(operation)} as {name} on their own", answer, row.status)
    return found
