"""A line to one address that others chose, kept open for one request after another: webhooks.

The rules are those of `core/outbound` (docs/adr/0015): the name is resolved here, every address it has must be allowed, the line
goes to the very address that was checked and TLS verifies the name. Unlike a pool, a line belongs to one URL: nobody else's
request travels on it, and after a minute it is closed, so that a name that leads elsewhere is noticed.

It speaks plain HTTP/1.1, one request at a time, and reads of an answer its status and how it begins. That costs a tenth of a call
with a connection of its own, which thousands of webhooks a second need.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final, cast

import httptools
import httpx

from vigie.core.outbound import (
    CONNECT_S,
    TOTAL_S,
    Outbound,
    OutboundFailedError,
    Reach,
    checked_url,
    port_of,
)

EXCERPT_BYTES: Final = 1024
_MOST_BYTES: Final = 65_536
_LIFE_S: Final = 60.0
_FINAL: Final = 200


class _HungUpError(OutboundFailedError):
    """The connection was closed before anything was answered."""


class _Answer:
    """Reads one answer; llhttp calls these methods."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.excerpt = bytearray()
        self.received = 0
        self.done = False
        self.keeps = False  # whether the line may be used again

    def on_headers_complete(self) -> None:
        """Note the status, unless it only announces another answer (1xx)."""
        status = self.parser.get_status_code()
        if status >= _FINAL:
            self.status, self.keeps = status, self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """Keep how the answer begins."""
        if len(self.excerpt) < EXCERPT_BYTES:
            self.excerpt += body[: EXCERPT_BYTES - len(self.excerpt)]

    def on_message_complete(self) -> None:
        """Note that the answer is whole."""
        self.done = self.status != 0


class _Wire(asyncio.Protocol):
    """One connection. `exchange` sends bytes and waits for the answer to them."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: _Answer | None = None
        self._waiting: asyncio.Future[_Answer] | None = None
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, which is that of a stream."""
        self._transport, self.open = cast("asyncio.Transport", transport), True

    def data_received(self, data: bytes) -> None:
        """Read a part of the answer."""
        answer = self._answer
        if answer is None:  # nothing was asked: whatever this is, the line is not to be trusted any more
            self.close()
            return
        answer.received += len(data)
        try:
            answer.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(OutboundFailedError("protocol"), error)
            return
        if answer.done:
            self._settle(answer)
        elif answer.received > _MOST_BYTES:
            self._fail(OutboundFailedError("size"), None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection for the end of an answer that says no other, and for a failure otherwise."""
        self.open = False
        answer = self._answer
        if answer is not None and answer.status and exc is None:
            self._settle(answer)
        else:
            heard = answer is not None and answer.received
            self._fail(OutboundFailedError("protocol") if heard else _HungUpError("connection closed"), exc)

    def _settle(self, answer: _Answer) -> None:
        if not answer.keeps:
            self.close()
        waiting, self._waiting, self._answer = self._waiting, None, None
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _fail(self, error: OutboundFailedError, cause: BaseException | None) -> None:
        self.close()
        error.__cause__ = cause
        waiting, self._waiting, self._answer = self._waiting, None, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)

    async def exchange(self, request: bytes) -> _Answer:
        """Send a request and return its answer; raises `OutboundFailedError`."""
        assert self._transport is not None  # noqa: S101 - only what is connected is given away
        self._answer, self._waiting = _Answer(), asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        """Close the connection at once: an answer that nobody waits for must not reach whoever asks next."""
        self.open = False
        if self._transport is not None:
            self._transport.abort()


class Line:
    """Requests to one URL, one after another. Not for two tasks at once."""

    def __init__(self, outbound: Outbound, url: str, reach: Reach) -> None:
        self.url = url
        self._outbound = outbound
        self._reach = reach
        self._wire: _Wire | None = None
        self._target: httpx.URL | None = None
        self._head = b""
        self._closes_at = 0.0

    async def post(self, headers: Sequence[tuple[str, str]], body: bytes) -> tuple[int, bytes]:
        """Send a POST and return the status and how the answer begins (at most 1 kB); redirects are not followed.

        Raises `OutboundRefusedError` before anything is sent, `OutboundFailedError` afterwards. Ten seconds in all.
        """
        try:
            async with asyncio.timeout(TOTAL_S):
                if self._wire is not None and self._wire.open and time.monotonic() < self._closes_at:
                    try:
                        return await self._send(headers, body)
                    except _HungUpError:  # servers close what is idle, and we had not heard yet
                        self.close()
                await self._connect()
                return await self._send(headers, body)
        except TimeoutError as error:
            self.close()
            raise OutboundFailedError("time") from error
        except BaseException:
            self.close()
            raise

    async def _send(self, headers: Sequence[tuple[str, str]], body: bytes) -> tuple[int, bytes]:
        assert self._wire is not None  # noqa: S101 - `_connect` made it
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        answer = await self._wire.exchange(
            b"%s%scontent-length: %d\r\n\r\n%s" % (self._head, lines.encode("latin-1"), len(body), body)
        )
        return answer.status, bytes(answer.excerpt)

    async def _connect(self) -> None:
        """Resolve the name, check where it leads, and connect to the first address that answers."""
        self.close()
        target = checked_url(self.url, self._reach)
        addresses = await self._outbound.addresses(target, self._reach)
        context = await self._outbound.tls_context() if target.scheme == "https" else None
        name = target.raw_host.decode() if context is not None else None
        loop = asyncio.get_running_loop()
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_S):
                    _, self._wire = await loop.create_connection(
                        _Wire, address, port_of(target), ssl=context, server_hostname=name
                    )
                break
            except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
                if address == addresses[-1]:
                    raise OutboundFailedError("connection or TLS") from error
        else:
            raise OutboundFailedError("name")
        self._head = b"POST %s HTTP/1.1\r\nhost: %s\r\n" % (target.raw_path, target.netloc)
        self._closes_at = time.monotonic() + _LIFE_S

    def close(self) -> None:
        """Hang up."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
