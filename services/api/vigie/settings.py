"""Settings: one frozen object, read from `VIGIE_…` environment variables at the roots of the processes only.

No secret has a default. `docs/operators/settings.md` lists every field, and a test compares.
"""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_QUOTA = r"^[1-9][0-9]{0,8}/([1-9][0-9]{0,4} )?(second|minute|hour)s?$"


class Settings(BaseSettings):
    """All settings of the API, the worker and the command line."""

    model_config = SettingsConfigDict(env_prefix="VIGIE_", frozen=True, extra="ignore")

    database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL ≥ 15, as a login that may become every Vigie role; used alone for migrations. "
        "Empty: the embedded PostgreSQL of the data directory.",
    )
    app_database_url: SecretStr | None = Field(
        None, description="Login of the API's ordinary requests; default: VIGIE_DATABASE_URL with role vigie_app."
    )
    intake_database_url: SecretStr | None = Field(
        None, description="Login of the heartbeat intake; default: VIGIE_DATABASE_URL with role vigie_intake."
    )
    signin_database_url: SecretStr | None = Field(
        None, description="Login of people's sign-in; default: VIGIE_DATABASE_URL with role vigie_signin."
    )
    worker_database_url: SecretStr | None = Field(
        None, description="Login of the worker; default: VIGIE_DATABASE_URL with role vigie_worker."
    )
    database_form: str = Field(
        "postgresql",
        pattern="^(postgresql|citus)$",
        description="`citus` makes the intake send one statement per provider instead of one per batch.",
    )
    data_dir: Path = Field(Path(".vigie"), description="Where the embedded PostgreSQL and generated keys live.")
    public_url: str = Field(
        "http://127.0.0.1:8080",
        pattern=r"^https?://[^/]+$",
        description="Address under which agents and partners reach the API; it is part of what agents sign.",
    )
    agent_urls: tuple[str, ...] = Field(
        (), description="Further addresses under which agents may reach the API (JSON list)."
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        (),
        description="Networks of our own proxies (JSON list): only they are believed about where a request came from.",
    )
    token_key_file: Path | None = Field(
        None, description="PEM file of the RSA key (≥ 2048 bits) that signs partner access tokens."
    )
    identity_providers_file: Path | None = Field(
        None, description="TOML file of the identity providers people sign in with; without it, nobody does."
    )
    sealing_key_file: Path | None = Field(
        None,
        description="File with the key (32 bytes in base64, one per line) that seals what the sign-in must read again.",
    )
    outbound_ca_file: Path | None = Field(
        None,
        description="PEM file of further authorities that are trusted when identity providers, webhooks, services "
        "and the mail server are called.",
    )
    webhook_reach: str = Field(
        "public",
        pattern="^(public|private|loopback)$",
        description="How far webhooks may go: `public` addresses only, `private` networks too, or this machine (demo).",
    )
    smtp_host: str | None = Field(
        None, description="Mail server that sends notifications; empty: channels that need mail wait for one."
    )
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port: 587 for `starttls`, 465 for `implicit`.")
    smtp_tls: str = Field(
        "starttls",
        pattern="^(starttls|implicit|none)$",
        description="How the connection to it is protected; `none` is for a relay on the same machine only.",
    )
    smtp_user: str | None = Field(None, description="Login at the mail server, if it wants one.")
    smtp_password: SecretStr | None = Field(None, description="Password of that login.")
    smtp_sender: str = Field(
        "Vigie <vigie@localhost>",
        max_length=320,
        description="From whom notifications come: an address that the mail server may send for.",
    )
    token_key_previous_files: tuple[Path, ...] = Field(
        (), description="Keys that verify access tokens but sign none, while one key replaces another (JSON list)."
    )
    token_lifetime_s: int = Field(600, ge=60, le=3600, description="Life of a partner access token, in seconds.")
    limit_token_client: str = Field("60/10 seconds", pattern=_QUOTA, description="Access tokens of one partner client.")
    limit_token_address: str = Field(
        "600/10 seconds", pattern=_QUOTA, description="Requests for access tokens from one address."
    )
    limit_sign_in_address: str = Field(
        "600/minute", pattern=_QUOTA, description="Steps of signing in from one address."
    )
    limit_read: str = Field("3000/10 seconds", pattern=_QUOTA, description="Reading requests of one client or session.")
    limit_read_provider: str = Field(
        "15000/10 seconds", pattern=_QUOTA, description="… of all callers of one provider."
    )
    limit_write: str = Field(
        "3000/10 seconds", pattern=_QUOTA, description="Changing requests of one client or session."
    )
    limit_write_provider: str = Field(
        "15000/10 seconds", pattern=_QUOTA, description="… of all callers of one provider."
    )
    retention_presence_months: int = Field(
        25,
        ge=13,
        le=240,
        description="How long the hours in which devices were heard, their silences and lost lines are kept, in months of "
        "31 days. A report covers up to thirteen.",
    )
    retention_backup_runs_months: int = Field(25, ge=13, le=240, description="… single runs of backups.")
    retention_history_months: int = Field(
        13,
        ge=13,
        le=240,
        description="… what devices reported, by whole months. An incident may have become known a year before it is "
        "declared, and its evidence begins thirty days earlier.",
    )
    retention_events_months: int = Field(13, ge=13, le=240, description="… the log of changes.")
    retention_alerts_months: int = Field(
        13,
        ge=13,
        le=240,
        description="… closed alerts with their course, messages that were sent, and those that were not.",
    )
    retention_access_months: int = Field(
        6,
        ge=1,
        le=240,
        description="… ended sessions, and invitations and installation codes that let nobody in any more.",
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged.")
    intake_batch: int = Field(256, ge=1, le=2000, description="Most heartbeats written in one transaction.")
    intake_queue: int = Field(2048, ge=1, le=20000, description="Heartbeats that may wait; beyond: 503.")
    intake_connections: int = Field(
        2,
        ge=1,
        le=16,
        description="Database connections of the intake, per process; beyond the first, for when a batch takes long.",
    )
    pool_size: int = Field(5, ge=1, le=100, description="Database connections of ordinary requests, per process.")
