"""ANS-8.1 and 8.5: contracts that run, end and renew themselves; certificates of whoever holds health data outside."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.rules.control_cases import Case, about, check
from tests.rules.posture_facts import NOW
from vigie.posture.rules.contracts import (
    Certificate,
    Contracted,
    ContractTerm,
    OutsideHost,
    assess_contracts,
    assess_hosting,
)
from vigie.posture.rules.model import Policy, PolicyError
from vigie.posture.rules.timeline import BEST_FIRST, WORST_FIRST, Timeline, step_at, together

TODAY = NOW.date()
LATE = NOW.replace(hour=23, minute=59, second=59)
SPRING = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LAST_OF_V1 = datetime(2026, 5, 16, 23, 59, 59, tzinfo=UTC)


def day(days: int) -> date:
    return TODAY + timedelta(days=days)


def until(days: int, *, renewal: bool = False, begins: int | None = None) -> ContractTerm:
    """A contract whose last day is so many days away."""
    return ContractTerm(None if begins is None else day(begins), day(days), renewal)


OPEN_ENDED = ContractTerm(None, None)
TO_COME = ContractTerm(day(10), None)


def contracts(name: str, listed: Sequence[Sequence[ContractTerm]], state: str, reason: str, **more: Any) -> Any:
    suppliers = [Contracted(f"s{place}", terms) for place, terms in enumerate(listed)]

    def judge(now: datetime, policy: Policy) -> Any:
        return assess_contracts(suppliers, policy, now)

    return {"name": name, "judge": judge, "state": state, "reason": reason, **more}


@about(
    "ANS-8.1",
    [
        contracts("open-ended", [[OPEN_ENDED]], "pass", "contracts_current"),
        contracts("61 days left", [[until(61)]], "pass", "contracts_current"),
        contracts("61 days left, late in the day", [[until(61)]], "pass", "contracts_current", now=LATE),
        contracts("60 days left", [[until(60)]], "warn", "contract_ending"),
        contracts("last day", [[until(0)]], "warn", "contract_ending"),
        contracts("last second", [[until(0)]], "warn", "contract_ending", now=LATE),
        contracts("ended yesterday", [[until(-1)]], "fail", "contract_expired"),
        contracts("no contract", [[]], "fail", "contract_missing"),
        contracts("one supplier without", [[OPEN_ENDED], []], "fail", "contract_missing"),
        contracts("worst of two suppliers", [[until(400)], [until(20)]], "warn", "contract_ending"),
        contracts("worst of two contracts", [[until(400), until(-1)]], "fail", "contract_expired"),
        contracts("begins in ten days", [[TO_COME]], "fail", "contract_missing"),
        contracts("begins today", [[until(400, begins=0)]], "pass", "contracts_current"),
        contracts("the next one is signed", [[until(200), TO_COME]], "pass", "contracts_current"),
        contracts("begins as it is about to end", [[until(30, begins=-1)]], "warn", "contract_ending"),
        contracts("renews itself, near its end", [[until(5, renewal=True)]], "pass", "contracts_current"),
        contracts("renews itself, last day", [[until(0, renewal=True)]], "pass", "contracts_current"),
        contracts("renewed itself yesterday", [[until(-1, renewal=True)]], "warn", "contract_renewed"),
        contracts(
            "earlier notice",
            [[until(61)]],
            "warn",
            "contract_ending",
            policy={"records": {"contract_notice_days": 90}},
        ),
    ],
)
def test_a_contract_is_in_force_with_every_supplier(case: Case) -> None:
    check(case)


def test_dates_say_nothing_of_contracts_while_no_supplier_is_listed() -> None:
    assert assess_contracts([], Policy(), NOW) is None
    assert assess_contracts([Contracted("s", [OPEN_ENDED])], Policy(), NOW) is not None


def test_suppliers_whose_contracts_hold_a_practice_back_are_named_by_id() -> None:
    finding = assess_contracts(
        [Contracted("fine", [OPEN_ENDED]), Contracted("over", [until(-3)]), Contracted("none", [])], Policy(), NOW
    )
    assert finding is not None
    assert finding.evidence == {
        "suppliers": 3,
        "contracts": 2,
        "first_end": "2026-11-18",
        "concerned": ["over", "none"],
    }


def certificate(days: int, *activities: int, referential: Any = "v2", today: date = TODAY) -> Certificate:
    """A certificate whose last day is so many days away."""
    return Certificate(frozenset(activities or range(1, 7)), referential, today + timedelta(days=days))


def hosting(
    name: str,
    hosts: Sequence[Sequence[Certificate]],
    state: str,
    reason: str,
    *,
    needs: Sequence[int] = (),
    **more: Any,
) -> Any:
    known = [OutsideHost(f"h{place}", frozenset(needs), held) for place, held in enumerate(hosts)]

    def judge(now: datetime, policy: Policy) -> Any:
        return assess_hosting(known, policy, now, listed=True)

    return {"name": name, "judge": judge, "state": state, "reason": reason, **more}


V1 = certificate(300, referential="v1", today=SPRING.date())
OVER = certificate(-1)


@about(
    "ANS-8.5",
    [
        hosting("61 days left", [[certificate(61)]], "pass", "hosts_certified"),
        hosting("60 days left", [[certificate(60)]], "warn", "certificate_ending"),
        hosting("last second", [[certificate(0)]], "warn", "certificate_ending", now=LATE),
        hosting("ended yesterday", [[OVER]], "fail", "certificate_expired"),
        hosting("no certificate", [[]], "fail", "certificate_missing"),
        hosting("one host without", [[certificate(400)], []], "fail", "certificate_missing"),
        hosting("renewed in time", [[OVER, certificate(400)]], "pass", "hosts_certified"),
        hosting("activity covered", [[certificate(400, 4, 6)]], "pass", "hosts_certified", needs=[6]),
        hosting("activity not covered", [[certificate(400, 4, 5)]], "fail", "certificate_too_narrow", needs=[6]),
        hosting(
            "two certificates, two activities",
            [[certificate(400, 1, 2), certificate(300, 6)]],
            "pass",
            "hosts_certified",
            needs=[2, 6],
        ),
        hosting(
            "one of two about to end",
            [[certificate(400, 1, 2), certificate(30, 6)]],
            "warn",
            "certificate_ending",
            needs=[2, 6],
        ),
        hosting("v1 in spring", [[V1]], "pass", "hosts_certified", now=SPRING),
        hosting(
            "v1 60 days before its end", [[V1]], "warn", "certificate_ending", now=datetime(2026, 3, 17, tzinfo=UTC)
        ),
        hosting("v1 on its last day", [[V1]], "warn", "certificate_ending", now=LAST_OF_V1),
        hosting(
            "v1 after its last day", [[V1]], "fail", "certificate_superseded", now=LAST_OF_V1 + timedelta(seconds=1)
        ),
        hosting("v1 followed by v2", [[V1, certificate(400)]], "pass", "hosts_certified"),
        hosting(
            "v1 that ended by itself",
            [[certificate(-1, referential="v1", today=SPRING.date())]],
            "fail",
            "certificate_expired",
            now=SPRING,
        ),
        hosting("nobody hosts", [], "not_applicable", "no_outside_host"),
        hosting(
            "earlier notice",
            [[certificate(61)]],
            "warn",
            "certificate_ending",
            policy={"records": {"certificate_notice_days": 90}},
        ),
    ],
)
def test_whoever_holds_health_data_outside_is_certified(case: Case) -> None:
    check(case)


def test_that_nobody_hosts_is_believed_of_a_confirmed_list_only() -> None:
    assert assess_hosting([], Policy(), NOW, listed=False) is None
    host = OutsideHost("h", frozenset(), [certificate(400)])
    for listed in (False, True):
        finding = assess_hosting([host], Policy(), NOW, listed=listed)
        assert finding is not None
        assert (finding.state, finding.evidence) == ("pass", {"hosts": 1})


def test_fewer_certificates_or_contracts_never_make_a_better_verdict() -> None:
    order = ["pass", "warn", "fail"]
    held = [certificate(400, 1, 2), certificate(30, 6), certificate(10, 2), OVER]
    for gone in range(len(held)):
        some = [OutsideHost("h", frozenset({2, 6}), held[gone:]), OutsideHost("h", frozenset({2, 6}), held)]
        fewer, all_of_them = (assess_hosting([host], Policy(), NOW, listed=True) for host in some)
        assert fewer is not None
        assert all_of_them is not None
        assert order.index(fewer.state) >= order.index(all_of_them.state)


@pytest.mark.parametrize("order", [WORST_FIRST, BEST_FIRST], ids=["worst", "best"])
def test_several_timelines_together_say_at_every_instant_what_the_deciding_one_says(order: Any) -> None:
    moments = [NOW + timedelta(days=days) for days in range(6)]
    several: list[Timeline] = [
        (
            ("pass", "contracts_current", moments[1]),
            ("warn", "contract_ending", moments[3]),
            ("fail", "contract_expired", None),
        ),
        (("fail", "contract_missing", moments[2]), ("pass", "contracts_current", None)),
        (("warn", "contract_renewed", None),),
    ]
    one = together(several, order)
    assert [step[2] for step in one[:-1]] == sorted(step[2] for step in one[:-1] if step[2] is not None)
    assert one[-1][2] is None
    assert all(before[:2] != after[:2] for before, after in pairwise(one))
    for moment in moments:
        wanted = min((step_at(each, moment) for each in several), key=lambda step: order[step[0]])
        assert step_at(one, moment)[:2] == wanted[:2]


@pytest.mark.parametrize("days", [0, -1, True])
def test_a_notice_that_cannot_be_applied_is_refused(days: Any) -> None:
    with pytest.raises(PolicyError):
        Policy.from_mapping({"records": {"contract_notice_days": days}})
