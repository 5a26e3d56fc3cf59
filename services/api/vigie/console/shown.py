"""How instants, ages and numbers are shown. Pure: `now` and the zone are given.

Instants come from the API as `2026-11-21T08:12:00Z`. Each is shown inside a `<time>` that holds it exactly, in the time zone of the
practice it speaks of. Only ages below a day are relative.
"""

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal
from markupsafe import Markup, escape

from vigie.core.clock import wire_time

PARIS: Final = "Europe/Paris"
_DAY: Final = timedelta(days=1)
_NB: Final = "\N{NO-BREAK SPACE}"
_FIRST: Final = re.compile(r"(?<!\d)1(?= )")
_UP_TO: Final = "jusqu\N{RIGHT SINGLE QUOTATION MARK}"
Moment = str | datetime
Day = date


def instant(value: Moment) -> datetime:
    """Return an instant of the API as a datetime in UTC."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


@lru_cache(maxsize=4096)
def _dated(day: date, pattern: str, language: str) -> str:
    """Return a day by a pattern; the first of a month is ordinal in French. Remembered: a page speaks of few days, often."""
    text = format_date(day, pattern, locale=language)
    return _FIRST.sub("1er", text) if language == "fr" and day.day == 1 else text


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=4096)
def _decimal(value: float, language: str) -> str:
    return str(format_decimal(value, locale=language))


def _time(at: datetime, text: str) -> Markup:
    return Markup(f'<time datetime="{wire_time(at)}">{escape(text)}</time>')  # noqa: S704 - digits, and what is escaped


def _hour(at: datetime) -> str:
    return f"{at.hour:02}:{at.minute:02}"


class Shown:
    """What templates write instants and numbers with, in one language and at one instant."""

    def __init__(self, language: str, now: datetime, zone: str = PARIS) -> None:
        self.language = language
        self.now = now
        self.zone = zone
        self._todays: dict[str, date] = {}

    def _local(self, value: Moment, zone: str | None) -> datetime:
        return instant(value).astimezone(_zone(zone or self.zone))

    def _today(self, zone: str | None) -> date:
        """Return the day it is there; asked for once, because a page speaks of it with every instant."""
        name = zone or self.zone
        found = self._todays.get(name)
        if found is None:
            found = self._todays[name] = self._local(self.now, name).date()
        return found

    def _day(self, local: date, zone: str | None) -> str:
        """Return « 12 nov. », with its year when it is not this one."""
        pattern = "d MMM" if local.year == self._today(zone).year else "d MMM y"
        return _dated(local, pattern, self.language).replace(" ", _NB)

    def today(self) -> str:
        """Return the day it is there, as a date field takes it."""
        return self._today(None).isoformat()

    def clock(self, value: Moment, zone: str | None = None) -> Markup:
        """Show the hour: 08:42."""
        at = self._local(value, zone)
        return _time(at, _hour(at))

    def day(self, value: Moment, zone: str | None = None) -> Markup:
        """Show the day: 12 nov."""
        at = self._local(value, zone)
        return _time(at, self._day(at.date(), zone))

    def date(self, value: str | date) -> str:
        """Show a date that is no instant (a birthday of a contract): 12 nov. 2026."""
        day = value if isinstance(value, date) else date.fromisoformat(value)
        return _dated(day, "d MMM y", self.language).replace(" ", _NB)

    def weekday(self, value: str) -> str:
        """Show a day of a near week: mar. 24 nov."""
        return _dated(date.fromisoformat(value), "EEE d MMM", self.language).replace(" ", _NB)

    def short_date(self, day: Day) -> str:
        """Show a date in little room: 12 oct., with its year when it is not this one."""
        return self._day(day, None)

    def moment(self, value: Moment, zone: str | None = None) -> Markup:
        """Show day and hour: 12 nov. à 08:42; the hour alone when it is today."""
        at = self._local(value, zone)
        if at.date() == self._today(zone):
            return _time(at, _hour(at))
        between = f" à{_NB}" if self.language == "fr" else ", "
        return _time(at, f"{self._day(at.date(), zone)}{between}{_hour(at)}")

    def on(self, value: Moment, zone: str | None = None) -> Markup:
        """Show when, within a sentence: le 12 nov. à 08:42; à 08:42 when it is today."""
        return self._led(value, zone, ("à", "le") if self.language == "fr" else ("at", "on"))

    def until(self, value: Moment, zone: str | None = None) -> Markup:
        """Show until when, within a sentence: jusqu'au 12 nov. à 08:42; jusqu'à 08:42 when it is today."""
        return self._led(value, zone, (_UP_TO + "à", _UP_TO + "au") if self.language == "fr" else ("until", "until"))

    def _led(self, value: Moment, zone: str | None, leads: tuple[str, str]) -> Markup:
        """Show an instant after the word that leads to an hour of today, or to a day."""
        today = self._local(value, zone).date() == self._today(zone)
        return Markup("{}{}{}").format(leads[not today], _NB, self.moment(value, zone))

    def deadline(self, value: Moment, zone: str | None = None) -> Markup:
        """Show an instant that binds: mardi 24 novembre à 08:42."""
        at = self._local(value, zone)
        between = f" à{_NB}" if self.language == "fr" else ", "
        return _time(at, f"{_dated(at.date(), 'EEEE d MMMM', self.language)}{between}{_hour(at)}")

    def long_day(self, value: Moment, zone: str | None = None) -> Markup:
        """Show a day as a heading: samedi 21 novembre."""
        at = self._local(value, zone)
        return _time(at, _dated(at.date(), "EEEE d MMMM", self.language))

    def since(self, value: Moment, zone: str | None = None) -> Markup:
        """Show since when: depuis 2 h 36 min, depuis le 12 nov."""
        at = self._local(value, zone)
        age = self.now - at
        if age < _DAY:
            lead = "depuis" if self.language == "fr" else "for"
            return _time(at, f"{lead} {self.duration(age)}")
        lead = "depuis le" if self.language == "fr" else "since"
        return _time(at, f"{lead} {self._day(at.date(), zone)}")

    def ago(self, value: Moment, zone: str | None = None) -> Markup:
        """Show how long ago: il y a 4 min; le 12 nov. once it is a day."""
        at = self._local(value, zone)
        age = self.now - at
        if age < _DAY:
            text = f"il y a {self.duration(age)}" if self.language == "fr" else f"{self.duration(age)} ago"
            return _time(at, text)
        return _time(at, ("le " if self.language == "fr" else "on ") + self._day(at.date(), zone))

    def duration(self, length: timedelta | float) -> str:
        """Show a length of time by its two largest units: 2 h 36 min; 9 jours."""
        seconds = int(length.total_seconds() if isinstance(length, timedelta) else length)
        minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
        if days >= 2:  # noqa: PLR2004 - up to two days hours still say more
            return f"{days}{_NB}{'jours' if self.language == 'fr' else 'days'}"
        if hours:
            return f"{hours}{_NB}h" + (f"{_NB}{minutes % 60:02}{_NB}min" if minutes % 60 else "")
        return f"{minutes}{_NB}min" if minutes else f"{max(seconds, 0)}{_NB}s"

    def number(self, value: float) -> str:
        """Show a number: 1 204."""
        return _decimal(value, self.language)
