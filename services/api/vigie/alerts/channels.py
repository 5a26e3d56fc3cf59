"""Channels as the owner of a provider manages them, and the test message that shows whether one works."""

from typing import Any, Final, Protocol
from uuid import UUID

from vigie.alerts import services
from vigie.alerts.channel_errors import (
    ChannelAddressRefusedError,
    ChannelOffError,
    SecretsOffError,
    TooManyChannelsError,
)
from vigie.alerts.channel_models import SECRET, Channel, Notification
from vigie.alerts.channel_queries import MOST_CHANNELS, count_channels, get_channel
from vigie.alerts.channel_schemas import (
    ChannelPatch,
    NewChannel,
    NewMailChannel,
    NewServiceChannel,
    NewWebhookChannel,
)
from vigie.alerts.local_hours import next_at
from vigie.alerts.outbox import Message, message_id, want
from vigie.auth.dependencies import Call
from vigie.core.errors import InvalidRequestError, NotFoundError
from vigie.core.ids import uuid7
from vigie.core.outbound import OutboundRefusedError, Reach, check_address
from vigie.core.sealing import Sealer
from vigie.core.sentences import Sentence, fault
from vigie.events.log import NewEvent
from vigie.events.session import driver_connection, record
from vigie.people.queries import refuse_foreign_practices
from vigie.webhooks import signing

_CHOSEN: Final = (
    *("name", "language", "practices", "minimum_severity", "causes", "time_zone", "digest_at", "opening_check_at"),
)


class Outside(Protocol):
    """What secrets are sealed with, and how far webhooks may go."""

    @property
    def sealer(self) -> Sealer | None:
        """Return what seals; None where the operator has set up no key."""
        ...

    @property
    def reach(self) -> Reach:
        """Return how far webhooks may go."""
        ...


async def create_channel(call: Call, new: NewChannel, outside: Outside) -> tuple[Channel, str | None]:
    """Make a channel; return it with the secret of a webhook, which is shown once.

    Raises `TooManyChannelsError`, `ChannelAddressRefusedError`, `SecretsOffError`, and `NotFoundError` for a foreign practice.
    """
    if await count_channels(call) >= MOST_CHANNELS:
        raise TooManyChannelsError(Sentence(f"at most {MOST_CHANNELS}", f"{MOST_CHANNELS} au plus."))
    await refuse_foreign_practices(call, new.practices or ())
    text = signing.shown(signing.new_secret()) if isinstance(new, NewWebhookChannel) else None
    channel = Channel(
        provider_id=call.principal.provider_id,
        id=uuid7(),
        kind=new.kind,
        **{name: getattr(new, name) for name in _CHOSEN},
        created_at=call.now,
        created_by=call.principal.name or call.principal.subject,
        changed_at=call.now,
    )
    match new:
        case NewMailChannel():
            channel.address = {"recipients": new.recipients}
        case NewWebhookChannel():
            channel.address = _webhook_address(new.url, outside.reach)
            channel.secret = _sealed(outside.sealer, text or "")
        case NewServiceChannel():
            channel.address = _service_address(new.url)
            channel.secret = _sealed(outside.sealer, new.url)
    _schedule(call, channel)
    call.session.add(channel)
    await call.session.flush()
    call.audit(object_id=channel.id, details={"kind": channel.kind, "name": channel.name})
    await record(call.session, [event_of(channel, "channel.created", by=call.principal.subject)], call.now)
    return channel, text


async def change_channel(call: Call, channel_id: UUID, patch: ChannelPatch, outside: Outside) -> Channel:
    """Change the fields that are present; what already is as asked is no change, and no event. Raises as `create_channel`."""
    channel = await get_channel(call, channel_id, lock=True)
    asked = patch.model_dump(include=patch.model_fields_set)
    await refuse_foreign_practices(call, asked.get("practices") or ())
    changed: list[str] = [name for name in _CHOSEN if name in asked and getattr(channel, name) != asked[name]]
    for name in changed:
        setattr(channel, name, asked[name])
    changed += _change_address(channel, patch, outside)
    if patch.enabled is not None and patch.enabled is not (channel.disabled_at is None):
        changed.append("enabled")
        channel.disabled_at, channel.disabled_why = (None, None) if patch.enabled else (call.now, "member")
        channel.failing_since = None
    call.audit(details={"fields": sorted(changed)})
    if not changed:
        return channel
    channel.changed_at = call.now
    _schedule(call, channel)
    await call.session.flush()
    kind = "channel.disabled" if channel.disabled_at == call.now else "channel.changed"
    await record(call.session, [event_of(channel, kind, by=call.principal.subject)], call.now)
    return channel


