"""A session in a browser is used by our own pages only; and what browsers are told about every answer."""

import httpx
import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from tests.conftest import PUBLIC_URL
from tests.support.cast import Cast
from tests.support.front_door import Visitor, World
from tests.support.refusals import refusal
from vigie.auth.dependencies import flatten
from vigie.core.errors import install_error_handlers
from vigie.core.middleware import SecureHeaders
from vigie.settings import Settings

FORGED = (403, "auth.forged_request")


@pytest.fixture
def settings(front_settings: Settings) -> Settings:
    return front_settings


@pytest.fixture
def app(front_app: FastAPI) -> FastAPI:
    return front_app


# What a browser says of where a request comes from → whether it is ours. A script of ours also sends `X-Vigie-Request: 1`.
SIGNS: list[tuple[dict[str, str], bool]] = [
    ({"Origin": PUBLIC_URL}, True),
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Origin": PUBLIC_URL, "Sec-Fetch-Site": "same-origin"}, True),
    ({}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "https://evil.test"}, False),
    ({"Origin": "https://evil.test", "Sec-Fetch-Site": "same-origin"}, False),
    ({"Origin": "http://vigie.test"}, False),
    ({"Origin": "https://vigie.test:444"}, False),
    ({"Origin": "https://vigie.test.evil.test"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "none"}, False),
    ({"Referer": f"{PUBLIC_URL}/auth/account"}, False),
]


async def test_a_session_changes_nothing_but_for_a_script_of_ours(cast: Cast) -> None:
    ana = await cast.ana()
    path, count = f"/v1/practices/{cast.cedar}", 0
    for signs, ours in SIGNS:
        for header in ({"X-Vigie-Request": "1"}, {"X-Vigie-Request": "0"}, {}):
            count += 1
            city = f"Lyon {count}"
            answer = await ana.http.patch(path, json={"city": city}, headers={**signs, **header})
            allowed = ours and header == {"X-Vigie-Request": "1"}
            assert (answer.status_code == 200) == allowed, (signs, header, answer.text)
            if not allowed:
                assert refusal(answer) == FORGED
            assert ((await ana.get(path))["city"] == city) == allowed


async def test_every_route_that_changes_something_refuses_what_is_not_ours(cast: Cast, app: FastAPI) -> None:
    ana = await cast.ana()
    tried = 0
    for route in flatten(app.routes):
        path = getattr(route, "path", "")
        for method in sorted((getattr(route, "methods", None) or set()) - {"GET", "HEAD"}):
            if not path.startswith("/v1/") or path.startswith("/v1/agent/"):
                continue
            names = {"practice_id": cast.cedar, "member_id": ana.member_id, "session_id": ana.session_id}
            target = path.format_map({**dict.fromkeys(getattr(route, "param_convertors", {}), ana.member_id), **names})
            answer = await ana.http.request(method, target, json={}, headers={"Origin": "https://evil.test"})
            assert refusal(answer) == FORGED, (method, path)
            tried += 1
    assert tried > 20
    assert (await ana.call("GET", "/v1/me")).status_code == 200


async def test_a_token_needs_no_signs_for_browsers_do_not_send_it_by_themselves(cast: Cast) -> None:
    answer = await cast.pia.call(
        "PATCH", f"/v1/practices/{cast.cedar}", json={"city": "Lyon"}, headers={"Origin": "https://x.test"}
    )
    assert answer.status_code == 200


async def test_a_token_that_does_not_hold_is_not_replaced_by_a_cookie(cast: Cast) -> None:
    ana = await cast.ana()
    answer = await ana.http.get("/v1/me", headers={"Authorization": "Bearer nothing"})
    assert refusal(answer) == (401, "auth.unauthenticated")


async def test_our_forms_need_the_word_written_for_this_session(cast: Cast, world: World) -> None:
    ana, tom = await cast.ana(), await cast.tom()
    mine, browsing = Visitor(ana.http, world), Visitor(tom.http, world)
    await mine.get("/auth/account")
    await browsing.get("/auth/account")
    word, other = mine.field("form_token"), browsing.field("form_token")
    assert word != other
    forms = [
        ("/auth/account/membership", {"member_id": ana.member_id}, 404),
        (f"/auth/account/sessions/{tom.session_id}", {}, 404),
        ("/auth/logout", {}, 200),
    ]
    for path, form, status in forms:
        for signs, ours in SIGNS:
            for sent in ({}, {"form_token": other}, {"form_token": ""}, {"form_token": word}):
                if ours and sent == {"form_token": word}:
                    continue
                answer = await mine.http.post(
                    path, data={**form, **sent}, headers={"Accept": "application/json", **signs}
                )
                assert refusal(answer) == FORGED, (path, signs, sent)
        assert (await mine.post(path, {**form, "form_token": word})).status_code == status, path
    assert refusal(await ana.call("GET", "/v1/me")) == (401, "auth.unauthenticated")  # the last of the forms signed out


