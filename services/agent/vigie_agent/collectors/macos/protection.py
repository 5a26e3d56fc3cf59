"""Sections ``antivirus``, ``firewall``, ``encryption``, ``screen_lock``, ``accounts`` and ``exposure`` of macOS."""

import plistlib
import re

from vigie_agent.collectors.base import DAY_S, CollectError, Context, Gaps, Problem, Section, found, tri
from vigie_agent.collectors.macos.system import ask, plist
from vigie_agent.collectors.ports import port_facts

XPROTECT = "/Library/Apple/System/Library/CoreServices/XProtect.bundle/Contents/Info.plist"
SOCKET_FILTER = "/usr/libexec/ApplicationFirewall/socketfilterfw"
LOGIN_WINDOW = "/Library/Preferences/com.apple.loginwindow.plist"
FIREWALL_OFF, FIREWALL_BLOCK_ALL = 0, 2
LOCK_AT_MOST_S = 900
ADMIN_SYSTEM_ACCOUNTS = frozenset({"root"})
REMOTE_APPS = {
    "teamviewer": "/Applications/TeamViewer.app",
    "anydesk": "/Applications/AnyDesk.app",
    "rustdesk": "/Applications/RustDesk.app",
    "splashtop": "/Applications/Splashtop Streamer.app",
    "logmein": "/Library/Application Support/LogMeIn",
}


def collect_antivirus(context: Context) -> Section:
    """Apple's own protection; third-party products only by their system's word, not yet read."""
    host, gaps = context.host, Gaps()
    version = gaps.read("xprotect", lambda: str(plist(host, XPROTECT)["CFBundleShortVersionString"]))
    gatekeeper = gaps.read("spctl", lambda: "assessments enabled" in ask(host, ["spctl", "--status"]))
    sip = gaps.read("csrutil", lambda: re.search(r"status: enabled\.", ask(host, ["csrutil", "status"])) is not None)
    data = {
        "products": [
            {
                "name": "xprotect",
                "vendor_owned": "yes",
                "state": "unknown" if version is None else "on",
                "signatures": "unknown",
            }
        ],
        "realtime": tri(None if version is None else True),
        "os_protection": {"gatekeeper": tri(gatekeeper), "sip": tri(sip), "xprotect_version": version},
    }
    return found("plist+spctl+csrutil", data, gaps.problems)


def collect_firewall(context: Context) -> Section:
    """The application firewall: its state is a number in the answer."""
    host, gaps = context.host, Gaps()
    state = filter_state(ask(host, [SOCKET_FILTER, "--getglobalstate"]))
    stealth = gaps.read("alf.stealth", lambda: _stealth(ask(host, [SOCKET_FILTER, "--getstealthmode"])))
    on = state != FIREWALL_OFF
    data = {
        "engine": "alf",
        "service_running": tri(on),
        "profiles": [{"name": "default", "enabled": tri(on), "inbound_default": "block" if on else "allow"}],
        "stealth": tri(stealth),
    }
    return found("socketfilterfw", data, gaps.problems)


def filter_state(output: str) -> int:
    """``Firewall is enabled. (State = 1)``: 0 off, 1 on, 2 blocks everything."""
    match = re.search(r"State = (\d)", output)
    if match is None:
        raise ValueError("no state")
    return int(match[1])


def _stealth(output: str) -> bool:
    return re.search(r"\b(enabled|on)\b", output.lower()) is not None


def collect_encryption(context: Context) -> Section:
    """FileVault; without it an Apple chip encrypts but protects nothing."""
    output = context.host.run(["fdesetup", "status"])
    state = filevault(output.text)
    volume = {"role": "os", "state": state, "method": "filevault" if state != "off" else "none"}
    section = found("fdesetup", {"volumes": [volume]})
    section.ttl_s = DAY_S // 4
    return section


def filevault(output: str) -> str:
    """By the first line; a second one may follow (deferred enablement, progress)."""
    first = output.strip().splitlines()[0] if output.strip() else ""
    if "Encryption in progress" in output:
        return "encrypting"
    if "Decryption in progress" in output:
        return "decrypting"
    if first == "FileVault is On.":
        return "on"
    if first == "FileVault is Off.":
        return "off"
    raise ValueError("no state of FileVault")


