"""Wire shapes of the records of a practice: suppliers, contracts, certificates, contacts, restore tests."""

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vigie.checklist.record_models import ContactKind, Referential, RestoreResult, Service, SupplierKind
from vigie.core.pagination import PageQuery
from vigie.core.sentences import BadValueError
from vigie.core.wire import Instant, refuse_emptied
from vigie.practices.schemas import Siret

_LINE = r"^[^\x00-\x1f\x7f]+$"
_Line = StringConstraints(strip_whitespace=True, min_length=1, pattern=_LINE)
_FIRST_DAY, _LAST_DAY = date(1990, 1, 1), date(2100, 12, 31)


def _distinct(values: list[int]) -> list[int]:
    if len(set(values)) != len(values):
        raise BadValueError("each at most once", "Chacun une fois au plus.")
    return sorted(values)


def _distinct_services(values: list[Service]) -> list[Service]:
    if len(set(values)) != len(values):
        raise BadValueError("each at most once", "Chacun une fois au plus.")
    return sorted(values)


Name = Annotated[str, _Line, Field(max_length=120)]
Subject = Annotated[str, _Line, Field(max_length=160)]
Reference = Annotated[str, _Line, Field(max_length=80)]
EvidenceRef = Annotated[
    str, _Line, Field(max_length=200, description="Where the document is kept, such as a file name.")
]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9](?:[0-9 .()-]{0,22}[0-9])$")]
Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Website = Annotated[str, StringConstraints(max_length=200, pattern=r"^https?://[\x21-\x7e]+$")]
Day = Annotated[date, Field(ge=_FIRST_DAY, le=_LAST_DAY)]
Activity = Annotated[int, Field(ge=1, le=6)]
Activities = Annotated[
    list[Activity],
    Field(max_length=6, description="Of the six certified activities of hosting health data, by their number."),
    AfterValidator(_distinct),
]
Services = Annotated[list[Service], Field(max_length=3), AfterValidator(_distinct_services)]
Questionnaire = Literal[1, 2, 3, 4]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewSupplier(_Body):
    """A supplier to add."""

    name: Name
    kind: SupplierKind
    security_contact: Subject | None = Field(None, description="A function, a name or an address to write to.")
    emergency_phone: Phone | None = None
    website: Website | None = None
    siret: Siret | None = None


class SupplierPatch(_Body):
    """What to change; a field that is absent stays, null empties it where the field may be empty."""

    name: Name | None = None
    kind: SupplierKind | None = None
    security_contact: Subject | None = None
    emergency_phone: Phone | None = None
    website: Website | None = None
    siret: Siret | None = None

    @model_validator(mode="after")
    def _required_stay(self) -> Self:
        refuse_emptied(self, "name", "kind")
        return self


class SupplierOut(BaseModel):
    """A supplier. `own`: the provider itself. `practice_id`: the one practice that added it for itself; null: the provider's.

    The instants are null for the provider itself as long as nothing was recorded of it.
    """

    id: UUID
    own: bool
    practice_id: UUID | None
    name: str
    kind: str
    security_contact: str | None
    emergency_phone: str | None
    website: str | None
    siret: str | None
    created_at: Instant | None
    updated_at: Instant | None


class SupplierQuery(PageQuery):
    """Filters of the list of suppliers."""

    kind: SupplierKind | None = None


class SupplierUse(_Body):
    """What a practice uses a supplier for. Whoever holds its health data outside hosts them, and can name the activities."""

    services: Services = Field(
        [], description="Decides which questionnaires beside the general one concern the supplier."
    )
    hosts_health_data: bool = False
    hds_activities: Activities = []

    @model_validator(mode="after")
    def _hosts(self) -> Self:
        if self.hosts_health_data and "hosting" not in self.services:
            raise BadValueError(
                "who holds health data has `hosting` among the services",
                "Qui détient des données de santé a l'hébergement (hosting) parmi ses services.",
            )
        if self.hds_activities and not self.hosts_health_data:
            raise BadValueError(
                "activities go with hosts_health_data",
                "Les activités certifiées ne se disent que d'un hébergeur de données de santé.",
            )
        return self


class NewPracticeSupplier(NewSupplier, SupplierUse):
    """A supplier of one practice only, and what it is used for."""


class PracticeSupplierOut(SupplierOut):
    """A supplier as a practice uses it. `questionnaires`: the numbers of those that concern it there."""

    services: list[Service]
    hosts_health_data: bool
    hds_activities: list[int]
    questionnaires: list[Questionnaire]
    listed_at: Instant
    use_changed_at: Instant


class SupplierListOut(BaseModel):
    """The suppliers of a practice. `confirmed_at` null: nobody said that these are all of them, or one was taken off since."""

    confirmed_at: Instant | None
    confirmed_by: str | None
    items: list[PracticeSupplierOut]


class NewCertificate(_Body):
    """An HDS certificate of a supplier."""

    number: Reference
    activities: Annotated[Activities, Field(min_length=1)]
    referential: Referential
    expires_on: Day = Field(description="The last day on which it counts.")
    evidence_ref: EvidenceRef | None = None


