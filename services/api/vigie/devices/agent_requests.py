"""From an agent's HTTP request to a verified body: signature, clock, compression, forbidden content."""

import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from starlette.requests import Request

from vigie.auth import http_signatures as signatures
from vigie.auth.http_signatures import SignedRequest
from vigie.core.clock import wire_time
from vigie.devices import errors
from vigie.devices.hb1 import BodyUnreadable, Heartbeat, SchemaInvalid, TimeInvalid, parse_heartbeat
from vigie.devices.personal_data import find_personal_data

MAX_PLAIN = 1_048_576  # bytes after decompression
_SKEW_S = 300
_AHEAD = timedelta(minutes=10)  # a report may be dated ahead of us by what the clocks may differ, and a little
_BEHIND = timedelta(days=8)
_TOO_FAR, _IN_THE_FUTURE = "too far from the server's clock", "in the future"
_GZIP = 31  # window bits: gzip header and trailer expected


def claimed_signature(request: Request) -> SignedRequest:
    """Return what the signature headers claim; raises `SignatureAbsentError`."""
    try:
        return signatures.parse_signature(request.headers)
    except signatures.SignatureMissingError as error:
        raise errors.SignatureAbsentError from error


class Addresses:
    """The addresses under which agents may reach us: what they sign must be one of these."""

    def __init__(self, urls: Iterable[str]) -> None:
        self._by_host = {url.partition("://")[2].lower(): url for url in urls}
        self._first = next(iter(self._by_host.values()))

    def target_uri(self, request: Request) -> str:
        """Return the target URI a correct agent has signed for this request."""
        base = self._by_host.get(request.headers.get("host", "").lower(), self._first)
        query = request.scope["query_string"]
        return f"{base}{request.scope['path']}" + (f"?{query.decode('latin-1')}" if query else "")


def verify(signed: SignedRequest, key: bytes, *, target_uri: str, body: bytes, now: datetime) -> None:
    """Check body, signature and then the clock, so that only a device that proved itself learns about its clock."""
    try:
        signatures.verify(signed, key, method="POST", target_uri=target_uri, body=body)
    except signatures.DigestMismatchError as error:
        raise errors.DigestError from error
    except signatures.SignatureInvalidError as error:
        raise errors.SignatureError from error
    if abs(now.timestamp() - signed.created) > _SKEW_S:
        raise errors.ClockSkewError(server_time=wire_time(now))


def decompress(body: bytes, encoding: str | None) -> bytes:
    """Return the plain body, bounded whatever the compressed form claims (a gzip bomb stops at `MAX_PLAIN`)."""
    if encoding is None or encoding == "identity":
        return body
    if encoding != "gzip":
        raise errors.BodyUnreadableError("Content-Encoding may be gzip or absent")
    inflater = zlib.decompressobj(_GZIP)
    try:
        plain = inflater.decompress(body, MAX_PLAIN)
    except zlib.error as error:
        raise errors.BodyUnreadableError("gzip is broken") from error
    if inflater.unconsumed_tail:
        raise errors.AgentBodyTooLargeError(f"more than {MAX_PLAIN} bytes after decompression")
    if not inflater.eof or inflater.unused_data:
        raise errors.BodyUnreadableError("gzip is cut off or followed by something else")
    return plain


def refuse_personal_data(body: bytes) -> None:
    """Raise `PersonalDataRefusedError` when a string of the body looks like a patient; the body is not kept anywhere."""
    if kind := find_personal_data(body):
        raise errors.PersonalDataRefusedError(kind=kind)


def read_heartbeat(body: bytes, now: datetime) -> Heartbeat:
    """Parse a body and hold its dates against the clock."""
    try:
        heartbeat = parse_heartbeat(body)
    except BodyUnreadable as error:
        raise errors.BodyUnreadableError("not JSON") from error
    except SchemaInvalid as error:
        raise errors.SchemaInvalidError(errors=error.errors) from error
    except TimeInvalid as error:
        raise errors.TimeInvalidError(errors=error.errors) from error
    _refuse_impossible_times(heartbeat, now)
    return heartbeat


def _refuse_impossible_times(heartbeat: Heartbeat, now: datetime) -> None:
    """Raise `TimeInvalidError` for a report dated too far from our clock, or for facts collected in the future.

    Not for `ran_at`: an agent repeats them until they are taken, and would be refused for ever (`report.make_report`).
    """
    latest, earliest = wire_time(now + _AHEAD), wire_time(now - _BEHIND)  # wire times of one form sort as text
    if not earliest <= heartbeat.sent_at <= latest:
        raise _time_invalid("/sent_at", _TOO_FAR)
    for name, section in heartbeat.sections_by_name.items():
        if section["collected_at"] > latest:
            raise _time_invalid(f"/sections/{name}/collected_at", _IN_THE_FUTURE)
    for place, event in enumerate(heartbeat.backup_events):
        if event["ended_at"] > latest:
            raise _time_invalid(f"/backup_events/{place}/ended_at", _IN_THE_FUTURE)


def _time_invalid(pointer: str, reason: str) -> errors.TimeInvalidError:
    return errors.TimeInvalidError(errors=[{"pointer": pointer, "reason": reason}])
