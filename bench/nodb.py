"""The same application with the database call of the intake removed: the ceiling P1 is compared with."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

import vigie.app
from vigie import multiprocess
from vigie.cli import main
from vigie.devices.intake import Intake
from vigie.devices.report import Accepted, Outcome, Report


class NoDatabase(Intake):
    """Acknowledges at once what would have been written."""

    async def submit(self, report: Report) -> Outcome:
        """Return what a commit would have answered."""
        return Accepted(report.sequence, duplicate=False, resync=False)


def spawn(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start children of this module instead of `vigie`."""
    command = [sys.executable, "-m", "bench.nodb", *arguments]
    return subprocess.Popen(command, env=dict(environment))


if __name__ == "__main__":
    setattr(vigie.app, "Intake", NoDatabase)  # noqa: B010 - the one part that is exchanged
    multiprocess.spawn = spawn
    main(sys.argv[1:])
    os._exit(0)
