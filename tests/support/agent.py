"""A device in a test: its key, its sequence, its signed requests; every part can be bent."""

import gzip
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vigie.auth.http_signatures import sign_request
from vigie.core.clock import Clock, wire_time
from vigie.core.crypto import b64url
from vigie.devices.digests import section_digest, state_digest


def os_section(at: datetime, **data: Any) -> dict[str, Any]:
    """Return an `os` section of a supported Windows 11."""
    facts = {
        "family": "windows",
        "product": "client",
        "edition": "Professional",
        "version": "25H2",
        "build": "26200",
        "ubr": 7019,
        "install_type": "desktop",
        "arch": "x64",
        "boot_at": wire_time(at.replace(hour=0, minute=0, second=0)),
        "reboot_required": {"value": "no", "strong_sources": [], "file_rename": "no"},
        **data,
    }
    return section(at, "registry", facts)


def patch_section(at: datetime, *, security: int = 0, age_days: int | None = None, **data: Any) -> dict[str, Any]:
    """Return a `patch` section with this many pending security updates, the oldest of this age."""
    pending: dict[str, Any] = {
        "security": security,
        "critical": 0,
        "other": 0,
        "optional": 0,
        "max_age_days": age_days,
        "items": [],
    }
    facts = {
        "manager": "windows_update",
        "last_search_ok_at": wire_time(at),
        "index_age_s": 0,
        "last_os_install_at": wire_time(at),
        "pending": pending,
        "auto_update": "enabled",
        "managed_by": "none",
        "paused_until": None,
        "apps": [],
        **data,
    }
    return section(at, "wua+registry", facts)


def job(at: datetime, **data: Any) -> dict[str, Any]:
    """Return a job that succeeded at `at`: off site, encrypted, immutable, this month restorable, a restore tried."""
    return {
        "job": "nightly",
        "origin": "observed",
        "tool": "restic",
        "last_status": "ok",
        "last_end_at": wire_time(at),
        "last_ok_at": wire_time(at),
        "duration_s": 60,
        "bytes": 1_000_000,
        "files": 100,
        "target": "offsite",
        "offsite": "yes",
        "encrypted": "yes",
        "immutable": "yes",
        "restore_tested_at": wire_time(at),
        "exit_code": 0,
        "restore_months": [at.strftime("%Y-%m")],
        **data,
    }


def backup_section(at: datetime, *jobs: dict[str, Any]) -> dict[str, Any]:
    """Return a `backup` section with these jobs."""
    tools = [{"tool": "restic", "present": "yes", "version": "0.16.4", "readable": "yes"}]
    return section(at, "restic", {"tools": tools, "jobs": list(jobs), "sync_only": "no"})


def storage_section(at: datetime, *, free_gib: int = 200) -> dict[str, Any]:
    """Return a `storage` section with one healthy disk of 400 GiB."""
    facts = {
        "disks": [{"kind": "ssd", "health": "ok", "wear_pct": 5, "hours": 1000, "flags": []}],
        "volumes": [{"role": "os", "total_gib": 400, "free_gib": free_gib, "free_level": "ok"}],
        "raid": "none",
    }
    return section(at, "smartctl", facts)


def section(at: datetime, source: str, data: dict[str, Any] | None, status: str = "ok", **over: Any) -> dict[str, Any]:
    """Return a section object."""
    return {
        "v": 1,
        "status": status,
        "collected_at": wire_time(at),
        "source": source,
        "ttl_s": 3600,
        "errors": [],
        "data": data,
        **over,
    }


def healthy(at: datetime) -> dict[str, dict[str, Any]]:
    """Return the sections of a device about which nothing is wrong."""
    return {
        "os": os_section(at),
        "patch": patch_section(at),
        "backup": backup_section(at, job(at)),
        "storage": storage_section(at),
    }


