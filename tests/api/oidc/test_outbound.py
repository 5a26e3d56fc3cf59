"""Calls to addresses that others chose, over real sockets: what is refused before anything is sent, and what is bounded."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx
import pytest

from tests.support.authority import Authority
from vigie.core import outbound as module
from vigie.core.outbound import ClientCertificate, Outbound, OutboundFailedError, OutboundRefusedError, Reach, Reply

NAME = "idp.vigie.test"
HELLO = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello"


@dataclass
class Server:
    """What one server was asked, and where it listens."""

    port: int = 0
    heads: list[str] = field(default_factory=list)
    connections: int = 0


Serve = Callable[..., Awaitable[Server]]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody trusts but who is told to."""
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
async def serve(authority: Authority) -> AsyncIterator[Serve]:
    """Start servers on loopback that answer with fixed bytes, or do what they are told; stop them at the end."""
    servers: list[asyncio.Server] = []

    async def start(
        answer: bytes = HELLO,
        *,
        handler: Handler | None = None,
        certificate: ClientCertificate | None = None,
        ask: bool = False,
    ) -> Server:
        found = Server()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.connections += 1
            try:
                found.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
                if handler is not None:
                    await handler(reader, writer)
                else:
                    writer.write(answer)
                    await writer.drain()
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certificate_file, certificate.key_file)
            if ask:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(authority.file)
        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
        servers.append(server)
        found.port = server.sockets[0].getsockname()[1]
        return found

    yield start
    for server in servers:
        server.close()


