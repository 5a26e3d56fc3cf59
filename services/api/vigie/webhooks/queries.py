"""Endpoints and deliveries as callers see them: a caller who sees some practices sees what is limited to those."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, insert, not_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.dependencies import Call
from vigie.auth.principal import Principal
from vigie.core.errors import InvalidRequestError, NotFoundError
from vigie.core.pagination import PageQuery, keyset, page_of
from vigie.core.sentences import fault
from vigie.practices.models import Practice
from vigie.practices.queries import visible
from vigie.webhooks.models import (
    WebhookCursor,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEndpointPractice,
    WebhookMessage,
)
from vigie.webhooks.schemas import DeliveryQuery


def _seen(principal: Principal) -> list[ColumnElement[bool]]:
    """Return the conditions under which an endpoint is visible: it tells nothing that the caller may not read."""
    found: list[ColumnElement[bool]] = [
        WebhookEndpoint.provider_id == principal.provider_id,
        WebhookEndpoint.removed_at.is_(None),
    ]
    if isinstance(principal.practices, frozenset):
        beyond = exists().where(
            WebhookEndpointPractice.provider_id == WebhookEndpoint.provider_id,
            WebhookEndpointPractice.endpoint_id == WebhookEndpoint.id,
            not_(WebhookEndpointPractice.practice_id.in_(principal.practices)),
        )
        found += [WebhookEndpoint.limited.is_(True), not_(beyond)]
    return found


async def get_endpoint(call: Call, endpoint_id: UUID, *, lock: bool = False) -> WebhookEndpoint:
    """Return a visible endpoint that was not removed; raises `NotFoundError` for any other."""
    statement = select(WebhookEndpoint).where(*_seen(call.principal), WebhookEndpoint.id == endpoint_id)
    locked = statement.with_for_update(key_share=True)
    found = (await call.session.scalars(locked if lock else statement)).first()
    if found is None:
        raise NotFoundError
    return found


async def list_endpoints(call: Call, query: PageQuery) -> tuple[Sequence[WebhookEndpoint], str | None]:
    """Return a page of the visible endpoints, latest first."""
    statement = select(WebhookEndpoint).where(*_seen(call.principal))
    rows = (await call.session.scalars(keyset(statement, query, [WebhookEndpoint.id], [UUID], descending=True))).all()
    return page_of(rows, query, lambda row: [row.id])


async def count_endpoints(session: AsyncSession, provider_id: UUID) -> int:
    """Return how many endpoints a provider has."""
    counted = select(func.count()).where(
        WebhookEndpoint.provider_id == provider_id, WebhookEndpoint.removed_at.is_(None)
    )
    return int((await session.scalars(counted)).one())


async def practices_of(session: AsyncSession, endpoints: Collection[WebhookEndpoint]) -> Mapping[UUID, list[UUID]]:
    """Return the practices of limited endpoints."""
    found: dict[UUID, list[UUID]] = {endpoint.id: [] for endpoint in endpoints if endpoint.limited}
    if found:
        provider_id = next(iter(endpoints)).provider_id
        rows = await session.execute(
            select(WebhookEndpointPractice.endpoint_id, WebhookEndpointPractice.practice_id)
            .where(WebhookEndpointPractice.provider_id == provider_id, WebhookEndpointPractice.endpoint_id.in_(found))
            .order_by(WebhookEndpointPractice.practice_id)
        )
        for endpoint_id, practice_id in rows:
            found[endpoint_id].append(practice_id)
    return found


async def refuse_unseen_practices(call: Call, practices: Iterable[UUID]) -> None:
    """Raise `InvalidRequestError` when one of the practices is not the caller's to see."""
    wanted = set(practices)
    found = await call.session.scalars(select(Practice.id).where(*visible(call.principal), Practice.id.in_(wanted)))
    if wanted - set(found):
        raise InvalidRequestError(errors=[fault("/practices", "no such practice", "Ce cabinet n'existe pas.")])


async def limit_to(session: AsyncSession, endpoint: WebhookEndpoint, practices: Iterable[UUID] | None) -> None:
    """Have an endpoint told of these practices and no others; None: of the whole provider."""
    endpoint.limited = practices is not None
    key = {"provider_id": endpoint.provider_id, "endpoint_id": endpoint.id}
    await session.flush()
    await session.execute(
        delete(WebhookEndpointPractice).where(
            WebhookEndpointPractice.provider_id == endpoint.provider_id,
            WebhookEndpointPractice.endpoint_id == endpoint.id,
        )
    )
    rows = [{**key, "practice_id": practice} for practice in sorted(set(practices or ()))]
    if rows:
        await session.execute(insert(WebhookEndpointPractice), rows)


async def begin_at(session: AsyncSession, provider_id: UUID, number: int, *, alone: bool) -> None:
    """Have messages made from the event after `number` on; `alone`: nobody waits for those before it."""
    begun = upsert(WebhookCursor).values(provider_id=provider_id, number=number)
    if alone:
        begun = begun.on_conflict_do_update(
            index_elements=["provider_id"], set_={"number": func.greatest(WebhookCursor.number, number)}
        )
    else:
        begun = begun.on_conflict_do_nothing(index_elements=["provider_id"])
    await session.execute(begun)


async def list_deliveries(call: Call, query: DeliveryQuery) -> tuple[Sequence[WebhookDelivery], str | None]:
    """Return a page of the deliveries to visible endpoints, latest event first."""
    statement = _deliveries(call)
    if query.endpoint_id is not None:
        statement = statement.where(WebhookDelivery.endpoint_id == query.endpoint_id)
    if query.status is not None:
        statement = statement.where(WebhookDelivery.status == query.status)
    rows = (await call.session.scalars(keyset(statement, query, [WebhookDelivery.id], [UUID], descending=True))).all()
    return page_of(rows, query, lambda row: [row.id])


async def get_delivery(call: Call, delivery_id: UUID) -> WebhookDelivery:
    """Return a delivery to a visible endpoint; raises `NotFoundError` for any other."""
    statement = _deliveries(call).where(WebhookDelivery.id == delivery_id)
    found = (await call.session.scalars(statement)).first()
    if found is None:
        raise NotFoundError
    return found


def _deliveries(call: Call) -> Select[WebhookDelivery]:
    tied = and_(
        WebhookEndpoint.provider_id == WebhookDelivery.provider_id, WebhookEndpoint.id == WebhookDelivery.endpoint_id
    )
    return (
        select(WebhookDelivery)
        .join(WebhookEndpoint, tied)
        .where(WebhookDelivery.provider_id == call.principal.provider_id, *_seen(call.principal))
    )


async def is_kept(session: AsyncSession, provider_id: UUID, number: int) -> bool:
    """Whether the message of an event is still there."""
    found = await session.scalars(
        select(WebhookMessage.number).where(WebhookMessage.provider_id == provider_id, WebhookMessage.number == number)
    )
    return found.first() is not None


async def lock_delivery(session: AsyncSession, delivery: WebhookDelivery) -> WebhookDelivery:
    """Return a delivery as it is now, locked."""
    found = await session.scalars(
        select(WebhookDelivery)
        .where(WebhookDelivery.provider_id == delivery.provider_id, WebhookDelivery.id == delivery.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one()


async def have_due_at_once(session: AsyncSession, endpoint: WebhookEndpoint) -> None:
    """Have the deliveries that wait for an endpoint tried now: somebody enabled it again."""
    await session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.provider_id == endpoint.provider_id,
            WebhookDelivery.endpoint_id == endpoint.id,
            WebhookDelivery.status == "pending",
        )
        .values(due_at=endpoint.retry_at)
        .execution_options(synchronize_session=False)
    )
