"""Counting silence and ages of a practice anew: when it is open, or where it lies, was told otherwise."""

from uuid import UUID

from vigie.auth.dependencies import Call
from vigie.devices.fleet import expect_anew
from vigie.events.log import NewEvent
from vigie.events.session import record
from vigie.posture import reassessments


async def count_anew(call: Call, practice_id: UUID, changed: NewEvent) -> None:
    """Have silence and ages counted by the new hours or in the new time zone, and record the event that says so, last.

    The worker counts, within seconds: devices by their deadlines, everything else by a request to judge the practice.
    """
    await expect_anew(call, practice_id)
    await reassessments.ask(call.session, call.principal.provider_id, [practice_id], call.now)
    await record(call.session, [changed], call.now)
