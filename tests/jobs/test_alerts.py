"""Alerts through the job, the log and HTTP: what the worker does is what a rehearsal says."""

import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.conftest import NOW
from tests.support.agent import healthy, patch_section
from tests.support.alerts import line_down, line_restored, log_events
from tests.support.cast import Cast
from tests.support.rows import execute, fetch
from tests.support.time_travel import Worker
from vigie.alerts.follow import LAG, Follower
from vigie.alerts.rules.engine import advance as whole
from vigie.core.clock import wire_time
from vigie.core.db import Database
from vigie.core.ids import uuid7
from vigie.events.log import NewEvent

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
OVERDUE = {"security": 1, "critical": 0, "other": 0, "max_age_days": 90, "items": []}
OPEN = {"weekly": {day: [{"from": "08:30", "to": "18:00"}] for day in ("monday", "tuesday", "thursday", "friday")}}


@pytest.fixture
async def worker(cast: Cast) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the worker's."""
    found = Worker(cast.settings)
    yield await found.connection()
    await found.close()


async def add_channel(database: Database, cast: Cast, now: datetime) -> UUID:
    """Give Atlas a channel, past the door that would try its address."""
    made = uuid7()
    await execute(
        database,
        "INSERT INTO channel (provider_id, id, kind, name, language, address, minimum_severity, time_zone, created_at, created_by,"
        " changed_at) VALUES (:provider, :id, 'mail', 'Team', 'fr', '{}', 'info', 'Europe/Paris', :now, 'ana', :now)",
        provider=UUID(cast.pia.provider_id),
        id=made,
        now=now,
    )
    return made


def posture(cast: Cast, practice: str, control: str, to: str, at: datetime) -> NewEvent:
    change = {"control": control, "from": None, "to": to, "reason": "some_devices_fail"}
    payload = {"headlines": [], "controls": [change]}
    return NewEvent(UUID(cast.pia.provider_id), "posture.changed", UUID(practice), None, at, payload)


def about_device(cast: Cast, practice: str, device: UUID, kind: str, at: datetime) -> NewEvent:
    payload: dict[str, Any] = {"silent_since": wire_time(at), "ran_meanwhile": 0}
    if kind == "device.silent":
        payload = {"alias": "pc", "role": "workstation", "cause": "unknown", "last_seen_at": None, "evidence": {}}
    return NewEvent(UUID(cast.pia.provider_id), kind, UUID(practice), device, at, payload)


