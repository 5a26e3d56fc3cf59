"""P4: the list of practices, of a provider with a thousand and of one with a hundred thousand."""

import asyncio
import http.client
import time
from base64 import b64encode
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import orjson

from bench.report import Figure, median
from bench.service import Bed, Process
from vigie.cli_actions import add_provider
from vigie.core.db import connect
from vigie.core.ids import uuid7
from vigie.posture.rules.practice import Headline, rank

SIZES = (1_000, 100_000)
REQUESTS = 300
PASSES = 3
_LIGHTS: tuple[Headline, ...] = ("critical", "unknown", "warning", "ok", "ok", "ok", "ok")


def lists(bed: Bed, service: Process) -> list[Figure]:
    """Measure the list through HTTP: 50 rows, a status filter, worst first, at random places of the list."""
    callers = [asyncio.run(_fill(bed, service, size)) for size in SIZES]
    connection = http.client.HTTPConnection("127.0.0.1", service.port)
    tokens = [_token(connection, caller) for caller in callers]
    cursors = [_cursors(connection, token) for token in tokens]
    p95: list[list[float]] = [[], []]
    for turn in range(PASSES + 1):
        for place, token in enumerate(tokens):
            found = _pass(connection, token, cursors[place], turn)
            if turn:  # the first pass warms up
                p95[place].append(found)
    small, large = median(p95[0]), median(p95[1])
    ratios = [b / a for a, b in zip(*p95, strict=True)]
    return [
        Figure("P4", "GET /v1/practices, 50 of 1,000, filtered, worst first: p95", small, 15, "ms", "less", p95[0]),
        Figure(
            "P4b",
            "the same of 100,000 practices, as a multiple",
            median(ratios),
            1.3,
            "×",
            "less",
            ratios,
            {"p95 of 100,000 (ms)": large},
        ),
    ]


async def _fill(bed: Bed, service: Process, size: int) -> dict[str, str]:
    made = await add_provider(service.settings, f"Provider of {size}")
    provider_id, now, dice = UUID(made["provider_id"]), datetime.now(UTC), Random(size)
    ids = [uuid7() for _ in range(size)]
    connection = await connect(bed.url, {"application_name": "bench"})
    try:
        await connection.copy_records_to_table(
            "practice",
            records=[
                (provider_id, one, f"Cabinet {n}", "Lyon", "dentist", "Europe/Paris", f"cabinet {n} lyon", now, now)
                for n, one in enumerate(ids)
            ],
            columns=[
                "provider_id",
                "id",
                "name",
                "city",
                "profession",
                "time_zone",
                "search_text",
                "created_at",
                "updated_at",
            ],
        )
        rows: list[tuple[Any, ...]] = []
        for one in ids:
            lights = [dice.choice(_LIGHTS) for _ in range(3)]
            worst = next(light for light in ("critical", "unknown", "warning", "ok") if light in lights)
            since = dict.fromkeys(("overall", "patch", "backup", "liveness"), "2026-11-01T00:00:00Z")
            rows.append(
                (
                    *(provider_id, one, rank(*lights), worst, lights[0], lights[1], "unknown", lights[2]),
                    *(since, {}, {"active": 4, "silent": 0, "never": 0, "pending": 0}, now),
                )
            )
        await connection.copy_records_to_table(
            "posture",
            records=rows,
            columns=[
                *("provider_id", "practice_id", "rank", "overall", "patch", "backup", "checklist", "liveness"),
                *("since", "controls", "devices", "assessed_at"),
            ],
        )
        await connection.execute("VACUUM ANALYZE practice")
        await connection.execute("VACUUM ANALYZE posture")
    finally:
        await connection.close()
    return made


def _token(connection: http.client.HTTPConnection, made: dict[str, str]) -> str:
    credentials = b64encode(f"{made['client_id']}:{made['client_secret']}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/oauth/token", "grant_type=client_credentials", headers)
    return str(orjson.loads(connection.getresponse().read())["access_token"])


def _get(connection: http.client.HTTPConnection, token: str, path: str) -> bytes:
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise AssertionError(f"{path}: {answer.status} {body[:200]!r}")
    return body


def _path(light: str, cursor: str | None) -> str:
    return f"/v1/practices?limit=50&overall={light}" + (f"&cursor={cursor}" if cursor else "")


def _cursors(connection: http.client.HTTPConnection, token: str) -> dict[str, list[str | None]]:
    """Walk each light's list so that places all along it are known."""
    found: dict[str, list[str | None]] = {}
    for light in ("critical", "warning", "ok"):
        cursors: list[str | None] = [None]
        while len(cursors) < 400:
            page = orjson.loads(_get(connection, token, _path(light, cursors[-1])))
            if page["next_cursor"] is None:
                break
            cursors.append(page["next_cursor"])
        full = cursors[:-1] or cursors  # the last page may be short
        found[light] = full
    return found


def _pass(connection: http.client.HTTPConnection, token: str, cursors: dict[str, list[str | None]], seed: int) -> float:
    dice = Random(seed)
    times = []
    for _ in range(REQUESTS):
        light = dice.choice(list(cursors))
        path = _path(light, dice.choice(cursors[light]))
        started = time.perf_counter()
        body = _get(connection, token, path)
        times.append(time.perf_counter() - started)
        if body.count(b'"profession"') > 50:
            raise AssertionError("more rows than asked for")
    return sorted(times)[int(REQUESTS * 0.95)] * 1000
