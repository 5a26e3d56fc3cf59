"""The sentence of a light: that of the control which decided it, and never a better one than its state."""

from typing import Any

import pytest

from vigie.overview.headlines import checklist_headline, counts_of, headline


def control(control_id: str, state: str, *, essential: bool = False, **more: Any) -> dict[str, Any]:
    """Return a control as the checklist shows it."""
    return {
        "id": control_id,
        "title": f"Title of {control_id}",
        "kind": "automatic",
        "reason": "r",
        "says": "aggregate",
        "state": state,
        "essential": essential,
        "responsible": ["provider"],
        "valid_until": None,
        "devices": [],
        "devices_in_state": 1,
        "devices_concerned": 4,
        **more,
    }


def device(alias: str, state: str, says: str, since: str = "2026-11-01") -> dict[str, Any]:
    """Return what was found on a device."""
    return {"alias": alias, "device_id": alias, "state": state, "says": says, "since": since}


FAILING = [
    device("pc-0", "pass", "well", since="2026-01-01"),
    device("pc-1", "fail", "for a day", since="2026-11-02"),
    device("pc-2", "fail", "for two days"),
    device("pc-3", "fail", "for two days, too"),
]


@pytest.mark.parametrize(
    ("light", "controls", "says", "speaks"),
    [
        ("ok", [control("ANS-2.1", "pass"), control("ANS-2.5", "not_applicable")], "installed on every", None),
        ("critical", [control("ANS-2.1", "pass"), control("ANS-2.3", "fail")], "aggregate", "ANS-2.3"),
        ("critical", [control("ANS-2.3", "fail"), control("ANS-2.4", "fail", essential=True)], "aggregate", "ANS-2.4"),
        ("critical", [control("ANS-2.1", "fail", devices=FAILING), control("ANS-2.2", "warn")], "two days", "ANS-2.1"),
        ("warning", [control("ANS-2.1", "pass"), control("ANS-2.2", "warn")], "aggregate", "ANS-2.2"),
        ("unknown", [control("ANS-2.2", "unknown", devices=[device("x", "unknown", "unread")])], "unread", "ANS-2.2"),
        ("unknown", [control("ANS-2.5", "not_applicable")], "No device", None),
        ("unknown", [control("ANS-5.1", "unknown")], "No device", None),
        ("unknown", [], "No device", None),
    ],
)
def test_the_control_that_decided_a_light_speaks_for_it(
    light: Any, controls: Any, says: str, speaks: str | None
) -> None:
    said = headline("patch", light, {each["id"]: each for each in controls}, "en")
    assert (says in said["says"], said["control"]) == (True, speaks)
    assert (said["devices_in_state"] is None) == (speaks is None)


def test_devices_are_named_where_they_are_concerned_and_not_all_of_many() -> None:
    many = [device(f"pc-{number}", "fail" if number else "pass", "old") for number in range(9)]
    said = headline("backup", "critical", {"ANS-5.1": control("ANS-5.1", "fail", devices=many)}, "fr")
    assert said["devices"] == [f"pc-{number}" for number in range(1, 6)]


def test_the_device_that_has_been_so_for_longest_speaks_and_the_first_of_equals() -> None:
    for devices in (FAILING, FAILING[::-1]):
        said = headline("backup", "critical", {"ANS-5.1": control("ANS-5.1", "fail", devices=devices)}, "fr")
        assert (said["says"], said["devices"]) == ("for two days", ["pc-2", "pc-3", "pc-1"])


@pytest.mark.parametrize(
    ("kind", "state", "reason", "asked"),
    [
        ("practice", "unknown", "not_answered", "asked_of_practice"),
        ("provider", "unknown", "answer_lapsed", "asked_of_provider"),
        ("practice", "warn", "answer_expired", "asked_of_practice"),
        ("practice", "warn", "answer_expiring", None),
        ("practice", "fail", "answered_no", None),
        ("automatic", "unknown", "stale", None),
    ],
)
def test_what_nobody_answered_or_has_run_out_is_asked(kind: str, state: str, reason: str, asked: str | None) -> None:
    counts = counts_of([control("ANS-1.1", state, kind=kind, reason=reason), control("ANS-1.2", "not_applicable")])
    assert {name for name in ("asked_of_practice", "asked_of_provider") if counts[name]} == (
        {asked} if asked else set()
    )
    assert (counts["judged"], counts["in_order"], counts["failing"]) == (1, 0, int(state == "fail"))


def test_the_checklist_says_whose_answers_are_missing() -> None:
    counts = {"judged": 69, "in_order": 54, "failing": 3, "asked_of_practice": 6, "asked_of_provider": 1}
    french, english = (checklist_headline(counts, language)["says"] for language in ("fr", "en"))
    assert (
        french == "54 points sur 69 sont en ordre. 6 réponses du cabinet manquent. Une réponse du prestataire manque."
    )
    assert (
        english
        == "54 of 69 points are in order. 6 answers of the practice are missing. One answer of the provider is missing."
    )
    complete = {**counts, "asked_of_practice": 0, "asked_of_provider": 0}
    assert checklist_headline(complete, "en")["says"] == "54 of 69 points are in order."
