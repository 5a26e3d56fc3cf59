"""Heartbeats that are refused: each is the accepted one with one thing changed, and changes nothing."""

import base64
import copy
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.agent import os_section
from tests.support.refusals import refusal
from tests.support.rows import holdings
from tests.support.scene import NIR, PATH, Scene
from vigie.auth.http_signatures import content_digest, signature_base
from vigie.core.db import Database

GROUPED_NIR = " ".join((NIR[0], NIR[1:3], NIR[3:5], NIR[5:7], NIR[7:10], NIR[10:13], NIR[13:]))
TOO_MUCH = 1_048_577  # bytes after decompression: one more than is allowed


Send = Callable[[Scene], Awaitable[httpx.Response]]
CASES: list[Any] = []


def case(name: str, status: int, code: str) -> Callable[[Send], Send]:
    """Add a case to the table."""

    def add(send: Send) -> Send:
        CASES.append(pytest.param(send, status, code, id=name))
        return send

    return add


def changed(name: str, status: int, code: str, change: Callable[[Scene, dict[str, Any]], object]) -> None:
    """Add a case in which one thing of the report is changed, and the report then signed as it should be."""

    async def send(scene: Scene) -> httpx.Response:
        report = copy.deepcopy(scene.report)
        change(scene, report)
        return await scene.send(orjson.dumps(report))

    case(name, status, code)(send)


def sent(name: str, status: int, code: str, bend: Callable[[Scene], dict[str, Any]]) -> None:
    """Add a case in which one thing about signing or sending is changed."""

    async def send(scene: Scene) -> httpx.Response:
        return await scene.send(**bend(scene))

    case(name, status, code)(send)


def with_headers(name: str, status: int, code: str, bend: Callable[[Scene, dict[str, str]], object]) -> None:
    """Add a case in which one of the right headers is changed after signing."""

    async def send(scene: Scene) -> httpx.Response:
        headers = scene.signed()
        bend(scene, headers)
        return await scene.post(headers)

    case(name, status, code)(send)


def signed_otherwise(scene: Scene, params: str, base: bytes) -> dict[str, str]:
    """Return headers whose signature really holds, over another base than the protocol's."""
    value = base64.b64encode(scene.device.key.sign(base)).decode()
    return {
        "Content-Digest": content_digest(scene.body),
        "Signature-Input": f"sig1={params}",
        "Signature": f"sig1=:{value}:",
        "Content-Type": "application/json",
    }


# Who speaks.


@case("unsigned", 401, "agent.signature_missing")
async def _unsigned(scene: Scene) -> httpx.Response:
    return await scene.post({"Content-Type": "application/json"})


def without(name: str) -> None:
    """Add a case in which one header of the signature is left out."""
    with_headers(f"without {name}", 401, "agent.signature_missing", lambda _, headers: headers.pop(name))


without("Content-Digest")
without("Signature-Input")
without("Signature")

sent("wrong key", 401, "agent.signature_invalid", lambda _: {"key": Ed25519PrivateKey.generate()})
sent("unknown device", 401, "agent.unknown_device", lambda scene: {"keyid": f"{scene.device.provider_id}.{uuid4()}"})
sent(
    "keyid of another provider",
    401,
    "agent.unknown_device",
    lambda scene: {"keyid": f"{scene.cast.bela.provider_id}.{scene.device.device_id}"},
)
sent("keyid of no form", 401, "agent.unknown_device", lambda _: {"keyid": "cedar-01"})


@case("keyid of another device", 401, "agent.signature_invalid")
async def _other_device(scene: Scene) -> httpx.Response:
    other = await scene.cast.device(scene.cast.fir, scene.cast.bela)
    return await scene.send(keyid=other.keyid)


# What is signed.

sent("altered body", 401, "agent.digest_mismatch", lambda scene: {"sent_body": scene.body.replace(b"40", b"04")})


@case("altered body and digest", 401, "agent.signature_invalid")
async def _altered_digest(scene: Scene) -> httpx.Response:
    body = scene.body.replace(b"40", b"04")
    return await scene.post({**scene.signed(), "Content-Digest": content_digest(body)}, body)


