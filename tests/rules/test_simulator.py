"""The simulated fleet speaks the protocol: valid heartbeats, right digests, stories that show, the same for the same seed."""

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from vigie.devices.hb1 import SECTION_NAMES, parse_heartbeat
from vigie.devices.hb1.examples import FULL
from vigie.devices.personal_data import find_personal_data
from vigie.simulator.course import releases
from vigie.simulator.device import VirtualDevice
from vigie.simulator.digests import section_digest, state_digest
from vigie.simulator.fleet import PracticePlan, plan_fleet, plan_practice
from vigie.simulator.profiles import PROFILES
from vigie.simulator.scenarios import SCENARIOS

NOW = datetime(2026, 11, 21, 8, 17, 42, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Receiver:
    """The server's side of the protocol for one device, written from docs/protocol.md and the standard library."""

    def __init__(self) -> None:
        self.sections: dict[str, Any] = {}
        self.sequence = 0
        self.boots: list[str] = []

    def take(self, heartbeat: dict[str, Any]) -> dict[str, Any]:
        body = orjson.dumps(heartbeat)
        parse_heartbeat(body)
        assert find_personal_data(body) is None
        if heartbeat["sequence"] <= self.sequence:
            return {"code": "agent.sequence_behind", "continue_from": self.sequence + 1}
        self.sequence = heartbeat["sequence"]
        if heartbeat["boot_ref"] not in self.boots[-1:]:
            assert heartbeat["boot_ref"] not in self.boots, "a boot that returns looks like a clone"
            self.boots.append(heartbeat["boot_ref"])
        alone = self.digest(heartbeat["sections"]) == heartbeat["state_digest"]
        self.sections = heartbeat["sections"] if alone else self.sections | heartbeat["sections"]
        agrees = self.digest(self.sections) == heartbeat["state_digest"]
        return {"accepted_sequence": self.sequence, "resync": not agrees}

    @staticmethod
    def digest(sections: dict[str, Any]) -> str:
        lines = ""
        for name in sorted(sections):
            content = {key: sections[name][key] for key in ("data", "errors", "source", "status", "v")}
            canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            lines += f"{name}:{hashlib.sha256(canonical).hexdigest()}\n"
        return base64.urlsafe_b64encode(hashlib.sha256(lines.encode()).digest()[:16]).decode().rstrip("=")


def practice(scenario: str, devices: int = 4) -> PracticePlan:
    """The first planned practice with a story; the plan of 24 has them all."""
    return next(plan for plan in plan_fleet(24, devices, now=NOW) if plan.scenario.name == scenario)


def affected(scenario: str) -> VirtualDevice:
    """A device that the story befalls: the last one, or the one with backups when the story is about them."""
    devices = practice(scenario).devices()
    return devices[0] if "backup" in scenario else devices[-1]


def data(device: VirtualDevice, section: str, at: datetime = NOW) -> dict[str, Any]:
    found: dict[str, Any] = device.facts(at)[section]["data"]
    return found


def hours(since: datetime, until: datetime) -> Iterator[datetime]:
    while since < until:
        yield since
        since += HOUR


def accepted(heartbeat: dict[str, Any], *, resync: bool = False) -> dict[str, Any]:
    return {"accepted_sequence": heartbeat["sequence"], "resync": resync}


def test_digests_are_those_of_the_published_example() -> None:
    digests = {name: section_digest(section) for name, section in FULL["sections"].items()}
    assert state_digest(digests) == FULL["state_digest"] == Receiver.digest(FULL["sections"])
    assert state_digest({}) == Receiver.digest({})


def test_neither_time_of_collection_nor_lifetime_is_digested() -> None:
    section = FULL["sections"]["patch"]
    later = section | {"collected_at": "2026-11-22T00:00:00Z", "ttl_s": 1}
    assert section_digest(later) == section_digest(section)
    assert section_digest(section | {"source": "other"}) != section_digest(section)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_story_reports_validly_from_before_it_began_until_long_after(scenario: str) -> None:
    plan = practice(scenario)
    for device in plan.devices():
        receiver = Receiver()
        resyncs = 0
        for now in (NOW + day * DAY + timedelta(hours=11 * (day % 2)) for day in range(-50, 45)):
            if not device.is_on(now):
                continue
            answer = receiver.take(device.heartbeat(now))
            resyncs += answer["resync"]
            device.apply_answer(answer)
        assert receiver.sequence == 0 or set(receiver.sections) == SECTION_NAMES
        assert resyncs == 0


@pytest.mark.parametrize("kind", PROFILES)
def test_every_kind_of_machine_has_all_sections_and_reports_validly(kind: str) -> None:
    plans = plan_fleet(120, 4, now=NOW)
    machines = [device for plan in plans for device in plan.devices() if device.machine.profile.kind == kind]
    assert machines
    for device in machines[:3]:
        assert set(device.facts(NOW)) == SECTION_NAMES
        assert Receiver().take(device.heartbeat(NOW))["resync"] is False


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    def history(seed: str) -> list[bytes]:
        device = plan_practice(3, 2, now=NOW, seed=seed).devices()[0]
        told = []
        for now in hours(NOW - 3 * DAY, NOW):
            heartbeat = device.heartbeat(now)
            told.append(orjson.dumps(heartbeat))
            device.apply_answer(accepted(heartbeat))
        return told

    assert history("vigie") == history("vigie")
    assert history("vigie") != history("other")


def test_an_hour_without_news_is_quiet_and_small() -> None:
    device = affected("healthy")
    first = device.heartbeat(NOW)
    device.apply_answer(accepted(first))
    second = device.heartbeat(NOW + timedelta(minutes=1))
    assert set(first["sections"]) == SECTION_NAMES
    assert second["sections"] == {}
    assert second["state_digest"] == first["state_digest"]
    assert len(orjson.dumps(second)) < 330


def test_most_hours_of_a_healthy_machine_are_quiet_and_each_24th_report_is_full() -> None:
    device = affected("healthy")
    sizes = []
    for now in hours(NOW, NOW + 4 * DAY):
        heartbeat = device.heartbeat(now)
        sizes.append(len(heartbeat["sections"]))
        device.apply_answer(accepted(heartbeat))
    assert [place for place, size in enumerate(sizes) if size == 13] == [0, 24, 48, 72]
    assert sizes.count(0) >= 84


def test_what_is_not_acknowledged_is_sent_again() -> None:
    device = affected("healthy")
    device.apply_answer(accepted(device.heartbeat(NOW)))
    later = NOW + DAY
    lost = device.heartbeat(later)
    again = device.heartbeat(later + HOUR)
    assert lost["sections"]
    assert set(again["sections"]) == set(lost["sections"])
    assert again["sequence"] == lost["sequence"] + 1
    device.apply_answer(accepted(lost))  # the answer to an older report comes late and says nothing about this one
    assert device.heartbeat(later + HOUR)["sections"]


def test_resync_is_answered_with_everything() -> None:
    device = affected("healthy")
    device.apply_answer(accepted(device.heartbeat(NOW)))
    device.apply_answer(accepted(device.heartbeat(NOW), resync=True))
    assert set(device.heartbeat(NOW)["sections"]) == SECTION_NAMES


def test_a_receiver_that_lost_its_state_gets_it_back() -> None:
    device, receiver = affected("healthy"), Receiver()
    device.apply_answer(receiver.take(device.heartbeat(NOW)))
    receiver.sections = {}
    answer = receiver.take(device.heartbeat(NOW + HOUR))
    assert answer["resync"] is True
    device.apply_answer(answer)
    assert receiver.take(device.heartbeat(NOW + HOUR))["resync"] is False
    assert set(receiver.sections) == SECTION_NAMES


def test_a_sequence_that_is_behind_continues_where_it_is_told() -> None:
    device = affected("healthy")
    device.heartbeat(NOW)
    device.apply_answer({"code": "agent.sequence_behind", "continue_from": 500})
    assert device.heartbeat(NOW)["sequence"] == 500


def test_a_cut_line_leaves_the_missed_runs_in_the_next_report_once() -> None:
    device = affected("line_cut")
    missed = [now for now in hours(NOW - 13 * DAY, NOW - 11 * DAY) if not device.line_is_up(now)]
    assert len(missed) == 9
    for now in missed:
        device.missed(now)
    heartbeat = device.heartbeat(missed[-1] + HOUR)
    assert heartbeat["ran_at"] == [f"{now:%Y-%m-%dT%H:%M:%SZ}" for now in missed]
    device.apply_answer(accepted(heartbeat))
    assert device.heartbeat(missed[-1] + 2 * HOUR)["ran_at"] == []


def test_a_cut_line_befalls_the_whole_practice_and_a_vanished_device_only_one() -> None:
    assert [device.line_is_up(NOW) for device in practice("line_cut").devices()] == [False] * 4
    assert [device.is_on(NOW) for device in practice("device_gone").devices()] == [True, True, True, False]


def test_no_more_than_72_missed_runs_are_remembered() -> None:
    device = affected("healthy")
    for now in hours(NOW - 10 * DAY, NOW):
        device.missed(now)
    ran_at = device.heartbeat(NOW)["ran_at"]
    assert len(ran_at) == 72
    assert ran_at[-1] == f"{NOW - HOUR:%Y-%m-%dT%H:%M:%SZ}"


def test_updates_drift_past_two_weeks_and_thirty_days() -> None:
    device = affected("patch_drift")
    after = (20, 38, 60)
    ages = [data(device, "patch", device.began_at + days * DAY)["pending"]["max_age_days"] for days in after]
    assert 14 < ages[0] < 30 < ages[1]
    assert (ages[1] - ages[0], ages[2] - ages[1]) == (18, 22)
    counts = [data(device, "patch", device.began_at + days * DAY)["pending"]["security"] for days in (20, 60)]
    assert counts[0] < counts[1]


def test_a_healthy_machine_installs_within_two_weeks_every_month() -> None:
    for device in practice("healthy").devices():
        for day in range(120):
            pending = data(device, "patch", NOW + day * DAY)["pending"]
            assert (pending["max_age_days"] or 0) <= 14


def test_backups_stop_quietly_and_then_fail_aloud() -> None:
    device = affected("backup_quietly_failing")

    def job(days: int) -> dict[str, Any]:
        found: dict[str, Any] = data(device, "backup", device.began_at + days * DAY)["jobs"][0]
        return found

    assert (job(0)["last_status"], job(3)["last_status"], job(9)["last_status"]) == ("ok", "ok", "failed")
    assert job(0)["last_ok_at"] == job(3)["last_ok_at"] == job(9)["last_ok_at"]
    assert job(3)["last_end_at"] == job(3)["last_ok_at"] < job(9)["last_end_at"]
    assert job(-1)["last_ok_at"] < job(0)["last_ok_at"]


def test_hooks_report_each_night_once_until_acknowledged() -> None:
    device = next(
        device
        for plan in plan_fleet(24, 2, now=NOW)
        for device in plan.devices()
        if plan.scenario.name == "healthy" and any(job.origin == "hook" for job in device.machine.jobs)
    )
    device.apply_answer(accepted(device.heartbeat(NOW)))
    two_nights = device.heartbeat(NOW + 2 * DAY)["backup_events"]
    assert [event["status"] for event in two_nights] == ["ok", "ok"]
    again = device.heartbeat(NOW + 2 * DAY + HOUR)
    assert again["backup_events"] == two_nights
    device.apply_answer(accepted(again))
    assert device.heartbeat(NOW + 2 * DAY + 2 * HOUR)["backup_events"] == []


def test_a_long_silence_brings_at_most_fifty_events_at_a_time() -> None:
    device = next(device for device in practice("healthy", 2).devices() if device.machine.jobs)
    device.apply_answer(accepted(device.heartbeat(NOW)))
    assert len(device.heartbeat(NOW + 90 * DAY)["backup_events"]) <= 50


def test_an_unreadable_repository_is_unknown_with_a_reason_and_never_ok() -> None:
    device = affected("unreadable_backup")
    backup = device.facts(NOW)["backup"]
    assert backup["status"] == "partial"
    assert backup["errors"]
    assert {job["last_status"] for job in backup["data"]["jobs"]} == {"unknown"}
    assert {job["last_ok_at"] for job in backup["data"]["jobs"]} == {None}
    assert device.facts(device.began_at - DAY)["backup"]["status"] == "ok"


def test_a_practice_without_backup_has_no_job_anywhere() -> None:
    for device in practice("no_backup").devices():
        backup = device.facts(NOW)["backup"]
        assert backup["status"] == "absent" or backup["data"]["jobs"] == []


def test_the_other_stories_show_in_their_sections() -> None:
    disk = affected("disk_filling")
    free = [data(disk, "storage", disk.began_at + days * DAY)["volumes"][0]["free_level"] for days in (0, 28, 39)]
    assert free == ["ok", "low", "critical"]
    antivirus = affected("antivirus_off")
    assert data(antivirus, "antivirus")["realtime"] == "no"
    assert data(antivirus, "antivirus", antivirus.began_at - DAY)["realtime"] == "yes"
    reboot = affected("reboot_pending")
    assert data(reboot, "os")["reboot_required"]["value"] == "yes"
    assert data(reboot, "os")["boot_at"] == data(reboot, "os", NOW + 20 * DAY)["boot_at"]
    old = {device.machine.profile.kind for device in practice("end_of_support").devices()}
    assert {"windows_server_2016", "windows_11_24h2_home"} <= old


def test_a_young_practice_is_not_there_before_it_joined() -> None:
    plan = practice("new_practice")
    device = plan.devices()[0]
    assert not device.is_on(plan.joined_at - HOUR)
    assert device.is_on(plan.joined_at)
    assert data(device, "backup")["jobs"][0]["restore_months"] == ["2026-11"]


def test_a_machine_with_years_of_backups_can_restore_twelve_months() -> None:
    months = data(practice("healthy").devices()[0], "backup")["jobs"][0]["restore_months"]
    assert len(months) == 12
    assert (months[0], months[-1]) == ("2025-12", "2026-11")


def test_restarts_go_forward_and_uptime_is_never_negative() -> None:
    for device in (*practice("healthy").devices(), *practice("reboot_pending").devices()):
        uptimes = [device.heartbeat(now)["vitals"]["uptime_s"] for now in hours(NOW - 20 * DAY, NOW + 20 * DAY)]
        assert min(uptimes) >= 0


def test_microsoft_publishes_on_second_tuesdays() -> None:
    days = [moment.date().isoformat() for moment in releases("monthly", NOW)[-4:]]
    assert days == ["2026-08-11", "2026-09-08", "2026-10-13", "2026-11-10"]
    assert releases("monthly", datetime(2026, 11, 10, 17, tzinfo=UTC))[-1].date().isoformat() == "2026-10-13"


def test_half_the_fleet_is_healthy_and_every_story_is_told() -> None:
    plans = plan_fleet(44, 4, now=NOW)
    stories = [plan.scenario.name for plan in plans]
    assert stories.count("healthy") == 22
    assert set(stories) == set(SCENARIOS)


def test_names_are_unique_zones_exist_and_islands_are_among_them() -> None:
    plans = plan_fleet(1000, 1, now=NOW)
    assert len({plan.name for plan in plans}) == 1000
    assert {ZoneInfo(plan.time_zone).key for plan in plans} == {"Europe/Paris", "Indian/Reunion", "America/Guadeloupe"}
    assert {plan.profession for plan in plans} == {
        "dentist",
        "physician",
        "physiotherapist",
        "nurse",
        "midwife",
        "orthodontist",
    }


def passes_luhn(number: str) -> bool:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def test_numbers_of_establishments_have_a_right_key_and_are_plainly_invented() -> None:
    assert passes_luhn("73282932000074")
    assert not passes_luhn("73282932000075")
    plans = plan_fleet(100, 1, now=NOW)
    sirets = [plan.siret for plan in plans if plan.siret]
    finess = [plan.finess for plan in plans if plan.finess]
    assert sirets
    assert finess
    assert {len(number) for number in sirets} == {14}
    assert {len(number) for number in finess} == {9}
    assert all(number.startswith("000") and passes_luhn(number) for number in sirets + finess)


def test_backups_end_in_the_night_of_the_practice() -> None:
    for plan in plan_fleet(24, 3, now=NOW):
        for device in plan.devices():
            for job in (device.facts(NOW)["backup"]["data"] or {}).get("jobs", []):
                if job["last_end_at"]:
                    ended = datetime.fromisoformat(job["last_end_at"]).astimezone(ZoneInfo(plan.time_zone))
                    assert 0 <= ended.hour <= 6


def test_two_devices_never_share_a_key() -> None:
    devices = [device for plan in plan_fleet(10, 4, now=NOW) for device in plan.devices()]
    assert len({device.public_key for device in devices}) == 40
    assert len({device.enrolment("vet_x")["machine_hint"] for device in devices}) == 40
