"""ANS-8.1 and ANS-8.5, the part that dates decide: contracts with suppliers, certificates of outside hosts of health data.

Days are those of UTC, as everywhere in the rules; the last day of a contract or certificate still counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Literal

from vigie.posture.rules.model import Finding, Policy
from vigie.posture.rules.reading import verdict
from vigie.posture.rules.reasons import Reason
from vigie.posture.rules.timeline import BEST_FIRST, WORST_FIRST, Step, Timeline, combine, step_at, together

V1_LAST_DAY: Final = date(2026, 5, 16)
"""Certificates by the first HDS referential count until this day (arrêté of 26 April 2024, JO of 16 May 2024)."""

_LISTED = 5
_UNCERTIFIED: Timeline = (("fail", "certificate_missing", None),)
_TOO_NARROW: Timeline = (("fail", "certificate_too_narrow", None),)


@dataclass(frozen=True, slots=True)
class ContractTerm:
    """From when to when a contract runs. No first day: it has begun. No last day: until somebody gives notice."""

    starts_on: date | None
    ends_on: date | None
    auto_renewal: bool = False


@dataclass(frozen=True, slots=True)
class Contracted:
    """A listed supplier, by its id and never by its name, with its contracts that nobody closed."""

    supplier: str
    contracts: Sequence[ContractTerm]


@dataclass(frozen=True, slots=True)
class Certificate:
    """An HDS certificate: the certified activities (1 to 6), by which referential, and its last day."""

    activities: frozenset[int]
    referential: Literal["v1", "v2"]
    expires_on: date


@dataclass(frozen=True, slots=True)
class OutsideHost:
    """A supplier that holds health data outside the practice. ``activities``: those relied on; empty: nobody told which."""

    supplier: str
    activities: frozenset[int]
    certificates: Sequence[Certificate]


def assess_contracts(suppliers: Sequence[Contracted], policy: Policy, now: datetime) -> Finding | None:
    """ANS-8.1: a contract is in force with every listed supplier. None: no supplier is listed, so dates say nothing.

    Pass: the nearest end is more than ``contract_notice_days`` away, or there is none. Warn: nearer, or a contract that renews
    itself has passed its end and nobody recorded the next one. Fail: one has expired, or a supplier has none that has begun.
    The worst contract of the worst supplier decides.
    """
    if not suppliers:
        return None
    control, notice = "ANS-8.1", policy.records.contract_notice_days
    ends = [term.ends_on for each in suppliers for term in each.contracts if term.ends_on is not None]
    evidence: dict[str, Any] = {
        "suppliers": len(suppliers),
        "contracts": sum(len(each.contracts) for each in suppliers),
        "first_end": min(ends).isoformat() if ends else None,
    }
    timelines = {each.supplier: _contracts_of(each, notice) for each in suppliers}
    return _judged(control, timelines, evidence, {"notice_days": notice}, now)


def _contracts_of(supplier: Contracted, notice: int) -> Timeline:
    terms = [_term(contract, notice) for contract in supplier.contracts]
    missing: Step = ("fail", "contract_missing", None)
    if not terms:
        return (missing,)
    # A contract that has not begun decides nothing, unless the supplier has no other.
    return tuple(
        ("fail", "contract_missing", step[2]) if step[0] == "not_applicable" else step
        for step in together(terms, WORST_FIRST)
    )


def _term(contract: ContractTerm, notice: int) -> Timeline:
    before: Timeline = ()
    if contract.starts_on is not None:
        before = (("not_applicable", "contract_missing", _start_of(contract.starts_on)),)
    if contract.ends_on is None:
        return (*before, ("pass", "contracts_current", None))
    if contract.auto_renewal:
        over = _after(contract.ends_on)
        return (*before, ("pass", "contracts_current", over), ("warn", "contract_renewed", None))
    return (*before, *_dated(contract.ends_on, notice, "contracts_current", "contract_ending", "contract_expired"))


def assess_hosting(hosts: Sequence[OutsideHost], policy: Policy, now: datetime, *, listed: bool) -> Finding | None:
    """ANS-8.5: whoever holds health data of the practice is HDS-certified for the activities it relies on.

    Per host and activity the best certificate counts, then the worst decides. Pass: its last day is more than
    ``certificate_notice_days`` away; warn: nearer; fail: expired, by the first referential after its time, none at all, or none
    for an activity that is used. No such host: not applicable when somebody confirmed the list of suppliers (``listed``),
    else None: dates say nothing.
    """
    control, notice = "ANS-8.5", policy.records.certificate_notice_days
    threshold = {"notice_days": notice, "v1_last_day": V1_LAST_DAY.isoformat()}
    if not hosts:
        if not listed:
            return None
        return verdict(control, "not_applicable", "no_outside_host", {"hosts": 0}, threshold)
    timelines = {host.supplier: _certified(host, notice) for host in hosts}
    return _judged(control, timelines, {"hosts": len(hosts)}, threshold, now)


def _certified(host: OutsideHost, notice: int) -> Timeline:
    if not host.certificates:
        return _UNCERTIFIED
    # The latest first, so that among equals the reason speaks of it.
    known = sorted(host.certificates, key=lambda each: (each.referential, each.expires_on), reverse=True)
    if not host.activities:
        return together([_certificate(each, notice) for each in known], BEST_FIRST)
    needed = []
    for activity in sorted(host.activities):
        covering = [_certificate(each, notice) for each in known if activity in each.activities]
        needed.append(together(covering, BEST_FIRST) if covering else _TOO_NARROW)
    return together(needed, WORST_FIRST)


def _certificate(certificate: Certificate, notice: int) -> Timeline:
    last = certificate.expires_on
    if certificate.referential == "v1" and last > V1_LAST_DAY:
        return _dated(V1_LAST_DAY, notice, "hosts_certified", "certificate_ending", "certificate_superseded")
    return _dated(last, notice, "hosts_certified", "certificate_ending", "certificate_expired")


def _dated(last: date, notice: int, good: Reason, ending: Reason, over: Reason) -> Timeline:
    """Return pass until ``notice`` days are left, warn through the last day, then fail."""
    return (
        ("pass", good, _start_of(last - timedelta(days=notice))),
        ("warn", ending, _after(last)),
        ("fail", over, None),
    )


def _judged(
    control: str,
    timelines: Mapping[str, Timeline],
    evidence: dict[str, Any],
    threshold: Mapping[str, Any],
    now: datetime,
) -> Finding:
    """Let the worst supplier decide, and name those that stand as badly."""
    state, reason, until = combine(list(timelines.values()), now, WORST_FIRST)
    if state != "pass":
        evidence["concerned"] = [
            supplier for supplier, timeline in timelines.items() if step_at(timeline, now)[0] == state
        ][:_LISTED]
    return verdict(control, state, reason, evidence, threshold, until)


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _after(last: date) -> datetime:
    return _start_of(last + timedelta(days=1))
