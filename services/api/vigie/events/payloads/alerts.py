"""What happens to alerts, and to what decides about them."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from vigie.events.payloads.base import ByCaller, Payload

Cause = Literal[
    "line", "silent", "machine_off", "agent", "backup", "protection", "patch", "clone", "renewal", "opening"
]


class _OfAlert(Payload):
    alert_id: UUID
    cause: Cause
    severity: Literal["critical", "warning", "info"]


class _Course(_OfAlert):
    members: list[str] = Field(description="Ids of the devices, or of the controls, that the alert is about now.")


class AlertOpened(_Course):
    """Something needs a person to look at it: one alert per practice and cause."""

    kind: ClassVar[str] = "alert.opened"


class AlertUpdated(_Course):
    """What an alert is about, or how grave it is, changed; or its snooze ended."""

    kind: ClassVar[str] = "alert.updated"


class AlertEscalated(_Course):
    """Nobody acknowledged an alert in time: the next ones on the ladder were told."""

    kind: ClassVar[str] = "alert.escalated"

    step: int


class AlertReopened(_Course):
    """What an alert was about came back soon, or more came to what somebody had resolved."""

    kind: ClassVar[str] = "alert.reopened"


class AlertClosed(_Course):
    """What an alert was about has been gone for long enough."""

    kind: ClassVar[str] = "alert.closed"


class _ActedUpon(_OfAlert, ByCaller):
    pass


class AlertAcknowledged(_ActedUpon):
    """Somebody looks after an alert: nobody else is told."""

    kind: ClassVar[str] = "alert.acknowledged"


class AlertAssigned(_ActedUpon):
    """An alert was given to somebody, or (`assignee` null) to nobody."""

    kind: ClassVar[str] = "alert.assigned"

    assignee: UUID | None


class AlertSnoozed(_ActedUpon):
    """An alert is silent until an instant."""

    kind: ClassVar[str] = "alert.snoozed"

    until: AwareDatetime


class AlertCommented(_ActedUpon):
    """Somebody wrote something about an alert; what it is stands in the alert."""

    kind: ClassVar[str] = "alert.commented"


class AlertResolved(_ActedUpon):
    """Somebody says that an alert is dealt with; why stands in the alert."""

    kind: ClassVar[str] = "alert.resolved"


class AlertingPolicyActivated(ByCaller):
    """Another policy of alerting applies from now on."""

    kind: ClassVar[str] = "alerting_policy.activated"

    revision: int


class _OfWindow(ByCaller):
    window: UUID


class MaintenanceWindowCreated(_OfWindow):
    """Work was announced: of a practice or a device, or of the whole provider when no practice is named."""

    kind: ClassVar[str] = "maintenance_window.created"


class MaintenanceWindowEnded(_OfWindow):
    """Announced work was called off, or ended before its time."""

    kind: ClassVar[str] = "maintenance_window.ended"
