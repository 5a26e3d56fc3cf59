"""How a request becomes an entry of the audit: the guard of a route calls this, its author does not have to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from vigie.audit.actions import Action
from vigie.audit.details import looks_secret
from vigie.audit.log import Actor, NewEntry, append
from vigie.auth.principal import Principal
from vigie.core.db import Database

_IDENTIFIER = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
_CLIENT_ERROR: Final = range(400, 500)
_TOO_MANY: Final = 429  # refusing a flood must cost less than the flood


@dataclass(slots=True)
class Note:
    """What the entry of one call will say of its object; use cases add to it (`Call.audit`)."""

    action: Action
    address: str | None
    object_kind: str | None = None
    object_id: str | None = None
    practice_id: UUID | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, action: Action, address: str | None, path_parameters: Mapping[str, Any]) -> "Note":
        """Begin the note of a call: the path says what it is about, until a use case knows better.

        The object is the last of the path's parameters; `practice_id` only where the action is one on a practice.
        """
        named = [str(value) for name, value in path_parameters.items() if name != "practice_id"]
        if action.object_kind == "practice" and "practice_id" in path_parameters:
            named = [str(path_parameters["practice_id"])]
        found = named[-1] if named else None
        # Anybody can type anything into a path.
        is_one = found is not None and _IDENTIFIER.fullmatch(found) and not looks_secret(found)
        return cls(action, address, object_id=found if is_one else None)


def actor_of(principal: Principal) -> Actor:
    """Return the caller as the audit knows callers."""
    return Actor(principal.kind, principal.subject, principal.name or None, principal.role)


def done(principal: Principal, note: Note) -> NewEntry:
    """Return the entry of a call that succeeded."""
    return _entry(principal, note)


def is_recorded(status: int) -> bool:
    """Whether a refusal with this status is recorded: the caller's faults are, ours (5xx) and floods (429) are not."""
    return status in _CLIENT_ERROR and status != _TOO_MANY


async def record_refusal(database: Database, principal: Principal, note: Note, code: str, now: datetime) -> None:
    """Record a refused call in a transaction of its own, once that of the call has been rolled back.

    It raises when it cannot, and the caller is then told to try again: no refusal is answered that is not on record.
    """
    async with database.session(principal.provider_id, write=True) as session:
        await append(session, _entry(principal, note, code), now)


def _entry(principal: Principal, note: Note, code: str | None = None) -> NewEntry:
    return NewEntry(
        provider_id=principal.provider_id,
        actor=actor_of(principal),
        action=note.action,
        outcome="done" if code is None else "refused",
        code=code,
        object_kind=note.object_kind,
        object_id=note.object_id,
        practice_id=note.practice_id,
        address=note.address,
        details=note.details,
    )
