"""What is said of alerts, in French and English: our own words, chosen when a message is sent. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from vigie.alerts.letters import Letter, Tone
from vigie.core.french import french
from vigie.people.texts import month

SEVERITY: Final[Mapping[Tone, tuple[str, str]]] = {
    "critical": ("Critique", "Critical"),
    "warning": ("À surveiller", "Warning"),
    "info": ("Pour information", "For information"),
}
_MARKS: Final[Mapping[str, tuple[str, str]]] = {
    "alert.updated": ("il y a du nouveau", "there is news"),
    "alert.escalated": ("sans réponse à ce jour", "not answered yet"),
    "alert.reopened": ("de nouveau", "again"),
    "alert.acknowledged": ("pris en charge", "taken in charge"),
    "alert.resolved": ("déclaré réglé", "said to be settled"),
}
_DAYS: Final = {
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_HOUR: Final = 3600
_SHOWN: Final = 8
_SEVERAL: Final = 2


class Cause(NamedTuple):
    """What is said of one cause: a title for one device and one for several, what it means, and what to do; French, English."""

    one: tuple[str, str]
    many: tuple[str, str]
    means: tuple[str, str]
    advice: Sequence[tuple[str, str]]


CAUSES: Final[Mapping[str, Cause]] = {
    "line": Cause(
        ("Le cabinet ne répond plus", "The practice no longer answers"),
        ("Le cabinet ne répond plus", "The practice no longer answers"),
        (
            "Tous ses postes se sont tus ensemble pendant ses heures d'ouverture : internet, la box ou le courant sont coupés.",
            "All its devices fell silent together during opening hours: the line, the router or the power is down.",
        ),
        (
            (
                "Appeler le cabinet : a-t-il du courant et internet ?",
                "Call the practice: do they have power and internet?",
            ),
            ("Si oui, vérifier la box et le pare-feu.", "If so, check the router and the firewall."),
            (
                "Rien à faire sur les postes : ils se signaleront d'eux-mêmes au retour de la ligne.",
                "Nothing to do on the devices: they report by themselves once the line is back.",
            ),
        ),
    ),
    "silent": Cause(
        ("{device} ne répond plus", "{device} no longer answers"),
        ("{count} postes ne répondent plus", "{count} devices no longer answer"),
        (
            "Le cabinet est ouvert, et rien n'indique que sa ligne soit coupée.",
            "The practice is open, and nothing says that its line is down.",
        ),
        (
            ("Demander au cabinet si le poste est allumé.", "Ask the practice whether the device is switched on."),
            (
                "S'il l'est, vérifier son réseau, puis l'agent avec « vigie-agent check ».",
                "If it is, check its network, then the agent with “vigie-agent check”.",
            ),
        ),
    ),
    "machine_off": Cause(
        ("{device} est éteint", "{device} is switched off"),
        ("{count} postes sont éteints", "{count} devices are switched off"),
        (
            "Le dernier passage de l'agent s'est terminé normalement : la machine a été arrêtée, elle n'est pas en panne.",
            "The last run of the agent ended as it should: the machine was switched off, it did not break.",
        ),
        (
            (
                "Si elle doit rester allumée (serveur, NAS), demander au cabinet de la rallumer.",
                "If it should stay on (server, NAS), ask the practice to switch it on.",
            ),
        ),
    ),
    "agent": Cause(
        ("L'agent de {device} ne fonctionne plus", "The agent of {device} no longer works"),
        ("L'agent de {count} postes ne fonctionne plus", "The agent of {count} devices no longer works"),
        (
            "La machine est en marche, mais ses remontées n'arrivent pas : ce que nous disons d'elle vieillit.",
            "The machine is running, but its reports do not arrive: what we say of it is growing old.",
        ),
        (
            (
                "Sur la machine : « vigie-agent status », puis « vigie-agent check ».",
                "On the machine: “vigie-agent status”, then “vigie-agent check”.",
            ),
            (
                "Vérifier qu'un pare-feu ou un antivirus ne retient pas l'agent.",
                "Check that no firewall or antivirus holds the agent back.",
            ),
        ),
    ),
    "backup": Cause(
        ("Sauvegarde en défaut", "Backup is failing"),
        ("Sauvegarde en défaut", "Backup is failing"),
        (
            "Si le cabinet perdait ses données maintenant, tout ne reviendrait pas.",
            "If the practice lost its data now, not all of it would come back.",
        ),
        (
            ("Ouvrir le journal de sauvegarde et corriger la cause.", "Open the log of the backup and mend the cause."),
            (
                "Relancer une sauvegarde et attendre qu'elle aboutisse.",
                "Start a backup again and wait for it to succeed.",
            ),
        ),
    ),
    "protection": Cause(
        ("Protection en défaut", "Protection is failing"),
        ("Protection en défaut", "Protection is failing"),
        (
            "Ce qui protège le cabinet d'une intrusion ou d'un logiciel malveillant manque ou est arrêté.",
            "What protects the practice from intrusion or malicious software is missing or switched off.",
        ),
        (("Rétablir la protection le jour même.", "Restore the protection the same day."),),
    ),
    "patch": Cause(
        ("Mises à jour en retard", "Updates are late"),
        ("Mises à jour en retard", "Updates are late"),
        (
            "Des correctifs de sécurité publiés ne sont pas installés dans le délai convenu.",
            "Published security updates are not installed within the agreed time.",
        ),
        (
            (
                "Installer les mises à jour en dehors des heures d'ouverture, puis redémarrer.",
                "Install the updates outside opening hours, then restart.",
            ),
        ),
    ),
    "clone": Cause(
        ("Deux machines se présentent comme {device}", "Two machines present themselves as {device}"),
        ("Plusieurs machines partagent une identité", "Several machines share an identity"),
        (
            "Une image disque a sans doute été copiée. Tant que cela dure, on ne sait pas de laquelle on parle.",
            "A disk image was probably copied. As long as this lasts, nobody knows which one is meant.",
        ),
        (
            (
                "Enrôler de nouveau la copie, avec un code d'installation.",
                "Enrol the copy again, with an enrolment token.",
            ),
        ),
    ),
    "renewal": Cause(
        ("Une échéance approche ou est passée", "Something is due, or overdue"),
        ("{count} échéances approchent ou sont passées", "{count} things are due, or overdue"),
        (
            "Une réponse, un contrat ou un document du cabinet doit être renouvelé pour continuer à compter.",
            "An answer, a contract or a document of the practice has to be renewed to go on counting.",
        ),
        (("Renouveler avec le cabinet, puis l'enregistrer.", "Renew it with the practice, then record it."),),
    ),
}
OTHER: Final = Cause(
    ("Quelque chose demande votre attention", "Something needs your attention"),
    ("Quelque chose demande votre attention", "Something needs your attention"),
    ("Le détail est dans la console.", "The console has the details."),
    (),
)


class Described(NamedTuple):
    """What a point of control is called, what is the matter with it, and what to do; the last two may be empty."""

    title: str
    says: str
    advice: str


Describe = Callable[[str, str, str, Mapping[str, Any]], Described | None]
"""`describe(control, reason, language, values)`: the words of the catalogue, which this part of the product does not know."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a message is written for: whose it is, in which language, about which practice, where its clocks stand."""

    language: str
    provider: str
    public_url: str
    zone: ZoneInfo
    practice_id: UUID | None = None
    practice: str = ""
    channel: str = ""
    describe: Describe = field(default=lambda *_: None)

    def say(self, texts: tuple[str, str], **parts: object) -> str:
        """Return a text in the language of the message, set as that language is, with what belongs into it."""
        text = french(texts[0]) if self.language == "fr" else texts[1]
        return text.format(**parts) if parts else text

    def several(self, number: int, one: tuple[str, str], many: tuple[str, str]) -> str:
        """Return a number with its noun; French counts nought and one as one."""
        single = number < _SEVERAL if self.language == "fr" else number == 1
        return f"{number} {self.say(one if single else many)}"

    def day(self, instant: datetime) -> str:
        """Return the day of an instant, as the practice's calendar has it."""
        local = instant.astimezone(self.zone)
        name = _DAYS[self.language][local.weekday()]
        number = "1er" if self.language == "fr" and local.day == 1 else str(local.day)
        return f"{name} {number} {month(local.month, self.language)} {local.year}"

    def hour(self, instant: datetime) -> str:
        """Return the time of an instant, as the practice's clocks show it."""
        local = instant.astimezone(self.zone)
        return (
            f"{local.hour} h {local:%M}".replace(" ", "\N{NO-BREAK SPACE}")
            if self.language == "fr"
            else f"{local:%H:%M}"
        )

    def moment(self, instant: datetime) -> str:
        """Return an instant, as the practice's clocks show it."""
        return self.say(("{day} à {hour}", "{day}, {hour}"), day=self.day(instant), hour=self.hour(instant))

    def lasted(self, amount: timedelta) -> str:
        """Return how long something takes, in the two largest units that say it."""
        minutes = max(0, int(amount.total_seconds())) // 60
        days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
        unit = "j" if self.language == "fr" else "d"
        shown = [f"{number} {name}" for number, name in ((days, unit), (hours, "h"), (minutes, "min")) if number]
        return " ".join(shown[:2] or ["0 min"]).replace(" ", "\N{NO-BREAK SPACE}")

    def alert_link(self, alert_id: UUID | str) -> str:
        """Return the address of an alert in the console."""
        return f"{self.public_url}/alerts/{alert_id}"

    def practice_link(self, practice_id: UUID | str) -> str:
        """Return the address of a practice in the console."""
        return f"{self.public_url}/practices/{practice_id}"


