"""Sections about what keeps intruders out: antivirus, firewall, encryption, screen lock, accounts, exposure."""

from typing import Annotated

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


class AntivirusProduct(Part):
    """One product registered with the system, by its name on the agent's allow-list."""

    name: AntivirusName
    vendor_owned: Tri | None = None
    state: ProductState | None = None
    signatures: Signatures | None = None
    engine_date: Timestamp | None = None


class Exclusions(Part):
    """How many exclusions, never which: their paths name software and folders of the practice."""

    paths: Count | None = None
    extensions: Count | None = None
    processes: Count | None = None
    whole_drive: Tri | None = None


class OsProtection(Part):
    """Protections built into macOS."""

    gatekeeper: Tri | None = None
    sip: Tri | None = None
    xprotect_version: Version | None = None


class AntivirusData(Part):
    """Antivirus: at least one product on and up to date is what the rule asks for."""

    products: Annotated[tuple[AntivirusProduct, ...], Field(max_length=16)] | None = None
    realtime: Tri | None = None
    tamper_protected: Tri | None = None
    signature_age_days: Count | None = None
    running_mode: RunningMode | None = None
    last_quick_scan_days: Count | None = None
    exclusions: Exclusions | None = None
    os_protection: OsProtection | None = None


class AntivirusSection(Section):
    """Section `antivirus`."""

    data: AntivirusData | None


FirewallEngine = Annotated[
    Slug, known("windows", "third_party", "alf", "nftables", "iptables", "ufw", "firewalld", "none", "unknown")
]
ProfileName = Annotated[Slug, known("domain", "private", "public", "default")]
InboundDefault = Annotated[Slug, known("block", "allow", "unknown")]


class FirewallProfile(Part):
    """One profile; systems without profiles send a single `default`."""

    name: ProfileName
    enabled: Tri | None = None
    inbound_default: InboundDefault | None = None


class FirewallData(Part):
    """The firewall of the machine (the one of the box is asked of a person)."""

    engine: FirewallEngine | None = None
    service_running: Tri | None = None
    profiles: Annotated[tuple[FirewallProfile, ...], Field(max_length=8)] | None = None
    active_category: Annotated[Slug, known("domain", "private", "public", "unknown")] | None = None
    stealth: Tri | None = None


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


class EncryptedVolume(Part):
    """A fixed volume; ``suspended`` means encrypted with the key lying open beside it."""

    role: VolumeRole
    state: EncryptionState | None = None
    method: EncryptionMethod | None = None
    protectors: Annotated[tuple[Protector, ...], Field(max_length=8)] | None = None


class Tpm(Part):
    """The security chip."""

    present: Tri | None = None
    version: Version | None = None


class EncryptionData(Part):
    """Encryption of disks at rest."""

    volumes: Annotated[tuple[EncryptedVolume, ...], Field(max_length=32)] | None = None
    tpm: Tpm | None = None
    secure_boot: Tri | None = None


class EncryptionSection(Section):
    """Section `encryption`."""

    data: EncryptionData | None


class LockUsers(Part):
    """Counts over the user profiles that could be seen; never who."""

    seen: Count | None = None
    compliant: Count | None = None
    no_password: Count | None = None


class ScreenLockData(Part):
    """Automatic locking of the session."""

    machine_timeout_s: Count | None = None
    machine_policy: Tri | None = None
    users: LockUsers | None = None
    effective: Annotated[Slug, known("enforced", "per_user", "weak", "none", "unknown")] | None = None


class ScreenLockSection(Section):
    """Section `screen_lock`."""

    data: ScreenLockData | None


class PasswordPolicy(Part):
    """The password policy in force on the machine."""

    min_length: Count | None = None
    max_age_days: Count | None = None
    history: Count | None = None
    lockout_threshold: Count | None = None
    lockout_s: Count | None = None
    complexity: Tri | None = None


class Administrators(Part):
    """How many administrators, by where their account lives."""

    local: Count | None = None
    domain: Count | None = None
    entra: Count | None = None
    unresolved: Count | None = None


class SshAccess(Part):
    """What the SSH server lets in."""

    root_login: Tri | None = None
    password_auth: Tri | None = None


class AccountsData(Part):
    """Accounts and password policy; counts and yes/no only."""

    scope: Annotated[Slug, known("local", "domain", "entra")] | None = None
    policy: PasswordPolicy | None = None
    admins: Administrators | None = None
    builtin_admin_enabled: Tri | None = None
    guest_enabled: Tri | None = None
    autologon: Annotated[Slug, known("no", "yes", "yes_clear_text", "unknown")] | None = None
    daily_user_is_admin: Tri | None = None
    passwordless_allowed: Count | None = None
    uac: Tri | None = None
    ssh: SshAccess | None = None


class AccountsSection(Section):
    """Section `accounts`."""

    data: AccountsData | None


class RemoteDesktop(Part):
    """Remote desktop of Windows."""

    enabled: Tri | None = None
    nla: Tri | None = None
    default_port: Tri | None = None


class Smb1(Part):
    """The file-sharing protocol that worms like."""

    server: Tri | None = None
    client: Tri | None = None


class ListeningPorts(Part):
    """Open ports of the watch-list, sorted, and how many others."""

    watched: Annotated[tuple[Port, ...], Field(max_length=64)] | None = None
    other_count: Count | None = None


class Shares(Part):
    """Shared folders, counted."""

    count: Count | None = None
    everyone_write: Tri | None = None


class Wifi(Part):
    """The wireless link, without its name."""

    connected: Tri | None = None
    security: Annotated[Slug, known("open", "wep", "wpa", "wpa2", "wpa3", "unknown")] | None = None


class Sharing(Part):
    """Sharing services of macOS and Linux."""

    ssh: Tri | None = None
    screen: Tri | None = None
    file: Tri | None = None


RemoteTool = Annotated[
    Slug,
    known(
        "teamviewer", "anydesk", "rustdesk", "splashtop", "screenconnect", "logmein", "supremo", "vnc", "meshagent",
        "tactical_rmm", "atera", "ninjaone", "nable", "kaseya",
    ),
]  # fmt: skip


class ExposureData(Part):
    """What the machine offers to its network."""

    rdp: RemoteDesktop | None = None
    smb1: Smb1 | None = None
    smb_signing: Tri | None = None
    ports: ListeningPorts | None = None
    shares: Shares | None = None
    wifi: Wifi | None = None
    remote_tools: Annotated[tuple[RemoteTool, ...], Field(max_length=32)] | None = None
    sharing: Sharing | None = None


class ExposureSection(Section):
    """Section `exposure`."""

    data: ExposureData | None
