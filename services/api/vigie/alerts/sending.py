"""Sending one notification: composing it for its channel, and telling what became of it. No transaction is open meanwhile."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from vigie.alerts import mail, posting, services
from vigie.alerts.channel_models import SECRET, Channel, Outcome
from vigie.alerts.delivery_queries import Claimed, Named
from vigie.alerts.layout import as_brief
from vigie.alerts.letters import Letter, short
from vigie.alerts.wording import Describe, Setting, alert_letter
from vigie.alerts.wording_daily import digest_letter, opening_letter, report_letter, test_letter
from vigie.core.outbound import Outbound, OutboundFailedError, OutboundRefusedError, Reach
from vigie.core.sealing import SealBrokenError, Sealer

TOTAL_S: Final = 25.0
_GONE: Final = frozenset({401, 404, 410})
_GONE_SERVICES: Final = frozenset({401, 403, 404, 410})
_SUCCESS: Final = range(200, 300)
_EXCERPT: Final = 500
_PARIS: Final = "Europe/Paris"


@dataclass(frozen=True, slots=True)
class Post:
    """What messages are sent with. `mail_server` is None where the operator has set up none; `sealer` likewise.

    `reach`: how far webhooks may go; services are on the public internet.
    """

    outbound: Outbound
    reach: Reach
    mail_server: mail.MailServer | None
    sealer: Sealer | None
    public_url: str
    describe: Describe


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes: a channel as it was when it was claimed, or the address of a member."""

    kind: str
    name: str
    language: str
    time_zone: str
    address: dict[str, Any]
    secret: bytes | None

    @classmethod
    def of_channel(cls, channel: Channel) -> "Target":
        """Return the target a channel is."""
        return cls(
            channel.kind, channel.name, channel.language, channel.time_zone, dict(channel.address), channel.secret
        )

    @classmethod
    def of_member(cls, mailbox: str) -> "Target":
        """Return the target a member's own address is."""
        return cls("mail", "", "fr", _PARIS, {"recipients": [mailbox]}, None)


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended. `code`: what went wrong, ours and stable; `excerpt`: what the other side said."""

    outcome: Outcome
    code: str | None = None
    excerpt: str | None = None


def letter_of(post: Post, target: Target, claimed: Claimed, named: Named) -> Letter:
    """Return the message of a notification in the language of its target; instants as the practice's clocks show them."""
    setting = Setting(
        language=target.language,
        provider=named.provider,
        public_url=post.public_url,
        zone=ZoneInfo(named.time_zone or target.time_zone),
        practice_id=claimed.practice_id,
        practice=short(named.practice or named.provider),
        channel=target.name,
        describe=post.describe,
    )
    match claimed.kind:
        case "test":
            return test_letter(setting, claimed.data, claimed.wanted_at)
        case "digest":
            return digest_letter(setting, claimed.data, claimed.wanted_at)
        case "opening_check":
            return opening_letter(setting, claimed.data)
        case "report":
            return report_letter(setting, claimed.data)
    return alert_letter(setting, claimed.kind, claimed.alert_id or claimed.id, claimed.data, claimed.wanted_at)


async def send(post: Post, provider_id: UUID, target: Target, claimed: Claimed, named: Named, now: datetime) -> Result:
    """Send a notification to its target, within `TOTAL_S` seconds, and return how that ended; raises nothing of the other side."""
    letter = letter_of(post, target, claimed, named)
    try:
        async with asyncio.timeout(TOTAL_S):
            match target.kind:
                case "mail":
                    return await _by_mail(post, provider_id, target, claimed, letter, named, now)
                case "webhook":
                    return await _by_webhook(post, target, claimed, letter, named, now)
            return await _by_service(post, target, letter)
    except TimeoutError:
        return Result("temporary", "time")
    except SealBrokenError:
        return Result("temporary", "secret_unreadable")


async def _by_mail(
    post: Post, provider_id: UUID, target: Target, claimed: Claimed, letter: Letter, named: Named, now: datetime
) -> Result:
    if post.mail_server is None:
        return Result("temporary", "mail.not_set_up")
    recipients = target.address["recipients"]
    envelope = mail.Envelope(claimed.id, provider_id, named.provider, recipients, now, claimed.alert_id)
    try:
        refused = await mail.post(post.mail_server, mail.compose(post.mail_server, letter, envelope), recipients)
    except mail.MailRefusedError as error:
        return Result("permanent" if error.permanent else "temporary", error.code, error.excerpt)
    if refused:
        return Result("sent", "mail.some_recipients_refused", ", ".join(refused)[:_EXCERPT])
    return Result("sent")


async def _by_webhook(
    post: Post, target: Target, claimed: Claimed, letter: Letter, named: Named, now: datetime
) -> Result:
    secret = _opened(post, target)
    if secret is None:
        return Result("temporary", "secret_unreadable")
    about = {
        "notification": str(claimed.id),
        "provider": named.provider,
        "practice": {"id": str(claimed.practice_id), "name": named.practice} if claimed.practice_id else None,
        "alert_id": str(claimed.alert_id) if claimed.alert_id else None,
    }
    body = posting.body_of(claimed.kind, claimed.wanted_at, letter, about, claimed.data)
    headers = posting.headers_of(claimed.id, now, body, secret)
    try:
        url = target.address["url"]
        reply = await post.outbound.request("POST", url, headers=headers, body=body, reach=post.reach)
    except OutboundRefusedError:
        return Result("permanent", "webhook.address_refused")
    except OutboundFailedError as error:
        return Result("temporary", "webhook.failed", str(error))
    if reply.status in _SUCCESS:
        return Result("sent")
    excerpt = f"{reply.status} {reply.body[:_EXCERPT].decode(errors='replace')}".strip()
    if reply.status in _GONE:
        return Result("permanent", f"webhook.status_{reply.status}", excerpt)
    return Result("temporary", f"webhook.status_{reply.status}", excerpt)


async def _by_service(post: Post, target: Target, letter: Letter) -> Result:
    url = _opened(post, target)
    if url is None:
        return Result("temporary", "secret_unreadable")
    try:
        answered = await services.send(post.outbound, url, letter.subject, as_brief(letter), letter.tone)
    except services.ServiceAddressError as error:
        return Result("permanent", "service.address_refused", str(error))
    if answered.sent:
        return Result("sent")
    if answered.refused:
        return Result("permanent", "service.address_refused")
    last = answered.statuses[-1] if answered.statuses else None
    if last is None:
        return Result("temporary", "service.failed", answered.failure)
    return Result("permanent" if last in _GONE_SERVICES else "temporary", f"service.status_{last}", answered.excerpt)


def _opened(post: Post, target: Target) -> str | None:
    if post.sealer is None or target.secret is None:
        return None
    return post.sealer.open(SECRET, target.secret).decode()
