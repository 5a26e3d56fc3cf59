"""Who is calling, and what they may do. Pure: no framework, no database."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID


class Scope(StrEnum):
    """What a partner client can be granted."""

    PRACTICES_READ = "practices:read"
    PRACTICES_WRITE = "practices:write"
    DEVICES_READ = "devices:read"
    DEVICES_WRITE = "devices:write"


ALL_SCOPES: Final = frozenset(Scope)
ALL_PRACTICES: Final = "all"  # a value of its own, so that an empty restriction never means everything


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose credential has been verified; every query starts from one."""

    kind: Literal["client"]
    provider_id: UUID
    subject: str
    scopes: frozenset[Scope]
    practices: frozenset[UUID] | Literal["all"]
