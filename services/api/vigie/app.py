"""The HTTP application: everything is chosen and wired here, nothing at import."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from fastapi import FastAPI
from starlette.middleware import Middleware

from vigie import health
from vigie.alerts import channel_routes
from vigie.alerts import routes as alert_routes
from vigie.alerts.wording import Describe
from vigie.auth import routes as auth_routes
from vigie.auth.clients import Clients
from vigie.auth.dependencies import refuse_unguarded
from vigie.auth.oidc.profiles import ProfileError
from vigie.auth.oidc.profiles_file import load_identity_providers
from vigie.auth.refusals import Refusals
from vigie.auth.sessions import Sessions
from vigie.auth.signing_keys import SigningKeys, load_signing_keys
from vigie.auth.token_endpoint import TokenEndpoint
from vigie.auth.tokens import Tokens
from vigie.checklist import questionnaire_routes, record_routes, supplier_routes
from vigie.checklist import routes as answer_routes
from vigie.console.registry import PAGES
from vigie.console.view import refusal_page
from vigie.core import middleware
from vigie.core.batch import Form
from vigie.core.client_address import Network
from vigie.core.clock import Clock, SystemClock
from vigie.core.collector import calm_the_collector
from vigie.core.db import Database, Role, connect, role_url
from vigie.core.errors import install_error_handlers
from vigie.core.invalidation import Listener
from vigie.core.migrate import head_revision
from vigie.core.outbound import Outbound, Reach
from vigie.core.rate_limit import QuotaHeaders, RateLimits
from vigie.core.route_index import index_routes
from vigie.core.sealing import load_sealer
from vigie.devices import agent_routes
from vigie.devices import routes as device_routes
from vigie.devices.agent_requests import Addresses
from vigie.devices.directory import Directory
from vigie.devices.errors import AgentBodyTooLargeError
from vigie.devices.intake import Intake
from vigie.devices.refusals import RefusalNotes
from vigie.devices.writing import HeartbeatWriter
from vigie.events.tail import Tail
from vigie.incidents import routes as incidents_routes
from vigie.incidents.catalogue import load_steps
from vigie.openapi import describe
from vigie.overview import (
    audit_routes,
    checklist_routes,
    event_routes,
    exception_routes,
    fleet_routes,
    gap_routes,
    import_routes,
    incident_routes,
    maintenance_routes,
    opening_hours_routes,
    policy_routes,
    report_routes,
)
from vigie.overview import routes as overview_routes
from vigie.overview.describing import describe as describe_control
from vigie.overview.tallies import Tallies
from vigie.people import client_routes, issuer_routes, me_routes
from vigie.people import routes as people_routes
from vigie.people.account_routes import ACCOUNT_PAGES
from vigie.people.auth_routes import SIGN_IN_PAGES
from vigie.people.kit import Door, People, build_people
from vigie.posture.assessment import Assessor
from vigie.posture.catalogue.questionnaires import load_questionnaires
from vigie.reports import routes as issued_routes
from vigie.reports.pages import VERIFICATION_PAGES
from vigie.settings import Settings
from vigie.webhooks import routes as webhook_routes
from vigie.webhooks.kit import Webhooks

HEARTBEATS = "/v1/agent/heartbeats"
_ROUTES = (
    fleet_routes,
    gap_routes,
    import_routes,
    overview_routes,
    channel_routes,
    checklist_routes,
    audit_routes,
    opening_hours_routes,
    policy_routes,
    exception_routes,
    event_routes,
    webhook_routes,
    alert_routes,
    maintenance_routes,
    device_routes,
    questionnaire_routes,
    answer_routes,
    supplier_routes,
    record_routes,
    incidents_routes,
    incident_routes,
    report_routes,
    issued_routes,
    people_routes,
    me_routes,
    issuer_routes,
    client_routes,
    auth_routes,
    health,
)
_SIGN_IN_CONNECTIONS = 2
_YOUNG = 10_000  # objects: looking through them took 3 to 7 ms of a crowded machine


@dataclass(slots=True)
class Parts:
    """What requests find on `app.state.parts`."""

    clock: Clock
    database: Database
    tokens: Tokens
    token_endpoint: TokenEndpoint
    refusals: Refusals
    limits: RateLimits
    clients: Clients
    sessions: Sessions
    public_url: str
    trusted_proxies: Sequence[Network]
    assessor: Assessor
    addresses: Addresses
    directory: Directory
    intake: Intake
    refusal_notes: RefusalNotes
    listener: Listener
    revision: str
    people: People
    tail: Tail
    webhooks: Webhooks
    describe: Describe
    tallies: Tallies


def connector(settings: Settings, role: Role) -> Callable[[], Awaitable[asyncpg.Connection]]:
    """Return a function that opens a connection for set-based SQL under a role."""
    url, server_settings = role_url(settings, role)

    async def open_connection() -> asyncpg.Connection:
        return await connect(url, server_settings)

    return open_connection


def door_of(settings: Settings, outbound: Outbound | None = None) -> Door:
    """Return what the operator decided about signing in; raises `ProfileError` and `SealingKeyError`."""
    operators = load_identity_providers(settings.identity_providers_file)
    sealer = load_sealer(settings.sealing_key_file)
    if sealer is None and operators:
        raise ProfileError("identity providers need VIGIE_SEALING_KEY_FILE; `vigie keys new-sealing FILE` makes a key")
    return Door(
        public_url=settings.public_url,
        operators=operators,
        sealer=sealer,
        outbound=outbound or Outbound(ca_file=settings.outbound_ca_file),
    )


def webhooks_kit(settings: Settings) -> Webhooks:
    """Return what the operator decided about webhooks; raises `SealingKeyError`."""
    return Webhooks(load_sealer(settings.sealing_key_file), Reach(settings.webhook_reach))


def build_parts(settings: Settings, clock: Clock, outbound: Outbound | None = None) -> Parts:
    """Build what the application is made of; opens no connection yet."""
    form: Form = "citus" if settings.database_form == "citus" else "postgresql"
    url, server_settings = role_url(settings, "vigie_app")
    database = Database(url, server_settings, settings.pool_size)
    assessor = Assessor(form)
    load_questionnaires()  # a broken edition stops the program, not the first who opens a questionnaire
    load_steps()  # nor the first who declares an incident
    as_intake = connector(settings, "vigie_intake")
    clients, sessions = Clients(database, time.monotonic), Sessions(database, time.monotonic)
    directory = Directory(as_intake, form, time.monotonic)
    listener = Listener(url, server_settings)
    listener.subscribe("device", directory.on_change, directory.on_hearing)
    listener.subscribe("client", clients.on_change, clients.on_hearing)
    listener.subscribe("session", sessions.on_change, sessions.on_hearing)
    signin = Database(*role_url(settings, "vigie_signin"), pool_size=_SIGN_IN_CONNECTIONS)
    people = build_people(door_of(settings, outbound), database, signin, clock)
    tokens = Tokens(keys_of(settings), settings.public_url, settings.token_lifetime_s)
    return Parts(
        clock=clock,
        database=database,
        tokens=tokens,
        token_endpoint=TokenEndpoint(clients, tokens, people.used_once),
        refusals=Refusals(database, time.monotonic),
        limits=RateLimits(quotas_of(settings), time.monotonic),
        clients=clients,
        sessions=sessions,
        public_url=settings.public_url,
        trusted_proxies=settings.trusted_proxies,
        assessor=assessor,
        addresses=Addresses((settings.public_url, *settings.agent_urls)),
        directory=directory,
        intake=Intake(
            as_intake,
            HeartbeatWriter(form, assessor),
            batch=settings.intake_batch,
            queue=settings.intake_queue,
            flushers=settings.intake_connections,
        ),
        refusal_notes=RefusalNotes(database),
        listener=listener,
        revision=head_revision(),
        people=people,
        tail=Tail(database),
        webhooks=webhooks_kit(settings),
        describe=describe_control,
        tallies=Tallies(time.monotonic),
    )


def keys_of(settings: Settings) -> SigningKeys:
    """Read the keys of access tokens; raises `TokenKeyError`."""
    return load_signing_keys(settings.token_key_file, settings.token_key_previous_files)


def quotas_of(settings: Settings) -> dict[str, str]:
    """Return the quotas of requests by the name that callers read in the headers."""
    return {
        "token-client": settings.limit_token_client,
        "token-address": settings.limit_token_address,
        "sign-in-address": settings.limit_sign_in_address,
        "read": settings.limit_read,
        "read-provider": settings.limit_read_provider,
        "write": settings.limit_write,
        "write-provider": settings.limit_write_provider,
    }


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    calm_the_collector(_YOUNG)
    parts.listener.start()
    parts.intake.start()
    try:
        yield
    finally:
        await parts.intake.stop()
        await parts.listener.stop()
        await parts.directory.close()
        await parts.people.doorstep.close()
        await parts.database.close()


def create_app(settings: Settings, *, clock: Clock | None = None, outbound: Outbound | None = None) -> FastAPI:
    """Build the application; raises `UnguardedRouteError` when a route does not say who may call it.

    `outbound`: what calls identity providers, when it is not the real thing.
    """
    app = FastAPI(
        title="Vigie",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
        },  # ours are in core/metrics.py; asking costs 30 µs
        lifespan=_running,
        middleware=[
            Middleware(middleware.Observe),
            Middleware(
                middleware.SecureHeaders, https=settings.public_url.startswith("https://"), except_below="/v1/agent/"
            ),
            Middleware(
                middleware.BodyLimit, refusals={"/v1/agent/": AgentBodyTooLargeError}, own_limits=("/evidence",)
            ),
            Middleware(middleware.Shortcut, handlers={("POST", HEARTBEATS): agent_routes.post_heartbeat}),
            Middleware(QuotaHeaders),
            Middleware(middleware.Within),
        ],
    )
    app.state.parts = build_parts(settings, clock or SystemClock(), outbound)
    install_routes(app)
    install_error_handlers(app, refusal_page)
    refuse_unguarded(app.routes)
    return app


def install_routes(app: FastAPI) -> None:
    """Add every route; the two agent routes are plain handlers (56 µs of framework instead of 300)."""
    app.add_route(HEARTBEATS, agent_routes.post_heartbeat, methods=["POST"], include_in_schema=False)
    app.add_route("/v1/agent/enrolments", agent_routes.post_enrolment, methods=["POST"], include_in_schema=False)
    for routes in _ROUTES:
        # Their own routes, not `include_router`: it makes each anew for this application at its first request (half a second
        # of processor time), and asks every router in turn for each request.
        app.router.routes.extend(routes.router.routes)
    for path, handler, method in (*SIGN_IN_PAGES, *ACCOUNT_PAGES, *VERIFICATION_PAGES):
        app.add_route(path, handler, methods=[method], include_in_schema=False)
    for path, shown in PAGES:
        app.add_route(path, shown, methods=["GET"], include_in_schema=False)
    describe(app)
    index_routes(app.router)
