"""Sections about what keeps intruders out: antivirus, firewall, encryption, screen lock, accounts, exposure."""

from typing import Annotated, Required

from pydantic import Field

from vigie.devices.hb1.known import known
from vigie.devices.hb1.section import Part, Section
from vigie.devices.hb1.sections_system import VolumeRole
from vigie.devices.hb1.values import Count, Port, Slug, Timestamp, Tri, Version

AntivirusName = Annotated[
    Slug,
    known(
        "windows_defender", "mdatp", "eset", "bitdefender", "kaspersky", "sophos", "trend_micro", "sentinelone",
        "crowdstrike", "cortex_xdr", "withsecure", "panda", "harfanglab", "avast", "avg", "avira", "norton", "mcafee",
        "malwarebytes", "clamav", "xprotect", "other",
    ),
]  # fmt: skip
ProductState = Annotated[Slug, known("on", "off", "snoozed", "expired", "unknown")]
Signatures = Annotated[Slug, known("up_to_date", "out_of_date", "unknown")]
RunningMode = Annotated[Slug, known("normal", "passive", "edr_block", "sxs_passive", "not_running", "unknown")]


class AntivirusProduct(Part, total=False):
    """One product registered with the system, by its name on the agent's allow-list."""

    name: Required[AntivirusName]
    vendor_owned: Tri | None
    state: ProductState | None
    signatures: Signatures | None
    engine_date: Timestamp | None


class Exclusions(Part, total=False):
    """How many exclusions, never which: their paths name software and folders of the practice."""

    paths: Count | None
    extensions: Count | None
    processes: Count | None
    whole_drive: Tri | None


class OsProtection(Part, total=False):
    """Protections built into macOS."""

    gatekeeper: Tri | None
    sip: Tri | None
    xprotect_version: Version | None


class AntivirusData(Part, total=False):
    """Antivirus: at least one product on and up to date is what the rule asks for."""

    products: Annotated[list[AntivirusProduct], Field(max_length=16)] | None
    realtime: Tri | None
    tamper_protected: Tri | None
    signature_age_days: Count | None
    running_mode: RunningMode | None
    last_quick_scan_days: Count | None
    exclusions: Exclusions | None
    os_protection: OsProtection | None


class AntivirusSection(Section):
    """Section `antivirus`."""

    data: AntivirusData | None


FirewallEngine = Annotated[
    Slug, known("windows", "third_party", "alf", "nftables", "iptables", "ufw", "firewalld", "none", "unknown")
]
ProfileName = Annotated[Slug, known("domain", "private", "public", "default")]
InboundDefault = Annotated[Slug, known("block", "allow", "unknown")]


class FirewallProfile(Part, total=False):
    """One profile; systems without profiles send a single `default`."""

    name: Required[ProfileName]
    enabled: Tri | None
    inbound_default: InboundDefault | None


class FirewallData(Part, total=False):
    """The firewall of the machine (the one of the box is asked of a person)."""

    engine: FirewallEngine | None
    service_running: Tri | None
    profiles: Annotated[list[FirewallProfile], Field(max_length=8)] | None
    active_category: Annotated[Slug, known("domain", "private", "public", "unknown")] | None
    stealth: Tri | None


class FirewallSection(Section):
    """Section `firewall`."""

    data: FirewallData | None


EncryptionState = Annotated[Slug, known("on", "suspended", "encrypting", "decrypting", "off", "locked", "unknown")]
EncryptionMethod = Annotated[
    Slug,
    known(
        "none", "aes_128", "aes_256", "xts_aes_128", "xts_aes_256", "hardware", "filevault", "luks", "zfs", "unknown"
    ),
]
Protector = Annotated[
    Slug, known("tpm", "tpm_pin", "recovery_password", "passphrase", "external_key", "clear_key", "other")
]


class EncryptedVolume(Part, total=False):
    """A fixed volume; ``suspended`` means encrypted with the key lying open beside it."""

    role: Required[VolumeRole]
    state: EncryptionState | None
    method: EncryptionMethod | None
    protectors: Annotated[list[Protector], Field(max_length=8)] | None


class Tpm(Part, total=False):
    """The security chip."""

    present: Tri | None
    version: Version | None


