"""The catalogue is complete, agrees with the rules, and has a sentence for everything they can say."""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from string import Formatter
from typing import Any, cast, get_args

import pytest
from pydantic import ValidationError

from tests.rules.answer_cases import every_answer
from tests.rules.posture_facts import (
    NOW,
    OS,
    PATCH,
    SOFTWARE,
    STORAGE,
    backup,
    device,
    job,
    judge,
    run,
    section,
    with_data,
    with_section,
)
from tests.rules.test_catalogue_coverage import every_case
from vigie.posture import rules
from vigie.posture.catalogue import Control, ReasonText, load_catalogue, load_lifecycle
from vigie.posture.rules.device import DEVICE_CONTROLS
from vigie.posture.rules.exceptions import Deviation, accept
from vigie.posture.rules.model import AlwaysOpen, Finding, Policy
from vigie.posture.rules.practice import BEST_OF, HEADLINES, DeviceSeen, assess_practice_inventory
from vigie.posture.rules.reasons import Reason

RULES = Path(rules.__file__).parent
REASONS = frozenset(get_args(Reason))
PURE_ELSEWHERE = {"vigie.practices.calendar", "vigie.core.sentences"}  # which the import contracts hold to the same
POINTS = {1: 6, 2: 16, 3: 8, 4: 3, 5: 13, 6: 5, 7: 4, 8: 5, 9: 7, 10: 3}


def test_the_seventy_control_points_stand_under_their_ten_rules() -> None:
    catalogue = load_catalogue()
    assert list(catalogue.rules) == list(range(1, 11))
    assert list(catalogue.controls) == [
        f"ANS-{rule}.{point}" for rule in POINTS for point in range(1, POINTS[rule] + 1)
    ]
    assert all(control.rule == int(control.id[4:].split(".")[0]) for control in catalogue.controls.values())
    assert Counter(control.kind for control in catalogue.controls.values()) == {
        "automatic": 31,
        "provider": 9,
        "practice": 30,
    }


def test_no_two_points_share_a_title_and_every_source_is_named() -> None:
    catalogue = load_catalogue()
    for language in ("fr", "en"):
        titles = [getattr(control.title, language) for control in catalogue.controls.values()]
        assert len(set(titles)) == len(titles)
    cited = {source for control in catalogue.controls.values() for source in control.source}
    assert cited == set(catalogue.sources)


def test_what_the_catalogue_calls_implemented_is_what_the_rules_judge() -> None:
    catalogue = load_catalogue()
    implemented = {control.id for control in catalogue.controls.values() if control.implemented}
    assert implemented == {*DEVICE_CONTROLS, "ANS-5.11"}
    assert {control for light in HEADLINES.values() for control in light} <= set(catalogue.controls)


def test_the_catalogue_and_the_rules_aggregate_alike() -> None:
    controls = load_catalogue().controls
    assert {control.id for control in controls.values() if control.aggregate == "best"} == BEST_OF
    for name in set(DEVICE_CONTROLS) - BEST_OF:
        assert controls[name].aggregate == "worst"
    attested = [control for control in controls.values() if control.kind != "automatic"]
    assert {control.aggregate for control in attested} == {"practice"}


def test_answers_expire_by_months_and_telemetry_never_does() -> None:
    controls = load_catalogue().controls
    assert controls["ANS-1.1"].every_months == 12
    assert controls["ANS-5.7"].every_months == 3
    assert controls["ANS-2.2"].every_months is None
    assert controls["ANS-5.10"].every_months is None
    for control in controls.values():
        if control.kind != "automatic":
            assert control.every != "continuous", control.id


def test_telemetry_is_what_the_rules_read_and_records_need_none() -> None:
    controls = load_catalogue().controls
    for name, entry in DEVICE_CONTROLS.items():
        assert set(controls[name].telemetry) == entry.reads, name
    fed = {control.id for control in controls.values() if control.telemetry}
    assert fed == set(DEVICE_CONTROLS)
    assert {controls[name].kind for name in DEVICE_CONTROLS} == {"automatic"}  # nobody answers what devices decide


class Watched:
    """A policy, or a family of it, that notes which thresholds are read."""

    def __init__(self, real: object, read: set[str], family: str = "") -> None:
        self._real, self._read, self._family = real, read, family

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not self._family:
            return Watched(found, self._read, name)
        self._read.add(f"{self._family}.{name}")
        return found


