"""The fleet goes on living over HTTP, a little faster than life, and something happens every minute."""

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from vigie.simulator.device import VirtualDevice
from vigie.simulator.drive import Pace, drive, open_http
from vigie.simulator.fleet import PracticePlan
from vigie.simulator.scenarios import HEALTHY, SCENARIOS

SPEED = 60.0  # an hour of waiting becomes a minute; clocks stay true
_EVERY_S = 45
_STORIES = {
    "patch_drift": "les correctifs ne s'installent plus",
    "backup_quietly_failing": "la sauvegarde échoue sans bruit",
    "disk_filling": "le disque se remplit",
    "reboot_pending": "un redémarrage attend depuis des jours",
    "unreadable_backup": "le dépôt de sauvegarde ne se lit plus",
}


async def live(
    base_url: str, fleet: Sequence[tuple[PracticePlan, VirtualDevice]], stop: asyncio.Event, tell: Callable[[str], None]
) -> None:
    """Let the fleet report until `stop` is set."""
    async with open_http(16) as http, asyncio.TaskGroup() as group:
        devices = [(device, "") for _, device in fleet]
        group.create_task(drive(base_url, devices, http=http, pace=Pace(speed=SPEED, connections=16), stop=stop))
        group.create_task(_happenings(fleet, stop, tell))


async def _happenings(
    fleet: Sequence[tuple[PracticePlan, VirtualDevice]], stop: asyncio.Event, tell: Callable[[str], None]
) -> None:
    """Break something, later mend it: each turn one device of a practice that was in order, or one that was broken here."""
    dice = random.Random(datetime.now(UTC).timestamp())  # noqa: S311 - a story, not a secret
    sound = [pair for pair in fleet if pair[0].scenario is HEALTHY and _tells_stories(pair[1])]
    broken: list[tuple[PracticePlan, VirtualDevice]] = []
    while not stop.is_set():
        now = datetime.now(UTC)
        if len(broken) >= 4 or (broken and dice.random() < 0.4):  # noqa: PLR2004 - about as much mended as broken
            plan, device = broken.pop(0)
            device.befall(HEALTHY, now, now)
            tell(f"{plan.name} · {device.machine.alias} : réparé")
            sound.append((plan, device))
        elif sound:
            plan, device = sound.pop(dice.randrange(len(sound)))
            story = dice.choice(list(_STORIES))
            scenario = SCENARIOS[story]
            device.befall(scenario, now - scenario.began, now)
            tell(f"{plan.name} · {device.machine.alias} : {_STORIES[story]}")
            broken.append((plan, device))
        try:
            await asyncio.wait_for(stop.wait(), _EVERY_S)
        except TimeoutError:
            continue


def _tells_stories(device: VirtualDevice) -> bool:
    return device.machine.profile.role == "server"
