"""Pure ASGI middleware (a `BaseHTTPMiddleware` costs more than the whole intake handler)."""

import time
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vigie.core import logging as log
from vigie.core.crypto import b64url
from vigie.core.errors import BodyTooLargeError, preferred_language
from vigie.core.ids import uuid7
from vigie.core.metrics import HTTP_REQUESTS, HTTP_SECONDS

Handler = Callable[[Request], Awaitable[Response]]
MAX_BODY = 262_144  # bytes; the largest body any route accepts (a full heartbeat, docs/protocol.md §3)


class BodyLimit:
    """Refuses bodies over `MAX_BODY` before anything reads them, by declared and by real length.

    `own_limits`: ends of paths whose handlers read the body themselves, part by part, and know when to stop.
    """

    def __init__(
        self,
        app: ASGIApp,
        limit: int = MAX_BODY,
        refusals: Mapping[str, type[BodyTooLargeError]] | None = None,
        own_limits: tuple[str, ...] = (),
    ) -> None:
        self.app = app
        self.limit = limit
        self.refusals = dict(refusals or {})  # path prefix → the error its callers know
        self.own_limits = own_limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or answer 413."""
        if scope["type"] != "http" or scope["path"].endswith(self.own_limits):
            await self.app(scope, receive, send)
            return
        declared = _header(scope, b"content-length")
        if declared is not None and (not declared.isdigit() or int(declared) > self.limit):
            await self._refuse(scope, receive, send)
            return
        if declared is not None:  # the server enforces that the body is no longer than declared
            await self.app(scope, receive, send)
            return
        await self._count_chunks(scope, receive, send)

    async def _count_chunks(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen = 0
        started = False
        refusal = self._refusal(scope)

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.limit:
                raise refusal
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except BodyTooLargeError:
            if started:
                raise
            await self._refuse(scope, receive, send)

    def _refusal(self, scope: Scope) -> BodyTooLargeError:
        path = scope["path"]
        kind = next((kind for prefix, kind in self.refusals.items() if path.startswith(prefix)), BodyTooLargeError)
        # The unread rest of the body cannot be skipped safely, so the connection ends with the answer.
        return kind(headers={"Connection": "close"})

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        language = preferred_language((_header(scope, b"accept-language") or b"").decode("latin-1"))
        await self._refusal(scope).response(language)(scope, receive, send)


def _header(scope: Scope, name: bytes) -> bytes | None:
    return next((value for key, value in scope["headers"] if key == name), None)


class SecureHeaders:
    """Tells browsers what answers may not be used for: framed, sniffed, kept, mixed with anything of another origin.

    What an answer says of itself stands: a page brings its own policy, a list its own rule for caches. Everything else is
    data, which loads nothing and is kept by nobody. Agents are no browsers, and their answers stay as small as they are.
    """

    def __init__(self, app: ASGIApp, *, https: bool, except_below: str) -> None:
        self.app = app
        self.except_below = except_below
        always = {
            b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
            b"cache-control": b"no-store",
            b"x-content-type-options": b"nosniff",
            b"x-frame-options": b"DENY",
            # Not `no-referrer`: with it browsers send a form's `Origin` as `null`, and we could not tell our own.
            b"referrer-policy": b"same-origin",
            b"cross-origin-opener-policy": b"same-origin",
            b"cross-origin-resource-policy": b"same-origin",
            b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        }
        self.headers = always | ({b"strict-transport-security": b"max-age=63072000"} if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or scope["path"].startswith(self.except_below):
            await self.app(scope, receive, send)
            return

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = list(message.get("headers", ()))
                names = {name.lower() for name, _ in said}
                message["headers"] = [
                    *said,
                    *((name, text) for name, text in self.headers.items() if name not in names),
                ]
            await send(message)

        await self.app(scope, receive, adding)


class Shortcut:
    """Takes the requests of a few hot routes straight to their handlers, past the framework's own layers.

    The routes stay registered in the application, where the guard check and the documents see them; this only shortens the
    way of the exact method and path (by about a quarter of the whole cost of a heartbeat).
    """

    def __init__(self, app: ASGIApp, handlers: Mapping[tuple[str, str], Handler]) -> None:
        self.app = app
        self.handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        handler = self.handlers.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if handler is None:
            await self.app(scope, receive, send)
            return
        scope["vigie.route"] = scope["path"]
        response = await handler(Request(scope, receive))
        await response(scope, receive, send)


class Within:
    """Lets whoever serves a request ask the application in turn, from here on: behind what concerns the network.

    Limits of bodies, headers for browsers and times of answers are of the request that came; guards are further in.
    """

    KEY = "vigie.within"

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        scope[self.KEY] = self.app
        await self.app(scope, receive, send)


class Observe:
    """Counts and times requests by route template, and gives each its request id."""

    def __init__(self, app: ASGIApp, clock: Callable[[], float] = time.perf_counter) -> None:
        self.app = app
        self.clock = clock
        self._children: dict[tuple[str, str, int], tuple[Any, Any]] = {}
        self._process = b64url(uuid7().bytes)  # one random name per process, a number per request
        self._served = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request and record it, whatever its end."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identifier = f"{self._process}-{next(self._served)}"
        token = log.request_id.set(identifier)
        status = 500
        started = self.clock()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", [])
                message["headers"] = [*message["headers"], (b"x-request-id", identifier.encode())]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            log.request_id.reset(token)
            self._record(scope, status, self.clock() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or scope.get("vigie.route") or "unmatched"
        key = (scope["method"], route, status)
        children = self._children.get(key)
        if children is None:
            children = (HTTP_REQUESTS.labels(*map(str, key)), HTTP_SECONDS.labels(scope["method"], route))
            self._children[key] = children
        children[0].inc()
        children[1].observe(seconds)
