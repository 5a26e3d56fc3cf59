"""REST routes of webhook endpoints and deliveries."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from vigie.auth.dependencies import Call, IdempotencyKey, attempt_of, reads, writes
from vigie.auth.errors import InsufficientScopeError, LimitedToPracticesError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core import idempotency
from vigie.core.errors import InvalidRequestError, NotFoundError, problems
from vigie.core.pagination import InvalidCursorError, Page, PageQuery
from vigie.webhooks import endpoints, errors, queries, schemas
from vigie.webhooks.kit import webhooks_of
from vigie.webhooks.models import WebhookDelivery, WebhookEndpoint
from vigie.webhooks.signing import message_id

router = APIRouter(prefix="/v1", tags=["webhooks"], responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.WEBHOOKS_READ)]
Writes = Annotated[Call, writes(Permission.WEBHOOKS_WRITE)]
_SAME = (
    *("id", "url", "description", "kinds", "disabled_at", "disabled_reason", "handed_over", "delivered_at"),
    *("failing_since", "paused_until", "created_at", "created_by", "changed_at"),
)


async def _out(call: Call, rows: Sequence[WebhookEndpoint]) -> list[schemas.EndpointOut]:
    practices = await queries.practices_of(call.session, rows)
    return [
        schemas.EndpointOut(
            **{name: getattr(row, name) for name in _SAME},
            practices=practices.get(row.id),
            enabled=row.disabled_at is None,
            previous_secret_until=row.previous_until if row.previous_until and row.previous_until > call.now else None,
        )
        for row in rows
    ]


async def _with_secret(call: Call, row: WebhookEndpoint, secret: str) -> schemas.EndpointWithSecret:
    (shown,) = await _out(call, [row])
    return schemas.EndpointWithSecret(**shown.model_dump(), secret=secret)


def _delivery_out(row: WebhookDelivery) -> schemas.DeliveryOut:
    same = schemas.DeliveryOut.model_fields.keys() - {"webhook_id"}
    return schemas.DeliveryOut(**{name: getattr(row, name) for name in same}, webhook_id=message_id(row.id))


@router.get("/webhook-endpoints", responses=problems(InvalidCursorError), summary="List webhook endpoints")
async def list_webhook_endpoints(call: Reads, query: Annotated[PageQuery, Query()]) -> Page[schemas.EndpointOut]:
    """List the endpoints, latest first; a caller who sees some practices sees those that are limited to these."""
    rows, following = await queries.list_endpoints(call, query)
    return Page(items=await _out(call, rows), next_cursor=following)


@router.post(
    "/webhook-endpoints",
    status_code=201,
    responses=problems(
        LimitedToPracticesError,
        InvalidRequestError,
        errors.UrlRefusedError,
        errors.TooManyEndpointsError,
        errors.WebhooksOffError,
        idempotency.IdempotencyConflictError,
        idempotency.AlreadyDoneError,
    ),
    summary="Create a webhook endpoint",
)
async def create_webhook_endpoint(
    request: Request, call: Writes, new: schemas.NewEndpoint, idempotency_key: IdempotencyKey = None
) -> schemas.EndpointWithSecret:
    """Have changes sent to an address from now on. The secret that signs them is in this answer and nowhere else.

    That is why the same request again under the same `Idempotency-Key` is refused with 409 `request.already_done`, whose
    `id` names the endpoint: rotate its secret should the first be lost.
    """
    kit = webhooks_of(request)
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        raise idempotency.AlreadyDoneError(id=kept["id"])
    row, secret = await endpoints.open_endpoint(call, kit.sealing(), kit.reach, new)
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, {"id": str(row.id)})
    return await _with_secret(call, row, secret)


@router.get("/webhook-endpoints/{endpoint_id}", responses=problems(NotFoundError), summary="Read a webhook endpoint")
async def read_webhook_endpoint(call: Reads, endpoint_id: UUID) -> schemas.EndpointOut:
    """Read one endpoint: what it is told of, how far it was told, and how it is doing."""
    (shown,) = await _out(call, [await queries.get_endpoint(call, endpoint_id)])
    return shown


@router.patch(
    "/webhook-endpoints/{endpoint_id}",
    responses=problems(NotFoundError, LimitedToPracticesError, InvalidRequestError, errors.UrlRefusedError),
    summary="Change a webhook endpoint",
)
async def change_webhook_endpoint(
    request: Request, call: Writes, endpoint_id: UUID, patch: schemas.EndpointPatch
) -> schemas.EndpointOut:
    """Change address, description, kinds or practices, or disable and enable it. Enabled again, it goes on where it stopped."""
    row = await endpoints.change_endpoint(call, webhooks_of(request).reach, endpoint_id, patch)
    (shown,) = await _out(call, [row])
    return shown


@router.delete(
    "/webhook-endpoints/{endpoint_id}",
    status_code=204,
    responses=problems(NotFoundError),
    summary="Remove a webhook endpoint",
)
async def remove_webhook_endpoint(call: Writes, endpoint_id: UUID) -> None:
    """Send nothing more to an endpoint and forget its secrets; what waits for it is not sent."""
    await endpoints.remove_endpoint(call, endpoint_id)


@router.post(
    "/webhook-endpoints/{endpoint_id}/rotate-secret",
    responses=problems(NotFoundError, InvalidRequestError, errors.SecretRotatingError, errors.WebhooksOffError),
    summary="Replace the secret of an endpoint",
)
async def rotate_webhook_secret(
    request: Request, call: Writes, endpoint_id: UUID, rotation: schemas.Rotation
) -> schemas.EndpointWithSecret:
    """Give an endpoint another secret, shown in this answer and nowhere else; for `overlap_s` both sign every message."""
    row, secret = await endpoints.rotate_secret(call, webhooks_of(request).sealing(), endpoint_id, rotation)
    return await _with_secret(call, row, secret)


@router.post(
    "/webhook-endpoints/{endpoint_id}/test",
    status_code=202,
    responses=problems(NotFoundError, errors.EndpointDisabledError),
    summary="Send a test message",
)
async def test_webhook_endpoint(call: Writes, endpoint_id: UUID) -> schemas.DeliveryOut:
    """Have a message of type `webhook.test` sent within seconds, once; the list of deliveries says what was answered."""
    return _delivery_out(await endpoints.send_test(call, endpoint_id))


@router.get("/webhook-deliveries", responses=problems(InvalidCursorError), summary="List webhook deliveries")
async def list_webhook_deliveries(
    call: Reads, query: Annotated[schemas.DeliveryQuery, Query()]
) -> Page[schemas.DeliveryOut]:
    """List what was sent, latest event first, with how often it was tried and how the last answer began."""
    rows, following = await queries.list_deliveries(call, query)
    return Page(items=[_delivery_out(row) for row in rows], next_cursor=following)


@router.post(
    "/webhook-deliveries/{delivery_id}/redeliver",
    status_code=202,
    responses=problems(
        NotFoundError, errors.EndpointDisabledError, errors.DeliveryWaitingError, errors.MessageGoneError
    ),
    summary="Send a message again",
)
async def redeliver_webhook(call: Writes, delivery_id: UUID) -> schemas.DeliveryOut:
    """Have a message sent again with the `webhook-id` it had, beside the order of events; retried like any other."""
    return _delivery_out(await endpoints.redeliver(call, delivery_id))
