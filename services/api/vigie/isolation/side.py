"""One throw-away provider as seen from outside: what it owns, what its answers hold, and how they look when nothing happens."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vigie.isolation.contract import Contract, Operation
from vigie.isolation.outside import Answer, Caller, Device, Outside
from vigie.isolation.samples import Body, bodies

_IDS: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|v[a-z]{2}_[\w-]{22}_[\w-]+")
_MOVES_BY_ITSELF: Final = frozenset({"as_of", "seen_at", "last_used_at", "server_time"})
_TRIED: Final = frozenset({"status", "attempts", "due_at"})
_MOVED_BY_THE_WORKER: Final[Mapping[str, frozenset[str]]] = {
    "webhook_id": _TRIED | {"tried_at", "response_status", "error", "excerpt"},
    "handed_over": frozenset({"handed_over", "delivered_at", "failing_since", "paused_until"}),
    "wanted_at": _TRIED | {"settled_at", "last_error"},
}
"""What happens to a message and its receiver without anybody asking: the field such a thing is known by, and what moves."""
SHAPE: Final = {"request.invalid", "request.malformed"}
MARK: Final = "isolation-check"  # stands in what has no name: sessions
OTHER_TRIES: Final = 3  # bodies that are tried after a refusal that is not about their shape
_EMPTY_DIGEST: Final = base64.urlsafe_b64encode(hashlib.sha256(b"").digest()[:16]).rstrip(b"=").decode()


@dataclass
class Side:
    """A provider with its callers. `ids`: the objects the other one aims at, by their names in paths; `spare`: more of them."""

    name: str
    marker: str
    owner: Caller
    client: Caller
    ids: dict[str, str] = field(default_factory=dict)
    spare: dict[str, str] = field(default_factory=dict)
    pending: str = ""
    enrolment_token: str = field(default="", repr=False)
    accepted: dict[str, Body] = field(default_factory=dict)  # operation → a body the service took
    secrets: set[str] = field(default_factory=set)
    devices: list[Device] = field(default_factory=list)

    def known(self, operation: Operation) -> Mapping[str, str] | None:
        """Return the ids an operation needs, or None when one of them is not known."""
        if operation.path.endswith("/approve") and self.pending:
            return {**self.ids, "device_id": self.pending}
        return self.ids if set(operation.parameters) <= self.ids.keys() else None


async def furnish(side: Side, contract: Contract, outside: Outside) -> None:
    """Create two of everything that can be created, and enrol two devices, one of which waits for approval."""
    creating = [each for each in contract.operations if each.creates and each.guarded]
    for operation in sorted(creating, key=lambda each: len(each.parameters)):
        for key in (f"{side.marker}{operation.path}".replace("/", "-"), None):
            ids = side.known(operation)
            answer = None if ids is None else await create(side, contract, outside, operation, ids, key)
            if answer is not None and answer.succeeded:
                _remember(side, contract.parameter_of(operation.path), answer.document)
            if answer is not None and operation.path.endswith("/enrolment-tokens") and not side.devices:
                await _enrol(side, outside, operation, answer.document)
    await _look_around(side, contract, outside)


async def create(
    side: Side, contract: Contract, outside: Outside, operation: Operation, ids: Mapping[str, str], key: str | None
) -> Answer | None:
    """Send bodies until one is taken; return the last answer, None when we know no body to send."""
    headers = {"Idempotency-Key": key} if key and "idempotency-key" in operation.headers else {}
    answer, others = None, 0
    for body in bodies(contract, operation, side.marker, side.ids):
        answer = await outside.send(side.owner, operation.method, operation.at(ids), body=body, headers=headers)
        others += answer.code not in SHAPE
        if answer.succeeded:
            side.accepted.setdefault(operation.name, body)
        if answer.succeeded or others >= OTHER_TRIES:
            break
    return answer


def _remember(side: Side, parameter: str | None, document: Mapping[str, Any]) -> None:
    value = None if parameter is None else document.get(parameter) or document.get("id")
    if parameter is not None and isinstance(value, str):
        (side.spare if parameter in side.ids else side.ids)[parameter] = value


async def _enrol(side: Side, outside: Outside, operation: Operation, document: Mapping[str, Any]) -> None:
    """Let two machines join: one reports, one waits to be approved (docs/protocol.md §2, §3)."""
    side.enrolment_token = str(document.get("token", ""))
    device = await _join(side, outside, side.enrolment_token)
    if device is None:
        return
    side.devices.append(device)
    side.ids["device_id"] = device.keyid.partition(".")[2]
    report = heartbeat(1, outside.clock())
    await outside.send(Caller("device", device=device), "POST", "/v1/agent/heartbeats", body=report)
    body = {**side.accepted[operation.name], "needs_approval": True}
    waiting = await outside.send(side.owner, "POST", operation.at(side.ids), body=body)
    if waiting.succeeded and (second := await _join(side, outside, str(waiting.document.get("token", "")))):
        side.pending = second.keyid.partition(".")[2]


async def _join(side: Side, outside: Outside, token: str) -> Device | None:
    key = Ed25519PrivateKey.generate()
    answer = await enrol(outside, key, token, f"poste-{side.marker}")
    if not answer.succeeded:
        return None
    return Device(key, f"{answer.document['provider_id']}.{answer.document['device_id']}")


async def enrol(outside: Outside, key: Ed25519PrivateKey, token: str, alias: str) -> Answer:
    """Ask to join with a token."""
    public = key.public_key().public_bytes_raw()
    wanted = {
        "token": token,
        "public_key": _b64(public),
        "machine_hint": _b64(hashlib.sha256(public).digest()[:16]),
        "family": "linux",
        "role": "workstation",
        "alias": alias,
        "agent": {"version": "0.1.0", "build": "isolation-check"},
    }
    newcomer = Caller("a machine", device=Device(key, f"new.{_b64(hashlib.sha256(public).digest())}"))
    return await outside.send(newcomer, "POST", "/v1/agent/enrolments", body=wanted)


def heartbeat(sequence: int, now: datetime) -> Body:
    """Return the shortest report: nothing is known of the machine."""
    return {
        "schema": "hb/1",
        "sequence": sequence,
        "sent_at": now.isoformat()[:19] + "Z",
        "agent": {"version": "0.1.0", "build": "isolation-check"},
        "boot_ref": "0badcafe",
        "ran_at": [],
        "vitals": {"uptime_s": 1, "run_ms": 1, "clock_offset_ms": 0},
        "state_digest": _EMPTY_DIGEST,
        "sections": {},
        "backup_events": [],
    }


async def _look_around(side: Side, contract: Contract, outside: Outside) -> None:
    """Find in lists what paths name and nobody created here; not what the caller itself hangs on.

    Only what is marked as made for a check: on a service that leaks, a list may hold what is a real customer's, and what is
    taken up here will be attacked, and deleted in the end.
    """
    for operation in sorted(contract.operations, key=lambda each: each.depth):
        ids, parameter = side.known(operation), contract.parameter_of(operation.path)
        if not operation.reads or ids is None or parameter is None or parameter in side.ids:
            continue
        items = (await outside.send(side.owner, "GET", operation.at(ids))).document.get("items", [])
        for item in reversed(items):
            marked = any(mark in str(item) for mark in (side.marker, MARK))
            if isinstance(item, dict) and marked and not item.get("current"):
                _remember(side, parameter, item)


async def snapshot(side: Side, contract: Contract, outside: Outside) -> dict[str, str]:
    """Return everything the owner can read, by path; what moves by being read is left out."""
    readable = [each for each in contract.operations if each.reads and each.guarded and each.answers_json]
    asked = [(each, ids) for each in readable if (ids := side.known(each)) is not None]
    answers = await asyncio.gather(
        *(
            outside.send(side.owner, "GET", each.at(ids), params={"limit": "200"} if "limit" in each.queries else None)
            for each, ids in asked
        )
    )
    found = {}
    for (operation, ids), answer in zip(asked, answers, strict=True):
        side.secrets |= {text for text in _IDS.findall(answer.body) if text not in operation.path}
        still = orjson.dumps(_at_rest(answer.document), option=orjson.OPT_SORT_KEYS).decode()
        found[operation.at(ids)] = f"{answer.status} {still}"
    return found


def _at_rest(node: Any) -> Any:
    if isinstance(node, dict):
        moving = _MOVES_BY_ITSELF.union(*(names for mark, names in _MOVED_BY_THE_WORKER.items() if mark in node))
        return {name: _at_rest(value) for name, value in node.items() if name not in moving}
    # Some lists are ordered by last use: their order tells nothing.
    return sorted((_at_rest(each) for each in node), key=orjson.dumps) if isinstance(node, list) else node


def changed(before: Mapping[str, str], after: Mapping[str, str], restless: set[str]) -> Iterator[str]:
    """Yield the paths whose answers differ, apart from those that differ when nothing happens."""
    for path in before:
        if path not in restless and before[path] != after.get(path):
            yield path


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
