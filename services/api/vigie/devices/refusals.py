"""Noting refused requests of devices that proved who they are: whoever is refused runs, and is not heard for another reason."""

import logging
from collections import OrderedDict
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from vigie.core.db import Database
from vigie.devices import silence_statements as sql
from vigie.devices.report import Identity
from vigie.events.session import driver_connection

log = logging.getLogger(__name__)
_OFTEN = timedelta(minutes=10)  # a device that asks again and again is noted this often, by each process
_APART = timedelta(days=2)  # refusals this far apart are not one story
_CAPACITY = 20_000


class RefusalNotes:
    """Writes refusals down for one API process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: OrderedDict[UUID, datetime] = OrderedDict()

    async def note(self, device: Identity, code: str, now: datetime) -> None:
        """Note that a device was refused, and have its silence judged again. Never fails: the refusal is the answer."""
        noted = self._noted.get(device.device_id)
        if noted is not None and timedelta(0) <= now - noted < _OFTEN:
            return
        self._noted[device.device_id] = now
        self._noted.move_to_end(device.device_id)
        if len(self._noted) > _CAPACITY:
            self._noted.popitem(last=False)
        try:
            async with self._database.session(device.provider_id, write=True) as session:
                connection = await driver_connection(session)
                key = (device.provider_id, device.device_id)
                await connection.execute(sql.NOTE_REFUSAL, *key, code, now, now - _APART)
                await connection.execute(sql.REVIEW_REFUSED, *key, now)
        except (OSError, TimeoutError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("refusal not noted", extra={"error": type(error).__name__})
