"""The page between an identity and several places: sealed, so that nothing has to be stored until the person has chosen."""

import hmac
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from vigie.core.crypto import b64url, b64url_decode, new_secret
from vigie.core.sealing import SealBrokenError, Sealer
from vigie.people.doorstep import Place
from vigie.people.errors import ChoiceExpiredError
from vigie.people.sign_in import Visitor

LIFE: Final = timedelta(minutes=10)
COOKIE: Final = "choice"
_PURPOSE: Final = "choice of places"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person may choose from, once, in the browser that holds `key`, until `until`."""

    visitor: Visitor
    places: Sequence[Place]
    return_to: str
    key: str = field(repr=False)
    until: datetime


def offer(visitor: Visitor, places: Sequence[Place], return_to: str, now: datetime) -> Choice:
    """Return a new choice."""
    return Choice(visitor, places, return_to, new_secret(), now + LIFE)


def write(sealer: Sealer, choice: Choice) -> str:
    """Return a choice as the hidden field of a form, which only we can read or make."""
    visitor = asdict(choice.visitor)
    visitor["sealed_id_token"] = b64url(choice.visitor.sealed_id_token)
    document = {
        "visitor": visitor,
        "places": [asdict(place) for place in choice.places],
        "return_to": choice.return_to,
        "key": choice.key,
        "until": int(choice.until.timestamp()),
    }
    return b64url(sealer.seal(_PURPOSE, orjson.dumps(document, default=str)))  # the driver has a UUID of its own


def read(sealer: Sealer, written: str, key: str, now: datetime) -> Choice:
    """Return the choice of a form; raises `ChoiceExpiredError` when it is not ours, too old, or another browser's."""
    try:
        document = orjson.loads(sealer.open(_PURPOSE, b64url_decode(written)))
    except (SealBrokenError, ValueError) as error:
        raise ChoiceExpiredError from error
    until = datetime.fromtimestamp(document["until"], tz=UTC)
    if now >= until or not hmac.compare_digest(document["key"].encode(), key.encode()):
        raise ChoiceExpiredError
    visitor = document["visitor"]
    visitor["account_id"] = UUID(visitor["account_id"])
    visitor["sealed_id_token"] = b64url_decode(visitor["sealed_id_token"])
    places = [_place(place) for place in document["places"]]
    return Choice(Visitor(**visitor), places, document["return_to"], document["key"], until)


def _place(document: dict[str, Any]) -> Place:
    ids = ("provider_id", "practice_id", "member_id", "invitation_id")
    named: dict[str, Any] = {name: UUID(value) if name in ids and value else value for name, value in document.items()}
    return Place(**named)
