"""What is pending on Linux: apt, dnf and zypper on recorded answers, and since when an update has been pending."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.agent.bench import NOW, Machine
from vigie_agent.collectors.base import CollectError, Context
from vigie_agent.collectors.linux import apt, first_seen, rpm
from vigie_agent.collectors.memory import Memory

SIMULATION = """\
NOTE: This is only a simulation!
Inst base-files [12.4+deb12u11] (12.4+deb12u15 Debian:12.15/oldstable [amd64])
Inst libgcrypt20 [1.10.1-3] (1.10.1-3+deb12u1 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64]) []
Inst linux-image-6.1.0-50 (6.1.187-1 Debian-Security:12/oldstable-security [amd64])
Inst cabinet-dupont-tools [1.0] (1.1 cabinet:1/stable [all])
Inst openssl [3.0.2-0ubuntu1.1] (3.0.2-0ubuntu1.9 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])
Conf base-files (12.4+deb12u15 Debian:12.15/oldstable [amd64])
4 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.
"""


def test_apt_simulation_tells_security_by_origin() -> None:
    updates = apt.parse_simulation(SIMULATION)
    assert [(item.name, item.security) for item in updates] == [
        ("base-files", False),
        ("libgcrypt20", True),
        ("linux-image-6.1.0-50", True),
        ("cabinet-dupont-tools", False),
        ("openssl", True),
    ]
    assert apt.parse_simulation("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n") == []


@pytest.mark.parametrize("cut", ["4 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.\n", "Inst openssl"])
def test_apt_output_that_is_cut_is_not_taken_for_fewer_updates(cut: str) -> None:
    with pytest.raises(ValueError, match="disagree"):
        apt.parse_simulation(SIMULATION.replace(cut, "x", 1))


def test_packages_of_foreign_origins_are_counted_but_not_named() -> None:
    names = [item["name"] for item in apt.as_items(apt.parse_simulation(SIMULATION))]
    assert names == ["libgcrypt20", "linux-image-6.1.0-50", "openssl", "base-files"]


def days(count: int) -> datetime:
    return NOW + timedelta(days=count)


def test_age_of_a_pending_update_is_counted_from_when_it_was_first_seen() -> None:
    memory = Memory(None)
    assert first_seen.days_pending(memory, ["a=1"], NOW, NOW) is None  # no history yet: not known
    assert first_seen.days_pending(memory, ["a=1", "b=1"], days(10), days(10)) == 10
    assert first_seen.days_pending(memory, ["b=1"], days(12), days(12)) == 2
    assert first_seen.days_pending(memory, ["b=2"], days(13), days(13)) == 0  # another version is installed now
    assert first_seen.days_pending(memory, [], days(14), days(14)) == 0


def test_an_old_list_proves_an_age_on_the_first_day() -> None:
    assert first_seen.days_pending(Memory(None), ["a=1"], NOW, days(-100)) == 100


APT_FILES: dict[str, str | bytes] = {
    "/var/lib/apt/lists/deb_InRelease": "-----BEGIN\nDate: Fri, 20 Nov 2026 02:11:10 UTC\n",
    "/var/log/apt/history.log": (
        "Start-Date: 2026-11-01  03:00:00\nUpgrade: a (1, 2)\nEnd-Date: 2026-11-01  03:00:10\n\n"
        "Start-Date: 2026-11-02  03:00:00\nInstall: b (1)\nEnd-Date: 2026-11-02  03:00:10\n"
    ),
}
APT_CONFIG = 'APT::Periodic::Update-Package-Lists "1";\nAPT::Periodic::Unattended-Upgrade "1";\n'


def apt_machine(machine: Machine, **change: Any) -> Context:
    answers = {
        " ".join(apt.SIMULATION): (0, SIMULATION),
        "apt-config dump": (0, APT_CONFIG),
        "unattended-upgrade --help": (0, ""),
    }
    return machine(APT_FILES, {**answers, **change})


def test_apt_section(machine: Machine) -> None:
    context = apt_machine(machine)
    first_seen.days_pending(context.memory, [], days(-30), None)
    section = apt.collect(context)
    assert section.data is not None
    pending = section.data["pending"]
    assert (section.status, pending["security"], pending["other"]) == ("ok", 3, 2)
    assert section.data["index_age_s"] == 86400
    assert section.data["last_search_ok_at"] == "2026-11-20T02:11:10Z"
    assert pending["max_age_days"] == 1


@pytest.mark.parametrize(
    ("masked", "settings", "expected"),
    [
        (False, APT_CONFIG, "enabled"),
        (True, APT_CONFIG, "notify"),
        (False, APT_CONFIG.replace('Upgrade "1"', 'Upgrade "0"'), "notify"),
        (False, "", "disabled"),
        (False, APT_CONFIG + 'APT::Periodic::Enable "0";\n', "disabled"),
    ],
)
def test_automatic_updates_need_all_three_switches(
    machine: Machine, settings: str, expected: str, *, masked: bool
) -> None:
    context = apt_machine(machine, **{"apt-config dump": (0, settings)})
    wants = context.host.path(f"/etc/systemd/system/timers.target.wants/{apt.UPGRADE_TIMER}")
    wants.parent.mkdir(parents=True)
    wants.symlink_to("/usr/lib/systemd/system/apt-daily-upgrade.timer")
    if masked:
        context.host.path(f"/etc/systemd/system/{apt.UPGRADE_TIMER}").symlink_to("/dev/null")
    assert apt.auto_update(context.host) == expected


def test_apt_that_fails_is_unknown_not_empty(machine: Machine) -> None:
    with pytest.raises(CollectError, match="rc_100"):
        apt.collect(apt_machine(machine, **{" ".join(apt.SIMULATION): (100, "")}))


def test_missing_lists_are_explained(machine: Machine) -> None:
    context = machine({}, {" ".join(apt.SIMULATION): (0, "0 upgraded, 0 newly installed, 0 to remove.\n")})
    section = apt.collect(context)
    assert section.data is not None
    assert section.data["index_age_s"] is None
    assert "never_updated" in [problem.detail for problem in section.problems]


DNF = "\nbash.x86_64    5.2.26-4.el9    baseos\nkernel.x86_64   5.14.0-503.el9   baseos\nObsoleting Packages\nold.noarch  1  x\n"
ADVISORIES = (
    "RHSA-2026:1 Important/Sec. kernel-5.14.0-503.el9.x86_64\nRHSA-2026:2 Critical/Sec. bash-5.2.26-4.el9.x86_64\n"
)


def test_dnf_by_its_exit_code(machine: Machine) -> None:
    answers = {" ".join(rpm.DNF_CHECK): (100, DNF), " ".join(rpm.DNF_SECURITY): (0, ADVISORIES)}
    section = rpm.collect_dnf(machine({"/var/cache/dnf/base.solv": "x"}, answers))
    assert section.data is not None
    pending = section.data["pending"]
    assert (pending["security"], pending["critical"], pending["other"]) == (2, 1, 0)
    assert [item["severity"] for item in pending["items"]] == ["critical", "important"]
    with pytest.raises(CollectError, match="rc_1"):
        rpm.collect_dnf(machine({}, {" ".join(rpm.DNF_CHECK): (1, "")}))


ZYPPER = """<?xml version='1.0'?><stream><update-status><update-list>
<update kind="patch" name="openSUSE-SLE-15.6-2026-1" category="security" severity="important" status="needed"/>
<update kind="patch" name="openSUSE-SLE-15.6-2026-2" category="recommended" severity="low" status="needed"/>
<update kind="patch" name="old" category="security" severity="low" status="applied"/>
</update-list></update-status></stream>"""


def test_zypper_xml() -> None:
    assert [category for _name, category, _severity in rpm.parse_zypper(ZYPPER.encode())] == ["security", "recommended"]
    with pytest.raises(ValueError, match="not XML"):
        rpm.parse_zypper(b"Loading repository data...")


def test_the_simulation_is_repeated_only_when_what_it_depends_on_changed(machine: Machine) -> None:
    context = apt_machine(machine)
    status = context.host.path(apt.DPKG_STATUS)
    status.parent.mkdir(parents=True)
    status.write_text("one")
    first, second = apt.simulate(context), apt.simulate(context)
    asked = getattr(context.host, "asked")  # noqa: B009 - the recorded host's own list
    assert first == second
    assert len(asked) == 1
    status.write_text("other")
    apt.simulate(context)
    assert len(asked) == 2
    context.now = days(1)
    apt.simulate(context)
    assert len(asked) == 3
