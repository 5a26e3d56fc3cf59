"""What an answer still lacks before it can be signed. Pure.

An answer is what a person said, or else what the evidence says. "No" needs a plan; "no", "not applicable" and whatever
contradicts the evidence need a comment; "yes" needs the details that the question asks for.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from vigie.checklist.prefill import Choice

Part = Literal["yes_no", "text", "date", "document"]
Lack = Literal["answer", "text", "date", "document", "comment", "plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a deviation will be mended: by whom (a name or a function), and by the end of which day."""

    owner: str
    due_on: date


@dataclass(frozen=True, slots=True)
class Said:
    """What people wrote into an answer. ``answer`` None: nobody answered yes or no, the evidence may."""

    answer: Choice | None = None
    comment: str | None = None
    text: str | None = None
    on: date | None = None
    document: str | None = None
    plan: Plan | None = None


NOTHING_SAID = Said()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks for: its parts, and the answers for which a comment is due."""

    parts: Sequence[Part]
    comment_on: Collection[Choice]


def effective(said: Said, found: Choice | None) -> Choice | None:
    """Return the answer that counts: a person's, or else that of the evidence."""
    return said.answer or found


def contradicts(said: Said, found: Choice | None) -> bool:
    """Whether a person says otherwise than the evidence."""
    return said.answer is not None and found is not None and said.answer != found


def lacks(asked: Asked, said: Said, found: Choice | None, today: date) -> list[Lack]:
    """Return what is missing before this answer can be signed; empty when nothing is. ``today``: UTC."""
    given = {"text": said.text, "date": said.on, "document": said.document}
    if "yes_no" not in asked.parts:
        return [part for part in asked.parts if part != "yes_no" and not given[part]]
    answer = effective(said, found)
    if answer is None:
        return ["answer"]
    missing: list[Lack] = []
    if answer == "yes":
        missing += [part for part in asked.parts if part != "yes_no" and not given[part]]
    if not said.comment and (answer in asked.comment_on or contradicts(said, found)):
        missing.append("comment")
    if answer == "no" and not planned(said, today):
        missing.append("plan")
    return missing


def planned(said: Said, today: date) -> bool:
    """Whether a deviation has an owner and a day that is still to come. ``today``: UTC."""
    return said.plan is not None and said.plan.due_on > today


def strangers(asked: Asked, said: Said) -> list[str]:
    """Return the fields that were given although the question does not ask for them."""
    given = {"answer": said.answer, "text": said.text, "date": said.on, "document": said.document, "plan": said.plan}
    allowed = {"answer" if part == "yes_no" else part for part in asked.parts}
    if "yes_no" in asked.parts:
        allowed.add("plan")
    return [name for name, value in given.items() if value is not None and name not in allowed]
