"""The plugins of the library Apprise, each a private copy that calls through `core/outbound`; see `services`."""

import asyncio
import concurrent.futures
import importlib.util
import logging
import threading
from functools import cache
from types import ModuleType
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import apprise
import requests

from vigie.alerts.services import NATIVE, PARAMETERS, SERVICES, TOTAL_S, Answered, ServiceAddressError
from vigie.core.outbound import Outbound, OutboundFailedError, OutboundRefusedError

_EXCERPT: Final = 500
_TYPES: Final = {
    "critical": apprise.NotifyType.FAILURE,
    "warning": apprise.NotifyType.WARNING,
    "ok": apprise.NotifyType.SUCCESS,
}


class _Running(threading.local):
    """What the message of this thread is sent through, and what is known of it."""

    loop: asyncio.AbstractEventLoop | None = None
    outbound: Outbound | None = None
    answered: Answered | None = None


_running: Final = _Running()


class _Calls:
    """Stands where a plugin expects the module `requests`: its calls are ours, everything else is its own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(requests, name)

    @staticmethod
    def request(method: str, url: str, **options: Any) -> requests.Response:
        """Send as `requests.request` would. Time-outs, redirects and verification are not the plugin's to choose."""
        taken = ("headers", "data", "params", "auth", "json", "files", "cookies")
        chosen = {name: options[name] for name in taken if options.get(name) is not None}
        prepared = requests.Request(method, url, **chosen).prepare()
        return _call(prepared)

    def get(self, url: str, **options: Any) -> requests.Response:
        """Send a GET."""
        return self.request("GET", url, **options)

    def post(self, url: str, data: Any = None, **options: Any) -> requests.Response:
        """Send a POST."""
        return self.request("POST", url, data=data, **options)

    def put(self, url: str, data: Any = None, **options: Any) -> requests.Response:
        """Send a PUT."""
        return self.request("PUT", url, data=data, **options)

    def patch(self, url: str, data: Any = None, **options: Any) -> requests.Response:
        """Send a PATCH."""
        return self.request("PATCH", url, data=data, **options)

    def delete(self, url: str, **options: Any) -> requests.Response:
        """Send a DELETE."""
        return self.request("DELETE", url, **options)

    def Session(self) -> Any:  # noqa: N802 - the name plugins look for
        """Refuse: no plugin of `SERVICES` uses sessions, and one that begins to must be looked at first."""
        raise requests.ConnectionError("sessions are not offered")

    session = Session


def _call(prepared: requests.PreparedRequest) -> requests.Response:
    """Send a prepared request on the loop of whoever sends the message; raises `requests.ConnectionError`."""
    loop, outbound, answered = _running.loop, _running.outbound, _running.answered
    if loop is None or outbound is None or answered is None:
        raise requests.ConnectionError("no message is being sent")
    body = prepared.body or b""
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, bytes):
        raise requests.ConnectionError("only texts are sent")
    headers = {name: value for name, value in prepared.headers.items() if name.lower() != "content-length"}
    calling = asyncio.run_coroutine_threadsafe(
        outbound.request(str(prepared.method), str(prepared.url), headers=headers, body=body), loop
    )
    try:
        reply = calling.result(TOTAL_S)
    except OutboundRefusedError as error:
        answered.refused, answered.failure = True, "refused"
        raise requests.ConnectionError("refused") from error
    except (OutboundFailedError, concurrent.futures.TimeoutError, concurrent.futures.CancelledError) as error:
        calling.cancel()
        answered.failure = str(error) or "time"
        raise requests.ConnectionError("failed") from error
    answered.statuses.append(reply.status)
    answered.excerpt = reply.body[:_EXCERPT].decode(errors="replace") or None
    response = requests.Response()
    response.status_code = reply.status
    response.headers.update(reply.headers)
    response._content = reply.body  # noqa: SLF001 - there is no other way to make one
    response.url = str(prepared.url)
    response.encoding = "utf-8"
    return response


@cache
def _plugin(name: str) -> Any:
    """Return the class of a service's plugin, from a private copy of its module whose calls are ours."""
    logging.getLogger("apprise").setLevel(
        logging.CRITICAL
    )  # it would write addresses, which are secrets, when a call fails
    service = SERVICES[name]
    spec = importlib.util.find_spec(f"apprise.plugins.{service.module}")
    if spec is None or spec.loader is None:
        raise LookupError(f"the library has no plugin {service.module}")
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module)["requests"] = _Calls()
    return getattr(module, service.plugin)


def made(url: str) -> tuple[str, Any]:
    """Return the service of an address and its plugin, ready to send; raises `ServiceAddressError`."""
    parts = urlsplit(url)
    _check_parameters(parts.query)
    scheme = parts.scheme.lower()
    if scheme == "https":
        found = [(name, _plugin(name).parse_native_url(url)) for name in NATIVE]
    else:
        found = [(name, _plugin(name).parse_url(url)) for name, each in SERVICES.items() if each.scheme == scheme]
    for name, parsed in found:
        if parsed:
            return name, _instance(name, parsed)
    raise ServiceAddressError(
        "the address is of no service that is known", "Cette adresse n'est celle d'aucun service connu."
    )


def _check_parameters(query: str) -> None:
    """Refuse parameters beyond those that say to whom and how urgently, however they are prefixed."""
    strange = sorted({name for name, _ in parse_qsl(query, keep_blank_values=True)} - PARAMETERS)
    if strange:
        raise ServiceAddressError(
            "the address carries parameters that are not taken",
            "L'adresse porte des paramètres qui ne sont pas acceptés.",
        )


def _instance(name: str, parsed: dict[str, Any]) -> Any:
    asset = apprise.AppriseAsset(
        app_id="Vigie",
        app_desc="Vigie",
        app_url="",
        image_url_mask="",  # no pictures of third parties in what we send
        image_url_logo="",
        async_mode=False,
        allow_templates=False,
        http_redirects=False,
        plugin_paths=[],
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    try:
        made = _plugin(name)(asset=asset, **{**parsed, "redirects": False})
    except (TypeError, ValueError, AttributeError) as error:
        said = (f"the address is not complete for {name}", f"L'adresse n'est pas complète pour {name}.")
        raise ServiceAddressError(*said) from error
    made.request_rate_per_sec = 0  # messages to one channel are spaced by who sends them
    return made


def send_now(loop: asyncio.AbstractEventLoop, outbound: Outbound, url: str, message: tuple[str, str, str]) -> Answered:
    """Send a message from a thread of its own; raises `ServiceAddressError`."""
    title, body, tone = message
    _, plugin = made(url)
    _running.loop, _running.outbound, _running.answered = loop, outbound, Answered(sent=False)
    try:
        sent = plugin.notify(body=body, title=title, notify_type=_TYPES.get(tone, apprise.NotifyType.INFO))
        answered = _running.answered
    finally:
        _running.loop = _running.outbound = _running.answered = None
    answered.sent = bool(sent)
    return answered
