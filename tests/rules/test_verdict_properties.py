"""What holds for every verdict: it never improves when evidence disappears, and knows no order; time alone proves nothing."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.rules import test_catalogue_coverage  # noqa: F401 - imports every table of cases
from tests.rules.control_cases import CASES, Case, judge, judged
from tests.rules.posture_facts import backup, job, with_section
from vigie.posture.catalogue import load_lifecycle
from vigie.posture.rules.device import DEVICE_CONTROLS, assess_device
from vigie.posture.rules.model import AlwaysOpen, BackupRun, DeviceFacts, Finding, State
from vigie.posture.rules.practice import BEST_OF, practice_state
from vigie.posture.rules.timeline import WORST_FIRST
from vigie.posture.runs import runs_of_section
from vigie.simulator.fleet import plan_fleet

NOW = datetime(2026, 11, 21, 8, 17, 42, tzinfo=UTC)


def lived() -> Iterator[tuple[str, DeviceFacts]]:
    """Machines of every story of the simulated fleet, with their runs; and jobs that no story has."""
    for plan in plan_fleet(24, 4, now=NOW):
        for place, device in enumerate(plan.devices()[::3]):
            sections = device.heartbeat(NOW)["sections"]
            runs = [
                BackupRun(run.job, run.status, run.ended_at, run.bytes) for run in runs_of_section(sections["backup"])
            ]
            profile = device.machine.profile
            facts = DeviceFacts(profile.family, profile.role, device.machine.joined_at, NOW, sections, runs)
            yield f"{plan.scenario.name} {plan.number} {place}", facts
    for number, jobs in enumerate(([job(encrypted="no")], [job(encrypted="unknown"), job()], [job(restore_months=[])])):
        yield f"jobs {number}", with_section("backup", backup(*jobs))


LIVED = list(lived())
OF_DEVICES = {
    control: [case for case in CASES if case.control == control and case.facts is not None]
    + [Case(name, control, judged(control, facts), "", "", NOW, facts=facts) for name, facts in LIVED]
    for control in sorted(DEVICE_CONTROLS)
}
Path = tuple[str | int, ...]

REFINEMENTS: Mapping[tuple[str, str], str] = {
    (
        "ANS-1.5",
        "os.chassis",
    ): "says that a machine enrolled as a desk is a laptop: without it the role of enrolment holds",
    ("ANS-2.6", "antivirus.tamper_protected"): "most products cannot tell; unknown to all of them would say nothing",
    ("ANS-2.6", "antivirus.exclusions"): "told by one product only",
    ("ANS-2.6", "antivirus.os_protection"): "told by one system only",
    ("ANS-2.7", "antivirus.signature_age_days"): "without an age, the product's own word counts",
    ("ANS-2.7", "os.boot_at"): "excuses old signatures of a machine that was just switched on: without it, no excuse",
    ("ANS-2.9", "screen_lock.users"): "a limit of the machine holds for everybody, seen or not",
    ("ANS-2.12", "accounts.builtin_admin_enabled"): "without it one administrator more is counted, not fewer",
    ("ANS-3.7", "exposure.wifi"): "many systems do not tell; the network is attested by a person",
}
"""Facts that a verdict can do without, and that can lower it where they are told; by control, with all that lies below."""

REQUIRED = frozenset({"name", "role", "job", "tool", "slug"})
"""What a heartbeat without is refused: it cannot disappear alone."""


def improved(before: Finding, after: Finding) -> bool:
    """Nothing known is never an improvement; else fail, unknown, warn and pass stand in this order."""
    return after.state != "unknown" and WORST_FIRST[after.state] > WORST_FIRST[before.state]


def places(value: Any, at: Path = ()) -> Iterator[Path]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in entries:
        if isinstance(key, str) and key not in REQUIRED:
            yield (*at, key)
        yield from places(below, (*at, key))


def without_fact(value: Any, path: Path, *, null: bool) -> Any:
    """The same value without the fact at a place; what lies beside it is shared."""
    changed = value.copy()
    if len(path) > 1:
        changed[path[0]] = without_fact(value[path[0]], path[1:], null=null)
    elif null:
        changed[path[0]] = None
    else:
        del changed[path[0]]
    return changed


def poorer(control: str, facts: DeviceFacts) -> Iterator[tuple[str, DeviceFacts]]:
    """The same device with one section, one fact or its runs less, of what the control reads; by the place of the contract."""
    for name in sorted(DEVICE_CONTROLS[control].reads & facts.sections.keys()):
        section = facts.sections[name]
        kept = {other: body for other, body in facts.sections.items() if other != name}
        yield name, replace(facts, sections=kept)
        for status in ("unknown", "disabled"):
            blind = {**section, "status": status, "data": None, "errors": [{"code": "timeout", "source": "test"}]}
            yield name, replace(facts, sections={**kept, name: blind})
        for path in places(section.get("data")):
            place = ".".join([name, *("#" if isinstance(key, int) else key for key in path)])
            for null in (False, True):
                data = without_fact(section["data"], path, null=null)
                yield place, replace(facts, sections={**kept, name: {**section, "data": data}})
    if facts.runs:
        yield "runs", replace(facts, runs=())


def refinement(control: str, place: str) -> tuple[str, str] | None:
    """The refinement that a place is, lies in, or (as the section it stands in) takes along."""
    places_of = ((known, known[1] + ".") for known in REFINEMENTS if known[0] == control)
    own = place + "."
    return next(
        (known for known, named in places_of if own.startswith(named) or ("." not in place and named.startswith(own))),
        None,
    )


def improvements(case: Case) -> set[str]:
    assert case.facts is not None
    before = judge(case.control, case.facts, case.now, case.policy)
    found = set()
    for place, facts in poorer(case.control, case.facts):
        after = judge(case.control, facts, case.now, case.policy)
        if improved(before, after):
            found.add(place)
    return found


@pytest.mark.parametrize("control", OF_DEVICES)
def test_a_verdict_never_improves_when_evidence_disappears(control: str) -> None:
    assert OF_DEVICES[control]
    seen = {place for case in OF_DEVICES[control] for place in improvements(case)}
    assert {place for place in seen if refinement(control, place) is None} == set()
    assert {refinement(control, place) for place in seen} == {known for known in REFINEMENTS if known[0] == control}


def shuffled(value: Any, dice: random.Random) -> Any:
    """The same facts, their keys and their lists in another order."""
    if isinstance(value, Mapping):
        keys = list(value)
        dice.shuffle(keys)
        return {key: shuffled(value[key], dice) for key in keys}
    if isinstance(value, list):
        return dice.sample([shuffled(item, dice) for item in value], len(value))
    return value


def plain(finding: Finding) -> tuple[Any, ...]:
    return finding.state, finding.reason, finding.threshold, finding.valid_until


@pytest.mark.parametrize("control", OF_DEVICES)
def test_a_verdict_does_not_depend_on_the_order_of_what_is_told(control: str) -> None:
    for number, case in enumerate(OF_DEVICES[control]):
        assert case.facts is not None
        dice = random.Random(number)
        expected = plain(judge(control, case.facts, case.now, case.policy))
        for _ in range(3):
            sections = shuffled(case.facts.sections, dice)
            assert plain(judge(control, replace(case.facts, sections=sections), case.now, case.policy)) == expected


def test_devices_are_judged_alike_whichever_control_comes_first() -> None:
    for case in [cases[0] for cases in OF_DEVICES.values()]:
        assert case.facts is not None
        names = list(DEVICE_CONTROLS)
        forth = assess_device(case.facts, case.policy, AlwaysOpen(), load_lifecycle(), case.now, names)
        back = assess_device(case.facts, case.policy, AlwaysOpen(), load_lifecycle(), case.now, names[::-1])
        assert forth == back[::-1]


@pytest.mark.parametrize("control", OF_DEVICES)
def test_unknown_never_becomes_pass_by_waiting(control: str) -> None:
    steps = [timedelta(seconds=1), *(timedelta(days=days) for days in (1, 3, 7, 8, 15, 31, 62, 91, 181, 400))]
    for case in OF_DEVICES[control]:
        assert case.facts is not None
        states = []
        for step in [timedelta(0), *steps]:
            found = assess_device(case.facts, case.policy, AlwaysOpen(), load_lifecycle(), case.now + step, [control])
            states.append(found[0].state)
        for before, after in pairwise(states):
            assert (before, after) not in {("unknown", "pass"), ("warn", "pass"), ("fail", "pass"), ("fail", "warn")}


STATES: tuple[State, ...] = ("pass", "warn", "unknown", "fail", "not_applicable")


@pytest.mark.parametrize("control", sorted(DEVICE_CONTROLS))
def test_a_practice_never_stands_better_for_a_device_of_which_less_is_known(control: str) -> None:
    dice = random.Random(control)
    for _ in range(200):
        devices = [dice.choice(STATES) for _ in range(dice.randrange(1, 6))]
        before = practice_state(control, count(devices))[0]
        assert practice_state(control, count(dice.sample(devices, len(devices))))[0] == before
        place = dice.randrange(len(devices))
        if devices[place] == "not_applicable":
            continue
        after = practice_state(control, count([*devices[:place], "unknown", *devices[place + 1 :]]))[0]
        assert after == "unknown" or WORST_FIRST[after] <= WORST_FIRST[before], (devices, place)
        if control in BEST_OF and "pass" in devices[:place] + devices[place + 1 :]:
            assert after == "pass"  # one good copy is enough, whatever is unknown beside it


def count(devices: list[State]) -> dict[State, int]:
    return {state: devices.count(state) for state in devices}
