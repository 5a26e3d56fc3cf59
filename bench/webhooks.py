"""P15: ten thousand events to fifty endpoints, of which five hang, five fail and five lead to private addresses."""

import asyncio
import http.client
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from uuid import UUID

import psutil

from bench.intake import LostError
from bench.report import Figure, median
from bench.service import Bed, free_port
from vigie.auth.dependencies import Call
from vigie.auth.principal import ALL_PRACTICES, Permission, Principal
from vigie.cli_actions import found_provider
from vigie.core.db import Database, bind_provider, connect, role_url
from vigie.core.outbound import Reach
from vigie.core.sealing import load_sealer
from vigie.events.log import NewEvent, append
from vigie.runtime import generated_sealing_key
from vigie.settings import Settings
from vigie.webhooks.endpoints import open_endpoint
from vigie.webhooks.schemas import NewEndpoint

EVENTS, BATCH, RUNS = 10_000, 500, 3
WELL, EACH_BAD = 35, 5
GOAL_S = 60
_PATIENCE_S = 300


def fan_out(bed: Bed) -> list[Figure]:
    """Measure from the first event's commit until every healthy endpoint has received the last one, in order."""
    key = generated_sealing_key(bed.folder)
    more = {"sealing_key_file": key, "webhook_reach": "loopback"}
    settings = bed.settings(0).model_copy(update=more)
    port = free_port()
    receiver = subprocess.Popen([sys.executable, "-m", "bench.receiver", str(port)], stdin=subprocess.DEVNULL)
    try:
        provider_id = asyncio.run(_prepare(settings, port))
        workers = [bed.work(**more) for _ in range(2)]
        processes = [psutil.Process(each.process.pid) for each in workers]
        seconds, spent = [], []
        for run in range(1, RUNS + 1):
            before = sum(sum(process.cpu_times()[:2]) for process in processes)
            started = time.time()
            asyncio.run(_happen(settings, provider_id))
            seconds.append(_received(port, run * EVENTS) - started)
            spent.append(sum(sum(process.cpu_times()[:2]) for process in processes) - before)
    finally:
        receiver.kill()
    tried = bed.query("SELECT count(*) AS n FROM webhook_endpoint WHERE failing_since IS NOT NULL")[0]["n"]
    kept = bed.query("SELECT count(*) AS n FROM webhook_delivery WHERE status = 'delivered'")[0]["n"]
    if (tried, kept) != (3 * EACH_BAD, RUNS * EVENTS * WELL):
        raise LostError(f"{tried} endpoints are being tried again, {kept} deliveries are on record")
    notes = {
        "deliveries a second": WELL * EVENTS / median(seconds),
        "processor time of two workers per delivery (µs)": 1e6 * median(spent) / (WELL * EVENTS),
        "endpoints that are tried again": tried,
    }
    what = f"{EVENTS:,} events to 50 endpoints, 15 of them bad: until the 35 others have received all, in order, verified by count"
    return [Figure("P15", what, median(seconds), GOAL_S, "s", "less", seconds, notes)]


async def _prepare(settings: Settings, port: int) -> UUID:
    """Make a provider with fifty endpoints, as its owner would."""
    database = Database(*role_url(settings, "vigie_app"), pool_size=1)
    sealer = load_sealer(settings.sealing_key_file)
    if sealer is None:
        raise LostError("no sealing key")
    try:
        provider_id = UUID((await found_provider(database, "Bench"))["provider_id"])
        owner = Principal("member", provider_id, "bench", frozenset(Permission), ALL_PRACTICES, role="owner")
        names = [f"well{n}" for n in range(WELL)]
        names += [f"{kind}{n}" for kind in ("hang", "fail", "astray") for n in range(EACH_BAD)]
        for name in names:
            async with database.session(provider_id, write=True) as session:
                call = Call(owner, session, datetime.now(UTC))
                await open_endpoint(call, sealer, Reach.LOOPBACK, NewEndpoint(url=f"http://127.0.0.1:{port}/{name}"))
    finally:
        await database.close()
    return provider_id


async def _happen(settings: Settings, provider_id: UUID) -> None:
    """Write events, many in a transaction."""
    connection = await connect(*role_url(settings, "vigie_app"))
    try:
        for _ in range(EVENTS // BATCH):
            now = datetime.now(UTC)
            payload = {
                "changed": [{"family": "patch", "key": "security_pass_days", "from": 7, "to": 10}],
                "by": "bench",
            }
            events = [NewEvent(provider_id, "policy.changed", None, None, now, payload)] * BATCH
            async with connection.transaction():
                await bind_provider(connection, provider_id)
                await append(connection, "postgresql", events, now)
    finally:
        await connection.close()


def _received(port: int, count: int) -> float:
    """Wait until every healthy endpoint has so many; return when the last of them came."""
    ends_at = time.monotonic() + _PATIENCE_S
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/report")
        found = json.loads(connection.getresponse().read())
        connection.close()
        well = {name: values for name, values in found.items() if name.startswith("well")}
        if not all(in_order for _, in_order, _ in well.values()):
            raise LostError("an endpoint received out of order")
        if len(well) == WELL and all(received == count for received, _, _ in well.values()):
            return float(max(at for _, _, at in well.values()))
        if time.monotonic() > ends_at:
            raise LostError(f"after {_PATIENCE_S} s: {sorted(received for received, _, _ in well.values())}")
        time.sleep(0.5)