def cause_of(data: Mapping[str, Any]) -> Cause:
    """Return what is said of the cause of an alert."""
    return CAUSES.get(data.get("cause", ""), OTHER)


def _devices_of(data: Mapping[str, Any]) -> int:
    """Return how many devices an alert is about; what is counted of one about controls is controls."""
    known = len(data.get("devices") or ())
    return known if data.get("controls") else max(data.get("count") or 0, known)


def title_of(setting: Setting, data: Mapping[str, Any]) -> str:
    """Return what an alert is about, in few words."""
    devices = data.get("devices") or []
    count = _devices_of(data)
    cause = cause_of(data)
    if count > 1 or not devices:
        texts = cause.many if count > 1 else cause.one
        return setting.say(texts, count=count, device=setting.say(("Un poste", "A device")))
    return setting.say(cause.one, device=devices[0]["alias"], count=1)


def alert_letter(setting: Setting, kind: str, alert_id: UUID, data: Mapping[str, Any], at: datetime) -> Letter:
    """Return the message about an alert: what happened to it (`kind`) and what it is, as it was when this was decided (`at`)."""
    closed, title = kind == "alert.closed", title_of(setting, data)
    severity = data.get("severity", "info")
    tone: Tone = "ok" if closed else next((name for name in SEVERITY if name == severity), "info")
    mark = setting.say(("Terminé", "Over")) if closed else setting.say(SEVERITY[tone])
    if kind in _MARKS:
        mark = f"{mark} · {setting.say(_MARKS[kind])}"
    described = _described(setting, data)
    cause = cause_of(data)
    lead = [setting.say(cause.means)] if not closed else [_over(setting, data)]
    advice = (
        []
        if closed
        else [each.advice for each in described if each.advice] or [setting.say(each) for each in cause.advice]
    )
    return Letter(
        language=setting.language,
        subject=setting.say(
            ("{mark} · {practice} : {title}", "{mark} · {practice}: {title}"),
            mark=mark,
            practice=setting.practice,
            title=title,
        ),
        mark=mark,
        title=setting.say(("{practice} : {title}", "{practice}: {title}"), practice=setting.practice, title=title),
        tone=tone,
        lead=lead,
        facts=_facts(setting, data, described, at),
        advice_heading=setting.say(("À faire", "What to do")),
        advice=list(dict.fromkeys(advice)),
        link=(setting.say(("Ouvrir l'alerte", "Open the alert")), setting.alert_link(alert_id)),
        why=why(setting),
    )


