"""Nothing personal leaves: collectors are fed poisoned machines, and the poison must not come out anywhere."""

import json
import plistlib
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.agent.bench import Machine
from vigie_agent import report
from vigie_agent.collectors.base import Context, Problem, Section
from vigie_agent.collectors.linux import apt
from vigie_agent.collectors.linux import listing as linux
from vigie_agent.collectors.macos import listing as macos
from vigie_agent.collectors.macos import machine_room as mac_room
from vigie_agent.collectors.macos import protection as mac_protection
from vigie_agent.collectors.macos import system as mac_system
from vigie_agent.collectors.windows import bridge, system
from vigie_agent.collectors.windows import listing as windows
from vigie_agent.collectors.windows.registry_reader import RecordedRegistry
from vigie_agent.contract import SECTIONS
from vigie_agent.runner import Outcome, run_all

NIR, RPPS, NAME, PATH, HOST = "184127645108946", "10101234567", "dupont", "/srv/dossiers-dupont", "pc-dr-dupont"
POISON = re.compile(r"dupont|18412764510894|10101234567|dossiers|secret|192\.168|serial|\\\\|c:\\", re.IGNORECASE)


def wire_text(outcomes: list[Outcome]) -> str:
    sections = {item.name: report.section_as_wire(item.name, item.section, "2026-11-21T08:00:00Z") for item in outcomes}
    return json.dumps(sections)


def clean(outcomes: list[Outcome]) -> None:
    text = wire_text(outcomes)
    assert len(text) > 2000
    assert POISON.findall(text) == []


def poisoned_linux(machine: Machine) -> Context:
    files: dict[str, str | bytes] = {
        "/etc/os-release": f'ID=debian\nVERSION_ID="12"\nVARIANT_ID={NAME}\nPRETTY_NAME="{HOST}"\n',
        "/proc/stat": "btime 1763700000\n",
        "/proc/sys/kernel/random/boot_id": "secret-boot\n",
        "/proc/sys/kernel/osrelease": f"6.1.0-18-{NAME}\n",
        "/etc/passwd": f"root:x:0:0::/:/bin/sh\n{NAME}:x:1000:1000:{NIR}:{PATH}:/bin/sh\n",
        "/etc/group": f"sudo:x:27:{NAME}\n",
        "/etc/shadow": f"root:!:1:0:9:7:::\n{NAME}:secret:1:0:9:7:::\n",
        "/proc/self/mounts": f"/dev/sda2 / ext4 rw 0 0\n/dev/sdb1 {PATH} ext4 rw 0 0\n",
        "/etc/samba/smb.conf": f"[global]\n netbios name={HOST}\n[{NAME} {NIR}]\n path={PATH}\n",
        "/opt/teamviewer/config": RPPS,
        "/run/systemd/system/x": "",
        PATH: "",
    }
    smart = {"smartctl": {"exit_status": 0}, "smart_status": {"passed": True}, "serial_number": "secret"}
    disks = {"blockdevices": [{"name": "sda", "type": "disk", "size": 10, "rota": True, "label": NAME}]}
    tree = {"blockdevices": [{"name": NAME, "type": "part", "mountpoints": ["/", PATH], "label": NAME}]}
    inst = f"Inst {NAME}-{NIR} [1] (2 {HOST}:1/stable [all])\n1 upgraded, 0 newly installed.\n"
    answers = {
        " ".join(apt.SIMULATION): (0, inst),
        "apt-config dump": (0, f'Acquire::http::Proxy "http://{HOST}";\n'),
        "lsblk -J -b -o NAME,TYPE,FSTYPE,MOUNTPOINTS,RM,SIZE": (0, json.dumps(tree)),
        "lsblk -J -d -b -o NAME,TYPE,ROTA,TRAN,RM,SIZE": (0, json.dumps(disks)),
        "smartctl --json -n standby,3 -H -A -i /dev/sda": (0, json.dumps(smart)),
        "ss -H -tln": (0, "LISTEN 0 1 192.168.1.20:445 0.0.0.0:*\n"),
        "ufw status": (0, f"Status: active\nTo {PATH}\n"),
        "upsc -l": (0, f"{NAME}\n"),
        f"upsc {NAME}@localhost": (0, f"ups.status: OL\nups.serial: secret\nups.id: {HOST}\n"),
        "clamscan --version": (0, HOST),
        "smbd --version": (0, HOST),
        f"systemctl is-active {NAME}": (0, "active"),
    }
    return machine(files, answers)


def test_linux(machine: Machine) -> None:
    events = [{"job": "nas", "status": "ok", "ended_at": "2026-11-20T02:00:00Z"}]
    clean(run_all(linux.collectors(lambda: events, Path("cache")), poisoned_linux(machine)))


