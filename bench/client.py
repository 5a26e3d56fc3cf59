"""A load generator that costs little: prepared requests, raw sockets, keep-alive connections.

It runs on the machine it measures, so what it spends is taken from the service: requests are built and signed before the
clock starts.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import uvloop


@dataclass
class Outcome:
    """What a run of the generator saw. Latencies in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    failures: int = 0
    sample: bytes = b""

    @property
    def rate(self) -> float:
        """Return the answers of status 200 per second."""
        return self.statuses[200] / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        """Return a quantile of the latencies, in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0


class _Connection(asyncio.Protocol):
    """Sends its requests one after the other; a 503 is sent again after what the server asked for."""

    def __init__(
        self, requests: Sequence[bytes], outcome: Outcome, done: asyncio.Future[None], patience: float
    ) -> None:
        self._requests = requests
        self._outcome = outcome
        self._done = done
        self._patience = patience
        self._next = 0
        self._buffer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._send()

    def _send(self) -> None:
        if self._next >= len(self._requests):
            self._transport.close()
            if not self._done.done():
                self._done.set_result(None)
            return
        self._sent_at = time.perf_counter()
        self._transport.write(self._requests[self._next])

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lowered = head.lower()
        at = lowered.find(b"content-length:")
        length = (
            int(lowered[at + 15 : lowered.find(b"\r\n", at) if lowered.find(b"\r\n", at) > 0 else None])
            if at > 0
            else 0
        )
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        status = int(head[9:12])
        self._outcome.statuses[status] += 1
        if status == 200:
            self._outcome.latencies.append(time.perf_counter() - self._sent_at)
            self._next += 1
            self._send()
        elif status == 503:
            asyncio.get_running_loop().call_later(self._patience, self._send)
        else:
            self._outcome.sample = self._outcome.sample or rest[:300]
            self._next += 1
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._outcome.failures += 1
            self._done.set_result(None)


async def _send_all(
    host: str, port: int, connections: Sequence[Sequence[bytes]], spread_s: float, patience: float
) -> Outcome:
    outcome = Outcome()
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Future[None]] = []
    started = time.perf_counter()

    async def open_one(requests: Sequence[bytes], after: float) -> None:
        done: asyncio.Future[None] = loop.create_future()
        waiting.append(done)
        await asyncio.sleep(max(0.0, started + after - time.perf_counter()))
        try:
            await loop.create_connection(lambda: _Connection(requests, outcome, done, patience), host, port)
        except OSError:
            outcome.failures += 1
            done.set_result(None)

    pause = spread_s / max(1, len(connections))
    await asyncio.gather(*(open_one(requests, place * pause) for place, requests in enumerate(connections)))
    await asyncio.gather(*waiting)
    outcome.seconds = time.perf_counter() - started
    return outcome


def send(
    host: str, port: int, connections: Sequence[Sequence[bytes]], *, spread_s: float = 0.0, patience: float = 5.0
) -> Outcome:
    """Send each connection's requests in order, all connections at once (or begun over `spread_s`); return what came back."""
    return uvloop.run(_send_all(host, port, connections, spread_s, patience))


def request(method: str, path: str, host: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return the bytes of an HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body
