"""The alert engine, as stories: events in, and what a provider would see of them, each at its instant."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from vigie.alerts.policy_schemas import AlertingPolicyIn
from vigie.alerts.rules.causes import BACKUP, PATCH, PROTECTION, RENEWALS
from vigie.alerts.rules.codec import dump_state, load_state
from vigie.alerts.rules.engine import advance
from vigie.alerts.rules.model import Change, Channel, Effect, Input, Note, State, Terms
from vigie.alerts.rules.policy import Cause, Policy
from vigie.alerts.rules.windows import Weekly, Window
from vigie.posture.catalogue import load_catalogue
from vigie.posture.rules.device import DEVICE_CONTROLS
from vigie.posture.rules.practice import HEADLINES
from vigie.posture.rules.reasons import Reason
from vigie.practices.opening_hours_schemas import calendar_from

MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # nine o'clock in Paris
PRACTICE, CHANNEL, NIGHT_CHANNEL = UUID(int=1), UUID(int=2), UUID(int=3)
PC, SERVER = str(UUID(int=11)), str(UUID(int=12))
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WORKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
HOURS = {"weekly": {day: [{"from": "08:30", "to": "12:00"}, {"from": "14:00", "to": "18:00"}] for day in WORKDAYS}}
AWAKE = AlertingPolicyIn(quiet_hours=None).policy()
EVERYWHERE = Channel(CHANNEL, datetime(2020, 1, 1, tzinfo=UTC), None, "info", None, None)


def terms(policy: Policy = AWAKE, windows: Sequence[Window] = (), channels: Sequence[Channel] = (EVERYWHERE,)) -> Terms:
    return Terms(((datetime(2020, 1, 1, tzinfo=UTC), policy),), tuple(windows), tuple(channels), calendar_from)


class Log:
    """Events of one practice, numbered as they come."""

    def __init__(self) -> None:
        self.events: list[Input] = []

    def add(self, at: datetime, kind: str, device: str | None = None, **payload: Any) -> "Log":
        self.events.append(Input(len(self.events) + 1, kind, device, at, at, payload))
        return self

    def hours(self, at: datetime = MONDAY - DAY) -> "Log":
        return self.add(at, "practice.opening_hours_changed", hours=HOURS, time_zone="Europe/Paris")

    def control(self, at: datetime, control: str, to: str, reason: str = "some_devices_fail") -> "Log":
        change = {"control": control, "from": None, "to": to, "reason": reason}
        return self.add(at, "posture.changed", headlines=[], controls=[change])

    def silent(self, at: datetime, device: str = PC, cause: str = "unknown", role: str = "workstation") -> "Log":
        return self.add(at, "device.silent", device, alias=device[-2:], cause=cause, role=role)

    def returned(self, at: datetime, device: str = PC) -> "Log":
        return self.add(at, "device.returned", device)

    def person(self, at: datetime, act: str, cause: str, **more: Any) -> "Log":
        return self.add(at, f"alert.{act}", alert_id=str(UUID(int=9)), cause=cause, by="ana", **more)

    def run(self, until: datetime, laws: Terms | None = None) -> list[Effect]:
        return advance(State(), self.events, laws or terms(), PRACTICE, until)[1]


def told(effects: Sequence[Effect]) -> list[str]:
    """Return what a provider would see: minutes since Monday nine o'clock, what, and for what is held back why."""
    lines = []
    for effect in effects:
        minutes = int((effect.at - MONDAY) / MINUTE)
        if isinstance(effect, Change):
            lines.append(f"{minutes} {effect.alert.cause} {effect.kind}")
        else:
            lines.append(f"{minutes} {effect.data['cause']} {effect.why or 'sent'} {effect.kind.partition('.')[2]}")
    return lines


Begin = Callable[[Log, datetime], Log]


def control(name: str, to: str, reason: str = "x") -> Begin:
    return lambda log, at: log.control(at, name, to, reason)


def event(kind: str, **payload: Any) -> Begin:
    device = PC if kind.startswith("device.") else None
    return lambda log, at: log.add(at, kind, device, **payload)


