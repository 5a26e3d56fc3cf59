"""Partner clients as an owner manages them: what is made, limited, rotated and withdrawn, and how soon it counts."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import PUBLIC_URL, running
from tests.support.cast import Cast
from tests.support.partners import Signer, jwk, token_of, use
from tests.support.people import Person
from tests.support.refusals import refusal
from tests.support.rows import execute, fetch
from vigie.auth.principal import SCOPES
from vigie.core.clock import MovableClock
from vigie.core.db import Database
from vigie.settings import Settings

NEW = {"name": "Ticketing", "scopes": ["practices:read", "devices:read"]}
SIGNING = {**NEW, "auth_method": "private_key_jwt"}
UNAUTHENTICATED = (401, "auth.unauthenticated")


@pytest.fixture
async def ana(cast: Cast) -> Person:
    """The owner of Atlas."""
    return await cast.ana()


@pytest.fixture
async def elsewhere(settings: Settings, clock: MovableClock) -> AsyncIterator[FastAPI]:
    """A second process of the service: its own caches, its own connections, the same database."""
    async with running(settings, clock) as app:
        yield app


@pytest.fixture
async def other(elsewhere: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the second process."""
    transport = httpx.ASGITransport(elsewhere, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
        yield client


async def until(true: Callable[[], Awaitable[bool]], within_s: float = 5.0) -> float:
    """Return after how many seconds something became true."""
    started = time.monotonic()
    async with asyncio.timeout(within_s):
        while not await true():  # noqa: ASYNC110 - what it waits for happens in another process
            await asyncio.sleep(0.02)
    return time.monotonic() - started


async def make(ana: Person, **more: Any) -> dict[str, Any]:
    """Create a client through the API."""
    made: dict[str, Any] = await ana.post("/v1/clients", {**NEW, **more})
    return made


async def token(cast: Cast, made: dict[str, Any], http: httpx.AsyncClient | None = None) -> str:
    """Return an access token of a client that was just made."""
    answer = await token_of(http or cast.http, made["client_id"], made["client_secret"])
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def names(http: httpx.AsyncClient, bearer: str) -> list[str]:
    """Return the names of the practices a token shows."""
    answer = await use(http, bearer)
    assert answer.status_code == 200, answer.text
    return sorted(item["name"] for item in answer.json()["items"])


async def test_an_owner_makes_a_client_whose_secret_is_shown_once(cast: Cast, ana: Person) -> None:
    made = await make(ana)
    bearer = await token(cast, made)
    shown = await ana.get(f"/v1/clients/{made['client_id']}")
    (listed,) = [item for item in (await ana.get("/v1/clients"))["items"] if item["client_id"] == made["client_id"]]
    assert made["client_secret"].startswith("vcs_")
    assert await names(cast.http, bearer) == ["Cedar", "Elm"]
    assert {name: shown[name] for name in ("name", "status", "auth_method", "scopes", "practices", "keys")} == {
        "name": "Ticketing",
        "status": "active",
        "auth_method": "client_secret",
        "scopes": ["devices:read", "practices:read"],
        "practices": None,
        "keys": [],
    }
    assert shown["created_by"] == "Ana"
    assert listed == shown
    assert "client_secret" not in shown
    assert made["client_secret"] not in str(shown)


async def test_the_same_creation_again_makes_no_second_client(cast: Cast, ana: Person) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    first = await ana.call("POST", "/v1/clients", json=NEW, headers=key)
    again = await ana.call("POST", "/v1/clients", json=NEW, headers=key)
    other = await ana.call("POST", "/v1/clients", json={**NEW, "name": "Other"}, headers=key)
    listed = [item for item in (await ana.get("/v1/clients"))["items"] if item["name"] == "Ticketing"]
    assert refusal(again) == (409, "request.already_done")
    assert again.json()["id"] == first.json()["client_id"]
    assert refusal(other) == (409, "request.idempotency_conflict")
    assert len(listed) == 1
    assert await token(cast, first.json())


async def test_a_client_that_is_not_as_documented_is_not_made(ana: Person) -> None:
    before = len((await ana.get("/v1/clients"))["items"])
    wrong: list[dict[str, Any]] = [
        {"name": ""},
        {"name": "x" * 121},
        {"name": "a\nb"},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"scopes": ["clients:write"]},
        {"auth_method": "none"},
        {"practices": ["Cedar"]},
        {"practices": "all"},
        {"created_by": "me"},
        {"keys": {"kty": "RSA"}},
    ]
    for bent in wrong:
        answer = await ana.call("POST", "/v1/clients", json={**NEW, **bent})
        assert refusal(answer) == (422, "request.invalid"), bent
    assert len((await ana.get("/v1/clients"))["items"]) == before
    assert (await ana.call("POST", "/v1/clients", json=NEW)).status_code == 201


