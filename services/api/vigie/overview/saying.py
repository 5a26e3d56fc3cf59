"""Findings of a device as people read them: what the control is called, what was found, what to do. Pure."""

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


def device_finding(finding: FindingOut, catalogue: Catalogue, language: Language) -> DeviceFinding:
    """Return a finding with its words; a control or reason that only a newer program knows stands for itself."""
    control, reason = catalogue.controls.get(finding.control), catalogue.reasons.get(finding.reason)
    known = (finding.threshold, finding.evidence)
    return DeviceFinding(
        **finding.model_dump(),
        title=getattr(control.title, language) if control is not None else finding.control,
        says=fill(reason.says, language, *known) if reason is not None else finding.reason,
        next=fill(reason.next, language, *known) if reason is not None else "",
        steps=list(getattr(control.steps, language)) if control is not None else [],
        essential=control is not None and control.essential,
    )