async def test_from_a_report_to_an_alert_that_people_work_on(cast: Cast, worker: asyncpg.Connection) -> None:
    """A walk: an alert opens by the clock, is shown with its evidence, taken, silenced, commented on, and closes."""
    device, follower, pia = await cast.device(), Follower("postgresql"), cast.pia
    reported_at = cast.clock.now()
    await device.report({**healthy(reported_at), "patch": patch_section(reported_at, pending=OVERDUE)})
    await follower.run(worker, reported_at)
    assert (await pia.get(f"/v1/alerts?practice_id={cast.cedar}&cause=patch"))[
        "items"
    ] == []  # it may pass within an hour
    cast.clock.advance(HOUR)
    await follower.run(worker, cast.clock.now())
    alert = (await pia.get(f"/v1/alerts?practice_id={cast.cedar}&cause=patch"))["items"][0]
    assert (alert["status"], alert["severity"], alert["practice_name"]) == ("open", "warning", "Cedar")
    assert (alert["condition_since"], alert["opened_at"]) == (wire_time(reported_at), wire_time(reported_at + HOUR))
    [member] = [each for each in alert["members"] if each["id"] == "ANS-2.2"]
    assert (member["control"], member["device_id"], member["title"][:4]) == ("ANS-2.2", None, "2.2 ")
    spoken = [
        (await pia.get(f"/v1/alerts/{alert['id']}", headers={"Accept-Language": language}))["title"]
        for language in ("fr", "en")
    ]
    assert spoken == ["Mises à jour en retard", "Updates are late"]
    event = (await pia.get(f"/v1/events?after={member['number'] - 1}&limit=1"))["items"][0]
    assert (event["kind"], event["number"]) == ("posture.changed", member["number"])

    path, lea, paz = f"/v1/alerts/{alert['id']}", await cast.lea(), await cast.paz()
    for who, act, body, expected in (
        (paz, "acknowledge", {}, (403, "auth.insufficient_scope")),
        (pia, "acknowledge", {"comment": "I look"}, (200, "acknowledged")),
        (pia, "assign", {"member_id": paz.member_id}, (422, "alert.assignee")),
        (pia, "assign", {"member_id": lea.member_id}, (200, "acknowledged")),
        (pia, "snooze", {"until": wire_time(cast.clock.now())}, (422, "alert.snooze_period")),
        (pia, "snooze", {"until": wire_time(cast.clock.now() + HOUR)}, (200, "snoozed")),
        (pia, "comment", {"comment": "Reboots tonight"}, (200, "snoozed")),
        (pia, "resolve", {"reason": "x"}, (422, "request.invalid")),
        (pia, "resolve", {"reason": "Updated by hand"}, (200, "resolved")),
    ):
        answer = await who.call("POST", f"{path}/{act}", json=body)
        told = answer.json()
        assert (answer.status_code, told.get("code", told["status"])) == expected, (act, told)
    shown = await paz.get(path)
    assert [line["kind"] for line in shown["timeline"]] == [
        *("opened", "acknowledged", "assigned", "snoozed", "commented", "resolved"),
    ]
    assert (shown["assignee_id"], shown["assignee_name"]) == (lea.member_id, "Lea")
    assert [line["comment"] for line in shown["timeline"]][1] == "I look"

    cast.clock.advance(HOUR)
    now = cast.clock.now()
    await device.report({**healthy(now), "patch": patch_section(now)})
    await follower.run(worker, now)
    assert (await pia.get(path))["clears_at"] == wire_time(now + HOUR)
    cast.clock.advance(HOUR)
    closed = await pia.call("POST", f"{path}/acknowledge", json={})  # nobody looked meanwhile: the act itself does
    assert (closed.status_code, closed.json()["code"]) == (409, "alert.closed")
    await follower.run(worker, cast.clock.now())
    assert [each["id"] for each in (await pia.get(f"/v1/alerts?status=closed&practice_id={cast.cedar}"))["items"]] == [
        alert["id"]
    ]
    kinds = [each["kind"] for each in (await pia.get(f"/v1/practices/{cast.cedar}/changes?limit=200"))["items"]]
    assert {"alert.opened", "alert.acknowledged", "alert.resolved", "alert.closed"} <= set(kinds)


async def told_of(database: Database, cast: Cast) -> set[tuple[Any, ...]]:
    """Return every notification about alerts of Atlas, sent or held back, as the rows say."""
    names = "wanted_at, practice_id, alert_id, kind, channel_id"
    found = set()
    for table, why in (("notification", "NULL"), ("suppression", "why")):
        statement = f"SELECT {names}, {why} AS why FROM {table} WHERE provider_id = :provider AND kind LIKE 'alert.%'"  # noqa: S608
        for row in await fetch(database, statement, provider=UUID(cast.pia.provider_id)):
            found.add(
                (wire_time(row["wanted_at"]), *(str(value) if value else None for value in list(row.values())[1:]))
            )
    return found


ACTS: list[tuple[str, dict[str, str] | None]] = [
    ("acknowledge", {}),
    ("comment", {"comment": "Seen"}),
    ("resolve", {"reason": "Done"}),
    ("snooze", None),
    ("snooze", None),
]