def collect_screen_lock(context: Context) -> Section:
    """The lock delay, asked in the session of the person at the console; nobody there is not known."""
    host = context.host
    uid = ask(host, ["stat", "-f", "%u", "/dev/console"]).strip()
    if not uid.isdigit() or int(uid) == 0:
        raise CollectError("permission", "sysadminctl", "nobody_signed_in")
    argv = ["launchctl", "asuser", uid, "sudo", "-u", f"#{uid}", "sysadminctl", "-screenLock", "status"]
    answer = host.run(argv)
    delay = lock_delay(answer.text + answer.stderr.decode("utf-8", "replace"))
    good = delay is not None and delay <= LOCK_AT_MOST_S
    data = {
        "users": {"seen": 1, "compliant": int(good)},
        "machine_policy": "unknown",
        "effective": "none" if delay is None else "per_user" if good else "weak",
    }
    section = found("sysadminctl", data)
    section.ttl_s = DAY_S // 4
    return section


def lock_delay(output: str) -> int | None:
    """Seconds until the screen is locked, None when it never is."""
    if "screenLock is off" in output:
        return None
    if "screenLock delay is immediate" in output:
        return 0
    match = re.search(r"screenLock delay is (\d+) seconds", output)
    if match is None:
        raise ValueError("no screen lock")
    return int(match[1])


def collect_accounts(context: Context) -> Section:
    """Administrators by number, guest, automatic login, length of passwords."""
    host, gaps = context.host, Gaps()
    admins = gaps.read(
        "dscl", lambda: admin_count(ask(host, ["dscl", ".", "-read", "/Groups/admin", "GroupMembership"]))
    )
    window = gaps.read("loginwindow", lambda: plist(host, LOGIN_WINDOW)) or {}
    length = gaps.read("pwpolicy", lambda: min_length(host.run(["pwpolicy", "-getaccountpolicies"]).stdout))
    data = {
        "scope": "local",
        "policy": {"min_length": length},
        "admins": {"local": admins},
        "guest_enabled": tri(bool(window.get("GuestEnabled", False))),
        "autologon": "yes" if "autoLoginUser" in window else "no",
        "daily_user_is_admin": "unknown",
        "sign_ins": None,
    }
    gaps.note("unsupported_os", "sign_ins")  # macOS keeps no record of last sign-ins that can be relied on
    section = found("dscl+plist", data, gaps.problems)
    section.ttl_s = DAY_S
    return section


def admin_count(output: str) -> int:
    """Members of the group ``admin``, the system's own account not counted."""
    _, _, names = output.partition(":")
    return len({name for name in names.split() if name not in ADMIN_SYSTEM_ACCOUNTS})


def min_length(output: bytes) -> int | None:
    """The length in the account policies: one header line, then a property list with a pattern; None without one."""
    _, _, content = output.partition(b"\n")
    if not content.strip():
        return None
    try:
        policies = plistlib.loads(content)
    except plistlib.InvalidFileException as error:
        raise ValueError("not a property list") from error
    match = re.search(r"policyAttributePassword matches '[^']*\.\{(\d+),", str(policies))
    return int(match[1]) if match else None


def collect_exposure(context: Context) -> Section:
    """Sharing services, listening ports, remote-maintenance tools."""
    host, gaps = context.host, Gaps()
    disabled = gaps.read("launchctl", lambda: services_off(ask(host, ["launchctl", "print-disabled", "system"])))
    listening = gaps.read("netstat", lambda: parse_netstat(ask(host, ["netstat", "-an", "-p", "tcp"])))
    data = {
        "ports": None if listening is None else port_facts(listening),
        "wifi": {"connected": "unknown"},
        "remote_tools": [name for name, path in REMOTE_APPS.items() if host.exists(path)],
        "sharing": {
            "ssh": _offered(disabled, "com.openssh.sshd"),
            "screen": _offered(disabled, "com.apple.screensharing"),
            "file": _offered(disabled, "com.apple.smbd"),
        },
    }
    if listening is None and disabled is None:
        return Section("netstat", "unknown", None, gaps.problems or [Problem("provider_error", "netstat")])
    section = found("launchctl+netstat", data, gaps.problems)
    section.ttl_s = DAY_S // 4
    return section


def _offered(disabled: dict[str, bool] | None, service: str) -> str:
    return tri(None if disabled is None or service not in disabled else not disabled[service])


def services_off(output: str) -> dict[str, bool]:
    """``"com.openssh.sshd" => disabled`` (older systems: ``true``); True means switched off."""
    pairs = re.findall(r'"([\w.-]+)" => (disabled|enabled|true|false)', output)
    return {name: word in {"disabled", "true"} for name, word in pairs}


def parse_netstat(output: str) -> set[int]:
    """Ports of listening sockets that others can reach: ``tcp4 0 0 *.22 *.* LISTEN``."""
    ports = set()
    for line in output.splitlines():
        fields = line.split()
        if len(fields) >= 6 and fields[5] == "LISTEN":  # noqa: PLR2004 - columns of netstat
            address, _, port = fields[3].rpartition(".")
            if port.isdigit() and not address.startswith("127.") and address != "::1":
                ports.add(int(port))
    return ports
