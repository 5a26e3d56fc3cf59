"""The ordinary course of a machine's life: when updates appear, are installed, machines restart, nights are backed up.

Pure functions of an instant, so that a month of history and a live fleet come from the same place. All times are UTC.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from vigie.simulator.machines import Machine, Rhythm

_DAY = timedelta(days=1)
_TUESDAY = 1
_THURSDAY = 3
_MONTHS_LOOKED_BACK = 14
_WEEKS_LOOKED_BACK = 30


@dataclass(frozen=True, slots=True)
class Updates:
    """What is missing and what was installed last, as a search at some instant would find it."""

    missing: tuple[datetime, ...]
    installed_at: datetime | None
    installed: int
    searched_at: datetime


def last_at_second(moment: datetime, second: int) -> datetime:
    """Return the latest instant, not after ``moment``, at a given second of the UTC day."""
    today = moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(seconds=second)
    return today if today <= moment else today - _DAY


def releases(rhythm: Rhythm, until: datetime) -> list[datetime]:
    """Return the recent instants at which security updates were published, oldest first, none after ``until``."""
    return [moment for moment in _releases_of(rhythm, until.date()) if moment <= until]


@lru_cache(maxsize=1024)
def _releases_of(rhythm: Rhythm, day: date) -> tuple[datetime, ...]:
    """Return the publications up to the end of a day; a whole fleet asks for the same days."""
    if rhythm == "weekly":
        last = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        last -= timedelta(days=(day.weekday() - _THURSDAY) % 7)
        return tuple(last - timedelta(weeks=back) for back in reversed(range(_WEEKS_LOOKED_BACK)))
    months = (divmod(day.year * 12 + day.month - 1 - back, 12) for back in reversed(range(_MONTHS_LOOKED_BACK)))
    return tuple(second_tuesday(year, month + 1) for year, month in months)


def second_tuesday(year: int, month: int) -> datetime:
    """Return Microsoft's monthly publication, 18:00 UTC."""
    first = datetime(year, month, 1, 18, tzinfo=UTC)
    return first + timedelta(days=(_TUESDAY - first.weekday()) % 7 + 7)


def months_since_2025(moment: datetime) -> int:
    """Count the months from January 2025; Windows revisions grow with them."""
    return (moment.year - 2025) * 12 + moment.month - 1


def install_time(machine: Machine, released_at: datetime) -> datetime:
    """Return the night in which a machine installs what was published."""
    night = (released_at + machine.patch_lag_days * _DAY).replace(hour=2, minute=10, second=0)
    return night + timedelta(seconds=machine.number * 37 % 3000)


def updates(machine: Machine, at: datetime, *, stopped_since: datetime | None = None) -> Updates:
    """Return the state of updates that the machine's last daily search found.

    ``stopped_since``: from this instant on nothing is installed any more, though searches go on.
    """
    searched_at = last_at_second(at, machine.search_second)
    horizon = searched_at if stopped_since is None else min(searched_at, stopped_since)
    end = machine.profile.last_update
    published = [moment for moment in releases(machine.profile.rhythm, searched_at) if end is None or moment <= end]
    installed = [moment for moment in published if install_time(machine, moment) <= horizon]
    last: datetime | None = None
    if installed:
        last = install_time(machine, installed[-1])
    elif end is not None and end < searched_at:
        last = install_time(machine, end)  # long ago, before the releases looked at
    count = months_since_2025(last) if last is not None else 0
    return Updates(tuple(published[len(installed) :]), last, count, searched_at)


def boot_time(machine: Machine, at: datetime) -> datetime:
    """Return the last restart: after the last installation, and every week for a machine with people in front of it."""
    lived = machine.joined_at - timedelta(days=3, seconds=machine.number * 101 % 40000)
    kernels = [moment for moment in releases(machine.profile.rhythm, at) if _restarts(machine.profile.rhythm, moment)]
    restarts = (install_time(machine, moment) + timedelta(minutes=6) for moment in reversed(kernels))
    moments = [lived, next((moment for moment in restarts if moment <= at), lived)]
    if machine.profile.role in {"workstation", "laptop"}:
        morning = last_at_second(at, 6 * 3600 + machine.number * 53 % 3600)
        moments.append(morning - timedelta(days=morning.weekday()))
    return max(moments)


def _restarts(rhythm: Rhythm, released_at: datetime) -> bool:
    """Tell whether an update wants a restart: Microsoft's all do, of the weekly ones every fourth brings a kernel."""
    return rhythm == "monthly" or released_at.toordinal() // 7 % 4 == 0


def nights(machine: Machine, at: datetime) -> Iterator[datetime]:
    """Yield the ends of the nightly backups, the latest first, back to the first one."""
    night = last_at_second(at, machine.backup_second)
    while night >= machine.backed_up_since:
        yield night
        night -= _DAY


def months_kept(first: datetime, last: datetime) -> list[str]:
    """Return the calendar months from first to last, the last twelve at most, as ``YYYY-MM``."""
    end = last.year * 12 + last.month - 1
    start = max(first.year * 12 + first.month - 1, end - 11)
    return [f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(start, end + 1)]


def whole_days(since: datetime, until: datetime) -> int:
    """Count elapsed whole days, never fewer than none."""
    return max((until - since) // _DAY, 0)


def oldest_age_days(missing: Sequence[datetime], at: datetime) -> int | None:
    """Return the age of the oldest missing update; None when nothing is missing."""
    return whole_days(missing[0], at) if missing else None