def thresholds_read() -> dict[str, set[str]]:
    """Return control → thresholds its rule looks at, over the cases of every table and a machine with everything."""
    read: dict[str, set[str]] = {}
    for case in every_case():
        case.judge(case.now, cast("Policy", Watched(case.policy, read.setdefault(case.control, set()))))
    facts = with_section("backup", backup(job()), runs=[run("2026-11-20T02:00:00Z"), run("2026-11-19T02:00:00Z")])
    for name, entry in DEVICE_CONTROLS.items():
        watched = cast("Policy", Watched(Policy(), read.setdefault(name, set())))
        entry.assess(facts, watched, AlwaysOpen(), load_lifecycle(), NOW)
    watched = cast("Policy", Watched(Policy(), read.setdefault("ANS-5.11", set())))
    assess_practice_inventory([DeviceSeen("d", NOW, NOW)], watched, AlwaysOpen(), NOW)
    return read


def test_the_thresholds_named_are_those_the_rules_read() -> None:
    controls = load_catalogue().controls
    read = thresholds_read()
    assert {control.id for control in controls.values() if control.thresholds} <= set(read)
    for name, keys in read.items():
        assert set(controls[name].thresholds) == keys, name


def test_every_point_says_what_it_means_in_plain_words_and_short_steps() -> None:
    for control in load_catalogue().controls.values():
        for language in ("fr", "en"):
            meaning, steps = getattr(control.meaning, language), getattr(control.steps, language)
            assert meaning.endswith("."), control.id
            assert len(meaning) <= 240, control.id
            assert all(len(step) <= 110 and not step.endswith(".") for step in steps), control.id
            assert len(set(steps)) == len(steps), control.id
    meanings = [control.meaning.fr for control in load_catalogue().controls.values()]
    assert len(set(meanings)) == len(meanings)


def test_errors_that_circulate_are_not_repeated() -> None:
    controls = load_catalogue().controls
    passwords = " ".join((controls["ANS-2.10"].meaning.fr, *controls["ANS-2.10"].steps.fr))
    assert "inutile d'en changer régulièrement" in passwords
    assert "Retirer l'expiration périodique" in passwords
    assert (
        "la CNIL est prévenue sous 72 heures ; les patients, dans les meilleurs délais"
        in controls["ANS-6.5"].meaning.fr
    )
    assert "Un serveur dans le cabinet n'en a pas besoin" in controls["ANS-8.5"].meaning.fr
    everything = " ".join(
        text
        for control in controls.values()
        for text in (control.meaning.fr, *control.steps.fr, control.remediation.fr)
    )
    assert "patients sous 72" not in everything
    assert "obligation de signaler au CERT" not in everything


@pytest.mark.parametrize(
    "change",
    [
        {"id": "ANS-11.1"},
        {"rule": 11},
        {"kind": "magic"},
        {"responsible": []},
        {"every": "12 months"},
        {"essential": "yes"},
        {"grade": "D"},
        {"title": {"fr": "Un titre"}},
        {"colour": "red"},
        {"effort": 0},
        {"bulk": True},
        {"meaning": {"fr": "Sans anglais"}},
        {"steps": {"fr": ["Une", "Deux"], "en": ["One", "Two", "Three"]}},
    ],
)
def test_a_fault_in_a_control_point_is_caught_when_it_is_read(change: dict[str, Any]) -> None:
    document = load_catalogue().controls["ANS-2.1"].model_dump()
    Control.model_validate(document)
    with pytest.raises(ValidationError):
        Control.model_validate({**document, **change})


def string_literals() -> Iterator[str]:
    for path in RULES.glob("*.py"):
        if path.name == "reasons.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_every_reason_has_a_sentence_and_every_sentence_a_reason() -> None:
    assert set(load_catalogue().reasons) == REASONS


def test_every_reason_is_given_by_some_rule() -> None:
    # The other direction (a rule that gives an unlisted code) is the type checker's: `verdict` takes a `Reason`.
    assert set(string_literals()) >= REASONS


def test_the_rules_import_the_standard_library_and_each_other_only() -> None:
    for path in RULES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "."]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                own = name.startswith("vigie.posture.rules") or name in PURE_ELSEWHERE
                assert own or name.split(".")[0] in sys.stdlib_module_names, path


def pending(**changes: Any) -> Any:
    return with_data("patch", pending={**PATCH["pending"], **changes})


def jobs(*listed: dict[str, Any], **changes: Any) -> Any:
    return with_section("backup", backup(*listed), **changes)


def inventory(*days: float, declared: bool = True) -> Finding:
    devices = [DeviceSeen(f"d{day}", NOW, NOW - timedelta(days=day), declared) for day in days]
    return assess_practice_inventory(devices, Policy(), AlwaysOpen(), NOW)


