"""A line that is kept: what it takes for an answer, when it is used again, and what it never waits for."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from vigie.core import outbound_line
from vigie.core.outbound import Outbound, OutboundFailedError, OutboundRefusedError, Reach
from vigie.core.outbound_line import EXCERPT_BYTES, Line

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
HEAD = b"HTTP/1.1 200 OK\r\n"


class Server:
    """Answers each request with the next of its answers; an answer of several parts is sent part by part, None hangs up."""

    def __init__(self, answers: Sequence[bytes | tuple[bytes, None] | None]) -> None:
        self._answers = list(answers)
        self.connections = 0
        self.requests: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head + await reader.readexactly(4))
                answer = self._answers.pop(0)
                if isinstance(answer, bytes):
                    writer.write(answer)
                    continue
                if answer is not None:
                    writer.write(answer[0])
                writer.close()
                return
        except asyncio.IncompleteReadError:
            writer.close()


@asynccontextmanager
async def line_to(*answers: bytes | tuple[bytes, None] | None) -> AsyncIterator[tuple[Line, Server]]:
    """Give a line to a server with these answers."""
    found = Server(answers)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    line = Line(Outbound(), f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a?b=c", Reach.LOOPBACK)
    try:
        yield line, found
    finally:
        line.close()
        server.close()


async def post(line: Line) -> tuple[int, bytes]:
    return await line.post([("webhook-id", "1")], b"body")


async def test_a_line_is_kept_while_the_server_keeps_it_and_made_anew_when_it_does_not() -> None:
    chunked = HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n"
    closing = HEAD + b"connection: close\r\ncontent-length: 3\r\n\r\nbye"
    early = b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK
    async with line_to(OK, chunked, early, closing, (HEAD + b"\r\nto the end", None), OK) as (line, server):
        assert [await post(line) for _ in range(4)] == [(200, b"ok"), (200, b"yes"), (200, b"ok"), (200, b"bye")]
        assert server.connections == 1
        assert await post(line) == (200, b"to the end")
        assert await post(line) == (200, b"ok")
        assert server.connections == 3
    host = line.url.split("/")[2].encode()
    assert (
        server.requests[0]
        == b"POST /a?b=c HTTP/1.1\r\nhost: %s\r\nwebhook-id: 1\r\ncontent-length: 4\r\n\r\nbody" % host
    )


async def test_a_line_that_was_closed_while_idle_is_no_failure_of_the_receiver() -> None:
    async with line_to(OK, None, OK) as (line, server):
        assert await post(line) == (200, b"ok")
        assert await post(line) == (200, b"ok")  # hung up without a word: sent once more, on a fresh line
        assert server.connections == 2
    async with line_to(None, OK) as (line, server):
        with pytest.raises(OutboundFailedError, match="connection closed"):
            await post(line)  # nobody had kept this one
        assert await post(line) == (200, b"ok")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (HEAD + b"content-length: 1000000\r\n\r\n" + b"x" * 1_000_000, "size"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "protocol"),
        ((HEAD + b"content-le", None), "protocol"),
        (HEAD + b"content-length: 5\r\n\r\nhal", "time"),
    ],
    ids=["large", "not HTTP", "torn", "unfinished"],
)
async def test_what_is_no_answer_is_a_failure_and_the_next_call_begins_afresh(
    answer: bytes | tuple[bytes, None], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound_line, "TOTAL_S", 0.2 if why == "time" else 10)
    async with line_to(answer, OK) as (line, _):
        with pytest.raises(OutboundFailedError, match=why):
            await post(line)
        assert await post(line) == (200, b"ok")


async def test_of_a_long_answer_the_beginning_is_kept() -> None:
    body = b"<html>" + b"x" * 5000
    async with line_to(HEAD + b"content-length: %d\r\n\r\n%s" % (len(body), body), OK) as (line, server):
        assert await post(line) == (200, body[:EXCERPT_BYTES])
        assert await post(line) == (200, b"ok")
        assert server.connections == 1


async def test_a_line_goes_where_its_reach_allows_and_is_looked_at_again_when_it_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leads_to = ["127.0.0.1"]

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return leads_to

    async with line_to(OK, OK, OK) as (plain, server):
        line = Line(Outbound(resolve=resolve), plain.url.replace("127.0.0.1", "receiver.test"), Reach.LOOPBACK)
        assert await post(line) == (200, b"ok")
        leads_to[:] = ["10.0.0.1"]
        assert await post(line) == (200, b"ok")
        monkeypatch.setattr(outbound_line, "_LIFE_S", 0.0)
        line.close()
        with pytest.raises(OutboundRefusedError):
            await post(line)
        assert server.connections == 1
