"""Every route, every caller: the isolation matrix is the security review.

One table says what each operation answers to the provider it belongs to; everybody else gets what the rules at the top of
`vigie.auth.dependencies` say. A route that is not in the table fails the test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from tests.support.agent import Agent, healthy
from tests.support.cast import Caller, Cast
from tests.support.refusals import refusal
from tests.support.rows import Holdings, holdings
from vigie.auth.principal import SCOPES, Permission
from vigie.core.db import Database
from vigie.openapi import console_document

Operation = tuple[str, str]


@dataclass(frozen=True)
class Row:
    """What an operation on an object of Atlas answers: to Pia of Atlas, and to Bela of Borea."""

    scope: Permission | None  # None: everybody who is signed in
    pia: int
    bela: Literal[404, "her own"] = 404
    body: Mapping[str, Any] | None = None


R, W, D, DW = Permission.PRACTICES_READ, Permission.PRACTICES_WRITE, Permission.DEVICES_READ, Permission.DEVICES_WRITE
PRACTICE, DEVICE = "/v1/practices/{practice_id}", "/v1/devices/{device_id}"
MATRIX: dict[Operation, Row] = {
    ("GET", "/v1/me"): Row(None, 200, "her own"),
    ("GET", "/v1/audit"): Row(Permission.AUDIT_READ, 403, "her own"),  # no partner client has that permission
    ("GET", "/v1/audit/export"): Row(Permission.AUDIT_READ, 403, "her own"),
    ("GET", "/v1/summary"): Row(R, 200, "her own"),
    ("GET", "/v1/practices"): Row(R, 200, "her own"),
    ("POST", "/v1/practices"): Row(W, 201, "her own", {"name": "Ash", "profession": "nurse", "external_ref": "A-1"}),
    ("GET", PRACTICE): Row(R, 200),
    ("PATCH", PRACTICE): Row(W, 200, body={"name": "Cedar and sons"}),
    ("DELETE", PRACTICE): Row(W, 204),
    ("GET", PRACTICE + "/posture"): Row(R, 200),
    ("GET", PRACTICE + "/changes"): Row(R, 200),
    ("GET", PRACTICE + "/enrolment-tokens"): Row(D, 200),
    ("POST", PRACTICE + "/enrolment-tokens"): Row(DW, 201, body={"label": "x"}),
    ("DELETE", "/v1/enrolment-tokens/{token_id}"): Row(DW, 204),
    ("GET", "/v1/devices"): Row(D, 200, "her own"),
    ("GET", DEVICE): Row(D, 200),
    ("PATCH", DEVICE): Row(DW, 200, body={"alias": "radio-1"}),
    ("DELETE", DEVICE): Row(DW, 204),
    ("POST", DEVICE + "/approve"): Row(DW, 200),
    ("POST", DEVICE + "/revoke"): Row(DW, 200),
    ("GET", DEVICE + "/sections"): Row(D, 200),
    ("GET", DEVICE + "/findings"): Row(D, 200),
    ("GET", DEVICE + "/presence"): Row(D, 200),
}
PUBLIC: dict[Operation, str] = {
    ("POST", "/oauth/token"): "clients authenticate there; tests/api/test_tokens.py",
}


@dataclass
class Atlas:
    """Objects of Atlas to aim at: a practice with history, a device that reported, one that waits, a token."""

    cast: Cast
    device: Agent
    pending: Agent
    token_id: str
    rows: Holdings = field(default_factory=dict)

    def path(self, operation: Operation) -> str:
        """Return the path of an operation on these objects."""
        device = self.pending if operation[1].endswith("/approve") else self.device
        names = {"practice_id": self.cast.cedar, "device_id": device.device_id, "token_id": self.token_id}
        return operation[1].format(**names)

    def secrets(self) -> set[str]:
        """Return what must not appear in an answer to a stranger: ids, names, references."""
        ids = {str(value) for rows in self.rows.values() for row in rows for value in row.values() if _is_id(value)}
        return ids | {self.cast.pia.client_id, "Cedar", "Elm", "Lyon", "accueil-atlas"}


def _is_id(value: object) -> bool:
    return isinstance(value, UUID)


@pytest.fixture
async def atlas(cast: Cast, database: Database) -> Atlas:
    """Return the objects to aim at; Borea has a furnished practice too."""
    device = await cast.device(alias="accueil-atlas")
    await device.report(healthy(cast.clock.now()))
    pending = cast.agent()
    await pending.enrol(await cast.pia.enrolment_token(cast.cedar, needs_approval=True))
    await (await cast.device(cast.fir, cast.bela)).report(healthy(cast.clock.now()))
    tokens = await cast.pia.get(f"/v1/practices/{cast.cedar}/enrolment-tokens")
    return Atlas(cast, device, pending, tokens["items"][0]["id"], await holdings(database, cast.pia.provider_id))


async def call(caller: Caller | httpx.AsyncClient, atlas: Atlas, operation: Operation, row: Row) -> httpx.Response:
    """Call an operation, as somebody or as nobody."""
    method, path = operation[0], atlas.path(operation)
    if isinstance(caller, Caller):
        return await caller.call(method, path, json=row.body)
    return await caller.request(method, path, json=row.body)


def test_every_operation_is_in_the_matrix(app: FastAPI) -> None:
    document = console_document(app)
    operations = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert operations == MATRIX.keys() | PUBLIC.keys()


@pytest.mark.parametrize(
    ("operation", "row"), MATRIX.items(), ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
async def test_each_caller_gets_what_the_matrix_says(
    atlas: Atlas, database: Database, operation: Operation, row: Row
) -> None:
    cast = atlas.cast
    nobody = await call(cast.http, atlas, operation, row)
    narrow = await call(await cast.client(cast.pia, *(SCOPES - {row.scope})), atlas, operation, row)
    bela = await call(cast.bela, atlas, operation, row)
    assert refusal(nobody) == (401, "auth.unauthenticated")
    assert row.scope is None or refusal(narrow) == (403, "auth.insufficient_scope")
    if row.bela == 404:
        assert refusal(bela) == (404, "not_found")
    else:
        assert bela.status_code == row.pia, bela.text
    for secret in atlas.secrets():
        assert secret not in bela.text
    assert await holdings(database, cast.pia.provider_id) == atlas.rows
    pia = await call(cast.pia, atlas, operation, row)
    assert pia.status_code == row.pia, pia.text


async def test_a_stranger_s_refusal_is_that_of_what_does_not_exist(atlas: Atlas) -> None:
    """Byte for byte: who asks for another's object learns nothing from the answer, nor from its headers."""
    cast = atlas.cast
    for path, nowhere in (
        (f"/v1/practices/{cast.cedar}", f"/v1/practices/{UUID(int=1)}"),
        (f"/v1/devices/{atlas.device.device_id}", f"/v1/devices/{UUID(int=1)}"),
    ):
        found, absent = [await cast.bela.call("GET", each) for each in (path, nowhere)]
        assert found.content == absent.content
        assert found.headers.keys() == absent.headers.keys()


async def test_filters_that_name_another_s_objects_find_nothing(atlas: Atlas) -> None:
    cast = atlas.cast
    by_practice = await cast.bela.get("/v1/devices", params={"practice_id": cast.cedar})
    by_name = await cast.bela.get("/v1/practices", params={"q": "cedar"})
    own = await cast.pia.get("/v1/devices", params={"practice_id": cast.cedar})
    assert (by_practice["items"], by_name["items"]) == ([], [])
    assert len(own["items"]) == 2


async def test_a_token_opens_the_practice_it_is_for_whoever_presents_it(atlas: Atlas) -> None:
    """A machine of Borea's with a token of Atlas joins Atlas, and Borea does not see it."""
    cast = atlas.cast
    device = await cast.device(cast.cedar)
    assert device.provider_id == cast.pia.provider_id
    assert refusal(await cast.bela.call("GET", f"/v1/devices/{device.device_id}")) == (404, "not_found")
