"""The authorization server as others see it: its metadata, its keys while they change, its audit, and what it does in a storm."""

import ast
import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from cryptography.hazmat.primitives import serialization
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.conftest import PUBLIC_URL, running
from tests.support.cast import Cast
from tests.support.partners import GRANT, Signer, jwk, private_key, token_of, use
from tests.support.refusals import refusal
from vigie.auth.principal import SCOPES
from vigie.auth.signing_keys import TokenKeyError, load_signing_keys, new_signing_key
from vigie.auth.token_endpoint import METHODS
from vigie.core.clock import MovableClock
from vigie.core.db import Database
from vigie.settings import Settings

TOKEN = f"{PUBLIC_URL}/oauth/token"
PAGE = Path(__file__).parents[2] / "docs" / "partners.md"


async def test_the_metadata_is_what_rfc_8414_asks_for(cast: Cast) -> None:
    answer = await cast.http.get(get_well_known_url(PUBLIC_URL))
    metadata = AuthorizationServerMetadata(answer.json())
    metadata.validate()
    with pytest.raises(ValueError, match="token_endpoint"):
        AuthorizationServerMetadata({**metadata, "token_endpoint": "http://vigie.test/oauth/token"}).validate()
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert metadata["issuer"] == PUBLIC_URL
    assert metadata["token_endpoint"] == TOKEN
    assert set(metadata["scopes_supported"]) == SCOPES
    assert tuple(metadata["token_endpoint_auth_methods_supported"]) == METHODS
    assert (await cast.http.get(metadata["jwks_uri"])).json()["keys"]


async def test_anybody_can_verify_an_access_token_with_the_published_keys(cast: Cast) -> None:
    answer = await cast.http.get("/oauth/jwks")
    (key,) = answer.json()["keys"]
    found = jwt.decode(cast.pia.token, KeySet.import_key_set(answer.json()), algorithms=["RS256"])
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}
    assert key["kid"] == RSAKey.import_key({name: key[name] for name in ("kty", "n", "e")}).thumbprint()
    assert found.header == {"alg": "RS256", "typ": "at+jwt", "kid": key["kid"]}
    assert found.claims["client_id"] == found.claims["sub"] == cast.pia.client_id


@pytest.mark.parametrize("method", METHODS)
async def test_another_library_s_client_gets_a_token_each_way(cast: Cast, method: str) -> None:
    """Authlib writes the request, as a partner's program would; only the clock of its assertion is bent to the test's."""
    ana = await cast.ana()
    new = {"name": "Peer", "scopes": ["practices:read"], "keys": [jwk("rsa", "k1")]}
    made = await ana.post("/v1/clients", new)
    auth = ClientAuth(made["client_id"], made["client_secret"], method)
    if method == "private_key_jwt":
        pem = private_key("rsa").private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        now = int(cast.clock.now().timestamp())
        signing = PrivateKeyJWT(TOKEN, claims={"iat": now, "exp": now + 120}, headers={"kid": "k1"})
        auth = ClientAuth(made["client_id"], RSAKey.import_key(pem), signing)
    uri, headers, body = auth.prepare(
        "POST", TOKEN, {"Content-Type": "application/x-www-form-urlencoded"}, "grant_type=client_credentials"
    )
    answer = await cast.http.post(uri, headers=headers, content=body)
    assert answer.status_code == 200, answer.text
    assert (await use(cast.http, answer.json()["access_token"])).status_code == 200


