"""Wire shapes of the audit."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vigie.audit.actions import Action
from vigie.core.pagination import PageQuery
from vigie.core.wire import Instant

Identifier = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]


class AuditQuery(PageQuery):
    """Filters of the audit; several together must all hold."""

    actor: Identifier | None = Field(None, description="Id of the member, partner client or device who acted.")
    action: Action | None = Field(None, description="What was done or refused.")
    object: Identifier | None = Field(None, description="Id of what it was done to.")
    practice: UUID | None = Field(None, description="Practice that it concerned.")
    outcome: Literal["done", "refused"] | None = Field(None, description="Whether it was done or refused.")
    since: AwareDatetime | None = Field(None, alias="from", description="Not before this instant.")
    until: AwareDatetime | None = Field(None, alias="to", description="Before this instant.")


class ExportQuery(BaseModel):
    """How much of the audit to export."""

    model_config = ConfigDict(extra="forbid")

    first: int = Field(1, alias="from", ge=1, lt=2**63, description="Number of the first entry to export.")


class ActorOut(BaseModel):
    """Who acted, and in which role."""

    kind: str
    id: str | None
    name: str | None
    role: str | None


class ObjectOut(BaseModel):
    """What it was done to."""

    kind: str | None
    id: str | None


class AuditEntryOut(BaseModel):
    """One thing somebody did, or was refused."""

    number: int
    at: Instant
    actor: ActorOut
    action: str
    object: ObjectOut
    practice_id: UUID | None
    address: str | None
    outcome: str
    code: str | None = Field(description="Code of the refusal.")
    details: dict[str, Any]
    hash: str = Field(description="Hash of this entry over the one before, in hexadecimal.")
