"""Wire shapes of opening hours. What is stored is the document as it was checked here."""

from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vigie.core.sentences import BadValueError
from vigie.core.wire import Instant
from vigie.practices.calendar import Because, Hours, PracticeCalendar, Span, ordered
from vigie.practices.public_holidays import Territory

_MOST_CLOSURE_DAYS = 400
_FIRST_YEAR, _LAST_YEAR = 2020, 2099
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _plausible(day: date) -> date:
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise BadValueError(
            f"a year between {_FIRST_YEAR} and {_LAST_YEAR}", f"Une année entre {_FIRST_YEAR} et {_LAST_YEAR}."
        )
    return day


_Time = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$", examples=["08:30"])]
_Day = Annotated[date, AfterValidator(_plausible)]
_Label = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$"), Field(max_length=80)
]


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class SpanIn(_Strict):
    """From when to when a practice is open, in its local time; `24:00` ends a day."""

    start: _Time = Field(alias="from")
    end: _Time = Field(alias="to")

    def span(self) -> Span:
        """Return it in minutes of the day."""
        return Span(_minutes(self.start), _minutes(self.end))


def _no_overlap(spans: list[SpanIn]) -> list[SpanIn]:
    ordered([span.span() for span in spans])
    return sorted(spans, key=SpanIn.span)


_Spans = Annotated[list[SpanIn], Field(max_length=6), AfterValidator(_no_overlap)]


class Weekly(_Strict):
    """The hours of every week; a day that is left out is closed."""

    monday: _Spans = []
    tuesday: _Spans = []
    wednesday: _Spans = []
    thursday: _Spans = []
    friday: _Spans = []
    saturday: _Spans = []
    sunday: _Spans = []

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if not any(getattr(self, name) for name in WEEKDAYS):
            raise BadValueError(
                "a practice opens at least once a week; delete the hours of one that never closes",
                "Un cabinet ouvre au moins une fois par semaine ; retirez les horaires de celui qui ne ferme jamais.",
            )
        return self


class Closure(_Strict):
    """Days on which the practice stays closed, the first and the last among them."""

    first: _Day
    last: _Day
    label: _Label | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not 0 <= (self.last - self.first).days < _MOST_CLOSURE_DAYS:
            raise BadValueError(
                f"a closure ends on its first day or later, within {_MOST_CLOSURE_DAYS} days",
                f"Une fermeture finit le jour où elle commence ou après, en moins de {_MOST_CLOSURE_DAYS} jours.",
            )
        return self


class Opening(_Strict):
    """A day with hours of its own, be it a public holiday or within a closure."""

    on: _Day
    spans: Annotated[_Spans, Field(min_length=1)]


class OpeningHoursIn(_Strict):
    """When a practice is open."""

    territory: Territory = "metropolitan"
    weekly: Weekly
    closures: Annotated[list[Closure], Field(max_length=60)] = []
    openings: Annotated[list[Opening], Field(max_length=60)] = []

    @model_validator(mode="after")
    def _one_word_a_day(self) -> Self:
        if len({opening.on for opening in self.openings}) < len(self.openings):
            raise BadValueError("two openings name the same day", "Deux ouvertures nomment le même jour.")
        return self

    def hours(self) -> Hours:
        """Return what the calendar counts by."""
        return Hours(
            tuple(ordered([span.span() for span in getattr(self.weekly, name)]) for name in WEEKDAYS),
            tuple((closure.first, closure.last) for closure in self.closures),
            {opening.on: ordered([span.span() for span in opening.spans]) for opening in self.openings},
            self.territory,
        )


@lru_cache(maxsize=20_000)
def calendar_from(stored: str, time_zone: str) -> PracticeCalendar:
    """Return the calendar of stored hours (JSON); the same hours give the same calendar, which remembers what it counted."""
    return PracticeCalendar(OpeningHoursIn.model_validate_json(stored).hours(), time_zone)


class PreviewSpan(BaseModel):
    """An opening time as two instants."""

    opens_at: Instant
    closes_at: Instant


class PreviewDay(BaseModel):
    """A local day: when it is open, and why it is as it is."""

    day: date
    spans: list[PreviewSpan]
    because: Because
    holiday: str | None = Field(description="Name of the public holiday, also when the practice opens on it")


class OpeningHoursOut(BaseModel):
    """When a practice is open: what was told, and what follows from it for the next two weeks.

    `hours` null: nothing was told, so the practice never closes, and silence counts at any time.
    """

    practice_id: UUID
    time_zone: str
    hours: dict[str, Any] | None = Field(description="As told: the body of the PUT, with its defaults filled in")
    changed_at: Instant | None
    open_now: bool
    next_opening: Instant | None
    preview: list[PreviewDay]
