"""The command line: `vigie serve · worker · migrate · provider · member · keys · audit · posture-check · demo` and more."""

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import uvicorn
from pydantic import ValidationError
from starlette.types import ASGIApp

from vigie import cli_audit, cli_people, cli_posture, documents, worker
from vigie.app import create_app
from vigie.auth.oidc.profiles import ProfileError
from vigie.auth.principal import SCOPES, Permission
from vigie.auth.signing_keys import TokenKeyError, new_signing_key
from vigie.cli_actions import add_client, add_provider
from vigie.core.embedded import EmbeddedPostgresError
from vigie.core.logging import configure_logging
from vigie.core.migrate import migrate
from vigie.core.sealing import SealingKeyError, new_sealing_key
from vigie.demo import run_demo
from vigie.isolation import command as isolation
from vigie.multiprocess import listen, serve_many
from vigie.posture.catalogue import CatalogueError
from vigie.runtime import generated_key, generated_sealing_key, with_database, write_private
from vigie.settings import Settings
from vigie.simulator.client import SimulationError
from vigie.simulator.drive import Options, Pace, Summary, simulate

_SAID_PLAINLY = (
    *(EmbeddedPostgresError, TokenKeyError, SealingKeyError, ProfileError, LookupError, SimulationError),
    CatalogueError,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors(include_input=False):
            sys.stderr.write(f"VIGIE_{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}\n")
        return 2
    configure_logging(settings.log_level)
    try:
        return int(arguments.run(settings, arguments) or 0)
    except _SAID_PLAINLY as error:
        sys.stderr.write(f"vigie: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vigie", description="Patch, backup and checklist status of health practices."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the API")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8080")))
    serve.add_argument("--workers", type=int, default=1, help="server processes on this port (default 1)")
    serve.add_argument("--fd", type=int, help=argparse.SUPPRESS)  # a listening socket the parent process opened
    serve.set_defaults(run=_serve)

    work = commands.add_parser("worker", help="run the background jobs")
    work.add_argument("--health-port", type=int, help="answer /livez and /metrics on this port")
    work.set_defaults(run=_worker)

    commands.add_parser("migrate", help="bring the database to this release's schema").set_defaults(run=_migrate)

    provider = commands.add_parser("provider", help="manage providers").add_subparsers(required=True, metavar="ACTION")
    add = provider.add_parser("add", help="create a provider and a first partner client with every scope")
    add.add_argument("name")
    add.add_argument("--json", action="store_true", help="print the answer as JSON")
    add.set_defaults(run=_provider_add)

    client = commands.add_parser("client", help="manage partner clients").add_subparsers(
        required=True, metavar="ACTION"
    )
    new = client.add_parser("add", help="create a partner client of a provider")
    new.add_argument("provider", type=UUID)
    new.add_argument("name")
    new.add_argument("--scope", action="append", choices=sorted(SCOPES), help="repeat for several; default: all")
    new.add_argument("--json", action="store_true", help="print the answer as JSON")
    new.set_defaults(run=_client_add)

    _add_keys(commands)
    cli_people.add_commands(commands)

    simulator = commands.add_parser(
        "simulate", help="drive a simulated fleet against a running service, by its public API"
    )
    simulator.add_argument("--url", required=True)
    simulator.add_argument("--client-id", required=True)
    simulator.add_argument(
        "--client-secret", default=os.environ.get("VIGIE_CLIENT_SECRET"), help="or VIGIE_CLIENT_SECRET"
    )
    simulator.add_argument("--practices", type=int, default=10)
    simulator.add_argument("--devices", type=int, default=4, help="devices per practice (default 4)")
    simulator.add_argument("--speed", type=float, default=1.0, help="divide the server's waiting times by this")
    simulator.add_argument(
        "--rate", type=float, help="heartbeats per second of the whole fleet, instead of its cadence"
    )
    simulator.add_argument("--duration", type=float, help="seconds; default: until Ctrl-C")
    simulator.add_argument("--connections", type=int, default=64)
    simulator.add_argument("--seed", default="vigie", help="the same seed makes the same fleet")
    simulator.set_defaults(run=_simulate)

    isolation.add_commands(commands)

    show = commands.add_parser("demo", help="forty practices, a month of history, a live fleet, and this machine")
    show.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8080")))
    show.set_defaults(run=_demo)

    published = commands.add_parser("openapi", help="write the published API documents")
    published.add_argument("--check", action="store_true", help="only say what is stale")
    published.add_argument("folder", type=Path)
    published.set_defaults(run=lambda _settings, given: documents.run(given.folder, check=given.check))

    cli_audit.add_commands(commands)
    cli_posture.add_commands(commands)
    commands.add_parser("settings", help="list every setting").set_defaults(run=_settings)
    return parser


