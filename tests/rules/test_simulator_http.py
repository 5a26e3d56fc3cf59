"""The simulated fleet over HTTP obeys the server: signatures, clock corrections, waiting times, resync, sequence."""

import asyncio
import base64
import gzip
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from vigie.auth.http_signatures import parse_signature, verify
from vigie.devices.hb1 import parse_heartbeat
from vigie.simulator.client import SimulationError
from vigie.simulator.drive import Options, Pace, Summary, drive, simulate, utc_now
from vigie.simulator.fleet import plan_fleet
from vigie.simulator.scenarios import HEALTHY

URL = "https://vigie.example"
PROVIDER = str(UUID(int=1))
UNKNOWN_CLIENT = httpx.Response(401, json={"error": "invalid_client"})
QUICK = Pace(speed=36_000, duration_s=0.4, connections=4)


@dataclass
class Server:
    """A small server that speaks docs/protocol.md; ``script`` holds the refusals to give first, in order."""

    script: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    resync_once: bool = False
    behind: int | None = None
    next_in_s: int = 3600
    keys: dict[str, bytes] = field(default_factory=dict)
    heartbeats: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    created: list[int] = field(default_factory=list)
    gzipped: int = 0
    expired_once: bool = False
    asked: list[str] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        return self.agent(request) if "/agent/" in request.url.path else self.partner(request)

    def partner(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if request.url.path == "/oauth/token":
            right = request.headers["authorization"] == f"Basic {base64.b64encode(b'pia:secret').decode()}"
            right = right and request.content == b"grant_type=client_credentials"
            return httpx.Response(200, json={"access_token": "t"}) if right else UNKNOWN_CLIENT
        assert request.headers["authorization"] == "Bearer t"
        if self.expired_once:
            self.expired_once = False
            return httpx.Response(401, json={"code": "token.expired"})
        self.documents.append(json.loads(request.content))
        if request.url.path == "/v1/practices":
            return httpx.Response(201, json={"id": "p1"})
        return httpx.Response(201, json={"token": "vet_x"})

    def agent(self, request: httpx.Request) -> httpx.Response:
        signature = parse_signature(request.headers)
        body = request.content
        document = json.loads(gzip.decompress(body) if request.headers.get("content-encoding") == "gzip" else body)
        self.gzipped += "content-encoding" in request.headers
        enrolling = request.url.path == "/v1/agent/enrolments"
        key = base64.urlsafe_b64decode(document["public_key"] + "=") if enrolling else self.keys[signature.keyid]
        verify(signature, key, method="POST", target_uri=str(request.url), body=body)
        self.created.append(signature.created)
        if self.script:
            status, problem = self.script.pop(0)
            return httpx.Response(status, json=problem, headers={"Retry-After": "0"})
        return self.enrol(key) if enrolling else self.take(signature.keyid, document)

    def enrol(self, key: bytes) -> httpx.Response:
        device = str(UUID(int=100 + len(self.keys)))
        self.keys[f"{PROVIDER}.{device}"] = key
        return httpx.Response(201, json={"provider_id": PROVIDER, "device_id": device, "next_in_s": 0})

    def take(self, keyid: str, document: dict[str, Any]) -> httpx.Response:
        parse_heartbeat(json.dumps(document).encode())
        if self.behind is not None and document["sequence"] < self.behind:
            return httpx.Response(409, json={"code": "agent.sequence_behind", "continue_from": self.behind})
        self.heartbeats.append((keyid, document))
        resync, self.resync_once = self.resync_once, False
        answer = {"accepted_sequence": document["sequence"], "duplicate": False, "resync": resync}
        return httpx.Response(200, json=answer | {"next_in_s": self.next_in_s})


def run(server: Server, pace: Pace = QUICK, devices: int = 1) -> Summary:
    plan = next(plan for plan in plan_fleet(2, devices, now=utc_now()) if plan.scenario is HEALTHY)

    async def go() -> Summary:
        async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as http:
            return await drive(URL, [(device, "vet_x") for device in plan.devices()], http=http, pace=pace)

    return asyncio.run(go())


def test_devices_enrol_and_report_signed_and_compressed_when_large() -> None:
    server = Server(next_in_s=360)
    summary = run(server, devices=3)
    assert summary.devices == len(server.keys) == 3
    assert summary.acknowledged == len(server.heartbeats) > 6
    per_device = Counter(keyid for keyid, _ in server.heartbeats)
    assert len(per_device) == 3
    assert all(len(document["sections"]) in {0, 13} for _, document in server.heartbeats[:6])
    assert 3 <= server.gzipped < len(server.heartbeats)
    assert summary.refused == {}


def test_sequences_rise_by_one_per_device() -> None:
    server = Server(next_in_s=360)
    run(server)
    sequences = [document["sequence"] for _, document in server.heartbeats]
    assert len(sequences) > 2
    assert sequences == list(range(1, len(sequences) + 1))


def test_a_device_waits_as_long_as_the_server_says_divided_by_the_speed() -> None:
    patient = Server(next_in_s=36_000)
    run(patient)
    eager = Server(next_in_s=360)
    run(eager)
    assert len(patient.heartbeats) <= 2 < len(eager.heartbeats)


def test_a_rate_replaces_the_cadence_of_the_server() -> None:
    server = Server(next_in_s=36_000)
    run(server, Pace(rate=20, duration_s=1.0, connections=4), devices=2)
    assert 5 <= len(server.heartbeats) <= 22


def test_resync_is_answered_with_a_full_report_at_once() -> None:
    server = Server(resync_once=True, next_in_s=36_000_000)
    summary = run(server)
    assert [len(document["sections"]) for _, document in server.heartbeats] == [13, 13]
    assert (summary.acknowledged, summary.resyncs) == (2, 1)


def test_a_sequence_that_is_behind_is_continued_as_told() -> None:
    server = Server(behind=77)
    summary = run(server, Pace(duration_s=0.4))
    assert [document["sequence"] for _, document in server.heartbeats] == [77]
    assert summary.refused == {"agent.sequence_behind": 1}


def test_a_wrong_clock_is_corrected_and_the_same_report_signed_again() -> None:
    ahead = datetime.now(UTC) + timedelta(hours=2)
    server = Server(
        script=[(401, {"code": "agent.clock_skew", "server_time": f"{ahead:%Y-%m-%dT%H:%M:%SZ}"})], next_in_s=36_000_000
    )
    summary = run(server)
    assert summary.devices == 1
    assert 7190 <= server.created[1] - server.created[0] <= 7210


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_and_nothing_is_lost(status: int) -> None:
    server = Server(script=[(status, {"code": "agent.busy"})], next_in_s=36_000_000)
    summary = run(server, Pace(speed=36_000, duration_s=1.0, connections=1))
    assert summary.acknowledged >= 1
    assert summary.refused == {"agent.busy": 1}


def test_a_refused_token_ends_the_device_and_not_the_fleet() -> None:
    server = Server(script=[(403, {"code": "enrolment.token_expired"})], next_in_s=36_000_000)
    summary = run(server, devices=2)
    assert (summary.devices, summary.stopped) == (1, 1)
    assert summary.refused == {"enrolment.token_expired": 1}


def simulated(server: Server, options: Options) -> Summary:
    return asyncio.run(simulate(options, http=httpx.AsyncClient(transport=httpx.MockTransport(server))))


@pytest.mark.parametrize("expired_once", [False, True])
def test_a_simulation_opens_its_practices_as_a_partner_and_lets_their_devices_report(*, expired_once: bool) -> None:
    server = Server(expired_once=expired_once, next_in_s=36_000_000)
    summary = simulated(server, Options(URL, "pia", "secret", practices=2, devices=3, pace=QUICK))
    assert (summary.practices, summary.devices, summary.acknowledged) == (2, 6, 6)
    assert server.asked.count("/oauth/token") == 1 + expired_once
    practice, token = server.documents[:2]
    assert set(practice) == {"name", "profession", "time_zone", "city"}
    assert token["use_limit"] == 3
    assert (summary.latency_s(0.5) or -1) >= 0


def test_credentials_that_are_refused_stop_the_simulation_with_a_reason() -> None:
    with pytest.raises(SimulationError, match="invalid_client"):
        simulated(Server(), Options(URL, "pia", "wrong", practices=1, devices=1, pace=QUICK))
