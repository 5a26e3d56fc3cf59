"""The kinds of machines of a French practice, and their healthy reports.

Versions and ends of service are those of the reference date of the posture catalogue (November 2026).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from vigie.simulator.backups import NightOf, backup_section
from vigie.simulator.course import updates
from vigie.simulator.machines import Facts, Job, Machine, Profile
from vigie.simulator.sections_unix import linux_facts, mac_facts
from vigie.simulator.sections_windows import windows_facts

_GIB = 2**30

OFFSITE_RESTIC = Job("restic-hds", "restic", "hook", "offsite", "yes", "yes", 3 * _GIB)
LOCAL_VEEAM = Job("srv-nightly", "veeam_agent", "observed", "nas", "no", "no", 42 * _GIB)
USB_SERVER_BACKUP = Job("srv-usb", "windows_server_backup", "observed", "usb", "no", "no", 88 * _GIB)
NAS_BORG = Job("nas-borg", "borg", "hook", "offsite", "yes", "yes", 9 * _GIB)


def _windows(version: str, build: str, edition: str, **more: Any) -> dict[str, Any]:
    return {
        "family": "windows",
        "product": "client",
        "edition": edition,
        "version": version,
        "build": build,
        "arch": "x64",
        "install_type": "desktop",
        "fast_startup": "no",
        "chassis": "desktop",
        "join": "workgroup",
        **more,
    }


_SERVER = {"product": "server", "chassis": "server"}
_LAST_FREE_WINDOWS_10 = datetime(2025, 10, 14, 18, tzinfo=UTC)
_LAST_24H2_HOME = datetime(2026, 10, 13, 18, tzinfo=UTC)
_PLACES = ("accueil", "fauteuil", "bureau", "radio", "secretariat", "assistante")

PROFILES: Mapping[str, Profile] = {
    profile.kind: profile
    for profile in (
        Profile(
            "windows_11_25h2",
            "windows",
            "workstation",
            _PLACES,
            _windows("25H2", "26200", "Professional"),
            "monthly",
            6000,
        ),
        Profile(
            "windows_11_24h2_enterprise",
            "windows",
            "workstation",
            _PLACES,
            _windows("24H2", "26100", "Enterprise"),
            "monthly",
            6000,
        ),
        Profile(
            "windows_11_24h2_home",
            "windows",
            "workstation",
            _PLACES,
            _windows("24H2", "26100", "Core"),
            "monthly",
            6000,
            last_update=_LAST_24H2_HOME,
        ),
        Profile(
            "windows_10_esu",
            "windows",
            "workstation",
            _PLACES,
            _windows("22H2", "19045", "Professional"),
            "monthly",
            6000,
            esu="receiving",
        ),
        Profile(
            "windows_10",
            "windows",
            "workstation",
            _PLACES,
            _windows("22H2", "19045", "Professional"),
            "monthly",
            5943,
            last_update=_LAST_FREE_WINDOWS_10,
            esu="not_enrolled",
        ),
        Profile(
            "windows_server_2022",
            "windows",
            "server",
            ("serveur",),
            _windows("21H2", "20348", "ServerStandard", **_SERVER),
            "monthly",
            3200,
            jobs=(LOCAL_VEEAM, OFFSITE_RESTIC),
        ),
        Profile(
            "windows_server_2016",
            "windows",
            "server",
            ("serveur",),
            _windows("1607", "14393", "ServerStandard", **_SERVER),
            "monthly",
            7700,
            jobs=(USB_SERVER_BACKUP,),
        ),
        Profile(
            "macbook",
            "macos",
            "laptop",
            ("portable",),
            {
                "family": "macos",
                "product": "client",
                "version": "26.6.2",
                "build": "25G82",
                "arch": "arm64",
                "install_type": "desktop",
                "chassis": "laptop",
                "join": "workgroup",
            },
            "monthly",
        ),
        Profile(
            "linux_server",
            "linux",
            "server",
            ("serveur",),
            {
                "family": "linux",
                "product": "server",
                "distro": "debian",
                "version": "13.5",
                "build": "6.12.90",
                "arch": "x64",
                "install_type": "headless",
                "chassis": "server",
            },
            "weekly",
            jobs=(OFFSITE_RESTIC,),
        ),
        Profile(
            "nas",
            "nas",
            "nas",
            ("nas",),
            {
                "family": "linux",
                "product": "nas",
                "distro": "debian",
                "version": "13.5",
                "build": "6.12.90",
                "arch": "x64",
                "install_type": "headless",
                "chassis": "server",
            },
            "weekly",
            jobs=(NAS_BORG,),
        ),
    )
}

_BUILDERS = {"windows": windows_facts, "macos": mac_facts, "linux": linux_facts}


def healthy_facts(machine: Machine, at: datetime, night_of: NightOf) -> Facts:
    """Return the thirteen sections of a machine in order, its backups as the nights went."""
    facts = _BUILDERS[machine.profile.system["family"]](machine, at, updates(machine, at))
    facts["backup"] = backup_section(machine, at, night_of)
    return facts
