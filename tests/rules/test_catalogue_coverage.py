"""Every automatic control has a rule, its texts, and a case for each state it can take; every reason is given by some case."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import orjson
import pytest

from tests.rules import (
    answer_cases,
    test_access_rules,
    test_antivirus_rules,
    test_backup_rules,
    test_contract_rules,
    test_equipment_rules,
    test_exception_rules,
    test_exposure_rules,
    test_patch_rules,
    test_practice_rules,
    test_protection_rules,
    test_record_rules,
    test_rule_traps,
)
from tests.rules.control_cases import CASES, DEVICE_RULES, Case, check, counted, judge, row
from tests.rules.machines import SYSTEMS, linux, mac, windows, with_body
from tests.rules.posture_facts import NOW, section
from vigie.devices.hb1 import parse_heartbeat
from vigie.devices.hb1.examples import QUIET
from vigie.posture.catalogue import Control, load_catalogue
from vigie.posture.rules import practice, records, restore
from vigie.posture.rules.device import DEVICE_CONTROLS
from vigie.posture.rules.model import DeviceFacts, State
from vigie.posture.rules.reasons import Reason

COUNTED: tuple[ModuleType, ...] = (
    test_access_rules,
    test_antivirus_rules,
    test_contract_rules,
    test_exposure_rules,
    test_protection_rules,
    test_record_rules,
    test_rule_traps,
)
"""Modules whose tables count themselves by being imported."""

ALL: tuple[State, ...] = get_args(State)
FOUR = ("pass", "warn", "fail", "unknown")
NO_MIDDLE = ("pass", "fail", "unknown", "not_applicable")

STATES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("ANS-1.5", "ANS-2.5", "ANS-2.6", "ANS-2.7", "ANS-2.9", "ANS-2.10", "ANS-2.12"), ALL),
    **dict.fromkeys(("ANS-2.1", "ANS-2.2", "ANS-2.3", "ANS-2.4", "ANS-2.16", "ANS-3.2", "ANS-3.7"), ALL),
    **dict.fromkeys(("ANS-5.1", "ANS-5.2", "ANS-5.3", "ANS-5.4", "ANS-5.5", "ANS-5.7", "ANS-5.12"), ALL),
    **dict.fromkeys(("ANS-9.3", "ANS-9.4", "ANS-9.5"), ALL),
    **dict.fromkeys(("ANS-5.11", "ANS-9.2"), FOUR),
    **dict.fromkeys(("ANS-2.8", "ANS-2.11", "ANS-5.6", "ANS-9.7"), NO_MIDDLE),
    "ANS-10.2": ("pass", "warn", "fail"),  # a record of ours is there or it is not: nothing to be unable to read
}
"""What each automatic control can say. A rule that warns of nothing has no middle."""

RECORD_RULES: Mapping[str, Any] = {
    "ANS-5.7": restore.assess_restore_record,
    "ANS-5.11": practice.assess_practice_inventory,
    **dict.fromkeys(("ANS-9.2", "ANS-9.3", "ANS-9.4", "ANS-9.5"), records.assess_questionnaires),
    "ANS-10.2": records.assess_incident_contacts,
}
"""Rules that judge a practice by its records rather than a device by its report."""

EARLIER_TABLES: Mapping[str, tuple[tuple[ModuleType, str], ...]] = {
    "ANS-2.1": (
        (test_patch_rules, "test_the_end_of_support_depends_on_build_kind_and_edition"),
        (test_patch_rules, "test_extended_updates_must_be_seen_to_arrive"),
    ),
    "ANS-2.2": (
        (test_patch_rules, "test_the_oldest_missing_security_update_decides"),
        (test_patch_rules, "test_nothing_pending_is_worth_what_the_last_search_is_worth"),
    ),
    "ANS-2.3": (
        (test_patch_rules, "test_a_pending_restart_is_counted_from_when_the_server_first_saw_it"),
        (test_patch_rules, "test_files_to_rename_are_no_pending_restart"),
    ),
    "ANS-2.4": ((test_patch_rules, "test_automatic_updating_must_be_on_and_must_search"),),
    "ANS-2.5": ((test_patch_rules, "test_software_is_judged_by_the_catalogue_alone"),),
    "ANS-5.1": (
        (test_backup_rules, "test_a_backup_is_recent_for_26_hours_and_late_for_a_week"),
        (test_backup_rules, "test_a_backup_that_cannot_be_read_or_dated_is_no_pass"),
    ),
    "ANS-5.2": (
        (test_backup_rules, "test_failures_in_a_row_decide"),
        (test_backup_rules, "test_a_backup_half_its_usual_size_is_noticed"),
    ),
    "ANS-5.3": (
        (test_backup_rules, "test_twelve_months_up_to_the_running_one_are_expected"),
        (test_backup_rules, "test_no_restore_point_differs_from_an_unreadable_list"),
    ),
    "ANS-5.4": ((test_backup_rules, "test_a_copy_must_lie_elsewhere_and_be_a_week_old_at_most"),),
    "ANS-5.5": ((test_backup_rules, "test_a_copy_must_be_unalterable_and_recent"),),
    "ANS-5.6": ((test_backup_rules, "test_copies_that_can_leave_must_be_encrypted"),),
    "ANS-5.11": ((test_practice_rules, "test_every_declared_device_must_report"),),
    "ANS-5.12": ((test_equipment_rules, "test_disks_must_be_healthy_and_have_room"),),
}
"""Tables that were written before `control_cases`, and the control each is about; their rows are read off the tests."""

UNREAD_TABLES: Mapping[str, tuple[ModuleType, str]] = {
    **dict.fromkeys(
        ("ANS-2.1", "ANS-2.2", "ANS-2.3", "ANS-2.4", "ANS-2.5"),
        (test_patch_rules, "test_what_could_not_be_read_is_never_a_pass"),
    ),
    **dict.fromkeys(
        ("ANS-5.1", "ANS-5.2", "ANS-5.3", "ANS-5.4", "ANS-5.5", "ANS-5.6"),
        (test_backup_rules, "test_no_backup_here_differs_from_could_not_look"),
    ),
}
"""Tables about sections without facts, and the controls they are run for."""

SHARED_TABLES = (
    (test_exception_rules, "test_a_failure_is_accepted_from_the_start_up_to_the_end"),
    (test_exception_rules, "test_the_missing_backup_of_a_whole_practice_can_be_accepted"),
    (test_equipment_rules, "test_old_reports_speak_less_loudly"),
    (test_practice_rules, "test_the_worst_device_decides"),
    (test_practice_rules, "test_one_good_copy_is_enough_for_a_practice"),
)
"""Tables about reasons that belong to no control in particular."""

Verdicts = set[tuple[str, str]]


def expected_of(module: ModuleType, test: str) -> Verdicts:
    """Return the verdicts that the rows of a parametrised test expect."""
    found: Verdicts = set()
    for mark in getattr(module, test).pytestmark:
        if mark.name == "parametrize" and "expected" in mark.args[0]:
            place = list(mark.args[0]).index("expected")
            found |= {values[place] for values in mark.args[1]}
    assert found, test
    return found


def every_case() -> list[Case]:
    """Return the cases of every table."""
    return CASES


def covered() -> Mapping[str, Verdicts]:
    """Return control → verdicts that some table expects of it."""
    found: dict[str, Verdicts] = defaultdict(set)
    for case in CASES:
        found[case.control].add((case.state, case.reason))
    for control, tables in EARLIER_TABLES.items():
        for module, test in tables:
            found[control] |= expected_of(module, test)
    for control, (module, test) in UNREAD_TABLES.items():
        found[control] |= expected_of(module, test)
    return found


def missing(controls: Iterable[Control], rules: Iterable[str], tables: Mapping[str, Verdicts]) -> list[str]:
    """Return what automatic controls lack, in words."""
    ruled = set(rules)
    lacks = []
    for control in controls:
        if control.kind != "automatic":
            continue
        if control.id not in ruled:
            lacks.append(f"{control.id}: no rule")
        for name, text in (("title", control.title), ("remediation", control.remediation)):
            lacks += [
                f"{control.id}: no {name} in {tongue}" for tongue in ("fr", "en") if not getattr(text, tongue).strip()
            ]
        states = {state for state, _ in tables.get(control.id, ())}
        lacks += [f"{control.id}: no case for {state}" for state in STATES.get(control.id, ALL) if state not in states]
        lacks += [
            f"{control.id}: says {state}, which it cannot"
            for state in sorted(states.difference(STATES.get(control.id, ())))
        ]
    return lacks


def test_every_automatic_control_has_a_rule_texts_and_a_case_for_each_state() -> None:
    controls = load_catalogue().controls
    assert missing(controls.values(), {*DEVICE_RULES, *RECORD_RULES}, covered()) == []
    assert set(STATES) == {control.id for control in controls.values() if control.kind == "automatic"}


def test_what_a_control_lacks_is_noticed() -> None:
    control = load_catalogue().controls["ANS-2.8"]
    rules, tables = {"ANS-2.8"}, {"ANS-2.8": covered()["ANS-2.8"]}
    assert missing([control], rules, tables) == []
    assert missing([control], set(), tables) == ["ANS-2.8: no rule"]
    no_french = control.model_copy(update={"title": control.title.model_copy(update={"fr": " "})})
    assert missing([no_french], rules, tables) == ["ANS-2.8: no title in fr"]
    no_advice = control.model_copy(update={"remediation": control.remediation.model_copy(update={"fr": ""})})
    assert missing([no_advice], rules, tables) == ["ANS-2.8: no remediation in fr"]
    no_failure = {"ANS-2.8": {verdict for verdict in tables["ANS-2.8"] if verdict[0] != "fail"}}
    assert missing([control], rules, no_failure) == ["ANS-2.8: no case for fail"]
    surprising = {"ANS-2.8": {*tables["ANS-2.8"], ("warn", "firewall_off")}}
    assert missing([control], rules, surprising) == ["ANS-2.8: says warn, which it cannot"]
    attested = load_catalogue().controls["ANS-1.1"]
    assert missing([attested], set(), {}) == []


def test_every_reason_is_expected_by_some_case() -> None:
    given = {reason for verdicts in covered().values() for _, reason in verdicts}
    for module, test in SHARED_TABLES:
        given |= {reason for _, reason in expected_of(module, test)}
    given |= {case.reason for case in answer_cases.CASES}
    assert set(get_args(Reason)) - given == set()


def test_every_module_of_tables_is_counted() -> None:
    here = Path(__file__)
    using = {path.stem for path in here.parent.glob("test_*.py") if "\n@about(" in path.read_text(encoding="utf-8")}
    assert using == {module.__name__.rpartition(".")[2] for module in COUNTED}


JUDGED = {
    "ANS-1.5": "encryption",
    "ANS-2.6": "antivirus",
    "ANS-2.7": "antivirus",
    "ANS-2.8": "firewall",
    "ANS-2.9": "screen_lock",
    "ANS-2.10": "accounts",
    "ANS-2.11": "accounts",
    "ANS-2.12": "accounts",
    "ANS-2.16": "exposure",
    "ANS-3.2": "accounts",
    "ANS-3.7": "exposure",
    "ANS-9.7": "exposure",
}


def unread(control: str) -> list[dict[str, Any]]:
    """The rows of a section that holds no facts, whatever the system."""
    return [
        row(f"{name}, {told}", with_body(machine(), JUDGED[control], body), state, reason)
        for name, machine in SYSTEMS.items()
        for told, body, state, reason in (
            ("section missing", None, "unknown", "section_missing"),
            ("section unread", section(None, "unknown"), "unknown", "section_unreadable"),
            ("section disabled", section(None, "disabled"), "unknown", "collection_disabled"),
            ("section of a status of tomorrow", section(None, "levitating"), "unknown", "section_unreadable"),
            ("section not applicable", section(None, "not_applicable"), "not_applicable", "section_not_applicable"),
        )
    ]


@pytest.mark.parametrize("case", [case for control in JUDGED for case in counted(control, unread(control))])
def test_what_could_not_be_read_is_never_a_pass(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("control", sorted(JUDGED))
@pytest.mark.parametrize("machine", [windows, mac, linux])
def test_null_or_empty_facts_are_unknown_and_never_a_pass(control: str, machine: Any) -> None:
    facts = machine()
    name = JUDGED[control]
    nulls = dict.fromkeys(facts.sections[name]["data"])
    for data in (nulls, {}):
        assert judge(control, with_body(facts, name, section(data))).state == "unknown"


class Watched(dict[str, Any]):
    """Sections that remember which of them were asked for."""

    asked: frozenset[str] = frozenset()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked |= {key}
        return super().get(key, default)


@pytest.mark.parametrize("control", sorted({*JUDGED, "ANS-5.7"}))
def test_a_control_reads_the_sections_it_is_judged_again_for_and_no_other(control: str) -> None:
    asked: set[str] = set()
    for case in CASES:
        if case.control == control and case.facts is not None:
            watched = Watched(case.facts.sections)
            judge(control, replace(case.facts, sections=watched), case.now, case.policy)
            asked |= watched.asked
    assert asked == DEVICE_CONTROLS[control].reads


def spoken(facts: DeviceFacts) -> bytes:
    """Return facts as the heartbeat that would have told them."""
    return orjson.dumps({**QUIET, "sections": dict(facts.sections)})


def test_the_cases_tell_what_a_heartbeat_can_tell() -> None:
    judged = [case for case in CASES if case.facts is not None and case.control in JUDGED]
    beyond = {"section of a status of tomorrow"}
    for case in judged:
        if not any(words in case.name for words in beyond):
            parse_heartbeat(spoken(case.facts))  # type: ignore[arg-type]
    assert len(judged) > len(JUDGED)


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_a_healthy_machine_of_every_system_passes_what_applies_to_it(name: str) -> None:
    facts = SYSTEMS[name]()
    states = {control: judge(control, facts, NOW).state for control in JUDGED}
    assert states.pop("ANS-3.2") == ("unknown" if name == "macos" else "pass")  # no source of sign-ins on a Mac
    assert set(states.values()) == {"pass"}
