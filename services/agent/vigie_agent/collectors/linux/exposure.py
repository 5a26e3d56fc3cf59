"""Section ``exposure`` on Linux: listening ports of a watch-list, shares by number, remote-maintenance tools by name."""

import re
from typing import Any

from vigie_agent.collectors.base import DAY_S, CollectError, Context, Gaps, Section, found, tri
from vigie_agent.collectors.host import Host
from vigie_agent.collectors.ports import port_facts

SSH, RDP = 22, 3389
LISTENING = ["ss", "-H", "-tln"]
# remote tool on the allow-list -> files or programs that show it is installed
REMOTE_TOOLS = {
    "teamviewer": ("/opt/teamviewer", "/usr/bin/teamviewer"),
    "anydesk": ("/usr/bin/anydesk", "/etc/anydesk"),
    "rustdesk": ("/usr/bin/rustdesk", "/usr/lib/rustdesk"),
    "splashtop": ("/opt/splashtop-streamer",),
    "screenconnect": ("/opt/screenconnect",),
    "vnc": ("/usr/bin/x11vnc", "/usr/bin/vncserver", "/usr/bin/tigervncserver", "/usr/bin/vncserver-x11"),
    "meshagent": ("/usr/local/mesh_services/meshagent", "/usr/local/mesh"),
    "tactical_rmm": ("/usr/local/bin/tacticalagent",),
    "ninjaone": ("/opt/NinjaRMMAgent",),
}


def collect(context: Context) -> Section:
    """Ports, shares, wireless link and remote tools; no addresses, no names."""
    host, gaps = context.host, Gaps()
    listening = gaps.read("ss", lambda: _listening(host))
    shares = gaps.read("smb.conf", lambda: samba(host))
    data: dict[str, Any] = {
        "rdp": {"enabled": tri(None if listening is None else RDP in listening)},
        "smb1": {"server": shares["smb1"], "client": "unknown"} if shares else None,
        "smb_signing": shares["signing"] if shares else None,
        "ports": port_facts(listening) if listening is not None else None,
        "shares": {"count": shares["count"], "everyone_write": "unknown"} if shares else None,
        "wifi": gaps.read("nmcli", lambda: _wifi(host)),
        "remote_tools": [name for name, marks in REMOTE_TOOLS.items() if any(host.exists(mark) for mark in marks)],
        "sharing": {
            "ssh": tri(None if listening is None else SSH in listening),
            "screen": tri(None if listening is None else bool({5900, 5901, RDP} & listening)),
            "file": tri(None if listening is None else bool({139, 445, 2049} & listening)),
        },
    }
    section = found("ss+files", data, gaps.problems)
    section.ttl_s = DAY_S // 4
    return section


def _listening(host: Host) -> set[int]:
    answer = host.run(LISTENING)
    if answer.rc != 0:
        raise CollectError("provider_error", "ss", f"rc_{answer.rc}")
    return parse_ss(answer.text)


def parse_ss(output: str) -> set[int]:
    """Ports of listening TCP sockets that are not bound to this machine alone."""
    ports = set()
    for line in output.splitlines():
        fields = line.split()
        local = fields[3] if fields and fields[0] == "LISTEN" else fields[4] if len(fields) > 4 else ""  # noqa: PLR2004
        address, _, port = local.rpartition(":")
        bare = address.strip("[]").partition("%")[0]
        if port.isdigit() and not bare.startswith("127.") and bare not in {"::1", "::ffff:127.0.0.1"}:
            ports.add(int(port))
    return ports


def samba(host: Host) -> dict[str, Any]:
    """How many folders Samba shares and whether the oldest protocol is let in; no server shares nothing."""
    content = host.read_optional("/etc/samba/smb.conf")
    if content is None or host.which("smbd") is None:
        return {"count": 0, "smb1": "no", "signing": None}
    return parse_smb_conf(content)


def parse_smb_conf(content: str) -> dict[str, Any]:
    """Sections that are shares, counted; ``server min protocol`` of NT1 or older means SMBv1."""
    sections = [name.strip().lower() for name in re.findall(r"^\s*\[([^\]]+)\]", content, re.MULTILINE)]
    lowest = re.search(r"^\s*(?:server\s+)?min\s+protocol\s*=\s*(\S+)", content, re.MULTILINE | re.IGNORECASE)
    signing = re.search(r"^\s*server\s+signing\s*=\s*(\S+)", content, re.MULTILINE | re.IGNORECASE)
    old = lowest is not None and lowest[1].upper() in {"NT1", "CORE", "COREPLUS", "LANMAN1", "LANMAN2"}
    return {
        "count": sum(name not in {"global", "homes", "printers", "print$"} for name in sections),
        "smb1": "yes" if old else "no",  # Samba's default has been SMB2 since 4.11
        "signing": tri(signing is not None and signing[1].lower() in {"mandatory", "required"}),
    }


def _wifi(host: Host) -> dict[str, str]:
    """The security of the wireless link, never its name."""
    if not any(host.exists(f"{path}/wireless") for path in host.listed("/sys/class/net")):
        return {"connected": "no"}
    if host.which("nmcli") is None:
        return {"connected": "unknown", "security": "unknown"}
    answer = host.run(["nmcli", "-t", "-f", "ACTIVE,SECURITY", "dev", "wifi"])
    if answer.rc != 0:
        raise CollectError("provider_error", "nmcli", f"rc_{answer.rc}")
    return parse_nmcli(answer.text)


def parse_nmcli(output: str) -> dict[str, str]:
    """``yes:WPA2`` is the link in use; no such line is no link."""
    for line in output.splitlines():
        active, _, security = line.partition(":")
        if active == "yes":
            words = security.upper().split()
            best = next((word for word in ("WPA3", "WPA2", "WPA1", "WEP") if word in words), None)
            name = {"WPA3": "wpa3", "WPA2": "wpa2", "WPA1": "wpa", "WEP": "wep", None: "open"}[best]
            return {"connected": "yes", "security": name}
    return {"connected": "no"}
