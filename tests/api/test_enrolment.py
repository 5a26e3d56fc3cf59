"""A machine joins a practice: with a token that holds and a key it proves to have."""

import asyncio
from datetime import timedelta
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.agent import Agent, healthy
from tests.support.cast import Cast
from tests.support.refusals import refusal
from tests.support.rows import holdings
from vigie.core.crypto import b64url
from vigie.core.db import Database

HINT = "AAAAAAAAAAAAAAAAAAAAAA"
PATH = "/v1/agent/enrolments"


def request_of(agent: Agent, token: str, **bent: Any) -> dict[str, Any]:
    """Return the enrolment request a right agent sends."""
    return {
        "token": token,
        "public_key": b64url(agent.public_key),
        "machine_hint": HINT,
        "family": "linux",
        "role": "server",
        "alias": "serveur-1",
        "agent": {"version": "0.1.0", "build": "deb"},
        **bent,
    }


async def suspected(cast: Cast, *agents: Agent) -> list[bool]:
    """Return which devices are marked as suspected clones."""
    seen = [await cast.pia.get(f"/v1/devices/{agent.device_id}") for agent in agents]
    return [device["clone_suspect_at"] is not None for device in seen]


async def test_a_machine_with_a_token_joins_its_practice(cast: Cast) -> None:
    device = await cast.device(alias="accueil-2", family="linux", role="laptop")
    seen = await cast.pia.get(f"/v1/devices/{device.device_id}")
    shown = {name: seen[name] for name in ("practice_id", "alias", "family", "role", "status", "liveness")}
    assert shown == {
        "practice_id": cast.cedar,
        "alias": "accueil-2",
        "family": "linux",
        "role": "laptop",
        "status": "active",
        "liveness": "never",
    }


async def test_the_answer_tells_who_the_device_is_and_when_to_come_back(cast: Cast) -> None:
    answer = (await cast.agent().enrol(await cast.pia.enrolment_token(cast.cedar))).json()
    assert answer["provider_id"] == cast.pia.provider_id
    assert (answer["status"], answer["interval_s"], answer["server_time"]) == ("active", 3600, "2026-11-17T09:30:00Z")
    assert 0 <= answer["slot_s"] < 3600
    assert 300 <= answer["next_in_s"] < 3900


async def test_a_key_is_enrolled_only_by_who_holds_it(cast: Cast, database: Database) -> None:
    token = await cast.pia.enrolment_token(cast.cedar)
    before = await holdings(database, cast.pia.provider_id)
    agent, thief = cast.agent(), cast.agent()
    stolen = await thief.enrol(token, public_key=b64url(agent.public_key))
    keyid = f"new.{b64url(b'0' * 32)}"
    mislabelled = await agent.post(PATH, orjson.dumps(request_of(agent, token)), keyid=keyid)
    honest = agent.enrol(token)
    assert [refusal(stolen), refusal(mislabelled)] == [(401, "agent.signature_invalid")] * 2
    assert await holdings(database, cast.pia.provider_id) == before
    assert (await honest).status_code == 201


async def test_an_enrolment_signed_with_another_key_is_refused(cast: Cast) -> None:
    token, agent = await cast.pia.enrolment_token(cast.cedar), cast.agent()
    body = orjson.dumps(request_of(agent, token))
    import hashlib  # noqa: PLC0415

    keyid = f"new.{b64url(hashlib.sha256(agent.public_key).digest())}"
    forged = await agent.post(PATH, body, keyid=keyid, key=Ed25519PrivateKey.generate())
    late = await agent.post(PATH, body, keyid=keyid, created=int(cast.clock.now().timestamp()) - 301)
    altered = await agent.post(PATH, body, keyid=keyid, sent_body=body.replace(b"serveur", b"accueil"))
    right = await agent.post(PATH, body, keyid=keyid)
    assert [refusal(forged)[1], refusal(late)[1], refusal(altered)[1]] == [
        "agent.signature_invalid",
        "agent.clock_skew",
        "agent.digest_mismatch",
    ]
    assert right.status_code == 201


