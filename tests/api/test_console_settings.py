"""The pages of settings: what each role finds there, what is said of what was set, and that nothing of others is on them."""

import re
from datetime import timedelta

import pytest

from tests.support.cast import Cast
from tests.support.console_pages import missing, page, present, visit
from vigie.core.clock import wire_time
from vigie.posture.rules.bounds import BOUNDS

HOSTILE = "<script>alert('Orme')</script> \N{OFFICE BUILDING}"
ALL = (
    *("members", "identity-providers", "channels", "alerting", "thresholds", "maintenance"),
    *("clients", "webhooks", "audit"),
)
SEEN = {
    "ana": ALL,
    "ivo": ALL,
    "lea": ("channels", "alerting", "thresholds", "maintenance"),
    "tom": ("alerting", "thresholds", "maintenance"),
}


@pytest.mark.parametrize("who", SEEN)
async def test_each_role_finds_what_it_may_see(cast: Cast, who: str) -> None:
    person = await getattr(cast, who)()
    hub = await page(person, "/settings")
    assert tuple(re.findall(r'<a href="/settings/([a-z-]+)" data-step', hub)) == SEEN[who]
    for name in ALL:
        for language in ("fr", "en"):  # an English page with a French text in it is not made at all
            answer = await visit(person, f"/settings/{name}", language)
            assert (answer.status_code == 200) == (name in SEEN[who]), (name, answer.status_code)
            if who == "ivo":
                assert 'data-api="' not in answer.text, name  # who reads finds no form
            assert not (who == "tom" and present(answer.text, "Elm", cast.elm)), name


async def test_people_of_a_practice_have_an_account_and_no_settings(cast: Cast) -> None:
    paz, bea = await cast.paz(), await cast.bea()
    assert (await visit(paz, "/settings")).headers["location"] == "/me"
    assert (await visit(paz, "/settings/members")).status_code == 403
    html = await page(paz, "/me")
    assert not missing(html, "Dr Paz", "Cedar", "Cette session", 'data-api="POST /auth/logout"', "data-preference=")
    assert "Sign out" in await page(bea, "/me", language="en")
    out = await paz.call("POST", "/auth/logout", headers={"Accept": "application/json"})
    assert out.status_code == 200
    assert (await visit(paz, "/me")).headers["location"].startswith("/auth/login")


