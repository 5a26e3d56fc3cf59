"""The course of an alert as sentences: what happened, who did what, what was told and what was held back."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from markupsafe import Markup, escape

from vigie.console.shown import Shown
from vigie.console.view import View


def _(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


class Line(NamedTuple):
    """One line: when, its mark (`icon` or `state`), what happened, and what somebody wrote."""

    at: str
    state: str
    icon: str
    text: Markup
    said: str | None


_PLAIN: Final[Mapping[str, tuple[str, str, str]]] = {
    "opened": ("critical", "", _("Alerte ouverte")),
    "acknowledged": ("", "person", _("Prise en charge par %(who)s")),
    "assigned": ("", "person", _("Confiée à %(whom)s par %(who)s")),
    "released": ("", "person", _("Laissée sans responsable par %(who)s")),
    "snoozed": ("", "moon", _("Mise en sommeil par %(who)s %(until)s")),
    "commented": ("", "pen", _("%(who)s a écrit")),
    "resolved": ("pass", "", _("Déclarée résolue par %(who)s")),
    "closed": ("pass", "", _("Close : tout est rentré dans l'ordre")),
    "reopened": ("critical", "", _("Rouverte : la cause est revenue")),
    "more": ("critical", "", _("Rouverte : il s'y est ajouté autre chose")),
    "escalated": ("warn", "", _("Personne n'a répondu : prévenir à nouveau")),
    "woken": ("", "moon", _("Fin du sommeil")),
    "joined": ("warn", "", _("S'y ajoute : %(what)s")),
    "left": ("pass", "", _("Rentré dans l'ordre : %(what)s")),
    "both": ("warn", "", _("S'y ajoute : %(what)s. Rentré dans l'ordre : %(gone)s")),
    "graver": ("critical", "", _("Devenue critique")),
    "milder": ("warn", "", _("Moins grave qu'avant")),
    "updated": ("warn", "", _("Il y a du nouveau")),
}
_SENT: Final = _("Message envoyé à %(to)s")
_FAILED: Final = _("Message à %(to)s non remis : il sera retenté, ou le canal est à vérifier")
_HELD: Final = _("Message retenu : %(why)s")
_HELD_UNTIL: Final = _("Message retenu : %(why)s, %(until)s")
_SOMEBODY: Final = _("un programme partenaire")
_COLLEAGUE: Final = _("un collègue")
_CHANNEL: Final = _("un canal")
_MANY: Final = 4


def course_of(view: View, found: Mapping[str, Any], why_held: Mapping[str, str]) -> list[Line]:
    """Return the course of an alert, latest first; `found`: what the page asked the API."""
    shown = Shown(view.language, view.now, found["alert"]["time_zone"])
    names = {each["member_id"]: each["name"] for each in found["assignees"]["items"]}
    if found["alert"]["assignee_id"]:
        names[found["alert"]["assignee_id"]] = found["alert"]["assignee_name"]
    titles = {each["id"]: each["alias"] or each["title"] for each in found["alert"]["members"]}
    lines = [_entry(view, shown, each, names, titles) for each in found["alert"]["timeline"]]
    lines += [_held(view, shown, each, why_held) for each in found["held"]["items"]]
    lines += [_sent(view, each) for each in found["sent"]["items"]]
    return sorted(lines, key=lambda line: line.at, reverse=True)


def _say(view: View, text: str, **named: object) -> Markup:
    """Return a sentence with names in it, which are text whatever they look like."""
    return Markup(str(escape(view.text(text)))) % {  # noqa: S704 - escaped, as is what goes into it
        name: value if isinstance(value, Markup) else Markup("<bdi>{}</bdi>").format(value)
        for name, value in named.items()
    }


def _entry(
    view: View, shown: Shown, each: Mapping[str, Any], names: Mapping[str, str], titles: Mapping[str, str]
) -> Line:
    detail, kind = each["detail"], _kind(each)
    state, icon, text = _PLAIN.get(kind, _PLAIN["updated"])
    who = each["by_name"] or view.text(_SOMEBODY)
    named: dict[str, object] = {"who": who, "whom": names.get(detail.get("assignee"), view.text(_COLLEAGUE))}
    if "until" in detail:
        named["until"] = shown.until(detail["until"])
    named["what"] = _listed(detail.get("joined" if kind in {"joined", "both"} else "left") or (), titles)
    named["gone"] = _listed(detail.get("left") or (), titles)
    return Line(each["at"], state, icon, _say(view, text, **named), each["comment"])


def _kind(each: Mapping[str, Any]) -> str:
    """Return which sentence an entry is."""
    kind, detail = str(each["kind"]), each["detail"]
    if kind == "assigned" and not detail.get("assignee"):
        return "released"
    if kind == "reopened" and detail.get("because") == "more":
        return "more"
    if kind != "updated":
        return kind
    if detail.get("because") == "snooze_ended":
        return "woken"
    if detail.get("severity"):
        return "graver" if detail["severity"] == "critical" else "milder"
    changes = [name for name in ("joined", "left") if detail.get(name)]
    return "both" if len(changes) > 1 else changes[0] if changes else "updated"


def _listed(keys: Any, titles: Mapping[str, str]) -> str:
    told = [titles.get(key) or (key.removeprefix("ANS-") if key.startswith("ANS-") else "") for key in keys]
    known = [name for name in told if name]
    more = len(keys) - len(known[:_MANY])
    return ", ".join(known[:_MANY]) + (f" +{more}" if more > 0 else "")


def _held(view: View, shown: Shown, each: Mapping[str, Any], why_held: Mapping[str, str]) -> Line:
    french = why_held.get(each["why"])
    why = str(each["why"]) if french is None else view.text(french)
    why = why[:1].lower() + why[1:]
    until = {"until": shown.until(each["until"])} if each["until"] else {}
    return Line(each["wanted_at"], "", "moon", _say(view, _HELD_UNTIL if until else _HELD, why=why, **until), None)


def _sent(view: View, each: Mapping[str, Any]) -> Line:
    to = each["to_name"] or view.text(_CHANNEL)
    failed = each["status"] == "failed" or (each["status"] == "pending" and each["last_error"])
    text = _say(view, _FAILED if failed else _SENT, to=to)
    return Line(
        each["settled_at"] or each["wanted_at"], "warn" if failed else "", "" if failed else "right", text, None
    )