async def test_a_token_ends_at_its_second(cast: Cast) -> None:
    token = await cast.pia.enrolment_token(cast.cedar, expires_in_s=60, use_limit=9)
    cast.clock.advance(timedelta(seconds=59))
    in_time = await cast.agent().enrol(token)
    cast.clock.advance(timedelta(seconds=1))
    late = await cast.agent().enrol(token)
    assert in_time.status_code == 201
    assert refusal(late) == (403, "enrolment.token_expired")


async def test_a_token_lets_in_as_many_as_it_says(cast: Cast) -> None:
    token = await cast.pia.enrolment_token(cast.cedar, use_limit=2)
    answers = [await cast.agent().enrol(token) for _ in range(3)]
    listed = await cast.pia.get(f"/v1/practices/{cast.cedar}/enrolment-tokens")
    assert [answer.status_code for answer in answers] == [201, 201, 403]
    assert refusal(answers[2]) == (403, "enrolment.token_exhausted")
    assert listed["items"][0]["uses"] == 2


async def test_a_token_lets_in_as_many_as_it_says_when_they_come_together(cast: Cast) -> None:
    token = await cast.pia.enrolment_token(cast.cedar, use_limit=2)
    answers = await asyncio.gather(*(cast.agent().enrol(token) for _ in range(3)))
    devices = await cast.pia.get("/v1/devices", params={"practice_id": cast.cedar})
    assert sorted(answer.status_code for answer in answers) == [201, 201, 403]
    assert len(devices["items"]) == 2


async def test_a_revoked_token_lets_nobody_in(cast: Cast) -> None:
    token = await cast.pia.enrolment_token(cast.cedar, use_limit=2)
    before = await cast.agent().enrol(token)
    listed = await cast.pia.get(f"/v1/practices/{cast.cedar}/enrolment-tokens")
    revoked = await cast.pia.call("DELETE", f"/v1/enrolment-tokens/{listed['items'][0]['id']}")
    after = await cast.agent().enrol(token)
    assert (before.status_code, revoked.status_code) == (201, 204)
    assert refusal(after) == (403, "enrolment.token_revoked")


@pytest.mark.parametrize("kind", ["last character", "another provider", "no provider", "another kind", "empty"])
async def test_a_token_that_is_not_ours_opens_nothing(cast: Cast, kind: str) -> None:
    right = await cast.pia.enrolment_token(cast.cedar)
    foreign = await cast.bela.enrolment_token(cast.fir)
    wrong = {
        "last character": right[:-1] + ("A" if right[-1] != "A" else "B"),
        "another provider": foreign[:27] + right[27:],  # Borea's route, Atlas's secret
        "no provider": "vet_" + right[27:],
        "another kind": right.replace("vet_", "vpc_"),
        "empty": "",
    }[kind]
    agent = cast.agent()
    assert refusal(await agent.enrol(wrong)) == (403, "enrolment.token_unknown")
    assert (await agent.enrol(right)).status_code == 201


async def test_the_token_of_an_archived_practice_opens_nothing(cast: Cast) -> None:
    token = await cast.pia.enrolment_token(cast.cedar)
    await cast.pia.call("DELETE", f"/v1/practices/{cast.cedar}")
    created = await cast.pia.call("POST", f"/v1/practices/{cast.cedar}/enrolment-tokens", json={})
    assert refusal(await cast.agent().enrol(token)) == (403, "enrolment.token_unknown")
    assert refusal(created) == (409, "practice.archived")


@pytest.mark.parametrize(
    "bent",
    [
        {"alias": "PC de Mme Durand"},
        {"alias": ""},
        {"family": "amiga"},
        {"role": "king"},
        {"public_key": "short"},
        {"machine_hint": "x" * 23},
        {"boot_ref": "0BADCAFE"},
        {"agent": {"version": "1", "build": "deb"}},
        {"floor": "2"},
    ],
    ids="".join,
)
async def test_a_request_of_another_shape_is_refused_and_uses_nothing_up(cast: Cast, bent: dict[str, Any]) -> None:
    token, agent = await cast.pia.enrolment_token(cast.cedar), cast.agent()
    bad = await agent.enrol(token, **bent)
    assert refusal(bad) == (422, "request.invalid")
    assert (await agent.enrol(token)).status_code == 201


