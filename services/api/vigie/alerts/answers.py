"""Alerts as the API answers them: what is stored, and the words for it in the caller's language."""

from collections.abc import Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final, Protocol, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.requests import Request

from vigie.alerts.channel_models import Suppression
from vigie.alerts.queries import Held, Listed, Seen
from vigie.alerts.saying import Said, said_of
from vigie.alerts.schemas import AlertOut, SuppressionOut
from vigie.alerts.wording import Describe, Setting, title_of
from vigie.core.errors import language_of

_CONTROL: Final = "ANS-"
_FIELDS: Final = tuple(AlertOut.model_fields)
_SAID: Final = frozenset({"practice_name", "assignee_name", "members", *Said._fields})
_STORED: Final = tuple(name for name in _FIELDS if name not in _SAID)
_stored: Final = attrgetter(*_STORED)
_UTC: Final = ZoneInfo(str(UTC))


class Kit(Protocol):
    """What the application puts on `app.state.parts` for these routes."""

    describe: Describe


def setting_of(request: Request) -> Setting:
    """Return what words are chosen for: the language of the request, and the words of the catalogue."""
    describe = cast("Kit", request.app.state.parts).describe
    return Setting(language_of(request), "", "", _UTC, describe=describe)


def alert_fields(setting: Setting, seen: Seen | Listed) -> dict[str, Any]:
    """Return an alert by the fields of `AlertOut`, in their order: as they are stored, with names and words."""
    alert = seen.alert
    members = [_member(setting, key, each) for key, each in alert.members.items()]
    said = said_of(alert.cause, [each["alias"] or "" for each in members], setting.language)
    found = dict.fromkeys(_FIELDS)  # the order of the fields
    found.update(zip(_STORED, _stored(alert), strict=True))
    found.update(said._asdict(), practice_name=seen.practice, assignee_name=seen.assignee, members=members)
    return found


def _member(setting: Setting, key: str, each: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an alert is about by the fields of `AlertMember`."""
    control = each.get("control") or (key if key.startswith(_CONTROL) else None)
    device = each.get("device") or (key if each.get("alias") else None)
    words = setting.describe(control, each.get("reason") or "", setting.language, {}) if control else None
    return {
        "id": key,
        "since": datetime.fromisoformat(each["since"]),
        "number": each["number"],
        "reason": each.get("reason") or None,
        "alias": each.get("alias") or None,
        "control": control,
        "device_id": UUID(device) if device else None,
        "title": words.title if words else None,
        "says": words.says or None if words else None,
        "next": words.advice or None if words else None,
    }


def suppression_out(setting: Setting, held: Held) -> SuppressionOut:
    """Return a line of the ledger."""
    row = held.row
    names = ("id", "practice_id", "alert_id", "channel_id", "member_id", "kind", "why", "wanted_at")
    told = {name: row.data.get(name) for name in ("until", "cause", "severity")}
    return SuppressionOut(
        **{name: getattr(row, name) for name in names},
        **told,
        practice_name=held.practice,
        title=_held_title(setting, row),
    )


def _held_title(setting: Setting, row: Suppression) -> str | None:
    if row.data.get("cause") is None:
        return None
    return title_of(setting, row.data)
