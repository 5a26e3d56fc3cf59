"""What a state of a control rests on, and of which day that is. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

Kind = Literal["measured", "declared", "records", "none"]


@dataclass(frozen=True, slots=True)
class Proof:
    """On what a state rests, and the day of the latest of it, as its clocks write it."""

    kind: Kind
    on: date | None


def proof_of(control: Mapping[str, Any]) -> Proof:
    """Return the proof of a control as the checklist shows it.

    What devices tell is of the day on which they last vouched for it; what a person said is of the day from which it holds; what
    follows from dated records is of the day on which it was judged. An unknown state rests on nothing, whoever was asked.
    """
    if control["state"] == "unknown":
        return Proof("none", None)
    if control["devices"]:
        return Proof("measured", _latest(_heard(control["devices"])))
    answer = control["answer"]
    if answer is None:
        return Proof("none", None)
    if answer["attestation"] is not None and answer["source"] == "attestation":
        return Proof("declared", answer["attestation"]["effective_on"])
    return Proof("records", answer["assessed_at"].date())


def _heard(devices: Iterable[Mapping[str, Any]]) -> Iterable[date]:
    for each in devices:
        last = each["last_heartbeat"]
        yield (last["received_at"] if last is not None else each["assessed_at"]).date()


def _latest(days: Iterable[date]) -> date | None:
    return max(days, default=None)
