"""The one place that reads the time; the wire format is UTC with seconds and a final ``Z``."""

from datetime import UTC, datetime

WIRE_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def utc_now() -> datetime:
    """Now, in UTC, without microseconds: the protocol knows whole seconds only."""
    return datetime.now(UTC).replace(microsecond=0)


def to_wire(moment: datetime) -> str:
    """An aware instant in the wire format."""
    return moment.astimezone(UTC).strftime(WIRE_FORMAT)


def from_wire(text: str) -> datetime:
    """The instant of a wire-format string; ``ValueError`` for anything else."""
    return datetime.strptime(text, WIRE_FORMAT).replace(tzinfo=UTC)


def from_epoch(seconds: float) -> datetime:
    """The instant of a Unix time, cut to whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC)


def from_iso(text: str) -> datetime:
    """An ISO 8601 instant of a tool, in UTC; a string without an offset is taken as UTC.

    Tools that print local time must be run with ``TZ=UTC`` (borg does). Fractions are cut. ``ValueError`` if unreadable.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(microsecond=0)
