"""Endpoints as people and partners manage them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from vigie.auth.dependencies import Call
from vigie.core.ids import uuid7
from vigie.core.outbound import OutboundRefusedError, Reach, check_address
from vigie.core.sealing import Sealer
from vigie.core.sentences import Sentence
from vigie.events.queries import last_number
from vigie.practices.queries import refuse_limited
from vigie.webhooks import errors, queries
from vigie.webhooks.messages import TEST_KIND, trial_body
from vigie.webhooks.models import WebhookDelivery, WebhookEndpoint
from vigie.webhooks.schemas import EndpointPatch, NewEndpoint, Rotation
from vigie.webhooks.signing import new_secret, purpose_of, shown

MOST: Final = 100
"""Endpoints of a provider."""


async def open_endpoint(call: Call, sealer: Sealer, reach: Reach, new: NewEndpoint) -> tuple[WebhookEndpoint, str]:
    """Make an endpoint that is told of what happens from now on; return it and the text of its secret.

    Raises `LimitedToPracticesError` when a caller who sees some practices wants all, `InvalidRequestError` for a practice they do
    not see, `UrlRefusedError`, `TooManyEndpointsError`.
    """
    await _check_practices(call, new.practices)
    _check_url(new.url, reach)
    provider_id = call.principal.provider_id
    others = await queries.count_endpoints(call.session, provider_id)
    if others >= MOST:
        raise errors.TooManyEndpointsError(Sentence(f"at most {MOST}", f"{MOST} au plus."))
    number = await last_number(call.session, provider_id)
    await queries.begin_at(call.session, provider_id, number, alone=not others)
    endpoint_id, secret = uuid7(), new_secret()
    endpoint = WebhookEndpoint(
        provider_id=provider_id,
        id=endpoint_id,
        url=new.url,
        description=new.description,
        kinds=_sorted(new.kinds),
        limited=False,
        secret=sealer.seal(purpose_of(endpoint_id), secret),
        created_at=call.now,
        created_by=call.principal.name or call.principal.subject,
        changed_at=call.now,
        handed_over=number,
        failures=0,
    )
    call.session.add(endpoint)
    await queries.limit_to(call.session, endpoint, new.practices)
    call.audit(object_id=endpoint.id, details=_details(endpoint))
    return endpoint, shown(secret)


async def change_endpoint(call: Call, reach: Reach, endpoint_id: UUID, patch: EndpointPatch) -> WebhookEndpoint:
    """Change the fields that are present. Enabled again, an endpoint goes on where it stopped. Raises as `open_endpoint` does."""
    endpoint = await queries.get_endpoint(call, endpoint_id, lock=True)
    if "practices" in patch.model_fields_set:
        await _check_practices(call, patch.practices)
        await queries.limit_to(call.session, endpoint, patch.practices)
    if patch.url is not None:
        _check_url(patch.url, reach)
        endpoint.url = patch.url
    if patch.description is not None:
        endpoint.description = patch.description
    if "kinds" in patch.model_fields_set:
        endpoint.kinds = _sorted(patch.kinds)
    if patch.enabled is not None:
        await _enable(call, endpoint, enabled=patch.enabled)
    endpoint.changed_at = call.now
    await call.session.flush()
    call.audit(details={**_details(endpoint), "fields": sorted(patch.model_fields_set)})
    return endpoint


async def _enable(call: Call, endpoint: WebhookEndpoint, *, enabled: bool) -> None:
    if not enabled:
        if endpoint.disabled_at is None:
            endpoint.disabled_at, endpoint.disabled_reason = call.now, "by_caller"
        return
    if endpoint.disabled_at is None:
        return
    endpoint.disabled_at = endpoint.disabled_reason = endpoint.failing_since = endpoint.paused_until = None
    endpoint.failures = 0
    if endpoint.retry_at is not None:
        endpoint.retry_at = call.now
        await queries.have_due_at_once(call.session, endpoint)


async def remove_endpoint(call: Call, endpoint_id: UUID) -> None:
    """Send nothing to an endpoint any more, and forget its secrets. Raises `NotFoundError`."""
    endpoint = await queries.get_endpoint(call, endpoint_id, lock=True)
    endpoint.removed_at = endpoint.changed_at = call.now
    endpoint.secret, endpoint.previous_secret, endpoint.previous_until = b"", None, None
    call.audit(details=_details(endpoint))
    await call.session.flush()


async def rotate_secret(
    call: Call, sealer: Sealer, endpoint_id: UUID, rotation: Rotation
) -> tuple[WebhookEndpoint, str]:
    """Give an endpoint another secret; the one of before signs beside it for a while. Raises `SecretRotatingError`."""
    endpoint = await queries.get_endpoint(call, endpoint_id, lock=True)
    if rotation.overlap_s and endpoint.previous_until is not None and endpoint.previous_until > call.now:
        raise errors.SecretRotatingError
    secret, before = new_secret(), endpoint.secret
    endpoint.secret = sealer.seal(purpose_of(endpoint.id), secret)
    endpoint.previous_secret = before if rotation.overlap_s else None
    endpoint.previous_until = call.now + rotation.overlap if rotation.overlap_s else None
    endpoint.changed_at = call.now
    await call.session.flush()
    call.audit(details={"overlap_s": rotation.overlap_s})
    return endpoint, shown(secret)


async def send_test(call: Call, endpoint_id: UUID) -> WebhookDelivery:
    """Have a test message sent: once, beside the order of events. Raises `NotFoundError` and `EndpointDisabledError`."""
    endpoint = await queries.get_endpoint(call, endpoint_id, lock=True)
    if endpoint.disabled_at is not None:
        raise errors.EndpointDisabledError
    delivery = WebhookDelivery(
        provider_id=endpoint.provider_id,
        id=uuid7(),
        endpoint_id=endpoint.id,
        number=None,
        kind=TEST_KIND,
        status="pending",
        attempts=0,
        holds=False,
        created_at=call.now,
        due_at=call.now,
        body=trial_body(endpoint.id, call.now),
    )
    call.session.add(delivery)
    _due(endpoint, call.now)
    await call.session.flush()
    call.audit(details={"delivery": str(delivery.id)})
    return delivery


async def redeliver(call: Call, delivery_id: UUID) -> WebhookDelivery:
    """Have a message sent again, with the id it had, beside the order of events.

    Raises `NotFoundError`, `EndpointDisabledError`, `DeliveryWaitingError`, `MessageGoneError`.
    """
    found = await queries.get_delivery(call, delivery_id)
    endpoint = await queries.get_endpoint(
        call, found.endpoint_id, lock=True
    )  # before its deliveries, as the worker does
    delivery = await queries.lock_delivery(call.session, found)
    if endpoint.disabled_at is not None:
        raise errors.EndpointDisabledError
    if delivery.status == "pending":
        raise errors.DeliveryWaitingError
    if delivery.number is not None and not await queries.is_kept(call.session, endpoint.provider_id, delivery.number):
        raise errors.MessageGoneError
    delivery.status, delivery.attempts, delivery.holds, delivery.due_at = "pending", 0, False, call.now
    _due(endpoint, call.now)
    await call.session.flush()
    call.audit(details={"endpoint": str(endpoint.id)})
    return delivery


def _due(endpoint: WebhookEndpoint, at: datetime) -> None:
    endpoint.retry_at = at if endpoint.retry_at is None else min(endpoint.retry_at, at)


async def _check_practices(call: Call, practices: Sequence[UUID] | None) -> None:
    if practices is None:
        refuse_limited(call)
    else:
        await queries.refuse_unseen_practices(call, practices)


def _check_url(url: str, reach: Reach) -> None:
    """Refuse at once what would be refused at each attempt; where a name leads is looked at when it is called."""
    try:
        check_address(url, reach)
    except OutboundRefusedError as error:
        raise errors.UrlRefusedError(error.sentence) from error


def _sorted(kinds: Sequence[str] | None) -> list[str] | None:
    return None if kinds is None else sorted(set(kinds))


def _details(endpoint: WebhookEndpoint) -> dict[str, Any]:
    # The host alone: a path may be a credential.
    return {
        "host": endpoint.url.split("/")[2],
        "kinds": endpoint.kinds or "all",
        "limited": endpoint.limited,
        "enabled": endpoint.disabled_at is None,
    }
