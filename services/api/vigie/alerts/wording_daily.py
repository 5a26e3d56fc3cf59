"""What is said once a day, and in tests: the digest, whether practices can open tomorrow. Pure."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, Final

from vigie.alerts.letters import Letter, Line, Part, Tone, short
from vigie.alerts.wording import SEVERITY, Setting, title_of, why

_MOST_LINES: Final = 60
_PERIOD: Final = ("period_from", "period_to")
WHY_NOT: Final[Mapping[str, tuple[str, str]]] = {
    "window": ("maintenance prévue", "planned maintenance"),
    "quiet_hours": ("heures calmes", "quiet hours"),
    "closed_hours": ("cabinet fermé", "practice closed"),
    "snoozed": ("mis en sommeil", "snoozed"),
    "acknowledged": ("déjà pris en charge", "already taken in charge"),
    "grouped": ("regroupé avec un autre message", "gathered into another message"),
    "flapping": ("va-et-vient", "coming and going"),
    "below_severity": ("gravité trop basse", "not severe enough"),
    "not_chosen": ("non choisi pour ce canal", "not chosen for this channel"),
    "no_channel": ("aucun canal", "no channel"),
}
REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "line_down": ("la ligne est coupée depuis {since}", "the line has been down since {since}"),
    "nothing_heard": ("aucun poste n'a encore répondu", "no device has answered yet"),
    "server_silent": ("{device} ne répond plus depuis {since}", "{device} has not answered since {since}"),
    "backup_failing": ("sauvegarde en défaut : {says}", "backup failing: {says}"),
    "backup_late": ("sauvegarde à surveiller : {says}", "backup needs a look: {says}"),
    "backup_unknown": ("aucune sauvegarde connue", "no backup is known"),
    "antivirus": ("antivirus : {says}", "antivirus: {says}"),
    "reboot": ("{device} attend un redémarrage", "{device} is waiting for a restart"),
}
_VERDICTS: Final[Mapping[str, tuple[Tone, tuple[str, str]]]] = {
    "no": ("critical", ("Non", "No")),
    "attention": ("warning", ("Oui, avec attention", "Yes, with care")),
    "yes": ("ok", ("Oui", "Yes")),
}


def test_letter(setting: Setting, data: Mapping[str, Any], at: datetime) -> Letter:
    """Return the message that shows that a channel works."""
    facts = [(setting.say(("Demandé", "Asked for")), setting.moment(at))]
    if data.get("by"):
        facts.append((setting.say(("Par", "By")), data["by"]))
    return Letter(
        language=setting.language,
        subject=setting.say(
            ("Essai du canal « {channel} »", "Test of the channel “{channel}”"), channel=setting.channel
        ),
        mark=setting.say(("Essai", "Test")),
        title=setting.say(("Ce canal fonctionne", "This channel works")),
        tone="info",
        lead=[
            setting.say(
                (
                    "C'est un message d'essai : il n'y a rien à faire. Les alertes arriveront de cette façon.",
                    "This is a test: nothing needs to be done. Alerts will arrive this way.",
                ),
                provider=setting.provider,
            )
        ],
        facts=facts,
        why=why(setting),
    )


def report_letter(setting: Setting, data: Mapping[str, Any]) -> Letter:
    """Return the message that a report was made: its number, its period, and where it is; the PDF itself is not mailed."""
    first, last = (datetime.combine(date.fromisoformat(data[name]), time(12), setting.zone) for name in _PERIOD)
    period = setting.say(
        ("du {first} au {last}", "{first} to {last}"), first=setting.day(first), last=setting.day(last)
    )
    title = setting.say(
        ("{practice} : rapport nº {number}", "{practice}: report No. {number}"),
        practice=setting.practice,
        number=data["number"],
    )
    return Letter(
        language=setting.language,
        subject=title,
        mark=setting.say(("Rapport", "Report")),
        title=title,
        tone="info",
        lead=[
            setting.say(
                (
                    "Le rapport de sécurité du mois est prêt. Il est numéroté, et son code QR permet de le vérifier.",
                    "The security report of the month is ready. It is numbered, and its QR code lets anybody verify it.",
                )
            )
        ],
        facts=[(setting.say(("Période", "Period")), period)],
        link=(
            setting.say(("Télécharger le rapport", "Download the report")),
            f"{setting.public_url}/v1/reports/{data['report']}/pdf",
        ),
        why=why(setting),
    )


def digest_letter(setting: Setting, data: Mapping[str, Any], at: datetime) -> Letter:
    """Return the daily digest: what is open, what was closed since the last one, and what was not sent and why."""
    opened, closed, held = data["open"], data["closed"], data["held_back"]
    tone: Tone = next((name for name in SEVERITY if any(each["severity"] == name for each in opened)), "ok")
    parts = [
        Part(
            setting.say(("Encore ouvert", "Still open")),
            [_alert_line(setting, each, at) for each in opened[:_MOST_LINES]],
            setting.say(("Rien : tout va bien.", "Nothing: all is well.")),
        ),
        Part(
            setting.say(("Refermé depuis le dernier bilan", "Closed since the last digest")),
            [_alert_line(setting, each, at, closed=True) for each in closed[:_MOST_LINES]],
            setting.say(("Rien.", "Nothing.")),
        ),
    ]
    if held:
        lines = [
            Line(f"{setting.say(WHY_NOT.get(name, (name, name))).capitalize()} ({number})")
            for name, number in sorted(held.items(), key=lambda item: (-item[1], item[0]))
        ]
        parts.append(Part(setting.say(("Messages retenus", "Messages held back")), lines))
    still = setting.several(len(opened), ("alerte ouverte", "open alert"), ("alertes ouvertes", "open alerts"))
    over = setting.several(len(closed), ("refermée", "closed"), ("refermées", "closed"))
    title = f"{still}, {over}"
    if not opened:
        title = setting.say(("Aucune alerte ouverte", "No open alert")) + (f", {over}" if closed else "")
    return Letter(
        language=setting.language,
        subject=setting.say(("Bilan du {day} : {title}", "Digest of {day}: {title}"), day=setting.day(at), title=title),
        mark=setting.say(("Bilan du {day}", "Digest of {day}"), day=setting.day(at)),
        title=title,
        tone=tone,
        parts=parts,
        link=(setting.say(("Voir les alertes", "See the alerts")), f"{setting.public_url}/alerts"),
        why=why(setting),
    )


def _alert_line(setting: Setting, alert: Mapping[str, Any], at: datetime, *, closed: bool = False) -> Line:
    since = datetime.fromisoformat(alert["since"])
    if closed:
        lasted = datetime.fromisoformat(alert["closed_at"]) - since
        text = setting.say(("a duré {lasted}", "lasted {lasted}"), lasted=setting.lasted(lasted))
    else:
        text = setting.say(
            ("depuis {moment}, soit {lasted}", "since {moment}, for {lasted}"),
            moment=setting.moment(since),
            lasted=setting.lasted(at - since),
        )
        if alert.get("assignee"):
            text = f"{text} · {alert['assignee']}"
    head = setting.say(
        ("{practice} : {title}", "{practice}: {title}"),
        practice=short(alert["practice"]),
        title=title_of(setting, alert),
    )
    tone: Tone = "ok" if closed else alert["severity"]
    return Line(head, text, tone, setting.alert_link(alert["alert_id"]))


def opening_letter(setting: Setting, data: Mapping[str, Any]) -> Letter:
    """Return the answer to "can we open tomorrow?", worst first; practices that can are named on one line."""
    practices = data["practices"]
    day = setting.day(datetime.fromisoformat(data["opens_at"]))
    worst = next((name for name in _VERDICTS if any(each["verdict"] == name for each in practices)), "yes")
    tone, _ = _VERDICTS[worst]
    if len(practices) == 1:
        return _one_practice(setting, practices[0], day)
    trouble = [each for each in practices if each["verdict"] != "yes"]
    ready = [short(each["name"]) for each in practices if each["verdict"] == "yes"]
    title = setting.say(
        ("{ready} cabinets sur {all} peuvent ouvrir", "{ready} of {all} practices can open"),
        ready=len(practices) - sum(each["verdict"] == "no" for each in practices),
        all=len(practices),
    )
    parts = [
        Part(
            setting.say(texts_of),
            [_practice_line(setting, each) for each in trouble if each["verdict"] == name],
        )
        for name, texts_of in (
            ("no", ("Ne peuvent pas ouvrir normalement", "Cannot open as usual")),
            ("attention", ("Peuvent ouvrir, à surveiller", "Can open, with care")),
        )
        if any(each["verdict"] == name for each in trouble)
    ]
    if ready:
        names = ", ".join(ready[:_MOST_LINES]) + (" …" if len(ready) > _MOST_LINES else "")
        parts.append(Part(setting.say(("Tout est prêt", "All set")), [Line(names, tone="ok")]))
    return Letter(
        language=setting.language,
        subject=setting.say(("Ouverture du {day} : {title}", "Opening of {day}: {title}"), day=day, title=title),
        mark=setting.say(("Peut-on ouvrir le {day} ?", "Can we open on {day}?"), day=day),
        title=title,
        tone=tone,
        parts=parts,
        link=(setting.say(("Voir les cabinets", "See the practices")), f"{setting.public_url}/practices"),
        why=why(setting),
    )


def _one_practice(setting: Setting, practice: Mapping[str, Any], day: str) -> Letter:
    tone, verdict = _VERDICTS[practice["verdict"]]
    said = setting.say(verdict)
    parts = []
    if practice["reasons"]:
        lines = [Line(_sentence(setting, each), tone=each["tone"]) for each in practice["reasons"]]
        parts = [Part(setting.say(("Pourquoi", "Why")), lines)]
    lead = []
    if not practice["reasons"]:
        lead = [
            setting.say(
                (
                    "Serveurs et ligne répondent, la sauvegarde est à jour, rien n'attend de redémarrage.",
                    "Servers and line answer, the backup is up to date, nothing is waiting for a restart.",
                )
            )
        ]
    return Letter(
        language=setting.language,
        subject=setting.say(
            ("{practice} peut-il ouvrir le {day} ? {said}", "Can {practice} open on {day}? {said}"),
            practice=short(practice["name"]),
            day=day,
            said=said,
        ),
        mark=setting.say(("Peut-on ouvrir le {day} ?", "Can we open on {day}?"), day=day),
        title=setting.say(
            ("{practice} : {said}", "{practice}: {said}"), practice=short(practice["name"]), said=said.lower()
        ),
        tone=tone,
        lead=lead,
        parts=parts,
        link=(setting.say(("Ouvrir la fiche du cabinet", "Open the practice")), setting.practice_link(practice["id"])),
        why=why(setting),
    )


def _practice_line(setting: Setting, practice: Mapping[str, Any]) -> Line:
    tone, _ = _VERDICTS[practice["verdict"]]
    said = " ".join(_sentence(setting, each) for each in practice["reasons"])
    return Line(short(practice["name"]), said, tone, setting.practice_link(practice["id"]))


def reason_text(setting: Setting, reason: Mapping[str, Any]) -> str:
    """Return one reason of a verdict as half a sentence."""
    parts: dict[str, object] = {"device": reason.get("device", "")}
    if reason.get("since"):
        parts["since"] = setting.moment(datetime.fromisoformat(reason["since"]))
    if reason.get("control"):
        words = setting.describe(reason["control"], reason["reason"], setting.language, reason["values"])
        parts["says"] = _inside((words.says or words.title) if words is not None else reason["control"])
    return setting.say(REASONS[reason["code"]], **parts)


def _inside(sentence: str) -> str:
    """Return a sentence as it stands inside another."""
    lower = sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() else sentence
    return lower.rstrip(".")


def _sentence(setting: Setting, reason: Mapping[str, Any]) -> str:
    """Return one reason of a verdict as a sentence; names of devices are written as they are."""
    text = reason_text(setting, reason)
    return (text if text.startswith(reason.get("device") or "\0") else text[:1].upper() + text[1:]) + "."
