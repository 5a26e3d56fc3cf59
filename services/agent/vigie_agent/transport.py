"""One signed request to the server, and its answer sorted into what the agent must do next.

Trust comes from the operating system's store (a practice's antivirus may inspect TLS with its own root), TLS is at
least 1.2, redirects are not followed (a signature is for one address), the answer's size is bounded.
"""

import gzip
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import IO, TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from vigie_agent import __version__, clock, signing

if TYPE_CHECKING:
    from email.message import Message

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    Headers = Mapping[str, str] | Message

TIMEOUT_S = 20.0
MAX_ANSWER = 64 * 1024
GZIP_ABOVE = 512

Kind = Literal["ok", "retry", "drop", "stop", "clock_skew", "continue_from", "too_large", "refused"]

STOP_CODES = frozenset(
    {
        "agent.signature_missing",
        "agent.signature_invalid",
        "agent.digest_mismatch",
        "agent.unknown_device",
        "agent.device_revoked",
    },
)


@dataclass(frozen=True)
class Answer:
    """What the server said and what follows from it.

    ``retry``: try again after ``retry_after_s`` or by our own pause · ``drop``: this report is lost, go on ·
    ``stop``: a person must look · ``refused``: an enrolment was refused.
    """

    kind: Kind
    status: int = 0
    code: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    retry_after_s: float | None = None
    server_time: datetime | None = None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other: the signature covers the address that was asked."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


class Transport:
    """Posts signed bodies to one server."""

    def __init__(self, url: str, *, proxy: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self.url = url
        self.timeout_s = timeout_s
        self._opener = urllib.request.build_opener(*_handlers(url, proxy))

    def post(self, path: str, body: bytes, *, key: "Ed25519PrivateKey", keyid: str, created: int) -> Answer:
        """Compress, sign and send ``body`` (JSON) to ``path``; never raises for what the network or server does."""
        target = self.url + path
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"vigie-agent/{__version__}",
        }
        if len(body) > GZIP_ABOVE:
            body = gzip.compress(body, 6, mtime=0)
            headers["Content-Encoding"] = "gzip"
        headers |= signing.sign(key, keyid=keyid, method="POST", target_uri=target, body=body, created=created)
        request = urllib.request.Request(target, data=body, headers=headers, method="POST")  # noqa: S310 - checked URL
        try:
            with self._opener.open(request, timeout=self.timeout_s) as response:
                return sort_answer(response.status, response.headers, _read(response))
        except urllib.error.HTTPError as error:
            with error:
                return sort_answer(error.code, error.headers, _read(error))
        except (OSError, ValueError, ssl.SSLError) as error:
            return Answer("retry", code=network_code(error))
        except Exception as error:  # noqa: BLE001 - http.client has many ways to say "that was not HTTP"
            return Answer("retry", code=network_code(error))


def _handlers(url: str, proxy: str | None) -> list[urllib.request.BaseHandler]:
    """Direct or proxied handlers; urllib finds the proxy of the environment (or of the system) by itself."""
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if proxy:
        handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
    if urlsplit(url).scheme == "https":
        handlers.append(urllib.request.HTTPSHandler(context=tls_context()))
    return handlers


def tls_context() -> ssl.SSLContext:
    """TLS 1.2 or newer, trusting what the operating system trusts."""
    import truststore  # noqa: PLC0415 - only https needs it

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _read(response: IO[bytes]) -> bytes:
    try:
        return response.read(MAX_ANSWER + 1)
    except Exception:  # noqa: BLE001 - a broken answer has no body; its status still counts
        return b""


def network_code(error: BaseException) -> str:
    """A short code for a failure before any answer, without addresses or texts."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "network.certificate"
    return f"network.{type(reason).__name__ if isinstance(reason, BaseException) else 'URLError'}"


def sort_answer(status: int, headers: "Headers", content: bytes) -> Answer:
    """The table of docs/protocol.md, "Answer" and "Refusals". Pure."""
    body = _json(content)
    code = str(body.get("code") or f"http.{status}")[:64]
    facts: dict[str, Any] = {"status": status, "code": code, "body": body, "server_time": _server_time(body, headers)}
    kind = _kind(status, code, body, knows_time=facts["server_time"] is not None)
    return Answer(kind, retry_after_s=_retry_after(headers) if kind == "retry" else None, **facts)


def _kind(status: int, code: str, body: Mapping[str, Any], *, knows_time: bool) -> Kind:
    if 200 <= status < 300:  # noqa: PLR2004 - the class of success
        return "ok" if body else "retry"
    table: tuple[tuple[bool, Kind], ...] = (
        (code == "agent.clock_skew" and knows_time, "clock_skew"),
        (code == "agent.sequence_behind" and _is_count(body.get("continue_from")), "continue_from"),
        (code in STOP_CODES, "stop"),
        (code.startswith("enrolment.") or code == "request.invalid", "refused"),
        (status == 413, "too_large"),  # noqa: PLR2004 - RFC 9110 15.5.14
        (status in {400, 422} and code.startswith("agent."), "drop"),
    )
    # Everything else is not this server speaking (a proxy, a portal) or a passing fault: it must not lose data.
    return next((kind for holds, kind in table if holds), "retry")


def _json(content: bytes) -> dict[str, Any]:
    if len(content) > MAX_ANSWER:
        return {}
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _server_time(body: Mapping[str, Any], headers: "Headers") -> datetime | None:
    try:
        return clock.from_wire(str(body["server_time"]))
    except (KeyError, ValueError):
        pass
    try:
        return parsedate_to_datetime(headers["Date"])
    except (KeyError, TypeError, ValueError):
        return None


def _retry_after(headers: "Headers") -> float | None:
    """Seconds of ``Retry-After`` (RFC 9110 10.2.3, both forms); None if missing or unreadable."""
    value = headers.get("Retry-After")
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value.strip()[:9])
    try:
        return max(0.0, (parsedate_to_datetime(value) - clock.utc_now()).total_seconds())
    except (TypeError, ValueError):
        return None
