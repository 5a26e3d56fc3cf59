"""Joining a practice: a key made here, proof that we hold it, and the answer kept.

``POST /v1/agent/enrolments`` (docs/protocol.md section 2). Enrolling again replaces the key, and the server knows
the machine again by its hint.
"""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vigie_agent import __version__, clock, files, identity, progress
from vigie_agent.build import build_name
from vigie_agent.paths import Paths
from vigie_agent.transport import Answer, Transport

ROUTE = "/v1/agent/enrolments"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class EnrolmentError(Exception):
    """The enrolment did not happen; ``code`` is the server's, the message is for the technician."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Enrolment:
    """Who this device is for the server."""

    url: str
    provider_id: str
    device_id: str
    alias: str
    role: str
    status: str
    enrolled_at: str

    @property
    def keyid(self) -> str:
        """The ``keyid`` of its signatures."""
        return f"{self.provider_id}.{self.device_id}"


def load(path: Path) -> Enrolment | None:
    """The stored enrolment, None when this machine is not enrolled."""
    stored = files.read_json(path)
    if not isinstance(stored, dict):
        return None
    try:
        return Enrolment(**{name: str(stored[name]) for name in Enrolment.__dataclass_fields__})
    except KeyError:
        return None


def family() -> str:
    """``windows``, ``macos``, ``nas`` or ``linux``."""
    if sys.platform == "win32":
        return "windows"
    if sys.platform == "darwin":
        return "macos"
    nas_marks = ("/etc/synoinfo.conf", "/etc/config/uLinux.conf", "/etc/version.truenas")
    return "nas" if any(Path(mark).exists() for mark in nas_marks) else "linux"


def enrol(paths: Paths, transport: Transport, *, token: str, alias: str, role: str) -> Enrolment:
    """Enrol this machine; raises ``EnrolmentError``.

    The new key becomes the key of the device only after the server has accepted it, so a failed attempt leaves an
    enrolled machine as it was.
    """
    files.private_dir(paths.state)
    candidate = paths.state / "device.key.new"
    key = identity.create_key(candidate)
    body = json.dumps(
        {
            "token": token,
            "public_key": identity.base64url(identity.public_bytes(key)),
            "machine_hint": identity.machine_hint(identity.machine_id()),
            "family": family(),
            "role": role,
            "alias": alias,
            "boot_ref": identity.current_boot_reference(),  # so that the same machine, enrolled again, is not its own clone
            "agent": {"version": __version__, "build": build_name()},
        },
    ).encode()
    offset = 0
    try:
        answer = transport.post(ROUTE, body, key=key, keyid=f"new.{identity.thumbprint(key)}", created=_now(offset))
        if answer.kind == "clock_skew" and answer.server_time is not None:
            offset = round((answer.server_time - clock.utc_now()).total_seconds())
            answer = transport.post(ROUTE, body, key=key, keyid=f"new.{identity.thumbprint(key)}", created=_now(offset))
        enrolment = _accept(answer, transport.url, alias, role)
        candidate.replace(paths.key)
    finally:
        candidate.unlink(missing_ok=True)
    files.write_json(paths.enrolment, enrolment.__dict__)
    progress.save(paths.progress, _first_progress(answer.body, offset, _same_device(paths, enrolment)))
    return enrolment


def _now(offset_s: int) -> int:
    return int(clock.utc_now().timestamp()) + offset_s


def _same_device(paths: Paths, enrolment: Enrolment) -> progress.Progress:
    """The old progress when the server knew this machine again, a new one otherwise."""
    marker = paths.state / "device.id"
    before = marker.read_text() if marker.exists() else ""
    files.write_atomic(marker, enrolment.device_id.encode())
    return progress.load(paths.progress) if before == enrolment.device_id else progress.Progress()


def _first_progress(body: dict[str, Any], offset: int, kept: progress.Progress) -> progress.Progress:
    """Where the conversation starts: the sequence goes on for a known device, the first report is full."""
    kept.acknowledged = {}
    kept.runs_since_full = progress.FULL_EVERY
    kept.clock_offset_s = offset
    kept.stopped = kept.stopped_at = kept.last_problem = None
    kept.interval_s = _number(body, "interval_s", kept.interval_s)
    kept.slot_s = _number(body, "slot_s", 0)
    kept.config_rev = _number(body, "config_rev", 0)
    kept.next_run_at = clock.to_wire(clock.from_epoch(clock.utc_now().timestamp() + _number(body, "next_in_s", 0)))
    return kept


def _number(body: dict[str, Any], name: str, otherwise: int) -> int:
    value = body.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise


def _accept(answer: Answer, url: str, alias: str, role: str) -> Enrolment:
    if answer.kind != "ok":
        raise EnrolmentError(answer.code, _explain(answer))
    provider_id, device_id = str(answer.body.get("provider_id")), str(answer.body.get("device_id"))
    if not UUID.fullmatch(provider_id) or not UUID.fullmatch(device_id):
        raise EnrolmentError("answer.unreadable", "the server's answer is not the one of a Vigie server")
    status = "pending" if answer.body.get("status") == "pending" else "active"
    return Enrolment(url, provider_id, device_id, alias, role, status, clock.to_wire(clock.utc_now()))


def _explain(answer: Answer) -> str:
    known = {
        "enrolment.token_unknown": "the server does not know this enrolment code",
        "enrolment.token_expired": "this enrolment code has expired: ask for a new one",
        "enrolment.token_exhausted": "this enrolment code has been used as often as it may: ask for a new one",
        "enrolment.token_revoked": "this enrolment code was revoked",
        "enrolment.key_in_use": "another device holds this key: try again, a new key is made each time",
        "request.invalid": "the server does not accept what was sent: check alias and role",
        "network.certificate": "the server's certificate is not trusted by this system",
    }
    return known.get(answer.code, f"the server could not be asked ({answer.code})")
