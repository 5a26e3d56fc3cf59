"""One run from beginning to end: a database of its own, a world, a life, a judgement."""

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import uvloop
from pydantic import SecretStr

from vigie.auth.signing_keys import new_signing_key
from vigie.core.collector import calm_the_collector
from vigie.core.db import connect
from vigie.core.embedded import EmbeddedPostgres
from vigie.core.migrate import migrate
from vigie.multiprocess import end_with_parent
from vigie.runtime import write_private
from vigie.settings import Settings
from vigie.truth.judge import Judgement, Told, judge
from vigie.truth.reading import read_alerts
from vigie.truth.run import PRACTICES_PER_PROVIDER, Lived, live
from vigie.truth.truths import truths_of
from vigie.truth.world import World, make_world

# A database that is thrown away need not survive a crash.
_THROW_AWAY = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "jit": "off",
}
FIRST = date(2026, 3, 23)
"""A Monday; the week that follows ends with a night of the clock change."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which world to live through."""

    seed: str
    practices: int
    days: int
    first: date = FIRST
    intensity: float = 1.0


@contextmanager
def throw_away_database(settings: Settings) -> Iterator[Settings]:
    """Give settings with an empty database of this release that lasts as long as the block."""
    folder = Path(tempfile.mkdtemp(prefix="vigie-truth-"))
    folder.chmod(0o755)  # as root, PostgreSQL runs as another user who must reach its files
    embedded = EmbeddedPostgres(folder, options=_THROW_AWAY)
    try:
        url = embedded.start()
        migrate(url)
        yield settings_for(settings, url, folder)
    finally:
        embedded.stop()
        shutil.rmtree(folder, ignore_errors=True)


def settings_for(settings: Settings, url: str, folder: Path) -> Settings:
    """Return settings for a database, with a signing key in a folder; nothing of the configured database is left in them."""
    key = folder / "token-key.pem"
    write_private(key, new_signing_key())
    other = ("app_database_url", "intake_database_url", "signin_database_url", "worker_database_url")
    made = {"database_url": SecretStr(url), "public_url": "https://vigie.invalid", "token_key_file": key}
    return settings.model_copy(
        update={**dict.fromkeys(other), **made, "database_form": "postgresql", "identity_providers_file": None}
    )


Result = tuple[Judgement, dict[str, Any]]
Tell = Callable[[str], None]


def simulate(settings: Settings, asked: Asked, tell: Tell) -> Result:
    """Live through a world in the database of `settings` and judge what was told; return that, and what the run was and took."""
    began, cpu = time.monotonic(), time.process_time()
    world = _world(asked)
    lived, alerts = _live_in(settings, world, tell)
    return _judged(asked, world, [(lived, alerts)], time.monotonic() - began, time.process_time() - cpu)


def simulate_apart(settings: Settings, asked: Asked, tell: Tell, processes: int) -> Result:
    """Live through a world with as many processes as it has providers and `processes` allows; each has a database of its own.

    Providers share nothing but the service, and when it is away it is away for all of them: what is told to one is the same whether
    another is simulated beside it, before it, or not at all.
    """
    began = time.monotonic()
    world = _world(asked)
    providers = sorted({practice.number // PRACTICES_PER_PROVIDER for practice in world.practices})
    with ProcessPoolExecutor(min(processes, len(providers)), get_context("spawn"), end_with_parent) as pool:
        running = [pool.submit(_live_apart, settings, asked, provider) for provider in providers]
        for number, done in enumerate(as_completed(running), start=1):
            done.result()
            tell(f"provider {number} of {len(providers)} is done after {time.monotonic() - began:.0f} s")
        found = [future.result() for future in running]
    return _judged(asked, world, [each[:2] for each in found], time.monotonic() - began, sum(each[2] for each in found))


def _live_apart(settings: Settings, asked: Asked, provider: int) -> tuple[Lived, list[Told], float]:
    """Live through the part of a world that is one provider's; return also the seconds of processor time of this process."""
    cpu = time.process_time()
    world = _world(asked)
    part = tuple(each for each in world.practices if each.number // PRACTICES_PER_PROVIDER == provider)
    with throw_away_database(settings) as empty:
        lived, alerts = _live_in(
            empty, replace(world, practices=part), lambda line: _say(f"provider {provider + 1}: {line}")
        )
    return lived, alerts, time.process_time() - cpu


def _say(line: str) -> None:
    sys.stderr.write(f"truth: {line}\n")


def _world(asked: Asked) -> World:
    return make_world(asked.seed, asked.practices, asked.first, asked.days, intensity=asked.intensity)


def _live_in(settings: Settings, world: World, tell: Tell) -> tuple[Lived, list[Told]]:
    calm_the_collector()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_live(settings, world, tell))


def _judged(
    asked: Asked, world: World, parts: Sequence[tuple[Lived, list[Told]]], wall_s: float, cpu_s: float
) -> Result:
    alerts = sorted(
        (told for _, part in parts for told in part), key=lambda told: (told.opened_at, told.practice, told.cause)
    )
    ran = {
        "seed": asked.seed,
        "practices": asked.practices,
        "days": asked.days,
        "first": asked.first.isoformat(),
        "intensity": asked.intensity,
        "devices": sum(len(practice.devices) for practice in world.practices),
        "heartbeats": sum(lived.reports for lived, _ in parts),
        "refused": sum(sum(lived.refused.values()) for lived, _ in parts),
        "processes": len(parts),
        "wall_s": round(wall_s),
        "cpu_s": round(cpu_s),
    }
    return judge(world, truths_of(world), alerts), ran


async def _live(settings: Settings, world: World, tell: Callable[[str], None]) -> tuple[Lived, list[Told]]:
    lived = await live(settings, world, tell)
    url = settings.database_url
    if url is None:
        raise LookupError("a simulation needs a database")
    connection = await connect(url.get_secret_value(), {})
    try:
        return lived, await read_alerts(connection, lived)
    finally:
        await connection.close()
