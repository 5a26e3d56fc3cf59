"""The security checklist: ten rules, what each point rests on, and the answers, given in place or one question after the other."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from vigie.console.asked import questions_of
from vigie.console.view import View, page

_CLOSER_FIRST: Final = ("fail", "unknown", "warn")
_MOST_FILES: Final = 200


def _(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


TERMS: Final[Mapping[str, str]] = {
    "continuous": _("relevé en continu"),
    "per_event": _("à chaque changement"),
    "3m": _("vaut trois mois"),
    "6m": _("vaut six mois"),
    "12m": _("vaut un an"),
    "24m": _("vaut deux ans"),
}
"""How long an answer holds, by `every` of the catalogue."""


@page
async def show_checklist(view: View) -> Response:
    """Show the checklist of a practice to its provider."""
    practice_id = view.request.path_params["practice_id"]
    if view.of_practice:
        return view.redirect("/my-practice/checklist")
    return await _checklist(view, practice_id, f"/practices/{practice_id}/checklist")


@page
async def show_own_checklist(view: View) -> Response:
    """Show the checklist of their practice to its people."""
    if view.practice_id is None:
        return view.redirect("/practices")
    return await _checklist(view, view.practice_id, "/my-practice/checklist")


async def _checklist(view: View, practice_id: str, address: str) -> Response:
    """Show one rule at a time, or the points of all of them that wait for this reader or fail."""
    query = view.query()
    here = f"/v1/practices/{practice_id}"
    found = await view.get_all(
        practice=view.get(here),
        checklist=view.get(f"{here}/checklist", brief="true"),
        catalogue=view.get("/v1/controls"),
        files=view.get(f"{here}/evidence", limit=_MOST_FILES),
    )
    rules = found["checklist"]["rules"]
    side = "practice" if view.of_practice else "provider"
    asked = {each["id"] for each in questions_of(found["checklist"], side)}
    chosen = query.get("show") if query.get("show") in {"asked", "failing"} else None
    rule = _rule(query.get("rule", ""), rules)
    sections = [rule] if chosen is None else [_only(each, chosen, asked) for each in rules]
    shown = [control["id"] for each in sections for control in each["controls"]]
    whole = await view.get(f"{here}/checklist", trend_days=1, control=shown or [rules[0]["controls"][0]["id"]])
    proven = {control["id"]: control for each in whole["rules"] for control in each["controls"]}
    return await view.show(
        "checklist.html",
        nav="fleet",
        zone=found["practice"]["time_zone"],
        address=address,
        asked=asked,
        catalogue={each["id"]: each for each in found["catalogue"]["items"]},
        causes=_causes(each for rule in rules for each in rule["controls"]),
        checklist=whole | {"rules": rules},
        chosen=chosen,
        files={each["id"]: each for each in found["files"]["items"]},
        practice=found["practice"],
        rule=rule,
        sections=[
            {**each, "controls": [proven[control["id"]] for control in each["controls"]]}
            for each in sections
            if each["controls"]
        ],
        side=side,
        terms=TERMS,
    )


def _rule(asked: str, rules: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the rule asked for, else the first in which something is amiss."""
    for rule in rules:
        if str(rule["id"]) == asked:
            return rule
    wanting = (each for state in _CLOSER_FIRST for each in rules if any(c["state"] == state for c in each["controls"]))
    return next(wanting, rules[0])


def _causes(controls: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return why controls are not in order, where devices tell: what most of those concerned say, not that some of them do."""
    causes = {}
    for control in controls:
        if control["state"] not in _CLOSER_FIRST:
            continue
        said = Counter(each["says"] for each in control["devices"] if each["state"] == control["state"])
        if said:
            causes[control["id"]] = said.most_common(1)[0][0]
    return causes


def _only(rule: Mapping[str, Any], chosen: str, asked: set[str]) -> dict[str, Any]:
    """Return a rule with the points that wait for an answer, or with those that fail."""
    controls = [
        each for each in rule["controls"] if (each["id"] in asked if chosen == "asked" else each["state"] == "fail")
    ]
    return {**rule, "controls": controls}


@page
async def show_question(view: View) -> Response:
    """Show the questions only the practice can answer, one after the other."""
    if view.practice_id is None:
        return view.redirect("/practices")
    query = view.query()
    here = f"/v1/practices/{view.practice_id}"
    found = await view.get_all(
        practice=view.get(here),
        checklist=view.get(f"{here}/checklist", brief="true"),
        catalogue=view.get("/v1/controls", kind="practice"),
    )
    left = questions_of(found["checklist"])
    ahead = _after(left, query.get("after"), [each["id"] for each in found["catalogue"]["items"]])
    total = max(_count(query.get("of")), len(ahead))
    place = min(_count(query.get("n")) or 1, total)
    question = ahead[0] if ahead else None
    following = question and f"/my-practice/questions?of={total}&n={place + 1}&after={question['id']}"
    return await view.show(
        "checklist_question.html",
        zone=found["practice"]["time_zone"],
        catalogue={each["id"]: each for each in found["catalogue"]["items"]},
        checklist=found["checklist"],
        following=following,
        left=left,
        place=place,
        practice=found["practice"],
        question=question,
        terms=TERMS,
        total=total,
    )


def _count(text: str | None) -> int:
    """Return a number of the address; what is none is nought."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 4 else 0  # noqa: PLR2004 - there are 70 controls


def _after(left: Sequence[dict[str, Any]], last: str | None, order: Sequence[str]) -> list[dict[str, Any]]:
    """Return the questions that come after one in the catalogue, which need not be open any more."""
    if last not in order:
        return list(left)
    place = order.index(last)
    return [each for each in left if order.index(each["id"]) > place]


@page
async def show_contacts(view: View) -> Response:
    """Show whom to call in an attack, to fill in and to confirm."""
    if view.practice_id is None:
        return view.redirect("/practices")
    here = f"/v1/practices/{view.practice_id}"
    found = await view.get_all(practice=view.get(here), contacts=view.get(f"{here}/contacts"))
    said = found["contacts"]["contacts"]
    first = [
        next((each for each in said if each["kind"] == kind), _nobody(kind)) for kind in found["contacts"]["required"]
    ]
    others = [each for each in said if not any(each is one for one in first)]
    return await view.show(
        "checklist_contacts.html",
        zone=found["practice"]["time_zone"],
        practice=found["practice"],
        contacts=found["contacts"],
        rows=[*first, *others, _nobody("other")],
    )


def _nobody(kind: str) -> dict[str, str | None]:
    """Return a contact to fill in."""
    return {"kind": kind, **dict.fromkeys(("name", "phone", "email", "policy_number"))}


PAGES: Final = (
    ("/practices/{practice_id:uuid}/checklist", show_checklist),
    ("/my-practice/checklist", show_own_checklist),
    ("/my-practice/questions", show_question),
    ("/my-practice/contacts", show_contacts),
)
