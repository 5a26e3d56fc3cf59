"""Accepted deviations: what an exception makes of a failure, for as long as it lasts."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from vigie.posture.rules.model import Finding, State
from vigie.posture.rules.reading import stamp, verdict


class Deviation(NamedTuple):
    """An exception as the rules need it: what it is about, and from when (included) until when (excluded) it holds.

    ``device_id`` None: it holds for the practice, its devices included. ``ends_at``: when it ended, if before its time.
    """

    id: str
    control: str
    device_id: str | None
    starts_at: datetime
    ends_at: datetime


def concerning(deviations: Iterable[Deviation], control: str, device_id: str | None) -> list[Deviation]:
    """Return those about a control of a device, or (``device_id`` None) of the practice itself."""
    return [each for each in deviations if each.control == control and each.device_id in {None, device_id}]


def accept(finding: Finding, deviations: Iterable[Deviation], now: datetime) -> Finding:
    """Return what a finding is under the exceptions that concern it (see `concerning`).

    Only a failure changes: it becomes a warning (``accepted``) that keeps its evidence, names the exception with the longest
    life, and holds no longer than that. What is unknown stays unknown: nobody can accept what nobody has seen. A failure
    whose exception has yet to begin is a failure until then.
    """
    if finding.state != "fail":
        return finding
    known = list(deviations)
    active = [each for each in known if each.starts_at <= now < each.ends_at]
    if not active:
        ahead = [each.starts_at for each in known if now < each.starts_at < each.ends_at]
        return finding._replace(valid_until=_earliest(finding.valid_until, *ahead))
    last = max(active, key=lambda each: (each.ends_at, each.id))
    evidence = {
        **finding.evidence,
        "exception": last.id,
        "accepted_reason": finding.reason,
        "accepted_until": stamp(last.ends_at)[:10],
    }
    until = _earliest(finding.valid_until, last.ends_at)
    return verdict(finding.control, "warn", "accepted", evidence, finding.threshold, until)


_ADDED = ("exception", "accepted_reason", "accepted_until")


def before_acceptance(state: State, reason: str, evidence: Mapping[str, Any]) -> tuple[State, str, dict[str, Any]]:
    """Return state, reason and evidence as they were before `accept`; what was not accepted comes back as it is."""
    if reason != "accepted":
        return state, reason, dict(evidence)
    return "fail", evidence["accepted_reason"], {key: value for key, value in evidence.items() if key not in _ADDED}


def _earliest(*instants: datetime | None) -> datetime | None:
    return min((at for at in instants if at is not None), default=None)
