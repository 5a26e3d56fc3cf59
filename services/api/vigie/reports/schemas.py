"""Wire shapes of reports, their schedule, and what the verification page tells a program."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from vigie.core.wire import Instant
from vigie.reports.rules import LAST_DAY

Language = Literal["fr", "en"]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewReport(_Asked):
    """A report to make. Days are those of the practice's time zone; without any, the last thirty."""

    period_from: date | None = None
    period_to: date | None = None
    language: Language = "fr"


class ReportOut(BaseModel):
    """A report as it was issued. `sha256`: of the file; `content_sha256`: of what it says, printed on it.

    `origin`: somebody asked for it (`made_by`, `made_by_name`), or the schedule did.
    """

    id: UUID
    practice_id: UUID
    number: str
    language: Language
    origin: Literal["request", "schedule"]
    period_from: date
    period_to: date
    as_of: Instant
    issued_on: date
    made_by: str | None
    made_by_name: str | None
    sha256: str
    content_sha256: str
    size: int
    address: str


class CurrentQuery(_Asked):
    """In which language the report is written."""

    language: Language = "fr"


class NewSchedule(_Asked):
    """When reports are made by themselves: at eight in the morning of a day of each month, over the month before.

    Told of it are one channel, members, or both; a member hears of practices they see only.
    """

    enabled: bool = True
    day: Annotated[int, Field(ge=1, le=LAST_DAY)] = 1
    language: Language = "fr"
    channel_id: UUID | None = None
    members: Annotated[list[UUID], Field(max_length=20)] = []


class ScheduleOut(BaseModel):
    """The schedule that stands; `set`: false when nobody has set one. `next_at`: when the next report is due."""

    practice_id: UUID | None
    set: bool
    enabled: bool
    day: int
    language: Language
    channel_id: UUID | None
    members: list[UUID]
    next_at: Instant | None
    changed_at: Instant | None


class LogoOut(BaseModel):
    """The logo on the provider's reports."""

    width: int
    height: int
    size: int
    sha256: str
    changed_at: Instant


class FileToVerify(_Asked):
    """The SHA-256 of a file, lower-case hexadecimal: the file itself never leaves the machine it is on."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class VerificationOut(BaseModel):
    """Whether a report is valid, its number and its date; no more is told to anybody.

    `checked`: the record alone, or the file against it.
    """

    valid: bool
    checked: Literal["record", "file"]
    number: str | None
    issued_on: date | None
