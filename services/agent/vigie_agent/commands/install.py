"""``vigie-agent install``: let the operating system start the agent every hour, at the second the server gave.

On Linux the units are written and started. The task of Windows and the daemon of macOS are rendered for real, but
have not been run on those systems yet: they are printed for the packager.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from vigie_agent import clock, progress, units
from vigie_agent.log import Log
from vigie_agent.paths import Paths

SYSTEMD = Path("/etc/systemd/system")


def run(options: argparse.Namespace, paths: Paths, log: Log) -> int:
    """Write and start the timer (Linux), or print the files; 0 done, 1 failed."""
    system = options.system or {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
    rendered = units.render(system, paths, slot(progress.load(paths.progress)))
    if options.only_print or system != "linux":
        for name, content in rendered.items():
            sys.stdout.write(f"# {name}\n{content}\n")
        if system != "linux" and not options.only_print:
            sys.stderr.write("vigie-agent: only printed: not run on this system yet, see docs/agent.md\n")
        return 0
    try:
        for name, content in rendered.items():
            (SYSTEMD / name).write_text(content, encoding="utf-8")
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        subprocess.run(["systemctl", "enable", "--now", units.TIMER], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        log.write("error", "install_failed", reason=type(error).__name__)
        sys.stderr.write(f"vigie-agent: {error}\n")
        return 1
    sys.stdout.write(f"Installed {units.TIMER}.\n")
    return 0


def slot(state: progress.Progress) -> int:
    """The second of the hour at which the server expects this device; the middle of the hour before it has said so."""
    if state.next_run_at is not None:
        moment = clock.from_wire(state.next_run_at)
        return moment.minute * 60 + moment.second
    return (state.slot_s or 1800) % 3600
