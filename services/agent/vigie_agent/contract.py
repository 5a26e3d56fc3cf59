"""The allow-list of the heartbeat, schema ``hb/1``: every field that may leave this machine stands here.

The server has its own, wider schema (it must accept older and newer agents). This one is as narrow as the agent of
this version needs: closed word lists wherever the field is an enumeration, so that no name, path or address can
travel even in a field that the schema would accept.
"""

from vigie_agent.shapes import Flag, Group, Many, Whole, choice, group, text


def _words(text_of_words: str) -> tuple[str, ...]:
    return tuple(text_of_words.split())


TRI = choice("yes", "no", "unknown")
SLUG = text(r"[a-z0-9_]{1,32}")
VERSION = text(r"[0-9A-Za-z][0-9A-Za-z.+~:_-]{0,47}")
BUILD = text(r"[0-9][0-9A-Za-z.+~_-]{0,47}|rolling")
AT = text(r"20(1[5-9]|[2-9]\d)-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")  # 2015 to 2099: older is a lost clock
DAY = text(r"20(1[5-9]|[2-9]\d)-\d{2}-\d{2}")
MONTH = text(r"20(1[5-9]|[2-9]\d)-(0[1-9]|1[0-2])")
JOB = text(r"[a-z0-9][a-z0-9-]{0,31}")
PACKAGE = text(r"[a-z0-9][a-z0-9+._-]{0,63}")
KB = text(r"[0-9]{6,8}")
COUNT = Whole(0, 1_000_000)
PERCENT = Whole(0, 100)
PORT = Whole(1, 65535)

BACKUP_TOOLS = _words(
    "restic borg borgmatic rsnapshot duplicity rdiff_backup timeshift duplicati urbackup veeam_agent veeam_br "
    "windows_server_backup windows_backup file_history time_machine proxmox acronis macrium cobian active_backup "
    "hyper_backup bacula arx_one redstor cove rclone backintime kopia other unknown",
)
TARGETS = ("local", "usb", "nas", "server", "offsite", "cloud", "unknown")
JOB_STATUSES = ("ok", "warning", "failed", "cancelled", "running", "never", "unknown")
EVENT_STATUSES = ("started", "ok", "warning", "failed", "cancelled")
ANTIVIRUS_NAMES = _words(
    "windows_defender clamav mdatp eset bitdefender kaspersky sophos trend_micro sentinelone crowdstrike cortex_xdr "
    "withsecure panda harfanglab avast avg avira norton mcafee malwarebytes xprotect other",
)
REMOTE_TOOLS = _words(
    "teamviewer anydesk rustdesk splashtop screenconnect logmein supremo vnc meshagent tactical_rmm atera ninjaone "
    "nable kaseya",
)

PROTECTOR = choice("tpm", "tpm_pin", "recovery_password", "passphrase", "external_key", "clear_key", "other")
_PENDING_ITEM = group(
    name=PACKAGE,
    kb=KB,
    **{"class": choice("security", "critical", "other", "optional", "definition", "driver", "upgrade")},
    severity=choice("critical", "important", "moderate", "low", "none"),
    released_on=DAY,
    reboot=choice("never", "may", "always", "unknown"),
    downloaded=TRI,
)