def _over(setting: Setting, data: Mapping[str, Any]) -> str:
    closed, since = data.get("closed_at"), data.get("since")
    if not closed or not since:
        return setting.say(("Tout est rentré dans l'ordre.", "Everything is as it should be again."))
    ended = datetime.fromisoformat(closed)
    return setting.say(
        (
            "Tout est rentré dans l'ordre. L'alerte s'est refermée {at}, {lasted} après le début.",
            "Everything is as it should be again. The alert closed on {at}, {lasted} after it began.",
        ),
        at=setting.moment(ended),
        lasted=setting.lasted(ended - datetime.fromisoformat(since)),
    )


def _described(setting: Setting, data: Mapping[str, Any]) -> list[Described]:
    found = []
    for each in data.get("controls") or []:
        words = setting.describe(each["control"], each["reason"], setting.language, each.get("values") or {})
        found.append(words or Described(each["control"], "", ""))
    return found


def _facts(
    setting: Setting, data: Mapping[str, Any], described: Sequence[Described], at: datetime
) -> list[tuple[str, str]]:
    facts = []
    if data.get("since"):
        since = datetime.fromisoformat(data["since"])
        shown = setting.moment(since)
        if at - since >= timedelta(minutes=1) and not data.get("closed_at"):
            ago = setting.say(("il y a {lasted}", "{lasted} ago"), lasted=setting.lasted(at - since))
            shown = f"{shown} ({ago})"
        facts.append((setting.say(("Depuis", "Since")), shown))
    devices = [each["alias"] for each in data.get("devices") or []]
    if devices:
        facts.append((setting.say(("Postes", "Devices")), listed(setting, devices, _devices_of(data))))
    facts += [(each.title, each.says or setting.say(("en défaut", "failing"))) for each in described[:_SHOWN]]
    for name, texts in (("actor", ("Par", "By")), ("reason", ("Motif", "Reason")), ("comment", ("Message", "Message"))):
        if data.get(name):
            facts.append((setting.say(texts), str(data[name])))
    return facts


def listed(setting: Setting, names: Sequence[str], count: int) -> str:
    """Return some names, and how many more there are."""
    shown = list(names[:_SHOWN])
    more = max(count, len(names)) - len(shown)
    text = ", ".join(shown)
    return text + setting.say((" et {more} de plus", " and {more} more"), more=more) if more > 0 else text


def why(setting: Setting) -> str:
    """Return why somebody receives a message, and where to change that."""
    if setting.channel:
        return setting.say(
            (
                "Envoyé par Vigie pour {provider}, canal « {channel} ». Vos canaux se règlent dans la console.",
                "Sent by Vigie for {provider}, channel “{channel}”. Your channels are set in the console.",
            ),
            provider=setting.provider,
            channel=setting.channel,
        )
    return setting.say(
        (
            "Envoyé par Vigie pour {provider}, parce que vous êtes d'astreinte ou désigné.",
            "Sent by Vigie for {provider}, because you are on call or were chosen.",
        ),
        provider=setting.provider,
    )
