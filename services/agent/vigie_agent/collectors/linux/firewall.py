"""Section ``firewall`` on Linux: ufw, firewalld, nftables or iptables; one of them is enough."""

import json
import re
from typing import Any

from vigie_agent.collectors.base import CollectError, Context, Section, absent, found, mapping, tri

BLOCKING = frozenset({"drop", "reject"})


def collect(context: Context) -> Section:
    """Ask the firewall that is installed; ``absent`` when no firewall tool is."""
    host = context.host
    tools = [tool for tool in ("ufw", "firewall-cmd", "nft", "iptables") if host.which(tool)]
    if not tools:
        return absent("path")
    if not host.is_root():
        return _without_rights(context, tools)
    answers = []
    for tool in tools:
        section = {"ufw": _ufw, "firewall-cmd": _firewalld, "nft": _nftables, "iptables": _iptables}[tool](context)
        if section["enabled"]:
            return _section(section)
        answers.append(section)
    return _section(answers[0])


def _section(facts: dict[str, Any]) -> Section:
    return found(
        facts["engine"],
        {
            "engine": facts["engine"] if facts["enabled"] else "none",
            "service_running": tri(facts["enabled"]),
            "profiles": [{"name": "default", "enabled": tri(facts["enabled"]), "inbound_default": facts["inbound"]}],
        },
    )


def _without_rights(context: Context, tools: list[str]) -> Section:
    """What files say is configured, which is not yet loaded: enabled stays unknown."""
    if "ufw" not in tools:
        raise CollectError("permission", "nftables" if "nft" in tools else "firewall")
    on = parse_ufw_conf(context.host.read_text("/etc/ufw/ufw.conf"))
    raise CollectError("permission", "ufw", "configured" if on else "not_configured")


def parse_ufw_conf(content: str) -> bool:
    """Whether ``ufw.conf`` asks for the firewall at boot."""
    return re.search(r"^ENABLED=yes\s*$", content, re.MULTILINE | re.IGNORECASE) is not None


def _ufw(context: Context) -> dict[str, Any]:
    answer = context.host.run(["ufw", "status"])
    if answer.rc != 0:
        raise CollectError("provider_error", "ufw", f"rc_{answer.rc}")
    policy = context.host.read_optional("/etc/default/ufw") or ""
    return {"engine": "ufw", **parse_ufw(answer.text, policy)}


def parse_ufw(status: str, defaults: str) -> dict[str, Any]:
    """``Status: active`` and the default input policy."""
    match = re.search(r"^Status: (active|inactive)", status, re.MULTILINE)
    if match is None:
        raise ValueError("no status")
    policy = re.search(r'^DEFAULT_INPUT_POLICY="?(\w+)"?', defaults, re.MULTILINE)
    blocking = policy is not None and policy[1].lower() in BLOCKING
    active = match[1] == "active"
    return {"enabled": active, "inbound": ("block" if blocking else "allow") if active else "allow"}


def _firewalld(context: Context) -> dict[str, Any]:
    answer = context.host.run(["firewall-cmd", "--state"])
    running = answer.rc == 0 and answer.text.strip() == "running"
    return {"engine": "firewalld", "enabled": running, "inbound": "block" if running else "allow"}


def _nftables(context: Context) -> dict[str, Any]:
    answer = context.host.run(["nft", "-j", "list", "ruleset"])
    if answer.rc != 0:
        denied = b"Operation not permitted" in answer.stderr
        raise CollectError("permission" if denied else "provider_error", "nftables", f"rc_{answer.rc}")
    blocks = parse_nft(answer.stdout)
    return {"engine": "nftables", "enabled": blocks, "inbound": "block" if blocks else "allow"}


def parse_nft(ruleset: bytes) -> bool:
    """Whether some input chain drops what no rule lets in: by its policy, or by its last rule without a condition."""
    entries = mapping(json.loads(ruleset)).get("nftables")
    if not isinstance(entries, list):
        raise ValueError("no ruleset")  # noqa: TRY004 - wrong data of a tool
    chains = [entry["chain"] for entry in entries if "chain" in entry]
    rules = [entry["rule"] for entry in entries if "rule" in entry]
    for chain in chains:
        if chain.get("hook") != "input":
            continue
        if chain.get("policy") in BLOCKING:
            return True
        own = [
            rule
            for rule in rules
            if all(
                rule.get(part) == chain.get(part if part != "chain" else "name")
                for part in ("family", "table", "chain")
            )
        ]
        if own and _drops_everything(own[-1].get("expr", [])):
            return True
    return False


def _drops_everything(expression: list[dict[str, Any]]) -> bool:
    verbs = [name for part in expression for name in part if name not in {"counter", "log"}]
    return len(verbs) == 1 and verbs[0] in BLOCKING


def _iptables(context: Context) -> dict[str, Any]:
    answer = context.host.run(["iptables", "-S", "INPUT"])
    if answer.rc != 0:
        raise CollectError("provider_error", "iptables", f"rc_{answer.rc}")
    blocks = parse_iptables(answer.text)
    return {"engine": "iptables", "enabled": blocks, "inbound": "block" if blocks else "allow"}


def parse_iptables(rules: str) -> bool:
    """Whether the INPUT chain ends in a drop: by policy or by an unconditional last rule."""
    lines = [line.strip() for line in rules.splitlines() if line.strip()]
    if any(re.fullmatch(r"-P INPUT (DROP|REJECT)", line) for line in lines):
        return True
    return bool(lines) and re.fullmatch(r"-A INPUT -j (DROP|REJECT)( --reject-with \S+)?", lines[-1]) is not None