async def test_a_pending_device_is_answered_and_not_counted_until_somebody_approves_it(cast: Cast) -> None:
    token, device = await cast.pia.enrolment_token(cast.cedar, needs_approval=True), cast.agent()
    enrolled = await device.enrol(token)
    waiting = await device.report(healthy(cast.clock.now()))
    pending = await cast.pia.get(f"/v1/devices/{device.device_id}")
    practice = await cast.pia.get(f"/v1/practices/{cast.cedar}")
    sections = await cast.pia.get(f"/v1/devices/{device.device_id}/sections")
    approved = await cast.pia.post(f"/v1/devices/{device.device_id}/approve")
    first = await device.report()
    second = await device.report(dict(device.sections))
    counted = await cast.pia.get(f"/v1/practices/{cast.cedar}")
    assert enrolled.json()["status"] == "pending"
    assert waiting["resync"] is False
    assert (pending["status"], pending["liveness"], pending["heartbeats"]) == ("pending", "pending", 0)
    assert (practice["posture"]["overall"], practice["posture"]["devices"]["active"], sections["items"]) == (
        "unknown",
        0,
        [],
    )
    assert (approved["status"], approved["liveness"]) == ("active", "never")
    assert (first["resync"], second["resync"]) == (True, False)
    assert (counted["posture"]["overall"], counted["posture"]["devices"]["active"]) == ("ok", 1)


async def test_a_device_is_approved_once(cast: Cast) -> None:
    device = cast.agent()
    await device.enrol(await cast.pia.enrolment_token(cast.cedar, needs_approval=True))
    path = f"/v1/devices/{device.device_id}/approve"
    answers = [await cast.pia.call("POST", path) for _ in range(2)]
    assert answers[0].status_code == 200
    assert refusal(answers[1]) == (409, "device.wrong_status")


async def test_the_same_machine_again_is_the_same_device_with_another_key(cast: Cast) -> None:
    token = await cast.pia.enrolment_token(cast.cedar, use_limit=2)
    first, second = cast.agent(), cast.agent()
    joined = await first.enrol(token, machine_hint=HINT)
    await first.report(healthy(cast.clock.now()))
    again = await second.enrol(token, machine_hint=HINT, alias="accueil-neuf")
    old_key = await first.send(first.heartbeat())
    second.sequence = first.sequence
    new_key = await second.report(healthy(cast.clock.now()))
    seen = await cast.pia.get(f"/v1/devices/{first.device_id}")
    changes = await cast.pia.get(f"/v1/practices/{cast.cedar}/changes")
    assert (joined.status_code, again.status_code) == (201, 200)
    assert joined.json()["device_id"] == again.json()["device_id"]
    assert refusal(old_key) == (401, "agent.signature_invalid")
    assert new_key["duplicate"] is False
    assert (seen["alias"], seen["heartbeats"], seen["clone_suspect_at"]) == ("accueil-neuf", 2, None)
    assert "device.reenrolled" in [change["kind"] for change in changes["items"]]


async def test_the_same_machine_in_another_practice_is_another_device(cast: Cast) -> None:
    first = await cast.device(cast.cedar, machine_hint=HINT)
    second = await cast.device(cast.elm, machine_hint=HINT)
    assert first.device_id != second.device_id
    assert await suspected(cast, first, second) == [False, False]


async def test_a_twin_that_lives_on_makes_both_suspects(cast: Cast) -> None:
    original, copy = await cast.device(machine_hint=HINT), cast.agent()
    await original.report(healthy(cast.clock.now()))
    copy.boot_ref = "00000002"
    joined = await copy.enrol(await cast.pia.enrolment_token(cast.cedar), machine_hint=HINT)
    still = await original.report()
    listed = await cast.pia.get("/v1/devices", params={"clone_suspect": "true"})
    assert joined.status_code == 201
    assert original.device_id != copy.device_id
    assert await suspected(cast, original, copy) == [True, True]
    assert {device["id"] for device in listed["items"]} == {original.device_id, copy.device_id}
    assert still["duplicate"] is False


