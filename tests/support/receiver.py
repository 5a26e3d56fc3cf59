"""A receiver of webhooks on this machine: one path per endpoint, each answering as it is told to."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import httptools

PRIVATE = "http://169.254.169.254/latest/meta-data"


@dataclass(frozen=True, slots=True)
class Delivered:
    """A request as it came in."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The id by which a receiver knows what it has had."""
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """What came in by path, and how each path answers: a status, or `hang`, `redirect`, `close`. Anything else: 200."""

    url: str = ""
    received: dict[str, list[Delivered]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[str, int | str] = field(default_factory=dict)
    refused: bytes = b""  # a body that holds this is answered 500
    connections: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def at(self, name: str) -> str:
        """Return the address of a path."""
        return f"{self.url}/{name}"

    async def has(self, name: str, count: int) -> None:
        """Wait until so much came in at a path."""
        while len(self.received[name]) < count:
            self.news.clear()
            await self.news.wait()

    def ids(self, name: str) -> list[str]:
        """Return the ids that came in at a path, in their order."""
        return [each.id for each in self.received[name]]


class _Peer(asyncio.Protocol):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._path, self._headers, self._body = b"", dict[str, str](), b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._receiver.connections += 1
        self._transport = cast("asyncio.Transport", transport)  # the service's loop has a class of its own for them

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        name = self._path.decode().strip("/")
        self._receiver.received[name].append(Delivered(self._headers, self._body))
        self._receiver.news.set()
        refused = self._receiver.refused and self._receiver.refused in self._body
        match 500 if refused else self._receiver.answers.get(name, 200):
            case "hang":
                return
            case "close":
                self._transport.close()
                return
            case "redirect":
                head, body = f"HTTP/1.1 302 Found\r\nlocation: {PRIVATE}\r\n", b"go there"
            case status:
                head, body = f"HTTP/1.1 {status} Whatever\r\n", b"so be it"
        self._transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self._path, self._headers, self._body = b"", {}, b""


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver for as long as the block lasts."""
    receiver = Receiver()
    server = await asyncio.get_running_loop().create_server(lambda: _Peer(receiver), "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield receiver
    finally:
        server.close()
