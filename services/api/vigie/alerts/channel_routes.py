"""REST routes of channels and of the log of what they carried."""

from collections.abc import Sequence
from typing import Annotated, Protocol, cast
from uuid import UUID

from fastapi import APIRouter, Query, Request

from vigie.alerts import channel_queries, channels
from vigie.alerts import channel_schemas as schemas
from vigie.alerts.answers import setting_of
from vigie.alerts.channel_errors import (
    ChannelAddressRefusedError,
    ChannelOffError,
    SecretsOffError,
    TooManyChannelsError,
)
from vigie.alerts.channel_models import Channel, NotificationAttempt
from vigie.alerts.channel_queries import Addressed
from vigie.alerts.wording import Setting, title_of
from vigie.auth.dependencies import Call, IdempotencyKey, attempt_of, reads, writes
from vigie.auth.errors import InsufficientScopeError, LimitedToPracticesError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core import idempotency
from vigie.core.errors import InvalidRequestError, NotFoundError, problems
from vigie.core.pagination import InvalidCursorError, Page, PageQuery
from vigie.practices.queries import refuse_limited

router = APIRouter(prefix="/v1", tags=["alerts"], responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.CHANNELS_READ)]
Writes = Annotated[Call, writes(Permission.CHANNELS_WRITE)]
_ADDED = {"to_name", "practice_name", "title", "attempts"}


class Kit(Protocol):
    """What the application puts on `app.state.parts` for these routes."""

    webhooks: channels.Outside


def _outside(request: Request) -> channels.Outside:
    return cast("Kit", request.app.state.parts).webhooks


def _out(channel: Channel) -> schemas.ChannelOut:
    shown = {name: getattr(channel, name, None) for name in schemas.ChannelOut.model_fields}
    shown |= {name: channel.address.get(name) for name in ("recipients", "url", "service")}
    return schemas.ChannelOut(**{**shown, "enabled": channel.disabled_at is None})


def _notification_out(
    setting: Setting, found: Addressed, attempts: Sequence[NotificationAttempt]
) -> schemas.NotificationOut:
    shown = {name: getattr(found.row, name) for name in schemas.NotificationOut.model_fields if name not in _ADDED}
    return schemas.NotificationOut(
        **shown,
        to_name=found.to_name,
        practice_name=found.practice,
        title=title_of(setting, found.row.data) if found.row.alert_id is not None else None,
        attempts=[schemas.AttemptOut.model_validate(each, from_attributes=True) for each in attempts],
    )


@router.get(
    "/channels",
    responses=problems(LimitedToPracticesError, InvalidCursorError),
    summary="List channels",
)
async def list_channels(call: Reads, query: Annotated[PageQuery, Query()]) -> Page[schemas.ChannelOut]:
    """List where the provider's alerts go, the oldest first. Nobody who sees some practices only may."""
    refuse_limited(call)
    rows, following = await channel_queries.list_channels(call, query)
    return Page(items=[_out(row) for row in rows], next_cursor=following)


@router.post(
    "/channels",
    status_code=201,
    responses=problems(
        LimitedToPracticesError,
        NotFoundError,
        InvalidRequestError,
        ChannelAddressRefusedError,
        TooManyChannelsError,
        SecretsOffError,
        idempotency.IdempotencyConflictError,
        idempotency.AlreadyDoneError,
    ),
    summary="Create a channel",
)
async def create_channel(
    request: Request, call: Writes, new: schemas.NewChannel, idempotency_key: IdempotencyKey = None
) -> schemas.CreatedChannel:
    """Create a place where alerts go: mail, a signed webhook, or a chat, text-message or ticket service.

    The secret of a webhook is in this answer and nowhere else; that is why the same request again under the same
    `Idempotency-Key` is refused with 409 `request.already_done`, whose `id` names the channel.
    """
    refuse_limited(call)
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        raise idempotency.AlreadyDoneError(id=kept["id"])
    channel, secret = await channels.create_channel(call, new, _outside(request))
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, {"id": str(channel.id)})
    return schemas.CreatedChannel(**_out(channel).model_dump(), secret=secret)


@router.get(
    "/channels/{channel_id}", responses=problems(LimitedToPracticesError, NotFoundError), summary="Read a channel"
)
async def read_channel(call: Reads, channel_id: UUID) -> schemas.ChannelOut:
    """Read a channel: what it wants to hear of, and whether it gets through."""
    refuse_limited(call)
    return _out(await channel_queries.get_channel(call, channel_id))


@router.patch(
    "/channels/{channel_id}",
    responses=problems(
        LimitedToPracticesError, NotFoundError, InvalidRequestError, ChannelAddressRefusedError, SecretsOffError
    ),
    summary="Change a channel",
)
async def change_channel(
    request: Request, call: Writes, channel_id: UUID, patch: schemas.ChannelPatch
) -> schemas.ChannelOut:
    """Change the fields that are present. `enabled` switches a channel off, or on again after its address was put right."""
    refuse_limited(call)
    return _out(await channels.change_channel(call, channel_id, patch, _outside(request)))


@router.delete(
    "/channels/{channel_id}",
    status_code=204,
    responses=problems(LimitedToPracticesError, NotFoundError),
    summary="Remove a channel",
)
async def remove_channel(call: Writes, channel_id: UUID) -> None:
    """Remove a channel: nothing is sent to it any more, not even what was waiting. The log of notifications stays."""
    refuse_limited(call)
    await channels.remove_channel(call, channel_id)


@router.post(
    "/channels/{channel_id}/test",
    status_code=202,
    responses=problems(LimitedToPracticesError, NotFoundError, ChannelOffError),
    summary="Send a test message",
)
async def test_channel(request: Request, call: Writes, channel_id: UUID) -> schemas.NotificationOut:
    """Have a test message sent as any other is; ask the log of notifications for its `id` to see what became of it."""
    refuse_limited(call)
    test = await channels.send_test(call, channel_id)
    channel = await channel_queries.get_channel(call, channel_id)
    return _notification_out(setting_of(request), Addressed(test, channel.name, None), [])


@router.get(
    "/notifications",
    responses=problems(NotFoundError, InvalidCursorError),
    summary="List notifications",
)
async def list_notifications(
    request: Request, call: Reads, query: Annotated[schemas.NotificationQuery, Query()]
) -> Page[schemas.NotificationOut]:
    """List what was sent, is being sent or could not be sent, latest first, with every attempt."""
    rows, attempts, following = await channel_queries.list_notifications(call, query)
    setting = setting_of(request)
    items = [_notification_out(setting, each, attempts[each.row.id]) for each in rows]
    return Page(items=items, next_cursor=following)