CASES: list[tuple[Begin, Begin, Cause, int, int]] = [
    (control("ANS-5.1", "fail"), control("ANS-5.1", "pass"), "backup", 15, 15),
    (control("ANS-2.2", "fail"), control("ANS-2.2", "warn"), "patch", 60, 60),
    (control("ANS-2.6", "fail"), control("ANS-2.6", "unknown"), "protection", 30, 30),
    (lambda log, at: log.silent(at), lambda log, at: log.returned(at), "silent", 30, 15),
    (lambda log, at: log.silent(at, cause="agent_broken"), lambda log, at: log.returned(at), "agent", 30, 60),
    (event("practice.line_down", devices=[]), event("practice.line_restored"), "line", 0, 15),
    (event("device.clone_suspect", sign="x"), event("device.reenrolled"), "clone", 0, 0),
    (event("device.clone_suspect", sign="x"), event("device.clone_cleared"), "clone", 0, 0),
    (
        control("ANS-8.1", "warn", "contract_ending"),
        control("ANS-8.1", "pass", "contracts_current"),
        "renewal",
        0,
        0,
    ),
    (
        event("exception.ended", exception="e", control="ANS-2.2"),
        event("exception.created", exception="f", control="ANS-2.2"),
        "renewal",
        0,
        0,
    ),
]


def test_each_cause_opens_after_its_time_and_closes_after_another() -> None:
    for begin, end, cause, opens, closes in CASES:
        at = MONDAY + HOUR
        changes = [each for each in begin(Log(), at).run(at + DAY) if isinstance(each, Change)]
        assert [(change.alert.cause, change.kind, change.at) for change in changes][:1] == [
            (cause, "opened", at + opens * MINUTE)
        ]
        if opens:  # what is gone a minute before opens nothing
            assert end(begin(Log(), at), at + (opens - 1) * MINUTE).run(at + DAY) == []
        gone = at + 3 * HOUR
        closed = [each for each in end(begin(Log(), at), gone).run(at + DAY) if each.kind == "closed"]
        assert [(change.at, change.alert.status) for change in closed if isinstance(change, Change)] == [
            (gone + closes * MINUTE, "closed")
        ]
        again = begin(end(begin(Log(), at), gone), gone + (closes - 1) * MINUTE if closes else gone)
        assert ("closed" in [each.kind for each in again.run(at + DAY)]) == (closes == 0)


def test_machines_that_are_off_are_told_late_and_controls_of_people_or_on_a_list_never() -> None:
    opened = Log().silent(MONDAY, cause="machine_off").run(MONDAY + 30 * DAY)
    assert told(opened) == [f"{10 * 24 * 60} machine_off opened", f"{10 * 24 * 60} machine_off below_severity opened"]
    assert Log().control(MONDAY, "ANS-4.2", "fail", "answered_no").run(MONDAY + 30 * DAY) == []
    spared = AlertingPolicyIn.model_validate({"causes": {"backup": {"ignore": ["ANS-5.5"]}}}).policy()
    log = Log().control(MONDAY, "ANS-5.5", "fail")
    assert log.run(MONDAY + DAY, terms(spared)) == []
    assert log.run(MONDAY + DAY) != []
    off = AlertingPolicyIn.model_validate({"causes": {"backup": {"severity": "off"}}}).policy()
    assert log.run(MONDAY + DAY, terms(off)) == []


def test_a_line_is_one_alert_and_its_devices_have_time_to_come_back() -> None:
    log = Log().hours().silent(MONDAY + HOUR, SERVER, role="server")
    log.add(MONDAY + HOUR + MINUTE, "practice.line_down", devices=[PC, SERVER], since="x")
    log.silent(MONDAY + 80 * MINUTE, PC, cause="line")
    back = MONDAY + 6 * HOUR  # three in the afternoon
    log.returned(back, PC).add(back, "practice.line_restored")
    # The server comes back in time: one alert, opened and closed, about the line.
    good = Log()
    good.events = [*log.events]
    good.returned(back + 74 * MINUTE, SERVER)
    course = [
        (each.alert.cause, each.kind, each.at - back) for each in good.run(MONDAY + 2 * DAY) if isinstance(each, Change)
    ]
    assert [each for each in course if each[1] in {"opened", "closed"}] == [
        ("line", "opened", HOUR + MINUTE - 6 * HOUR), ("line", "closed", 15 * MINUTE),
    ]  # fmt: skip
    # It does not: a server that is silent by itself is critical.
    bad = [each for each in log.run(MONDAY + 2 * DAY) if isinstance(each, Change) and each.alert.cause == "silent"]
    assert [(each.kind, each.at - back, each.severity) for each in bad if each.kind == "opened"] == [
        ("opened", 75 * MINUTE, "critical")
    ]
    # A silence that is our own fault opens nothing.
    assert Log().silent(MONDAY, cause="service").run(MONDAY + DAY) == []