def _change_address(channel: Channel, patch: ChannelPatch, outside: Outside) -> list[str]:
    """Change where a channel leads; return the name of the field, if anything. Raises for a field of another kind of channel."""
    if patch.recipients is not None:
        _of_kind(channel, "recipients", "mail")
        found: dict[str, Any] = {"recipients": patch.recipients}
        name = "recipients"
    elif patch.url is not None:
        _of_kind(channel, "url", "webhook", "service")
        found = _webhook_address(patch.url, outside.reach) if channel.kind == "webhook" else _service_address(patch.url)
        name = "url"
    else:
        return []
    if channel.kind == "service":
        channel.secret = _sealed(outside.sealer, patch.url or "")
    elif channel.address == found:
        return []
    channel.address = found
    return [name]


def _of_kind(channel: Channel, field: str, *kinds: str) -> None:
    if channel.kind not in kinds:
        wrong = fault(f"/body/{field}", f"a {channel.kind} channel has none", "Un canal de ce genre n'en a pas.")
        raise InvalidRequestError(errors=[wrong])


async def remove_channel(call: Call, channel_id: UUID) -> None:
    """Remove a channel: nothing is sent to it any more, its secret is forgotten, what it carried stays in the log."""
    channel = await get_channel(call, channel_id, lock=True)
    channel.removed_at, channel.changed_at, channel.secret = call.now, call.now, None
    channel.next_digest_at = channel.next_opening_check_at = None
    await call.session.flush()
    await record(call.session, [event_of(channel, "channel.removed", by=call.principal.subject)], call.now)


async def send_test(call: Call, channel_id: UUID) -> Notification:
    """Have a message sent that says it is a test; raises `ChannelOffError`. The log of notifications says what became of it."""
    channel = await get_channel(call, channel_id)
    if channel.disabled_at is not None:
        raise ChannelOffError
    message = Message(
        provider_id=channel.provider_id,
        dedup_key=f"test|{uuid7()}",
        channel_id=channel.id,
        kind="test",
        data={"channel": channel.name, "by": call.principal.name},
        wanted_at=call.now,
    )
    await want(await driver_connection(call.session), [message])
    made = message_id(message.provider_id, message.dedup_key)
    found = await call.session.get(Notification, (channel.provider_id, made))
    if found is None:
        raise NotFoundError
    return found


def event_of(channel: Channel, kind: str, *, by: str | None, why: str | None = None) -> NewEvent:
    """Return the event of a channel: with what it wants to hear of, so that the log alone tells who would have been told."""
    payload = {
        "channel": str(channel.id),
        "channel_kind": channel.kind,
        "name": channel.name,
        "minimum_severity": channel.minimum_severity,
        "causes": channel.causes,
        "practices": [str(each) for each in channel.practices] if channel.practices is not None else None,
        "enabled": channel.disabled_at is None and channel.removed_at is None,
        "by": by,
        "why": why or channel.disabled_why,
    }
    return NewEvent(channel.provider_id, kind, None, None, channel.changed_at, payload)


def _schedule(call: Call, channel: Channel) -> None:
    """Set when the two daily messages are due next; a channel that is off has none."""
    on = channel.disabled_at is None
    channel.next_digest_at = next_at(channel.digest_at, channel.time_zone, call.now) if on else None
    channel.next_opening_check_at = next_at(channel.opening_check_at, channel.time_zone, call.now) if on else None


def _webhook_address(url: str, reach: Reach) -> dict[str, Any]:
    try:
        check_address(url, reach)
    except OutboundRefusedError as error:
        raise ChannelAddressRefusedError(error.sentence) from error
    return {"url": url}


def _service_address(url: str) -> dict[str, Any]:
    try:
        return {"service": services.recognise(url)}
    except services.ServiceAddressError as error:
        raise ChannelAddressRefusedError(error.sentence) from error


def _sealed(sealer: Sealer | None, text: str) -> bytes:
    if sealer is None:
        raise SecretsOffError
    return sealer.seal(SECRET, text.encode())