def _add_keys(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    keys = commands.add_parser("keys", help="make keys").add_subparsers(required=True, metavar="ACTION")
    signing = keys.add_parser("new", help="write a fresh key for VIGIE_TOKEN_KEY_FILE")
    sealing = keys.add_parser("new-sealing", help="write a fresh key for VIGIE_SEALING_KEY_FILE")
    for parser, make in ((signing, new_signing_key), (sealing, new_sealing_key)):
        parser.add_argument("file", type=Path)
        parser.set_defaults(run=_keys_new, make=make)


def _serve(settings: Settings, arguments: argparse.Namespace) -> int:
    with with_database(settings) as ready:
        keyed = _with_key(ready) if settings.database_url is None and settings.app_database_url is None else ready
        if arguments.workers > 1:
            return serve_many(keyed, arguments.host, arguments.port, arguments.workers)
        listener = (
            socket.socket(fileno=arguments.fd) if arguments.fd is not None else listen(arguments.host, arguments.port)
        )
        serve_on(listener, create_app(keyed))
    return 0


def _with_key(settings: Settings) -> Settings:
    """A single site on the embedded PostgreSQL makes its own keys; a service brings them."""
    made = {
        "token_key_file": settings.token_key_file or generated_key(settings.data_dir),
        "sealing_key_file": settings.sealing_key_file or generated_sealing_key(settings.data_dir),
    }
    return settings.model_copy(update=made)


def serve_on(listener: socket.socket, app: ASGIApp) -> None:
    """Serve an application on a listening socket until told to stop."""
    uvicorn.Server(uvicorn.Config(app, **server_options())).run(sockets=[listener])


def server_options() -> dict[str, Any]:
    """Return the options every server process runs with."""
    return {
        "loop": "uvloop",
        "http": "httptools",
        "log_config": None,
        "access_log": False,
        "backlog": 4096,
        "timeout_graceful_shutdown": 25,
        "server_header": False,
        "date_header": False,
        "proxy_headers": False,
    }


def _worker(settings: Settings, arguments: argparse.Namespace) -> int:
    with with_database(settings) as ready:
        asyncio.run(worker.run(ready, arguments.health_port))
    return 0


def _migrate(settings: Settings, _arguments: argparse.Namespace) -> int:
    if settings.database_url is None:
        with with_database(settings):
            return 0
    migrate(settings.database_url.get_secret_value())
    return 0


def _provider_add(settings: Settings, arguments: argparse.Namespace) -> int:
    with with_database(settings) as ready:
        found = asyncio.run(add_provider(ready, arguments.name))
    _print(found, as_json=arguments.json)
    return 0


def _client_add(settings: Settings, arguments: argparse.Namespace) -> int:
    scopes = frozenset(map(Permission, arguments.scope)) if arguments.scope else SCOPES
    with with_database(settings) as ready:
        found = asyncio.run(add_client(ready, arguments.provider, arguments.name, scopes))
    _print(found, as_json=arguments.json)
    return 0


def _print(found: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(orjson.dumps(found).decode() + "\n")
        return
    for name, value in found.items():
        sys.stdout.write(f"{name:14} {value}\n")
    sys.stdout.write("The secret is shown this once and stored only as a hash.\n")


def _keys_new(_settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.file.exists():
        raise LookupError(f"{arguments.file} exists: a key in use is not overwritten")
    write_private(arguments.file, arguments.make())
    return 0


def _simulate(_settings: Settings, arguments: argparse.Namespace) -> int:
    if not arguments.client_secret:
        raise LookupError("--client-secret or VIGIE_CLIENT_SECRET is needed")
    options = Options(
        url=arguments.url,
        client_id=arguments.client_id,
        client_secret=arguments.client_secret,
        practices=arguments.practices,
        devices=arguments.devices,
        pace=Pace(arguments.speed, arguments.rate, arguments.duration, arguments.connections),
        seed=arguments.seed,
    )
    summary = asyncio.run(_simulate_until_told(options))
    sys.stdout.write(
        f"{summary.practices} practices, {summary.devices} devices: {summary.acknowledged} heartbeats acknowledged in "
        f"{summary.seconds:.1f} s, {summary.resyncs} resyncs, {summary.unreachable} unreachable, "
        f"refused {dict(summary.refused) or 'none'}\n"
    )
    return 0


async def _simulate_until_told(options: Options) -> Summary:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await simulate(options, stop=stop)


def _demo(settings: Settings, arguments: argparse.Namespace) -> int:
    return run_demo(settings, arguments.port)


def _settings(_settings: Settings, _arguments: argparse.Namespace) -> int:
    for name, field in Settings.model_fields.items():
        default = "" if field.is_required() or field.default is None else f" (default {field.default})"
        sys.stdout.write(f"VIGIE_{name.upper()}{default}\n    {field.description}\n")
    return 0
