"""One request: proxy, certificates, TLS version, odd answers, and the table of refusals of docs/protocol.md."""

import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from tests.agent.bench import Server
from vigie_agent import signing, transport
from vigie_agent.transport import Answer, Transport, sort_answer

KEY = Ed25519PrivateKey.generate()


def post(sender: Transport, body: bytes = b'{"sequence": 1}') -> Answer:
    return sender.post("/v1/agent/heartbeats", body, key=KEY, keyid="p.d", created=1)


def test_a_proxy_is_asked_for_the_whole_address(server: Server) -> None:
    answer = post(Transport("http://vigie.example", proxy=server.url))
    assert answer.kind == "ok"
    assert server.received[0].path == "http://vigie.example/v1/agent/heartbeats"
    assert server.received[0].headers["host"] == "vigie.example"


@pytest.mark.parametrize(("size", "encoding"), [(100, None), (5000, "gzip")])
def test_large_bodies_are_compressed_and_the_digest_is_of_what_is_sent(
    server: Server, size: int, encoding: str | None
) -> None:
    body = json.dumps({"sequence": 1, "x": "y" * size}).encode()
    post(Transport(server.url), body)
    request = server.received[0]
    assert request.headers.get("content-encoding") == encoding
    assert request.headers["content-digest"] == signing.content_digest(request.raw)
    assert request.body == json.loads(body)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "server.pem"
    path.write_bytes(pem + built.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def https(certificate: Path) -> Iterator[str]:
    """An https server with that certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"accepted_sequence": 1}')

        def log_message(self, *_arguments: Any) -> None:
            pass

    class Quiet(HTTPServer):
        def handle_error(self, *_arguments: Any) -> None:
            pass  # a client that refuses the certificate ends the connection

    server = Quiet(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.mark.parametrize(
    ("trusted", "kind", "code"), [(True, "ok", "http.200"), (False, "retry", "network.certificate")]
)
def test_only_a_certificate_the_system_trusts_is_accepted(
    https: str, certificate: Path, monkeypatch: pytest.MonkeyPatch, kind: str, code: str, *, trusted: bool
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    answer = post(Transport(https))
    assert (answer.kind, answer.code) == (kind, code)


def test_tls_is_at_least_1_2_and_always_checked() -> None:
    context = transport.tls_context()
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_nobody_there_is_a_code_without_an_address() -> None:
    answer = post(Transport("http://127.0.0.1:9"))
    assert (answer.kind, answer.code) == ("retry", "network.ConnectionRefusedError")


def test_a_server_that_speaks_no_http_is_a_passing_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak() -> None:
            with listener.accept()[0] as peer:
                peer.recv(65536)
                peer.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")

        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        assert post(Transport(f"http://127.0.0.1:{listener.getsockname()[1]}")).kind == "retry"
        thread.join(5)


TIME = "2026-11-21T08:17:43Z"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"accepted_sequence": 1}, "ok"),
        (201, {"device_id": "x"}, "ok"),
        (200, {}, "retry"),
        (400, {"code": "agent.body_unreadable"}, "drop"),
        (400, {}, "retry"),
        (401, {"code": "agent.signature_missing"}, "stop"),
        (401, {"code": "agent.signature_invalid"}, "stop"),
        (401, {"code": "agent.digest_mismatch"}, "stop"),
        (401, {"code": "agent.unknown_device"}, "stop"),
        (401, {"code": "agent.clock_skew", "server_time": TIME}, "clock_skew"),
        (401, {"code": "agent.clock_skew"}, "retry"),
        (401, {}, "retry"),
        (403, {"code": "agent.device_revoked"}, "stop"),
        (403, {"code": "enrolment.token_unknown"}, "refused"),
        (409, {"code": "agent.sequence_behind", "continue_from": 7}, "continue_from"),
        (409, {"code": "agent.sequence_behind", "continue_from": "7"}, "retry"),
        (413, {"code": "agent.body_too_large"}, "too_large"),
        (413, {}, "too_large"),
        (422, {"code": "agent.schema_invalid"}, "drop"),
        (422, {"code": "agent.personal_data_refused"}, "drop"),
        (422, {"code": "agent.time_invalid"}, "drop"),
        (422, {"code": "request.invalid"}, "refused"),
        (503, {"code": "agent.busy"}, "retry"),
        (502, {}, "retry"),
        (302, {}, "retry"),
    ],
)
def test_every_answer_has_one_meaning(status: int, body: dict[str, Any], kind: str) -> None:
    assert sort_answer(status, {}, json.dumps(body).encode()).kind == kind


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"{" + b" " * 70000 + b"}"])
def test_a_body_that_is_no_small_object_is_no_acknowledgement(content: bytes) -> None:
    assert sort_answer(200, {}, content).kind == "retry"


def test_retry_after_in_both_forms() -> None:
    assert sort_answer(503, {"Retry-After": "8"}, b"").retry_after_s == 8
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    wait = sort_answer(503, {"Retry-After": later}, b"").retry_after_s
    assert wait is not None
    assert 25 < wait <= 31
    assert sort_answer(503, {"Retry-After": "soon"}, b"").retry_after_s is None
