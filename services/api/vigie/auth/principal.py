"""Who is calling, and what they may do. Pure: no framework, no database."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID


class Permission(StrEnum):
    """What a route may ask for; those of `SCOPES` can be granted to partner clients."""

    SELF = "self"  # everybody who is signed in: who am I, my own sessions
    PRACTICES_READ = "practices:read"
    PRACTICES_WRITE = "practices:write"
    DEVICES_READ = "devices:read"
    DEVICES_WRITE = "devices:write"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    CLIENTS_READ = "clients:read"
    CLIENTS_WRITE = "clients:write"
    IDENTITY_WRITE = "identity:write"
    AUDIT_READ = "audit:read"
    CHECKLIST_READ = "checklist:read"
    CHECKLIST_ANSWER = "checklist:answer"  # the side a person stands on decides which controls they may answer
    EXCEPTIONS_WRITE = "exceptions:write"
    POLICIES_READ = "policies:read"
    POLICIES_WRITE = "policies:write"
    EVENTS_READ = "events:read"
    ALERTS_READ = "alerts:read"  # alerts, maintenance windows, what was not sent
    ALERTS_WRITE = "alerts:write"
    RECORDS_READ = "records:read"  # suppliers, contracts, contacts, restore tests
    RECORDS_WRITE = "records:write"
    QUESTIONNAIRES_WRITE = "questionnaires:write"
    QUESTIONNAIRES_SIGN = "questionnaires:sign"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    CHANNELS_READ = "channels:read"  # where alerts go, and what was sent there
    CHANNELS_WRITE = "channels:write"
    INCIDENTS_READ = "incidents:read"
    INCIDENTS_WRITE = "incidents:write"
    REPORTS_READ = "reports:read"  # evidence reports that were issued
    REPORTS_WRITE = "reports:write"  # making them
    PROVIDER_WRITE = "provider:write"  # how a provider shows itself: its logo


SCOPES: Final = frozenset(
    {
        Permission.PRACTICES_READ,
        Permission.PRACTICES_WRITE,
        Permission.DEVICES_READ,
        Permission.DEVICES_WRITE,
        Permission.CHECKLIST_READ,
        Permission.EVENTS_READ,
        Permission.ALERTS_READ,
        Permission.ALERTS_WRITE,
        Permission.POLICIES_READ,
        Permission.RECORDS_READ,
        Permission.RECORDS_WRITE,
        Permission.WEBHOOKS_READ,
        Permission.WEBHOOKS_WRITE,
        Permission.INCIDENTS_READ,
        Permission.REPORTS_READ,
        Permission.REPORTS_WRITE,
    }
)
ALL_PRACTICES: Final = "all"  # a value of its own, so that an empty restriction never means everything

Role = Literal["owner", "technician", "auditor", "practitioner", "practice_staff"]
PROVIDER_ROLES: Final = ("owner", "technician", "auditor")
PRACTICE_ROLES: Final = ("practitioner", "practice_staff")
ROLES: Final = (*PROVIDER_ROLES, *PRACTICE_ROLES)

_READ = frozenset(
    {
        Permission.SELF,
        Permission.PRACTICES_READ,
        Permission.DEVICES_READ,
        Permission.CHECKLIST_READ,
        Permission.EVENTS_READ,
        Permission.ALERTS_READ,
        Permission.RECORDS_READ,
        Permission.INCIDENTS_READ,
        Permission.REPORTS_READ,
    }
)
PERMISSIONS: Final[Mapping[str, frozenset[Permission]]] = {
    "owner": frozenset(Permission),
    "technician": _READ
    | {
        Permission.PRACTICES_WRITE,
        Permission.DEVICES_WRITE,
        Permission.CHECKLIST_ANSWER,
        Permission.EXCEPTIONS_WRITE,
        Permission.ALERTS_WRITE,
        Permission.POLICIES_READ,
        Permission.RECORDS_WRITE,
        Permission.QUESTIONNAIRES_WRITE,
        Permission.CHANNELS_READ,
        Permission.CHANNELS_WRITE,
        Permission.INCIDENTS_WRITE,
        Permission.REPORTS_WRITE,
    },
    "auditor": _READ
    | {
        Permission.MEMBERS_READ,
        Permission.CLIENTS_READ,
        Permission.AUDIT_READ,
        Permission.POLICIES_READ,
        Permission.WEBHOOKS_READ,
        Permission.CHANNELS_READ,
    },
    "practitioner": _READ
    | {
        Permission.CHECKLIST_ANSWER,
        Permission.RECORDS_WRITE,
        Permission.QUESTIONNAIRES_SIGN,
        Permission.INCIDENTS_WRITE,
        Permission.REPORTS_WRITE,
    },
    "practice_staff": _READ | {Permission.CHECKLIST_ANSWER, Permission.RECORDS_WRITE, Permission.INCIDENTS_WRITE},
}
"""What each role may do; a partner client may do what its scopes say, and `self`."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose credential has been verified; every query starts from one.

    `subject` is the client id of a partner client, or the member id of a person.
    """

    kind: Literal["client", "member"]
    provider_id: UUID
    subject: str
    permissions: frozenset[Permission]
    practices: frozenset[UUID] | Literal["all"]
    role: Role | None = None
    session_id: UUID | None = None
    name: str = ""

    @property
    def limited(self) -> bool:
        """Whether the caller sees only some practices: then nothing that concerns the whole provider is theirs."""
        return self.practices != ALL_PRACTICES
