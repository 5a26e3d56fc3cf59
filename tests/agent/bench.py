"""Shared pieces of the agent's tests: a server that answers as told, the replies it gives, the tools it needs."""

import gzip
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

AGENT_SOURCE = Path(__file__).resolve().parents[2] / "services" / "agent"
sys.path.insert(0, str(AGENT_SOURCE))

from vigie_agent.collectors.base import Context  # noqa: E402 - after the path is set
from vigie_agent.collectors.host import Host  # noqa: E402
from vigie_agent.process import Output, ToolMissingError, ToolTimeoutError  # noqa: E402

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
    usual: Callable[[Received], Reply] = field(default_factory=lambda: usual_reply)


def usual_reply(request: Received) -> Reply:
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


Machine = Callable[..., Context]


class RecordedHost(Host):
    """A host that answers from recorded tool outputs and a directory of files.

    ``answers`` maps the command line (joined by spaces) to (exit code, stdout, stderr); a command that is not
    recorded is not installed. ``None`` as answer is a tool that hangs.
    """

    def __init__(
        self,
        root: Path,
        answers: Mapping[str, tuple[int, bytes, bytes] | None],
        *,
        root_user: bool = True,
    ) -> None:
        super().__init__(root)
        self.answers = answers
        self.root_user = root_user
        self.asked: list[str] = []

    def which(self, tool: str) -> str | None:
        """A tool is installed when an answer of it was recorded."""
        return f"/usr/bin/{tool}" if any(line.split(" ")[0] == tool for line in self.answers) else None

    def run(self, argv: Sequence[str], timeout_s: float = 20.0, env: Mapping[str, str] | None = None) -> Output:
        """The recorded answer."""
        del timeout_s, env
        line = " ".join(argv)
        self.asked.append(line)
        if line not in self.answers:
            raise ToolMissingError(argv[0])
        answer = self.answers[line]
        if answer is None:
            raise ToolTimeoutError(argv[0])
        return Output(*answer)

    def is_root(self) -> bool:
        """As recorded."""
        return self.root_user

    def release(self) -> str:
        """As recorded in ``/proc/sys/kernel/osrelease``, on a 64-bit PC."""
        return f"{(self.read_optional('/proc/sys/kernel/osrelease') or '6.1.0-0-amd64').strip()} x86_64"


def need(tool: str | None, name: str) -> None:
    """Skip without the tool; in CI a skip is a failure."""
    if tool is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is missing")
        pytest.skip(f"{name} is missing")