async def live_through(cast: Cast, rng: random.Random, device: UUID) -> None:
    """Let something happen at Atlas, now."""
    now, pia, practice = cast.clock.now(), cast.pia, rng.choice((cast.cedar, cast.cedar, cast.elm))
    told: NewEvent | None = None
    match rng.randrange(14):
        case 0 | 1 | 2 | 3 | 4:
            control = rng.choice(("ANS-5.1", "ANS-5.4", "ANS-5.5", "ANS-2.2", "ANS-2.6"))
            told = posture(cast, practice, control, rng.choice(("fail", "fail", "pass")), now)
        case 5 | 6 | 7:
            told = about_device(cast, cast.cedar, device, rng.choice(("device.silent", "device.returned")), now)
        case 8:
            told = line_down(pia.provider_id, practice, now)
        case 9:
            told = line_restored(pia.provider_id, practice, now)
        case 10:
            span = {"starts_at": wire_time(now), "ends_at": wire_time(now + 9 * HOUR)}
            await pia.post("/v1/maintenance-windows", {"practice_id": practice, "reason": "Cables", **span})
        case _:
            living = (await pia.get("/v1/alerts"))["items"]
            for alert in rng.sample(living, min(2, len(living))):
                act, body = rng.choice(ACTS)
                until = {"until": wire_time(now + rng.randrange(1, 99) * HOUR)}
                answer = await pia.call(
                    "POST", f"/v1/alerts/{alert['id']}/{act}", json=body if body is not None else until
                )
                assert answer.status_code in {200, 409}, answer.text  # it may turn out to have closed meanwhile
    if told is not None:
        await log_events(cast.parts, pia.provider_id, told, now=now)


async def test_a_rehearsal_of_a_month_is_what_happened_in_it(
    cast: Cast, worker: asyncpg.Connection, database: Database
) -> None:
    """Failures, silences, lines, opening hours, windows, people: the worker lives through them, then they are rehearsed."""
    rng, follower, pia = random.Random(7), Follower("postgresql"), cast.pia
    device = UUID((await cast.device()).device_id)
    channel = await add_channel(database, cast, cast.clock.now())
    await pia.call("PUT", f"/v1/practices/{cast.cedar}/opening-hours", json=OPEN)
    weekly = {"weekdays": ["tuesday"], "from": "20:00", "to": "06:00", "first": "2026-11-01"}
    await pia.post("/v1/maintenance-windows", {"practice_id": None, "weekly": weekly, "reason": "Servers restart"})
    while cast.clock.now() < NOW + timedelta(days=31):
        cast.clock.advance(rng.randrange(5, rng.choice((30, 900))) * MINUTE)
        cast.refresh(pia)
        await live_through(cast, rng, device)
        if rng.randrange(3):  # the worker looks when it looks
            await follower.run(worker, cast.clock.now())
    await follower.run(worker, cast.clock.now())

    real = await told_of(database, cast)
    sent = {each for each in real if each[5] is None}
    assert len(sent) > 20
    assert {each[5] for each in real} >= {None, "window", "closed_hours", "quiet_hours", "snoozed", "grouped"}
    rehearsed = await pia.post("/v1/alerting-policy/rehearse", {"policy": "active", "days": 90})
    assert (rehearsed["complete"], rehearsed["items_complete"]) == (True, True)
    names = ("at", "practice_id", "alert_id", "kind", "channel_id", "why")
    assert {tuple(each[name] for name in names) for each in rehearsed["items"]} == real
    assert rehearsed["total"] == rehearsed["really"] == {"sent": len(sent), "suppressed": len(real) - len(sent)}
    # The ledger says the same, and a shorter time begins at a checkpoint, with what was open then.
    ledger = await pia.get(f"/v1/suppressions?limit=200&why=window&practice_id={cast.cedar}")
    assert {each["why"] for each in ledger["items"]} <= {"window"}
    days = (cast.clock.now() - NOW).days // 2
    since = wire_time(cast.clock.now() - timedelta(days=days))
    short = await pia.post(
        "/v1/alerting-policy/rehearse", {"policy": "active", "days": days, "practice_id": cast.cedar}
    )
    assert {tuple(each[name] for name in names) for each in short["items"]} == {
        each for each in real if each[0] >= since and each[1] == cast.cedar
    }
    # Another policy would have done something else, and trying it has changed nothing.
    silent = {"policy": {"ladders": {"critical": [], "warning": [], "info": []}}, "days": 90}
    none = await pia.post("/v1/alerting-policy/rehearse", silent)
    assert (none["total"]["sent"], set(none["by_why"])) == (0, {"below_severity", "flapping"} & set(none["by_why"]))
    assert await told_of(database, cast) == real
    assert {each[4] for each in sent} == {str(channel)}


