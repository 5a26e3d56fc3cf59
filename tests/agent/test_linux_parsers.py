"""Linux collectors on recorded answers: the parsers, and each "could not look" beside its "looked"."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.agent.bench import Machine
from vigie_agent.collectors.base import CollectError, Gaps
from vigie_agent.collectors.linux import (
    accounts,
    antivirus,
    encryption,
    exposure,
    firewall,
    health_card,
    power,
    screen_lock,
    storage,
    system,
)
from vigie_agent.collectors.ports import port_facts
from vigie_agent.collectors.smart import parse_smart
from vigie_agent.collectors.volumes import volume_row


@pytest.mark.parametrize(
    ("files", "running", "expected"),
    [
        (["vmlinuz-6.1.0-18-amd64", "vmlinuz-6.1.0-9-amd64"], "6.1.0-18-amd64", "6.1.0-18-amd64"),
        (["vmlinuz-6.1.0-18-amd64", "vmlinuz-6.1.0-21-amd64"], "6.1.0-18-amd64", "6.1.0-21-amd64"),
        (["vmlinuz-6.1.0-18-amd64", "vmlinuz-6.1.0-21-cloud-amd64"], "6.1.0-18-amd64", "6.1.0-18-amd64"),
        (["vmlinuz-6.1.0-21-amd64"], "6.18.44-fc", None),
        ([], "6.1.0-18-amd64", None),
    ],
)
def test_a_newer_kernel_of_the_same_flavour_awaits_a_restart(
    files: list[str], running: str, expected: str | None
) -> None:
    assert system.newest_kernel(files, running) == expected


OS_FILES: dict[str, str | bytes] = {
    "/etc/os-release": 'NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\n',
    "/proc/stat": "cpu 1 2\nbtime 1763700000\n",
    "/proc/sys/kernel/random/boot_id": "aaaa\n",
    "/proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
    "/boot/vmlinuz-6.1.0-18-amd64": "",
}


@pytest.mark.parametrize(
    ("more", "value", "status"),
    [
        ({}, "no", "ok"),
        ({"/run/reboot-required": ""}, "yes", "ok"),
        ({"/boot/vmlinuz-6.1.0-21-amd64": ""}, "yes", "ok"),
        ({"/proc/sys/kernel/osrelease": "6.18.44-fc"}, "unknown", "partial"),
    ],
)
def test_restart_awaited(machine: Machine, more: dict[str, str | bytes], value: str, status: str) -> None:
    section = system.collect(machine({**OS_FILES, **more}))
    assert section.data is not None
    assert (section.data["reboot_required"]["value"], section.status) == (value, status)


def test_boot_time_stands_still_although_the_kernel_wavers(machine: Machine) -> None:
    context = machine(OS_FILES)
    first = system.collect(context).data
    context.host.path("/proc/stat").write_text("btime 1763700001\n")
    second = system.collect(context).data
    context.host.path("/proc/sys/kernel/random/boot_id").write_text("bbbb\n")
    third = system.collect(context).data
    assert first is not None
    assert second is not None
    assert third is not None
    assert first["boot_at"] == second["boot_at"] == "2025-11-21T04:40:00Z"
    assert third["boot_at"] == "2025-11-21T04:40:01Z"


NFT_EMPTY: dict[str, Any] = {"nftables": [{"metainfo": {"version": "1.0.6"}}]}
NFT_CHAIN = {
    "chain": {"family": "inet", "table": "t", "name": "in", "type": "filter", "hook": "input", "policy": "accept"}
}
NFT_DROP = {"rule": {"family": "inet", "table": "t", "chain": "in", "expr": [{"counter": {}}, {"drop": None}]}}
NFT_SSH = {"rule": {"family": "inet", "table": "t", "chain": "in", "expr": [{"match": {}}, {"drop": None}]}}


@pytest.mark.parametrize(
    ("entries", "blocks"),
    [
        ([], False),
        ([NFT_CHAIN], False),
        ([NFT_CHAIN, NFT_SSH], False),
        ([NFT_CHAIN, NFT_SSH, NFT_DROP], True),
        ([{"chain": {**NFT_CHAIN["chain"], "policy": "drop"}}], True),
        ([{"chain": {**NFT_CHAIN["chain"], "policy": "drop", "hook": "forward"}}], False),
    ],
)
def test_nftables_protects_when_its_input_chain_ends_in_a_drop(entries: list[Any], *, blocks: bool) -> None:
    assert firewall.parse_nft(json.dumps({"nftables": NFT_EMPTY["nftables"] + entries}).encode()) is blocks


@pytest.mark.parametrize(
    ("answers", "root_user", "status", "enabled"),
    [
        ({}, True, "absent", None),
        ({"ufw status": (0, "Status: active\n")}, True, "ok", "yes"),
        ({"ufw status": (0, "Status: inactive\n")}, True, "ok", "no"),
        ({"firewall-cmd --state": (0, "running\n")}, True, "ok", "yes"),
        ({"firewall-cmd --state": (252, "not running\n")}, True, "ok", "no"),
        ({"iptables -S INPUT": (0, "-P INPUT DROP\n")}, True, "ok", "yes"),
        ({"iptables -S INPUT": (0, "-P INPUT ACCEPT\n-A INPUT -p tcp -j DROP\n")}, True, "ok", "no"),
    ],
)
def test_firewall_section(
    machine: Machine, answers: dict[str, tuple[int, str]], status: str, enabled: str | None, *, root_user: bool
) -> None:
    files: dict[str, str | bytes] = {"/etc/default/ufw": 'DEFAULT_INPUT_POLICY="DROP"\n'}
    section = firewall.collect(machine(files, answers, root_user=root_user))
    assert section.status == status
    assert (section.data["profiles"][0]["enabled"] if section.data else None) == enabled


def test_firewall_without_rights_is_unknown_not_off(machine: Machine) -> None:
    with pytest.raises(CollectError, match="permission"):
        firewall.collect(machine({}, {"nft -j list ruleset": (1, "")}, root_user=False))


def lsblk(*devices: dict[str, Any]) -> bytes:
    return json.dumps({"blockdevices": list(devices)}).encode()


PLAIN = {"name": "sda", "type": "disk", "mountpoints": [None], "rm": False, "size": 10}
ROOT = {"name": "sda2", "type": "part", "mountpoints": ["/"], "rm": False}
BOOT = {"name": "sda1", "type": "part", "mountpoints": ["/boot"], "rm": False}


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ({**PLAIN, "children": [ROOT, BOOT]}, [("os", "off")]),
        (
            {**PLAIN, "children": [BOOT, {"type": "part", "mountpoints": [None], "children": [
                {"type": "crypt", "mountpoints": [None], "children": [
                    {"type": "lvm", "mountpoints": ["/"]}, {"type": "lvm", "mountpoints": ["[SWAP]"]}]}]}]},
            [("os", "on"), ("swap", "on")],
        ),
        ({**PLAIN, "rm": True, "children": [ROOT]}, []),
        ({**PLAIN, "name": "zram0", "mountpoints": ["[SWAP]"]}, []),
    ],
)  # fmt: skip
def test_encryption_by_the_ancestors_of_a_volume(device: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    rows = encryption.parse_lsblk(lsblk(device))
    assert [(row["role"], row["state"]) for row in rows] == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, False),
        ({"/sys/firmware/efi/x": ""}, None),
        ({encryption.SECURE_BOOT: b"\x06\x00\x00\x00\x01"}, True),
        ({encryption.SECURE_BOOT: b"\x06\x00\x00\x00\x00"}, False),
    ],
)
def test_secure_boot(machine: Machine, files: dict[str, str | bytes], expected: bool | None) -> None:  # noqa: FBT001
    host, gaps = machine(files).host, Gaps()
    assert gaps.read("secure_boot", lambda: encryption.secure_boot(host)) is expected
    assert bool(gaps.problems) is (expected is None)


PASSWD = "root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\ndupont:x:1000:1000::/home/dupont:/bin/sh\n"
SHADOW = "root:!:19000:0:99999:7:::\ndupont:$y$x:19000:0:99999:7:::\ninvite::19000:0:99999:7:::\n"


def test_accounts_are_counted_never_named(machine: Machine) -> None:
    files: dict[str, str | bytes] = {
        "/etc/passwd": PASSWD,
        "/etc/group": "sudo:x:27:dupont,martin\nusers:x:100:invite\n",
        "/etc/shadow": SHADOW,
        "/etc/login.defs": "PASS_MAX_DAYS\t90\n",
        "/etc/pam.d/common-password": "password requisite pam_pwquality.so retry=3\n",
        "/etc/security/pwquality.conf": "# minlen = 8\nminlen = 12\n",
    }
    answers = {"sshd -T": (0, "permitrootlogin without-password\npasswordauthentication no\n")}
    data = accounts.collect(machine(files, answers)).data
    assert data is not None
    assert data["admins"] == {"local": 4}
    assert (data["builtin_admin_enabled"], data["passwordless_allowed"]) == ("no", 1)
    assert data["policy"] == {"max_age_days": 90, "min_length": 12, "complexity": "yes"}
    assert data["ssh"] == {"root_login": "yes", "password_auth": "no"}
    assert "dupont" not in json.dumps(data)


def test_ssh_without_rights_is_explained(machine: Machine) -> None:
    files: dict[str, str | bytes] = {"/etc/passwd": PASSWD, "/etc/group": "", "/etc/shadow": SHADOW}
    section = accounts.collect(machine(files, {"sshd -T": (0, "")}, root_user=False))
    assert [(item.code, item.source) for item in section.problems] == [
        ("permission", "sshd"),
        ("not_installed", "sign_ins"),  # nothing on this machine records them
    ]


CLAMAV_HEAD = "ClamAV-VDB:20 Nov 2026 04-24 -0500:27831:1234567:63:abc:def:raynman:1795166640"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (CLAMAV_HEAD, datetime(2026, 11, 20, 9, 24, tzinfo=UTC)),
        ("ClamAV-VDB:20 Nov 2026 04-24 -0500:27831:1:63:x", datetime(2026, 11, 20, 9, 24, tzinfo=UTC)),
    ],
)
def test_clamav_header(head: str, expected: datetime) -> None:
    assert antivirus.clamav_date(head.encode().ljust(512)) == expected


@pytest.mark.parametrize(
    ("files", "signatures", "status"),
    [
        ({"/var/lib/clamav/daily.cvd": CLAMAV_HEAD}, "up_to_date", "ok"),
        ({"/var/lib/clamav/daily.cvd": CLAMAV_HEAD.replace("1795166640", "1790000000")}, "out_of_date", "ok"),
        ({"/var/lib/clamav/freshclam.dat": ""}, "out_of_date", "ok"),
        ({"/var/lib/clamav/daily.cvd": "junk"}, "unknown", "partial"),
    ],
)
def test_clamav_section(machine: Machine, files: dict[str, str | bytes], signatures: str, status: str) -> None:
    systemctl = f"systemctl is-active {' '.join(antivirus.CLAMAV_UNITS)}"
    context = machine({"/run/systemd/system/x": "", **files}, {systemctl: (3, "active\ninactive\n")})
    section = antivirus.collect(context)
    assert section.data is not None
    assert section.status == status
    assert section.data["products"][0]["signatures"] == signatures
    assert (section.data["products"][0]["state"], section.data["realtime"]) == ("on", "no")


def test_no_antivirus_is_absent(machine: Machine) -> None:
    assert antivirus.collect(machine()).status == "absent"


def test_mdatp() -> None:
    health = {
        "realTimeProtectionEnabled": {"value": True},
        "definitionsStatus": {"$type": "upToDate"},
        "definitionsUpdated": "1795166640000",
        "definitionsUpdatedMinutesAgo": 3000,
        "orgId": "secret",
    }
    facts = antivirus.parse_mdatp(health)
    assert facts["product"]["state"] == "on"
    assert facts["product"]["signatures"] == "up_to_date"
    assert (facts["realtime"], facts["age_days"]) == (True, 2)


def smart(**more: Any) -> bytes:
    base: dict[str, Any] = {
        "smartctl": {"exit_status": 0},
        "serial_number": "S3CR3T",
        "smart_status": {"passed": True},
        "power_on_time": {"hours": 12345},
    }
    return json.dumps({**base, **more}).encode()


@pytest.mark.parametrize(
    ("answer", "health", "flags"),
    [
        (smart(), "ok", []),
        (smart(smart_status={"passed": False}), "failing", []),
        (smart(smartctl={"exit_status": 8}), "failing", []),
        (smart(smartctl={"exit_status": 64}), "warning", ["error_log"]),
        (smart(ata_smart_attributes={"table": [{"id": 197, "raw": {"value": 3}}]}), "warning", ["pending_sectors"]),
        (
            smart(nvme_smart_health_information_log={"available_spare": 5, "percentage_used": 93}),
            "warning",
            ["spare_low"],
        ),
    ],
)
def test_smart(answer: bytes, health: str, flags: list[str]) -> None:
    facts = parse_smart(answer)
    assert (facts["health"], facts["flags"], facts["hours"]) == (health, flags, 12000)
    assert facts["wear_pct"] in {None, 90}


def test_smart_on_a_disk_without_it_is_an_error_not_health() -> None:
    answer = {"smartctl": {"exit_status": 1, "messages": [{"string": "Unable to detect", "severity": "error"}]}}
    with pytest.raises(CollectError, match="exit_1"):
        parse_smart(json.dumps(answer).encode())


MOUNTS = """\
/dev/sda2 / ext4 rw,relatime 0 0
/dev/sda1 /boot ext4 rw 0 0
/dev/sdb1 /srv/dossiers xfs rw 0 0
/dev/sdb1 /home xfs rw 0 0
server:/x /mnt/nas nfs4 rw 0 0
/dev/loop0 /snap/core/1 squashfs ro 0 0
/dev/sdc1 /media/usb vfat rw 0 0
tmpfs /run tmpfs rw 0 0
"""


def test_only_local_volumes_count_one_per_device() -> None:
    assert storage.parse_mounts(MOUNTS) == [("/", "os"), ("/srv/dossiers", "data")]


def test_free_space_stands_still_until_it_moved(machine: Machine) -> None:
    context, gib = machine(), 2**30
    rows = [volume_row(context, "0", "os", 500 * gib, free * gib) for free in (200, 195, 205, 211, 10)]
    assert [row["free_gib"] for row in rows] == [200, 200, 200, 211, 10]
    assert [row["free_level"] for row in rows] == ["ok", "ok", "ok", "ok", "critical"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Personalities : [raid1]\nunused devices: <none>\n", "none"),
        ("md0 : active raid1 sdb1[1] sda1[0]\n      100 blocks [2/2] [UU]\n", "ok"),
        ("md0 : active raid1 sdb1[1]\n      100 blocks [2/1] [U_]\n", "degraded"),
        ("md0 : inactive sdb1[1]\n", "failed"),
    ],
)
def test_mdstat(content: str, expected: str) -> None:
    assert storage.parse_mdstat(content) == expected


UPSC = "battery.charge: 97\nbattery.runtime: 1447\nups.status: OL CHRG\nups.serial: SECRET\n"


@pytest.mark.parametrize(
    ("output", "mains", "replace"),
    [(UPSC, "yes", "no"), (UPSC.replace("OL CHRG", "OB LB"), "no", "no"), (UPSC.replace("OL", "OL RB"), "yes", "yes")],
)
def test_nut(machine: Machine, output: str, mains: str, replace: str) -> None:
    section = power.collect(machine({}, {"upsc -l": (0, "onduleur\n"), "upsc onduleur@localhost": (0, output)}))
    assert section.data is not None
    assert (section.data["on_mains"], section.data["battery_replace"]) == (mains, replace)
    assert (section.data["charge_pct"], section.data["runtime_s"]) == (100, 1440)


@pytest.mark.parametrize(("configured", "ups"), [("", "absent"), ("[onduleur]\n driver=usbhid-ups\n", "unknown")])
def test_a_silent_nut_is_absent_only_if_nothing_is_configured(machine: Machine, configured: str, ups: str) -> None:
    context = machine({"/etc/nut/ups.conf": configured}, {"upsc -l": (1, "")})
    section = power.collect(context)
    assert section.data is not None
    assert section.data["ups"] == ups
    assert bool(section.problems) is (ups == "unknown")


def test_apcupsd() -> None:
    facts = power.parse_apcaccess("STATUS   : ONBATT REPLACEBATT\nBCHARGE  : 43.0\nTIMELEFT : 12.5\n")
    assert (facts["on_mains"], facts["charge_pct"], facts["runtime_s"]) == ("no", 40, 720)
    assert facts["battery_replace"] == "yes"


SS = """\
LISTEN 0 128 0.0.0.0:22 0.0.0.0:*
LISTEN 0 128 [::]:445 [::]:*
LISTEN 0 128 127.0.0.1:5432 0.0.0.0:*
LISTEN 0 128 [::1]:631 [::]:*
LISTEN 0 128 127.0.0.53%lo:53 0.0.0.0:*
LISTEN 0 128 192.168.1.20:4242 0.0.0.0:*
LISTEN 0 128 *:49152 *:*
"""


def test_ports_that_others_can_reach() -> None:
    ports = exposure.parse_ss(SS)
    assert ports == {22, 445, 4242, 49152}
    assert port_facts(ports) == {"watched": [22, 445], "other_count": 10}


def test_shares_are_counted_and_old_protocols_seen() -> None:
    content = "[global]\n server min protocol = NT1\n[homes]\n[Dossiers Dupont]\n path=/srv\n[scan]\n"
    assert exposure.parse_smb_conf(content) == {"count": 2, "smb1": "yes", "signing": "no"}
    assert exposure.parse_smb_conf(content.replace("NT1", "SMB2"))["smb1"] == "no"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("no:WPA2\nyes:WPA1 WPA2\n", {"connected": "yes", "security": "wpa2"}),
        ("yes:\n", {"connected": "yes", "security": "open"}),
        ("no:WPA2\n", {"connected": "no"}),
    ],
)
def test_wifi_security(output: str, expected: dict[str, str]) -> None:
    assert exposure.parse_nmcli(output) == expected


def test_screen_lock_applies_only_where_somebody_sits(machine: Machine) -> None:
    assert not screen_lock.applies(machine())
    desktop = machine({"/etc/X11/default-display-manager": "/usr/sbin/gdm3\n"})
    assert screen_lock.applies(desktop)


@pytest.mark.parametrize(
    ("locks", "effective"),
    [
        ("/org/gnome/desktop/screensaver/lock-enabled\n/org/gnome/desktop/session/idle-delay\n", "enforced"),
        ("", "unknown"),
    ],
)
def test_screen_lock_is_enforced_only_when_users_cannot_change_it(machine: Machine, locks: str, effective: str) -> None:
    context = machine(
        {
            "/etc/dconf/db/local.d/00-lock": "[org/gnome/desktop/session]\nidle-delay=uint32 600\n"
            "[org/gnome/desktop/screensaver]\nlock-enabled=true\nlock-delay=uint32 5\n",
            "/etc/dconf/db/local.d/locks/lock": locks,
        }
    )
    section = screen_lock.collect(context)
    assert section.data is not None
    assert (section.data["effective"], section.data["machine_timeout_s"]) == (effective, 605)
    assert section.status == ("ok" if effective == "enforced" else "partial")


def test_health_card(machine: Machine) -> None:
    assert health_card.collect(machine()).status == "absent"
    context = machine({"/usr/lib/libcps3_pkcs11.so": "", "/sys/bus/usb/devices/1-1:1.0/bInterfaceClass": "0b\n"})
    data = health_card.collect(context).data
    assert data is not None
    assert (data["cryptolib"]["present"], data["readers"]) == ("yes", 1)