@pytest.mark.parametrize(
    ("silent_at", "opens_at"),
    [
        (10 * 60, 10 * 60 + 30),  # the middle of the morning
        (11 * 60 + 45, 15 * 60 + 30),  # opens in the lunch break: an hour and a half after the practice opened again
        (17 * 60 + 50, 24 * 60 + 10 * 60),  # after closing: the next day at ten
        (8 * 60 + 40, 10 * 60),
    ],
)
def test_no_alert_about_a_device_opens_while_its_practice_is_closed(silent_at: int, opens_at: int) -> None:
    midnight = MONDAY - 9 * HOUR
    log = Log().hours().silent(midnight + silent_at * MINUTE)
    opened = [each.at - midnight for each in log.run(MONDAY + 7 * DAY) if each.kind == "opened"]
    assert opened == [opens_at * MINUTE]
    log.returned(midnight + (opens_at - 1) * MINUTE)
    assert log.run(MONDAY + 7 * DAY) == []


def test_the_ladder_is_climbed_until_somebody_acknowledges_and_who_was_told_hears_the_end() -> None:
    ladder = [
        {"after_min": 0, "to": [str(CHANNEL)]},
        {"after_min": 30, "to": "on_call"},
        {"after_min": 90, "to": "everyone"},
    ]
    rota = {
        "first": "2026-11-16",
        "turns": [{"label": "Lea", "channels": [str(CHANNEL)]}, {"label": "Tom", "channels": [str(NIGHT_CHANNEL)]}],
        "overrides": [
            {
                "starts_at": "2026-11-23T10:00:00Z",
                "ends_at": "2026-11-23T12:00:00Z",
                "turn": {"label": "Zoe", "channels": [], "member_id": str(UUID(int=7))},
            }
        ],
    }
    document = {"ladders": {"critical": ladder}, "on_call": rota, "quiet_hours": None}
    laws = terms(
        AlertingPolicyIn.model_validate(document).policy(), channels=(EVERYWHERE, replace(EVERYWHERE, id=NIGHT_CHANNEL))
    )
    log = Log().control(MONDAY, "ANS-5.1", "fail")

    def targets(effects: Sequence[Effect]) -> list[tuple[int, str, str | None]]:
        notes = [each for each in effects if isinstance(each, Note)]
        return [(int((note.at - MONDAY) / MINUTE), note.kind.partition(".")[2], note.target) for note in notes]

    one, other = f"channel:{CHANNEL}", f"channel:{NIGHT_CHANNEL}"
    first, second = (15, "opened", one), (45, "escalated", other)  # Tom has the second week
    assert targets(log.run(MONDAY + DAY, laws)) == [first, second, (105, "escalated", one), (105, "escalated", other)]
    late = Log().control(MONDAY + 2 * HOUR, "ANS-5.1", "fail").run(MONDAY + 3 * HOUR, laws)
    assert targets(late)[1] == (165, "escalated", f"member:{UUID(int=7)}")
    log.person(MONDAY + 50 * MINUTE, "acknowledged", "backup").control(MONDAY + 2 * HOUR, "ANS-5.1", "pass")
    assert targets(log.run(MONDAY + DAY, laws)) == [first, second, (135, "closed", one), (135, "closed", other)]