class EncryptionData(Part, total=False):
    """Encryption of disks at rest."""

    volumes: Annotated[list[EncryptedVolume], Field(max_length=32)] | None
    tpm: Tpm | None
    secure_boot: Tri | None


class EncryptionSection(Section):
    """Section `encryption`."""

    data: EncryptionData | None


class LockUsers(Part, total=False):
    """Counts over the user profiles that could be seen; never who."""

    seen: Count | None
    compliant: Count | None
    no_password: Count | None


class ScreenLockData(Part, total=False):
    """Automatic locking of the session."""

    machine_timeout_s: Count | None
    machine_policy: Tri | None
    users: LockUsers | None
    effective: Annotated[Slug, known("enforced", "per_user", "weak", "none", "unknown")] | None


class ScreenLockSection(Section):
    """Section `screen_lock`."""

    data: ScreenLockData | None


class PasswordPolicy(Part, total=False):
    """The password policy in force on the machine."""

    min_length: Count | None
    max_age_days: Count | None
    history: Count | None
    lockout_threshold: Count | None
    lockout_s: Count | None
    complexity: Tri | None


class Administrators(Part, total=False):
    """How many administrators, by where their account lives."""

    local: Count | None
    domain: Count | None
    entra: Count | None
    unresolved: Count | None


class SshAccess(Part, total=False):
    """What the SSH server lets in."""

    root_login: Tri | None
    password_auth: Tri | None


class SignIns(Part, total=False):
    """Use of the enabled accounts of people, as counts over all of them: never who, never when.

    ``accounts``: how many there are; ``unseen``: those of which no sign-in is on record; ``longest_idle_days``: days since the
    last sign-in of the one that has been idle longest among the others, rounded up to tens.
    """

    accounts: Count | None
    unseen: Count | None
    longest_idle_days: Count | None


class AccountsData(Part, total=False):
    """Accounts and password policy; counts and yes/no only."""

    scope: Annotated[Slug, known("local", "domain", "entra")] | None
    policy: PasswordPolicy | None
    admins: Administrators | None
    builtin_admin_enabled: Tri | None
    guest_enabled: Tri | None
    autologon: Annotated[Slug, known("no", "yes", "yes_clear_text", "unknown")] | None
    daily_user_is_admin: Tri | None
    passwordless_allowed: Count | None
    uac: Tri | None
    ssh: SshAccess | None
    sign_ins: SignIns | None


class AccountsSection(Section):
    """Section `accounts`."""

    data: AccountsData | None


class RemoteDesktop(Part, total=False):
    """Remote desktop of Windows."""

    enabled: Tri | None
    nla: Tri | None
    default_port: Tri | None


class Smb1(Part, total=False):
    """The file-sharing protocol that worms like."""

    server: Tri | None
    client: Tri | None


class ListeningPorts(Part, total=False):
    """Open ports of the watch-list, sorted, and how many others."""

    watched: Annotated[list[Port], Field(max_length=64)] | None
    other_count: Count | None


class Shares(Part, total=False):
    """Shared folders, counted."""

    count: Count | None
    everyone_write: Tri | None


class Wifi(Part, total=False):
    """The wireless link, without its name."""

    connected: Tri | None
    security: Annotated[Slug, known("open", "wep", "wpa", "wpa2", "wpa3", "unknown")] | None


class Sharing(Part, total=False):
    """Sharing services of macOS and Linux."""

    ssh: Tri | None
    screen: Tri | None
    file: Tri | None


RemoteTool = Annotated[
    Slug,
    known(
        "teamviewer", "anydesk", "rustdesk", "splashtop", "screenconnect", "logmein", "supremo", "vnc", "meshagent",
        "tactical_rmm", "atera", "ninjaone", "nable", "kaseya",
    ),
]  # fmt: skip


class ExposureData(Part, total=False):
    """What the machine offers to its network."""

    rdp: RemoteDesktop | None
    smb1: Smb1 | None
    smb_signing: Tri | None
    ports: ListeningPorts | None
    shares: Shares | None
    wifi: Wifi | None
    remote_tools: Annotated[list[RemoteTool], Field(max_length=32)] | None
    sharing: Sharing | None


class ExposureSection(Section):
    """Section `exposure`."""

    data: ExposureData | None
