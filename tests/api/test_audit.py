"""What the guards record: every change with its author, every refusal of somebody who is known, and nothing secret."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from tests.conftest import PUBLIC_URL, running
from tests.support.audit import entries, last_number, told, verdict
from tests.support.budget import statements_of
from tests.support.cast import Caller, Cast
from tests.support.people import Person
from tests.support.refusals import refusal
from tests.support.rows import holdings
from vigie.audit.actions import ROUTE_ACTIONS, Action
from vigie.audit.log import OPERATOR, NewEntry, append, append_all
from vigie.auth.dependencies import UnguardedRouteError, flatten, is_recorded_route, refuse_unguarded, writes
from vigie.auth.principal import Permission
from vigie.auth.recording import is_recorded
from vigie.cli_actions import add_client
from vigie.core.clock import MovableClock
from vigie.core.db import Database, role_url
from vigie.core.ids import uuid7
from vigie.core.metrics import AUDIT_DROPPED
from vigie.settings import Settings

NOWHERE = str(UUID(int=1))
NEW = {"name": "Ash", "profession": "nurse"}


@pytest.fixture
async def as_app(settings: Settings) -> AsyncIterator[Database]:
    """The database under the role of ordinary requests."""
    found = Database(*role_url(settings, "vigie_app"), pool_size=10)
    yield found
    await found.close()


@pytest.fixture(autouse=True)
def nothing_dropped() -> Iterator[None]:
    """Whatever the product says of itself to the audit, nothing of it may look secret."""
    before = AUDIT_DROPPED._value.get()
    yield
    assert AUDIT_DROPPED._value.get() == before


# --- what is done --------------------------------------------------------------------------------------------------


async def test_each_change_is_recorded_with_its_object(cast: Cast, database: Database) -> None:
    pia, cedar = cast.pia, cast.cedar
    device = await cast.device()
    pending = cast.agent()
    await pending.enrol(await pia.enrolment_token(cedar, needs_approval=True))
    token = (await pia.get(f"/v1/practices/{cedar}/enrolment-tokens"))["items"][0]["id"]
    begun = await last_number(database, pia.provider_id)
    made = await pia.post("/v1/practices", {**NEW, "external_ref": "A-1"})
    path = f"/v1/devices/{device.device_id}"
    calls: list[tuple[str, str, Any, str, str, str, dict[str, Any]]] = [
        # method, path, body → action, object, practice, details
        ("PATCH", f"/v1/practices/{cedar}", {"city": "Nice"}, "practice.change", cedar, cedar, {"fields": ["city"]}),
        ("PATCH", f"/v1/practices/{cedar}", {"city": "Nice"}, "practice.change", cedar, cedar, {"fields": []}),
        ("DELETE", f"/v1/enrolment-tokens/{token}", None, "enrolment_token.revoke", token, cedar, {}),
        ("PATCH", path, {"alias": "radio-1"}, "device.change", device.device_id, cedar, {"fields": ["alias"]}),
        ("POST", f"/v1/devices/{pending.device_id}/approve", None, "device.approve", pending.device_id, cedar, {}),
        ("POST", path + "/clear-suspicion", None, "device.clear", device.device_id, cedar, {"repeated": True}),
        ("POST", path + "/revoke", None, "device.revoke", device.device_id, cedar, {}),
        ("DELETE", path, None, "device.revoke", device.device_id, cedar, {"repeated": True}),
        ("DELETE", f"/v1/practices/{cedar}", None, "practice.archive", cedar, cedar, {}),
        ("DELETE", f"/v1/practices/{cedar}", None, "practice.archive", cedar, cedar, {"repeated": True}),
    ]
    for method, where, body, *_ in calls:
        answer = await pia.call(method, where, json=body)
        assert answer.is_success, (where, answer.text)
    created, *found = await entries(database, pia.provider_id, begun)
    assert told(created, "action", "object_kind", "object_id") == {
        "action": "practice.create",
        "object_kind": "practice",
        "object_id": made["id"],
    }
    assert [(entry["action"], entry["object_id"], str(entry["practice_id"]), entry["details"]) for entry in found] == [
        tuple(call[3:]) for call in calls
    ]
    for entry in [created, *found]:
        who = ("actor_kind", "actor_id", "role", "outcome", "code", "address", "at")
        assert tuple(entry[name] for name in who) == (
            "client",
            pia.client_id,
            None,
            "done",
            None,
            "127.0.0.1",
            cast.clock.now(),
        )
    assert (await verdict(database, pia.provider_id)).holds


async def test_a_person_is_recorded_by_name_and_role(cast: Cast, database: Database) -> None:
    tom = await cast.tom()
    begun = await last_number(database, cast.pia.provider_id)
    answer = await tom.call("PATCH", f"/v1/practices/{cast.cedar}", json={"city": "Nice"})
    assert answer.status_code == 200
    (entry,) = await entries(database, cast.pia.provider_id, begun)
    assert told(entry, "actor_kind", "actor_id", "actor_name", "role") == {
        "actor_kind": "member",
        "actor_id": tom.member_id,
        "actor_name": "Tom",
        "role": "technician",
    }


async def test_what_is_created_again_under_its_key_is_recorded_as_repeated(cast: Cast, database: Database) -> None:
    begun = await last_number(database, cast.pia.provider_id)
    for _ in range(2):
        answer = await cast.pia.call("POST", "/v1/practices", json=NEW, headers={"Idempotency-Key": "one"})
    first, again = await entries(database, cast.pia.provider_id, begun)
    assert (first["object_id"], again["object_id"]) == (answer.json()["id"], answer.json()["id"])
    assert (first["details"], again["details"]) == ({}, {"repeated": True})


async def test_reads_are_not_recorded_and_refused_reads_neither(cast: Cast, database: Database) -> None:
    begun = await last_number(database, cast.pia.provider_id)
    assert (await cast.pia.call("GET", f"/v1/practices/{cast.cedar}")).status_code == 200
    assert (await cast.pia.call("GET", f"/v1/practices/{NOWHERE}")).status_code == 404
    assert await entries(database, cast.pia.provider_id, begun) == []


async def test_the_operator_and_devices_are_recorded_too(cast: Cast, database: Database) -> None:
    narrow = await add_client(
        cast.settings, UUID(cast.pia.provider_id), "narrow", frozenset({Permission.PRACTICES_READ})
    )
    hint = "AAAAAAAAAAAAAAAAAAAAAA"
    device = await cast.device(machine_hint=hint)
    again = cast.agent()
    assert (await again.enrol(await cast.pia.enrolment_token(cast.cedar), machine_hint=hint)).status_code == 200
    found = await entries(database, cast.pia.provider_id)
    assert [entry["action"] for entry in found[:2]] == ["provider.create", "client.create"]
    assert {(entry["actor_kind"], entry["actor_name"]) for entry in found[:2]} == {("operator", "command line")}
    added = next(entry for entry in found if entry["object_id"] == narrow["client_id"])
    assert told(added, "action", "details") == {"action": "client.create", "details": {"scopes": ["practices:read"]}}
    joined, back = (entry for entry in found if entry["actor_kind"] == "device")
    assert [joined["action"], back["action"]] == ["device.enrol", "device.reenrol"]
    for entry, generation in ((joined, 1), (back, 2)):
        assert (entry["object_id"], str(entry["practice_id"])) == (device.device_id, cast.cedar)
        assert entry["details"].keys() == {"enrolment_token_id", "key_generation", "status"}
        assert entry["details"]["key_generation"] == generation


# --- what is refused -----------------------------------------------------------------------------------------------


async def test_each_refusal_of_somebody_known_is_recorded_and_changes_nothing_else(
    cast: Cast, database: Database
) -> None:
    pia, cedar = cast.pia, f"/v1/practices/{cast.cedar}"
    await pia.post("/v1/practices", {**NEW, "external_ref": "A-1"})
    reader = await cast.client(pia, "practices:read")
    lea = await cast.lea()
    begun = await last_number(database, pia.provider_id)
    rows = await holdings(database, pia.provider_id)
    forged = {"Origin": "https://evil.test"}
    calls: list[tuple[Caller | Person, str, str, dict[str, Any], str, str, str | None]] = [
        # caller, method, path, options → action, code, object
        (reader, "PATCH", cedar, {"json": {"city": "x"}}, "practice.change", "auth.insufficient_scope", cast.cedar),
        (lea, "PATCH", cedar, {"json": {}, "headers": forged}, "practice.change", "auth.forged_request", cast.cedar),
        (pia, "PATCH", cedar + "?x=1", {"json": {}}, "practice.change", "request.invalid", cast.cedar),
        (pia, "PATCH", cedar, {"json": {"cyti": "x"}}, "practice.change", "request.invalid", cast.cedar),
        (
            pia,
            "PATCH",
            cedar,
            {"json": {"external_ref": "A-1"}},
            "practice.change",
            "practice.reference_taken",
            cast.cedar,
        ),
        (pia, "DELETE", f"/v1/practices/{NOWHERE}", {}, "practice.archive", "not_found", NOWHERE),
        (pia, "DELETE", f"/v1/practices/{cast.fir}", {}, "practice.archive", "not_found", cast.fir),
        (pia, "DELETE", "/v1/practices/nonsense", {}, "practice.archive", "request.invalid", "nonsense"),
        (pia, "DELETE", "/v1/practices/1840175123456", {}, "practice.archive", "request.invalid", None),
        (pia, "DELETE", "/v1/practices/" + "x" * 81, {}, "practice.archive", "request.invalid", None),
        (pia, "DELETE", "/v1/practices/a%20b", {}, "practice.archive", "request.invalid", None),
        (pia, "POST", "/v1/practices", {"json": {}}, "practice.create", "request.invalid", None),
        (pia, "POST", f"/v1/devices/{NOWHERE}/approve", {}, "device.approve", "not_found", NOWHERE),
    ]
    for caller, method, path, options, _, code, _ in calls:
        assert refusal(await caller.call(method, path, **options))[1] == code, path
    found = await entries(database, pia.provider_id, begun)
    assert [(entry["outcome"], entry["action"], entry["code"], entry["object_id"]) for entry in found] == [
        ("refused", action, code, aimed) for *_, action, code, aimed in calls
    ]
    actors = [caller.client_id if isinstance(caller, Caller) else caller.member_id for caller, *_ in calls]
    assert [entry["actor_id"] for entry in found] == actors
    assert await holdings(database, pia.provider_id) == rows
    # The practice of another provider is named as it was asked for, but never as one of ours.
    assert {entry["practice_id"] for entry in found if entry["object_id"] in {cast.fir, NOWHERE}} == {None}
    assert (await verdict(database, pia.provider_id)).holds
    # The same with one thing changed is done.
    assert (await pia.call("PATCH", cedar, json={"city": "x"})).status_code == 200
    assert (await lea.call("PATCH", cedar, json={"city": "y"})).status_code == 200
    done = (await entries(database, pia.provider_id, begun))[len(calls) :]
    assert [entry["outcome"] for entry in done] == ["done", "done"]


async def test_what_nobody_known_asked_for_is_not_recorded(cast: Cast, database: Database) -> None:
    begun = await last_number(database, cast.pia.provider_id)
    path = f"/v1/practices/{cast.cedar}"
    assert (await cast.http.patch(path, json={})).status_code == 401
    not_json = {"headers": {"Content-Type": "application/json"}, "content": b"{"}
    assert (await cast.pia.call("PATCH", path, **not_json)).status_code == 400
    assert await entries(database, cast.pia.provider_id, begun) == []


@contextmanager
def failing(app: FastAPI, when: str, on: str) -> Iterator[None]:
    """Let the database be lost before or after the statements that speak of a table."""
    engine = app.state.parts.database.engine.sync_engine

    def lose(*given: Any) -> None:
        if on in given[2]:
            raise OSError("the database is gone")

    event.listen(engine, f"{when}_cursor_execute", lose)
    try:
        yield
    finally:
        event.remove(engine, f"{when}_cursor_execute", lose)


@pytest.mark.parametrize(
    ("when", "on"), [("before", "audit_head"), ("before", "audit_entry"), ("after", "audit_entry")]
)
async def test_a_change_and_its_entry_are_both_there_or_neither(
    cast: Cast, own_app: FastAPI, database: Database, when: str, on: str
) -> None:
    pia = cast.pia
    begun, rows = await last_number(database, pia.provider_id), await holdings(database, pia.provider_id)
    with failing(own_app, when, on):
        assert refusal(await pia.call("POST", "/v1/practices", json=NEW)) == (503, "service.unavailable")
    assert await entries(database, pia.provider_id, begun) == []
    assert await holdings(database, pia.provider_id) == rows
    await pia.post("/v1/practices", NEW)
    (entry,) = await entries(database, pia.provider_id, begun)
    assert (entry["number"], entry["outcome"]) == (begun + 1, "done")  # what was rolled back left no gap
    assert (await verdict(database, pia.provider_id)).holds


async def test_no_refusal_is_answered_that_is_not_on_record(cast: Cast, own_app: FastAPI) -> None:
    path = f"/v1/practices/{NOWHERE}"
    with failing(own_app, "after", "audit_entry"):
        assert refusal(await cast.pia.call("DELETE", path)) == (503, "service.unavailable")
    assert refusal(await cast.pia.call("DELETE", path)) == (404, "not_found")


@pytest.mark.parametrize(
    ("status", "recorded"),
    [(400, True), (403, True), (404, True), (409, True), (422, True), (429, False), (500, False), (503, False)],
)
def test_floods_and_faults_of_ours_are_no_refusals(status: int, *, recorded: bool) -> None:
    assert is_recorded(status) is recorded


async def test_the_head_of_the_chain_is_the_last_lock_of_a_change(cast: Cast, app: FastAPI) -> None:
    """Taken earlier, it would be held while others are waited for, and every writer of the provider with it."""
    tokens = f"/v1/practices/{cast.cedar}/enrolment-tokens"
    device = await cast.device()
    for method, path, body in (
        ("POST", "/v1/practices", NEW),
        ("POST", tokens, {"label": "x"}),
        ("POST", f"/v1/devices/{device.device_id}/revoke", None),
        ("DELETE", f"/v1/practices/{cast.cedar}", None),
    ):
        with statements_of(app) as found:
            assert (await cast.pia.call(method, path, json=body)).is_success
        audited = [number for number, statement in enumerate(found) if "audit_" in statement]
        assert audited == [len(found) - 2, len(found) - 1], found
    with statements_of(app) as found:
        await cast.device(cast.elm)
    audited = [number for number, statement in enumerate(found) if "audit_" in statement]
    assert audited[-2:] == [len(found) - 2, len(found) - 1], found


# --- by construction -----------------------------------------------------------------------------------------------


async def unnamed(call: object = writes(Permission.PRACTICES_WRITE)) -> None:
    """Change something that the audit has no word for."""


def test_a_route_that_the_audit_has_no_word_for_stops_the_program() -> None:
    def with_route(endpoint: Any) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.add_api_route("/thing", endpoint, methods=["POST"])
        return app

    async def create_practice(call: object = writes(Permission.PRACTICES_WRITE)) -> None:
        """Have the name of a route that it knows."""

    refuse_unguarded(with_route(create_practice).routes)
    with pytest.raises(UnguardedRouteError, match=r"/thing.*unnamed"):
        refuse_unguarded(with_route(unnamed).routes)


def recorded_routes(app: FastAPI) -> list[tuple[str, str, str]]:
    """Method, path and name of every route whose guard records."""
    return sorted(
        (method, route.path, route.endpoint.__name__)  # type: ignore[attr-defined]
        for route in flatten(app.routes)
        if is_recorded_route(route)
        for method in route.methods  # type: ignore[attr-defined]
    )


def test_every_word_for_a_route_is_for_one_that_exists(app: FastAPI) -> None:
    assert {name for _, _, name in recorded_routes(app)} == set(ROUTE_ACTIONS)


SECRET = "vcs_" + "s" * 43
NIR = "184017512345612"


async def test_every_recorded_route_leaves_one_entry_a_call_and_nothing_secret(
    cast: Cast, app: FastAPI, database: Database
) -> None:
    """Whatever is asked of it: a stranger's id, a body full of what must not be kept, then its own objects."""
    ana = await cast.ana()
    device = await cast.device()
    await cast.pia.enrolment_token(cast.cedar)
    own = {"practice_id": cast.cedar, "device_id": device.device_id}
    begun = await last_number(database, cast.pia.provider_id)
    body = {"client_secret": SECRET, "label": NIR, "name": NIR, "token": SECRET, "patient": "Mme Martin"}
    routes = recorded_routes(app)
    assert len(routes) > 8
    expected: list[tuple[str, str]] = []
    for method, path, name in routes:
        for names in (dict.fromkeys(own, NOWHERE), own):
            where = path
            for parameter in {part[1:-1] for part in path.split("/") if part.startswith("{")}:
                where = where.replace(f"{{{parameter}}}", names.get(parameter, NOWHERE))
            payload = {} if method in {"GET", "DELETE"} else {"json": body}
            answer = await ana.call(method, where, **payload, headers={"Idempotency-Key": f"{NIR}-{len(expected)}"})
            assert answer.status_code < 500, (method, where, answer.text)
            expected.append((ROUTE_ACTIONS[name].value, "done" if answer.is_success else "refused"))
    found = [e for e in await entries(database, cast.pia.provider_id, begun) if e["actor_id"] == ana.member_id]
    assert [(entry["action"], entry["outcome"]) for entry in found] == expected
    whole = orjson.dumps(await entries(database, cast.pia.provider_id), default=str).decode()
    secrets = {SECRET, NIR, "Martin", cast.pia.client_secret, cast.pia.token, *ana.http.cookies.values()}
    assert not [secret for secret in secrets if secret in whole]