def to(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    """Resolve every name to these addresses."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


async def get(outbound: Outbound, url: str, **options: object) -> Reply:
    """GET, within reach of this machine unless told otherwise."""
    return await outbound.request("GET", url, **{"reach": Reach.LOOPBACK, **options})  # type: ignore[arg-type]


async def test_a_call_within_reach_is_answered(serve: Serve) -> None:
    server = await serve()
    reply = await get(Outbound(resolve=to("127.0.0.1")), f"http://{NAME}:{server.port}/path?x=1", headers={"X-A": "b"})
    assert (reply.status, reply.media_type, reply.body) == (200, "text/plain", b"hello")
    head = server.heads[0].lower()
    assert head.startswith("get /path?x=1 http/1.1\r\n")
    for line in (f"host: {NAME}:{server.port}", "x-a: b", "accept-encoding: identity", "connection: close"):
        assert f"\r\n{line}\r\n" in head


async def test_a_body_is_sent(serve: Serve) -> None:
    read: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read.append(await reader.readexactly(9))
        writer.write(HELLO)

    server = await serve(handler=handler)
    await Outbound(resolve=to("127.0.0.1")).request(
        "POST", f"http://{NAME}:{server.port}/", body=b"form=body", reach=Reach.LOOPBACK
    )
    assert read == [b"form=body"]
    assert "content-length: 9" in server.heads[0].lower()


@pytest.mark.parametrize(
    ("url", "reach", "addresses"),
    [
        ("http://{name}:{port}/", Reach.PUBLIC, ["127.0.0.1"]),
        ("https://{name}:{port}/", Reach.PUBLIC, ["127.0.0.1"]),
        ("https://127.0.0.1:{port}/", Reach.PUBLIC, None),
        ("https://127.1:{port}/", Reach.PUBLIC, None),
        ("https://2130706433:{port}/", Reach.PUBLIC, None),
        ("https://localhost:{port}/", Reach.PUBLIC, None),
        ("https://[::ffff:127.0.0.1]:{port}/", Reach.PUBLIC, None),
        ("https://{name}:{port}/", Reach.PRIVATE, ["127.0.0.1"]),
        ("https://{name}:{port}/", Reach.PUBLIC, ["9.9.9.9", "127.0.0.1"]),
        ("https://{name}:{port}/", Reach.PUBLIC, ["10.0.0.1"]),
        ("https://{name}:{port}/", Reach.PUBLIC, ["169.254.169.254"]),
        ("http://{name}:{port}/", Reach.PRIVATE, ["10.0.0.1"]),
        ("http://{name}:{port}/", Reach.LOOPBACK, ["9.9.9.9"]),
        ("http://{name}:{port}/", Reach.LOOPBACK, ["127.0.0.1", "9.9.9.9"]),
        ("http://user:secret@{name}:{port}/", Reach.LOOPBACK, ["127.0.0.1"]),
        ("http://{name}:{port}/#x", Reach.LOOPBACK, ["127.0.0.1"]),
        ("file:///etc/passwd", Reach.LOOPBACK, ["127.0.0.1"]),
        ("ftp://{name}:{port}/", Reach.LOOPBACK, ["127.0.0.1"]),
        ("https:///path", Reach.LOOPBACK, ["127.0.0.1"]),
        ("//{name}:{port}/", Reach.LOOPBACK, ["127.0.0.1"]),
        ("https://{name}:x/", Reach.LOOPBACK, ["127.0.0.1"]),
    ],
    ids=[
        *("plain, public", "loopback", "loopback by number", "loopback, short", "loopback as one number", "localhost"),
        *("loopback in IPv6 clothes", "loopback for private networks", "one of two inside", "inside", "metadata"),
        *("plain, private", "plain, elsewhere", "plain, one elsewhere", "credentials", "fragment", "file", "ftp"),
        *("no host", "no scheme", "no port"),
    ],
)
async def test_an_address_out_of_reach_is_refused_before_anything_is_sent(
    serve: Serve, url: str, reach: Reach, addresses: list[str] | None
) -> None:
    server = await serve()
    outbound = Outbound(resolve=to(*addresses)) if addresses else Outbound()
    with pytest.raises(OutboundRefusedError):
        await get(outbound, url.format(name=NAME, port=server.port), reach=reach)
    assert server.connections == 0
    await get(Outbound(resolve=to("127.0.0.1")), f"http://{NAME}:{server.port}/")
    assert server.connections == 1


async def test_a_name_is_resolved_once_and_the_checked_address_is_called(serve: Serve) -> None:
    """DNS rebinding: the second answer would be another, and nobody asks for it."""
    server = await serve()
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return next(answers)

    await get(Outbound(resolve=resolve), f"http://rebinding.invalid:{server.port}/")
    assert server.connections == 1
    assert next(answers) == ["10.0.0.1"]


async def test_another_address_is_tried_when_the_first_does_not_answer(serve: Serve) -> None:
    server = await serve()
    reply = await get(Outbound(resolve=to("127.0.0.2", "127.0.0.1")), f"http://{NAME}:{server.port}/")
    assert reply.status == 200
    with pytest.raises(OutboundFailedError, match="connection"):
        await get(Outbound(resolve=to("127.0.0.2")), f"http://{NAME}:{server.port}/")


async def test_tls_verifies_the_name_and_not_the_address(serve: Serve, authority: Authority) -> None:
    outbound = Outbound(resolve=to("127.0.0.1"), ca_file=authority.file)
    right = await serve(certificate=authority.issue("right", NAME))
    assert (await get(outbound, f"https://{NAME}:{right.port}/")).body == b"hello"
    for wrong in (authority.issue("other", "other.vigie.test"), authority.issue("address", "127.0.0.1")):
        server = await serve(certificate=wrong)
        with pytest.raises(OutboundFailedError, match="TLS"):
            await get(outbound, f"https://{NAME}:{server.port}/")
        assert server.heads == []


async def test_an_authority_is_trusted_only_when_the_operator_says_so(serve: Serve, authority: Authority) -> None:
    server = await serve(certificate=authority.issue("untrusted", NAME))
    with pytest.raises(OutboundFailedError, match="TLS"):
        await get(Outbound(resolve=to("127.0.0.1")), f"https://{NAME}:{server.port}/")
    assert server.heads == []
    await get(Outbound(resolve=to("127.0.0.1"), ca_file=authority.file), f"https://{NAME}:{server.port}/")


async def test_a_client_certificate_is_presented_and_read_anew(serve: Serve, authority: Authority) -> None:
    server = await serve(certificate=authority.issue("mutual", NAME), ask=True)
    outbound = Outbound(resolve=to("127.0.0.1"), ca_file=authority.file)
    url = f"https://{NAME}:{server.port}/"
    own = authority.issue("vigie")
    assert (await get(outbound, url, certificate=own)).status == 200
    with pytest.raises(OutboundFailedError):
        await get(outbound, url)
    own.key_file.write_text("no key")
    with pytest.raises(OutboundFailedError, match="certificate files"):
        await get(outbound, url, certificate=own)
    authority.issue("vigie")
    assert (await get(outbound, url, certificate=own)).status == 200


async def test_a_name_in_another_script_is_called_by_its_other_name(serve: Serve, authority: Authority) -> None:
    server = await serve(certificate=authority.issue("script", "xn--bcher-kva.test"))
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    await get(Outbound(resolve=resolve, ca_file=authority.file), f"https://bücher.test:{server.port}/")
    assert asked == ["xn--bcher-kva.test"]
    assert f"host: xn--bcher-kva.test:{server.port}" in server.heads[0].lower()


async def test_a_redirect_is_not_followed(serve: Serve) -> None:
    aim = await serve()
    moved = f"HTTP/1.1 302 Found\r\nLocation: http://{NAME}:{aim.port}/\r\nContent-Length: 0\r\n\r\n".encode()
    server = await serve(moved)
    reply = await get(Outbound(resolve=to("127.0.0.1")), f"http://{NAME}:{server.port}/")
    assert (reply.status, aim.connections) == (302, 0)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b"x" * 11, "size"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 11, "size"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", "compressed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nshort", "protocol"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol"),
        (b"", "protocol"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40_000 + b"\r\n", "protocol"),
    ],
    ids=[
        "too large",
        "too large without length",
        "compressed",
        "cut short",
        "another protocol",
        "nothing",
        "endless head",
    ],
)
async def test_an_answer_out_of_bounds_fails(serve: Serve, answer: bytes, failure: str) -> None:
    server = await serve(answer)
    with pytest.raises(OutboundFailedError, match=failure):
        await get(Outbound(resolve=to("127.0.0.1")), f"http://{NAME}:{server.port}/", most_bytes=10)
    right = await serve(HELLO.replace(b"5", b"10").replace(b"hello", b"0123456789"))
    assert len((await get(Outbound(resolve=to("127.0.0.1")), f"http://{NAME}:{right.port}/", most_bytes=10)).body) == 10


async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a byte at a time, each in time and all of them never."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(100):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def test_an_answer_that_never_ends_is_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (module.CONNECT_S, module.TOTAL_S) == (5.0, 10.0)
    monkeypatch.setattr(module, "TOTAL_S", 0.2)
    server = await serve(handler=drip)
    with pytest.raises(OutboundFailedError, match="time"):
        await get(Outbound(resolve=to("127.0.0.1")), f"http://{NAME}:{server.port}/")


async def test_a_name_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOTAL_S", 0.1)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        await asyncio.sleep(5)
        return ["127.0.0.1"]

    with pytest.raises(OutboundFailedError, match="time"):
        await get(Outbound(resolve=resolve), f"http://{NAME}/")


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (httpx.ConnectTimeout("slow"), "time"),
        (httpx.ReadTimeout("slow"), "time"),
        (httpx.ConnectError("refused"), "connection or TLS"),
        (httpx.RemoteProtocolError("nonsense"), "protocol"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
async def test_a_failure_is_told_by_its_kind_and_never_by_the_address(error: httpx.HTTPError, failure: str) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise error

    async def connect(_certificate: ClientCertificate | None) -> httpx.AsyncBaseTransport:
        return httpx.MockTransport(fail)

    with pytest.raises(OutboundFailedError) as failed:
        await get(Outbound(resolve=to("127.0.0.1"), connect=connect), f"http://{NAME}/?secret=x")
    assert str(failed.value) == failure


async def test_a_server_that_resets_at_once_fails_as_any_other() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def reset(times: int) -> None:
            for _ in range(times):
                peer, _address = listener.accept()
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                peer.close()

        url = f"http://{NAME}:{listener.getsockname()[1]}/"
        outbound, asked = Outbound(resolve=to("127.0.0.1")), 40
        resetting = asyncio.create_task(asyncio.to_thread(reset, asked))
        answers = await asyncio.gather(*(get(outbound, url) for _ in range(asked)), return_exceptions=True)
        await resetting
    assert {type(each) for each in answers} == {OutboundFailedError}
    assert {str(each) for each in answers} <= {"connection or TLS", "protocol"}


async def test_a_name_without_address_fails() -> None:
    with pytest.raises(OutboundFailedError, match="name"):
        await get(Outbound(resolve=to()), f"https://{NAME}/")

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    with pytest.raises(OutboundFailedError, match="name"):
        await get(Outbound(resolve=resolve), f"https://{NAME}/")


async def test_the_environment_does_not_choose_a_way_round(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = await serve()
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
    server = await serve()
    await get(Outbound(resolve=to("127.0.0.1")), f"http://{NAME}:{server.port}/")
    assert (server.connections, proxy.connections) == (1, 0)


async def test_a_connection_serves_one_request(serve: Serve) -> None:
    """Else one that was verified for a name would serve another name at the same address."""
    server = await serve()
    outbound = Outbound(resolve=to("127.0.0.1"))
    for name in ("a.test", "b.test"):
        await get(outbound, f"http://{name}:{server.port}/")
    assert server.connections == 2
