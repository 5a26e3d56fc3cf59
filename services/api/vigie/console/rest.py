"""The REST API as a page asks it: in this process, as the person whose session came with the page's request.

Each question goes through the whole application, with its guards, quotas and isolation; the questions of one page share a
reading transaction (docs/adr/0034). Nothing is opened on the network.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Scope

from vigie.auth.dependencies import parts
from vigie.auth.questions import Questions
from vigie.core.middleware import Within

_PASSED_ON: Final = frozenset({b"cookie", b"host", b"x-forwarded-for", b"user-agent"})
_JSON: Final = "application/json"


class RefusedError(Exception):
    """The API refused to answer: `status`, and the problem document it said so with (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}")
        self.status = status
        self.problem = problem

    @property
    def code(self) -> str:
        """The stable code of the refusal."""
        return str(self.problem.get("code", "internal"))


class Rest:
    """The API for one request of a page. `language`: of the sentences it answers with."""

    def __init__(self, request: Request, language: str) -> None:
        self._within: ASGIApp = request.scope[Within.KEY]
        self._request = request
        self._language = language
        self._questions = Questions(parts(request).database)

    async def let_go(self) -> None:
        """Give back the connection of the page's questions until the next question."""
        await self._questions.let_go()

    async def close(self) -> None:
        """Give back what the questions of the page held."""
        await self._questions.close()

    async def get(self, path: str, **parameters: object) -> Any:
        """Return what the API answers to a GET; parameters that are None are left out. Raises `RefusedError`."""
        said = [(name, value) for name, value in parameters.items() if value is not None]
        status, body = await self._ask(path, urlencode(said, doseq=True))
        found = orjson.loads(body) if body else {}
        if status >= 400:  # noqa: PLR2004 - where refusals begin
            raise RefusedError(status, found if isinstance(found, dict) else {})
        return found

    async def _ask(self, path: str, query: str) -> tuple[int, bytes]:
        status, body = 500, bytearray()

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))

        await self._within(self._scope(path, query), receive, send)
        return status, bytes(body)

    def _scope(self, path: str, query: str) -> Scope:
        came = self._request.scope
        headers = [(name, value) for name, value in came["headers"] if name in _PASSED_ON]
        headers += [(b"accept", _JSON.encode()), (b"accept-language", self._language.encode())]
        named = ("app", "asgi", "http_version", "scheme", "client", "server")
        asked: Scope = {
            **{name: came[name] for name in named if name in came},
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": headers,
            "state": dict(came.get("state", {})),
        }
        self._questions.carried_by(asked)
        return asked
