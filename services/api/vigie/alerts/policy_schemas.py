"""Wire shapes of the policy of alerting. What is stored is the document as it was checked here."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, Self, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vigie.alerts.rules.local_time import Span, Weekly
from vigie.alerts.rules.policy import (
    CAUSES,
    DEFAULT_CAUSES,
    DEFAULT_QUIET,
    Cause,
    CausePolicy,
    Flapping,
    OnCall,
    Override,
    Policy,
    Quiet,
    Step,
    Turn,
)
from vigie.core.sentences import BadValueError
from vigie.core.wire import Instant

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)
_MOST_MINUTES: Final = 31 * 24 * 60


def known_zone(name: str) -> str:
    """Return the name of a time zone; raises `BadValueError` for one nobody knows."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise BadValueError("no such time zone", "Ce fuseau horaire n'existe pas.") from error
    return name


Zone = Annotated[str, Field(max_length=64), AfterValidator(known_zone)]
TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$", examples=["08:30"])]
Minutes = Annotated[int, Field(ge=0, le=_MOST_MINUTES)]
_Severity = Literal["critical", "warning", "info", "off"]
_Label = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$"), Field(max_length=80)
]
_Control = Annotated[str, StringConstraints(pattern=r"^ANS-[0-9]{1,2}\.[0-9]{1,2}$")]


def minutes_of(text: str) -> int:
    """Return a time of day in minutes from midnight."""
    return int(text[:2]) * 60 + int(text[3:])


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class SpanIn(_Strict):
    """From when to when, in local time; `24:00` ends a day."""

    start: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if minutes_of(self.start) >= minutes_of(self.end):
            raise BadValueError(
                "a span begins before it ends, within its day", "Une plage commence avant de finir, le même jour."
            )
        return self

    def span(self) -> Span:
        """Return it in minutes of the day."""
        return Span(minutes_of(self.start), minutes_of(self.end))


class CauseIn(_Strict):
    """How one cause is treated. What is left out is the default of that cause."""

    severity: _Severity | None = Field(None, description="`off`: no alert opens.")
    open_after_min: Minutes | None = Field(None, description="How long it must hold before an alert opens.")
    close_after_min: Minutes | None = Field(None, description="How long it must be gone before the alert closes.")
    while_closed: Literal["wait", "send"] | None = Field(
        None, description="Whether notifications wait while the practice is closed."
    )
    ignore: Annotated[list[_Control], Field(max_length=40)] | None = Field(
        None, description="Controls that raise no alert."
    )

    def laid_over(self, default: CausePolicy) -> CausePolicy:
        """Return the default with what is set here."""
        return CausePolicy(
            severity=self.severity or default.severity,
            open_after=_timedelta(self.open_after_min, default.open_after),
            close_after=_timedelta(self.close_after_min, default.close_after),
            while_closed=self.while_closed or default.while_closed,
            ignore=frozenset(self.ignore) if self.ignore is not None else default.ignore,
        )


def _timedelta(minutes: int | None, default: timedelta) -> timedelta:
    return default if minutes is None else timedelta(minutes=minutes)


class StepIn(_Strict):
    """A rung of the ladder: so long after the first message, until somebody acknowledges, these are told."""

    after_min: Minutes
    to: Literal["everyone", "on_call"] | Annotated[list[UUID], Field(min_length=1, max_length=20)] = Field(
        description="Every channel, whoever is on call, or the channels named."
    )


_Steps = Annotated[list[StepIn], Field(max_length=10)]


class LaddersIn(_Strict):
    """Per severity, who is told when; an empty list tells nobody."""

    critical: _Steps = [StepIn(after_min=0, to="everyone"), StepIn(after_min=120, to="everyone")]
    warning: _Steps = [StepIn(after_min=0, to="everyone")]
    info: _Steps = []

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for steps in (self.critical, self.warning, self.info):
            after = [step.after_min for step in steps]
            if after != sorted(set(after)):
                raise BadValueError(
                    "each rung comes later than the one before", "Chaque échelon vient après le précédent."
                )
        return self


class TurnIn(_Strict):
    """Somebody on call: the channels that reach them; a member is written to at their own address."""

    label: _Label
    channels: Annotated[list[UUID], Field(max_length=10)] = []
    member_id: UUID | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not self.channels and self.member_id is None:
            raise BadValueError(
                "somebody on call is reached by a channel or as a member",
                "Qui est d'astreinte est joint par un canal ou comme membre.",
            )
        return self

    def turn(self) -> Turn:
        """Return what the rota knows."""
        return Turn(self.label, tuple(self.channels), self.member_id)


class OverrideIn(_Strict):
    """Somebody stands in from one instant until another."""

    starts_at: AwareDatetime
    ends_at: AwareDatetime
    turn: TurnIn

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.starts_at >= self.ends_at:
            raise BadValueError("it ends after it begins", "La fin vient après le début.")
        return self


class OnCallIn(_Strict):
    """The rota: whole weeks in turn, handed over on a weekday at a local time; the first turn in the week of `first`."""

    time_zone: Zone = "Europe/Paris"
    handover_on: Weekday = "monday"
    handover_at: TimeOfDay = "08:00"
    first: date
    turns: Annotated[list[TurnIn], Field(min_length=1, max_length=50)]
    overrides: Annotated[list[OverrideIn], Field(max_length=100)] = []

    def rota(self) -> OnCall:
        """Return what the rules read."""
        return OnCall(
            zone=ZoneInfo(self.time_zone),
            weekday=WEEKDAYS.index(self.handover_on),
            minute=minutes_of(self.handover_at),
            first=self.first.toordinal() - self.first.weekday(),
            turns=tuple(turn.turn() for turn in self.turns),
            overrides=tuple(
                Override(each.starts_at.astimezone(UTC), each.ends_at.astimezone(UTC), each.turn.turn())
                for each in self.overrides
            ),
        )


