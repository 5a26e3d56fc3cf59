"""T1, T2: the token endpoint when two hundred partner clients come at once, with secrets and with signed assertions."""

import asyncio
import time
import uuid
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from bench.client import Outcome, request, send
from bench.report import Figure, median
from bench.service import Bed, Process
from vigie.auth.identifiers import new_client_id, new_client_secret
from vigie.auth.principal import SCOPES
from vigie.cli_actions import add_provider
from vigie.core.crypto import hash_secret
from vigie.core.db import connect

CLIENTS = 200
EACH = 5
RUNS = 3
OPEN = {"limit_token_client": "1000000/second", "limit_token_address": "1000000/second"}
"""Settings of the service: what is measured is the endpoint, not its quotas."""
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFE_S = 280


@dataclass(frozen=True)
class Partners:
    """Clients with a secret each, and one key pair they all sign with."""

    clients: list[tuple[str, str]]
    key: RSAPrivateKey


def tokens(bed: Bed, service: Process) -> list[Figure]:
    """Measure both ways, in turns: each client sends its requests one after the other, all clients at once."""
    partners = asyncio.run(_fill(bed, service))
    _run(service, _with_secrets(service, partners))  # warms up
    secret, signed = [], []
    for _ in range(RUNS):
        secret.append(_run(service, _with_secrets(service, partners)))
        signed.append(_run(service, _with_assertions(service, partners)))
    return [
        *_figures("T1", "access tokens by client secret", 200, secret),
        *_figures("T2", "access tokens by signed assertion", 100, signed),
    ]


def _figures(key: str, what: str, goal: float, runs: list[Outcome]) -> list[Figure]:
    rates = [run.rate for run in runs]
    p95 = [run.quantile(0.95) for run in runs]
    others = [float(sum(run.statuses.values()) - run.statuses[200] + run.failures) for run in runs]
    asked = f"{CLIENTS} clients at once"
    return [
        Figure(key, f"{what}, {asked}", median(rates), goal, "/s", "more", rates),
        Figure(f"{key}b", "the same: p95", median(p95), CLIENTS / goal * 1500, "ms", "less", p95),
        Figure(f"{key}c", "the same: answers other than 200", max(others), 0, "", "less", others),
    ]


def _run(service: Process, connections: list[list[bytes]]) -> Outcome:
    return send("127.0.0.1", service.port, connections)


def _with_secrets(service: Process, partners: Partners) -> list[list[bytes]]:
    found = []
    for client_id, secret in partners.clients:
        basic = b64encode(f"{client_id}:{secret}".encode()).decode()
        headers = {**_FORM, "Authorization": f"Basic {basic}"}
        found.append([request("POST", "/oauth/token", service.host, headers, b"grant_type=client_credentials")] * EACH)
    return found


def _with_assertions(service: Process, partners: Partners) -> list[list[bytes]]:
    """Sign every assertion before the clock starts: that is the partner's work, not the service's."""
    now = int(time.time())
    return [
        [
            request("POST", "/oauth/token", service.host, _FORM, _assertion(service, partners.key, client_id, now))
            for _ in range(EACH)
        ]
        for client_id, _ in partners.clients
    ]


def _assertion(service: Process, key: RSAPrivateKey, client_id: str, now: int) -> bytes:
    claims = {"iss": client_id, "sub": client_id, "aud": service.settings.public_url, "jti": uuid.uuid4().hex}
    signed = jwt.encode({**claims, "iat": now, "exp": now + _LIFE_S}, key, "RS256", {"kid": "k1"})
    form = {"grant_type": "client_credentials", "client_assertion_type": _ASSERTION, "client_assertion": signed}
    return urlencode(form).encode()


async def _fill(bed: Bed, service: Process) -> Partners:
    """Write the clients as the API would leave them."""
    made, now = await add_provider(service.settings, "Partners"), datetime.now(UTC)
    provider_id, key = UUID(made["provider_id"]), generate_private_key(public_exponent=65537, key_size=2048)
    clients = [(new_client_id(provider_id), new_client_secret()) for _ in range(CLIENTS)]
    jwk: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    stored = {"kty": "RSA", "n": jwk["n"], "e": jwk["e"], "kid": "k1"}
    connection = await connect(bed.url, {"application_name": "bench"})
    try:
        await _copy(
            connection,
            "partner_client",
            (
                "client_id",
                "provider_id",
                "name",
                "auth_method",
                "scopes",
                "limited",
                "generation",
                "created_at",
                "created_by",
            ),
            [
                (one, provider_id, f"Partner {n}", "client_secret", sorted(SCOPES), False, 1, now, "bench")
                for n, (one, _) in enumerate(clients)
            ],
        )
        await _copy(
            connection,
            "partner_secret",
            ("provider_id", "client_id", "id", "secret_hash", "created_at"),
            [(provider_id, one, uuid.uuid4(), hash_secret(secret), now) for one, secret in clients],
        )
        await _copy(
            connection,
            "partner_key",
            ("provider_id", "client_id", "kid", "jwk", "created_at"),
            [(provider_id, one, "k1", stored, now) for one, _ in clients],
        )
    finally:
        await connection.close()
    return Partners(clients, key)


async def _copy(connection: Any, table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    await connection.copy_records_to_table(table, records=rows, columns=columns)