# --- the chain under load ------------------------------------------------------------------------------------------


async def test_eight_writers_at_once_leave_an_unbroken_chain(cast: Cast, as_app: Database, database: Database) -> None:
    """People through HTTP, and programs beside them that append several entries or give up amid."""
    pia, provider = cast.pia, UUID(cast.pia.provider_id)
    begun = await last_number(database, pia.provider_id)

    async def through_http(writer: int) -> None:
        for turn in range(6):
            path = f"/v1/practices/{cast.cedar if turn % 2 else NOWHERE}"
            answer = await pia.call("PATCH", path, json={"city": f"Lyon {writer}-{turn}"})
            assert answer.status_code == (200 if turn % 2 else 404)

    async def beside(writer: int) -> None:
        for turn in range(6):
            some = [NewEntry(provider, OPERATOR, Action.MEMBER_CHANGE, details={"n": n}) for n in range(writer % 3 + 1)]
            async with as_app.session(provider, write=True) as session:
                numbers = await append_all(session, some, cast.clock.now())
                assert numbers == list(range(numbers[0], numbers[0] + len(some)))
                if turn % 3 == 2:
                    await session.rollback()

    await asyncio.gather(*(through_http(n) for n in range(4)), *(beside(n) for n in range(4)))
    found = await entries(database, pia.provider_id, begun)
    assert len(found) == 4 * 6 + 4 * (1 + 2 + 3 + 1)
    assert [entry["number"] for entry in found] == list(range(begun + 1, begun + 1 + len(found)))
    assert (await verdict(database, pia.provider_id)).holds


