"""From events to causes: which events the engine reads, and which cause a control belongs to. Pure."""

from collections.abc import Mapping
from typing import Final

from vigie.alerts.rules.policy import Cause

PATCH: Final = frozenset({"ANS-2.1", "ANS-2.2", "ANS-2.3", "ANS-2.4", "ANS-2.5"})
BACKUP: Final = frozenset({"ANS-5.1", "ANS-5.2", "ANS-5.3", "ANS-5.4", "ANS-5.5", "ANS-5.6", "ANS-5.7"})
PROTECTION: Final = frozenset({"ANS-1.5", "ANS-2.6", "ANS-2.8", "ANS-2.11", "ANS-2.16", "ANS-9.7"})
"""Essential controls that devices decide, outside patches and backups; a test holds this against the catalogue."""

CAUSE_OF: Final[Mapping[str, Cause]] = {
    **dict.fromkeys(PATCH, "patch"),
    **dict.fromkeys(BACKUP, "backup"),
    **dict.fromkeys(PROTECTION, "protection"),
}
RENEWALS: Final = frozenset(
    {
        "answer_expiring",
        "answer_expired",
        "contract_ending",
        "contract_expired",
        "certificate_ending",
        "certificate_expired",
        "certificate_superseded",
        "questionnaire_ageing",
        "questionnaire_expired",
        "contacts_ageing",
        "contacts_expired",
    }
)
"""Reasons of controls that people answer or keep records for: something has to be renewed."""

DEVICE_CAUSES: Final[tuple[Cause, ...]] = ("silent", "machine_off", "agent")
CAUSE_OF_SILENCE: Final[Mapping[str, Cause]] = {"machine_off": "machine_off", "agent_broken": "agent"}
"""What an explained silence is; any other silence is just that."""

SERVERS: Final = frozenset({"server", "nas"})
BY_PEOPLE: Final = frozenset(
    {"alert.acknowledged", "alert.assigned", "alert.snoozed", "alert.resolved", "alert.commented"}
)
FOR_ALL: Final = frozenset({"alerting_policy.activated", "maintenance_window.created", "maintenance_window.ended"})
"""Events without a practice that concern each: what they changed is looked at anew."""

INPUTS: Final = frozenset(
    {
        "posture.changed",
        "device.silent",
        "device.returned",
        "device.silence_explained",
        "device.clone_cleared",
        "device.clone_suspect",
        "device.reenrolled",
        "device.revoked",
        "practice.line_down",
        "practice.line_restored",
        "practice.created",
        "practice.changed",
        "practice.archived",
        "practice.opening_hours_changed",
        "exception.created",
        "exception.expiring",
        "exception.ended",
        "attestation.given",
        *BY_PEOPLE,
        *FOR_ALL,
    }
)
"""The kinds of events that the engine reads; what it says itself (`alert.opened` and the like) is not among them."""
