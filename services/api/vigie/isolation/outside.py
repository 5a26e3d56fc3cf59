"""Talking to the service from outside: callers with their credentials, and answers as text."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vigie.auth.http_signatures import sign_request

_TOO_MANY: Final = 429
_PATIENCE: Final = 10  # how often a quota is waited for
_LONGEST_WAIT_S: Final = 60.0
_AT_ONCE: Final = 8  # requests under way
_READ_S: Final = 10.0  # for answers that never end
_MOST_BYTES: Final = 4_000_000
Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Device:
    """A device's key, and under whose name it signs."""

    key: Ed25519PrivateKey = field(repr=False)
    keyid: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls. `unsafe`: what our own pages add to requests that change something."""

    name: str
    headers: Headers = field(default_factory=dict, repr=False)
    unsafe: Headers = field(default_factory=dict, repr=False)
    device: Device | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, and body and headers as one text."""

    status: int
    body: str
    headers: str = ""

    @property
    def text(self) -> str:
        """Everything in which something could be told."""
        return f"{self.headers}\n{self.body}"

    @property
    def document(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is none."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def code(self) -> str:
        """The stable code of a problem, or nothing."""
        return str(self.document.get("code", ""))

    @property
    def succeeded(self) -> bool:
        """Whether the service did what was asked."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP


class Outside:
    """The service as seen from outside. `public_url` is what its agents sign and its pages come from."""

    def __init__(self, http: httpx.AsyncClient, url: str, public_url: str, clock: Callable[[], datetime]) -> None:
        self._http = http
        self.clock = clock
        self.url = url.rstrip("/")
        self.public_url = public_url.rstrip("/")
        self.requests = 0
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def send(
        self,
        caller: Caller,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Headers | None = None,
    ) -> Answer:
        """Send a request as somebody; when a quota is used up, come back when the service says."""
        content = b"" if body is None else orjson.dumps(body)
        # Not built by the client: no cookie of an earlier answer comes along.
        request = httpx.Request(method, self.url + path, params=params, content=content or None)
        if content:
            request.headers["Content-Type"] = "application/json"
        target = self.public_url + request.url.raw_path.decode()
        request.headers.update({**self._own(caller, method, target, content), **(headers or {})})
        for _ in range(_PATIENCE):
            async with self._at_once:
                answer, wait = await self._once(request)
            if answer.status != _TOO_MANY:
                return answer
            await asyncio.sleep(min(wait, _LONGEST_WAIT_S))
        return answer

    def _own(self, caller: Caller, method: str, target: str, content: bytes) -> dict[str, str]:
        added = {} if method == "GET" else caller.unsafe
        if caller.device is None:
            return {**caller.headers, **added}
        signed = sign_request(
            caller.device.key,
            keyid=caller.device.keyid,
            method=method,
            target_uri=target,
            body=content,
            created=int(self.clock().timestamp()),
        )
        return {**caller.headers, **added, **signed}

    async def _once(self, request: httpx.Request) -> tuple[Answer, float]:
        self.requests += 1
        answer = await self._http.send(request, stream=True)
        try:
            read = await _read(answer)
        finally:
            await answer.aclose()
        wait = answer.headers.get("retry-after", "")
        headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        return Answer(answer.status_code, read, headers), float(wait) if wait.isdecimal() else 1.0

    async def token_of(self, client_id: str, client_secret: str) -> str:
        """Return an access token of a partner client (RFC 6749 §4.4); raises `LookupError`."""
        form = {"grant_type": "client_credentials"}
        answer = await self._http.post(f"{self.url}/oauth/token", data=form, auth=(client_id, client_secret))
        self.requests += 1
        if not answer.is_success:
            raise LookupError(f"no access token for the throw-away client: {answer.status_code}")
        return str(answer.json()["access_token"])


async def _read(answer: httpx.Response) -> str:
    """Read an answer, but of one that goes on and on only its beginning."""
    found = bytearray()
    try:
        async with asyncio.timeout(_READ_S):
            async for part in answer.aiter_bytes():
                found += part
                if len(found) > _MOST_BYTES:
                    break
    except TimeoutError:
        pass
    return found.decode(errors="replace")
