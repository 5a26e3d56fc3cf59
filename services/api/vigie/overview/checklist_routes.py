"""REST routes of the catalogue, of the checklist of a practice, and of controls across practices."""

from functools import lru_cache
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from vigie.auth.dependencies import Call, reads
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core.errors import InvalidRequestError, NotFoundError, language_of, problems
from vigie.core.etag import tagged, tagged_raw, tagged_values
from vigie.core.sentences import fault
from vigie.overview import checklist_queries as queries
from vigie.overview import checklist_schemas as shapes
from vigie.overview.checklist import catalogue_control, checklist
from vigie.overview.checklist_facts import facts_of
from vigie.overview.explaining import Language, all_states, standing, worst_first
from vigie.overview.queries import posture_seen
from vigie.overview.tallies import tallies_of
from vigie.posture.catalogue import Catalogue, known_versions, load_catalogue
from vigie.practices.queries import get_practice

router = APIRouter(prefix="/v1", tags=["checklist"], responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.CHECKLIST_READ)]


def _catalogue(version: str | None) -> Catalogue:
    if version is not None and version not in known_versions():
        names = ", ".join(known_versions())
        wrong = fault("/query/version", f"known versions: {names}", f"Versions connues : {names}.")
        raise InvalidRequestError(errors=[wrong])
    return load_catalogue(version)


@router.get(
    "/controls",
    response_model=shapes.ControlsOut,
    responses=problems(InvalidRequestError),
    summary="Read the catalogue of control points",
)
async def list_controls(request: Request, call: Reads, query: Annotated[shapes.ControlQuery, Query()]) -> Response:
    """Read the control points under the ten rules, in the language of `Accept-Language`; the wording is ours.

    The whole catalogue is one page: it changes with releases, and its entity tag says when.
    """
    del call
    language = language_of(request)
    version = _catalogue(query.version).version
    return tagged_raw(request, _controls(version, language, query.kind, query.rule), language)


@lru_cache(maxsize=64)
def _controls(version: str, language: Language, kind: shapes.Kind | None, rule_id: int | None) -> bytes:
    """Return the answer of `list_controls`, written once: it depends on nothing else."""
    catalogue = load_catalogue(version)
    body = shapes.ControlsOut(
        version=catalogue.version,
        versions=list(known_versions()),
        as_of=catalogue.as_of,
        language=language,
        notice=shapes.NOTICE[language],
        automatic=sum(control.kind == "automatic" for control in catalogue.controls.values()),
        sources=dict(catalogue.sources),
        rules=[shapes.RuleOut(id=rule.id, title=getattr(rule.title, language)) for rule in catalogue.rules.values()],
        items=[
            shapes.CatalogueControl(**catalogue_control(control, language))
            for control in catalogue.controls.values()
            if kind in {None, control.kind} and rule_id in {None, control.rule}
        ],
    )
    return body.model_dump_json().encode()


@router.get(
    "/controls/{control_id}",
    response_model=shapes.ControlDetailOut,
    responses=problems(NotFoundError, InvalidRequestError),
    summary="Read a control point",
)
async def read_control(
    request: Request, call: Reads, control_id: str, query: Annotated[shapes.VersionQuery, Query()]
) -> Response:
    """Read one control point: what it means for a practice, who answers, the numbers it is judged by, what to do."""
    del call
    catalogue, language = _catalogue(query.version), language_of(request)
    control = catalogue.controls.get(control_id)
    if control is None:
        raise NotFoundError
    body = shapes.ControlDetailOut(
        **catalogue_control(control, language),
        rule_title=getattr(catalogue.rules[control.rule].title, language),
        version=catalogue.version,
        language=language,
        notice=shapes.NOTICE[language],
        source_titles={name: catalogue.sources[name] for name in control.source},
    )
    return tagged(request, body, language)


@router.get(
    "/practices/{practice_id}/checklist",
    response_model=shapes.ChecklistOut,
    responses=problems(NotFoundError, InvalidRequestError),
    summary="Read the checklist of a practice, down to what each point rests on",
)
async def read_checklist(
    request: Request, call: Reads, practice_id: UUID, query: Annotated[shapes.ChecklistQuery, Query()]
) -> Response:
    """Read the score and every control behind it: its state, why, until when, its points, and its proof.

    From here one walks to the heartbeat (device, sequence, time) or to the answer (author, time) behind each state. A page that
    shows no proofs asks for it in `brief`; one that shows a few points, for these with `control`.
    """
    practice = await get_practice(call, practice_id)
    session, provider_id = call.session, practice.provider_id
    posture = await posture_seen(call, practice)
    if posture is None:
        raise NotFoundError
    place = None
    if posture.score and not query.brief:  # without a score nothing was told of it yet
        place = standing(await queries.scores_of(session, provider_id), posture.score)
    facts = await facts_of(session, posture, query.trend_days, call.now, place, _extent(query))
    language = language_of(request)
    return tagged_values(request, checklist(facts, load_catalogue(), language), language)


def _extent(query: shapes.ChecklistQuery) -> queries.Extent:
    """Return how much is asked for; raises `InvalidRequestError` on a control that the catalogue does not have."""
    if any(control not in load_catalogue().controls for control in query.control):
        wrong = fault("/query/control", "no control of the catalogue", "Ce point de contrôle n'existe pas.")
        raise InvalidRequestError(errors=[wrong])
    return queries.Extent(query.brief, frozenset(query.control) if query.control else None)


@router.get("/checklist/summary", summary="Read which controls most practices fail")
async def read_checklist_summary(request: Request, call: Reads) -> shapes.ChecklistSummary:
    """Read, control by control, how many of the practices one sees are in which state; what most fail comes first.

    Which practices these are: `GET /v1/practices?control=…&state=…`.
    """
    catalogue, language = load_catalogue(), language_of(request)
    practices, counts = await tallies_of(request).of(call, queries.count_controls)
    items = [
        shapes.ControlSummary(
            control=control.id,
            rule=control.rule,
            title=getattr(control.title, language),
            kind=control.kind,
            essential=control.essential,
            practices=all_states(counts.get(control.id, {}), practices),
        )
        for control in catalogue.controls.values()
    ]
    items.sort(key=lambda item: worst_first(item.practices))
    return shapes.ChecklistSummary(
        as_of=call.now, catalogue_version=catalogue.version, language=language, practices=practices, items=items
    )
