"""What those are called that changes speak of by their ids."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from vigie.auth.dependencies import Call
from vigie.auth.models import Member, PartnerClient
from vigie.devices.models import Device
from vigie.events.models import Event


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None


async def names_in(call: Call, events: Sequence[Event]) -> dict[str, str]:
    """Return what the devices of some events, and whoever caused these, are called now, by their ids. Those who left stay named."""
    provider_id, session = call.principal.provider_id, call.session
    said = {str(by) for event in events if (by := event.payload.get("by")) is not None}
    members = {found for by in said if (found := _uuid(by)) is not None}
    clients = {by for by in said if _uuid(by) is None}
    devices = {event.device_id for event in events if event.device_id is not None}
    named: dict[str, str] = {}
    if devices:
        mine = select(Device.id, Device.alias).where(Device.provider_id == provider_id, Device.id.in_(devices))
        named |= {str(key): name for key, name in await session.execute(mine)}
    if members:
        people = select(Member.id, Member.name).where(Member.provider_id == provider_id, Member.id.in_(members))
        named |= {str(key): name for key, name in await session.execute(people)}
    if clients:
        partners = select(PartnerClient.client_id, PartnerClient.name).where(
            PartnerClient.provider_id == provider_id, PartnerClient.client_id.in_(clients)
        )
        named |= {str(key): name for key, name in await session.execute(partners)}
    return named
