"""A plan of practices and machines: invented, plausible, the same for the same seed.

Names are made of a profession and a tree, a street or a river; no practice of France is meant. Numbers of establishments
begin with zeros that no real one has, though their key is right.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from vigie.simulator.device import VirtualDevice
from vigie.simulator.habits import choose_habits
from vigie.simulator.machines import Machine, Profile
from vigie.simulator.profiles import OFFSITE_RESTIC, PROFILES
from vigie.simulator.scenarios import HEALTHY, SCENARIOS, Scenario

_PROFESSIONS = (
    ("dentist", "Cabinet dentaire"),
    ("dentist", "Centre dentaire"),
    ("physician", "Cabinet médical"),
    ("physician", "Maison médicale"),
    ("physiotherapist", "Cabinet de kinésithérapie"),
    ("nurse", "Cabinet infirmier"),
    ("midwife", "Cabinet de sages-femmes"),
    ("orthodontist", "Cabinet d'orthodontie"),
)
_PLACES = (
    "des Tilleuls", "de la Halle", "du Vieux Moulin", "des Remparts", "de la Source", "du Marché", "des Lilas",
    "du Pont Neuf", "de la Glacière", "des Cerisiers", "du Parc", "de l'Écluse", "des Acacias", "de la Fontaine",
    "du Beffroi", "des Vignes", "de la Gare", "du Canal", "des Platanes", "de la Chapelle", "du Lavoir",
    "des Marronniers", "de la Citadelle", "du Port", "des Bleuets", "de la Tannerie", "du Clos", "des Genêts",
    "de la Prairie", "du Donjon", "des Mimosas", "de la Roseraie", "du Verger", "des Hirondelles", "de la Brèche",
    "du Ruisseau", "des Oliviers", "de la Corderie", "du Phare", "des Noyers", "de la Rotonde",
)  # fmt: skip
_CITIES = (
    "Angers", "Annecy", "Arras", "Auxerre", "Besançon", "Bourges", "Brest", "Caen", "Chambéry", "Colmar", "Dijon",
    "Épinal", "Gap", "Laval", "Limoges", "Lorient", "Metz", "Nevers", "Niort", "Pau", "Périgueux", "Quimper", "Rodez",
    "Saint-Malo", "Strasbourg", "Tarbes", "Troyes", "Valence", "Vannes", "Vesoul",
)  # fmt: skip
_OVERSEAS = {5: ("Saint-Denis", "Indian/Reunion"), 11: ("Pointe-à-Pitre", "America/Guadeloupe")}
_STORIES = tuple(name for name in SCENARIOS if name != "healthy")
_OLD_MACHINES = ("windows_server_2016", "windows_11_24h2_home", "windows_10_esu", "windows_10", "windows_11_25h2")
_WORKSTATIONS = ("windows_11_25h2",) * 6 + ("windows_11_24h2_enterprise", "macbook")
_SERVERS = ("windows_server_2022",) * 3 + ("linux_server", "nas")
_JOINED_BEFORE = timedelta(days=430)
_NEW_SINCE = timedelta(days=4)


@dataclass(frozen=True, slots=True)
class PracticePlan:
    """One practice of the plan. ``siret`` (14 digits) and ``finess`` (9) are invented or absent."""

    number: int
    name: str
    profession: str
    city: str
    time_zone: str
    siret: str | None
    finess: str | None
    scenario: Scenario
    began_at: datetime
    joined_at: datetime
    machines: tuple[Machine, ...]
    seed: str

    def devices(self) -> list[VirtualDevice]:
        """Make the devices of the practice; a story of one machine befalls the last one."""
        last = len(self.machines) - 1
        return [
            VirtualDevice(
                machine,
                self.scenario if self.scenario.scope == "practice" or place == last else HEALTHY,
                self.began_at,
                secret=f"{self.seed}:{self.number}:{place}",
            )
            for place, machine in enumerate(self.machines)
        ]


def plan_fleet(practices: int, devices: int, *, now: datetime, seed: str = "vigie") -> list[PracticePlan]:
    """Plan ``practices`` practices of ``devices`` devices each, in the state that their stories have reached at ``now``.

    Every second practice is in order; the stories take turns over the others, so that 22 practices show them all. Those have
    bad habits, too, which no story explains.
    """
    return [plan_practice(number, devices, now=now, seed=seed) for number in range(practices)]


def plan_practice(number: int, devices: int, *, now: datetime, seed: str = "vigie") -> PracticePlan:
    """Plan one practice by its number, without planning those before it."""
    dice = Random(f"{seed}:{number}")  # noqa: S311 - a plausible fleet, not a secret
    scenario = HEALTHY if number % 2 == 0 else SCENARIOS[_STORIES[number // 2 % len(_STORIES)]]
    profession, name = _name(number)
    city, time_zone = _OVERSEAS.get(number, (dice.choice(_CITIES), "Europe/Paris"))
    joined_at = now - (_NEW_SINCE if scenario.name == "new_practice" else _JOINED_BEFORE)
    joined_at = joined_at.replace(minute=number % 60, second=0, microsecond=0)
    plan = PracticePlan(
        number=number,
        name=name,
        profession=profession,
        city=city,
        time_zone=time_zone,
        siret=_with_luhn_key(f"000{dice.randrange(10**6):06d}0001") if dice.random() < 0.7 else None,  # noqa: PLR2004
        finess=_with_luhn_key(f"000{dice.randrange(10**5):05d}") if dice.random() < 0.3 else None,  # noqa: PLR2004
        scenario=scenario,
        began_at=(now - scenario.began).replace(microsecond=0),
        joined_at=joined_at,
        machines=_machines(scenario, devices, joined_at, ZoneInfo(time_zone), dice),
        seed=seed,
    )
    if scenario is HEALTHY:
        return plan
    habits = choose_habits(plan.machines, Random(f"{seed}:{number}:habits"))  # noqa: S311 - as above
    shared = zip(plan.machines, habits, strict=True)
    return replace(plan, machines=tuple(replace(machine, habits=names) for machine, names in shared))


def _name(number: int) -> tuple[str, str]:
    """Return profession and name: the lists share no divisor, so that all combinations pass before one comes back."""
    profession, title = _PROFESSIONS[number % len(_PROFESSIONS)]
    place = _PLACES[number * 3 % len(_PLACES)]
    again = number // (len(_PROFESSIONS) * len(_PLACES))
    return profession, f"{title} {place}" + (f" {again + 1}" if again else "")


def _machines(scenario: Scenario, count: int, joined_at: datetime, zone: ZoneInfo, dice: Random) -> tuple[Machine, ...]:
    """Choose the machines: one that keeps the data and is backed up, then workstations."""
    if scenario.name == "end_of_support":
        kinds = [_OLD_MACHINES[place % len(_OLD_MACHINES)] for place in range(count)]
    else:
        first = dice.choice(_SERVERS) if count > 1 else "windows_11_25h2"
        kinds = [first, *(dice.choice(_WORKSTATIONS) for _ in range(count - 1))]
    backed_up_since = joined_at if scenario.name == "new_practice" else joined_at - timedelta(days=400)
    offset = joined_at.astimezone(zone).utcoffset() or timedelta()
    aliases: dict[str, int] = {}
    machines = []
    for place, kind in enumerate(kinds):
        profile = PROFILES[kind]
        stem = profile.aliases[place % len(profile.aliases)]
        aliases[stem] = aliases.get(stem, 0) + 1
        machines.append(
            _machine(
                profile,
                f"{stem}-{aliases[stem]}",
                joined_at=joined_at,
                backed_up_since=backed_up_since,
                midnight_s=-int(offset.total_seconds()),
                alone=count == 1,
                dice=dice,
            )
        )
    return tuple(machines)


def _machine(
    profile: Profile,
    alias: str,
    *,
    joined_at: datetime,
    backed_up_since: datetime,
    midnight_s: int,
    alone: bool,
    dice: Random,
) -> Machine:
    """Give a machine its own numbers; backups end between one and five in the practice's night."""
    total = (
        dice.choice((237, 465, 476, 931)) if profile.role not in {"server", "nas"} else dice.choice((931, 1862, 3725))
    )
    return Machine(
        profile=profile,
        alias=alias,
        number=dice.randrange(10**6),
        joined_at=joined_at,
        backed_up_since=backed_up_since,
        search_second=(midnight_s + 12 * 3600 + dice.randrange(5 * 3600)) % 86400,
        backup_second=(midnight_s + 3600 + dice.randrange(4 * 3600)) % 86400,
        patch_lag_days=1 if profile.rhythm == "weekly" else dice.randrange(2, 10),
        total_gib=total,
        free_gib=total * dice.randrange(35, 75) // 100,
        jobs=(OFFSITE_RESTIC,) if alone and not profile.jobs else profile.jobs,
    )


def _with_luhn_key(digits: str) -> str:
    """Append the digit that makes a number pass the Luhn check."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the sum of two digits
    return f"{digits}{-total % 10}"