def findings() -> list[Finding]:
    """Return a finding for every reason whose sentence has a placeholder, made by the rules themselves."""
    waiting = {**OS, "boot_at": None, "reboot_required": {"value": "yes"}}
    old = {"last_ok_at": "2026-11-19T02:00:00Z"}
    older = {"last_ok_at": "2026-10-01T02:00:00Z"}
    few = ["2026-09", "2026-10", "2026-11"]
    cases = [
        *((name, device()) for name in DEVICE_CONTROLS),
        ("ANS-2.1", with_data("os", build="26100")),
        ("ANS-2.1", with_data("os", build="14393", product="server")),
        ("ANS-2.1", with_data("os", build="19045", ubr=1)),
        ("ANS-2.1", with_data("os", build="19045", ubr=9999)),
        ("ANS-2.1", with_data("os", family="macos", version="26.1")),
        ("ANS-2.1", with_data("os", family="macos", version="14.1")),
        ("ANS-2.2", pending(security=1, max_age_days=3)),
        ("ANS-2.2", pending(security=1, max_age_days=20)),
        ("ANS-2.2", pending(security=1, max_age_days=50)),
        ("ANS-2.2", pending(security=1)),
        ("ANS-2.2", with_data("patch", last_search_ok_at="2026-10-01T00:00:00Z")),
        *(
            (
                "ANS-2.3",
                with_section("os", section(waiting), first_seen={"reboot_required": NOW - timedelta(days=days)}),
            )
            for days in (1, 4, 9)
        ),
        ("ANS-2.4", with_data("patch", paused_until="2026-11-25T00:00:00Z")),
        ("ANS-2.4", with_data("patch", paused_until="2027-11-25T00:00:00Z")),
        ("ANS-2.4", with_data("patch", last_search_ok_at="2026-11-10T00:00:00Z")),
        ("ANS-2.4", with_data("patch", last_search_ok_at="2026-10-01T00:00:00Z")),
        *((name, jobs(job(**old))) for name in ("ANS-5.1",)),
        *((name, jobs(job(**older))) for name in ("ANS-5.1", "ANS-5.4", "ANS-5.5")),
        *((name, jobs(job(last_ok_at="2026-11-10T02:00:00Z"))) for name in ("ANS-5.4", "ANS-5.5")),
        ("ANS-5.2", jobs(job(last_status="failed"), runs=[run("2026-11-20T02:00:00Z", "failed")])),
        ("ANS-5.2", jobs(job(bytes=1), runs=[run(f"2026-11-{day}T02:00:00Z") for day in (20, 19, 18)])),
        ("ANS-5.3", jobs(job(restore_months=few))),
        ("ANS-5.3", jobs(job(restore_months=[f"2026-{month:02d}" for month in range(1, 12)]))),
        ("ANS-5.12", with_data("storage", volumes=[{**STORAGE["volumes"][0], "free_gib": 50}])),
        ("ANS-5.12", with_data("storage", volumes=[{**STORAGE["volumes"][0], "free_gib": 5}])),
    ]
    made = [judge(control, facts) for control, facts in cases]
    made += [judge("ANS-5.12", device(), now=NOW + timedelta(days=days)) for days in (2, 9)]
    made += [inventory(0, 1), inventory(0, 9), inventory(0, 40), inventory(0, declared=False)]
    made += [behind("reader", "25.2"), behind("viewer", "4.1")]
    made += [case.finding() for case in every_case()]
    made += every_answer()
    failed = next(finding for finding in made if finding.state == "fail")
    made.append(accept(failed, [Deviation("e1", failed.control, None, NOW, NOW + timedelta(days=9))], NOW))
    return made


def behind(slug: str, version: str) -> Finding:
    return judge("ANS-2.5", with_data("patch", apps=[{"slug": slug, "version": version}]), lifecycle=SOFTWARE)


def sentences(text: ReasonText) -> list[str]:
    return [text.says.fr, text.says.en, text.next.fr, text.next.en]


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def test_every_placeholder_is_filled_by_the_findings_that_give_its_reason() -> None:
    reasons = load_catalogue().reasons
    filled = set()
    for finding in findings():
        known = {**finding.threshold, **finding.evidence}
        for template in sentences(reasons[finding.reason]):
            sentence = template.format_map(known)  # a KeyError is a placeholder that nobody fills
            assert "None" not in sentence, (finding, template)
        filled.add(finding.reason)
    parametrised = {code for code, text in reasons.items() if any(placeholders(line) for line in sentences(text))}
    assert parametrised - filled == set()


def test_sentences_are_short_and_both_languages_say_the_same_placeholders() -> None:
    for code, text in load_catalogue().reasons.items():
        for line in sentences(text):
            assert len(line) <= 130, code
            assert line.endswith("."), code
        assert placeholders(text.says.fr) == placeholders(text.says.en), code
        assert placeholders(text.next.fr) == placeholders(text.next.en), code
