"""The worker: the list of background jobs, and the loop that runs them until it is told to stop."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn import Config, Server

from vigie.alerts.daily import Daily
from vigie.alerts.delivery import Delivery
from vigie.alerts.follow import LAG, Follower
from vigie.alerts.mail import MailServer
from vigie.alerts.sending import Post
from vigie.checklist.sweep import ChecklistSweep
from vigie.core.batch import Form
from vigie.core.clock import Clock, SystemClock
from vigie.core.collector import calm_the_collector
from vigie.core.db import Database, connect, role_url
from vigie.core.jobs import Job, run_jobs
from vigie.core.metrics import exposition
from vigie.core.outbound import Outbound, Reach
from vigie.core.sealing import load_sealer
from vigie.devices.reassessment import Reassessment
from vigie.devices.sweep import Sweep
from vigie.overview.describing import describe
from vigie.overview.opening_check import reasons_against
from vigie.overview.reporting import gather
from vigie.posture.assessment import Assessor
from vigie.reports.issuing import House
from vigie.reports.monthly import JOB as REPORTS
from vigie.reports.monthly import Monthly
from vigie.retention import JOB as RETENTION
from vigie.retention import Retention
from vigie.settings import Settings
from vigie.webhooks.book import Book
from vigie.webhooks.collecting import COLLECT, FORGET, Collector, forget
from vigie.webhooks.delivery import JOB as DELIVER
from vigie.webhooks.delivery import Deliverer

Open = Callable[[], contextlib.AbstractAsyncContextManager[asyncpg.Connection]]
_MONTHS_AHEAD = 3
_WEBHOOK_CONNECTIONS = 4
log = logging.getLogger(__name__)


def jobs_of(open_connection: Open, database: Database, clock: Clock, form: Form) -> list[Job]:
    """Return the worker's jobs. `database`: for those that work inside one provider at a time."""
    sweep = Sweep(form, Assessor(form))
    reassessment = Reassessment(Assessor(form), database)
    checklist = ChecklistSweep(database, Assessor(form))
    follower = Follower(form, lag=LAG)

    async def sweep_devices() -> None:
        async with open_connection() as connection:
            await sweep.run(connection, clock.now())

    async def reassess() -> None:
        async with open_connection() as connection:
            await reassessment.run(connection, clock.now())

    async def sweep_checklists() -> None:
        async with open_connection() as connection:
            await checklist.run(connection, clock.now())

    async def follow_alerts() -> None:
        async with open_connection() as connection:
            await follower.run(connection, clock.now())

    async def make_partitions() -> None:
        async with open_connection() as connection:
            await ensure_partitions(connection, clock)

    return [
        Job("devices.sweep", 5, sweep_devices),
        Job("devices.reassess", 1, reassess),
        Job("checklist.sweep", 10, sweep_checklists),
        Job("alerts.follow", 1, follow_alerts),
        Job("history.partitions", 6 * 3600, make_partitions),
    ]


def webhook_jobs(
    settings: Settings, open_connection: Open, database: Database, clock: Clock, form: Form
) -> tuple[list[Job], Deliverer | None]:
    """Return the jobs of webhooks, and what is to be closed after them; none where no sealing key is set up."""
    sealer = load_sealer(settings.sealing_key_file)
    if sealer is None:
        log.info("no webhooks are sent: VIGIE_SEALING_KEY_FILE is not set")
        return [], None
    opened = _at_most(open_connection, _WEBHOOK_CONNECTIONS)
    collector = Collector(opened, form)
    outbound = Outbound(ca_file=settings.outbound_ca_file)
    reach = Reach(settings.webhook_reach)
    deliverer = Deliverer(opened, Book(opened, database, form), outbound, sealer, reach, clock)

    async def collect() -> None:
        await collector.run(clock.now())

    async def forget_old() -> None:
        async with opened() as connection:
            await forget(connection, clock.now())

    jobs = [
        Job(COLLECT, 0.5, collect),
        Job(DELIVER, 0.25, deliverer.tick),
        Job(FORGET, 3600, forget_old),
    ]
    return jobs, deliverer


def _at_most(open_connection: Open, most: int) -> Open:
    """Give so many connections at once and no more."""
    places = asyncio.Semaphore(most)

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[asyncpg.Connection]:
        async with places, open_connection() as connection:
            yield connection

    return opened


async def ensure_partitions(connection: asyncpg.Connection, clock: Clock, months_back: int = 0) -> int:
    """Create the monthly partitions of the history from `months_back` to three months ahead; return how many were missing."""
    first = clock.now().date().replace(day=1)
    for _ in range(months_back):
        first = (first - timedelta(days=1)).replace(day=1)
    made = 0
    for _ in range(months_back + 1 + _MONTHS_AHEAD):
        made += bool(await connection.fetchval("SELECT ensure_section_history($1)", first))
        first = (first + timedelta(days=32)).replace(day=1)
    return made


