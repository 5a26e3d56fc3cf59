"""Chat, text-message and ticket services, through the plugins of the library Apprise.

Of the library only the plugins of `SERVICES` are ever loaded, each as a private copy whose HTTP calls (`requests`) are replaced:
what a plugin wants to send goes through `core/outbound`, which refuses private addresses after resolution, follows no redirect,
verifies TLS and bounds time and size. The library itself never opens a connection, and what the other side answered is known: it
says of a failure only that there was one (docs/adr/0030).

An address may carry parameters, and plugins have some that read files of this machine (`template`) or make third parties fetch
addresses (`attach`, `icon_url`): only those of `PARAMETERS` are taken.

The library is loaded (`service_plugins`) when the first address of a service is looked at or written to: that takes a sixth of a
second of each start, and most processes never need it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vigie.core.outbound import Outbound
from vigie.core.sentences import BadValueError

TOTAL_S: Final = 20.0


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
NATIVE: Final = ("slack", "teams", "google_chat", "discord")
"""Services whose own https address, copied from their page, is understood as it is."""
PARAMETERS: Final = frozenset(
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


def recognise(url: str) -> str:
    """Return the name of the service an address is of; raises `ServiceAddressError`."""
    from vigie.alerts import service_plugins  # noqa: PLC0415 - loads the library

    name, _ = service_plugins.made(url)
    return name


async def send(outbound: Outbound, url: str, title: str, body: str, tone: str) -> Answered:
    """Send a plain text to a service; raises `ServiceAddressError` when the address is not one any more.

    The library waits, so it does in a thread, whose calls come back to this loop. No more than `TOTAL_S` per call.
    """
    loop = asyncio.get_running_loop()
    return await asyncio.to_thread(_send, loop, outbound, url, (title, body, tone))


def _send(loop: asyncio.AbstractEventLoop, outbound: Outbound, url: str, message: tuple[str, str, str]) -> Answered:
    from vigie.alerts import service_plugins  # noqa: PLC0415 - loads the library

    return service_plugins.send_now(loop, outbound, url, message)
