"""Section ``accounts`` on Linux: password policy, how many administrators, SSH; counts only, never who."""

import re
from typing import Any

from vigie_agent.collectors.base import DAY_S, CollectError, Context, Gaps, Section, found, tri
from vigie_agent.collectors.host import Host
from vigie_agent.collectors.linux.sign_ins import sign_ins

ADMIN_GROUPS = frozenset({"sudo", "wheel", "admin"})
NO_LIMIT_DAYS = 99999
PAM_FILES = ("/etc/pam.d/common-password", "/etc/pam.d/system-auth", "/etc/pam.d/password-auth")
LIGHTDM = "/etc/lightdm/lightdm.conf"
GDM = ("/etc/gdm3/daemon.conf", "/etc/gdm3/custom.conf", "/etc/gdm/custom.conf")


def collect(context: Context) -> Section:
    """Read the files of login, groups and shadow; the last needs root."""
    host, gaps = context.host, Gaps()
    passwd, groups = host.read_text("/etc/passwd"), host.read_text("/etc/group")
    secrets = gaps.read("shadow", lambda: host.read_text("/etc/shadow"))
    shadow = gaps.read("shadow", lambda: parse_shadow(secrets)) if secrets is not None else None
    ssh = gaps.read("sshd", lambda: _ssh(host))
    data = {
        "scope": "domain" if host.exists("/etc/sssd/sssd.conf") else "local",
        "policy": gaps.read("login.defs", lambda: _policy(host)),
        "admins": {"local": count_admins(passwd, groups)},
        "builtin_admin_enabled": tri(shadow["root_enabled"] if shadow else None),
        "guest_enabled": tri(_setting(host, (LIGHTDM,), "allow-guest") == "true"),
        "autologon": "yes" if _autologon(host) else "no",
        "daily_user_is_admin": "unknown",
        "passwordless_allowed": shadow["empty"] if shadow else None,
        "ssh": ssh,
        "sign_ins": None
        if secrets is None
        else gaps.read("sign_ins", lambda: sign_ins(host, passwd, secrets, context.now)),
    }
    section = found("files", data, gaps.problems)
    section.ttl_s = DAY_S
    return section


def parse_shadow(content: str) -> dict[str, Any]:
    """Whether root can sign in with a password, and how many accounts have an empty one."""
    fields = [line.split(":") for line in content.splitlines() if line.count(":") >= 7]  # noqa: PLR2004 - shadow(5)
    if not fields:
        raise ValueError("no entries")
    root = next((entry[1] for entry in fields if entry[0] == "root"), "*")
    return {"root_enabled": not root.startswith(("!", "*")), "empty": sum(entry[1] == "" for entry in fields)}


def count_admins(passwd: str, groups: str) -> int:
    """How many accounts have the system's rights: user id 0, or member of an administrators' group."""
    accounts = [line.split(":") for line in passwd.splitlines() if line.count(":") >= 6]  # noqa: PLR2004 - passwd(5)
    admins = {entry[0] for entry in accounts if entry[2] == "0"}
    numbers = set()
    for line in groups.splitlines():
        name, _, rest = line.partition(":")
        if name in ADMIN_GROUPS and rest.count(":") >= 2:  # noqa: PLR2004 - group(5)
            _password, number, members = rest.split(":", 2)
            numbers.add(number)
            admins.update(member for member in members.split(",") if member)
    admins.update(entry[0] for entry in accounts if entry[3] in numbers)
    return len(admins)


def _policy(host: Host) -> dict[str, Any]:
    defs = host.read_optional("/etc/login.defs") or ""
    days = re.search(r"^\s*PASS_MAX_DAYS\s+(\d+)", defs, re.MULTILINE)
    age = int(days[1]) if days else None
    quality = any("pam_pwquality" in (host.read_optional(path) or "") for path in PAM_FILES)
    return {
        "max_age_days": None if age is None or age >= NO_LIMIT_DAYS else age,
        "min_length": _min_length(host) if quality else None,
        "complexity": tri(quality),
    }


def _min_length(host: Host) -> int:
    """The length pwquality asks for; its defaults are comments in its file, and its own default is 8."""
    content = host.read_optional("/etc/security/pwquality.conf") or ""
    match = re.search(r"^\s*minlen\s*=\s*(\d+)", content, re.MULTILINE)
    return int(match[1]) if match else 8


def _setting(host: Host, paths: tuple[str, ...], key: str) -> str | None:
    for path in paths:
        match = re.search(rf"^\s*{re.escape(key)}\s*=\s*(\S+)", host.read_optional(path) or "", re.MULTILINE)
        if match:
            return match[1].lower()
    return None


def _autologon(host: Host) -> bool:
    """Whether a display manager signs somebody in by itself."""
    if _setting(host, GDM, "AutomaticLoginEnable") in {"true", "1", "yes"}:
        return True
    return _setting(host, (LIGHTDM,), "autologin-user") is not None


def _ssh(host: Host) -> dict[str, str]:
    """What the SSH server would let in, by its own reading of its settings; no server lets nobody in."""
    if host.which("sshd") is None:
        return {"root_login": "no", "password_auth": "no"}
    if not host.is_root():
        raise CollectError("permission", "sshd")
    answer = host.run(["sshd", "-T"])
    if answer.rc != 0:
        raise CollectError("provider_error", "sshd", f"rc_{answer.rc}")
    return parse_sshd(answer.text)


def parse_sshd(settings: str) -> dict[str, str]:
    """``permitrootlogin`` counts as yes unless it is plainly no (keys open the door too)."""
    values = dict(line.split(" ", 1) for line in settings.lower().splitlines() if " " in line)
    if "permitrootlogin" not in values:
        raise ValueError("no permitrootlogin")
    return {
        "root_login": tri(values["permitrootlogin"].strip() != "no"),
        "password_auth": tri(values.get("passwordauthentication", "yes").strip() == "yes"),
    }