async def test_a_twin_that_has_been_quiet_for_two_hours_is_the_machine_itself(cast: Cast) -> None:
    first, again = await cast.device(machine_hint=HINT), cast.agent()
    await first.report(healthy(cast.clock.now()))
    cast.clock.advance(timedelta(hours=2, seconds=1))
    again.boot_ref = "00000002"
    answer = await again.enrol(await cast.pia.enrolment_token(cast.cedar), machine_hint=HINT)
    assert (answer.status_code, again.device_id) == (200, first.device_id)
    assert await suspected(cast, first) == [False]


async def test_one_key_is_one_device(cast: Cast, database: Database) -> None:
    first, second = await cast.device(), cast.agent()
    token = await cast.pia.enrolment_token(cast.cedar)
    second.key = first.key
    before = await holdings(database, cast.pia.provider_id)
    same_practice = await second.enrol(token, machine_hint=HINT)
    other_practice = await second.enrol(await cast.pia.enrolment_token(cast.elm))
    assert [refusal(same_practice), refusal(other_practice)] == [(409, "enrolment.key_in_use")] * 2
    after = await holdings(database, cast.pia.provider_id)
    assert after["device"] == before["device"]
    second.key = Ed25519PrivateKey.generate()
    assert (await second.enrol(token, machine_hint=HINT)).status_code == 201


async def test_one_key_is_one_device_when_two_machines_come_together(cast: Cast) -> None:
    token, twins = await cast.pia.enrolment_token(cast.cedar, use_limit=2), [cast.agent(), cast.agent()]
    twins[1].key = twins[0].key
    tokens = [token, await cast.pia.enrolment_token(cast.elm)]
    answers = await asyncio.gather(
        *(
            twin.enrol(text, machine_hint=HINT[:-1] + str(n))
            for n, (twin, text) in enumerate(zip(twins, tokens, strict=True))
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert refusal(max(answers, key=lambda answer: answer.status_code)) == (409, "enrolment.key_in_use")


async def test_a_boot_that_returns_shows_two_machines_with_one_key_and_both_still_count(cast: Cast) -> None:
    device = await cast.device()
    await device.report(healthy(cast.clock.now()))
    marked = []
    for boot_ref in ("00000002", "00000003", "00000002"):
        device.boot_ref = boot_ref
        await device.report()
        marked += await suspected(cast, device)
    seen = await cast.pia.get(f"/v1/devices/{device.device_id}")
    changes = await cast.pia.get(f"/v1/practices/{cast.cedar}/changes")
    assert marked == [False, False, True]
    assert (seen["heartbeats"], seen["status"]) == (4, "active")
    assert [change["kind"] for change in changes["items"]].count("device.clone_suspect") == 1


async def test_who_has_looked_takes_the_suspicion_back_and_the_next_sign_is_told_anew(cast: Cast) -> None:
    device, other = await cast.device(machine_hint=HINT), await cast.device()
    clear = f"/v1/devices/{device.device_id}/clear-suspicion"

    async def shown_by(*boots: str) -> bool:
        for device.boot_ref in boots:
            await device.report()
        return (await suspected(cast, device))[0]

    async def told() -> list[str]:
        changes = (await cast.pia.get(f"/v1/practices/{cast.cedar}/changes"))["items"]
        return [each["kind"] for each in changes if each["kind"].startswith("device.clone")][::-1]

    first = await cast.pia.call("POST", clear)
    nothing_to_clear = await told()
    seen = [await shown_by("00000002", "00000003", "00000002")]
    cleared = await cast.pia.post(clear)
    again = await cast.pia.post(clear)
    seen += [await shown_by("00000002", "00000004"), await shown_by("00000002")]
    assert (first.status_code, nothing_to_clear) == (200, [])
    assert (cleared["clone_suspect_at"], again["clone_suspect_at"]) == (None, None)
    assert seen == [True, False, True]
    assert await told() == ["device.clone_suspect", "device.clone_cleared", "device.clone_suspect"]
    assert await suspected(cast, other) == [False]
    cast.clock.advance(timedelta(hours=3))
    renewed = await cast.agent().enrol(await cast.pia.enrolment_token(cast.cedar), machine_hint=HINT)
    assert renewed.json()["device_id"] == device.device_id
    assert await suspected(cast, device) == [False], "the copy has the earlier key, which nobody takes any more"
