"""Section ``patch`` on Linux: which package manager this machine has, and what it would install."""

from vigie_agent.collectors.base import CollectError, Context, Section
from vigie_agent.collectors.linux import apt, rpm


def collect(context: Context) -> Section:
    """Ask the machine's own package manager; never refreshes its lists."""
    host = context.host
    if host.which("apt-get"):
        return apt.collect(context)
    if host.which("dnf"):
        return rpm.collect_dnf(context)
    if host.which("zypper"):
        return rpm.collect_zypper(context)
    raise CollectError("unsupported_os", "patch", "no_package_manager")