@contextlib.asynccontextmanager
async def process(
    settings: Settings, clock: MovableClock, signing: Path, *accepted: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A process of the service with these keys."""
    keyed = settings.model_copy(update={"token_key_file": signing, "token_key_previous_files": accepted})
    async with running(keyed, clock) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
            yield client


async def test_the_program_on_the_page_for_partners_gets_a_token(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both blocks of Python run as they stand, but for address and clock; what the first prints is what the owner registers."""
    make_key, program = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    ana = await cast.ana()
    made = await ana.post("/v1/clients", {"name": "Reader", "scopes": ["practices:read"]})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLIENT_ID", made["client_id"])
    exec(make_key, {})  # noqa: S102 - our own page
    keys = [ast.literal_eval(capsys.readouterr().out)]
    assert (await ana.call("PUT", f"/v1/clients/{made['client_id']}/keys", json={"keys": keys})).status_code == 200
    names: dict[str, Any] = {}
    exec(program.replace("https://vigie.example", PUBLIC_URL), names)  # noqa: S102
    names["time"] = SimpleNamespace(time=lambda: cast.clock.now().timestamp())
    sent: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={})

    names["fetch_token"](httpx.Client(transport=httpx.MockTransport(note)))
    answer = await cast.http.send(httpx.Request("POST", sent[0].url, headers=sent[0].headers, content=sent[0].content))
    assert answer.status_code == 200, answer.text


