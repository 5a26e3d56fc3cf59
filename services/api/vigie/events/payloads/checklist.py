"""What people say and keep: attestations, actions, questionnaires, suppliers and their records."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from vigie.events.payloads.base import ByCaller, Payload

Side = Literal["provider", "practice"]


class AttestationGiven(ByCaller):
    """Somebody answered a control."""

    kind: ClassVar[str] = "attestation.given"

    attestation: UUID
    control: str
    answer: Literal["yes", "no", "not_applicable"]
    side: Side


class _AttestationEnds(Payload):
    attestation: UUID
    control: str
    expires_on: date
    at: AwareDatetime


class AttestationExpiring(_AttestationEnds):
    """An answer will soon have to be given again."""

    kind: ClassVar[str] = "attestation.expiring"


class AttestationExpired(_AttestationEnds):
    """An answer counts no longer: it has to be given again."""

    kind: ClassVar[str] = "attestation.expired"


class EvidenceAdded(ByCaller):
    """A file was kept as evidence."""

    kind: ClassVar[str] = "evidence.added"

    evidence: UUID
    media_type: str


class ActionOpened(ByCaller):
    """A "no" opened an action."""

    kind: ClassVar[str] = "action.opened"

    action: UUID
    control: str
    due_on: date


class ActionChanged(ByCaller):
    """Owner, due date, status or comment of an action were changed."""

    kind: ClassVar[str] = "action.changed"

    action: UUID
    control: str
    fields: list[str]
    status: Literal["open", "done", "dropped"]


class ActionClosed(ByCaller):
    """Another answer closed an action."""

    kind: ClassVar[str] = "action.closed"

    action: UUID
    control: str
    status: Literal["done"]
    answer: UUID = Field(description="The attestation that closed it.")


class SupplierChanged(ByCaller):
    """A supplier, its certificates or the list of a practice's suppliers were changed."""

    kind: ClassVar[str] = "supplier.changed"

    change: str
    supplier: UUID | None = None


class ContractChanged(ByCaller):
    """A contract was added, changed or closed."""

    kind: ClassVar[str] = "contract.changed"

    contract: UUID
    supplier: UUID
    change: Literal["added", "changed", "closed"]
    ends_on: date | None
    fields: list[str] | None = None


class ContactsChanged(ByCaller):
    """The contacts for an incident were changed."""

    kind: ClassVar[str] = "contacts.changed"


class ContactsConfirmed(ByCaller):
    """Somebody said that the contacts for an incident are right."""

    kind: ClassVar[str] = "contacts.confirmed"


class RestoreTestRecorded(ByCaller):
    """A restore test was recorded."""

    kind: ClassVar[str] = "restore_test.recorded"

    restore_test: UUID
    tested_on: date
    result: str


class _OfQuestionnaire(ByCaller):
    questionnaire: UUID
    supplier: UUID
    questionnaire_kind: int = Field(alias="kind", ge=1, le=4)
    revision: int


class QuestionnaireSigned(_OfQuestionnaire):
    """A supplier's questionnaire was signed by one of its parties."""

    kind: ClassVar[str] = "questionnaire.signed"

    party: Literal["supplier", "practitioner"]
    content_hash: str
    way: Literal["session", "recorded"]
    status: Literal["signed_by_supplier", "signed"]


class QuestionnaireReopened(_OfQuestionnaire):
    """Answers of a signed questionnaire turned, and its signatures hold no longer."""

    kind: ClassVar[str] = "questionnaire.reopened"

    questions: list[str]
