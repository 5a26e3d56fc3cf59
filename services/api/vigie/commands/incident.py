"""`vigie incident verify`: whether a sealed archive is whole, and the one that the audit remembers. Needs no database."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from vigie.audit.actions import Action
from vigie.audit.export import UnreadableLineError, read_entry, verify_file
from vigie.incidents.bundle import Verdict, examine
from vigie.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take `verify`."""
    incident = parser.add_subparsers(required=True, metavar="ACTION")
    verify = incident.add_parser("verify", help="say whether the sealed evidence of an incident is as it was frozen")
    verify.add_argument("archive", type=Path, help="the zip of GET /v1/incidents/{id}/evidence")
    verify.add_argument(
        "--audit", type=Path, metavar="EXPORT", help="an export of the provider's audit to hold it against"
    )


def run(_settings: Settings, arguments: argparse.Namespace) -> int:
    """Verify; the status is 1 when something does not hold. Raises `LookupError` for a file that cannot be read."""
    try:
        content = arguments.archive.read_bytes()
        if arguments.audit is None:
            return _tell(
                examine(content), "It agrees with itself; only the audit shows that it is the one that was frozen."
            )
        return _against(content, arguments.audit)
    except OSError as error:
        raise LookupError(f"{error.filename}: {error.strerror}") from error


def _against(content: bytes, export: Path) -> int:
    with export.open("rb") as lines:
        _, chain = verify_file(lines)
    if not chain.holds:
        sys.stdout.write(f"{export}: the chain is BROKEN: {chain.why}\n")
        return 1
    incident = str(examine(content).manifest.get("incident"))
    remembered = list(_digests(export, incident))
    if not remembered:
        sys.stdout.write("NOT VALID: the audit knows of no freezing of this incident\n")
        return 1
    verdicts = [examine(content, digest) for digest in remembered]
    found = next((verdict for verdict in verdicts if verdict.holds), verdicts[0])
    return _tell(found, "The chain holds, and remembers this archive.")


def _digests(export: Path, incident: str) -> Iterator[str]:
    """Yield the digests that the audit noted when the evidence of an incident was frozen."""
    with export.open("rb") as lines:
        next(lines, None)
        for line in lines:
            try:
                fields = read_entry(line).fields
            except UnreadableLineError:  # pragma: no cover - the chain was verified
                return
            wanted = (Action.INCIDENT_FREEZE.value, "done", incident)
            if (fields["action"], fields["outcome"], fields["object_id"]) == wanted:
                yield str(fields["details"].get("sha256"))


def _tell(verdict: Verdict, otherwise: str) -> int:
    if not verdict.holds:
        sys.stdout.write(f"NOT VALID: {'; '.join(verdict.faults)}\n")
        return 1
    about = verdict.manifest
    sys.stdout.write(
        f"valid: incident {about['incident']}, {about['from']} to {about['until']}, frozen {about['frozen_at']}\n"
    )
    sys.stdout.write(f"SHA-256 {verdict.sha256}\n{otherwise}\n")
    return 0