async def test_a_page_names_the_practices_that_its_choice_does_not_hold(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vigie.console.settings._MOST", 1)  # as it is with more than two hundred
    ana, tom = await cast.ana(), await cast.tom()
    ends = wire_time(cast.clock.now() + timedelta(days=1))
    for practice in (cast.cedar, cast.elm):
        window = {
            "practice_id": practice,
            "reason": "travaux",
            "starts_at": wire_time(cast.clock.now()),
            "ends_at": ends,
        }
        await ana.post("/v1/maintenance-windows", window)
    assert not missing(await page(ana, "/settings/maintenance"), "<bdi>Cedar</bdi>", "<bdi>Elm</bdi>")
    for named in (cast.elm, f"{cast.elm}/posture", cast.fir):  # neither another answer nor another provider's
        html = await page(ana, f"/settings/thresholds?practice_id={cast.elm}&practice={named}")
        assert not missing(html, f'<option value="{cast.elm}" selected>Elm'), named
        assert "Fir" not in html, named
    assert "Elm" not in await page(tom, f"/settings/thresholds?practice={cast.elm}")


async def test_what_was_set_is_said_in_words(cast: Cast) -> None:
    """A walk: work is announced, a policy drafted and tried, thresholds changed, a program let in, a member invited."""
    ana = await cast.ana()
    answer = await cast.pia.call("PATCH", f"/v1/practices/{cast.elm}", json={"name": HOSTILE})
    assert answer.status_code == 200
    day = cast.clock.now().date().isoformat()
    weekly = {"weekdays": ["monday", "friday"], "from": "20:00", "to": "23:00", "first": day}
    await ana.post(
        "/v1/maintenance-windows",
        {"practice_id": cast.elm, "reason": "<b>Disque</b>", "weekly": weekly, "causes": ["backup"]},
    )
    html = await page(ana, "/settings/maintenance")
    assert not missing(
        html,
        "chaque semaine, lundi, vendredi, de 20:00 à 23:00",
        "annoncée par Ana",
        "&lt;b&gt;Disque&lt;/b&gt;",
        "Sauvegarde",
    )
    for path in (
        "maintenance",
        "members",
        "clients",
        "webhooks",
        "thresholds",
        "channels",
        f"maintenance?pour={cast.elm}",
    ):
        assert not present(await page(ana, f"/settings/{path}"), "<script>alert"), path
    assert not present(await page(await cast.tom(), "/settings/maintenance"), "Disque", "Orme")

    quiet = {"ladders": {"info": [{"after_min": 30, "to": "on_call"}]}, "causes": {"patch": {"severity": "off"}}}
    answer = await ana.call("PUT", "/v1/alerting-policy/draft", json=quiet)
    assert answer.status_code == 200, answer.text
    html = await page(ana, "/settings/alerting?essai=90")
    assert not missing(
        html, "Un brouillon attend", "Écrit par Ana", "Ce qui serait parti", "En réalité, sur la même période"
    )
    assert re.search(r'name="causes\.patch\.severity".*?<option value="off" selected>', html, re.DOTALL)
    assert 'value="&#34;on_call&#34;" selected' in html
    assert "Un brouillon attend" not in await page(await cast.bea(), "/settings/alerting")

    answer = await ana.call(
        "PUT", "/v1/policies", json={"practice_id": cast.cedar, "thresholds": {"patch": {"security_pass_days": 9}}}
    )
    assert answer.status_code == 200, answer.text
    html = await page(ana, f"/settings/thresholds?practice_id={cast.cedar}")
    assert not missing(html, "vaut 9, de 1 à 60", "réglé pour ce cabinet", "1 réglé ici")
    shown = set(re.findall(r'name="thresholds\.([a-z_]+\.[a-z_]+)"', html))
    assert shown == {f"{family}.{key}" for family, keys in BOUNDS.items() for key in keys}
    assert not [key for key in shown if f">{key.partition('.')[2]}</label>" in html]  # each has a sentence
    assert not present(await page(await cast.bea(), "/settings/thresholds"), "Cedar", cast.cedar)

    invited = await ana.post("/v1/invitations", {"role": "technician", "label": "Max <i>", "practices": [cast.cedar]})
    made = await ana.post("/v1/clients", {"name": "Tickets", "scopes": ["alerts:read"], "practices": [cast.cedar]})
    html = await page(ana, "/settings/members")
    assert not missing(html, "Max &lt;i&gt;", f"/v1/invitations/{invited['id']}", "valable jusqu'au")
    html = await page(ana, "/settings/clients")
    assert not missing(html, "Tickets", "Lire les alertes", "Cedar", f"POST /v1/clients/{made['client_id']}/secrets")
    assert made["client_secret"] not in html
    html = await page(ana, f"/settings/audit?action=client.create&from={day}&to={day}")
    assert not missing(html, "<code>client.create</code>", made["client_id"], "Exporter le journal")
    assert "Aucune ligne" in await page(ana, f"/settings/audit?action=client.create&outcome=refused&from={day}")
    assert not present(await page(await cast.bea(), "/settings/audit"), made["client_id"], "Ana")


async def test_what_was_sent_is_in_the_log_of_the_channel(cast: Cast) -> None:
    ana = await cast.ana()
    new = {
        "kind": "mail",
        "name": "Équipe",
        "recipients": ["equipe@it.example"],
        "digest_at": "18:30",
        "causes": ["backup"],
    }
    channel = await ana.post("/v1/channels", new)
    test = await ana.post(f"/v1/channels/{channel['id']}/test")
    assert (test["to_name"], test["practice_name"], test["title"]) == ("Équipe", None, None)
    html = await page(ana, f"/settings/channels?channel_id={channel['id']}")
    assert not missing(html, "equipe@it.example", "Message d'essai", "En attente", "à 18:30, le prochain")
    await ana.call("PATCH", f"/v1/channels/{channel['id']}", json={"enabled": False})
    html = await page(ana, "/settings/channels")
    assert not missing(html, "arrêté par quelqu'un de chez vous", "Remettre en service")
    assert not present(await page(await cast.bea(), "/settings/channels"), "Équipe<", channel["id"])


async def test_a_stored_policy_is_rehearsed_at_an_address(cast: Cast) -> None:
    ana, tom = await cast.ana(), await cast.tom()
    path = "/v1/alerting-policy/rehearsal"
    told = await ana.get(f"{path}?days=30")
    posted = await ana.post("/v1/alerting-policy/rehearse", {"policy": "active", "days": 30})
    assert {**told, "since": None, "until": None} == {**posted, "since": None, "until": None}
    assert told["until"] == wire_time(cast.clock.now())
    refused = await ana.call("GET", f"{path}?policy=draft")
    assert (refused.status_code, refused.json()["code"]) == (409, "alerting_policy.no_draft")
    assert (await tom.call("GET", f"{path}?practice_id={cast.elm}")).status_code == 404
    assert (await tom.call("GET", f"{path}?practice_id={cast.cedar}")).status_code == 200
