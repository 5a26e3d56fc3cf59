"""Section ``os`` on Linux: distribution, kernel, boot, kind of machine, restart awaited."""

import re
from typing import TYPE_CHECKING

from vigie_agent import clock
from vigie_agent.collectors.base import Context, Gaps, Section, found, tri
from vigie_agent.collectors.host import Host

if TYPE_CHECKING:
    from datetime import datetime

ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64", "i686": "x86", "i386": "x86"}
LAPTOP_TYPES = frozenset({8, 9, 10, 11, 12, 14, 30, 31, 32})  # SMBIOS 3.x, 7.4.1
SERVER_TYPES = frozenset({17, 23, 25, 28, 29})
DESKTOP_TYPES = frozenset({3, 4, 5, 6, 7, 13, 15, 16, 24, 34, 35, 36})
GRAPHICAL_MARKS = ("/etc/systemd/system/display-manager.service", "/etc/X11/default-display-manager")
NAS_MARKS = ("/etc/synoinfo.conf", "/etc/config/uLinux.conf", "/etc/version.truenas")
# a variant of the distribution, not of whoever built this image
EDITIONS = frozenset({"server", "workstation", "desktop", "cloud", "container", "iot", "kde", "silverblue", "coreos"})
REBOOT_FILES = ("/run/reboot-required", "/var/run/reboot-required")


def collect(context: Context) -> Section:
    """Read identity and state of the operating system; works without rights."""
    host, gaps = context.host, Gaps()
    release = parse_os_release(host.read_text("/etc/os-release"))
    kernel, _, machine = host.release().partition(" ")
    desktop = has_desktop(host)
    nas = any(host.exists(mark) for mark in NAS_MARKS)
    boot_at = gaps.read("proc.stat", lambda: _boot_at(context))
    data = {
        "family": "linux",
        "product": "nas" if nas else ("client" if desktop else "server"),
        "edition": variant if (variant := release.get("VARIANT_ID", "")) in EDITIONS else None,
        "version": release.get("VERSION_ID") or "rolling",
        "build": _kernel_version(kernel),
        "distro": release.get("ID", "linux").replace("-", "_"),
        "arch": ARCHITECTURES.get(machine),
        "install_type": "desktop" if desktop else "headless",
        "boot_at": boot_at,
        "chassis": chassis(host),
        "join": "domain" if host.exists("/etc/sssd/sssd.conf") else "workgroup",
        "reboot_required": _reboot_required(host, kernel, gaps),
    }
    return found("os-release+proc", data, gaps.problems)


def parse_os_release(content: str) -> dict[str, str]:
    """The assignments of os-release(5), quotes removed."""
    pairs = re.findall(r"^([A-Z_]+)=(\"[^\"\n]*\"|'[^'\n]*'|[^\s\"']*)\s*$", content, re.MULTILINE)
    return {name: value.strip("\"'") for name, value in pairs}


def has_desktop(host: Host) -> bool:
    """Whether somebody can sign in at a screen of this machine."""
    if any(host.link_target(mark) or host.exists(mark) for mark in GRAPHICAL_MARKS):
        return True
    target = host.link_target("/etc/systemd/system/default.target") or ""
    return target.endswith("graphical.target")


def chassis(host: Host) -> str:
    """``vm``, ``laptop``, ``server``, ``desktop`` or ``unknown``, from the processor's flags and SMBIOS."""
    if re.search(r"^flags\s*:.*\bhypervisor\b", host.read_optional("/proc/cpuinfo") or "", re.MULTILINE):
        return "vm"
    text = (host.read_optional("/sys/class/dmi/id/chassis_type") or "").strip()
    number = int(text) if text.isdigit() else 0
    for name, numbers in (("laptop", LAPTOP_TYPES), ("server", SERVER_TYPES), ("desktop", DESKTOP_TYPES)):
        if number in numbers:
            return name
    return "unknown"


def _boot_at(context: Context) -> str:
    """The instant of the boot, remembered per boot: the kernel derives it from the clock and it wavers by a second."""
    boot_id = context.host.read_text("/proc/sys/kernel/random/boot_id").strip()
    known = context.memory.subject("boot")
    if known.get("id") != boot_id:
        started = re.search(r"^btime (\d+)$", context.host.read_text("/proc/stat"), re.MULTILINE)
        if started is None:
            raise ValueError("no btime")
        moment: datetime = clock.from_epoch(int(started[1]))
        context.memory.replace("boot", {"id": boot_id, "at": clock.to_wire(moment)})
    return str(context.memory.subject("boot")["at"])


def _kernel_version(kernel: str) -> str:
    """The numbers of a kernel release; what follows may be a builder's own words."""
    match = re.match(r"\d+(\.\d+)*(-\d+)?", kernel)
    return match[0] if match else "0"


def _reboot_required(host: Host, kernel: str, gaps: Gaps) -> dict[str, object]:
    sources: list[str] = []
    if any(host.exists(mark) for mark in REBOOT_FILES):
        sources.append("run_file")
    newest = newest_kernel([path.rsplit("/", 1)[1] for path in host.listed("/boot", "vmlinuz-*")], kernel)
    if newest is not None and newest != kernel:
        sources.append("kernel")
    value: bool | None = bool(sources)
    if not sources and host.which("needs-restarting"):
        answer = gaps.read("needs_restarting", lambda: host.run(["needs-restarting", "-r"]))
        value = None if answer is None else answer.rc == 1
        if value:
            sources.append("needs_restarting")
    elif not sources and newest is None:
        # No mark, no kernel of this system's own (a container, a virtual machine with a foreign kernel): not known.
        gaps.note("provider_error", "reboot_required", "no_evidence")
        value = None
    return {"value": tri(value), "strong_sources": sources}


def newest_kernel(files: list[str], running: str) -> str | None:
    """The newest installed kernel of the running one's flavour, None if the running one is not among the files."""
    releases = [name.removeprefix("vmlinuz-") for name in files]
    if running not in releases:
        return None
    flavour = re.sub(r"^[\d.]+(-\d+)?", "", running)
    same = [name for name in releases if re.sub(r"^[\d.]+(-\d+)?", "", name) == flavour]
    return max(same, key=lambda name: [int(part) for part in re.findall(r"\d+", name.removesuffix(flavour))])
