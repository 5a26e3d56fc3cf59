"""Liveness, readiness and metrics: three questions, three answers."""

from typing import Protocol, cast

from fastapi import APIRouter, Request
from sqlalchemy import text
from starlette.responses import JSONResponse, Response

from vigie.auth.dependencies import public
from vigie.core.db import Database
from vigie.core.metrics import exposition

router = APIRouter(include_in_schema=False)


class Kit(Protocol):
    """What the application puts on `app.state.parts` for these routes."""

    database: Database
    revision: str


@router.get("/livez")
@public("a probe has no credential, and the answer says nothing")
async def live() -> Response:
    """Answer as long as this process runs; never asks the database, so that a slow one restarts nobody."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz")
@public("a probe has no credential, and the answer says nothing")
async def ready(request: Request) -> Response:
    """Answer 200 when the database is reachable and has this release's schema, or a later one (a rollout is under way)."""
    kit = cast("Kit", request.app.state.parts)
    try:
        async with kit.database.engine.connect() as connection:
            found = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
    except Exception:  # noqa: BLE001 - whatever it is, this process cannot serve
        return JSONResponse({"status": "unavailable", "reason": "database"}, 503)
    if found is None or found < kit.revision:  # revisions are dates
        return JSONResponse({"status": "unavailable", "reason": "schema"}, 503)
    return JSONResponse({"status": "ok"})


@router.get("/metrics")
@public("scraped inside the cluster; the ingress does not route it")
async def metrics() -> Response:
    """Answer the metrics of this service."""
    body, media_type = exposition()
    return Response(body, media_type=media_type)
