"""A second, independent identity provider: Canaille, as pytest-iam starts it, in a process of its own.

`python -m tests.support.staff_directory` reads one line of JSON (`clients`, `people`), prints one line when it is ready and
ends when its standard input closes. It is a process because the library changes this one's environment and warnings.
"""

import json
import os
import secrets
import sys
import threading
from datetime import UTC, datetime
from typing import Any

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain http on loopback; read when the library is imported

from canaille import create_app  # type: ignore[import-untyped]
from canaille.app import models  # type: ignore[import-untyped]
from canaille.backends import Backend  # type: ignore[import-untyped]
from joserfc.jwk import JWKRegistry
from pytest_iam import Server

from tests.support.service import free_port


def configuration(port: int, secret: str) -> dict[str, Any]:
    """Return the settings: accounts in memory, everybody may sign in, nobody may register."""
    key = JWKRegistry.generate_key("RSA", 2048)
    key.ensure_kid()
    return {
        "ENV_FILE": None,
        "SECRET_KEY": secret,
        "SERVER_NAME": f"localhost:{port}",
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {
            "DATABASE": "memory",
            "JAVASCRIPT": False,
            "ACL": {"DEFAULT": {"PERMISSIONS": ["use_oidc"]}},
            "LOGGING": {"version": 1, "disable_existing_loggers": False},
        },
        "CANAILLE_OIDC": {"ACTIVE_JWKS": [key.as_dict(private=True)]},
    }


def fill(server: Server, clients: list[dict[str, Any]], people: list[dict[str, Any]]) -> None:
    """Register the clients and the people."""
    with server.app.app_context():
        for person in people:
            server.backend.save(models.User(**person))
        for client in clients:
            registered = models.Client(client_id_issued_at=datetime.now(UTC), **client)
            server.backend.save(registered)
            registered.audience = [registered]
            server.backend.save(registered)


def main() -> None:
    """Serve until standard input ends."""
    wanted = json.loads(sys.stdin.readline())
    port = free_port()
    app = create_app(config=configuration(port, secrets.token_hex(32)), env_file="", env_prefix="NONE_")
    server = Server(app, port, Backend.instance)
    fill(server, wanted["clients"], wanted["people"])
    threading.Thread(target=server.httpd.serve_forever, daemon=True).start()
    print(json.dumps({"issuer": server.url.rstrip("/")}), flush=True)  # noqa: T201 - that is how we are heard
    sys.stdin.read()


if __name__ == "__main__":
    main()
