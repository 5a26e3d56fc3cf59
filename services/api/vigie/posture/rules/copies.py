"""ANS-5.3 to ANS-5.6: copies that last, that are elsewhere, that cannot be altered, that nobody else can read.

For 5.3, 5.4 and 5.5 the best job of a device decides, as the best device does for a practice: one good copy is enough.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from vigie.posture.rules.jobs import Job, is_readable, job_evidence, last_success, read_jobs
from vigie.posture.rules.lifecycle import Lifecycle
from vigie.posture.rules.model import BackupPolicy, Calendar, DeviceFacts, Finding, Policy
from vigie.posture.rules.reading import after_day, days_of, verdict
from vigie.posture.rules.reasons import Reason
from vigie.posture.rules.timeline import BEST_FIRST, WORST_FIRST, Step, Timeline, combine

Answer = Literal["yes", "no", "unknown"]

_MONTHS = 12
_ELSEWHERE = frozenset({"offsite", "cloud"})
_PORTABLE = _ELSEWHERE | {"usb"}
_PORTABLE_NAMES = tuple(sorted(_PORTABLE))
_ON_THE_SPOT = frozenset({"local"})


def assess_restore_months(
    facts: DeviceFacts, policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, now: datetime
) -> Finding:
    """ANS-5.3: a restore point exists for each of the last ``restore_months`` calendar months.

    Counted from the month of enrolment when that is later. The running month belongs to the window (tools that keep twelve
    months count it) and is not held against anyone before it is over. Pass: none missing; warn: up to
    ``restore_missing_warn``; then fail. No restore point at all fails whatever the age of the practice.
    """
    control = "ANS-5.3"
    bounds = policy.backup
    threshold = {"months": bounds.restore_months, "missing_warn": bounds.restore_missing_warn}
    found = read_jobs(facts, control, threshold)
    if isinstance(found, Finding):
        return found
    reading, jobs = found
    enrolled = _month_of(facts.enrolled_at)
    timelines = [_retention(job, enrolled, bounds, now) for job in jobs]
    state, reason, until = combine(timelines, now, BEST_FIRST)
    best = max((len(job.get("restore_months") or ()) for job in jobs), default=0)
    reading.evidence["months_kept"] = best
    reading.evidence["counted_from"] = _month_name(_first_month(_month_of(now), enrolled, bounds))
    reading.evidence["jobs"] = job_evidence(jobs, timelines, now)
    return verdict(control, state, reason, reading.evidence, threshold, until)


def _retention(job: Job, enrolled: int, bounds: BackupPolicy, now: datetime) -> Timeline:
    listed = job.get("restore_months")
    if listed is None:
        return (("unknown", "months_unreadable", None),)
    if not listed:
        return (("fail", "no_restore_point", None),)
    current = _month_of(now)
    return _retention_steps(tuple(listed), current, _first_month(current, enrolled, bounds), bounds)


@lru_cache(maxsize=4096)
def _retention_steps(listed: tuple[str, ...], current: int, first: int, bounds: BackupPolicy) -> Timeline:
    """Return the states a set of restore points goes through as months pass and none is added.

    ``first`` is the month the window starts with now. Remembered, because most devices of a fleet hold the same set.
    """
    months = frozenset(map(_month_number, listed))
    missing = sum(1 for month in range(first, current) if month not in months)
    state, reason = _retention_state(missing, bounds)
    steps: list[Step] = []
    for month in range(current + 1, current + bounds.restore_months + 1):
        missing += month - 1 not in months
        leaving = month - bounds.restore_months
        missing -= leaving >= first and leaving not in months
        next_state, next_reason = _retention_state(missing, bounds)
        if next_state != state:
            steps.append((state, reason, _month_start(month)))
            state, reason = next_state, next_reason
    steps.append((state, reason, None))
    return tuple(steps)


def _retention_state(missing: int, bounds: BackupPolicy) -> tuple[Literal["pass", "warn", "fail"], Reason]:
    if missing == 0:
        return "pass", "months_kept"
    if missing <= bounds.restore_missing_warn:
        return "warn", "months_few_missing"
    return "fail", "months_missing"


def _first_month(current: int, enrolled: int, bounds: BackupPolicy) -> int:
    return max(current - bounds.restore_months + 1, enrolled)


def _month_of(moment: datetime) -> int:
    """Return a month as a number that counts on over the years (UTC)."""
    utc = moment.astimezone(UTC)
    return utc.year * _MONTHS + utc.month - 1


def _month_number(name: str) -> int:
    """Return the number of a month written ``YYYY-MM``."""
    return int(name[:4]) * _MONTHS + int(name[5:7]) - 1


def _month_name(number: int) -> str:
    year, month = divmod(number, _MONTHS)
    return f"{year:04d}-{month + 1:02d}"


def _month_start(number: int) -> datetime:
    year, month = divmod(number, _MONTHS)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def assess_offsite_copy(
    facts: DeviceFacts, policy: Policy, calendar: Calendar, _lifecycle: Lifecycle, now: datetime
) -> Finding:
    """ANS-5.4: a copy in another place than the practice, at most ``offsite_pass_days`` old, then ``offsite_warn_days``.

    No copy outside fails. A target whose place cannot be told (a server, a NAS, a disk that may travel) is unknown
    unless the agent says. A copy ages as `_ends` has it.
    """
    bounds = policy.backup
    threshold = {"pass_days": bounds.offsite_pass_days, "warn_days": bounds.offsite_warn_days}

    def timeline(job: Job) -> Timeline:
        place = _is_offsite(job)
        if place == "no":
            return (("fail", "offsite_none", None),)
        if place == "unknown":
            return (("unknown", "offsite_unknown", None),)
        success = last_success(job, facts, now) if is_readable(job) else None
        if success is None:
            return _undated(job)
        return (
            ("pass", "offsite_recent", _ends(success, bounds.offsite_pass_days, calendar)),
            ("warn", "offsite_late", _ends(success, bounds.offsite_warn_days, calendar)),
            ("fail", "offsite_overdue", None),
        )

    return _best_copy("ANS-5.4", facts, threshold, timeline, now)


def assess_immutable_copy(
    facts: DeviceFacts, policy: Policy, calendar: Calendar, _lifecycle: Lifecycle, now: datetime
) -> Finding:
    """ANS-5.5: a copy that an intruder cannot alter, at most ``immutable_pass_days`` old, then ``immutable_warn_days``.

    Only what the target says of itself counts. A disk that is carried away cannot be seen from here: a person attests it. A copy
    ages as `_ends` has it.
    """
    bounds = policy.backup
    threshold = {"pass_days": bounds.immutable_pass_days, "warn_days": bounds.immutable_warn_days}

    def timeline(job: Job) -> Timeline:
        immutable = _answer(job.get("immutable"))
        if immutable == "no":
            return (("fail", "immutable_none", None),)
        if immutable == "unknown":
            return (("unknown", "immutable_unknown", None),)
        success = last_success(job, facts, now) if is_readable(job) else None
        if success is None:
            return _undated(job)
        return (
            ("pass", "immutable_recent", _ends(success, bounds.immutable_pass_days, calendar)),
            ("warn", "immutable_late", _ends(success, bounds.immutable_warn_days, calendar)),
            ("fail", "immutable_overdue", None),
        )

    return _best_copy("ANS-5.5", facts, threshold, timeline, now)


def _ends(success: datetime, days: int, calendar: Calendar) -> datetime:
    """Return when a copy is older than so many days, on half of which at least the practice was open.

    In an ordinary week the days decide. While a practice is closed for three weeks its machines may be off, and nothing changes
    that would have to be copied.
    """
    return max(after_day(success, days), calendar.elapse(success, days_of(days + 1) / 2))


def _best_copy(
    control: str, facts: DeviceFacts, threshold: dict[str, int], timeline: Callable[[Job], Timeline], now: datetime
) -> Finding:
    found = read_jobs(facts, control, threshold)
    if isinstance(found, Finding):
        return found
    reading, jobs = found
    timelines = [timeline(job) for job in jobs]
    # Among failures, a copy that is too old says more than a job that makes none.
    decisive = sorted(timelines, key=len, reverse=True) if len(timelines) > 1 else timelines
    state, reason, until = combine(decisive, now, BEST_FIRST)
    reading.evidence["jobs"] = job_evidence(jobs, timelines, now)
    return verdict(control, state, reason, reading.evidence, threshold, until)


def _undated(job: Job) -> Timeline:
    """Judge a copy of the right kind whose last success is not known."""
    if not is_readable(job):
        return (("unknown", "job_unreadable", None),)
    if job.get("last_status") == "never":
        return (("fail", "backup_never", None),)
    return (("unknown", "backup_date_unknown", None),)


def assess_encrypted_copies(
    facts: DeviceFacts, _policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, now: datetime
) -> Finding:
    """ANS-5.6: copies that can leave the practice (USB, another place, cloud) are encrypted.

    Pass: all; fail: one is not; unknown: one cannot be told. Not applicable when every copy stays inside. Where the key is
    kept is a question for a person.
    """
    control = "ANS-5.6"
    threshold = {"targets": list(_PORTABLE_NAMES)}
    found = read_jobs(facts, control, threshold)
    if isinstance(found, Finding):
        return found
    reading, jobs = found
    timelines: list[Timeline] = []
    portable: list[Job] = []
    for job in jobs:
        step = _encryption(job)
        if step is not None:
            timelines.append((step,))
            portable.append(job)
    if not timelines:
        return verdict(control, "not_applicable", "no_portable_copy", reading.evidence, threshold)
    state, reason, _ = combine(timelines, now, WORST_FIRST)
    reading.evidence["jobs"] = job_evidence(portable, timelines, now)
    return verdict(control, state, reason, reading.evidence, threshold)


def _encryption(job: Job) -> Step | None:
    """Judge one copy; None when it stays inside the practice."""
    target, encrypted = job.get("target"), _answer(job.get("encrypted"))
    travels = target in _PORTABLE or job.get("offsite") == "yes"
    inside = target in {"local", "nas", "server"}
    if not travels and inside:
        return None
    if encrypted == "yes":
        return ("pass", "copies_encrypted", None)
    if encrypted == "no" and travels:
        return ("fail", "copies_unencrypted", None)
    return ("unknown", "copies_encryption_unknown", None)


def _is_offsite(job: Job) -> Answer:
    """Tell whether a copy lies outside the practice: by the agent's word, else by the kind of target."""
    told = _answer(job.get("offsite"))
    if told != "unknown":
        return told
    if job.get("target") in _ELSEWHERE:
        return "yes"
    return "no" if job.get("target") in _ON_THE_SPOT else "unknown"


def _answer(value: object) -> Answer:
    return "yes" if value == "yes" else "no" if value == "no" else "unknown"
