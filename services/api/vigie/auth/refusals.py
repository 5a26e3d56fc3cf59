"""Refused token requests in the audit of the provider whose client was named.

Anybody may write any client's id into a request, so what this costs the provider is bounded: of one client and one
kind of refusal, one entry a minute and process; the next one says how many there were meanwhile.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Final

from vigie.audit.actions import Action
from vigie.audit.log import ANONYMOUS, Actor, NewEntry, append
from vigie.auth.clients import RegisteredClient
from vigie.core.db import Database

_EVERY_S: Final = 60.0
_CAPACITY: Final = 10_000


class Refusals:
    """Records refused token requests."""

    def __init__(self, database: Database, monotonic: Callable[[], float]) -> None:
        self._database = database
        self._monotonic = monotonic
        self._recent: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()  # since when, how many unrecorded

    async def record(
        self, client: RegisteredClient, code: str, address: str | None, now: datetime, *, proven: bool
    ) -> None:
        """Record that a token was refused; `proven` says whether it was the client itself that asked."""
        unrecorded = self._count(client.client_id, code)
        if unrecorded is None:
            return
        entry = NewEntry(
            provider_id=client.provider_id,
            actor=Actor("client", client.client_id, client.name) if proven else ANONYMOUS,
            action=Action.ACCESS_TOKEN_ISSUE,
            outcome="refused",
            code=code,
            object_kind="client",
            object_id=client.client_id,
            address=address,
            details={"unrecorded_before": unrecorded} if unrecorded else {},
        )
        async with self._database.session(client.provider_id, write=True) as session:
            await append(session, entry, now)

    def _count(self, client_id: str, code: str) -> int | None:
        """Return how many went unrecorded before this one, or None when this one does too."""
        key, now = (client_id, code), self._monotonic()
        since, unrecorded = self._recent.get(key, (-_EVERY_S, 0))
        if now - since < _EVERY_S:
            self._recent[key] = (since, unrecorded + 1)
            return None
        self._recent.pop(key, None)
        self._recent[key] = (now, 0)
        if len(self._recent) > _CAPACITY:
            self._recent.popitem(last=False)
        return unrecorded
