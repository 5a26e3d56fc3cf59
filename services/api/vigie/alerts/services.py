"""Chat, text-message and ticket services, through the plugins of the library Apprise.

Of the library only the plugins of `SERVICES` are ever loaded, each as a private copy whose HTTP calls (`requests`) are replaced by
`_Calls`: what a plugin wants to send goes through `core/outbound`, which refuses private addresses after resolution, follows no
redirect, verifies TLS and bounds time and size. The library itself never opens a connection, and what the other side answered is
known: it says of a failure only that there was one (docs/adr/0030).

An address may carry parameters, and plugins have some that read files of this machine (`template`) or make third parties fetch
addresses (`attach`, `icon_url`): only those of `_PARAMETERS` are taken.
"""

import asyncio
import concurrent.futures
import importlib.util
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import apprise
import requests

from vigie.core.outbound import Outbound, OutboundFailedError, OutboundRefusedError
from vigie.core.sentences import BadValueError

TOTAL_S: Final = 20.0
_EXCERPT: Final = 500


@dataclass(frozen=True, slots=True)
class Service:
    """A service: the scheme its address begins with, and where its plugin is."""

    scheme: str
    module: str
    plugin: str


SERVICES: Final[Mapping[str, Service]] = {
    # chats
    "discord": Service("discord", "discord", "NotifyDiscord"),
    "google_chat": Service("gchat", "google_chat", "NotifyGoogleChat"),
    "mattermost": Service("mmosts", "mattermost", "NotifyMattermost"),
    "rocket_chat": Service("rockets", "rocketchat", "NotifyRocketChat"),
    "signal": Service("signals", "signal_api", "NotifySignalAPI"),
    "slack": Service("slack", "slack", "NotifySlack"),
    "teams": Service("workflows", "workflows", "NotifyWorkflows"),
    "telegram": Service("tgram", "telegram", "NotifyTelegram"),
    "webex": Service("wxteams", "webexteams", "NotifyWebexTeams"),
    "zulip": Service("zulip", "zulip", "NotifyZulip"),
    # text messages and push
    "clicksend": Service("clicksend", "clicksend", "NotifyClickSend"),
    "free_mobile": Service("freemobile", "freemobile", "NotifyFreeMobile"),
    "ntfy": Service("ntfys", "ntfy", "NotifyNtfy"),
    "octopush": Service("octopush", "octopush", "NotifyOctopush"),
    "seven": Service("seven", "seven", "NotifySeven"),
    "sinch": Service("sinch", "sinch", "NotifySinch"),
    "twilio": Service("twilio", "twilio", "NotifyTwilio"),
    "vonage": Service("vonage", "vonage", "NotifyVonage"),
    # tickets and on-call
    "ilert": Service("ilert", "ilert", "NotifyILert"),
    "jira": Service("jira", "jira", "NotifyJira"),
    "opsgenie": Service("opsgenie", "opsgenie", "NotifyOpsgenie"),
    "pagerduty": Service("pagerduty", "pagerduty", "NotifyPagerDuty"),
}
_NATIVE: Final = ("slack", "teams", "google_chat", "discord")
"""Services whose own https address, copied from their page, is understood as it is."""
_PARAMETERS: Final = frozenset(
    {
        *("to", "from", "sender", "source", "token", "key", "apikey", "secret", "sid", "login", "auth", "priority"),
        *(
            "mode",
            "channel",
            "channels",
            "team",
            "workspace",
            "thread",
            "topic",
            "region",
            "severity",
            "class",
            "group",
        ),
        *(
            "tags",
            "alias",
            "type",
            "purpose",
            "spi",
            "silent",
            "webhook",
            "id",
            "sig",
            "ver",
            "api-version",
            "sp",
            "sv",
        ),
        *("pa", "powerautomate", "wrap", "route", "action"),
    }
)
_TYPES: Final = {
    "critical": apprise.NotifyType.FAILURE,
    "warning": apprise.NotifyType.WARNING,
    "ok": apprise.NotifyType.SUCCESS,
}


class ServiceAddressError(BadValueError):
    """The address is none of a service that is known, or carries what is not taken; the message says which, without it."""


@dataclass(slots=True)
class Answered:
    """What became of a message: whether the plugin calls it sent, and the calls it made, each with status or failure."""

    sent: bool
    statuses: list[int] = field(default_factory=list)
    refused: bool = False  # an address that we do not call
    failure: str | None = None
    excerpt: str | None = None


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


def recognise(url: str) -> str:
    """Return the name of the service an address is of; raises `ServiceAddressError`."""
    name, _ = _made(url)
    return name


def _made(url: str) -> tuple[str, Any]:
    """Return the service of an address and its plugin, ready to send."""
    parts = urlsplit(url)
    _check_parameters(parts.query)
    scheme = parts.scheme.lower()
    if scheme == "https":
        found = [(name, _plugin(name).parse_native_url(url)) for name in _NATIVE]
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
    strange = sorted({name for name, _ in parse_qsl(query, keep_blank_values=True)} - _PARAMETERS)
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


async def send(outbound: Outbound, url: str, title: str, body: str, tone: str) -> Answered:
    """Send a plain text to a service; raises `ServiceAddressError` when the address is not one any more.

    The library waits, so it does in a thread, whose calls come back to this loop. No more than `TOTAL_S` per call.
    """
    loop = asyncio.get_running_loop()
    return await asyncio.to_thread(_send, loop, outbound, url, (title, body, tone))


def _send(loop: asyncio.AbstractEventLoop, outbound: Outbound, url: str, message: tuple[str, str, str]) -> Answered:
    title, body, tone = message
    _, plugin = _made(url)
    _running.loop, _running.outbound, _running.answered = loop, outbound, Answered(sent=False)
    try:
        sent = plugin.notify(body=body, title=title, notify_type=_TYPES.get(tone, apprise.NotifyType.INFO))
        answered = _running.answered
    finally:
        _running.loop = _running.outbound = _running.answered = None
    answered.sent = bool(sent)
    return answered
