"""Tables of cases that know which control they judge, so that what they cover can be counted and checked alike."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import orjson
import pytest

from tests.rules.posture_facts import MOMENT, NOW
from vigie.posture.catalogue import load_catalogue, load_lifecycle
from vigie.posture.rules.device import DEVICE_CONTROLS, Assess
from vigie.posture.rules.model import AlwaysOpen, DeviceFacts, Finding, Policy

Judge = Callable[[datetime, Policy], Finding]
Test = TypeVar("Test", bound=Callable[..., Any])

DEVICE_RULES: dict[str, Assess] = {name: entry.assess for name, entry in DEVICE_CONTROLS.items()}

LONGEST_EVIDENCE = 600
DEFAULT = Policy()


@dataclass(frozen=True)
class Case:
    """One row: what is judged, when, by which thresholds, and what must come out."""

    name: str
    control: str
    judge: Judge
    state: str
    reason: str
    now: datetime = NOW
    policy: Policy = DEFAULT
    facts: DeviceFacts | None = None

    def finding(self, now: datetime | None = None) -> Finding:
        """Return what the rule itself says, before the age of the report is considered."""
        return self.judge(now or self.now, self.policy)


CASES: list[Case] = []
"""Every case of every table that was imported."""


def judged(control: str, facts: DeviceFacts) -> Judge:
    """Return the rule of a device control over some facts."""
    rule = DEVICE_RULES[control]
    return lambda now, policy: rule(facts, policy, AlwaysOpen(), load_lifecycle(), now)


def judge(control: str, facts: DeviceFacts, now: datetime = NOW, policy: Policy | None = None) -> Finding:
    """Return what the rule of a device control says of some facts."""
    return judged(control, facts)(now, policy or Policy())


def row(name: str, facts: DeviceFacts, state: str, reason: str, **more: Any) -> dict[str, Any]:
    """Return a row about a device; ``more``: ``now``, ``policy`` (overrides)."""
    return {"name": name, "facts": facts, "state": state, "reason": reason, **more}


def about(control: str, rows: Sequence[dict[str, Any]]) -> Callable[[Test], Test]:
    """Parametrise a test with a table about one control, and count its rows as coverage of that control."""
    return pytest.mark.parametrize("case", counted(control, rows))


def counted(control: str, rows: Sequence[dict[str, Any]]) -> list[Any]:
    """Return the rows of a table as parameters of a test, counted as coverage of their control."""
    cases = [_case(control, dict(entry)) for entry in rows]
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), f"{control}: two rows of the same name"
    CASES.extend(cases)
    return [pytest.param(case, id=f"{control}, {case.name}".replace(" ", "-")) for case in cases]


def _case(control: str, entry: dict[str, Any]) -> Case:
    policy = Policy.from_mapping(entry.pop("policy", {}))
    judge = entry.pop("judge", None) or judged(control, entry["facts"])
    return Case(control=control, judge=judge, policy=policy, **entry)


def check(case: Case) -> Finding:
    """Check the verdict of a case, and what is true of every verdict: small plain evidence, a sentence, an exact end."""
    before = deepcopy(case.facts)
    finding = case.finding()
    assert case.facts == before, "a rule changed its facts"
    assert (finding.control, finding.state, finding.reason) == (case.control, case.state, case.reason)
    _check_stored(finding)
    _check_sentence(finding)
    if finding.valid_until is not None:
        _check_end(case, finding, finding.valid_until)
    return finding


def _check_stored(finding: Finding) -> None:
    """What is stored and read again must compare equal, else every report would write it anew."""
    assert finding.threshold
    for kept in (dict(finding.evidence), dict(finding.threshold)):
        body = orjson.dumps(kept)
        assert orjson.loads(body) == kept
        assert len(body) < LONGEST_EVIDENCE


def _check_sentence(finding: Finding) -> None:
    text = load_catalogue().reasons[finding.reason]
    known = {**finding.threshold, **finding.evidence}
    for template in (text.says.fr, text.says.en, text.next.fr, text.next.en):
        assert "None" not in template.format_map(known)


def _check_end(case: Case, finding: Finding, until: datetime) -> None:
    assert until > case.now
    held, changed = case.finding(until - MOMENT), case.finding(until)
    assert (held.state, held.reason) == (finding.state, finding.reason)
    assert (changed.state, changed.reason) != (finding.state, finding.reason)