def _spans_of(spans: tuple[Span, ...]) -> list[SpanIn]:
    return [SpanIn(start=_text(span.start), end=_text(span.end)) for span in spans]


def _text(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


class QuietIn(_Strict):
    """Hours in which the provider's people are left alone, but for the severities that pass."""

    time_zone: Zone = "Europe/Paris"
    weekly: dict[Weekday, Annotated[list[SpanIn], Field(max_length=6)]] = Field(
        default_factory=lambda: {name: _spans_of(DEFAULT_QUIET.weekly[number]) for number, name in enumerate(WEEKDAYS)}
    )
    passes: list[Literal["critical", "warning", "info"]] = ["critical"]

    def quiet(self) -> Quiet:
        """Return what the rules read."""
        weekly: Weekly = tuple(tuple(span.span() for span in self.weekly.get(name, ())) for name in WEEKDAYS)
        return Quiet(ZoneInfo(self.time_zone), weekly, frozenset(self.passes))


class FlappingIn(_Strict):
    """An alert that opens so often within so long is kept open until its cause is gone for `hold_min`."""

    openings: Annotated[int, Field(ge=2, le=100)] = 4
    within_min: Annotated[int, Field(ge=1, le=_MOST_MINUTES)] = 24 * 60
    hold_min: Annotated[int, Field(ge=1, le=_MOST_MINUTES)] = 12 * 60


class AlertingPolicyIn(_Strict):
    """How a provider wants to be alerted. Everything has a default: `{}` is a policy that serves."""

    causes: dict[Cause, CauseIn] = {}
    server_silent: _Severity = Field(
        "critical", description="Severity of silence when a server or a NAS is among the silent; `off`: as any other."
    )
    ladders: LaddersIn = LaddersIn()
    on_call: OnCallIn | None = None
    quiet_hours: QuietIn | None = QuietIn()
    flapping: FlappingIn = FlappingIn()
    reopen_within_min: Minutes = Field(60, description="A cause that comes back so soon reopens its alert.")
    group_min: Minutes = Field(60, description="How long further news of an alert are gathered before one message.")
    tell_closed: bool = True

    @model_validator(mode="after")
    def _causes_known(self) -> Self:
        if "opening" in self.causes:
            raise BadValueError(
                "the check before a working day is set per channel",
                "Le contrôle d'avant l'ouverture se règle canal par canal.",
            )
        return self

    def policy(self) -> Policy:
        """Return what the rules read."""
        flapping = self.flapping
        return Policy(
            causes={
                cause: self.causes[cause].laid_over(DEFAULT_CAUSES[cause])
                if cause in self.causes
                else DEFAULT_CAUSES[cause]
                for cause in CAUSES
            },
            server_silent=self.server_silent,
            ladders={
                name: tuple(
                    Step(timedelta(minutes=step.after_min), tuple(step.to) if isinstance(step.to, list) else step.to)
                    for step in getattr(self.ladders, name)
                )
                for name in ("critical", "warning", "info")
            },
            on_call=self.on_call.rota() if self.on_call is not None else None,
            quiet=self.quiet_hours.quiet() if self.quiet_hours is not None else None,
            flapping=Flapping(
                flapping.openings, timedelta(minutes=flapping.within_min), timedelta(minutes=flapping.hold_min)
            ),
            reopen_within=timedelta(minutes=self.reopen_within_min),
            group=timedelta(minutes=self.group_min),
            tell_closed=self.tell_closed,
        )

    def channels_named(self) -> set[UUID]:
        """Return every channel the policy sends to by its id."""
        steps = [*self.ladders.critical, *self.ladders.warning, *self.ladders.info]
        found = {each for step in steps if not isinstance(step.to, str) for each in step.to}
        return found.union(*(turn.channels for turn in self._turns()))

    def members_named(self) -> set[UUID]:
        """Return every member the policy writes to."""
        return {turn.member_id for turn in self._turns() if turn.member_id is not None}

    def _turns(self) -> list[TurnIn]:
        if self.on_call is None:
            return []
        return [*self.on_call.turns, *(each.turn for each in self.on_call.overrides)]


@lru_cache(maxsize=4096)
def policy_from(stored: str) -> Policy:
    """Return the policy of a stored document (JSON); the same document gives the same policy."""
    return AlertingPolicyIn.model_validate_json(stored).policy()


class AlertingPolicyOut(BaseModel):
    """A policy of alerting: the document with its defaults filled in, and who set it when. Revision 0: the defaults."""

    revision: int
    status: Literal["default", "draft", "active"]
    document: dict[str, Any]
    effective_causes: dict[str, dict[str, Any]] = Field(description="Every cause as it is treated.")
    changed_at: Instant | None
    changed_by: str | None
    activated_at: Instant | None
    on_call_now: str | None = Field(description="Label of who is on call at this instant.")


def beginning_of_time() -> datetime:
    """Return an instant before every event."""
    return datetime(2000, 1, 1, tzinfo=UTC)