async def test_a_practice_of_somebody_else_cannot_be_given_to_a_client(cast: Cast, ana: Person) -> None:
    made = await make(ana)
    path = f"/v1/clients/{made['client_id']}"
    answers = [
        await ana.call("POST", "/v1/clients", json={**NEW, "practices": [cast.cedar, cast.fir]}),
        await ana.call("PATCH", path, json={"practices": [cast.fir]}),
        await ana.call("PATCH", path, json={"practices": [str(uuid4())]}),
    ]
    assert [refusal(answer) for answer in answers] == [(404, "not_found")] * 3
    assert (await ana.get(path))["practices"] is None
    assert (await ana.call("PATCH", path, json={"practices": [cast.cedar]})).status_code == 200


async def test_who_may_see_and_who_may_change_clients(cast: Cast, ana: Person) -> None:
    made = await make(ana)
    path = f"/v1/clients/{made['client_id']}"
    ivo, lea, bea = await cast.ivo(), await cast.lea(), await cast.bea()
    assert (await ivo.call("GET", path)).status_code == 200
    assert refusal(await ivo.call("PATCH", path, json={"name": "x"})) == (403, "auth.insufficient_scope")
    assert refusal(await lea.call("GET", path)) == (403, "auth.insufficient_scope")
    assert refusal(await cast.pia.call("GET", path)) == (403, "auth.insufficient_scope")
    assert refusal(await bea.call("GET", path)) == (404, "not_found")
    assert refusal(await bea.call("DELETE", path)) == (404, "not_found")
    assert (await bea.get("/v1/clients"))["items"] != (await ivo.get("/v1/clients"))["items"]
    assert (await ana.get(path))["status"] == "active"


