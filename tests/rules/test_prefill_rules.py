"""Pre-answers, what an answer lacks, and the bytes that are signed."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from vigie.checklist.completeness import NOTHING_SAID, Asked, Plan, Said, lacks, strangers
from vigie.checklist.prefill import Observation, pre_answer, stand
from vigie.checklist.questionnaire_queries import SupplierStanding
from vigie.checklist.questionnaires import judge
from vigie.checklist.records import ConcernedSupplier, SupplierList
from vigie.checklist.signing import SignedAnswer, Subject, canonical, content_hash, content_of, origin_of
from vigie.posture.rules.model import Policy, State

NOW = datetime(2026, 11, 17, 9, 30, tzinfo=UTC)
BEFORE = NOW - timedelta(days=3)
TODAY = NOW.date()
AUTOMATIC = {"ANS-2.6", "ANS-2.7", "ANS-5.4"}


def seen(control: str, *states: State, on_device: bool = True) -> list[Observation]:
    return [Observation(control, on_device, state, BEFORE + timedelta(hours=at)) for at, state in enumerate(states)]


@pytest.mark.parametrize(
    ("observed", "answer", "why"),
    [
        ([*seen("ANS-2.6", "pass"), *seen("ANS-2.7", "pass")], "yes", "all_pass"),
        ([*seen("ANS-2.6", "pass", "pass"), *seen("ANS-2.7", "pass")], "yes", "all_pass"),
        ([*seen("ANS-2.6", "pass", "fail"), *seen("ANS-2.7", "pass")], "no", "some_fail"),
        ([*seen("ANS-2.6", "fail"), *seen("ANS-2.7", "unknown")], "no", "some_fail"),
        ([*seen("ANS-2.6", "fail")], "no", "some_fail"),
        ([*seen("ANS-2.6", "pass", "unknown"), *seen("ANS-2.7", "pass")], None, "some_unknown"),
        ([*seen("ANS-2.6", "warn"), *seen("ANS-2.7", "unknown")], None, "some_unknown"),
        ([*seen("ANS-2.6", "pass", "warn"), *seen("ANS-2.7", "pass")], None, "some_warn"),
        ([*seen("ANS-2.6", "pass")], None, "not_observed"),
        ([], None, "not_observed"),
        ([*seen("ANS-2.6", "not_applicable"), *seen("ANS-2.7", "pass")], "yes", "all_pass"),
        ([*seen("ANS-2.6", "not_applicable"), *seen("ANS-2.7", "not_applicable")], "not_applicable", "none_applies"),
        ([*seen("ANS-2.6", "pass", "not_applicable"), *seen("ANS-2.7", "pass")], "yes", "all_pass"),
        (
            [*seen("ANS-2.6", "pass"), *seen("ANS-2.6", "fail", on_device=False), *seen("ANS-2.7", "pass")],
            "no",
            "some_fail",
        ),
    ],
)
def test_two_controls_answer_a_question(observed: list[Observation], answer: str | None, why: str) -> None:
    found = pre_answer(("ANS-2.6", "ANS-2.7"), (), stand(observed, AUTOMATIC, NOW))
    assert (found.answer, found.why) == (answer, why)
    assert found.origin == (None if answer is None else "telemetry")
    again = pre_answer(("ANS-2.7", "ANS-2.6"), (), stand(observed[::-1], AUTOMATIC, NOW))
    assert (again.answer, again.why) == (answer, why)


@pytest.mark.parametrize(
    ("state", "answer", "why"),
    [
        ("pass", None, "not_denied"),
        ("warn", None, "not_denied"),
        ("unknown", None, "not_denied"),
        ("not_applicable", None, "not_denied"),
        ("fail", "no", "some_fail"),
    ],
)
def test_a_control_that_sees_a_part_can_only_deny(state: State, answer: str | None, why: str) -> None:
    found = pre_answer((), ("ANS-2.6",), stand(seen("ANS-2.6", state), AUTOMATIC, NOW))
    assert (found.answer, found.why) == (answer, why)


@pytest.mark.parametrize(("denying", "answer"), [("pass", "yes"), ("unknown", "yes"), ("fail", "no")])
def test_one_that_denies_weighs_beside_one_that_answers(denying: State, answer: str) -> None:
    observed = [*seen("ANS-2.6", "pass"), *seen("ANS-2.7", denying)]
    assert pre_answer(("ANS-2.6",), ("ANS-2.7",), stand(observed, AUTOMATIC, NOW)).answer == answer


def test_a_question_nobody_asked_the_controls_about_stays_open() -> None:
    found = pre_answer((), (), stand(seen("ANS-2.6", "fail"), AUTOMATIC, NOW))
    assert (found.answer, found.why, found.evidence) == (None, "nobody_asked", ())


def test_one_good_copy_answers_for_the_practice() -> None:
    observed = seen("ANS-5.4", "fail", "pass", "not_applicable")
    (evidence,) = pre_answer(("ANS-5.4",), (), stand(observed, AUTOMATIC, NOW)).evidence
    assert evidence == {
        "control": "ANS-5.4",
        "state": "pass",
        "source": "telemetry",
        "as_of": "2026-11-17T09:30:00Z",
        "since": "2026-11-14T10:30:00Z",
        "devices": {"in_state": 1, "concerned": 2},
        "references": [],
    }


def test_evidence_dates_from_the_first_device_in_that_state() -> None:
    observed = [
        Observation("ANS-2.6", True, "fail", BEFORE),
        Observation("ANS-2.6", True, "fail", BEFORE - timedelta(days=9)),
        Observation("ANS-2.6", True, "pass", BEFORE - timedelta(days=90)),
    ]
    standing = stand(observed, AUTOMATIC, NOW)["ANS-2.6"]
    assert standing.evidence["since"] == "2026-11-05T09:30:00Z"
    assert standing.evidence["devices"] == {"in_state": 2, "concerned": 3}


@pytest.mark.parametrize(("state", "answer"), [("pass", "yes"), ("fail", "no"), ("warn", None), ("unknown", None)])
def test_an_attestation_answers_and_is_named(state: State, answer: str | None) -> None:
    observed = [Observation("ANS-8.2", False, state, BEFORE, reference="att-1")]
    found = pre_answer(("ANS-8.2",), (), stand(observed, AUTOMATIC, NOW))
    assert found.answer == answer
    assert found.origin == (None if answer is None else "attestation")
    assert found.evidence[0]["references"] == ["att-1"]
    assert found.evidence[0]["devices"] is None


def test_somebody_s_word_never_passes_for_a_measurement() -> None:
    observed = [*seen("ANS-2.6", "pass"), Observation("ANS-8.2", False, "pass", BEFORE)]
    assert pre_answer(("ANS-2.6", "ANS-8.2"), (), stand(observed, AUTOMATIC, NOW)).origin == "attestation"


CHOICE = Asked(("yes_no",), frozenset({"no", "not_applicable"}))
DETAILED = Asked(("yes_no", "text", "date"), CHOICE.comment_on)
TOLD = Asked(("text",), CHOICE.comment_on)
PLANNED = Plan("Tom", TODAY + timedelta(days=1))


@pytest.mark.parametrize(
    ("asked", "said", "found", "missing"),
    [
        (CHOICE, NOTHING_SAID, None, ["answer"]),
        (CHOICE, Said(comment="x"), None, ["answer"]),
        (CHOICE, NOTHING_SAID, "yes", []),
        (CHOICE, Said("yes"), None, []),
        (CHOICE, Said("yes"), "yes", []),
        (CHOICE, Said("yes"), "no", ["comment"]),
        (CHOICE, Said("yes", comment="mended today"), "no", []),
        (CHOICE, NOTHING_SAID, "no", ["comment", "plan"]),
        (CHOICE, Said(comment="x"), "no", ["plan"]),
        (CHOICE, Said(plan=PLANNED), "no", ["comment"]),
        (CHOICE, Said(comment="x", plan=PLANNED), "no", []),
        (CHOICE, Said("no", comment="x", plan=PLANNED), "yes", []),
        (CHOICE, Said("no", comment="x", plan=Plan("Tom", TODAY)), None, ["plan"]),
        (CHOICE, Said("no", comment="x", plan=Plan("Tom", TODAY - timedelta(days=1))), None, ["plan"]),
        (CHOICE, Said("not_applicable"), None, ["comment"]),
        (CHOICE, Said("not_applicable", comment="x"), None, []),
        (CHOICE, NOTHING_SAID, "not_applicable", ["comment"]),
        (DETAILED, Said("yes"), None, ["text", "date"]),
        (DETAILED, Said(text="24 h"), "yes", ["date"]),
        (DETAILED, Said("yes", text="24 h", on=TODAY), None, []),
        (DETAILED, Said("no", comment="x", plan=PLANNED), None, []),
        (DETAILED, Said("not_applicable", comment="x"), None, []),
        (TOLD, NOTHING_SAID, None, ["text"]),
        (TOLD, Said(text="Ours"), None, []),
        (Asked(("document",), CHOICE.comment_on), NOTHING_SAID, None, ["document"]),
    ],
)
def test_what_an_answer_lacks(asked: Asked, said: Said, found: Any, missing: list[str]) -> None:
    assert lacks(asked, said, found, TODAY) == missing


@pytest.mark.parametrize(
    ("asked", "said", "fields"),
    [
        (CHOICE, Said("yes", comment="x", plan=PLANNED), []),
        (CHOICE, Said("yes", text="x"), ["text"]),
        (CHOICE, Said("yes", on=TODAY), ["date"]),
        (CHOICE, Said("yes", document="x"), ["document"]),
        (DETAILED, Said("yes", text="x", on=TODAY), []),
        (TOLD, Said("yes", text="x"), ["answer"]),
        (TOLD, Said(text="x", plan=PLANNED), ["plan"]),
        (TOLD, Said(text="x", comment="y"), []),
    ],
)
def test_what_a_question_does_not_ask_for(asked: Asked, said: Said, fields: list[str]) -> None:
    assert strangers(asked, said) == fields


def ids(number: int) -> UUID:
    return UUID(int=number)


SUBJECT = Subject(ids(1), ids(2), ids(3), ids(4), "Dépannage & Cie", 2, "2026.11.1", "ab" * 32, 1)
ANSWER = SignedAnswer("Q2.3", Said(comment="é"), "person", "m1", NOW, "yes", "telemetry", ({"control": "ANS-2.6"},))


def test_the_bytes_are_canonical() -> None:
    raw = content_of(SUBJECT, [ANSWER])
    assert (
        raw
        == (
            '{"answers":[{"answer":"yes","comment":"é","date":null,"document":null,"evidence":[{"control":"ANS-2.6"}],'
            '"evidence_says":"yes","origin":"telemetry","plan":null,"question":"Q2.3","said_at":"2026-11-17T09:30:00Z",'
            '"said_by":"m1","text":null}],"format":"vigie-questionnaire/1","kind":2,'
            '"practice":"00000000-0000-0000-0000-000000000003","provider":"00000000-0000-0000-0000-000000000002",'
            '"questionnaire":"00000000-0000-0000-0000-000000000001","revision":1,'
            '"supplier":{"id":"00000000-0000-0000-0000-000000000004","name":"Dépannage & Cie"},'
            f'"template":{{"sha256":"{"ab" * 32}","version":"2026.11.1"}}}}'
        ).encode()
    )
    assert content_hash(raw) == hashlib.sha256(raw).hexdigest()
    assert canonical(json.loads(raw)) == raw  # reading and writing again gives the same bytes


@pytest.mark.parametrize(
    "other",
    [
        SignedAnswer("Q2.3", Said(comment="e"), "person", "m1", NOW, "yes", "telemetry", ({"control": "ANS-2.6"},)),
        SignedAnswer(
            "Q2.3", Said("no", comment="é"), "person", "m1", NOW, "yes", "telemetry", ({"control": "ANS-2.6"},)
        ),
        SignedAnswer("Q2.3", Said(comment="é"), "copied", "m2", NOW, "yes", "telemetry", ({"control": "ANS-2.6"},)),
        SignedAnswer("Q2.3", Said(comment="é"), "person", "m1", NOW, "yes", "attestation", ({"control": "ANS-2.6"},)),
        SignedAnswer("Q2.3", Said(comment="é"), "person", "m1", NOW, "yes", "telemetry", ({"control": "ANS-2.7"},)),
        SignedAnswer(
            "Q2.3", Said(comment="é", plan=PLANNED), "person", "m1", NOW, "yes", "telemetry", ({"control": "ANS-2.6"},)
        ),
        SignedAnswer(
            "Q2.3",
            Said(comment="é", on=date(2026, 1, 1)),
            "person",
            "m1",
            NOW,
            "yes",
            "telemetry",
            ({"control": "ANS-2.6"},),
        ),
    ],
)
def test_whatever_is_answered_otherwise_has_another_digest(other: SignedAnswer) -> None:
    assert content_hash(content_of(SUBJECT, [other])) != content_hash(content_of(SUBJECT, [ANSWER]))


@pytest.mark.parametrize(
    ("said", "said_origin", "found", "found_origin", "origin"),
    [
        (Said("yes"), "person", "yes", "telemetry", "person"),
        (Said("yes"), "copied", None, None, "copied"),
        (Said(comment="x"), "person", "no", "telemetry", "telemetry"),
        (NOTHING_SAID, None, "yes", "attestation", "attestation"),
        (Said(text="x"), "person", None, None, "person"),
        (NOTHING_SAID, None, None, None, None),
    ],
)
def test_whose_answer_it_is(said: Said, said_origin: Any, found: Any, found_origin: Any, origin: str | None) -> None:
    assert origin_of(said, said_origin, found, found_origin) == origin


EVERY, VISITS = frozenset({1, 2, 3, 4}), frozenset({1, 2})


def listed(*suppliers: frozenset[int], confirmed: bool = True) -> SupplierList:
    """Return a list of suppliers, numbered from one, by the questionnaires that concern each."""
    concerned = tuple(ConcernedSupplier(ids(number), kinds) for number, kinds in enumerate(suppliers, start=1))
    return SupplierList(NOW if confirmed else None, concerned)


def standing(supplier: int, kind: int, signed_at: datetime | None = NOW, **more: Any) -> SupplierStanding:
    """Return how a supplier stands."""
    counts = {"refused": 0, "planned": 0, "due_on": None, **more}
    return SupplierStanding(ids(99), ids(supplier), kind, signed_at, **counts)


@pytest.mark.parametrize(
    ("kind", "suppliers", "standings", "state", "reason"),
    [
        (2, listed(VISITS), [standing(1, 2)], "pass", "questionnaires_signed"),
        (2, listed(VISITS), [standing(1, 1)], "fail", "questionnaire_unsigned"),
        (2, listed(VISITS), [standing(1, 2, None)], "fail", "questionnaire_unsigned"),
        (2, listed(VISITS, EVERY), [standing(1, 2)], "fail", "questionnaire_unsigned"),
        (2, listed(VISITS, EVERY), [standing(1, 2), standing(2, 2)], "pass", "questionnaires_signed"),
        (3, listed(VISITS), [standing(1, 3)], "not_applicable", "no_supplier_concerned"),
        (3, listed(VISITS, confirmed=False), [], "unknown", "suppliers_not_listed"),
        (2, listed(VISITS, confirmed=False), [standing(1, 2)], "pass", "questionnaires_signed"),
        (1, listed(), [], "unknown", "suppliers_not_listed"),
        (4, listed(), [], "not_applicable", "no_supplier_concerned"),
        (1, listed(EVERY), [standing(1, 1, refused=1)], "fail", "questionnaire_unresolved"),
        (1, listed(EVERY), [standing(1, 1, refused=1, planned=1, due_on=TODAY)], "warn", "questionnaire_planned"),
        (1, listed(EVERY), [standing(7, 1, refused=1), standing(1, 1)], "pass", "questionnaires_signed"),
    ],
)
def test_how_suppliers_stand_decides_the_control(
    kind: int, suppliers: SupplierList, standings: list[SupplierStanding], state: str, reason: str
) -> None:
    found = judge(kind, suppliers, standings, Policy(), NOW)
    assert (found.control, found.state, found.reason) == (f"ANS-9.{kind + 1}", state, reason)


def test_a_verdict_changes_when_a_plan_is_over() -> None:
    planned = standing(1, 1, refused=2, planned=2, due_on=TODAY + timedelta(days=4))
    assert judge(1, listed(EVERY), [planned], Policy(), NOW).valid_until == datetime(2026, 11, 22, tzinfo=UTC)
    unsigned = standing(1, 1, None, refused=2, planned=2, due_on=TODAY)
    assert judge(1, listed(EVERY), [unsigned], Policy(), NOW).valid_until is None
