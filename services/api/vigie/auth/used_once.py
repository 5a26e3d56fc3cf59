"""What may be used once, across all processes: states of sign-ins, `jti` of assertions and of logout tokens."""

import hashlib
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from vigie.auth.models import UsedOnce
from vigie.core.clock import Clock
from vigie.core.db import Database

NOBODY: Final = UUID(int=0)
"""The provider a transaction is bound to that concerns none: it sees no tenant's row."""
_TIDY_EVERY: Final = timedelta(minutes=10)


class UsedOnceTable:
    """Claims keys in the table `used_once`, under the role `vigie_signin`; implements `vigie.auth.oidc.party.UsedOnce`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._tidied_at = clock.now()

    async def claim(self, kind: str, key: str, until: datetime) -> bool:
        """Return True for the first caller with this kind and key on any process, False for everybody after.

        Committed when it returns, whatever becomes of the request. The key is kept as a hash, and forgotten some time
        after `until`: the caller refuses by itself what is older than that.
        """
        hashed = hashlib.sha256(key.encode()).digest()
        async with self._database.session(NOBODY, write=True) as session:
            claimed = await session.execute(
                insert(UsedOnce)
                .values(key_hash=hashed, kind=kind, expires_at=until)
                .on_conflict_do_nothing(index_elements=["key_hash", "kind"])
                .returning(UsedOnce.kind)
            )
            first = claimed.first() is not None
        await self._tidy()
        return first

    async def _tidy(self) -> None:
        """Delete what expired; now and then, in a transaction of its own that nobody's claim depends on."""
        now = self._clock.now()
        if now - self._tidied_at < _TIDY_EVERY:
            return
        self._tidied_at = now
        async with self._database.session(NOBODY, write=True) as session:
            await session.execute(delete(UsedOnce).where(UsedOnce.expires_at < now))
