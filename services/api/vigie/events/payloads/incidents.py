"""What happens in incidents: never what was written, only that it was."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from vigie.events.payloads.base import ByCaller


class _OfIncident(ByCaller):
    incident: UUID


class IncidentDeclared(_OfIncident):
    """Somebody declared an attack or a breach at a practice."""

    kind: ClassVar[str] = "incident.declared"

    incident_kind: Literal["ransomware", "intrusion", "phishing", "data_leak", "theft_or_loss", "outage", "other"]
    known_at: AwareDatetime = Field(description="When it became known: both clocks of 72 hours count from then.")


class IncidentStep(_OfIncident):
    """A reflex step of an incident was ticked, or unticked."""

    kind: ClassVar[str] = "incident.step"

    step: str
    done: bool


class IncidentLogged(_OfIncident):
    """Somebody wrote into the log of an incident; what it is stands in the log."""

    kind: ClassVar[str] = "incident.logged"

    entry: UUID


class IncidentNotified(_OfIncident):
    """The complaint or the notification to the CNIL was made, or somebody decided that none is due."""

    kind: ClassVar[str] = "incident.notified"

    clock: Literal["complaint", "cnil"]
    outcome: Literal["done", "not_required"]
    done_at: AwareDatetime


class IncidentFrozen(_OfIncident):
    """The evidence of an incident was put into a sealed archive."""

    kind: ClassVar[str] = "incident.frozen"

    sha256: str = Field(description="Of the archive, in hexadecimal.")
    size: int


class IncidentClosed(_OfIncident):
    """An incident was closed with its lessons."""

    kind: ClassVar[str] = "incident.closed"