def signed_for(name: str, **other: Any) -> None:
    """Add a case in which the signature holds, for another request than the one it comes with."""
    with_headers(
        f"signed for {name}",
        401,
        "agent.signature_invalid",
        lambda scene, headers: headers.update(scene.signed(**other)),
    )


signed_for("another host", target_uri=f"https://elsewhere.test{PATH}")
signed_for("another scheme", target_uri=f"http://vigie.test{PATH}")
signed_for("another path", target_uri="https://vigie.test/v1/agent/enrolments")
signed_for("a query that was not sent", target_uri=f"https://vigie.test{PATH}?again=1")
signed_for("another method", method="PUT")


@case("signature without the address", 401, "agent.signature_missing")
async def _fewer_components(scene: Scene) -> httpx.Response:
    params = f'("@method" "content-digest");created={scene.seconds};keyid="{scene.device.keyid}";alg="ed25519"'
    digest = content_digest(scene.body)
    base = f'"@method": POST\n"content-digest": {digest}\n"@signature-params": {params}'.encode()
    return await scene.post(signed_otherwise(scene, params, base))


@case("signature that names another algorithm", 401, "agent.signature_missing")
async def _other_algorithm(scene: Scene) -> httpx.Response:
    components = '("@method" "@target-uri" "content-digest")'
    params = f'{components};created={scene.seconds};keyid="{scene.device.keyid}";alg="hmac-sha256"'
    base = signature_base("POST", scene.device.base_url + PATH, content_digest(scene.body), params)
    return await scene.post(signed_otherwise(scene, params, base))


with_headers(
    "signature under another label",
    401,
    "agent.signature_missing",
    lambda _, headers: headers.update({"Signature": headers["Signature"].replace("sig1", "sig2")}),
)
with_headers(
    "created moved after signing",
    401,
    "agent.signature_invalid",
    lambda scene, headers: headers.update(
        {"Signature-Input": headers["Signature-Input"].replace(str(scene.seconds), str(scene.seconds + 1))}
    ),
)
sent("clock ahead", 401, "agent.clock_skew", lambda scene: {"created": scene.seconds + 301})
sent("clock behind", 401, "agent.clock_skew", lambda scene: {"created": scene.seconds - 301})

# How it is packed.


def packed(name: str, status: int, code: str, body: Callable[[Scene], bytes], encoding: str = "gzip") -> None:
    """Add a case in which the body is packed otherwise, signed as sent."""
    sent(name, status, code, lambda scene: {"body": body(scene), "headers": {"Content-Encoding": encoding}})


packed("another compression", 400, "agent.body_unreadable", lambda scene: scene.body, "br")
packed("said to be gzip and is not", 400, "agent.body_unreadable", lambda scene: scene.body)
packed("gzip cut off", 400, "agent.body_unreadable", lambda scene: gzip.compress(scene.body)[:-9])
packed("gzip with something behind", 400, "agent.body_unreadable", lambda scene: gzip.compress(scene.body) + b"more")
packed("gzip twice", 400, "agent.body_unreadable", lambda scene: gzip.compress(gzip.compress(scene.body)))
packed("gzip bomb", 413, "agent.body_too_large", lambda scene: gzip.compress(scene.body + b" " * 50_000_000))
packed(
    "one byte too many after decompression",
    413,
    "agent.body_too_large",
    lambda scene: gzip.compress(scene.body.ljust(TOO_MUCH)),
)
sent("10 MB", 413, "agent.body_too_large", lambda scene: {"body": scene.body.ljust(10_000_000)})
sent("one byte too many", 413, "agent.body_too_large", lambda scene: {"body": scene.body.ljust(262_145)})


@case("10 MB in chunks of undeclared length", 413, "agent.body_too_large")
async def _chunked(scene: Scene) -> httpx.Response:
    body = scene.body.ljust(10_000_000)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    return await scene.cast.http.post(PATH, content=chunks(), headers=scene.signed(body))


# What it says.


def unreadable(name: str, body: bytes) -> None:
    """Add a case whose body, well signed, is no JSON."""
    sent(f"{name} in the body", 400, "agent.body_unreadable", lambda _: {"body": body})


unreadable("nothing", b"")
unreadable("no JSON", b"all is well")
unreadable("JSON cut off", b'{"schema": "hb/1"')
unreadable("no UTF-8", b'{"schema": "\xff\xfe"}')

