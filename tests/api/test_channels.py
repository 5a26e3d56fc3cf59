"""Where alerts go: making channels, what is refused, and what of them is never shown again."""

from collections.abc import Iterator

import pytest

from tests.support.audit import entries
from tests.support.cast import Cast
from vigie.core.db import Database
from vigie.core.outbound import Reach
from vigie.core.sealing import Sealer
from vigie.webhooks.kit import Webhooks

MAIL = {"kind": "mail", "name": "Astreinte", "recipients": ["astreinte@atlas.example"]}
WEBHOOK = {"kind": "webhook", "name": "Tickets", "url": "https://tickets.atlas.example/vigie"}
SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
CHAT = {"kind": "service", "name": "Salon", "url": SLACK}


KEYED = Webhooks(Sealer(bytes(32)), Reach.PUBLIC)


@pytest.fixture
def sealed(cast: Cast) -> Iterator[Cast]:
    """The cast of a service whose operator has set up a sealing key."""
    kept, cast.parts.webhooks = cast.parts.webhooks, KEYED
    yield cast
    cast.parts.webhooks = kept


async def test_a_channel_is_made_changed_tried_and_removed(cast: Cast, database: Database) -> None:
    ana = await cast.ana()
    made = await ana.post("/v1/channels", {**MAIL, "digest_at": "18:30", "practices": [cast.cedar]})
    assert made["recipients"] == MAIL["recipients"]
    assert (made["secret"], made["enabled"], made["next_digest_at"]) == (None, True, "2026-11-17T17:30:00Z")
    path = f"/v1/channels/{made['id']}"
    patch = {"digest_at": "09:00", "time_zone": "Indian/Reunion", "opening_check_at": "19:00", "practices": None}
    changed = (await ana.call("PATCH", path, json=patch)).json()
    assert (changed["next_digest_at"], changed["next_opening_check_at"]) == (
        "2026-11-18T05:00:00Z",
        "2026-11-17T15:00:00Z",
    )
    assert changed["practices"] is None
    tried = await ana.call("POST", f"{path}/test")
    assert (tried.status_code, tried.json()["status"], tried.json()["kind"]) == (202, "pending", "test")
    listed = await ana.get("/v1/notifications", params={"channel_id": made["id"]})
    assert [each["id"] for each in listed["items"]] == [tried.json()["id"]]
    assert (await ana.get("/v1/notifications", params={"status": "sent"}))["items"] == []
    off = (await ana.call("PATCH", path, json={"enabled": False})).json()
    assert (off["enabled"], off["disabled_why"], off["next_digest_at"]) == (False, "member", None)
    refused = await ana.call("POST", f"{path}/test")
    assert (refused.status_code, refused.json()["code"]) == (409, "channel.off")
    on = (await ana.call("PATCH", path, json={"enabled": True})).json()
    assert (on["disabled_at"], on["next_digest_at"]) == (None, "2026-11-18T05:00:00Z")
    assert (await ana.call("DELETE", path)).status_code == 204
    assert (await ana.call("GET", path)).status_code == 404
    assert made["id"] not in {each["id"] for each in (await ana.get("/v1/channels"))["items"]}
    events = (await ana.get("/v1/events", params={"limit": 200}))["items"]
    told = [each["kind"] for each in events if each["payload"].get("channel") == made["id"]]
    assert told == [
        *("channel.created", "channel.changed", "channel.disabled", "channel.changed", "channel.removed"),
    ]
    actions = [each["action"] for each in await entries(database, ana.provider_id) if each["object_id"] == made["id"]]
    assert actions == [
        *("channel.create", "channel.change", "channel.test", "channel.change", "channel.test", "channel.change"),
        "channel.remove",
    ]


async def test_what_reaches_a_channel_is_shown_once_or_never(sealed: Cast, database: Database) -> None:
    ana = await sealed.ana()
    webhook = await ana.post("/v1/channels", WEBHOOK)
    assert webhook["secret"].startswith("whsec_")
    chat = await ana.post("/v1/channels", CHAT)
    assert (chat["service"], chat["url"], chat["secret"]) == ("slack", None, None)
    told = str(
        [
            *(await ana.get("/v1/channels", params={"limit": 200}))["items"],
            *(await ana.get("/v1/events", params={"limit": 200}))["items"],
            *(await entries(database, ana.provider_id)),
        ]
    )
    for secret in (webhook["secret"], "TIiajkdnlazkcOXrIdevi7FQ"):
        assert secret not in told
    again = {"Idempotency-Key": "one"}
    first = await ana.call("POST", "/v1/channels", json=WEBHOOK, headers=again)
    second = await ana.call("POST", "/v1/channels", json=WEBHOOK, headers=again)
    assert (first.status_code, second.status_code, second.json()["code"]) == (201, 409, "request.already_done")
    assert second.json()["id"] == first.json()["id"]