async def test_entries_of_two_providers_do_not_share_a_unit_of_work(cast: Cast, as_app: Database) -> None:
    atlas, borea = UUID(cast.pia.provider_id), UUID(cast.bela.provider_id)
    mixed = [NewEntry(each, OPERATOR, Action.MEMBER_CHANGE) for each in (atlas, borea)]
    async with as_app.session(atlas, write=True) as session:
        assert await append_all(session, [], cast.clock.now()) == []
        with pytest.raises(ValueError, match="several providers"):
            await append_all(session, mixed, cast.clock.now())


async def test_a_secret_that_reaches_the_audit_all_the_same_is_dropped_and_counted(
    as_app: Database, database: Database, clock: MovableClock
) -> None:
    before, provider = AUDIT_DROPPED._value.get(), uuid7()
    slip = NewEntry(
        provider, OPERATOR, Action.MEMBER_JOIN, object_id="81000123456", details={"rpps": "81000123456", "by": "link"}
    )
    async with as_app.session(provider, write=True) as session:
        await append(session, slip, clock.now())
    (entry,) = await entries(database, str(provider))
    assert told(entry, "object_id", "details") == {"object_id": None, "details": {"by": "link"}}
    assert AUDIT_DROPPED._value.get() == before + 2
    AUDIT_DROPPED._value.set(before)  # it was meant to happen


# --- where from ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trusted", "address"), [((), "127.0.0.1"), ((ip_network("127.0.0.0/8"),), "198.51.100.9")], ids=["none", "ours"]
)
async def test_the_address_is_the_caller_s_when_the_proxy_is_ours(
    settings: Settings, clock: MovableClock, cast: Cast, database: Database, trusted: tuple[Any, ...], address: str
) -> None:
    begun = await last_number(database, cast.pia.provider_id)
    async with running(settings.model_copy(update={"trusted_proxies": trusted}), clock) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as http:
            headers = {"X-Forwarded-For": "203.0.113.7, 198.51.100.9", "Authorization": f"Bearer {cast.pia.token}"}
            answer = await http.delete(f"/v1/practices/{NOWHERE}", headers=headers)
    assert answer.status_code == 404
    (entry,) = await entries(database, cast.pia.provider_id, begun)
    assert entry["address"] == address