INVALID = (422, "agent.schema_invalid")
sent("a list in the body", *INVALID, lambda _: {"body": b"[]"})
sent("NaN in the body", *INVALID, lambda scene: {"body": scene.body.replace(b'"run_ms":50', b'"run_ms":NaN')})
changed("unknown section", *INVALID, lambda scene, r: r["sections"].update(diary=os_section(scene.cast.clock.now())))
changed("unknown field", *INVALID, lambda _, r: r.update(mood="good"))
changed("unknown field of a section", *INVALID, lambda _, r: r["sections"]["patch"]["data"].update(mood="good"))
changed("missing field", *INVALID, lambda _, r: r.pop("boot_ref"))
changed("version that was never released", *INVALID, lambda _, r: r.update(schema="hb/2"))
changed("number that is text", *INVALID, lambda _, r: r.update(sequence=str(r["sequence"])))
changed("number with a fraction", *INVALID, lambda _, r: r["vitals"].update(uptime_s=1.5))
changed("sequence zero", *INVALID, lambda _, r: r.update(sequence=0))
changed("sequence beyond 2^53", *INVALID, lambda _, r: r.update(sequence=2**53))
changed("status without its data", *INVALID, lambda _, r: r["sections"]["patch"].update(data=None))
changed("73 runs that were not heard", *INVALID, lambda scene, r: r.update(ran_at=[scene.later(hours=-1)] * 73))
changed("time without a zone", *INVALID, lambda _, r: r.update(sent_at=r["sent_at"].rstrip("Z")))

PERSONAL = (422, "agent.personal_data_refused")
changed("NIR", *PERSONAL, lambda _, r: r["sections"]["patch"].update(source=NIR))
changed("NIR with spaces", *PERSONAL, lambda _, r: r["sections"]["patch"].update(source=GROUPED_NIR))
changed("DICOM tag", *PERSONAL, lambda _, r: r["sections"]["patch"].update(source="(0010,0010)"))
changed("key that names a patient", *PERSONAL, lambda _, r: r["sections"]["patch"]["data"].update(patient_name="x"))
packed(
    "NIR inside gzip",
    *PERSONAL,
    lambda scene: gzip.compress(scene.body.replace(b'"wua+registry"', f'"{NIR}"'.encode())),
)

TIME = (422, "agent.time_invalid")
changed("30 February", *TIME, lambda _, r: r.update(sent_at="2026-02-30T09:30:00Z"))
changed("hour 25", *TIME, lambda _, r: r["sections"]["patch"].update(collected_at="2026-11-17T25:00:00Z"))
changed("sent in the future", *TIME, lambda scene, r: r.update(sent_at=scene.later(seconds=601)))
changed("sent nine days ago", *TIME, lambda scene, r: r.update(sent_at=scene.later(days=-9)))
changed(
    "collected in the future",
    *TIME,
    lambda scene, r: r["sections"]["patch"].update(collected_at=scene.later(seconds=601)),
)
changed(
    "backup ended in the future",
    *TIME,
    lambda scene, r: r.update(backup_events=[{"job": "nightly", "status": "ok", "ended_at": scene.later(seconds=601)}]),
)
changed("sequence going back", 409, "agent.sequence_behind", lambda _, r: r.update(sequence=1))


@pytest.mark.parametrize(("send", "status", "code"), CASES)
async def test_a_bent_heartbeat_is_refused_and_changes_nothing(
    scene: Scene, database: Database, send: Send, status: int, code: str
) -> None:
    scene.device.sections["patch"] = scene.report["sections"]["patch"]
    provider = scene.cast.pia.provider_id
    before = await holdings(database, provider)
    answer = await send(scene)
    after = await holdings(database, provider)
    assert refusal(answer) == (status, code)
    assert after == before
    unbent = await scene.send()
    assert unbent.status_code == 200, unbent.text
    assert (unbent.json()["duplicate"], unbent.json()["resync"]) == (False, False)
    accepted = await holdings(database, provider)
    differing = {name for name in accepted if accepted[name] != before[name]}
    assert {"device_liveness", "device_section", "section_history", "finding", "posture", "event"} <= differing