SECTIONS: dict[str, Group] = {
    "os": group(
        "family",
        family=choice("windows", "macos", "linux"),
        product=choice("client", "server", "dc", "nas", "other"),
        edition=text(r"[A-Za-z][A-Za-z0-9_]{0,31}"),
        version=VERSION,
        build=BUILD,
        ubr=Whole(),
        distro=SLUG,
        arch=choice("x64", "arm64", "x86"),
        install_type=choice("desktop", "server_core", "headless", "unknown"),
        boot_at=AT,
        fast_startup=TRI,
        chassis=choice("desktop", "laptop", "server", "vm", "unknown"),
        join=choice("workgroup", "domain", "entra", "hybrid", "mdm", "unknown"),
        reboot_required=group(
            value=TRI,
            strong_sources=Many(
                choice("cbs", "wu", "wua", "run_file", "kernel", "needs_restarting", "softwareupdate"),
                8,
            ),
            file_rename=TRI,
        ),
    ),
    "patch": group(
        "manager",
        manager=choice("windows_update", "apt", "dnf", "zypper", "softwareupdate"),
        last_search_ok_at=AT,
        index_age_s=Whole(),
        last_os_install_at=AT,
        pending=group(
            security=COUNT,
            critical=COUNT,
            other=COUNT,
            optional=COUNT,
            max_age_days=COUNT,
            items=Many(_PENDING_ITEM, 30),
        ),
        auto_update=choice("enabled", "notify", "disabled", "managed", "unknown"),
        managed_by=choice("none", "wsus", "mdm", "landscape", "unknown"),
        paused_until=AT,
        esu=group(
            state=choice("receiving", "licensed", "not_enrolled", "unknown"),
            evidence=choice("ubr", "license", "none"),
        ),
        apps=Many(group("slug", slug=SLUG, version=VERSION), 20),
    ),
    "antivirus": group(
        products=Many(
            group(
                "name",
                name=choice(*ANTIVIRUS_NAMES),
                vendor_owned=TRI,
                state=choice("on", "off", "snoozed", "expired", "unknown"),
                signatures=choice("up_to_date", "out_of_date", "unknown"),
                engine_date=AT,
            ),
            10,
        ),
        realtime=TRI,
        tamper_protected=TRI,
        signature_age_days=COUNT,
        running_mode=choice("normal", "passive", "edr_block", "sxs_passive", "not_running", "unknown"),
        last_quick_scan_days=COUNT,
        exclusions=group(paths=COUNT, extensions=COUNT, processes=COUNT, whole_drive=TRI),
        os_protection=group(gatekeeper=TRI, sip=TRI, xprotect_version=VERSION),
    ),
    "firewall": group(
        engine=choice("windows", "third_party", "alf", "nftables", "iptables", "ufw", "firewalld", "none", "unknown"),
        service_running=TRI,
        profiles=Many(
            group(
                "name",
                name=choice("domain", "private", "public", "default"),
                enabled=TRI,
                inbound_default=choice("block", "allow", "unknown"),
            ),
            4,
        ),
        active_category=choice("public", "private", "domain", "unknown"),
        stealth=TRI,
    ),
    "encryption": group(
        volumes=Many(
            group(
                "role state",
                role=choice("os", "data", "swap"),
                state=choice("on", "suspended", "encrypting", "decrypting", "off", "locked", "unknown"),
                method=choice(
                    "none",
                    "aes_128",
                    "aes_256",
                    "hardware",
                    "xts_aes_128",
                    "xts_aes_256",
                    "luks",
                    "zfs",
                    "filevault",
                    "unknown",
                ),
                protectors=Many(PROTECTOR, 8),
            ),
            20,
        ),
        tpm=group(present=TRI, version=VERSION),
        secure_boot=TRI,
    ),
    "screen_lock": group(
        machine_timeout_s=Whole(),
        machine_policy=TRI,
        users=group(seen=COUNT, compliant=COUNT, no_password=COUNT),
        effective=choice("enforced", "per_user", "weak", "none", "unknown"),
    ),
    "accounts": group(
        scope=choice("local", "domain", "entra"),
        policy=group(
            min_length=COUNT,
            max_age_days=COUNT,
            history=COUNT,
            lockout_threshold=COUNT,
            lockout_s=Whole(),
            complexity=TRI,
        ),
        admins=group(local=COUNT, domain=COUNT, entra=COUNT, unresolved=COUNT),
        builtin_admin_enabled=TRI,
        guest_enabled=TRI,
        autologon=choice("no", "yes", "yes_clear_text", "unknown"),
        daily_user_is_admin=TRI,
        passwordless_allowed=COUNT,
        uac=TRI,
        ssh=group(root_login=TRI, password_auth=TRI),
        sign_ins=group(accounts=COUNT, unseen=COUNT, longest_idle_days=COUNT),
    ),
    "backup": group(
        tools=Many(group("tool", tool=choice(*BACKUP_TOOLS), present=TRI, version=VERSION, readable=TRI), 20),
        jobs=Many(
            group(
                "job",
                job=JOB,
                origin=choice("hook", "observed"),
                tool=choice(*BACKUP_TOOLS),
                last_status=choice(*JOB_STATUSES),
                last_end_at=AT,
                last_ok_at=AT,
                duration_s=Whole(),
                bytes=Whole(),
                files=Whole(),
                target=choice(*TARGETS),
                offsite=TRI,
                encrypted=TRI,
                immutable=TRI,
                restore_tested_at=AT,
                exit_code=Whole(-(2**31), 2**32 - 1),
                restore_months=Many(MONTH, 24),
            ),
            20,
        ),
        sync_only=TRI,
    ),
    "storage": group(
        disks=Many(
            group(
                kind=choice("hdd", "ssd", "nvme", "raid", "virtual", "unknown"),
                health=choice("ok", "warning", "failing", "unknown"),
                wear_pct=Whole(0, 255),
                hours=Whole(),
                flags=Many(
                    choice(
                        "prefail",
                        "past_prefail",
                        "error_log",
                        "self_test_failed",
                        "reallocated",
                        "pending_sectors",
                        "uncorrectable",
                        "media_errors",
                        "spare_low",
                        "critical_warning",
                    ),
                    10,
                ),
            ),
            32,
        ),
        volumes=Many(
            group(
                role=choice("os", "data", "swap"),
                total_gib=Whole(),
                free_gib=Whole(),
                free_level=choice("ok", "low", "critical"),
            ),
            32,
        ),
        raid=choice("ok", "degraded", "failed", "none", "unknown"),
    ),
    "power": group(
        ups=choice("present", "absent", "unknown"),
        source=choice("nut", "apcupsd", "windows_hid", "macos", "none"),
        on_mains=TRI,
        charge_pct=PERCENT,
        runtime_s=Whole(),
        battery_replace=TRI,
        laptop_battery=TRI,
    ),
    "exposure": group(
        rdp=group(enabled=TRI, nla=TRI, default_port=TRI),
        smb1=group(server=TRI, client=TRI),
        smb_signing=TRI,
        ports=group(watched=Many(PORT, 64), other_count=COUNT),
        shares=group(count=COUNT, everyone_write=TRI),
        wifi=group(connected=TRI, security=choice("open", "wep", "wpa", "wpa2", "wpa3", "unknown")),
        remote_tools=Many(choice(*REMOTE_TOOLS), 20),
        sharing=group(ssh=TRI, screen=TRI, file=TRI),
    ),
    "health_card": group(
        cryptolib=group(present=TRI, version=VERSION),
        minidriver=TRI,
        readers=COUNT,
        service=choice("running", "triggered", "disabled", "absent", "unknown"),
    ),
    "agent_health": group(
        collectors=Many(group("name", name=SLUG, ok=Flag(), ms=Whole(), last_ok_at=AT), 20),
        update=group(
            channel=choice("package", "manual", "none"),
            pending_version=VERSION,
            last_result=choice("none", "ok", "failed", "unknown"),
        ),
        spool=group(events=COUNT, heartbeats=COUNT),
        fda=choice("granted", "denied", "unknown"),
    ),
}

STATUSES_WITH_DATA = frozenset({"ok", "partial"})
STATUSES_WITHOUT_DATA = frozenset({"unknown", "absent", "not_applicable", "disabled"})
ERROR_CODES = frozenset(
    _words(
        "permission not_installed timeout parse provider_error unsupported_os disabled_by_config budget_exceeded "
        "internal",
    ),
)
ERROR_DETAIL = text(r"[A-Za-z0-9_.:-]{1,64}")
ERROR_SOURCE = text(r"[a-z0-9_.+-]{1,64}")
MAX_ERRORS = 8

BACKUP_EVENT = group(
    "job status ended_at",
    job=JOB,
    status=choice(*EVENT_STATUSES),
    ended_at=AT,
    started_at=AT,
    bytes=Whole(),
    files=Whole(),
    exit_code=Whole(-(2**31), 2**32 - 1),
    target=choice(*TARGETS),
    tool=choice(*BACKUP_TOOLS),
    encrypted=TRI,
    immutable=TRI,
    restore_tested_at=AT,
)
