"""Stories that machines live through: what goes wrong, as a function of the time since it began.

A story changes the healthy facts of a machine, says what its nights bring, whether it is switched on and whether its line
is up. Each is a pure function of a `Moment`: asked twice, it tells the same. Before its beginning everything is in order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from vigie.simulator.backups import Outcome
from vigie.simulator.course import boot_time, updates
from vigie.simulator.machines import Facts, Machine, section, stamp
from vigie.simulator.sections_unix import unix_patch
from vigie.simulator.sections_windows import volume, windows_os, windows_patch

_ZERO = timedelta()
_SKIPPED_NIGHTS = timedelta(days=4)
_LINE_CUT_FOR = timedelta(hours=9)
_LINE_CUT_EVERY = timedelta(days=12)
_WEAR_SHOWS_AFTER_DAYS = 25


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant in the life of a machine. ``since``: time elapsed since its story began, never negative."""

    machine: Machine
    at: datetime
    since: timedelta


def _in_order(_facts: Facts, _moment: Moment) -> None:
    """Change nothing."""


def _good_night(_moment: Moment) -> Outcome | None:
    return "ok"


def _always(_moment: Moment) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story. ``scope``: does it befall the whole practice or one of its machines; ``began``: how long ago, by default."""

    name: str
    scope: Literal["practice", "one"] = "practice"
    began: timedelta = _ZERO
    shape: Callable[[Facts, Moment], None] = _in_order
    night: Callable[[Moment], Outcome | None] = _good_night
    is_on: Callable[[Moment], bool] = _always
    line_is_up: Callable[[Moment], bool] = _always


def _patch_drift(facts: Facts, moment: Moment) -> None:
    """Nothing is installed any more; what is missing grows older until 14 and 30 days are passed."""
    found = updates(moment.machine, moment.at, stopped_since=moment.at - moment.since)
    if moment.machine.profile.family == "windows":
        facts["patch"] = windows_patch(moment.machine, found)
        facts["os"] = windows_os(moment.machine, moment.at, found)
    else:
        facts["patch"] = unix_patch(moment.machine, found)


def _quiet_then_failing(moment: Moment) -> Outcome | None:
    """For some nights the job does not start, which no tool reports; then it starts and fails."""
    return None if moment.since < _SKIPPED_NIGHTS else "failed"


def _disk_filling(facts: Facts, moment: Moment) -> None:
    """One percent of room is lost a day, from 40; after some weeks the disk itself complains."""
    total = moment.machine.total_gib
    percent = max(40 - moment.since.days, 2)
    data = facts["storage"]["data"]
    data["volumes"] = [volume("os", total, total * percent // 100)]
    if moment.since.days >= _WEAR_SHOWS_AFTER_DAYS:
        data["disks"][0].update(health="warning", flags=["reallocated"])


def _antivirus_off(facts: Facts, moment: Moment) -> None:
    """Someone switched the protection off, and the signatures grow old."""
    data = facts["antivirus"]["data"]
    if data is None:
        return
    data.update(realtime="no", signature_age_days=moment.since.days)
    if "tamper_protected" in data:
        data.update(tamper_protected="no", running_mode="not_running")
    for product in data["products"] or ():
        product["state"] = "off"
        product["signatures"] = "out_of_date" if moment.since.days else "up_to_date"


def _gone(_moment: Moment) -> bool:
    return False


def _line_between_cuts(moment: Moment) -> bool:
    """Tell whether the line is up: it fails for nine hours, and again every twelve days."""
    return moment.since % _LINE_CUT_EVERY >= _LINE_CUT_FOR


def _reboot_pending(facts: Facts, moment: Moment) -> None:
    """Updates wait for a restart that nobody does."""
    data = facts["os"]["data"]
    data["boot_at"] = stamp(boot_time(moment.machine, moment.at - moment.since))
    sources = ["cbs", "wu"] if moment.machine.profile.family == "windows" else ["run_file"]
    data["reboot_required"] = {**data["reboot_required"], "value": "yes", "strong_sources": sources}


def _no_night(_moment: Moment) -> Outcome | None:
    return None


def _no_backup(facts: Facts, moment: Moment) -> None:
    """No job anywhere; the server has a synchronisation, which is no backup."""
    if moment.machine.profile.role in {"server", "nas"}:
        facts["backup"] = section({"tools": [], "jobs": [], "sync_only": "yes"}, "observed")
    else:
        facts["backup"] = section(None, "observed", status="absent")


def _unreadable_backup(facts: Facts, moment: Moment) -> None:
    """The repositories cannot be opened: whether backups exist is not known, which is not the same as none."""
    if not moment.machine.jobs:
        return
    backup = facts["backup"]
    backup["status"] = "partial"
    backup["errors"] = [
        {"code": "permission", "source": job.tool, "detail": "repository_locked", "retryable": True}
        for job in moment.machine.jobs
    ]
    for job in backup["data"]["jobs"]:
        job.update(last_status="unknown", last_end_at=None, last_ok_at=None, duration_s=None, bytes=None)
        job.update(restore_tested_at=None, exit_code=None, restore_months=None)
    for tool in backup["data"]["tools"]:
        tool["readable"] = "no"


HEALTHY = Scenario("healthy")

SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        HEALTHY,
        Scenario("patch_drift", began=timedelta(days=38), shape=_patch_drift),
        Scenario("backup_quietly_failing", began=timedelta(days=9), night=_quiet_then_failing),
        Scenario("disk_filling", "one", began=timedelta(days=28), shape=_disk_filling),
        Scenario("antivirus_off", "one", began=timedelta(days=4), shape=_antivirus_off),
        Scenario("device_gone", "one", began=timedelta(days=6), is_on=_gone),
        Scenario("line_cut", began=_LINE_CUT_EVERY + timedelta(hours=3), line_is_up=_line_between_cuts),
        Scenario("new_practice"),
        Scenario("reboot_pending", "one", began=timedelta(days=9), shape=_reboot_pending),
        Scenario("end_of_support"),
        Scenario("no_backup", began=timedelta(days=400), shape=_no_backup, night=_no_night),
        Scenario("unreadable_backup", began=timedelta(days=12), shape=_unreadable_backup, night=_no_night),
    )
}
"""By name. `new_practice` and `end_of_support` are stories of what a practice has, told by the plan of the fleet."""
