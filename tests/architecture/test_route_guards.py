"""A route that does not say who may call it stops the program; every route of the application says it once."""

from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from tests.conftest import settings_for
from tests.support.published import console_operations
from vigie import health
from vigie.app import create_app
from vigie.auth.dependencies import UnguardedRouteError, flatten, guards_of, public, reads, refuse_unguarded, writes
from vigie.auth.principal import Permission
from vigie.console.registry import PAGES
from vigie.openapi import agent_document
from vigie.settings import Settings

READ, WRITE = Permission.PRACTICES_READ, Permission.PRACTICES_WRITE


async def bare() -> None:
    """Say nothing about callers."""


@public("a test")
async def declared_public() -> None:
    """Be open to anybody."""


async def guarded(call: object = reads(READ)) -> None:
    """Need a scope."""


async def guarded_twice(first: object = reads(READ), second: object = writes(WRITE)) -> None:
    """Need two scopes, and so two units of work."""


@public("a test")
async def public_and_guarded(call: object = reads(READ)) -> None:
    """Contradict itself."""


async def plain(_request: Request) -> Response:
    """Be a plain handler, as the hot agent routes are."""
    return Response()


def added(endpoint: object) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.add_api_route("/thing", endpoint)  # type: ignore[arg-type]
    return app


def included(endpoint: object, levels: int = 1) -> FastAPI:
    app = FastAPI(openapi_url=None)
    router = APIRouter()
    router.add_api_route("/thing", endpoint)  # type: ignore[arg-type]
    for level in range(levels - 1):
        outer = APIRouter(prefix=f"/{level}")
        outer.include_router(router)
        router = outer
    app.include_router(router)
    return app


def mounted(handler: object) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.router.routes.append(Mount("/inner", routes=[Route("/thing", handler)]))  # type: ignore[arg-type]
    return app