def test_channels_hear_what_they_chose_and_what_nobody_hears_is_in_the_ledger() -> None:
    deaf = [
        replace(EVERYWHERE, id=UUID(int=21), minimum="critical"),
        replace(EVERYWHERE, id=UUID(int=22), causes=frozenset({"line"})),
        replace(EVERYWHERE, id=UUID(int=23), practices=frozenset({UUID(int=99)})),
        replace(EVERYWHERE, id=UUID(int=24), ended_at=MONDAY),
        replace(EVERYWHERE, id=UUID(int=25), created_at=MONDAY + DAY),
    ]
    log = Log().control(MONDAY, "ANS-2.2", "fail")
    notes = [each for each in log.run(MONDAY + 2 * HOUR, terms(channels=deaf)) if isinstance(each, Note)]
    assert [note.why for note in notes] == ["below_severity", "not_chosen", "not_chosen"]
    assert told(log.run(MONDAY + 2 * HOUR, terms(channels=()))) == ["60 patch opened", "60 patch no_channel opened"]


def test_news_are_gathered_and_what_is_graver_is_told_at_once() -> None:
    log = Log().control(MONDAY, "ANS-5.1", "fail").control(MONDAY + 20 * MINUTE, "ANS-5.4", "fail")
    log.control(MONDAY + 30 * MINUTE, "ANS-5.5", "fail")
    assert [line for line in told(log.run(MONDAY + 100 * MINUTE)) if "opened" not in line] == [
        "20 backup updated", "20 backup grouped updated", "30 backup updated", "75 backup sent updated",
    ]  # fmt: skip
    silent = Log().silent(MONDAY).silent(MONDAY + 40 * MINUTE, SERVER, role="server")
    assert told(silent.run(MONDAY + 41 * MINUTE))[2:] == ["40 silent updated", "40 silent sent updated"]
    # Whoever had acknowledged the lesser is told of the graver.
    heard = Log().silent(MONDAY).person(MONDAY + 35 * MINUTE, "acknowledged", "silent")
    heard.silent(MONDAY + 40 * MINUTE, SERVER, role="server")
    assert told(heard.run(MONDAY + 41 * MINUTE))[-1] == "40 silent sent updated"


def test_what_comes_back_soon_reopens_and_what_comes_back_often_is_kept_open() -> None:
    log = Log()
    for number in range(5):
        log.control(MONDAY + 3 * number * HOUR, "ANS-5.1", "fail")
        log.control(MONDAY + (3 * number + 1) * HOUR, "ANS-5.1", "pass")
    effects = log.run(MONDAY + 2 * DAY)
    changes = [each for each in effects if isinstance(each, Change) and each.kind in {"opened", "reopened", "closed"}]
    kinds = [each.kind for each in changes]
    # Gone for two hours each time: another alert, until the fourth within a day is kept open.
    assert kinds == ["opened", "closed", "opened", "closed", "opened", "closed", "reopened", "closed"]
    assert changes[-1].at == MONDAY + 13 * HOUR + 12 * HOUR
    assert [each.why for each in effects if isinstance(each, Note) and each.why == "flapping"] == ["flapping"]
    soon = Log().control(MONDAY, "ANS-5.1", "fail").control(MONDAY + HOUR, "ANS-5.1", "pass")
    soon.control(MONDAY + 80 * MINUTE, "ANS-5.1", "fail")
    alerts = {each.alert.id for each in soon.run(MONDAY + DAY) if isinstance(each, Change)}
    assert len(alerts) == 1


def test_people_resolve_assign_and_comment() -> None:
    log = (
        Log().control(MONDAY, "ANS-5.1", "fail").person(MONDAY + HOUR, "assigned", "backup", assignee=str(UUID(int=7)))
    )
    log.person(MONDAY + 2 * HOUR, "resolved", "backup").person(MONDAY + 2 * HOUR, "commented", "backup")
    alert = next(each.alert for each in log.run(MONDAY + DAY) if isinstance(each, Change))
    assert (alert.status, alert.assignee, alert.step_at) == ("resolved", str(UUID(int=7)), None)
    more = log.control(MONDAY + DAY, "ANS-5.4", "fail").run(MONDAY + DAY)
    assert told(more)[-2:] == ["1440 backup reopened", "1440 backup sent reopened"]
    # What nothing else would end is over when somebody says so.
    lapsed = Log().add(MONDAY, "exception.expiring", PC, exception="e", control="ANS-2.2")
    lapsed.person(MONDAY + HOUR, "resolved", "renewal")
    assert told(lapsed.run(MONDAY + DAY))[-1] == "60 renewal closed"
    # An act on an alert that a rehearsed policy would not have opened is nothing.
    assert Log().person(MONDAY, "acknowledged", "backup").run(MONDAY + DAY) == []


