"""A device reports, a practice gets its verdict, REST tells it."""

from datetime import timedelta

from tests.support.agent import backup_section, healthy, job, patch_section
from tests.support.cast import Cast


async def test_a_healthy_report_turns_the_practice_from_unknown_to_ok(cast: Cast) -> None:
    before = await cast.pia.get(f"/v1/practices/{cast.cedar}")
    device = await cast.device()
    answer = await device.report(healthy(cast.clock.now()))
    after = await cast.pia.get(f"/v1/practices/{cast.cedar}")
    assert before["posture"]["overall"] == "unknown"
    assert (answer["duplicate"], answer["resync"]) == (False, False)
    lights = {name: after["posture"][name] for name in ("overall", "patch", "backup", "liveness")}
    assert lights == {"overall": "ok", "patch": "ok", "backup": "ok", "liveness": "ok"}


async def test_a_quiet_heartbeat_vouches_for_everything(cast: Cast) -> None:
    device = await cast.device()
    await device.report(healthy(cast.clock.now()))
    cast.clock.advance(timedelta(hours=1))
    answer = await device.report()
    seen = await cast.pia.get(f"/v1/devices/{device.device_id}")
    assert answer["resync"] is False
    assert seen["last_seen_at"] == "2026-11-17T10:30:00Z"
    assert seen["heartbeats"] == 2


async def test_the_same_report_twice_is_counted_once(cast: Cast) -> None:
    device = await cast.device()
    heartbeat = device.heartbeat(healthy(cast.clock.now()))
    first, second = await device.send(heartbeat), await device.send(heartbeat)
    seen = await cast.pia.get(f"/v1/devices/{device.device_id}")
    assert [first.json()["duplicate"], second.json()["duplicate"]] == [False, True]
    assert first.json()["accepted_sequence"] == second.json()["accepted_sequence"] == 1
    assert seen["heartbeats"] == 1


async def test_a_delta_that_does_not_add_up_asks_for_everything_and_everything_heals_it(cast: Cast) -> None:
    device = await cast.device()
    at = cast.clock.now()
    await device.report(healthy(at))
    device.sections["storage"] = healthy(at)["storage"] | {"source": "other"}  # changed, and not sent
    answer = await device.report({"patch": patch_section(at, security=1, age_days=1)})
    healed = await device.report(dict(device.sections))
    assert (answer["resync"], healed["resync"]) == (True, False)


async def test_a_pending_update_that_is_too_old_makes_the_practice_critical(cast: Cast) -> None:
    device = await cast.device()
    at = cast.clock.now()
    await device.report(healthy(at))
    await device.report({"patch": patch_section(at, security=2, age_days=40)})
    posture = await cast.pia.get(f"/v1/practices/{cast.cedar}/posture")
    control = next(entry for entry in posture["controls"] if entry["control"] == "ANS-2.2")
    assert posture["patch"]["state"] == "critical"
    assert (control["state"], control["devices_in_state"], control["devices_concerned"]) == ("fail", 1, 1)
    assert control["findings"][0]["device_id"] == device.device_id


async def test_a_failed_backup_turns_the_verdict_and_a_good_one_turns_it_back(cast: Cast) -> None:
    device = await cast.device()
    at = cast.clock.now()
    await device.report(healthy(at))
    states = [(await cast.pia.get(f"/v1/practices/{cast.cedar}"))["posture"]["backup"]]
    for hours in (1, 2):
        end = at + timedelta(hours=hours)
        failed = job(at, last_status="failed", last_end_at=end.strftime("%Y-%m-%dT%H:%M:%SZ"), exit_code=1)
        cast.clock.move_to(end)
        await device.report({"backup": backup_section(end, failed)})
        states.append((await cast.pia.get(f"/v1/practices/{cast.cedar}"))["posture"]["backup"])
    cast.clock.advance(timedelta(hours=1))
    await device.report({"backup": backup_section(cast.clock.now(), job(cast.clock.now()))})
    states.append((await cast.pia.get(f"/v1/practices/{cast.cedar}"))["posture"]["backup"])
    assert states == ["ok", "warning", "critical", "ok"]