@pytest.mark.parametrize("build", [added, included, lambda endpoint: included(endpoint, levels=3)])
@pytest.mark.parametrize(
    ("endpoint", "accepted"),
    [
        (guarded, True),
        (declared_public, True),
        (bare, False),
        (guarded_twice, False),
        (public_and_guarded, False),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_route_needs_exactly_one_guard_however_it_came_in(build: object, endpoint: object, *, accepted: bool) -> None:
    app = build(endpoint)  # type: ignore[operator]
    if accepted:
        refuse_unguarded(app.routes)
        return
    with pytest.raises(UnguardedRouteError, match="/thing"):
        refuse_unguarded(app.routes)


@pytest.mark.parametrize(("handler", "accepted"), [(public("a test")(Response), True), (plain, False)])
def test_a_plain_handler_below_a_mount_is_seen_too(handler: object, *, accepted: bool) -> None:
    app = mounted(handler)
    if accepted:
        refuse_unguarded(app.routes)
        return
    with pytest.raises(UnguardedRouteError, match="/thing"):
        refuse_unguarded(app.routes)


@pytest.fixture
def offline(key_file: Path) -> Settings:
    """Settings with which an application can be built; nothing here asks the database."""
    return settings_for("postgresql://nobody@127.0.0.1:1/none", key_file)


def test_one_unguarded_route_stops_the_program(offline: Settings) -> None:
    create_app(offline)
    health.router.add_api_route("/v1/forgotten", bare)
    try:
        with pytest.raises(UnguardedRouteError, match="/v1/forgotten"):
            create_app(offline)
    finally:
        health.router.routes.pop()
    create_app(offline)


def addresses(route: BaseRoute) -> set[tuple[str, str]]:
    path = getattr(route, "path", "")
    return {(method, path) for method in getattr(route, "methods", None) or () if method != "HEAD"}


# Who may call what: a new route needs its line here.
GUARDS = {
    "GET /.well-known/oauth-authorization-server": "public",
    "GET /auth/account": "public",
    "GET /auth/callback/{idp}": "public",
    "GET /auth/invitation": "public",
    "GET /auth/logged-out": "public",
    "GET /auth/login": "public",
    "GET /auth/login/{idp}": "public",
    "GET /auth/static/{name}": "public",
    "GET /docs": "public",
    "GET /livez": "public",
    "GET /metrics": "public",
    "GET /oauth/jwks": "public",
    "GET /openapi/agent.json": "public",
    "GET /openapi/console.json": "public",
    "GET /readyz": "public",
    "POST /auth/account/membership": "public",
    "POST /auth/account/sessions/{session_id}": "public",
    "POST /auth/backchannel-logout/{idp}": "public",
    "POST /auth/choose": "public",
    "POST /auth/invitation": "public",
    "POST /auth/logout": "public",
    "POST /oauth/token": "public",
    "POST /v1/agent/enrolments": "device signature",
    "POST /v1/agent/heartbeats": "device signature",
    "DELETE /v1/channels/{channel_id}": "channels:write",
    "GET /v1/channels": "channels:read",
    "GET /v1/channels/{channel_id}": "channels:read",
    "PATCH /v1/channels/{channel_id}": "channels:write",
    "POST /v1/channels": "channels:write",
    "POST /v1/channels/{channel_id}/test": "channels:write",
    "GET /v1/notifications": "channels:read",
    "DELETE /v1/clients/{client_id}": "clients:write",
    "DELETE /v1/clients/{client_id}/secrets/{secret_id}": "clients:write",
    "DELETE /v1/devices/{device_id}": "devices:write",
    "DELETE /v1/enrolment-tokens/{token_id}": "devices:write",
    "DELETE /v1/practices/{practice_id}/opening-hours": "records:write",
    "PUT /v1/practices/{practice_id}/opening-hours": "records:write",
    "GET /v1/suppliers": "records:read",
    "GET /v1/suppliers/{supplier_id}": "records:read",
    "GET /v1/suppliers/{supplier_id}/certificates": "records:read",
    "GET /v1/practices/{practice_id}/suppliers": "records:read",
    "GET /v1/practices/{practice_id}/contracts": "records:read",
    "GET /v1/practices/{practice_id}/contacts": "records:read",
    "GET /v1/practices/{practice_id}/restore-tests": "records:read",
    "POST /v1/suppliers": "records:write",
    "PATCH /v1/suppliers/{supplier_id}": "records:write",
    "POST /v1/suppliers/{supplier_id}/certificates": "records:write",
    "DELETE /v1/suppliers/{supplier_id}/certificates/{certificate_id}": "records:write",
    "POST /v1/practices/{practice_id}/suppliers": "records:write",
    "POST /v1/practices/{practice_id}/suppliers/confirm": "records:write",
    "PUT /v1/practices/{practice_id}/suppliers/{supplier_id}": "records:write",
    "DELETE /v1/practices/{practice_id}/suppliers/{supplier_id}": "records:write",
    "POST /v1/practices/{practice_id}/contracts": "records:write",
    "PATCH /v1/practices/{practice_id}/contracts/{contract_id}": "records:write",
    "DELETE /v1/practices/{practice_id}/contracts/{contract_id}": "records:write",
    "PUT /v1/practices/{practice_id}/contacts": "records:write",
    "POST /v1/practices/{practice_id}/contacts/confirm": "records:write",
    "POST /v1/practices/{practice_id}/restore-tests": "records:write",
    "GET /v1/webhook-deliveries": "webhooks:read",
    "GET /v1/webhook-endpoints": "webhooks:read",
    "GET /v1/webhook-endpoints/{endpoint_id}": "webhooks:read",
    "POST /v1/webhook-endpoints": "webhooks:write",
    "PATCH /v1/webhook-endpoints/{endpoint_id}": "webhooks:write",
    "DELETE /v1/webhook-endpoints/{endpoint_id}": "webhooks:write",
    "POST /v1/webhook-endpoints/{endpoint_id}/rotate-secret": "webhooks:write",
    "POST /v1/webhook-endpoints/{endpoint_id}/test": "webhooks:write",
    "POST /v1/webhook-deliveries/{delivery_id}/redeliver": "webhooks:write",
    "DELETE /v1/identity-providers/{identity_provider_id}": "identity:write",
    "DELETE /v1/invitations/{invitation_id}": "members:write",
    "DELETE /v1/me/sessions/{session_id}": "self",
    "DELETE /v1/members/{member_id}": "members:write",
    "DELETE /v1/practices/{practice_id}": "practices:write",
    "GET /v1/actions": "checklist:read",
    "PATCH /v1/actions/{action_id}": "checklist:answer",
    "POST /v1/attestations": "checklist:answer",
    "GET /v1/evidence/{evidence_id}": "checklist:read",
    "PUT /v1/practices/{practice_id}/checklist/{control}": "checklist:answer",
    "GET /v1/practices/{practice_id}/checklist/{control}/answers": "checklist:read",
    "GET /v1/practices/{practice_id}/evidence": "checklist:read",
    "POST /v1/practices/{practice_id}/evidence": "checklist:answer",
    "GET /v1/audit": "audit:read",
    "GET /v1/audit/export": "audit:read",
    "GET /v1/checklist/summary": "checklist:read",
    "GET /v1/clients": "clients:read",
    "GET /v1/clients/{client_id}": "clients:read",
    "GET /v1/controls": "checklist:read",
    "GET /v1/controls/{control_id}": "checklist:read",
    "GET /v1/devices": "devices:read",
    "GET /v1/devices/{device_id}": "devices:read",
    "GET /v1/devices/{device_id}/findings": "devices:read",
    "GET /v1/devices/{device_id}/presence": "devices:read",
    "GET /v1/devices/{device_id}/history": "devices:read",
    "GET /v1/devices/{device_id}/silences": "devices:read",
    "GET /v1/devices/{device_id}/sections": "devices:read",
    "DELETE /v1/exceptions/{exception_id}": "exceptions:write",
    "GET /v1/exceptions": "checklist:read",
    "POST /v1/exceptions": "exceptions:write",
    "GET /v1/policies": "policies:read",
    "POST /v1/policies/preview": "policies:write",
    "PUT /v1/policies": "policies:write",
    "GET /v1/identity-providers": "members:read",
    "GET /v1/invitations": "members:read",
    "GET /v1/incidents": "incidents:read",
    "GET /v1/practices/{practice_id}/incident-card.pdf": "records:read",
    "GET /v1/incidents/{incident_id}": "incidents:read",
    "GET /v1/incidents/{incident_id}/drafts": "incidents:read",
    "GET /v1/incidents/{incident_id}/evidence": "incidents:read",
    "POST /v1/incidents": "incidents:write",
    "POST /v1/incidents/{incident_id}/close": "incidents:write",
    "POST /v1/incidents/{incident_id}/freeze": "incidents:write",
    "POST /v1/incidents/{incident_id}/log": "incidents:write",
    "POST /v1/incidents/{incident_id}/notified": "incidents:write",
    "POST /v1/incidents/{incident_id}/steps/{step}": "incidents:write",
    "GET /v1/practices/{practice_id}/report-schedule": "reports:read",
    "GET /v1/practices/{practice_id}/report.pdf": "reports:write",
    "GET /v1/practices/{practice_id}/reports": "reports:read",
    "GET /v1/provider/logo.png": "reports:read",
    "GET /v1/report-schedule": "reports:read",
    "GET /v1/reports/{report_id}": "reports:read",
    "GET /v1/reports/{report_id}/pdf": "reports:read",
    "DELETE /v1/provider/logo.png": "provider:write",
    "POST /v1/practices/{practice_id}/reports": "reports:write",
    "PUT /v1/practices/{practice_id}/report-schedule": "reports:write",
    "PUT /v1/provider/logo.png": "provider:write",
    "PUT /v1/report-schedule": "reports:write",
    "GET /verify/static/{name}": "public",
    "GET /verify/{code}": "public",
    "POST /verify/{code}": "public",
    "GET /v1/me": "self",
    "GET /v1/me/sessions": "self",
    "GET /v1/me/views": "self",
    "GET /v1/patches": "devices:read",
    "GET /v1/patches/summary": "devices:read",
    "GET /v1/backups": "devices:read",
    "GET /v1/responsibles": "practices:read",
    "GET /v1/alerts/causes": "alerts:read",
    "GET /v1/practices.csv": "practices:read",
    "POST /v1/me/views": "self",
    "DELETE /v1/me/views/{view_id}": "self",
    "PUT /v1/practices/{practice_id}/responsible": "practices:write",
    "GET /v1/members": "members:read",
    "GET /v1/practices": "practices:read",
    "POST /v1/practices/import": "practices:write",
    "GET /v1/practices/{practice_id}": "practices:read",
    "GET /v1/practices/{practice_id}/changes": "practices:read",
    "GET /v1/practices/{practice_id}/checklist": "checklist:read",
    "GET /v1/alerts": "alerts:read",
    "GET /v1/alerts/summary": "alerts:read",
    "GET /v1/alerts/{alert_id}": "alerts:read",
    "GET /v1/alerts/{alert_id}/assignees": "alerts:read",
    "POST /v1/alerts/{alert_id}/acknowledge": "alerts:write",
    "POST /v1/alerts/{alert_id}/assign": "alerts:write",
    "POST /v1/alerts/{alert_id}/snooze": "alerts:write",
    "POST /v1/alerts/{alert_id}/resolve": "alerts:write",
    "POST /v1/alerts/{alert_id}/comment": "alerts:write",
    "GET /v1/suppressions": "alerts:read",
    "GET /v1/alerting-policy": "policies:read",
    "PUT /v1/alerting-policy": "policies:write",
    "GET /v1/alerting-policy/draft": "policies:read",
    "PUT /v1/alerting-policy/draft": "policies:write",
    "POST /v1/alerting-policy/activate": "policies:write",
    "GET /v1/alerting-policy/rehearsal": "policies:read",
    "POST /v1/alerting-policy/rehearse": "alerts:write",
    "GET /v1/maintenance-windows": "alerts:read",
    "POST /v1/maintenance-windows": "alerts:write",
    "DELETE /v1/maintenance-windows/{window_id}": "alerts:write",
    "GET /v1/events": "events:read",
    "GET /v1/events/stream": "events:read",
    "GET /v1/practices/{practice_id}/enrolment-tokens": "devices:read",
    "GET /v1/practices/{practice_id}/opening-hours": "practices:read",
    "GET /v1/practices/{practice_id}/posture": "practices:read",
    "GET /v1/practices/{practice_id}/questionnaires": "checklist:read",
    "GET /v1/practices/{practice_id}/questionnaires/{questionnaire_id}": "checklist:read",
    "GET /v1/practices/{practice_id}/questionnaires/{questionnaire_id}/content": "checklist:read",
    "GET /v1/summary": "practices:read",
    "PATCH /v1/clients/{client_id}": "clients:write",
    "PATCH /v1/devices/{device_id}": "devices:write",
    "PATCH /v1/members/{member_id}": "members:write",
    "PATCH /v1/practices/{practice_id}": "practices:write",
    "POST /v1/practices/{practice_id}/questionnaires": "questionnaires:write",
    "POST /v1/practices/{practice_id}/questionnaires/{questionnaire_id}/copy": "questionnaires:write",
    "POST /v1/practices/{practice_id}/questionnaires/{questionnaire_id}/refresh": "questionnaires:write",
    "POST /v1/practices/{practice_id}/questionnaires/{questionnaire_id}/sign": "questionnaires:sign",
    "PUT /v1/practices/{practice_id}/questionnaires/{questionnaire_id}/answers": "questionnaires:write",
    "POST /v1/clients": "clients:write",
    "POST /v1/clients/{client_id}/secrets": "clients:write",
    "POST /v1/devices/{device_id}/approve": "devices:write",
    "POST /v1/devices/{device_id}/clear-suspicion": "devices:write",
    "POST /v1/devices/{device_id}/revoke": "devices:write",
    "POST /v1/identity-providers": "identity:write",
    "POST /v1/invitations": "members:write",
    "POST /v1/me/membership": "self",
    "POST /v1/practices": "practices:write",
    "POST /v1/practices/{practice_id}/enrolment-tokens": "devices:write",
    "PUT /v1/clients/{client_id}/keys": "clients:write",
    # Pages of the console show what the API answers to the session they came with (docs/adr/0031).
    **{f"GET {path}": "public" for path, _ in PAGES},
}


def test_every_route_of_the_application_has_the_guard_it_should(offline: Settings) -> None:
    routes = flatten(create_app(offline).routes)
    found = {
        f"{method} {path}": [
            guard.partition(":")[0] if guard.startswith("public") else guard for guard in guards_of(route)
        ]
        for route in routes
        for method, path in addresses(route)
    }
    assert found == {address: [guard] for address, guard in GUARDS.items()}


def test_only_what_agents_send_is_signed_by_a_device() -> None:
    signed = {address.partition(" ")[2] for address, guard in GUARDS.items() if guard == "device signature"}
    assert signed == set(agent_document()["paths"])


# What is downloaded there is issued first: numbered, kept and noted in the audit.
ISSUES_WHAT_IT_SHOWS = "GET /v1/practices/{practice_id}/report.pdf"


def test_what_changes_something_needs_a_scope_to_write() -> None:
    wrong = {
        address: guard
        for address, guard in GUARDS.items()
        if guard.endswith(":read") != address.startswith("GET /v1/") and guard.endswith((":read", ":write"))
    }
    assert wrong == {ISSUES_WHAT_IT_SHOWS: "reports:write"}


def test_the_walk_and_the_documents_see_the_same_routes(offline: Settings) -> None:
    app = create_app(offline)
    walked = {
        address
        for route in flatten(app.routes)
        if getattr(route, "include_in_schema", False)
        for address in addresses(route)
    }
    described = {
        (method.upper(), path) for path, operations in console_operations()["paths"].items() for method in operations
    }
    assert walked == described
    assert {path for _, path in walked} == set(app.openapi()["paths"])
