"""Fixtures of the agent's tests: a state directory, a server that answers as told, a machine of recorded answers."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.agent.bench import NOW, Machine, Received, RecordedHost, Server
from vigie_agent.collectors.base import Context
from vigie_agent.collectors.memory import Memory
from vigie_agent.config import Config
from vigie_agent.paths import Paths


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