def notification_jobs(open_connection: Open, database: Database, clock: Clock, delivery: Delivery) -> list[Job]:
    """Return the jobs that write daily messages and send all."""
    daily = Daily(database, reasons_against)

    async def write_daily() -> None:
        async with open_connection() as connection:
            await daily.run(connection, clock.now())

    async def deliver() -> None:
        async with open_connection() as connection:
            await delivery.run(connection)

    return [Job("alerts.daily", 10, write_daily), Job("alerts.deliver", 1, deliver)]


def report_job(open_connection: Open, database: Database, clock: Clock, public_url: str) -> Job:
    """Return the job that makes the reports of a month by themselves."""
    monthly = Monthly(database, House(gather, public_url))

    async def make() -> None:
        async with open_connection() as connection:
            await monthly.run(connection, clock.now())

    return Job(REPORTS, 30, make)


def retention_job(settings: Settings, open_connection: Open, database: Database, clock: Clock) -> Job:
    """Return the job that forgets what is kept long enough: it looks every few minutes, at each provider once a day."""
    retention = Retention(
        database,
        {
            "presence": settings.retention_presence_months,
            "backup_runs": settings.retention_backup_runs_months,
            "history": settings.retention_history_months,
            "events": settings.retention_events_months,
            "alerts": settings.retention_alerts_months,
            "access": settings.retention_access_months,
        },
    )

    async def forget_old() -> int:
        async with open_connection() as connection:
            return await retention.run(connection, clock.now())

    return Job(RETENTION, 300, forget_old)


def post_of(settings: Settings) -> Post:
    """Return what notifications are sent with; raises `SealingKeyError` when the key cannot be read."""
    server = None
    if settings.smtp_host is not None:
        server = MailServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            tls=settings.smtp_tls,
            user=settings.smtp_user,
            password=settings.smtp_password.get_secret_value() if settings.smtp_password is not None else None,
            sender=settings.smtp_sender,
            ca_file=settings.outbound_ca_file,
        )
    return Post(
        outbound=Outbound(ca_file=settings.outbound_ca_file),
        reach=Reach(settings.webhook_reach),
        mail_server=server,
        sealer=load_sealer(settings.sealing_key_file),
        public_url=settings.public_url,
        describe=describe,
    )


def opener(settings: Settings) -> Open:
    """Return a function that gives a job a connection as `vigie_worker`, kept open between runs while it lasts."""
    url, server_settings = role_url(settings, "vigie_worker")
    idle: list[asyncpg.Connection] = []

    @contextlib.asynccontextmanager
    async def open_connection() -> AsyncIterator[asyncpg.Connection]:
        connection = idle.pop() if idle else await connect(url, server_settings)
        try:
            yield connection
        except BaseException:
            connection.terminate()
            raise
        if not connection.is_closed():
            idle.append(connection)

    return open_connection


async def _probe(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _metrics(_request: Request) -> Response:
    body, media_type = exposition()
    return Response(body, media_type=media_type)


async def run(settings: Settings, health_port: int | None = None, *, clock: Clock | None = None) -> None:
    """Run the jobs until SIGTERM or SIGINT; answers `/livez` and `/metrics` on `health_port` if given."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    form: Form = "citus" if settings.database_form == "citus" else "postgresql"
    database = Database(*role_url(settings, "vigie_worker"), pool_size=2)
    clock = clock or SystemClock()
    open_connection = opener(settings)
    jobs = jobs_of(open_connection, database, clock, form)
    sending, deliverer = webhook_jobs(settings, open_connection, database, clock, form)
    jobs += sending
    delivery = Delivery(database, post_of(settings), clock)
    jobs += notification_jobs(open_connection, database, clock, delivery)
    jobs.append(report_job(open_connection, database, clock, settings.public_url))
    jobs.append(retention_job(settings, open_connection, database, clock))
    server: Server | None = None
    serving: asyncio.Task[None] | None = None
    if health_port is not None:
        routes = [Route("/livez", _probe), Route("/metrics", _metrics)]
        server = _QuietServer(Config(Starlette(routes=routes), host="0.0.0.0", port=health_port, log_config=None))  # noqa: S104 - a probe port inside the pod
        serving = asyncio.create_task(server.serve())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    calm_the_collector()
    await run_jobs(jobs, stop)
    await delivery.finish()
    if deliverer is not None:
        await deliverer.close()
    await database.close()
    if server is not None and serving is not None:
        server.should_exit = True
        await serving


class _QuietServer(Server):
    """A server that leaves the signals to the worker."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: the worker handles SIGTERM itself."""
        yield
