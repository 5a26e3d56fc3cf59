"""Findings of a device as people read them: what the control is called, what was found, what to do. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from vigie.overview.explaining import Language, fill
from vigie.posture.catalogue import Catalogue
from vigie.posture.schemas import FindingOut


class DeviceFinding(FindingOut):
    """A finding in words of the language asked for. `steps`: how the control is put right, `next`: what this finding asks for."""

    title: str
    says: str
    next: str
    steps: list[str]
    essential: bool


class DeviceFindings(BaseModel):
    """All findings of a device."""

    items: list[DeviceFinding]


def device_finding(found: Mapping[str, Any], catalogue: Catalogue, language: Language) -> dict[str, Any]:
    """Return a finding (by the fields of `FindingOut`) with its words, by those of `DeviceFinding`.

    A control or reason that only a newer program knows stands for itself.
    """
    control, reason = catalogue.controls.get(found["control"]), catalogue.reasons.get(found["reason"])
    known = (found["threshold"], found["evidence"])
    return {
        **found,
        "title": getattr(control.title, language) if control is not None else found["control"],
        "says": fill(reason.says, language, *known) if reason is not None else found["reason"],
        "next": fill(reason.next, language, *known) if reason is not None else "",
        "steps": getattr(control.steps, language) if control is not None else [],
        "essential": control is not None and control.essential,
    }