PARIS = ZoneInfo("Europe/Paris")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)  # the clock jumps from two to three, and from three back to two


def local(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=PARIS).astimezone(UTC)


@pytest.mark.parametrize("night", [SPRING, AUTUMN, date(2026, 11, 23)])
def test_every_obstacle_is_looked_at_again_the_instant_it_ends(night: date) -> None:
    """Maintenance, quiet hours, a closed practice, a snooze: the night of a clock change is as long as it is."""
    evening = local(night - DAY, 22)
    weekly = Weekly(PARIS, frozenset({(night - DAY).weekday()}), 21 * 60, 4 * 60, night - 7 * DAY)
    window = Window(UUID(int=5), PRACTICE, None, evening - DAY, None, None, weekly)
    quiet = {
        "weekly": {WEEK[each.weekday()]: spans for each, spans in ((night - DAY, LATE), (night, EARLY))},
        "passes": [],
    }
    hours = {"weekly": {WEEK[night.weekday()]: [{"from": "05:30", "to": "12:00"}]}, "territory": "metropolitan"}
    failing = Log().control(evening, "ANS-5.1", "fail")
    opened = Log().add(evening - DAY, "practice.opening_hours_changed", hours=hours, time_zone="Europe/Paris")
    snoozed = Log().control(evening, "ANS-5.1", "fail")
    snoozed.person(evening + 10 * MINUTE, "acknowledged", "backup")  # there is no alert yet
    until = local(night, 4, 30)
    snoozed.person(evening + 20 * MINUTE, "snoozed", "backup", until=until.isoformat())
    cases = [
        (failing, terms(windows=[window]), "window", local(night, 4)),
        (
            failing,
            terms(AlertingPolicyIn.model_validate({"quiet_hours": quiet}).policy()),
            "quiet_hours",
            local(night, 6),
        ),
        (opened.control(evening, "ANS-5.1", "fail"), terms(), "closed_hours", local(night, 5, 30)),
    ]
    for log, laws, why, end in cases:
        notes = [each for each in log.run(evening + DAY, laws) if isinstance(each, Note)]
        assert [(each.why, each.at) for each in notes[:2]] == [(why, evening + 15 * MINUTE), (None, end)], why
        assert notes[0].until == end
        # Gone by then: nobody is bothered, before or after.
        healed = Log()
        healed.events = [*log.events]
        healed.control(end - 20 * MINUTE, "ANS-5.1", "pass")
        assert [each for each in healed.run(evening + DAY, laws) if isinstance(each, Note) and each.why is None] == []
    sent = [each.at for each in snoozed.run(evening + DAY) if isinstance(each, Note) and each.why is None]
    assert sent[:2] == [evening + 15 * MINUTE, until]


WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LATE, EARLY = [{"from": "20:00", "to": "24:00"}], [{"from": "00:00", "to": "06:00"}]


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ({}, True),
        ({"practice_id": None}, True),
        ({"practice_id": UUID(int=99)}, False),
        ({"causes": frozenset({"backup"})}, True),
        ({"causes": frozenset({"patch"})}, False),
        ({"controls": frozenset({"ANS-5.1", "ANS-5.4"})}, True),
        ({"controls": frozenset({"ANS-5.4"})}, False),
        ({"device_id": UUID(PC)}, False),  # a control is not tied to one device
        ({"cancelled_at": MONDAY}, False),
        ({"made_at": MONDAY + 16 * MINUTE}, False),
        ({"span": (MONDAY, MONDAY + 15 * MINUTE)}, False),
        ({"span": (MONDAY + 15 * MINUTE, MONDAY + 16 * MINUTE)}, True),
    ],
)
def test_a_window_covers_what_it_names(changes: dict[str, Any], *, covered: bool) -> None:
    window = Window(UUID(int=5), PRACTICE, None, MONDAY - DAY, None, (MONDAY, MONDAY + 12 * HOUR))
    log = Log().control(MONDAY, "ANS-5.1", "fail")
    notes = [
        each for each in log.run(MONDAY + HOUR, terms(windows=[replace(window, **changes)])) if isinstance(each, Note)
    ]
    assert (notes[0].why == "window") is covered


