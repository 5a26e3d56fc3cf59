"""Shared pieces of the agent's tests: a state directory, a server that answers as told, a machine of recorded answers."""

import gzip
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

AGENT_SOURCE = Path(__file__).resolve().parents[2] / "services" / "agent"
sys.path.insert(0, str(AGENT_SOURCE))

from vigie_agent.collectors.base import Context  # noqa: E402 - after the path is set
from vigie_agent.collectors.host import RecordedHost  # noqa: E402
from vigie_agent.collectors.memory import Memory  # noqa: E402
from vigie_agent.config import Config  # noqa: E402
from vigie_agent.paths import Paths  # noqa: E402

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
PROVIDER, DEVICE = "01935179-0000-7000-8000-000000000001", "01935179-0000-7000-8000-000000000002"


@dataclass
class Received:
    """One request as the server got it."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        raw = gzip.decompress(self.raw) if self.headers.get("content-encoding") == "gzip" else self.raw
        value: dict[str, Any] = json.loads(raw)
        return value


Reply = tuple[int, dict[str, Any], dict[str, str]]


@dataclass
class Server:
    """A local HTTP server: the replies are taken in order, then ``usual`` answers."""

    url: str = ""
    replies: list[Reply | Callable[[Received], Reply]] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    def usual(self, request: Received) -> Reply:
        if request.path.endswith("/enrolments"):
            return 201, enrolled(), {}
        return 200, accepted(request.body["sequence"]), {}


def accepted(sequence: int, **more: Any) -> dict[str, Any]:
    return {
        "accepted_sequence": sequence,
        "duplicate": False,
        "resync": False,
        "next_in_s": 3571,
        "slot_s": 1234,
        "interval_s": 3600,
        "server_time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "config_rev": 1,
        **more,
    }


def enrolled(**more: Any) -> dict[str, Any]:
    return {
        "provider_id": PROVIDER,
        "device_id": DEVICE,
        "status": "active",
        "interval_s": 3600,
        "slot_s": 1234,
        "config_rev": 1,
        "next_in_s": 12,
        "server_time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **more,
    }


def refused(status: int, code: str, **more: Any) -> Reply:
    return status, {"type": "about:blank", "title": code, "status": status, "code": code, **more}, {}


@pytest.fixture
def server() -> Iterator[Server]:
    book = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            request = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, raw)
            book.received.append(request)
            reply = book.replies.pop(0) if book.replies else book.usual
            status, body, headers = reply(request) if callable(reply) else reply
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    book.url = f"http://127.0.0.1:{http.server_address[1]}"
    yield book
    http.shutdown()
    http.server_close()
    thread.join(5)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    return Paths(state, tmp_path / "config")


Machine = Callable[..., Context]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A recorded machine: ``machine(files={path: content}, answers={command: (rc, out)}, config=…)``."""

    def build(
        files: dict[str, str | bytes] | None = None,
        answers: dict[str, tuple[int, str] | None] | None = None,
        *,
        root_user: bool = True,
        config: Config | None = None,
    ) -> Context:
        root = tmp_path / "root"
        for name, content in (files or {}).items():
            path = root / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        root.mkdir(exist_ok=True)
        recorded = {
            line: None if answer is None else (answer[0], answer[1].encode(), b"")
            for line, answer in (answers or {}).items()
        }
        host = RecordedHost(root, recorded, root_user=root_user)
        return Context(host, config or Config(), Memory(None), NOW)

    return build


def need(tool: str | None, name: str) -> None:
    """Skip without the tool; in CI a skip is a failure."""
    if tool is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is missing")
        pytest.skip(f"{name} is missing")