def poisoned_answer() -> dict[str, Any]:
    values: dict[str, Any] = {
        "computer": {"product_type": 1, "boot_at": NAME, "domain": True, "name": HOST, "system_type": 1},
        "updates_client": {"last_search": NAME, "history": [{"operation": 1, "result": 2, "at": NIR, "kb": NAME}]},
        "updates_pending": [{"kb": NIR, "severity": NAME, "categories": [NAME], "title": NAME, "released": NAME}],
        "security_center": [{"name": f"Antivirus {NAME}", "state": 397568, "path": PATH}],
        "defender": {"mode": NAME, "signature_age": 1, "realtime": True, "computer_id": "secret"},
        "exclusions": {"paths": PATH, "extensions": 0, "processes": 0, "whole_drive": True, "readable": True},
        "firewall": {"service": True, "profiles": [{"name": NAME, "enabled": 1, "inbound": 4}], "categories": [1]},
        "volumes_encryption": [
            {"type": 0, "protection": 1, "conversion": 1, "method": 6, "protectors": [1], "id": "secret"}
        ],
        "tpm": {"present": True, "version": f"{NAME} é"},
        "secure_boot": True,
        "accounts": [
            {"rid": rid, "name": NAME, "disabled": False, "password_required": True} for rid in (500, 1001, 1002)
        ],
        "sign_ins": [{"rid": 1001, "name": NAME, "at": "2026-05-01T08:00:00Z"}],
        "administrators": {"local": 1, NAME: 1},
        "disks": [{"media": 4, "health": 0, "serial": "secret", "model": NAME}],
        "volumes": [{"system": True, "size": 2**38, "free": 2**37, "label": NAME}],
        "virtual_disks": [],
        "batteries": [],
        "listening": [445],
        "smb": {"smb1": True, "signing": True, "shares": 1, "open": 0, "names": [NAME]},
        "services": {NAME: {"state": "Running"}, "TeamViewer": {"state": "Running", "id": RPPS}},
        "server_backup": {"last": f"2026 {NAME}", "last_ok": None, "hresult": 0, "target": PATH},
        "veeam_agent": [{"at": "2026-11-20T22:00:00Z", "level": 4, "message": NAME}],
        "esu": False,
        "readers": 1,
    }
    return {name: {"ok": True, "value": value} for name, value in values.items()}


def test_windows(machine: Machine) -> None:
    registry = RecordedRegistry(
        {
            system.VERSION: {"CurrentBuildNumber": "19045", "UBR": 1, "EditionID": f"{NAME} é", "DisplayVersion": PATH},
            system.POLICY: {"WUServer": f"http://{HOST}"},
            system.POLICY + r"\AU": {"UseWUServer": 1},
            rf"HKU\S-1-5-21-{NIR}\Control Panel\Desktop": {"SCRNSAVE.EXE": PATH},
        }
    )
    told = bridge.Bridge()
    told._answer = poisoned_answer()
    clean(run_all(windows.collectors(list, Path("cache"), registry, told), machine()))


def test_macos(machine: Machine) -> None:
    destination = {
        "SnapshotDates": [datetime(2026, 11, 20)],  # noqa: DTZ001 - property lists hold naive UTC
        "DestinationID": "secret",
        "LastKnownVolumeName": NAME,
    }
    files: dict[str, str | bytes] = {
        mac_system.VERSION: plistlib.dumps({"ProductVersion": f"15 {NAME}", "ProductBuildVersion": PATH}),
        mac_system.UPDATES: plistlib.dumps({"RecommendedUpdates": [{"Display Name": NAME}]}),
        mac_protection.LOGIN_WINDOW: plistlib.dumps({"autoLoginUser": NAME}),
        mac_room.TIME_MACHINE: plistlib.dumps({"Destinations": [destination]}),
    }
    label = f"* Label: {NAME}\n\tTitle: macOS {NAME}, Version: {NIR}, Action: restart,\n"
    answers = {
        "softwareupdate -l": (0, label),
        "dscl . -read /Groups/admin GroupMembership": (0, f"GroupMembership: root {NAME}\n"),
        "fdesetup status": (0, f"FileVault is On.\n{NAME}\n"),
        "pmset -g ps": (0, f"Now drawing from 'AC Power'\n -{HOST} (id=1)\t87%; charged;\n"),
        "netstat -an -p tcp": (0, "tcp4 0 0 192.168.1.20.445 *.* LISTEN\n"),
        "launchctl print-disabled system": (0, f'"{HOST}" => enabled\n'),
    }
    clean(run_all(macos.collectors(list, Path("cache")), machine(files, answers)))


def test_a_collector_that_tries_to_send_poison_sends_nothing_of_it() -> None:
    """The serializer is the last line: every kind of field is offered a name, a number, a path."""
    for poison in (NAME, NIR, RPPS, PATH, HOST, f"{NAME}@example.fr", 1.5, {"name": NAME}, [NAME]):
        for name, group in SECTIONS.items():
            data = dict.fromkeys(group.fields, poison) | {f"x_{NAME}": poison}
            section = Section("test", "ok", data, [Problem("internal", NAME, PATH)])
            text = json.dumps(report.section_as_wire(name, section, "2026-11-21T08:00:00Z"))
            allowed = {"version", "build", "distro", "edition"}  # patterns, not words: a version may look like anything
            kept = json.loads(text)["data"] or {}
            leaked = {field for field, value in kept.items() if POISON.search(json.dumps(value))}
            assert leaked <= allowed, (name, poison)
