"""Periods, numbers, codes, due instants, logos and the words of reports: tables, without a database."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from tests.support.pictures import PNG, chunk, png
from vigie.reports import words
from vigie.reports.changes import told
from vigie.reports.errors import LogoRefusedError
from vigie.reports.facts import Change, Evidence
from vigie.reports.logo import MOST_BYTES, read_png
from vigie.reports.proofs import Proof, proof_of
from vigie.reports.rules import (
    Period,
    code_of,
    due_at,
    grouped,
    month_before,
    next_due_at,
    number_of,
    period_of,
    provider_of_code,
)

PARIS, REUNION = ZoneInfo("Europe/Paris"), ZoneInfo("Indian/Reunion")
NOW = datetime(2026, 11, 17, 23, 30, tzinfo=UTC)  # already the 18th in Paris
PROVIDER = UUID("01a20318-cdc3-77ae-a0e2-037c694515fb")


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (None, None, (date(2026, 10, 20), date(2026, 11, 18))),
        (date(2026, 11, 18), None, (date(2026, 11, 18), date(2026, 11, 18))),
        (date(2026, 11, 19), None, None),
        (None, date(2026, 11, 19), None),
        (None, date(2026, 3, 30), (date(2026, 3, 1), date(2026, 3, 30))),
        (date(2026, 3, 31), date(2026, 3, 30), None),
        (date(2025, 10, 19), None, (date(2025, 10, 19), date(2026, 11, 18))),  # 396 days
        (date(2025, 10, 18), None, None),
    ],
)
def test_a_period_is_of_days_of_the_practice(
    first: date | None, last: date | None, found: tuple[date, date] | None
) -> None:
    period = period_of(first, last, PARIS, NOW)
    assert found == (None if period is None else (period.first, period.last))


def test_a_period_begins_and_ends_at_midnight_there() -> None:
    period = Period(date(2026, 10, 25), date(2026, 10, 25), PARIS)  # the clock is set back: 25 hours
    assert (period.begins_at, period.ends_at) == (
        datetime(2026, 10, 24, 22, tzinfo=UTC),
        datetime(2026, 10, 25, 23, tzinfo=UTC),
    )
    assert period.days == 1


def test_numbers_codes_and_digests_read_as_they_should() -> None:
    assert number_of(7, date(2026, 3, 1)) == "2026-03-0007"
    assert number_of(12345, date(2026, 12, 31)) == "2026-12-12345"
    code = code_of(PROVIDER, b"\xff" * 16)
    assert len(code) == 43
    assert provider_of_code(code) == PROVIDER
    for wrong in ("", "x", code[:-1], code + "A", code[:-1] + "é", code[:-1] + "=", "A" * 42):
        assert provider_of_code(wrong) is None, wrong
    assert grouped(bytes(range(32)))[:2] == ["00010203", "04050607"]
    assert len(grouped(bytes(32))) == 8


def test_the_month_before() -> None:
    assert month_before(date(2027, 1, 28)) == (date(2026, 12, 1), date(2026, 12, 31))
    assert month_before(date(2028, 3, 1)) == (date(2028, 2, 1), date(2028, 2, 29))


@pytest.mark.parametrize(
    ("day", "zones", "after", "found"),
    [
        (1, [PARIS], "2026-11-17T09:30", "2026-12-01T07:00"),
        (1, [PARIS], "2026-12-01T06:59", "2026-12-01T07:00"),
        (1, [PARIS], "2026-12-01T07:00", "2027-01-01T07:00"),
        (1, [PARIS, REUNION], "2026-12-01T03:59", "2026-12-01T04:00"),
        (1, [PARIS, REUNION], "2026-12-01T04:00", "2026-12-01T07:00"),
        (28, [PARIS], "2027-02-28T06:00", "2027-02-28T07:00"),
        (1, [REUNION], "2026-11-30T21:00", "2026-12-01T04:00"),  # the first has begun there
        (15, [PARIS], "2026-06-15T06:00", "2026-07-15T06:00"),  # summer time
        (1, [], "2026-06-15T06:00", None),
    ],
)
def test_a_report_is_due_at_eight_by_each_practice_s_clock(
    day: int, zones: list[ZoneInfo], after: str, found: str | None
) -> None:
    at = next_due_at(day, zones, datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert at == (None if found is None else datetime.fromisoformat(found).replace(tzinfo=UTC))


def test_a_due_instant_is_on_its_day() -> None:
    assert due_at(28, date(2027, 2, 1), PARIS) == datetime(2027, 2, 28, 7, tzinfo=UTC)


SIGN, HEADER = PNG[:8], PNG[8:33]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (png(2000, 500), None),
        (png(2001, 1), "too wide"),
        (png(1001, 1000), "more than a million pixels"),
        (png(0, 4), "no width"),
        (png(depth=16), "sixteen bits a channel"),
        (png(interlaced=1), "interlaced"),
        (png(rows=3), "a row is missing"),
        (png(rows=5), "a row too many"),
        (png(colours=3), "indexed colours without a palette"),
        (png(colours=5), "no such kind of colour"),
        (PNG[:-12], "no end"),
        (PNG[:40] + b"x" + PNG[41:], "damaged"),
        (SIGN + HEADER + chunk(b"IDAT", b"not packed") + chunk(b"IEND", b""), "not packed"),
        (SIGN + chunk(b"IDAT", b"") + HEADER + chunk(b"IEND", b""), "does not begin with its header"),
        (b"\xff\xd8\xff\xe0 JFIF", "another format"),
        (PNG + b"\0" * MOST_BYTES, "too large"),
    ],
)
def test_a_logo_is_a_sound_picture_or_refused(content: bytes, why: str | None) -> None:
    if why is None:
        assert read_png(content).content.startswith(SIGN)
    else:
        with pytest.raises(LogoRefusedError):
            read_png(content)


def test_of_a_logo_only_the_picture_is_kept() -> None:
    picture = read_png(PNG + b"<script>behind the end</script>")
    assert (picture.width, picture.height) == (8, 4)
    assert (b"tEXt" in PNG, b"tEXt" in picture.content, b"script" in picture.content) == (True, False, False)
    assert read_png(picture.content) == picture


DEVICE = {
    "assessed_at": datetime(2026, 11, 1, tzinfo=UTC),
    "last_heartbeat": {"received_at": datetime(2026, 11, 17, tzinfo=UTC)},
}
SAID = {
    "source": "attestation",
    "assessed_at": NOW,
    "attestation": {"effective_on": date(2026, 3, 1)},
}


@pytest.mark.parametrize(
    ("control", "proof"),
    [
        ({"state": "pass", "devices": [DEVICE], "answer": None}, Proof("measured", date(2026, 11, 17))),
        (
            {"state": "fail", "devices": [{**DEVICE, "last_heartbeat": None}], "answer": None},
            Proof("measured", date(2026, 11, 1)),
        ),
        ({"state": "pass", "devices": [], "answer": SAID}, Proof("declared", date(2026, 3, 1))),
        (
            {"state": "warn", "devices": [], "answer": {**SAID, "source": "records", "attestation": None}},
            Proof("records", date(2026, 11, 17)),
        ),
        ({"state": "unknown", "devices": [DEVICE], "answer": SAID}, Proof("none", None)),
        ({"state": "pass", "devices": [], "answer": None}, Proof("none", None)),
    ],
)
def test_every_state_says_what_it_rests_on(control: dict[str, Any], proof: Proof) -> None:
    assert proof_of(control) == proof


def turn(at: str, name: str, was: str, becomes: str) -> Change:
    headlines = [{"headline": name, "from": was, "to": becomes}]
    return Change("posture.changed", datetime.fromisoformat(at), None, {"headlines": headlines, "controls": []})


def evidence(*changes: Change, more: int = 0) -> Any:
    found = Evidence.__new__(Evidence)
    for name, value in (
        ("changes", changes),
        ("more_changes", more),
        ("period", Period(NOW.date(), NOW.date(), PARIS)),
    ):
        object.__setattr__(found, name, value)
    return found


def test_a_day_tells_how_it_ended_and_not_how_it_wavered() -> None:
    said = told(
        evidence(
            turn("2026-11-13T15:00:00+00:00", "backup", "warning", "critical"),
            turn("2026-11-13T14:00:00+00:00", "backup", "ok", "warning"),
            turn("2026-11-12T12:00:00+00:00", "patch", "critical", "ok"),
            turn("2026-11-12T11:00:00+00:00", "patch", "ok", "critical"),  # came and went within the day
            Change("device.enrolled", datetime(2026, 11, 11, 23, 30, tzinfo=UTC), None, {}),  # the 12th in Paris
            Change("device.enrolled", datetime(2026, 11, 11, 12, 0, tzinfo=UTC), None, {}),
            Change("device.enrolled", datetime(2026, 11, 11, 11, 0, tzinfo=UTC), None, {}),
            Change("attestation.given", datetime(2026, 11, 11, 11, 0, tzinfo=UTC), None, {}),
        ),
        "fr",
    )
    hard = "\N{NO-BREAK SPACE}"
    assert [(each["on"].replace(hard, " "), each["text"].replace(hard, " ")) for each in said["lines"]] == [
        ("13 nov. 2026", "Sauvegardes : en ordre → critique"),
        ("12 nov. 2026", "1 poste ajouté"),
        ("11 nov. 2026", "2 postes ajoutés"),
    ]
    assert said["more"] == ""
    assert said["answers"] == "1 réponse a été donnée aux points de contrôle."
    assert told(evidence(more=3), "en")["more"].startswith("Earlier changes")


def test_the_words_are_complete_in_both_languages() -> None:
    for name, table in vars(words).items():
        if name.isupper() and isinstance(table, dict):
            for word, texts in table.items():
                if isinstance(texts, tuple) and len(texts) == 2:
                    assert all(isinstance(each, str) and each for each in texts), (name, word)
    assert words.day(date(2026, 3, 1), "fr") == "1er\N{NO-BREAK SPACE}mars\N{NO-BREAK SPACE}2026"
    assert words.day(date(2026, 3, 1), "en", short=True) == "1\N{NO-BREAK SPACE}Mar\N{NO-BREAK SPACE}2026"
    assert words.counted(0, ("{n} poste", "{n} device"), ("{n} postes", "{n} devices"), "fr") == "0 poste"
    assert words.counted(0, ("{n} poste", "{n} device"), ("{n} postes", "{n} devices"), "en") == "0 devices"
    assert words.listed(["a", "b", "c"], "fr") == "a, b et c"
    assert words.cut("  a\n b  ", 10) == "a b"
    assert words.cut("abcdef", 4) == "abc…"
