"""REST routes of policies: the thresholds a provider and its practices are judged by."""

from collections.abc import Mapping
from typing import Annotated, Any, Protocol, cast

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from vigie.auth.dependencies import Call, reads, writes
from vigie.auth.errors import InsufficientScopeError, LimitedToPracticesError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core.errors import InvalidRequestError, NotFoundError, problems
from vigie.core.etag import tagged
from vigie.core.pagination import InvalidCursorError
from vigie.devices.fleet import expect_anew
from vigie.overview.policy_preview import preview
from vigie.overview.preview_schemas import PolicyPreview
from vigie.posture import policies
from vigie.posture.assessment import Assessor
from vigie.posture.errors import PolicyContradictoryError, PolicyOutOfBoundsError
from vigie.posture.models import OwnPolicy
from vigie.posture.policy_schemas import PolicyIn, PolicyOut, PolicyPage, PolicyQuery, ThresholdOut
from vigie.posture.rules.bounds import BOUNDS, values_of
from vigie.posture.rules.model import Policy
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.queries import get_practice

router = APIRouter(prefix="/v1", tags=["policies"], responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.POLICIES_READ)]
_REFUSED = problems(
    LimitedToPracticesError,
    NotFoundError,
    PracticeArchivedError,
    InvalidRequestError,
    PolicyOutOfBoundsError,
    PolicyContradictoryError,
)


class Kit(Protocol):
    """What the application puts on `app.state.parts` for these routes."""

    assessor: Assessor


Thresholds = Mapping[str, Mapping[str, Any]]


def _effective(provider: Thresholds, practice: Thresholds) -> dict[str, dict[str, ThresholdOut]]:
    """Return every threshold with who set it; a threshold that is no longer known is passed over."""
    found: dict[str, dict[str, ThresholdOut]] = {}
    for family, defaults in values_of(Policy()).items():
        for key, default in defaults.items():
            layers = (("practice", practice), ("provider", provider))
            source, value = next(
                ((name, own[family][key]) for name, own in layers if key in own.get(family, {})), ("default", default)
            )
            bounds = BOUNDS[family][key]
            shown = ThresholdOut(value=value, source=source, default=default, **bounds._asdict())
            found.setdefault(family, {})[key] = shown
    return found


def _provider_out(row: OwnPolicy | None) -> PolicyOut:
    return _out(row, _effective(row.thresholds if row else {}, {}))


def _out(row: OwnPolicy | None, effective: dict[str, dict[str, ThresholdOut]]) -> PolicyOut:
    if row is None or row.revision == 0:  # nobody has set anything
        return PolicyOut(
            practice_id=None, thresholds={}, effective=effective, revision=0, changed_at=None, changed_by=None
        )
    same = ("practice_id", "thresholds", "revision", "changed_at", "changed_by")
    return PolicyOut(**{name: getattr(row, name) for name in same}, effective=effective)


@router.get(
    "/policies",
    response_model=PolicyPage,
    responses=problems(NotFoundError, InvalidCursorError),
    summary="Read the thresholds of the provider and its practices",
)
async def list_policies(request: Request, call: Reads, query: Annotated[PolicyQuery, Query()]) -> Response:
    """Read the provider's thresholds, and those of the practices that have their own: values, defaults, bounds, who set them."""
    if query.practice_id is not None:
        await get_practice(call, query.practice_id)
    provider, rows, following = await policies.own_policies(call, query, query.practice_id)
    beneath = provider.thresholds if provider else {}
    items = [_out(row, _effective(beneath, row.thresholds)) for row in rows]
    if query.practice_id is not None and not items and query.cursor is None:
        plain = _out(None, _effective(beneath, {}))
        items = [plain.model_copy(update={"practice_id": query.practice_id})]
    return tagged(request, PolicyPage(provider=_provider_out(provider), items=items, next_cursor=following))


@router.put("/policies", responses=_REFUSED, summary="Replace the thresholds of the provider or of a practice")
async def change_policy(call: Annotated[Call, writes(Permission.POLICIES_WRITE)], new: PolicyIn) -> PolicyOut:
    """Replace the own thresholds of a practice, or with `practice_id` null those of the provider; `{}` takes them all back.

    The practices concerned are judged anew in the background, within seconds. `POST /v1/policies/preview` says beforehand what
    would turn.
    """
    asked = await policies.prepare(call, new.practice_id, new.thresholds)
    if any(one["family"] == "silence" for one in asked.told()):  # before anything else is locked: devices come first
        await expect_anew(call, new.practice_id)
    await policies.change_policy(call, new.practice_id, new.thresholds)
    provider, rows, _ = await policies.own_policies(call, PolicyQuery(), new.practice_id)
    if new.practice_id is None:
        return _provider_out(provider)
    beneath = provider.thresholds if provider else {}
    changed = _out(rows[0] if rows else None, _effective(beneath, rows[0].thresholds if rows else {}))
    return changed.model_copy(update={"practice_id": new.practice_id})


@router.post("/policies/preview", responses=_REFUSED, summary="See what changed thresholds would turn")
async def preview_policy(
    request: Request, call: Annotated[Call, reads(Permission.POLICIES_WRITE)], new: PolicyIn
) -> PolicyPreview:
    """Judge what is stored by the thresholds as they are and as they would be, and change nothing.

    Says which controls would turn on how many devices, and in which practices (the first fifty). At most 20,000 devices are
    judged; `complete` is false when there are more.
    """
    change = await policies.prepare(call, new.practice_id, new.thresholds)
    return await preview(call, cast("Kit", request.app.state.parts).assessor, change)
