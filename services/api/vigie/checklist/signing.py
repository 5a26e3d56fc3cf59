"""The bytes that are signed: one canonical JSON of a questionnaire, and its digest. Pure.

Canonical means RFC 8785 for what occurs here: UTF-8, keys in the order of their code points, no space between tokens, and no
number that is not a whole one. Keys are ASCII. The same answers always give the same bytes; docs/questionnaires.md shows how to
check a digest with other tools.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from vigie.checklist.completeness import Said, effective
from vigie.checklist.prefill import Choice
from vigie.posture.rules.reading import stamp

FORMAT = "vigie-questionnaire/1"
SayOrigin = Literal["person", "copied"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Which questionnaire is signed, of whom, in which edition and revision."""

    questionnaire_id: UUID
    provider_id: UUID
    practice_id: UUID
    supplier_id: UUID
    supplier_name: str
    kind: int
    template_version: str
    template_digest: str
    revision: int


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """One answer as it is signed: what was said by whom, and the evidence it stands beside."""

    question: str
    said: Said
    said_origin: SayOrigin | None
    said_by: str | None
    said_at: datetime | None
    found: Choice | None
    found_origin: str | None
    evidence: Sequence[Mapping[str, Any]]


def content_of(subject: Subject, answers: Sequence[SignedAnswer]) -> bytes:
    """Return the canonical bytes of a questionnaire, its answers in the order given."""
    body = {
        "format": FORMAT,
        "questionnaire": str(subject.questionnaire_id),
        "revision": subject.revision,
        "provider": str(subject.provider_id),
        "practice": str(subject.practice_id),
        "supplier": {"id": str(subject.supplier_id), "name": subject.supplier_name},
        "kind": subject.kind,
        "template": {"version": subject.template_version, "sha256": subject.template_digest},
        "answers": [_answer(each) for each in answers],
    }
    return canonical(body)


def _answer(answer: SignedAnswer) -> dict[str, Any]:
    said = answer.said
    plan = said.plan
    return {
        "question": answer.question,
        "answer": effective(said, answer.found),
        "origin": origin_of(said, answer.said_origin, answer.found, answer.found_origin),
        "comment": said.comment,
        "text": said.text,
        "date": _day(said.on),
        "document": said.document,
        "plan": None if plan is None else {"owner": plan.owner, "due_on": _day(plan.due_on)},
        "said_by": answer.said_by,
        "said_at": None if answer.said_at is None else stamp(answer.said_at),
        "evidence_says": answer.found,
        "evidence": [dict(each) for each in answer.evidence],
    }


def origin_of(said: Said, said_origin: SayOrigin | None, found: Choice | None, found_origin: str | None) -> str | None:
    """Return whose answer counts: a person's (`person`, `copied`), the evidence's (`telemetry`, `attestation`), or nobody's."""
    if said.answer is not None:
        return said_origin
    if found is not None:
        return found_origin
    return said_origin


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def canonical(body: Mapping[str, Any]) -> bytes:
    """Return the canonical JSON of a value of objects, lists, texts, whole numbers, booleans and null."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")


def content_hash(content: bytes) -> str:
    """Return the digest that both parties sign: SHA-256, lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()
