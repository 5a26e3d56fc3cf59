"""``vigie-agent run``: one report, or a dry run that prints it."""

import argparse
import json
import sys

from vigie_agent import clock, config, enrolment, identity, once, progress, report
from vigie_agent.build import build_name
from vigie_agent.log import Log
from vigie_agent.paths import Paths

EXITS = {"delivered": 0, "dropped": 1, "stopped": 3, "undelivered": 4}


def run(options: argparse.Namespace, paths: Paths, log: Log) -> int:
    """Collect and report; quiet unless something is wrong."""
    try:
        settings = config.load(paths.config)
    except config.ConfigError as error:
        sys.stderr.write(f"vigie-agent: {error}\n")
        return 2
    if options.dry_run:
        sys.stdout.write(json.dumps(preview(paths, settings), indent=1, ensure_ascii=False) + "\n")
        return 0
    joined = enrolment.load(paths.enrolment)
    if joined is None:
        sys.stderr.write("vigie-agent: this machine is not enrolled: run `vigie-agent enrol` first\n")
        return 2
    try:
        result = once.run(paths, settings, joined, log)
    except once.BusyError:
        log.write("info", "already_running")
        return 0
    except (identity.IdentityError, OSError, ValueError) as error:
        log.write("error", "run_failed", reason=type(error).__name__)
        sys.stderr.write(f"vigie-agent: {error}\n")
        return 1
    if result.outcome == "stopped":
        sys.stderr.write(f"vigie-agent: the server refuses this machine ({result.code}); a person must look\n")
    return EXITS[result.outcome]


def preview(paths: Paths, settings: config.Config) -> dict[str, object]:
    """The full report as it would be sent now; nothing is stored, nothing leaves."""
    collected = once.collect(paths, settings, keep=False)
    return report.heartbeat(
        sequence=progress.load(paths.progress).sequence + 1,
        sent_at=clock.to_wire(clock.utc_now()),
        build=build_name(),
        boot_ref=identity.current_boot_reference(),
        ran_at=[],
        vitals=collected.vitals,
        sections=collected.sections,
        named=sorted(collected.sections),
        events=[],
    )
