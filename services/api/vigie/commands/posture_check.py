"""`vigie posture-check`: whether the stored verdicts are what the stored facts say."""

import argparse
import asyncio
import sys
from datetime import datetime
from uuid import UUID

from vigie.core.clock import Clock, SystemClock
from vigie.core.db import Database, connect, role_url
from vigie.overview.posture_check import Outcome, check_provider
from vigie.posture.assessment import Assessor
from vigie.runtime import with_database
from vigie.settings import Settings

_SHOWN = 50
_PROVIDERS = "SELECT DISTINCT provider_id FROM device_deadline ORDER BY provider_id"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the provider."""
    parser.add_argument("--provider", type=UUID, help="this provider only; default: all that have devices")


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock | None = None) -> int:
    """Check one provider or all; the status is 1 when anything differs. `LookupError` when there is nothing to check."""
    with with_database(settings) as ready:
        outcomes = asyncio.run(_check(ready, arguments.provider, (clock or SystemClock()).now()))
    if not outcomes:
        raise LookupError("no provider has any device")
    for provider_id, outcome in outcomes.items():
        _tell(provider_id, outcome)
    return 1 if any(outcome.differences for outcome in outcomes.values()) else 0


async def _check(settings: Settings, provider_id: UUID | None, now: datetime) -> dict[UUID, Outcome]:
    """Check as the worker, whose work would have to be done again if anything differed."""
    url, server_settings = role_url(settings, "vigie_worker")
    providers = [provider_id]
    if provider_id is None:
        connection = await connect(url, server_settings)
        providers = [row["provider_id"] for row in await connection.fetch(_PROVIDERS)]
        await connection.close()
    database = Database(url, server_settings, pool_size=1)
    try:
        return {
            one: await check_provider(database, Assessor("citus"), one, now) for one in providers if one is not None
        }
    finally:
        await database.close()


def _tell(provider_id: UUID, outcome: Outcome) -> None:
    found = f"{len(outcome.differences)} DIFFER" if outcome.differences else "all as stored"
    waiting = f", {outcome.waiting} practices left out: the worker has yet to come by" if outcome.waiting else ""
    sys.stdout.write(
        f"provider {provider_id}: {outcome.practices} practices, {outcome.compared} verdicts, {found}{waiting}\n"
    )
    for each in outcome.differences[:_SHOWN]:
        where = f"practice {each.practice_id}"
        if each.subject_id != each.practice_id:
            where += f", device {each.subject_id}"
        sys.stdout.write(f"  {where}, {each.name}: stored {each.stored}, judged {each.judged}\n")
    if len(outcome.differences) > _SHOWN:
        sys.stdout.write(f"  … and {len(outcome.differences) - _SHOWN} more\n")