class CertificateOut(BaseModel):
    """An HDS certificate. One that was withdrawn is kept and decides nothing any more."""

    id: UUID
    supplier_id: UUID
    number: str
    activities: list[int]
    referential: str
    expires_on: date
    evidence_ref: str | None
    created_at: Instant
    withdrawn_at: Instant | None


class _ContractTerms(_Body):
    reference: Reference | None = None
    starts_on: Day | None = None
    ends_on: Day | None = Field(None, description="The last day; null: it runs until somebody gives notice.")
    auto_renewal: bool = False
    art28: bool | None = Field(
        None, description="Whether it has the clauses of article 28 of the GDPR; null: not looked."
    )
    reversibility: bool | None = Field(None, description="Whether it says how data are returned and erased at its end.")
    evidence_ref: EvidenceRef | None = None


class NewContract(_ContractTerms):
    """A contract of a practice with one of its suppliers."""

    supplier_id: UUID
    subject: Subject

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        fault = fault_of_terms(self.starts_on, self.ends_on, auto_renewal=self.auto_renewal)
        if fault is not None:
            raise BadValueError(*fault[1:])
        return self


class ContractPatch(_ContractTerms):
    """What to change; a field that is absent stays, null empties it where the field may be empty."""

    subject: Subject | None = None

    @model_validator(mode="after")
    def _required_stay(self) -> Self:
        refuse_emptied(self, "subject")
        return self


class ContractOut(BaseModel):
    """A contract. One that was closed is kept and decides nothing any more."""

    id: UUID
    supplier_id: UUID
    reference: str | None
    subject: str
    starts_on: date | None
    ends_on: date | None
    auto_renewal: bool
    art28: bool | None
    reversibility: bool | None
    evidence_ref: str | None
    created_at: Instant
    updated_at: Instant
    closed_at: Instant | None


class ContractQuery(PageQuery):
    """Filters of the list of contracts."""

    status: Literal["open", "closed"] | None = None


class Contact(BaseModel):
    """Whom to call: a name or a function, never a patient. Only what is printed on a card by the telephone."""

    model_config = ConfigDict(extra="forbid")

    kind: ContactKind
    name: Name = Field(description="A name or a function: of the company, the insurer, the person in charge.")
    phone: Phone | None = None
    email: Email | None = None
    policy_number: Annotated[str, _Line, Field(max_length=60)] | None = Field(None, description="Of an insurer only.")

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.phone is None and self.email is None:
            raise BadValueError(
                "a contact has a telephone number or an address", "Un contact a un téléphone ou une adresse."
            )
        if self.policy_number is not None and self.kind != "insurer":
            raise BadValueError("only an insurer has a policy number", "Seul un assureur a un numéro de contrat.")
        return self


class NewContacts(_Body):
    """The whole list, in the order in which the card shows it; what was there before is replaced."""

    contacts: Annotated[list[Contact], Field(max_length=30)]


class ContactOut(BaseModel):
    """Whom to call, as the card shows it."""

    model_config = ConfigDict(from_attributes=True)

    kind: ContactKind
    name: str
    phone: str | None
    email: str | None
    policy_number: str | None


class ContactsOut(BaseModel):
    """The contacts of the incident card. `missing`: kinds of which nobody can be telephoned, and who have to stand on it."""

    contacts: list[ContactOut]
    required: list[ContactKind]
    missing: list[ContactKind]
    confirmed_at: Instant | None
    confirmed_by: str | None


class NewRestoreTest(_Body):
    """A restore that somebody tried. `partial`: some of the data could not be used, which counts as a failure."""

    tested_on: Day
    scope: Subject = Field(description="What was restored, such as the database of the practice software.")
    result: RestoreResult
    minutes: Annotated[int, Field(ge=1, le=20_160)] | None = Field(None, description="How long it took, in minutes.")
    device_id: UUID | None = Field(None, description="The device whose copy was tried, of this practice.")
    tested_by: Name
    evidence_ref: EvidenceRef | None = None


class RestoreTestOut(BaseModel):
    """A restore test on record; it is never changed and never removed."""

    id: UUID
    tested_on: date
    scope: str
    result: str
    minutes: int | None
    device_id: UUID | None
    tested_by: str
    evidence_ref: str | None
    recorded_at: Instant
    recorded_by: str


def fault_of_terms(starts_on: date | None, ends_on: date | None, *, auto_renewal: bool) -> tuple[str, str, str] | None:
    """Return the field and the reason why a contract cannot run like this, in both languages; None when it can."""
    if starts_on is not None and ends_on is not None and ends_on < starts_on:
        return "ends_on", "a contract ends on the day it starts or later", "Un contrat finit après son début."
    if auto_renewal and ends_on is None:
        return "auto_renewal", "only a contract with an end renews itself", "Sans fin, rien ne se reconduit."
    return None
