"""Replays, wrong clocks, revoked devices, and what a refusal may say."""

import copy
import logging
from datetime import timedelta

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.refusals import refusal
from tests.support.rows import execute, holdings
from tests.support.scene import NIR, Scene
from vigie.core.clock import wire_time
from vigie.core.db import Database


async def test_a_replayed_heartbeat_is_answered_and_counted_once(scene: Scene, database: Database) -> None:
    headers, body = scene.signed(), scene.body
    first = await scene.post(headers, body)
    before = await holdings(database, scene.cast.pia.provider_id)
    again = await scene.post(headers, body)
    assert [first.status_code, again.status_code] == [200, 200]
    assert [first.json()["duplicate"], again.json()["duplicate"]] == [False, True]
    assert await holdings(database, scene.cast.pia.provider_id) == before


async def test_an_older_heartbeat_that_is_replayed_tells_where_to_continue(scene: Scene, database: Database) -> None:
    headers, body = scene.signed(), scene.body
    await scene.post(headers, body)
    await scene.device.report()
    before = await holdings(database, scene.cast.pia.provider_id)
    answer = await scene.post(headers, body)
    assert refusal(answer) == (409, "agent.sequence_behind")
    assert answer.json()["continue_from"] == scene.device.sequence + 1
    assert await holdings(database, scene.cast.pia.provider_id) == before


async def test_a_heartbeat_replayed_after_five_minutes_is_too_old(scene: Scene) -> None:
    headers, body = scene.signed(), scene.body
    await scene.post(headers, body)
    scene.cast.clock.advance(timedelta(seconds=301))
    assert refusal(await scene.post(headers, body)) == (401, "agent.clock_skew")


async def test_a_device_whose_clock_is_wrong_learns_the_right_time_and_heals_itself(scene: Scene) -> None:
    wrong = await scene.send(created=scene.seconds + 86_400)
    healed = await scene.send()
    assert wrong.json()["server_time"] == wire_time(scene.cast.clock.now())
    assert healed.status_code == 200


async def test_who_cannot_sign_learns_nothing_about_the_clock(scene: Scene) -> None:
    answer = await scene.send(created=scene.seconds + 86_400, key=Ed25519PrivateKey.generate())
    assert refusal(answer) == (401, "agent.signature_invalid")
    assert "server_time" not in answer.json()


@pytest.mark.parametrize("offset", [-300, 300])
async def test_a_clock_five_minutes_off_is_near_enough(scene: Scene, offset: int) -> None:
    assert (await scene.send(created=scene.seconds + offset)).status_code == 200


async def test_a_device_whose_disk_was_restored_continues_from_the_number_it_is_told(scene: Scene) -> None:
    await scene.send()
    scene.device.sequence = 0
    behind = await scene.device.send(scene.device.heartbeat())
    scene.device.sequence = behind.json()["continue_from"] - 1
    healed = await scene.device.report()
    assert refusal(behind) == (409, "agent.sequence_behind")
    assert healed["duplicate"] is False


async def test_a_revoked_device_is_refused_and_changes_nothing(scene: Scene, database: Database) -> None:
    await scene.cast.pia.post(f"/v1/devices/{scene.device.device_id}/revoke")
    before = await holdings(database, scene.cast.pia.provider_id)
    answer = await scene.send()
    assert refusal(answer) == (403, "agent.device_revoked")
    assert await holdings(database, scene.cast.pia.provider_id) == before


async def test_who_cannot_sign_does_not_learn_that_a_device_is_revoked(scene: Scene) -> None:
    await scene.cast.pia.post(f"/v1/devices/{scene.device.device_id}/revoke")
    assert refusal(await scene.send(key=Ed25519PrivateKey.generate())) == (401, "agent.signature_invalid")


async def test_a_device_that_was_deleted_is_unknown(scene: Scene, database: Database) -> None:
    stranger = await scene.cast.device()
    await execute(database, "DELETE FROM device WHERE id = :id", id=stranger.device_id)
    assert refusal(await stranger.send(stranger.heartbeat())) == (401, "agent.unknown_device")


async def test_what_looks_like_a_patient_is_neither_repeated_nor_logged(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    report = copy.deepcopy(scene.report)
    report["sections"]["patch"]["source"] = NIR
    answer = await scene.send(orjson.dumps(report))
    assert answer.json()["kind"] == "nir"
    assert NIR not in answer.text
    assert NIR not in caplog.text


async def test_a_refusal_of_shape_names_the_place_and_not_what_stood_there(scene: Scene) -> None:
    report = copy.deepcopy(scene.report)
    report["vitals"]["run_ms"] = "Ms Durand, third floor"
    answer = await scene.send(orjson.dumps(report))
    assert answer.json()["errors"] == [{"pointer": "/vitals/run_ms", "reason": "must be an integer"}]
    assert "Durand" not in answer.text


async def test_a_refusal_is_titled_in_the_language_asked_for(scene: Scene) -> None:
    french = await scene.send(b"", headers={"Accept-Language": "fr-FR, en;q=0.5"})
    english = await scene.send(b"", headers={"Accept-Language": "de"})
    assert (french.headers["content-language"], french.json()["title"]) == ("fr", "Le corps est illisible")
    assert (english.headers["content-language"], english.json()["title"]) == ("en", "The body cannot be read")
