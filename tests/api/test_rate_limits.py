"""Quotas of requests: who is counted under which, what the headers say, and that nobody uses up what is another's."""

import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import settings_for
from tests.support.agent import healthy
from tests.support.cast import Cast
from tests.support.partners import token_of, use
from tests.support.refusals import refusal
from vigie.core.rate_limit import RateLimitExceededError, RateLimits, key_of_address
from vigie.settings import Settings

EXCEEDED = (429, "rate_limit.exceeded")
# The window is long enough for a test on a slow machine, so that nothing but the number decides.
SMALL = {
    "limit_token_client": "5/hour",
    "limit_token_address": "60/hour",
    "limit_read": "6/hour",
    "limit_read_provider": "9/hour",
    "limit_write": "8/hour",
    "limit_write_provider": "30/hour",
}


@pytest.fixture
def settings(database_url: str, key_file: Path) -> Settings:
    """Settings with small quotas: the test gets an application of its own."""
    return settings_for(database_url, key_file, **SMALL)


def left(answer: httpx.Response) -> dict[str, int]:
    """Return what remains of each quota by the header of an answer."""
    return {
        name: int(remaining)
        for name, remaining in re.findall(r'"([a-z-]+)";r=(\d+);t=\d+', answer.headers["ratelimit"])
    }


async def test_an_answer_says_what_is_left_and_a_refusal_when_to_come_back(cast: Cast) -> None:
    answers = [await use(cast.http, cast.pia.token) for _ in range(7)]
    served, refused = answers[:6], answers[6]
    assert [answer.status_code for answer in served] == [200] * 6
    assert [left(answer)["read"] for answer in served] == [5, 4, 3, 2, 1, 0]
    assert [left(answer)["read-provider"] for answer in served] == [8, 7, 6, 5, 4, 3]
    assert served[0].headers["ratelimit-policy"] == '"read";q=6;w=3600, "read-provider";q=9;w=3600'
    assert refusal(refused) == EXCEEDED
    assert refused.json()["quota"] == "read"
    assert refused.headers["ratelimit-policy"] == '"read";q=6;w=3600'
    wait = int(refused.headers["retry-after"])
    assert 3500 < wait <= 3600
    assert refused.headers["ratelimit"] == f'"read";r=0;t={wait}'
    french = await cast.http.get(
        "/v1/practices", headers={"Authorization": f"Bearer {cast.pia.token}", "Accept-Language": "fr"}
    )
    assert french.json()["title"].startswith("Trop de requêtes")


async def test_each_caller_has_its_own_and_all_of_a_provider_share_one_more(cast: Cast) -> None:
    second = await cast.client(cast.pia, "practices:read")
    first_statuses = [(await use(cast.http, cast.pia.token)).status_code for _ in range(8)]
    answers = [await use(cast.http, second.token) for _ in range(4)]
    assert first_statuses == [200] * 6 + [429] * 2  # what is refused to one is not taken from the others
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].json()["quota"] == "read-provider"
    assert left(answers[3]) == {"read": 2, "read-provider": 0}
    assert (await use(cast.http, cast.bela.token)).status_code == 200  # another provider


async def test_reading_and_changing_are_counted_apart_and_each_session_too(cast: Cast) -> None:
    ana = await cast.ana()
    for _ in range(6):
        await ana.call("GET", "/v1/clients")
    read, write = await ana.call("GET", "/v1/clients"), await ana.call("POST", "/v1/clients", json={})
    assert refusal(read) == EXCEEDED
    assert refusal(write) == (422, "request.invalid")
    assert left(write) == {"write": 7, "write-provider": 29}
    another = await cast.ana()
    assert (await another.call("GET", "/v1/clients")).status_code == 200


async def test_a_refused_write_changes_nothing_and_is_not_in_the_audit(cast: Cast) -> None:
    ana = await cast.ana()
    answers = [
        await ana.call("POST", "/v1/clients", json={"name": f"C{n}", "scopes": ["practices:read"]}) for n in range(9)
    ]
    assert [answer.status_code for answer in answers] == [201] * 8 + [429]
    listed = await ana.get("/v1/clients", params={"limit": 200})
    entries = (await ana.get("/v1/audit", params={"action": "client.create", "limit": 200}))["items"]
    assert len([item for item in listed["items"] if item["name"].startswith("C")]) == 8
    assert len([entry for entry in entries if entry["actor"]["name"] == "Ana"]) == 8


