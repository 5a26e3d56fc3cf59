"""What happens to evidence reports."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from vigie.events.payloads.base import Payload


class ReportIssued(Payload):
    """An evidence report was made: it is numbered, kept, and can be verified by whoever holds it."""

    kind: ClassVar[str] = "report.issued"

    report: UUID
    number: str
    period_from: date
    period_to: date
    origin: Literal["request", "schedule"]
    by: str | None = Field(description="The member or the partner client that asked for it; null: the schedule did.")
