"""`vigie serve`: the API."""

import argparse
import os
import socket
from typing import Any

import uvicorn
from starlette.applications import Starlette

from vigie.app import create_app
from vigie.multiprocess import bound, serve_many
from vigie.runtime import generated_key, with_database, with_sealing_key
from vigie.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take where to listen and with how many processes."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8080")))
    parser.add_argument("--workers", type=int, default=1, help="server processes on this port (default 1)")
    parser.add_argument("--beside", action="store_true", help=argparse.SUPPRESS)  # one process of several on this port


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Serve until told to stop."""
    with with_database(settings) as ready:
        keyed = _with_key(ready) if settings.database_url is None and settings.app_database_url is None else ready
        if arguments.workers > 1:
            return serve_many(keyed, arguments.host, arguments.port, arguments.workers)
        serve_on(bound(arguments.host, arguments.port, beside=arguments.beside), create_app(keyed))
    return 0


def _with_key(settings: Settings) -> Settings:
    """A single site on the embedded PostgreSQL makes its own keys; a service brings them."""
    made = {"token_key_file": settings.token_key_file or generated_key(settings.data_dir)}
    return with_sealing_key(settings.model_copy(update=made))


def serve_on(listener: socket.socket, app: Starlette) -> None:
    """Serve an application on a bound socket until told to stop."""
    Server(app).run(sockets=[listener])


class Server(uvicorn.Server):
    """A server that ends its open streams when it is told to stop; for answers under way it waits, but not for ever."""

    def __init__(self, app: Starlette, **options: Any) -> None:
        """`options`: further ones of uvicorn."""
        super().__init__(uvicorn.Config(app, **server_options(), **options))
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop. A stream has nothing to finish: its reader goes on where it was at another process."""
        await self._app.state.parts.tail.end()
        await super().shutdown(sockets)


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