async def test_a_signing_key_is_replaced_without_a_gap(
    cast: Cast, settings: Settings, clock: MovableClock, tmp_path: Path
) -> None:
    """Three steps, as the page for operators says: the new key is accepted, it signs, the old one is gone."""
    old, new, public = tmp_path / "old.pem", tmp_path / "new.pem", tmp_path / "old-public.pem"
    for path in (old, new):
        path.write_bytes(new_signing_key())
    public.write_bytes(
        load_signing_keys(old)
        .private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    async with (
        process(settings, clock, old, new) as first,
        process(settings, clock, new, public) as second,
        process(settings, clock, new) as third,
    ):
        steps = (first, second, third)
        tokens = [
            (await token_of(http, cast.pia.client_id, cast.pia.client_secret)).json()["access_token"] for http in steps
        ]
        seen = [[(await use(http, token)).status_code for http in steps] for token in tokens]
        published = [[key["kid"] for key in (await http.get("/oauth/jwks")).json()["keys"]] for http in steps]
    kids = [load_signing_keys(path).key_id for path in (old, new)]
    assert seen == [[200, 200, 401], [200, 200, 200], [200, 200, 200]]
    assert published == [kids, kids[::-1], kids[1:]]


def test_a_key_that_is_not_fit_stops_the_program(tmp_path: Path) -> None:
    good, short, text, point = (tmp_path / name for name in ("good.pem", "short.pem", "text.pem", "point.pem"))
    good.write_bytes(new_signing_key())
    text.write_text("not a key")
    for path, kind in ((short, "rsa-1024"), (point, "p256")):
        path.write_bytes(
            private_key(kind).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    assert load_signing_keys(good, [good]).key_id
    for wrong in (None, tmp_path / "absent.pem", short, text, point):
        with pytest.raises(TokenKeyError):
            load_signing_keys(wrong)
    for wrong in (tmp_path / "absent.pem", short, text, point):
        with pytest.raises(TokenKeyError):
            load_signing_keys(good, [wrong])


async def test_what_a_known_client_is_refused_is_in_the_audit_of_its_provider_once_a_minute(cast: Cast) -> None:
    ana, bea = await cast.ana(), await cast.bea()
    made = await ana.post("/v1/clients", {"name": "Ticketing", "scopes": ["practices:read"]})
    borea = len((await bea.get("/v1/audit"))["items"])
    for _ in range(3):
        assert (await token_of(cast.http, made["client_id"], "vcs_wrong")).status_code == 401
    assert (await token_of(cast.http, "vpc_nobody", "vcs_wrong")).status_code == 401
    for _ in range(2):
        answer = await token_of(cast.http, made["client_id"], made["client_secret"], scope="devices:read")
        assert answer.status_code == 400
    entries = (await ana.get("/v1/audit", params={"action": "access_token.issue"}))["items"]
    assert [(entry["outcome"], entry["code"], entry["actor"]["kind"]) for entry in entries] == [
        ("refused", "invalid_scope", "client"),
        ("refused", "invalid_client", "anonymous"),
    ]
    assert {entry["object"]["id"] for entry in entries} == {made["client_id"]}
    assert "vcs_wrong" not in str(entries)
    assert len((await bea.get("/v1/audit"))["items"]) == borea


async def test_what_went_unrecorded_is_told_by_the_next_entry(
    own_app: FastAPI, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, moment = await cast.ana(), [1000.0]
    monkeypatch.setattr(own_app.state.parts.refusals, "_monotonic", lambda: moment[0])
    for _ in range(4):
        await token_of(cast.http, cast.pia.client_id, "vcs_wrong")
    moment[0] += 60
    await token_of(cast.http, cast.pia.client_id, "vcs_wrong")
    entries = (await ana.get("/v1/audit", params={"action": "access_token.issue"}))["items"]
    assert [entry["details"] for entry in entries] == [{"unrecorded_before": 3}, {}]


async def test_a_revoked_client_that_comes_back_is_in_the_audit(cast: Cast) -> None:
    ana = await cast.ana()
    made = await ana.post("/v1/clients", {"name": "Gone", "scopes": ["practices:read"]})
    await ana.call("DELETE", f"/v1/clients/{made['client_id']}")
    assert (await token_of(cast.http, made["client_id"], made["client_secret"])).status_code == 401
    (entry,) = (await ana.get("/v1/audit", params={"action": "access_token.issue"}))["items"]
    assert (entry["outcome"], entry["object"]["id"]) == ("refused", made["client_id"])


async def test_a_storm_waits_its_turn_and_who_comes_too_late_is_told_to_come_back(own_app: FastAPI, cast: Cast) -> None:
    endpoint, pia = own_app.state.parts.token_endpoint, cast.pia
    leave, inside = asyncio.Event(), 0

    async def stay() -> None:
        nonlocal inside
        async with endpoint.turn():
            inside += 1
            await leave.wait()

    waiting = [asyncio.create_task(stay()) for _ in range(1004)]
    await asyncio.sleep(0)
    refused = await token_of(cast.http, pia.client_id, pia.client_secret)
    at_once = inside
    leave.set()
    await asyncio.gather(*waiting)
    admitted = await token_of(cast.http, pia.client_id, pia.client_secret)
    assert refusal(refused) == (503, "service.unavailable")
    assert refused.headers["retry-after"] == "2"
    assert (at_once, inside) == (4, 1004)
    assert admitted.status_code == 200


async def test_a_database_that_does_not_answer_in_time_is_no_fault_of_ours(
    cast: Cast, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vigie.auth.clients._LOOK_UP_S", 0.2)
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql("LOCK TABLE partner_client IN ACCESS EXCLUSIVE MODE")
        stuck = await token_of(cast.http, cast.pia.client_id, cast.pia.client_secret)
    assert refusal(stuck) == (503, "service.unavailable")
    assert (await token_of(cast.http, cast.pia.client_id, cast.pia.client_secret)).status_code == 200


async def test_two_hundred_at_once_all_get_a_token(cast: Cast) -> None:
    ana = await cast.ana()
    new = {"name": "Busy", "scopes": ["practices:read"], "keys": [jwk("rsa", "k1")]}
    clients = [await ana.post("/v1/clients", new) for _ in range(10)]
    answers = await asyncio.gather(
        *(
            token_of(cast.http, one["client_id"], one["client_secret"])
            if place % 2
            else Signer(cast, one["client_id"]).ask()
            for place in range(20)
            for one in clients
        )
    )
    assert [answer.status_code for answer in answers] == [200] * 200
    assert len({answer.json()["access_token"] for answer in answers}) == 200


async def test_a_token_is_never_asked_for_in_an_address(cast: Cast) -> None:
    assert refusal(await cast.http.get("/oauth/token", params=GRANT)) == (405, "method_not_allowed")