async def test_an_invitation_and_a_choice_are_taken_from_our_own_pages_only(cast: Cast, visitor: Visitor) -> None:
    ana = await cast.ana()
    made = await ana.post("/v1/invitations", {"role": "auditor", "label": "x"})
    form = {"token": made["link"].partition("#")[2]}
    for signs, ours in SIGNS:
        browsing = Visitor(httpx.AsyncClient(transport=visitor.http._transport, base_url=PUBLIC_URL), visitor.world)
        answer = await browsing.http.post("/auth/invitation", data=form, headers=signs)
        assert (answer.status_code == 200) == ours, signs
        assert ("__Host-vigie-invitation" in browsing.http.cookies) == ours
        answer = await browsing.http.post("/auth/choose", data={}, headers=signs)
        assert refusal(answer) == ((409, "sign_in.choice_expired") if ours else FORGED)


# --- headers -------------------------------------------------------------------------------------------------------

EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "strict-transport-security": "max-age=63072000",
}
DATA = "default-src 'none'; frame-ancestors 'none'"


async def test_browsers_are_told_what_answers_may_not_be_used_for(cast: Cast, visitor: Visitor) -> None:
    ana = await cast.ana()
    pages = ["/auth/login", "/auth/invitation", "/auth/logged-out", "/auth/login/nobody", "/docs"]
    data: list[tuple[httpx.AsyncClient, str, int]] = [
        (ana.http, "/v1/me", 200),
        (ana.http, "/v1/practices", 200),
        (ana.http, f"/v1/practices/{cast.fir}", 404),
        (visitor.http, "/v1/me", 401),
        (visitor.http, "/nothing", 404),
        (visitor.http, "/livez", 200),
        (visitor.http, "/openapi/console.json", 200),
    ]
    for path in pages:
        answer = await visitor.get(path)
        policy = answer.headers["content-security-policy"]
        directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
        assert directives["default-src"] == "'none'", path
        assert set(directives["script-src"].split()) == set(directives["style-src"].split()) == {"'self'"}, path
        assert (directives["frame-ancestors"], directives["form-action"], directives["base-uri"]) == (
            "'none'",
            "'self'",
            "'none'",
        )
        assert "<style" not in answer.text
        assert "style=" not in answer.text
        assert " onclick=" not in answer.text
        assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE, path
        assert answer.headers["cache-control"] == "no-store"
    for client, path, status in data:
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["content-security-policy"]) == (status, DATA), path
        assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE, path
        assert answer.headers["cache-control"] in {"no-store", "private, no-cache"}, path
        assert "access-control-allow-origin" not in answer.headers
    assert (await ana.http.get("/v1/me")).headers["cache-control"] == "no-store"


async def test_a_fault_of_ours_says_it_too() -> None:
    async def broken(_request: Request) -> Response:
        raise ZeroDivisionError

    app = FastAPI(openapi_url=None, middleware=[Middleware(SecureHeaders, https=True, except_below="/v1/agent/")])
    app.add_route("/broken", broken)
    install_error_handlers(app)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
        answer = await client.get("/broken")
    assert refusal(answer) == (500, "internal")
    said = [answer.headers[name] for name in ("content-security-policy", "x-frame-options", "x-content-type-options")]
    assert said == [DATA, "DENY", "nosniff"]


async def test_no_other_site_is_let_in_by_cors(cast: Cast) -> None:
    ana = await cast.ana()
    asked = {
        "Origin": "https://evil.test",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "x-vigie-request",
    }
    answer = await ana.http.options(f"/v1/practices/{cast.cedar}", headers=asked)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_files_of_the_pages_keep_for_ever_under_the_name_of_their_content(visitor: Visitor) -> None:
    page = await visitor.get("/auth/invitation")
    names = [part.split('"')[0] for part in page.text.split('="/auth/static/')[1:]]
    assert {name.rpartition(".")[2] for name in names} == {"css", "js", "svg"}
    for name in names:
        answer = await visitor.http.get(f"/auth/static/{name}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
        assert answer.headers["x-content-type-options"] == "nosniff"
    for other in ("vigie.css", "../pages.py", "..%2fpages.py", names[0].replace("-", "-0")):
        assert (await visitor.http.get(f"/auth/static/{other}")).status_code == 404, other
