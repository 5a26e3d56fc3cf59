"""A receiver of webhooks in a process of its own: `python -m bench.receiver PORT`. Fifty paths, some of which behave badly.

`/hang…` never answers, `/fail…` answers 500, `/astray…` redirects to a private address, all others answer 200. `GET /report` says,
path by path, how many messages came, whether their numbers rose, and when the last one came.
"""

import asyncio
import json
import re
import sys
import time
from dataclasses import dataclass

import httptools
import uvloop

_NUMBER = re.compile(rb'"number":(\d+)')
_WELL = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
_BAD = {
    "fail": b"HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno",
    "astray": b"HTTP/1.1 302 There\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",
}


@dataclass(slots=True)
class Path:
    """What came in at one path."""

    count: int = 0
    last: int = 0
    in_order: bool = True
    at: float = 0.0


class Peer(asyncio.Protocol):
    """One connection."""

    paths: dict[str, Path]

    def __init__(self, paths: dict[str, Path]) -> None:
        self.paths = paths
        self.parser = httptools.HttpRequestParser(self)
        self.path, self.body = b"", b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Read."""
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Note the path."""
        self.path += url

    def on_body(self, body: bytes) -> None:
        """Note the body."""
        self.body += body

    def on_message_complete(self) -> None:
        """Count the message and answer as its path does."""
        name = self.path.decode().strip("/")
        if name == "report":
            body = json.dumps({path: [it.count, it.in_order, it.at] for path, it in self.paths.items()}).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        else:
            found = self.paths.setdefault(name, Path())
            number = int(_NUMBER.search(self.body).group(1))  # type: ignore[union-attr]
            found.in_order = found.in_order and number > found.last
            found.count, found.last, found.at = found.count + 1, number, time.time()
            kind = name.rstrip("0123456789")
            if kind != "hang":
                self.transport.write(_BAD.get(kind, _WELL))
        self.path, self.body = b"", b""


async def main(port: int) -> None:
    """Receive until ended."""
    paths: dict[str, Path] = {}
    server = await asyncio.get_running_loop().create_server(lambda: Peer(paths), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