async def test_the_list_goes_page_by_page_and_by_status(ana: Person) -> None:
    made = [await make(ana, name=f"Client {number}") for number in range(3)]
    await ana.call("DELETE", f"/v1/clients/{made[0]['client_id']}")
    found, cursor = [], None
    while True:
        page = await ana.get("/v1/clients", params={"limit": 1, **({"cursor": cursor} if cursor else {})})
        found += [item["client_id"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    revoked = await ana.get("/v1/clients", params={"status": "revoked"})
    active = await ana.get("/v1/clients", params={"status": "active"})
    everybody = {item["client_id"] for item in (await ana.get("/v1/clients"))["items"]}
    assert len(found) == len(set(found)) == len(everybody)
    assert set(found) == everybody
    assert [item["client_id"] for item in revoked["items"]] == [made[0]["client_id"]]
    assert {item["client_id"] for item in active["items"]} == everybody - {made[0]["client_id"]}
    assert refusal(await ana.call("GET", "/v1/clients?cursor=x")) == (422, "request.invalid_cursor")


async def test_a_limited_client_sees_its_practices_and_a_change_counts_everywhere_within_a_second(
    cast: Cast, ana: Person, other: httpx.AsyncClient
) -> None:
    made = await make(ana, practices=[cast.cedar])
    path, bearer = f"/v1/clients/{made['client_id']}", await token(cast, made)
    assert [await names(http, bearer) for http in (cast.http, other)] == [["Cedar"], ["Cedar"]]
    assert refusal(await use(other, bearer, f"/v1/practices/{cast.elm}")) == (404, "not_found")
    for wanted, seen in (([cast.elm], ["Elm"]), ([], []), (None, ["Cedar", "Elm"])):
        shown = (await ana.call("PATCH", path, json={"practices": wanted})).json()

        async def changed(seen: list[str] = seen) -> bool:
            return [await names(http, bearer) for http in (cast.http, other)] == [seen, seen]

        assert shown["practices"] == wanted
        assert await until(changed) < 1


async def test_a_scope_that_is_taken_away_is_gone_and_one_that_is_added_comes_with_the_next_token(
    cast: Cast, ana: Person, other: httpx.AsyncClient
) -> None:
    made = await make(ana, scopes=["practices:read"])
    path, bearer = f"/v1/clients/{made['client_id']}", await token(cast, made)
    assert (await use(other, bearer)).status_code == 200
    await ana.call("PATCH", path, json={"scopes": ["devices:read"]})

    async def gone() -> bool:
        return (await use(other, bearer)).status_code == 403

    assert await until(gone) < 1
    assert refusal(await use(other, bearer, "/v1/devices")) == (403, "auth.insufficient_scope")
    assert (await use(other, await token(cast, made), "/v1/devices")).status_code == 200


async def test_a_client_that_is_revoked_is_turned_away_for_good(
    cast: Cast, ana: Person, other: httpx.AsyncClient
) -> None:
    made, untouched = await make(ana), await make(ana, name="Other")
    path, bearers = f"/v1/clients/{made['client_id']}", [await token(cast, made), await token(cast, untouched)]
    assert [(await use(other, bearer)).status_code for bearer in bearers] == [200, 200]
    first, again = await ana.call("DELETE", path), await ana.call("DELETE", path)

    async def refused() -> bool:
        return {(await use(http, bearers[0])).status_code for http in (cast.http, other)} == {401}

    assert await until(refused) < 1
    assert (first.status_code, again.status_code) == (204, 204)
    assert (await use(other, bearers[1])).status_code == 200
    assert (await token_of(cast.http, made["client_id"], made["client_secret"])).status_code == 401
    assert (await ana.get(path))["status"] == "revoked"
    for method, where, body in (
        ("PATCH", path, {"name": "Back"}),
        ("POST", f"{path}/secrets", {}),
        ("PUT", f"{path}/keys", {"keys": [jwk("rsa", "k1")]}),
    ):
        assert refusal(await ana.call(method, where, json=body)) == (409, "client.revoked")


@pytest.mark.parametrize("change", ["revoked_at = created_at", "generation = 2", "limited = true", "scopes = '{}'"])
async def test_what_a_process_was_never_told_counts_within_a_second_all_the_same(
    cast: Cast, ana: Person, other: httpx.AsyncClient, database: Database, change: str
) -> None:
    """As when the notification is lost: the row changes and nobody hears of it."""
    made = await make(ana)
    bearer = await token(cast, made)
    before = await names(other, bearer)
    changed = f"UPDATE partner_client SET {change} WHERE client_id = :id"  # noqa: S608 - words of this file
    await execute(database, changed, id=made["client_id"])

    async def noticed() -> bool:
        answer = await use(other, bearer)
        return answer.status_code in {401, 403} or answer.json()["items"] == []

    assert before == ["Cedar", "Elm"]
    assert await until(noticed) < 1


async def test_who_is_told_does_not_wait_for_the_second_to_pass(
    cast: Cast, ana: Person, other: httpx.AsyncClient, elsewhere: FastAPI
) -> None:
    """The other process would believe for an hour, were it not told."""
    believed = elsewhere.state.parts.clients.alive
    believed._ttl = 3600

    async def hears() -> bool:
        return bool(believed.hearing)

    await until(hears)
    made = await make(ana)
    path, bearer = f"/v1/clients/{made['client_id']}", await token(cast, made)
    assert await names(other, bearer) == ["Cedar", "Elm"]
    for method, body, seen in (("PATCH", {"practices": [cast.elm]}, ["Elm"]), ("DELETE", None, None)):
        await ana.call(method, path, json=body)

        async def changed(seen: list[str] | None = seen) -> bool:
            answer = await use(other, bearer)
            return answer.status_code == 401 if seen is None else await names(other, bearer) == seen

        assert await until(changed) < 1


async def test_a_client_that_signs_has_no_secret_even_if_one_is_left_over(
    cast: Cast, ana: Person, database: Database
) -> None:
    made = await make(ana)
    before = await token_of(cast.http, made["client_id"], made["client_secret"])
    changed = "UPDATE partner_client SET auth_method = 'private_key_jwt' WHERE client_id = :id"
    await execute(database, changed, id=made["client_id"])
    assert before.status_code == 200
    assert (await token_of(cast.http, made["client_id"], made["client_secret"])).status_code == 401


async def test_a_secret_is_replaced_without_a_gap(cast: Cast, ana: Person) -> None:
    made = await make(ana)
    path = f"/v1/clients/{made['client_id']}"
    rotated = await ana.post(f"{path}/secrets", {"overlap_s": 3600})
    secrets = [made["client_secret"], rotated["client_secret"]]

    async def holding() -> list[bool]:
        return [(await token_of(cast.http, made["client_id"], one)).status_code == 200 for one in secrets]

    bearer = await token(cast, made)
    during, third = await holding(), await ana.call("POST", f"{path}/secrets", json={})
    shown = [one["expires_at"] for one in (await ana.get(path))["secrets"]]
    cast.clock.advance(timedelta(seconds=3599))
    last = await holding()
    cast.clock.advance(timedelta(seconds=1))
    after = await holding()
    assert (during, last, after) == ([True, True], [True, True], [False, True])
    assert refusal(third) == (409, "client.rotation_running")
    assert shown[1] is None
    assert shown[0] is not None
    assert refusal(await use(cast.http, bearer)) == UNAUTHENTICATED  # only because an hour is more than ten minutes
    ana = await cast.ana()
    assert len((await ana.get(path))["secrets"]) == 1
    assert (await ana.call("POST", f"{path}/secrets", json={})).status_code == 201


async def test_an_overlap_is_a_day_unless_told_otherwise_and_a_month_at_most(cast: Cast, ana: Person) -> None:
    path = f"/v1/clients/{(await make(ana))['client_id']}/secrets"
    month = 30 * 86_400
    for wrong in (month + 1, -1, "1h"):
        assert refusal(await ana.call("POST", path, json={"overlap_s": wrong})) == (422, "request.invalid")
    await ana.post(path, {})
    ends = (await ana.get(path.removesuffix("/secrets")))["secrets"][0]["expires_at"]
    assert datetime.fromisoformat(ends) == cast.clock.now() + timedelta(days=1)
    longest = f"/v1/clients/{(await make(ana))['client_id']}/secrets"
    assert (await ana.call("POST", longest, json={"overlap_s": month})).status_code == 201


async def test_rotating_without_overlap_ends_the_old_secret_and_its_tokens(cast: Cast, ana: Person) -> None:
    made = await make(ana)
    path, bearer = f"/v1/clients/{made['client_id']}", await token(cast, made)
    rotated = await ana.post(f"{path}/secrets", {"overlap_s": 0})

    async def refused() -> bool:
        return (await use(cast.http, bearer)).status_code == 401

    assert await until(refused) < 1
    assert (await token_of(cast.http, made["client_id"], made["client_secret"])).status_code == 401
    fresh = await token_of(cast.http, made["client_id"], rotated["client_secret"])
    assert (await use(cast.http, fresh.json()["access_token"])).status_code == 200


async def test_a_secret_that_leaked_is_withdrawn_with_its_tokens_and_the_other_stays(
    cast: Cast, ana: Person, other: httpx.AsyncClient
) -> None:
    made = await make(ana)
    path, bearer = f"/v1/clients/{made['client_id']}", await token(cast, made)
    rotated = await ana.post(f"{path}/secrets", {})
    leaked = (await ana.get(path))["secrets"][0]["id"]
    assert (await use(other, bearer)).status_code == 200
    gone = await ana.call("DELETE", f"{path}/secrets/{leaked}")
    twice = await ana.call("DELETE", f"{path}/secrets/{leaked}")

    async def refused() -> bool:
        return {(await use(http, bearer)).status_code for http in (cast.http, other)} == {401}

    assert await until(refused) < 1
    assert gone.status_code == 204
    assert refusal(twice) == (404, "not_found")
    assert (await token_of(cast.http, made["client_id"], made["client_secret"])).status_code == 401
    fresh = await token_of(cast.http, made["client_id"], rotated["client_secret"])
    assert (await use(other, fresh.json()["access_token"])).status_code == 200


async def test_a_secret_of_another_client_is_not_withdrawn_by_mistake(cast: Cast, ana: Person) -> None:
    one, two = await make(ana), await make(ana, name="Other")
    answer = await ana.call("DELETE", f"/v1/clients/{one['client_id']}/secrets/{two['secrets'][0]['id']}")
    assert refusal(answer) == (404, "not_found")
    assert await token(cast, two)


async def test_use_is_noted_once_a_minute(cast: Cast, ana: Person) -> None:
    made = await make(ana)
    path, start = f"/v1/clients/{made['client_id']}", cast.clock.now()

    async def seen() -> tuple[str | None, str | None]:
        shown = await ana.get(path)
        return shown["last_used_at"], shown["secrets"][0]["last_used_at"]

    fresh = await seen()
    bearer = await token(cast, made)
    first = await seen()
    cast.clock.advance(timedelta(seconds=59))
    await use(cast.http, bearer)
    same = await seen()
    cast.clock.advance(timedelta(seconds=1))
    await until(lambda: _used_since(cast, bearer, seen, first))
    later = await seen()
    cast.clock.advance(timedelta(seconds=10))
    await token(cast, made)
    again = await seen()
    assert fresh == (None, None)
    assert [datetime.fromisoformat(str(one)) for one in first] == [start, start]
    assert same == first
    assert datetime.fromisoformat(str(later[0])) == start + timedelta(minutes=1)
    assert later[1] == first[1]  # a token was used, not the secret
    assert again[0] == later[0]
    assert datetime.fromisoformat(str(again[1])) == start + timedelta(seconds=70)  # the secret's own minute was over


async def _used_since(cast: Cast, bearer: str, seen: Callable[[], Awaitable[object]], before: object) -> bool:
    await use(cast.http, bearer)
    return await seen() != before


async def test_a_client_registers_keys_and_signs_with_them(cast: Cast, ana: Person) -> None:
    keys = [jwk("rsa", "k1"), jwk("p256", "k2", use="sig", alg="ES256"), jwk("p384", "k3", key_ops=["verify"])]
    made = await make(ana, **SIGNING, keys=keys)
    ways = [("rsa", "RS256", "k1"), ("rsa", "PS256", "k1"), ("p256", "ES256", "k2"), ("p384", "ES384", "k3")]
    answers = [
        await Signer(cast, made["client_id"], kind, algorithm, {"kid": kid}).ask() for kind, algorithm, kid in ways
    ]
    shown = await ana.get(f"/v1/clients/{made['client_id']}")
    assert [answer.status_code for answer in answers] == [200] * 4
    assert made["client_secret"] is None
    assert [(key["kid"], key["kty"], key["crv"], key["alg"]) for key in shown["keys"]] == [
        ("k1", "RSA", None, None),
        ("k2", "EC", "P-256", "ES256"),
        ("k3", "EC", "P-384", None),
    ]
    assert [key["last_used_at"] is not None for key in shown["keys"]] == [True, True, True]
    assert refusal(await ana.call("POST", f"/v1/clients/{made['client_id']}/secrets", json={})) == (
        409,
        "client.wrong_method",
    )


async def test_a_client_that_signs_needs_a_key_from_the_start(ana: Person) -> None:
    assert refusal(await ana.call("POST", "/v1/clients", json=SIGNING)) == (409, "client.wrong_method")
    assert (await ana.call("POST", "/v1/clients", json={**SIGNING, "keys": [jwk("rsa", "k1")]})).status_code == 201


async def test_a_private_key_is_refused_and_kept_nowhere(
    ana: Person, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    path = f"/v1/clients/{(await make(ana))['client_id']}/keys"
    for secret in (
        jwk("rsa", "k1", private=True),
        jwk("p256", "k1", private=True),
        {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQ", "kid": "k1"},
        {"kid": "k1", "d": "bm90LWV2ZW4tYS1rZXktYW5kLXN0aWxs"},
    ):
        value = secret.get("d") or secret["k"]
        answers = [
            await ana.call("PUT", path, json={"keys": [jwk("rsa b", "good"), secret]}),
            await ana.call(
                "POST", "/v1/clients", json={**NEW, "keys": [secret]}, headers={"Idempotency-Key": str(uuid4())}
            ),
        ]
        assert [refusal(answer) for answer in answers] == [(422, "client.private_key")] * 2
        assert value not in caplog.text
        assert all(value not in answer.text for answer in answers)
        for table in ("audit_entry", "idempotency_key", "partner_key", "event"):
            assert await mentions(database, table, value) == 0, table
    assert (await ana.get(path.removesuffix("/keys")))["keys"] == []
    assert (await ana.call("PUT", path, json={"keys": [jwk("rsa b", "good")]})).status_code == 200
    assert await mentions(database, "partner_key", jwk("rsa b", "good")["n"]) == 1


async def mentions(database: Database, table: str, value: str) -> int:
    """Return how many rows of a table hold a text anywhere."""
    counted = f"SELECT 1 AS one FROM {table} t WHERE t::text LIKE :like"  # noqa: S608 - names of this file
    return len(await fetch(database, counted, like=f"%{value}%"))


UNFIT: list[tuple[Callable[[], dict[str, Any]], str]] = [
    (lambda: jwk("rsa-1024", "k1"), "n:"),
    (lambda: jwk("p521", "k1"), "crv:"),
    (lambda: {**jwk("k1", "k1"), "crv": "secp256k1"}, "crv:"),
    (lambda: {**jwk("p256", "k1"), "x": jwk("p256 b", "k1")["x"]}, "the members"),
    (lambda: {**jwk("p256", "k1"), "crv": "P-384"}, "the members"),
    (lambda: {**jwk("rsa", "k1"), "e": "Aw"}, "e:"),
    (lambda: {**jwk("rsa", "k1"), "n": "***"}, "the members"),
    (lambda: {**jwk("rsa", "k1"), "n": 7}, "the members"),
    (lambda: {"kty": "RSA", "kid": "k1"}, "the members"),
    (lambda: {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "k1"}, "kty:"),
    (lambda: {"kid": "k1"}, "kty:"),
    (lambda: {"kty": ["RSA"], "kid": "k1"}, "kty:"),
    (lambda: {**jwk("p256", "k1"), "crv": ["P-256"]}, "crv:"),
    (lambda: jwk("rsa", ""), "kid:"),
    (lambda: jwk("rsa", "x" * 129), "kid:"),
    (lambda: jwk("rsa", "a\nb"), "kid:"),
    (lambda: {**jwk("rsa", "k1"), "kid": 1}, "kid:"),
    (lambda: jwk("rsa", "k1", use="enc"), "use,"),
    (lambda: jwk("rsa", "k1", key_ops=["sign"]), "use,"),
    (lambda: jwk("rsa", "k1", alg="HS256"), "alg:"),
    (lambda: jwk("rsa", "k1", alg="ES256"), "alg:"),
    (lambda: jwk("p256", "k1", alg=["ES256"]), "alg:"),
    (lambda: jwk("p256", "k1", alg="none"), "alg:"),
]


async def test_a_key_that_cannot_be_used_is_refused_with_the_reason(ana: Person) -> None:
    path = f"/v1/clients/{(await make(ana))['client_id']}/keys"
    for bent, reason in UNFIT:
        answer = await ana.call("PUT", path, json={"keys": [jwk("rsa b", "good"), bent()]})
        assert refusal(answer) == (422, "client.key_invalid"), bent()
        (error,) = answer.json()["errors"]
        assert error["pointer"] == "/body/keys/1"
        assert error["reason"].startswith(reason), (bent(), error)
    assert (await ana.get(path.removesuffix("/keys")))["keys"] == []


async def test_keys_are_few_and_each_has_a_name_of_its_own(ana: Person) -> None:
    path = f"/v1/clients/{(await make(ana))['client_id']}/keys"
    many = [jwk("rsa", f"k{number}") for number in range(6)]
    assert refusal(await ana.call("PUT", path, json={"keys": many})) == (422, "client.key_invalid")
    assert refusal(await ana.call("PUT", path, json={"keys": [jwk("rsa", "k"), jwk("rsa b", "k")]})) == (
        422,
        "client.key_invalid",
    )
    assert (await ana.call("PUT", path, json={"keys": many[:5]})).status_code == 200


async def test_a_withdrawn_key_signs_nothing_and_ends_its_tokens_and_the_other_stays(cast: Cast, ana: Person) -> None:
    made = await make(ana, **SIGNING, keys=[jwk("rsa", "k1"), jwk("p256", "k2")])
    path = f"/v1/clients/{made['client_id']}/keys"
    old, new = Signer(cast, made["client_id"]), Signer(cast, made["client_id"], "p256", "ES256", {"kid": "k2"})
    bearer = (await old.ask()).json()["access_token"]
    assert (await use(cast.http, bearer)).status_code == 200
    await ana.call("PUT", path, json={"keys": [jwk("p256", "k2")]})

    async def refused() -> bool:
        return (await use(cast.http, bearer)).status_code == 401

    assert await until(refused) < 1
    assert (await old.ask()).status_code == 401
    kept = await new.ask()
    assert (await use(cast.http, kept.json()["access_token"])).status_code == 200
    last = await ana.call("PUT", path, json={"keys": []})
    assert refusal(last) == (409, "client.wrong_method")


async def test_a_key_that_changes_under_its_name_is_another_key(cast: Cast, ana: Person) -> None:
    made = await make(ana, **SIGNING, keys=[jwk("rsa", "k1")])
    signer = Signer(cast, made["client_id"])
    assert (await signer.ask()).status_code == 200
    await ana.call("PUT", f"/v1/clients/{made['client_id']}/keys", json={"keys": [jwk("rsa b", "k1")]})
    assert (await signer.ask()).status_code == 401
    assert (await Signer(cast, made["client_id"], "rsa b").ask()).status_code == 200


async def test_adding_a_key_leaves_tokens_alone(cast: Cast, ana: Person) -> None:
    made = await make(ana, **SIGNING, keys=[jwk("rsa", "k1")])
    bearer = (await Signer(cast, made["client_id"]).ask()).json()["access_token"]
    both = [jwk("rsa", "k1"), jwk("p256", "k2")]
    await ana.call("PUT", f"/v1/clients/{made['client_id']}/keys", json={"keys": both})
    await asyncio.sleep(0.8)  # nobody believes what was before any longer
    assert (await use(cast.http, bearer)).status_code == 200


async def test_a_client_moves_from_its_secret_to_a_key_without_a_gap(cast: Cast, ana: Person) -> None:
    made = await make(ana)
    path, signer = f"/v1/clients/{made['client_id']}", Signer(cast, made["client_id"])
    early = await ana.call("PATCH", path, json={"auth_method": "private_key_jwt"})
    await ana.call("PUT", f"{path}/keys", json={"keys": [jwk("rsa", "k1")]})
    both = [await signer.ask(), await token_of(cast.http, made["client_id"], made["client_secret"])]
    moved = await ana.call("PATCH", path, json={"auth_method": "private_key_jwt"})
    after = [await signer.ask(), await token_of(cast.http, made["client_id"], made["client_secret"])]
    assert refusal(early) == (409, "client.wrong_method")
    assert [answer.status_code for answer in both] == [200, 200]
    assert moved.json()["secrets"] == []
    assert [answer.status_code for answer in after] == [200, 401]
    back = await ana.call("PATCH", path, json={"auth_method": "client_secret"})
    fresh = await ana.post(f"{path}/secrets", {})
    assert back.json()["secrets"] == []
    assert (await token_of(cast.http, made["client_id"], fresh["client_secret"])).status_code == 200


async def test_a_change_that_is_not_as_documented_changes_nothing(ana: Person) -> None:
    path = f"/v1/clients/{(await make(ana))['client_id']}"
    before = await ana.get(path)
    wrong: list[dict[str, Any]] = [{"name": None}, {"scopes": None}, {"scopes": []}, {"auth_method": None}, {"x": 1}]
    for bent in wrong:
        assert refusal(await ana.call("PATCH", path, json=bent)) == (422, "request.invalid"), bent
    assert await ana.get(path) == before
    assert (await ana.call("PATCH", path, json={"name": "Renamed"})).json()["name"] == "Renamed"


async def test_every_scope_can_be_granted_and_nothing_else(ana: Person) -> None:
    made = await make(ana, scopes=sorted(SCOPES))
    assert set(made["scopes"]) == SCOPES


async def test_a_client_that_does_not_exist_is_not_found(ana: Person) -> None:
    for name, expected in (("vpc_nobody", 404), ("x" * 81, 422), ("a%00b", 422), ("%C3%A9", 422)):
        status, _ = refusal(await ana.call("GET", f"/v1/clients/{name}"))
        assert status == expected, name


async def test_the_audit_tells_what_was_done_to_a_client_and_no_secret(ana: Person) -> None:
    made = await make(ana)
    path = f"/v1/clients/{made['client_id']}"
    rotated = await ana.post(f"{path}/secrets", {})
    await ana.call("PATCH", path, json={"scopes": ["devices:read"]})
    await ana.call("PUT", f"{path}/keys", json={"keys": [jwk("rsa", "k1")]})
    await ana.call("DELETE", f"{path}/secrets/{rotated['id']}")
    await ana.call("DELETE", path)
    entries = (await ana.get("/v1/audit", params={"limit": 6}))["items"]
    assert [entry["action"] for entry in entries] == [
        "client.revoke",
        "client_secret.revoke",
        "client_keys.replace",
        "client.change",
        "client_secret.create",
        "client.create",
    ]
    assert {entry["outcome"] for entry in entries} == {"done"}
    assert entries[0]["object"]["id"] == entries[-1]["object"]["id"] == made["client_id"]
    assert UUID(entries[1]["object"]["id"]) == UUID(rotated["id"])
    for secret in (made["client_secret"], rotated["client_secret"]):
        assert secret not in str(entries)