async def test_two_workers_share_a_log_and_a_practice_that_raises_is_pushed_aside(
    cast: Cast, worker: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, pia = cast.clock.now(), cast.pia
    follower = Follower("postgresql", lag=LAG)
    for practice in (cast.cedar, cast.elm):
        await log_events(cast.parts, pia.provider_id, line_down(pia.provider_id, practice, now), now=now)

    def advance(state: Any, events: Any, terms: Any, practice_id: UUID, until: datetime) -> Any:
        if practice_id == UUID(cast.elm):
            raise ArithmeticError("a practice that cannot be judged")
        return whole(state, events, terms, practice_id, until)

    other = Worker(cast.settings)
    second = await other.connection()
    async with second.transaction():  # another worker follows this provider at the moment
        await second.execute("SELECT bind_provider($1)", UUID(pia.provider_id))
        await follower.run(worker, now)
        await second.execute("SELECT FROM alert_cursor WHERE provider_id = $1 FOR UPDATE", UUID(pia.provider_id))
        await log_events(
            cast.parts, pia.provider_id, posture(cast, cast.cedar, "ANS-5.1", "fail", now), now=now + MINUTE
        )
        await follower.run(worker, now + HOUR)
        assert [each["cause"] for each in (await pia.get(f"/v1/alerts?practice_id={cast.cedar}"))["items"]] == ["line"]
    await other.close()
    with monkeypatch.context() as bent:
        bent.setattr("vigie.alerts.engine_run.advance", advance)
        await log_events(
            cast.parts, pia.provider_id, posture(cast, cast.elm, "ANS-5.1", "fail", now), now=now + 2 * MINUTE
        )
        await follower.run(worker, now + HOUR)
    found = (await pia.get(f"/v1/alerts?practice_id={cast.cedar}"))["items"]
    assert sorted(each["cause"] for each in found) == ["backup", "line"]
    await follower.run(worker, now + HOUR + 59 * MINUTE)  # aside for an hour, then it catches up by itself
    assert [each["cause"] for each in (await pia.get(f"/v1/alerts?practice_id={cast.elm}"))["items"]] == ["line"]
    await follower.run(worker, now + 2 * HOUR + MINUTE)
    elm = (await pia.get(f"/v1/alerts?practice_id={cast.elm}"))["items"]
    assert {each["cause"]: each["opened_at"] for each in elm}["backup"] == wire_time(now + 17 * MINUTE)


async def test_a_policy_is_drafted_tried_and_put_into_force(cast: Cast, worker: asyncpg.Connection) -> None:
    ana, tom, pia, path = await cast.ana(), await cast.tom(), cast.pia, "/v1/alerting-policy"
    assert (await ana.get(path))["status"] == "default"
    missing = await ana.call("POST", f"{path}/activate")
    assert (missing.status_code, missing.json()["code"]) == (409, "alerting_policy.no_draft")
    nobody = str(UUID(int=1))
    for document, code in (
        ({"ladders": {"critical": [{"after_min": 0, "to": [nobody]}]}}, "alerting_policy.unknown_target"),
        ({"on_call": {"first": "2026-11-16", "turns": [{"label": "x", "member_id": nobody}]}}, "alerting_policy.unknown_target"),
        ({"ladders": {"critical": [{"after_min": 5, "to": "everyone"}, {"after_min": 5, "to": "on_call"}]}}, "request.invalid"),
        ({"quiet_hours": {"time_zone": "Europe/Atlantis"}}, "request.invalid"),
        ({"causes": {"opening": {"severity": "info"}}}, "request.invalid"),
        ({"causes": {"weather": {}}}, "request.invalid"),
        ({"colour": "red"}, "request.invalid"),
    ):  # fmt: skip
        refused = await ana.call("PUT", f"{path}/draft", json=document)
        assert (refused.status_code, refused.json()["code"]) == (422, code), document
    drafted = await ana.call("PUT", f"{path}/draft", json={"causes": {"line": {"severity": "off"}}})
    assert (drafted.status_code, drafted.json()["effective_causes"]["line"]["severity"]) == (200, "off")
    assert (await tom.call("PUT", path, json={})).status_code == 403
    now = cast.clock.now()
    await log_events(cast.parts, pia.provider_id, line_down(pia.provider_id, cast.cedar, now), now=now)
    follower = Follower("postgresql")
    await follower.run(worker, now)
    tried = await tom.call("POST", f"{path}/rehearse", json={"days": 1})
    assert (tried.json()["total"], tried.json()["really"]["suppressed"]) == ({"sent": 0, "suppressed": 0}, 1)
    [alert] = (await pia.get("/v1/alerts"))["items"]
    cast.clock.advance(MINUTE)
    assert (await ana.call("POST", f"{path}/activate")).json()["revision"] == 1
    await follower.run(worker, cast.clock.now())  # what a policy does not want any more closes
    assert (await pia.get(f"/v1/alerts/{alert['id']}"))["status"] == "closed"
    assert (await ana.call("GET", f"{path}/draft")).status_code == 409
    again = await ana.call("PUT", path, json={})
    assert (again.json()["revision"], again.json()["status"]) == (2, "active")
    assert (await ana.call("PUT", path, json={})).json()["revision"] == 2


async def test_maintenance_is_announced_by_those_it_concerns_and_called_off(cast: Cast) -> None:
    tom, paz, pia, path = await cast.tom(), await cast.paz(), cast.pia, "/v1/maintenance-windows"
    device, foreign = (await cast.device()).device_id, (await cast.device(cast.elm)).device_id
    span = {"starts_at": wire_time(NOW), "ends_at": wire_time(NOW + 2 * HOUR)}
    right = {"practice_id": cast.cedar, "device_id": device, "reason": "Another disk", **span}
    weekly = {"weekdays": ["sunday"], "from": "22:00", "to": "06:00", "first": "2026-11-01"}
    for changes, expected in (
        ({}, 201),
        ({"practice_id": None, "device_id": None}, "auth.limited_to_practices"),
        ({"practice_id": cast.elm}, "not_found"),
        ({"device_id": foreign}, "not_found"),
        ({"practice_id": None}, "request.invalid"),
        ({"ends_at": wire_time(NOW)}, "maintenance_window.period"),
        ({"ends_at": wire_time(NOW + timedelta(days=91))}, "maintenance_window.period"),
        ({"ends_at": None}, "request.invalid"),
        ({"weekly": weekly}, "request.invalid"),
        ({"starts_at": None, "ends_at": None, "weekly": weekly}, 201),
        ({"controls": ["ANS-2"]}, "request.invalid"),
        ({"reason": "x"}, "request.invalid"),
    ):
        answer = await tom.call("POST", path, json={**right, **changes})
        assert answer.json().get("code", answer.status_code) == expected, (changes, answer.text)
    assert (await paz.call("POST", path, json=right)).status_code == 403
    whole = await pia.post(path, {**right, "practice_id": None, "device_id": None})
    seen = (await paz.get(path))["items"]
    assert [each["practice_id"] for each in seen] == [None, cast.cedar, cast.cedar]
    assert seen[2]["holds_until"] == span["ends_at"]
    assert (await tom.call("DELETE", f"{path}/{whole['id']}")).json()["code"] == "auth.limited_to_practices"
    for _ in range(2):  # twice is as good as once
        assert (await tom.call("DELETE", f"{path}/{seen[2]['id']}")).status_code == 204
    assert [each["id"] for each in (await paz.get(f"{path}?standing=over"))["items"]] == [seen[2]["id"]]
