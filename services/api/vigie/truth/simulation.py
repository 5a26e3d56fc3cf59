"""One run from beginning to end: a database of its own, a world, a life, a judgement."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import uvloop
from pydantic import SecretStr

from vigie.auth.signing_keys import new_signing_key
from vigie.core.collector import calm_the_collector
from vigie.core.db import connect
from vigie.core.embedded import EmbeddedPostgres
from vigie.core.migrate import migrate
from vigie.runtime import write_private
from vigie.settings import Settings
from vigie.truth.judge import Judgement, Told, judge
from vigie.truth.reading import read_alerts
from vigie.truth.run import Lived, live
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


def simulate(settings: Settings, asked: Asked, tell: Callable[[str], None]) -> tuple[Judgement, dict[str, Any]]:
    """Live through a world and judge what was told; return that, and what the run was and took."""
    began, cpu = time.monotonic(), time.process_time()
    world = make_world(asked.seed, asked.practices, asked.first, asked.days, intensity=asked.intensity)
    calm_the_collector()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        lived, alerts = runner.run(_live(settings, world, tell))
    result = judge(world, truths_of(world), alerts)
    ran = {
        "seed": asked.seed,
        "practices": asked.practices,
        "days": asked.days,
        "first": asked.first.isoformat(),
        "intensity": asked.intensity,
        "devices": sum(len(practice.devices) for practice in world.practices),
        "heartbeats": lived.reports,
        "refused": sum(lived.refused.values()),
        "wall_s": round(time.monotonic() - began),
        "cpu_s": round(time.process_time() - cpu),
    }
    return result, ran


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
