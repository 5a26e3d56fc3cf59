"""The two callers of the simulation over HTTP: the partner who opens practices, and the agents who report."""

import asyncio
import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx
import orjson

from vigie.auth.http_signatures import sign_request
from vigie.simulator.device import VirtualDevice
from vigie.simulator.fleet import PracticePlan

GZIP_ABOVE = 1024
"""Bytes above which a body is compressed; a quiet heartbeat would only grow."""

_TOKEN_LIFETIME_S = 86400


class SimulationError(Exception):
    """The server refused something without which the simulation cannot go on; the text says what and with which code."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the server: status, JSON object (empty when there was none), and ``Retry-After`` in seconds."""

    status: int
    document: Mapping[str, Any]
    retry_after_s: float | None

    @property
    def code(self) -> str:
        """The stable code of a problem, or the bare status when the answer was none of ours."""
        return str(self.document.get("code", f"http.{self.status}"))


def read_answer(response: httpx.Response) -> Answer:
    """Read a response, tolerant of anything that stands between us and the server."""
    try:
        document = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        document = None
    wait = response.headers.get("retry-after", "")
    return Answer(
        response.status_code, document if isinstance(document, dict) else {}, float(wait) if wait.isdecimal() else None
    )


class PartnerClient:
    """Creates practices and enrolment tokens with a partner's OAuth2 credentials (scopes to write practices)."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, client_id: str, client_secret: str) -> None:
        """Keep the credentials; nothing is asked before the first call."""
        self._http = http
        self._base_url = base_url
        self._credentials = httpx.BasicAuth(client_id, client_secret)
        self._token = ""
        self._one_at_a_time = asyncio.Lock()

    async def create_practice(self, plan: PracticePlan) -> str:
        """Create a practice of the plan and return its id."""
        document = {"name": plan.name, "profession": plan.profession, "time_zone": plan.time_zone, "city": plan.city}
        return str((await self._post("/v1/practices", document))["id"])

    async def create_enrolment_token(self, practice_id: str, *, uses: int) -> str:
        """Create a token with which ``uses`` devices may join a practice within a day."""
        document = {"label": "simulation", "use_limit": uses, "expires_in_s": _TOKEN_LIFETIME_S}
        return str((await self._post(f"/v1/practices/{practice_id}/enrolment-tokens", document))["token"])

    async def tell_opening_hours(self, practice_id: str, document: Mapping[str, Any]) -> None:
        """Say when a practice is open."""
        await self._ask("PUT", f"/v1/practices/{practice_id}/opening-hours", document)

    async def revoke_device(self, device_id: str) -> None:
        """Take a device out of the fleet."""
        await self._post(f"/v1/devices/{device_id}/revoke", {})

    async def _post(self, path: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._ask("POST", path, document)

    async def _ask(self, method: str, path: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send JSON with a bearer token; a token that ran out is renewed once."""
        token = await self._access_token(spent="")
        answer = await self._ask_once(method, path, document, token)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            answer = await self._ask_once(method, path, document, await self._access_token(spent=token))
        if answer.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise SimulationError(f"{method} {path}: {answer.status} {answer.code}")
        return answer.document

    async def _ask_once(self, method: str, path: str, document: Mapping[str, Any], token: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        url = self._base_url + path
        return read_answer(await self._http.request(method, url, json=document, headers=headers))

    async def _access_token(self, *, spent: str) -> str:
        """Return a token other than the spent one; those who need it together fetch it once."""
        async with self._one_at_a_time:
            if self._token == spent:
                self._token = await self._fetch_token()
            return self._token

    async def _fetch_token(self) -> str:
        """Get an access token (RFC 6749 §4.4)."""
        form = {"grant_type": "client_credentials"}
        response = await self._http.post(f"{self._base_url}/oauth/token", data=form, auth=self._credentials)
        answer = read_answer(response)
        if answer.status != HTTPStatus.OK or "access_token" not in answer.document:
            raise SimulationError(f"POST /oauth/token: {answer.status} {answer.document.get('error', answer.code)}")
        return str(answer.document["access_token"])


@dataclass(slots=True)
class AgentClient:
    """Sends what devices have to say, signed; a device whose clock the server finds wrong is corrected once."""

    http: httpx.AsyncClient
    base_url: str
    clock: Callable[[], datetime]
    bytes_sent: int = 0
    _offsets: dict[str, timedelta] = field(default_factory=dict)

    async def enrol(self, device: VirtualDevice, token: str) -> Answer:
        """Enrol a device; on success it knows its identity from then on."""
        answer = await self._send(device, "/v1/agent/enrolments", device.enrolment(token))
        if answer.status in {HTTPStatus.OK, HTTPStatus.CREATED}:
            device.enrolled(answer.document)
        return answer

    async def report(self, device: VirtualDevice, heartbeat: Mapping[str, Any]) -> Answer:
        """Deliver one heartbeat."""
        return await self._send(device, "/v1/agent/heartbeats", heartbeat)

    async def _send(self, device: VirtualDevice, path: str, document: Mapping[str, Any]) -> Answer:
        body = orjson.dumps(document)
        compressed = len(body) > GZIP_ABOVE
        if compressed:
            body = gzip.compress(body, 6)
        answer = await self._send_signed(device, path, body, compressed=compressed)
        server_time = answer.document.get("server_time")
        if answer.code == "agent.clock_skew" and isinstance(server_time, str):
            self._offsets[device.keyid] = datetime.fromisoformat(server_time) - self.clock()
            answer = await self._send_signed(device, path, body, compressed=compressed)
        return answer

    async def _send_signed(self, device: VirtualDevice, path: str, body: bytes, *, compressed: bool) -> Answer:
        url, keyid = self.base_url + path, device.keyid
        created = self.clock() + self._offsets.get(keyid, timedelta())
        headers = sign_request(
            device.private_key, keyid=keyid, method="POST", target_uri=url, body=body, created=int(created.timestamp())
        )
        headers["Content-Type"] = "application/json"
        if compressed:
            headers["Content-Encoding"] = "gzip"
        self.bytes_sent += len(body)
        return read_answer(await self.http.post(url, content=body, headers=headers))
