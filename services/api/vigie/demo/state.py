"""What the demo remembers between two starts, so that the second goes on where the first ended."""

from datetime import datetime
from pathlib import Path

import orjson
from pydantic import BaseModel

from vigie.core.clock import wire_time
from vigie.runtime import write_private
from vigie.simulator.device import VirtualDevice
from vigie.simulator.fleet import PracticePlan, plan_fleet

PRACTICES = 40
DEVICES = 4
SEED = "vigie-demo"


class DemoState(BaseModel):
    """Who the demo's provider is, and which device of the plan got which id."""

    anchor: datetime
    provider_id: str
    client_id: str
    client_secret: str
    devices: dict[str, str]

    @classmethod
    def load(cls, data_dir: Path) -> "DemoState | None":
        """Return what an earlier start left, if it got to the end of its history."""
        path = data_dir / "demo-state.json"
        return cls.model_validate_json(path.read_bytes()) if path.exists() else None

    def save(self, data_dir: Path) -> None:
        """Keep it, readable by its owner only."""
        write_private(data_dir / "demo-state.json", self.model_dump_json().encode())

    def fleet(self) -> list[tuple[PracticePlan, VirtualDevice]]:
        """Return the fleet of the plan with the identities that enrolment gave."""
        found = []
        for key, plan, device in planned_devices(self.anchor):
            if key in self.devices:
                device.enrolled({"provider_id": self.provider_id, "device_id": self.devices[key]})
                found.append((plan, device))
        return found


def planned_devices(anchor: datetime) -> list[tuple[str, PracticePlan, VirtualDevice]]:
    """Return every device of the demo's plan with its place in it; the same anchor gives the same fleet."""
    return [
        (f"{plan.number}:{place}", plan, device)
        for plan in plan_fleet(PRACTICES, DEVICES, now=anchor, seed=SEED)
        for place, device in enumerate(plan.devices())
    ]


def write_demo_file(data_dir: Path, state: DemoState, base_url: str, pid: int) -> None:
    """Write `demo.json`, for scripts: where the demo answers and as whom one may ask."""
    content = {
        "base_url": base_url,
        "client_id": state.client_id,
        "client_secret": state.client_secret,
        "pid": pid,
        "started_from": wire_time(state.anchor),
    }
    write_private(data_dir / "demo.json", orjson.dumps(content, option=orjson.OPT_INDENT_2))
