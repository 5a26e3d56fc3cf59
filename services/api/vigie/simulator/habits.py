"""Bad habits: what has long been wrong with the protection of a machine, beside the story that it lives through."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from vigie.simulator.machines import Facts, Machine

_USUAL = (0, 1, 1, 2, 3)
"""How many habits a practice has; most have one or two."""


@dataclass(frozen=True, slots=True)
class Habit:
    """One habit: the machines it is found on, what it changes about their facts, and whether all of them share it."""

    fits: Callable[[Machine], bool]
    shape: Callable[[Facts], None]
    everywhere: bool = False


def _windows(machine: Machine) -> bool:
    return machine.profile.family == "windows"


def _desk(machine: Machine) -> bool:
    return machine.profile.role == "workstation"


def _windows_server(machine: Machine) -> bool:
    return _windows(machine) and machine.profile.role == "server"


def _laptop(machine: Machine) -> bool:
    return machine.profile.role == "laptop"


def _open_disk(facts: Facts) -> None:
    for volume in facts["encryption"]["data"]["volumes"]:
        volume.update(state="off", method="none", protectors=[])


def _remote_desktop(facts: Facts) -> None:
    data = facts["exposure"]["data"]
    data["rdp"]["enabled"] = "yes"
    data["ports"]["watched"] = [*data["ports"]["watched"], 3389]


def _unauthenticated_desktop(facts: Facts) -> None:
    _remote_desktop(facts)
    facts["exposure"]["data"]["rdp"]["nla"] = "no"


def _remote_tool(facts: Facts) -> None:
    facts["exposure"]["data"]["remote_tools"] = ["anydesk", "teamviewer"]


def _share_for_all(facts: Facts) -> None:
    facts["exposure"]["data"]["shares"] = {"count": 4, "everyone_write": "yes"}


def _late_lock(facts: Facts) -> None:
    facts["screen_lock"]["data"].update(
        machine_timeout_s=1800, users={"seen": 1, "compliant": 0, "no_password": 0}, effective="weak"
    )


def _no_lock(facts: Facts) -> None:
    facts["screen_lock"]["data"].update(
        machine_timeout_s=None,
        machine_policy="no",
        users={"seen": 2, "compliant": 0, "no_password": 0},
        effective="weak",
    )


def _short_passwords(facts: Facts) -> None:
    facts["accounts"]["data"]["policy"].update(min_length=6, complexity="no", lockout_threshold=0)


def _opens_by_itself(facts: Facts) -> None:
    facts["accounts"]["data"]["autologon"] = "yes_clear_text"


def _works_as_administrator(facts: Facts) -> None:
    data = facts["accounts"]["data"]
    data["daily_user_is_admin"] = "yes"
    data["admins"]["local"] = 3


def _somebody_left(facts: Facts) -> None:
    facts["accounts"]["data"]["sign_ins"] = {"accounts": 4, "unseen": 0, "longest_idle_days": 260}


def _never_used(facts: Facts) -> None:
    facts["accounts"]["data"]["sign_ins"] = {"accounts": 3, "unseen": 1, "longest_idle_days": 20}


def _home_firewall_off(facts: Facts) -> None:
    for profile in facts["firewall"]["data"]["profiles"]:
        if profile["name"] == "private":
            profile["enabled"] = "no"


def _drive_left_out(facts: Facts) -> None:
    facts["antivirus"]["data"]["exclusions"]["whole_drive"] = "yes"


HABITS: Mapping[str, Habit] = {
    "open_disk": Habit(_laptop, _open_disk),
    "open_disk_of_a_desk": Habit(lambda machine: _windows(machine) and _desk(machine), _open_disk),
    "remote_desktop": Habit(_windows_server, _remote_desktop),
    "unauthenticated_desktop": Habit(_windows_server, _unauthenticated_desktop),
    "remote_tool": Habit(_windows, _remote_tool, everywhere=True),
    "share_for_all": Habit(_windows_server, _share_for_all),
    "late_lock": Habit(lambda machine: _windows(machine) and _desk(machine), _late_lock, everywhere=True),
    "no_lock": Habit(lambda machine: _windows(machine) and _desk(machine), _no_lock),
    "short_passwords": Habit(_windows, _short_passwords, everywhere=True),
    "opens_by_itself": Habit(lambda machine: _windows(machine) and _desk(machine), _opens_by_itself),
    "works_as_administrator": Habit(lambda machine: _windows(machine) and _desk(machine), _works_as_administrator),
    "somebody_left": Habit(_windows, _somebody_left),
    "never_used": Habit(_windows, _never_used),
    "firewall_off_at_home": Habit(_windows, _home_firewall_off),
    "drive_left_out": Habit(_windows, _drive_left_out),
}
"""By name."""


def choose_habits(machines: tuple[Machine, ...], dice: Random) -> list[tuple[str, ...]]:
    """Return the habits of each machine of a practice that is not in order."""
    chosen: list[list[str]] = [[] for _ in machines]
    for name in dice.sample(sorted(HABITS), dice.choice(_USUAL)):
        habit = HABITS[name]
        fitting = [place for place, machine in enumerate(machines) if habit.fits(machine)]
        if fitting:
            for place in fitting if habit.everywhere else [dice.choice(fitting)]:
                chosen[place].append(name)
    return [tuple(names) for names in chosen]


def show_habits(machine: Machine, facts: Facts) -> None:
    """Change the facts of a machine in order by its habits."""
    for name in machine.habits:
        HABITS[name].shape(facts)