REFUSED = [
    (MAIL | {"recipients": ["ana@atlas.example\r\nBcc: eve@evil.example"]}, 422, "request.invalid"),
    (MAIL | {"recipients": ["ana"]}, 422, "request.invalid"),
    (MAIL | {"recipients": []}, 422, "request.invalid"),
    (MAIL | {"url": "https://atlas.example"}, 422, "request.invalid"),
    (MAIL | {"name": "two\nlines"}, 422, "request.invalid"),
    (MAIL | {"digest_at": "24:00"}, 422, "request.invalid"),
    (MAIL | {"causes": ["weather"]}, 422, "request.invalid"),
    (MAIL | {"practices": []}, 422, "request.invalid"),
    (WEBHOOK | {"url": "http://tickets.atlas.example/vigie"}, 422, "channel.address_refused"),
    (WEBHOOK | {"url": "https://127.0.0.1/vigie"}, 422, "channel.address_refused"),
    (WEBHOOK | {"url": "https://[::ffff:10.0.0.1]/vigie"}, 422, "channel.address_refused"),
    (WEBHOOK | {"url": "https://me:secret@tickets.atlas.example/vigie"}, 422, "channel.address_refused"),
    (CHAT | {"url": "https://evil.example/hook"}, 422, "channel.address_refused"),
    (CHAT | {"url": "file:///etc/passwd"}, 422, "channel.address_refused"),
    (CHAT | {"url": "json://localhost/"}, 422, "channel.address_refused"),
    (CHAT | {"url": "dbus://"}, 422, "channel.address_refused"),
    (CHAT | {"url": "syslog://"}, 422, "channel.address_refused"),
    (CHAT | {"url": "mmost://chat.atlas.example/token"}, 422, "channel.address_refused"),
    (CHAT | {"url": f"{SLACK}?template=/etc/passwd"}, 422, "channel.address_refused"),
    (CHAT | {"url": f"{SLACK}?redirect=yes"}, 422, "channel.address_refused"),
    (CHAT | {"url": f"{SLACK}?verify=no"}, 422, "channel.address_refused"),
    (CHAT | {"url": "ntfys://ntfy.sh/topic?attach=http://10.0.0.1/"}, 422, "channel.address_refused"),
    (CHAT | {"url": "ntfys://ntfy.sh/topic?%2BX-Header=a"}, 422, "channel.address_refused"),
    (CHAT | {"url": "slack://T1JJ3T3L2"}, 422, "channel.address_refused"),
]


async def test_what_is_no_place_for_alerts_is_refused(sealed: Cast) -> None:
    ana = await sealed.ana()
    for body, status, code in REFUSED:
        answer = await ana.call("POST", "/v1/channels", json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
        assert "secret" not in answer.text
        assert "TIiaj" not in answer.text
    assert (await ana.get("/v1/channels"))["items"] == []
    for body in (MAIL, WEBHOOK, CHAT):
        assert (await ana.call("POST", "/v1/channels", json=body)).status_code == 201


async def test_who_may_and_what_of_whom(cast: Cast) -> None:
    ana, tom, ivo, bea = await cast.ana(), await cast.tom(), await cast.ivo(), await cast.bea()
    made = await ana.post("/v1/channels", MAIL)
    foreign = await ana.call("POST", "/v1/channels", json=MAIL | {"practices": [cast.fir]})
    assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")
    path = f"/v1/channels/{made['id']}"
    for who, status in ((ana, 200), (ivo, 200), (tom, 403), (bea, 404)):
        assert (await who.call("GET", path)).status_code == status
    assert (await ivo.call("POST", f"{path}/test")).json()["code"] == "auth.insufficient_scope"
    assert (await tom.call("POST", f"{path}/test")).json()["code"] == "auth.limited_to_practices"
    await ana.post(f"{path}/test")
    assert len((await ivo.get("/v1/notifications"))["items"]) == 1
    assert (await tom.get("/v1/notifications"))["items"] == []  # it is about no practice of his
    wrong = await ana.call("PATCH", path, json={"url": "https://atlas.example/"})
    assert (wrong.status_code, wrong.json()["errors"]) == (
        422,
        [{"pointer": "/body/url", "reason": "a mail channel has none"}],
    )
    unseen = await tom.call("GET", "/v1/notifications", params={"practice_id": cast.elm})
    assert unseen.status_code == 404


async def test_without_a_sealing_key_only_mail_is_offered(sealed: Cast) -> None:
    ana = await sealed.ana()
    sealed.parts.webhooks = Webhooks(None, Reach.PUBLIC)
    refused = await ana.call("POST", "/v1/channels", json=WEBHOOK)
    assert (refused.status_code, refused.json()["code"]) == (503, "channel.secrets_off")
    assert (await ana.call("POST", "/v1/channels", json=MAIL)).status_code == 201
    sealed.parts.webhooks = KEYED
    assert (await ana.call("POST", "/v1/channels", json=WEBHOOK)).status_code == 201
