"""`vigie serve --workers`: processes on one port share what comes, evenly; one that dies is replaced; none is left."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import psutil
import pytest

from tests.support.service import Service, free_port

CONNECTIONS = 64
LEAST = 12  # of 64 dealt to two by chance; fewer would come once in a million times


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[asyncio.StreamReader]:
    """Ask something on a connection that stays open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    try:
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        yield reader
    finally:
        writer.close()


def held(process: psutil.Process, port: int) -> int:
    """Return how many connections to a port a process holds."""
    found = process.net_connections("tcp")
    return sum(each.status == psutil.CONN_ESTABLISHED and each.laddr[1] == port for each in found)


async def living(parent: psutil.Process, besides: psutil.Process | None = None) -> list[psutil.Process]:
    """Wait until a parent has two children that run, none of them the one that has died; return them."""
    for _ in range(300):
        children = [each for each in parent.children() if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
        if len(children) == 2 and besides not in children:
            return children
        await asyncio.sleep(0.05)
    raise AssertionError("there are not two children")


async def shares(children: list[psutil.Process], port: int) -> list[int]:
    """Return how many of many connections each child gets."""
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(connection(port)) for _ in range(CONNECTIONS)))
        return [held(child, port) for child in children]


@pytest.mark.slow(reason="three server processes, and one that takes the place of another")
@pytest.mark.xdist_group("real service")
async def test_processes_share_a_port_evenly_and_one_that_dies_is_replaced(service: Service) -> None:
    port = free_port()
    server = service.process("serve", "--port", str(port), "--workers", "2")
    await server.start()
    try:
        await service.ready(f"http://127.0.0.1:{port}")
        parent = psutil.Process(server.pids[0])
        first = await living(parent)
        while not all(await shares(first, port)):  # noqa: ASYNC110 - until both are ready, elsewhere
            await asyncio.sleep(0.1)
        dealt = [await shares(first, port) for _ in range(4)]
        first[0].kill()
        await asyncio.to_thread(first[0].wait)
        async with connection(port):  # the other goes on
            pass
        second = await living(parent, besides=first[0])
        with socket.socket() as another, pytest.raises(OSError, match="in use"):
            another.bind(("127.0.0.1", port))
    finally:
        status = await server.end()
    assert {sum(each) for each in dealt} == {CONNECTIONS}
    assert min(min(each) for each in dealt) >= LEAST, dealt
    assert first[1] in second
    assert status == 0
    assert not any(each.is_running() for each in [*first, *second])
