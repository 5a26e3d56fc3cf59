"""A fleet in the database without enrolling it one by one, and the heartbeats it sends, signed beforehand."""

import asyncio
import gzip
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.client import request
from bench.service import Bed
from vigie.auth.http_signatures import sign_request
from vigie.core.clock import wire_time
from vigie.core.crypto import b64url
from vigie.core.db import connect
from vigie.core.ids import uuid7
from vigie.devices.cadence import slot_of
from vigie.devices.digests import section_digest, state_digest
from vigie.posture.assessment import first_posture

PATH = "/v1/agent/heartbeats"


@dataclass
class BenchDevice:
    """A device of the load: its key and where its sequence stands."""

    provider_id: UUID
    device_id: UUID
    key: Ed25519PrivateKey
    sequence: int = 0
    state: str = b64url(state_digest({}))
    sections: dict[str, Any] = field(default_factory=dict)

    @property
    def keyid(self) -> str:
        """Return the key id."""
        return f"{self.provider_id}.{self.device_id}"

    def heartbeat(self, sections: dict[str, Any] | None = None) -> bytes:
        """Return the body of the next heartbeat; with sections it is a full report."""
        self.sequence += 1
        if sections:
            self.state = b64url(state_digest({name: section_digest(value) for name, value in sections.items()}))
        return orjson.dumps(
            {
                "schema": "hb/1",
                "sequence": self.sequence,
                "sent_at": wire_time(datetime.now(UTC)),
                "agent": {"version": "0.1.0", "build": "simulated"},
                "boot_ref": "0badcafe",
                "ran_at": [],
                "vitals": {"uptime_s": 263112, "run_ms": 5230, "clock_offset_ms": -180},
                "state_digest": self.state,
                "sections": sections or {},
                "backup_events": [],
            }
        )

    def signed(self, host: str, body: bytes, *, compressed: bool = False) -> bytes:
        """Return the bytes of the signed request."""
        headers = {"Content-Type": "application/json"}
        if compressed:
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        headers |= sign_request(
            self.key,
            keyid=self.keyid,
            method="POST",
            target_uri=f"http://{host}{PATH}",
            body=body,
            created=int(time.time()),
        )
        return request("POST", PATH, host, headers, body)


def load_fleet(bed: Bed, *, providers: int, practices: int, devices: int) -> list[BenchDevice]:
    """Insert providers, practices of each and devices of each practice; return the devices."""
    return asyncio.run(_load(bed, providers, practices, devices))


async def _load(bed: Bed, providers: int, practices: int, devices: int) -> list[BenchDevice]:
    connection = await connect(bed.url, {"application_name": "bench"})
    now = datetime.now(UTC).replace(microsecond=0)
    found: list[BenchDevice] = []
    try:
        for number in range(providers):
            provider_id = uuid7()
            await connection.execute("INSERT INTO provider VALUES ($1, $2, $3)", provider_id, f"Provider {number}", now)
            await add_practices(connection, provider_id, practices, devices, now, found)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    return found


async def add_practices(
    connection: asyncpg.Connection,
    provider_id: UUID,
    practices: int,
    devices: int,
    now: datetime,
    found: list[BenchDevice],
) -> None:
    """Insert practices of a provider that is there, and devices of each, which are added to `found`."""
    ids = [uuid7() for _ in range(practices)]
    await connection.executemany(
        "INSERT INTO practice (provider_id, id, name, profession, time_zone, search_text, created_at, updated_at)"
        " VALUES ($1, $2, $3, 'dentist', 'Europe/Paris', lower($5), $4, $4)",
        [(provider_id, practice, f"Cabinet {place}", now, f"cabinet {place}") for place, practice in enumerate(ids)],
    )
    postures = [first_posture(provider_id, practice, now) for practice in ids]
    for posture in postures:
        posture["devices"] = {"active": devices, "silent": 0, "never": devices, "pending": 0}
    names = list(postures[0])
    places = ", ".join(f"${place}" for place in range(1, len(names) + 1))
    await connection.executemany(
        f"INSERT INTO posture ({', '.join(names)}) VALUES ({places})", [tuple(posture.values()) for posture in postures]
    )
    made = [
        (practice, BenchDevice(provider_id, uuid7(), Ed25519PrivateKey.generate()))
        for practice in ids
        for _ in range(devices)
    ]
    await connection.executemany(
        "INSERT INTO device (provider_id, id, practice_id, alias, family, role, status, public_key, key_generation,"
        " machine_hint, slot_s, enrolled_at) VALUES ($1, $2, $3, 'poste', 'windows', 'workstation', 'active', $4, 1, $5, $6, $7)",
        [
            (
                *(provider_id, device.device_id, practice, device.key.public_key().public_bytes_raw()),
                *(os.urandom(16), slot_of(device.device_id), now - timedelta(days=30)),
            )
            for practice, device in made
        ],
    )
    await connection.executemany(
        "INSERT INTO device_liveness (provider_id, device_id, sequence, received, presence_hours, key_generation, status)"
        " VALUES ($1, $2, 0, 0, 0, 1, 'active')",
        [(provider_id, device.device_id) for _, device in made],
    )
    await connection.executemany(
        "INSERT INTO device_deadline (provider_id, device_id, due_at, silent_after) VALUES ($1, $2, $3, $3)",
        [(provider_id, device.device_id, now + timedelta(hours=2)) for _, device in made],
    )
    found.extend(device for _, device in made)


def stored(bed: Bed) -> int:
    """Return how many heartbeats the database has counted."""
    return int(bed.query("SELECT coalesce(sum(received), 0) AS n FROM device_liveness")[0]["n"])


def deal(requests: list[bytes], devices: int, connections: int) -> list[list[bytes]]:
    """Deal requests to connections so that each device stays on one connection and its sequences in order."""
    hands: list[list[bytes]] = [[] for _ in range(connections)]
    for place, one in enumerate(requests):
        hands[place % devices % connections].append(one)
    return hands
