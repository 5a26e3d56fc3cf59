"""What those are called that changes speak of by their ids."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, Text, cast, select, union_all

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
    parts: list[Select[str, str]] = []
    if devices:
        mine = select(cast(Device.id, Text).label("key"), Device.alias.label("name"))
        parts.append(mine.where(Device.provider_id == provider_id, Device.id.in_(devices)))
    if members:
        people = select(cast(Member.id, Text).label("key"), Member.name.label("name"))
        parts.append(people.where(Member.provider_id == provider_id, Member.id.in_(members)))
    if clients:
        partners = select(PartnerClient.client_id.label("key"), PartnerClient.name.label("name"))
        parts.append(partners.where(PartnerClient.provider_id == provider_id, PartnerClient.client_id.in_(clients)))
    if not parts:
        return {}
    rows = await session.execute(union_all(*parts))  # one way to the database instead of three
    return {row.key: row.name for row in rows}
