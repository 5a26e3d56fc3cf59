"""Wire shapes of what changed thresholds would turn."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

StateName = Literal["pass", "warn", "fail", "unknown", "not_applicable"]


class DevicesTurn(BaseModel):
    """How many devices would go from one state to another."""

    model_config = ConfigDict(populate_by_name=True)

    before: Annotated[StateName, Field(alias="from")]
    after: Annotated[StateName, Field(alias="to")]
    devices: int


class ControlTurn(BaseModel):
    """A control that would turn: on how many devices from what to what, in how many practices."""

    control: str
    practices: int
    devices: list[DevicesTurn]


class Turn(BaseModel):
    """A control of a practice: its state from its devices before and after, and the devices that turn (twenty at most)."""

    model_config = ConfigDict(populate_by_name=True)

    control: str
    before: Annotated[StateName, Field(alias="from")]
    after: Annotated[StateName, Field(alias="to")]
    devices: list[UUID]


class PracticeTurn(BaseModel):
    """A practice in which something would turn."""

    practice_id: UUID
    controls: list[Turn]


class PolicyPreview(BaseModel):
    """What would turn. `complete`: false when there are more devices than are judged for a preview.

    `controls_judged`: the controls of devices that the changed thresholds concern. Records (contacts, contracts,
    questionnaires) and the inventory are not judged for a preview.
    """

    complete: bool
    controls_judged: list[str]
    devices_judged: int
    controls: list[ControlTurn]
    practices_changing: int
    practices: list[PracticeTurn]