class Agent:
    """A device that talks to the application under test, correctly unless told otherwise."""

    def __init__(self, http: httpx.AsyncClient, clock: Clock, base_url: str) -> None:
        self.http = http
        self.clock = clock
        self.base_url = base_url
        self.key = Ed25519PrivateKey.generate()
        self.provider_id = ""
        self.device_id = ""
        self.sequence = 0
        self.boot_ref = "0badcafe"
        self.sections: dict[str, dict[str, Any]] = {}

    @property
    def public_key(self) -> bytes:
        """Return the raw public key."""
        return self.key.public_key().public_bytes_raw()

    @property
    def keyid(self) -> str:
        """Return the key id of a device that is enrolled."""
        return f"{self.provider_id}.{self.device_id}"

    async def post(
        self,
        path: str,
        body: bytes,
        *,
        keyid: str,
        key: Ed25519PrivateKey | None = None,
        created: int | None = None,
        headers: dict[str, str] | None = None,
        sent_body: bytes | None = None,
    ) -> httpx.Response:
        """Send a signed request; what is given here is signed or sent in place of the right thing."""
        at = int(self.clock.now().timestamp()) if created is None else created
        signed = sign_request(
            key or self.key, keyid=keyid, method="POST", target_uri=self.base_url + path, body=body, created=at
        )
        kept = {**signed, "Content-Type": "application/json", **(headers or {})}
        return await self.http.post(path, content=body if sent_body is None else sent_body, headers=kept)

    async def enrol(self, token: str, **bent: Any) -> httpx.Response:
        """Enrol with a token; on success the device knows who it is."""
        import hashlib  # noqa: PLC0415

        request = {
            "token": token,
            "public_key": b64url(self.public_key),
            "machine_hint": b64url(hashlib.sha256(self.public_key).digest()[:16]),
            "family": "windows",
            "role": "workstation",
            "alias": "accueil-1",
            "boot_ref": self.boot_ref,
            "agent": {"version": "0.1.0", "build": "simulated"},
            **bent,
        }
        keyid = f"new.{b64url(hashlib.sha256(self.public_key).digest())}"
        answer = await self.post("/v1/agent/enrolments", orjson.dumps(request), keyid=keyid)
        if answer.is_success:
            self.provider_id, self.device_id = answer.json()["provider_id"], answer.json()["device_id"]
        return answer

    def heartbeat(self, changed: dict[str, dict[str, Any]] | None = None, **bent: Any) -> dict[str, Any]:
        """Return the next heartbeat: these sections changed; the digest covers all the device ever sent."""
        self.sequence += 1
        self.sections.update(changed or {})
        digests = {name: section_digest(value) for name, value in self.sections.items()}
        return {
            "schema": "hb/1",
            "sequence": self.sequence,
            "sent_at": wire_time(self.clock.now()),
            "agent": {"version": "0.1.0", "build": "simulated"},
            "boot_ref": self.boot_ref,
            "ran_at": [],
            "vitals": {"uptime_s": 100, "run_ms": 50, "clock_offset_ms": 0},
            "state_digest": b64url(state_digest(digests)),
            "sections": changed or {},
            "backup_events": [],
            **bent,
        }

    async def send(self, heartbeat: dict[str, Any], *, compress: bool = False, **bent: Any) -> httpx.Response:
        """Send a heartbeat as it is."""
        body = orjson.dumps(heartbeat)
        headers = {}
        if compress:
            body, headers = gzip.compress(body), {"Content-Encoding": "gzip"}
        return await self.post(
            "/v1/agent/heartbeats", body, keyid=bent.pop("keyid", self.keyid), headers=headers, **bent
        )

    async def report(self, changed: dict[str, dict[str, Any]] | None = None, **bent: Any) -> dict[str, Any]:
        """Send the next heartbeat, expect it to be accepted, and return the answer."""
        answer = await self.send(self.heartbeat(changed, **bent))
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result


def utc(*parts: int) -> datetime:
    """Return an instant in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]