async def test_tokens_are_counted_per_client_and_nobody_else_can_use_them_up(cast: Cast) -> None:
    pia = cast.pia
    wrong = [(await token_of(cast.http, pia.client_id, "vcs_wrong")).status_code for _ in range(10)]
    right = [await token_of(cast.http, pia.client_id, pia.client_secret) for _ in range(6)]
    assert wrong == [401] * 10
    assert [answer.status_code for answer in right] == [200] * 5 + [429]
    assert right[5].json()["quota"] == "token-client"
    assert (await token_of(cast.http, cast.bela.client_id, cast.bela.client_secret)).status_code == 200


async def test_token_requests_are_counted_per_address_whatever_comes_of_them(cast: Cast) -> None:
    statuses = [(await token_of(cast.http, "vpc_nobody", "x")).status_code for _ in range(60)]
    last = await token_of(cast.http, cast.pia.client_id, cast.pia.client_secret)
    assert statuses == [401] * 60
    assert refusal(last) == EXCEEDED
    assert last.json()["quota"] == "token-address"
    assert last.headers["cache-control"] == "no-store"


async def test_devices_and_strangers_are_not_counted_as_callers(cast: Cast) -> None:
    device = await cast.device()
    for _ in range(12):
        answer = await device.send(device.heartbeat(healthy(cast.clock.now())))
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers
    anonymous = await cast.http.get("/v1/practices")
    assert refusal(anonymous) == (401, "auth.unauthenticated")
    assert "ratelimit" not in anonymous.headers


async def test_the_metadata_is_free(cast: Cast) -> None:
    for path in ("/.well-known/oauth-authorization-server", "/oauth/jwks", "/livez"):
        statuses = {(await cast.http.get(path)).status_code for _ in range(10)}
        assert statuses == {200}


def test_a_window_begins_with_the_first_request_and_ends_when_it_says() -> None:
    now = [100.0]
    limits = RateLimits({"read": "2/10 seconds"}, lambda: now[0])
    scope: dict[str, object] = {"vigie.quotas": []}
    limits.admit(scope, ("read", "me"))
    now[0] = 109.0
    limits.admit(scope, ("read", "me"))
    with pytest.raises(RateLimitExceededError) as first:
        limits.admit(scope, ("read", "me"))
    now[0] = 109.9
    with pytest.raises(RateLimitExceededError) as second:
        limits.admit(scope, ("read", "me"))
    limits.admit(scope, ("read", "you"))
    now[0] = 110.0
    limits.admit(scope, ("read", "me"))
    assert [error.value.headers["Retry-After"] for error in (first, second)] == ["1", "1"]
    assert scope["vigie.quotas"][-1] == (b"ratelimit", b'"read";r=1;t=10')  # type: ignore[index]


def test_what_is_remembered_is_bounded_and_the_oldest_window_leaves() -> None:
    limits = RateLimits({"read": "1/hour"}, lambda: 1.0)
    for number in range(20_001):
        limits.admit({}, ("read", str(number)))
    with pytest.raises(RateLimitExceededError):
        limits.admit({}, ("read", "20000"))
    limits.admit({}, ("read", "0"))  # forgotten, so it may once more


def test_an_ipv6_site_is_one_address() -> None:
    cases = {
        "192.0.2.7": "192.0.2.7",
        "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::",
        "2001:db8:1:2::1": "2001:db8:1:2::",
        "2001:db8:1:3::1": "2001:db8:1:3::",
        None: "nowhere",
    }
    assert {address: key_of_address(address) for address in cases} == cases


def test_a_quota_that_cannot_be_read_stops_the_program() -> None:
    for wrong in ("", "many", "0/second", "10/fortnight", "10 per second", "10/0 seconds", "-1/second"):
        with pytest.raises(ValueError, match="limit_read"):
            Settings(limit_read=wrong)
    for right in ("10/second", "10/5 seconds", "600/minute", "1/24 hours"):
        assert RateLimits({"read": Settings(limit_read=right).limit_read}, lambda: 0.0)


async def test_the_defaults_leave_a_busy_client_alone(shared_app: FastAPI) -> None:
    quotas = shared_app.state.parts.limits._quotas
    assert {name: quota.policy.partition(";")[2] for name, quota in quotas.items()} == {
        "token-client": "q=60;w=10",
        "token-address": "q=600;w=10",
        "sign-in-address": "q=600;w=60",
        "read": "q=3000;w=10",
        "read-provider": "q=15000;w=10",
        "write": "q=3000;w=10",
        "write-provider": "q=15000;w=10",
    }
