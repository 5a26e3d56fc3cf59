"""The two agent routes. The heartbeat's is a plain Starlette handler: it is the hot path of the whole service."""

import hashlib
from datetime import datetime
from random import SystemRandom
from typing import Protocol
from uuid import UUID

import orjson
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from vigie.auth.dependencies import address_of, signed_by_device
from vigie.auth.http_signatures import SignedRequest
from vigie.auth.identifiers import provider_of
from vigie.core.clock import Clock, wire_time
from vigie.core.crypto import b64url, b64url_decode
from vigie.core.db import Database
from vigie.core.errors import AppError, InvalidRequestError, preferred_language
from vigie.core.metrics import HEARTBEATS
from vigie.core.reasons import faults_of
from vigie.devices import agent_requests, errors
from vigie.devices.agent_requests import Addresses
from vigie.devices.cadence import CONFIG_REV, INTERVAL_S, next_run
from vigie.devices.directory import Directory
from vigie.devices.enrolment import Applicant, EnrolmentRequest, enrol
from vigie.devices.intake import BusyError, Intake
from vigie.devices.refusals import RefusalNotes
from vigie.devices.report import Accepted, Behind, Identity, make_report
from vigie.posture.assessment import Assessor

_random = SystemRandom()
_ACCEPTED, _DUPLICATE = HEARTBEATS.labels("accepted"), HEARTBEATS.labels("duplicate")
_KEYID = 73  # "<uuid>.<uuid>"
# Whoever sent this proved nothing, is turned away for good, or is asked to come back: no word about a machine that runs.
_UNPROVED = (
    errors.SignatureError,
    errors.DigestError,
    errors.DeviceRevokedError,
    errors.UnknownDeviceError,
    BusyError,
)


class AgentParts(Protocol):
    """What the application puts on `app.state.parts` for the agent routes."""

    clock: Clock
    addresses: Addresses
    directory: Directory
    intake: Intake
    refusal_notes: RefusalNotes


@signed_by_device
async def post_heartbeat(request: Request) -> Response:
    """Store one heartbeat; 200 means committed. Every refusal is a problem document and changes nothing."""
    try:
        return await _store(request)
    except ClientDisconnect:  # it hung up amid its body: there is nobody to answer, and nothing to report
        return Response(status_code=400)
    except AppError as error:
        HEARTBEATS.labels(error.code).inc()
        if isinstance(error, BusyError):
            # Storms are spread: who comes back does so over half a minute, not together.
            error.headers["Retry-After"] = str(BusyError.retry_after_s + _random.randrange(25))
        return error.response(preferred_language(request.headers.get("accept-language", "")))


async def _store(request: Request) -> Response:
    kit: AgentParts = request.app.state.parts
    now = kit.clock.now()
    signed = agent_requests.claimed_signature(request)
    identity = await _identify(kit.directory, signed)
    body = await request.body()
    try:
        return await _store_of(kit, request, identity, signed, body, now)
    except _UNPROVED:
        raise
    except AppError as error:  # the machine runs, and what it says does not arrive: worth knowing when it is silent
        await kit.refusal_notes.note(identity, error.code, now)
        raise


async def _store_of(
    kit: AgentParts, request: Request, identity: Identity, signed: SignedRequest, body: bytes, now: datetime
) -> Response:
    target = kit.addresses.target_uri(request)
    agent_requests.verify(signed, identity.public_key, target_uri=target, body=body, now=now)
    if identity.status == "revoked":
        raise errors.DeviceRevokedError
    plain = agent_requests.decompress(body, request.headers.get("content-encoding"))
    agent_requests.refuse_personal_data(plain)
    heartbeat = agent_requests.read_heartbeat(plain, now)
    report = make_report(identity, heartbeat, hashlib.sha256(plain).digest()[:16], now)
    outcome = await kit.intake.submit(report)
    if isinstance(outcome, Accepted):
        return _answer(outcome, identity, kit.clock)
    if isinstance(outcome, Behind):
        raise errors.SequenceBehindError(continue_from=outcome.continue_from)
    if outcome.reason == "key_replaced":
        raise errors.SignatureError
    if outcome.reason == "revoked":
        raise errors.DeviceRevokedError
    raise errors.UnknownDeviceError


async def _identify(directory: Directory, signed: SignedRequest) -> Identity:
    try:
        if len(signed.keyid) != _KEYID:
            raise errors.UnknownDeviceError
        key = (UUID(signed.keyid[:36]), UUID(signed.keyid[37:]))
    except ValueError as error:
        raise errors.UnknownDeviceError from error
    identity = await directory.find(key)
    if identity is None:
        raise errors.UnknownDeviceError
    return identity


def _answer(outcome: Accepted, identity: Identity, clock: Clock) -> Response:
    (_DUPLICATE if outcome.duplicate else _ACCEPTED).inc()
    now = clock.now()
    wait = max(1, int((next_run(now, identity.slot_s) - now).total_seconds()))
    body = (
        f'{{"accepted_sequence":{outcome.sequence},"duplicate":{"true" if outcome.duplicate else "false"},'
        f'"resync":{"true" if outcome.resync else "false"},"next_in_s":{wait},"slot_s":{identity.slot_s},'
        f'"interval_s":{INTERVAL_S},"server_time":"{wire_time(now)}","config_rev":{CONFIG_REV}}}'
    )
    return Response(body, media_type="application/json")


class EnrolmentParts(AgentParts, Protocol):
    """What the application puts on `app.state.parts` for enrolment."""

    database: Database
    assessor: Assessor


@signed_by_device
async def post_enrolment(request: Request) -> Response:
    """Let a device join the practice of its token; it signs with the key it enrols."""
    try:
        return await _enrol(request)
    except AppError as error:
        return error.response(preferred_language(request.headers.get("accept-language", "")))


async def _enrol(request: Request) -> Response:
    kit: EnrolmentParts = request.app.state.parts
    now = kit.clock.now()
    signed = agent_requests.claimed_signature(request)
    body = await request.body()
    plain = agent_requests.decompress(body, request.headers.get("content-encoding"))
    agent_requests.refuse_personal_data(plain)
    asked = _read_enrolment(plain)
    key = b64url_decode(asked.public_key)
    if signed.keyid != f"new.{b64url(hashlib.sha256(key).digest())}":
        raise errors.SignatureError("keyid is not the thumbprint of the key")
    agent_requests.verify(signed, key, target_uri=kit.addresses.target_uri(request), body=body, now=now)
    provider_id = provider_of(asked.token, "vet")
    if provider_id is None:
        raise errors.TokenUnknownError
    try:
        async with kit.database.session(provider_id, write=True) as session:
            applicant = Applicant(provider_id, key, address_of(request))
            device, is_new = await enrol(session, kit.assessor, applicant, asked, now)
    except IntegrityError as error:  # two machines enrolled the same key at the same instant
        raise errors.KeyInUseError from error
    wait = max(1, int((next_run(now, device.slot_s) - now).total_seconds()))
    answer = {
        "provider_id": str(device.provider_id),
        "device_id": str(device.id),
        "status": device.status,
        "interval_s": INTERVAL_S,
        "slot_s": device.slot_s,
        "config_rev": CONFIG_REV,
        "next_in_s": wait,
        "server_time": wire_time(now),
    }
    return Response(orjson.dumps(answer), 201 if is_new else 200, media_type="application/json")


def _read_enrolment(body: bytes) -> EnrolmentRequest:
    try:
        return EnrolmentRequest.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        if any(fault["type"] == "json_invalid" for fault in faults):
            raise errors.BodyUnreadableError("not JSON") from error
        raise InvalidRequestError(errors=faults_of(faults)) from error
