"""What happens to devices."""

from typing import ClassVar, Literal
from uuid import UUID

from vigie.events.payloads.base import ByCaller, Payload


class DeviceEnrolled(Payload):
    """A device joined a practice; `pending` until somebody approves it, where the practice asks for that."""

    kind: ClassVar[str] = "device.enrolled"

    token: UUID
    status: Literal["active", "pending"]
    alias: str
    family: str


class DeviceReenrolled(Payload):
    """A known machine enrolled again: the same device with another key."""

    kind: ClassVar[str] = "device.reenrolled"

    token: UUID
    key_generation: int


class DeviceApproved(ByCaller):
    """A pending device was approved and counts from now on."""

    kind: ClassVar[str] = "device.approved"


class DeviceChanged(ByCaller):
    """Alias or role of a device were changed."""

    kind: ClassVar[str] = "device.changed"

    fields: list[str]


class DeviceRevoked(ByCaller):
    """A device was turned away for good."""

    kind: ClassVar[str] = "device.revoked"


class DeviceCloneCleared(ByCaller):
    """Somebody has looked: one machine has the identity of a device."""

    kind: ClassVar[str] = "device.clone_cleared"


class DeviceCloneSuspect(Payload):
    """Two machines may be sharing the identity of a device."""

    kind: ClassVar[str] = "device.clone_suspect"

    sign: Literal["machine_hint_of_a_living_device", "boot_ref_returned"]