def test_a_device_window_covers_an_alert_about_that_device_alone_and_is_called_off_at_once() -> None:
    window = Window(UUID(int=5), PRACTICE, UUID(PC), MONDAY - DAY, None, (MONDAY, MONDAY + 12 * HOUR))
    held = Log().silent(MONDAY).run(MONDAY + HOUR, terms(windows=[window]))
    assert told(held) == ["30 silent opened", "30 silent window opened"]
    off = replace(window, cancelled_at=MONDAY + 40 * MINUTE)
    log = Log().silent(MONDAY).add(MONDAY + 40 * MINUTE, "maintenance_window.ended", window="x", by="ana")
    assert told(log.run(MONDAY + HOUR, terms(windows=[off])))[-1] == "40 silent sent opened"
    both = Log().silent(MONDAY).silent(MONDAY, SERVER).run(MONDAY + HOUR, terms(windows=[window]))
    assert told(both)[-1] == "30 silent sent opened"


def drawn(seed: int) -> tuple[list[Input], Terms]:
    """Draw a month of a practice, and what its provider decided."""
    rng = random.Random(seed)
    log = Log().hours(MONDAY)
    at = MONDAY
    for _ in range(120):
        at += rng.randrange(1, 500) * MINUTE
        device = rng.choice((PC, SERVER))
        cause = rng.choice(("backup", "patch", "silent", "line", "protection"))
        match rng.randrange(10):
            case 0 | 1 | 2:
                log.control(at, rng.choice(("ANS-5.1", "ANS-5.4", "ANS-2.2", "ANS-2.6")), rng.choice(("fail", "pass")))
            case 3 | 4:
                log.silent(
                    at, device, rng.choice(("unknown", "agent_broken", "line")), rng.choice(("server", "workstation"))
                )
            case 5:
                log.returned(at, device)
            case 6:
                log.add(at, "practice.line_down", devices=[PC], since="x")
            case 7:
                log.add(at, "practice.line_restored")
            case 8:
                log.person(at, "snoozed", cause, until=(at + rng.randrange(1, 3000) * MINUTE).isoformat())
            case 9:
                log.person(at, rng.choice(("acknowledged", "resolved")), cause)
    weekly = Weekly(PARIS, frozenset({rng.randrange(7)}), 20 * 60, 5 * 60, date(2026, 1, 1))
    window = Window(UUID(int=5), None, None, MONDAY, None, None, weekly)
    return log.events, terms(rng.choice((Policy(), AWAKE)), [window])


@pytest.mark.parametrize("seed", range(12))
def test_it_does_not_matter_when_anybody_looks(seed: int) -> None:
    """The whole month at once, and in as many pieces as one likes through JSON: the same effects, the same memory."""
    events, laws = drawn(seed)
    end = MONDAY + 60 * DAY
    whole, effects = advance(State(), events, laws, PRACTICE, end)
    rng = random.Random(seed)
    state, pieces = State(), list[Effect]()
    for event in events:
        state, found = advance(load_state(dump_state(state)), [event], laws, PRACTICE, event.recorded_at)
        pieces += found
        if rng.randrange(2):
            state, found = advance(state, [event], laws, PRACTICE, event.recorded_at + rng.randrange(3) * MINUTE / 4)
            pieces += found
    state, found = advance(state, events, laws, PRACTICE, end)
    pieces += found

    def seen(found: Sequence[Effect]) -> list[Any]:
        return [
            each.key if isinstance(each, Note) else (each.kind, each.at, each.members, each.severity) for each in found
        ]

    assert seen(pieces) == seen(effects)
    assert dump_state(state) == dump_state(whole)
    keys = [each.key for each in effects if isinstance(each, Note)]
    assert len(keys) == len(set(keys))


def test_causes_are_those_of_the_catalogue() -> None:
    devices = frozenset(DEVICE_CONTROLS)
    catalogue = load_catalogue().controls
    essential = {name for name, control in catalogue.items() if control.essential}
    assert frozenset(HEADLINES["patch"]) == PATCH
    assert frozenset(HEADLINES["backup"]) & devices == BACKUP
    assert essential & devices - PATCH - BACKUP == PROTECTION
    assert set(get_args(Reason)) >= RENEWALS
