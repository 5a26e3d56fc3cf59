"""People and partners: accounts, members, sessions, invitations, the audit; secrets of partner clients get rows of their own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0130"
down_revision = "2026_11_21_2350"

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"

# What each role may do, table by table. What is not listed is refused: nobody rewrites the audit.
GRANTS = {
    "audit_entry": {"app": "SELECT, INSERT"},
    "audit_head": {"app": "SELECT, INSERT, UPDATE"},
    "invitation": {"app": "SELECT, INSERT, UPDATE", "signin": "SELECT"},
    "member": {"app": "SELECT, INSERT, UPDATE", "signin": "SELECT"},
    "member_practice": {"app": "SELECT, INSERT, DELETE"},
    "partner_key": {"app": "SELECT, INSERT, UPDATE, DELETE"},
    "partner_practice": {"app": "SELECT, INSERT, DELETE"},
    "partner_secret": {"app": "SELECT, INSERT, UPDATE, DELETE"},
    "provider_identity": {"app": "SELECT, INSERT, UPDATE"},
    "session": {"app": "SELECT, INSERT, UPDATE", "signin": "SELECT"},
}
# Before a person is known to belong to a provider, the sign-in has to look for them in all of them.
LOOKED_UP = ("invitation", "member", "practice", "provider", "session")


def protect(table: str) -> None:
    """Enable and force row-level security on a tenant table and grant what each role needs."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    roles = ", ".join(["vigie_owner", *(f"vigie_{role}" for role in GRANTS[table])])
    op.execute(f"CREATE POLICY tenant ON {table} TO {roles} USING ({TENANT}) WITH CHECK ({TENANT})")
    for role, privileges in GRANTS[table].items():
        op.execute(f"GRANT {privileges} ON {table} TO vigie_{role}")


def open_for_sign_in() -> None:
    """Give `vigie_signin` what it looks up across providers, and the two tables that belong to no provider."""
    op.execute("GRANT USAGE ON SCHEMA public TO vigie_signin")
    op.execute("GRANT SELECT ON alembic_version, provider, practice TO vigie_signin")
    for table in LOOKED_UP:
        op.execute(f"CREATE POLICY doorstep ON {table} FOR SELECT TO vigie_signin USING (true)")
    for table in ("account", "used_once"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY doorstep ON {table} TO vigie_signin USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE ON account TO vigie_signin")
    op.execute("GRANT SELECT, INSERT, DELETE ON used_once TO vigie_signin")


def move_secrets() -> None:
    """Give each secret a row, so that two can live side by side. Nothing of this product was released before it."""
    op.execute("ALTER TABLE partner_client NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "INSERT INTO partner_secret (provider_id, client_id, id, secret_hash, created_at) "
        "SELECT provider_id, client_id, md5(client_id)::uuid, secret_hash, created_at FROM partner_client"
    )
    op.execute("ALTER TABLE partner_client FORCE ROW LEVEL SECURITY")
    op.drop_column("partner_client", "secret_hash")


def widen_partner_client() -> None:
    """Add to partner clients how they authenticate, whether they are limited to practices, and by whom they were made."""
    op.add_column("partner_client", sa.Column("auth_method", sa.Text(), nullable=False, server_default="client_secret"))
    op.add_column("partner_client", sa.Column("limited", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("partner_client", sa.Column("generation", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("partner_client", sa.Column("created_by", sa.Text(), nullable=False, server_default="operator"))
    op.add_column("partner_client", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
    for column in ("auth_method", "limited", "generation", "created_by"):
        op.alter_column("partner_client", column, server_default=None)
    op.create_unique_constraint(
        "uq_partner_client_provider_id_client_id", "partner_client", ["provider_id", "client_id"]
    )
    op.create_check_constraint(
        "ck_partner_client_auth_method", "partner_client", "auth_method IN ('client_secret', 'private_key_jwt')"
    )


def upgrade() -> None:
    widen_partner_client()
    create_account_tables()
    create_audit_tables()
    create_people_tables()
    create_partner_tables()
    move_secrets()
    for table in GRANTS:
        protect(table)
    open_for_sign_in()


def create_account_tables() -> None:
    """Create what belongs to no provider."""
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("national_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_sign_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("issuer", "subject", name="uq_account_issuer_subject"),
    )
    op.create_index(
        "uq_account_issuer_national_id",
        "account",
        ["issuer", "national_id"],
        unique=True,
        postgresql_where="national_id IS NOT NULL",
    )
    op.create_table(
        "used_once",
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_hash", "kind", name="pk_used_once"),
    )
    op.create_index("ix_used_once_expires_at", "used_once", ["expires_at"], unique=False)


def create_audit_tables() -> None:
    """Create the audit; no foreign keys, for it outlives what it speaks of."""
    op.create_table(
        "audit_entry",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_kind", sa.Text(), nullable=True),
        sa.Column("object_id", sa.Text(), nullable=True),
        sa.Column("practice_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("outcome IN ('done', 'refused')", name="ck_audit_entry_outcome"),
        sa.PrimaryKeyConstraint("provider_id", "number", name="pk_audit_entry"),
    )
    op.create_index("ix_audit_entry_actor", "audit_entry", ["provider_id", "actor_id", "number"], unique=False)
    op.create_index("ix_audit_entry_practice", "audit_entry", ["provider_id", "practice_id", "number"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("provider_id", name="pk_audit_head"),
    )


def create_people_tables() -> None:
    """Create members, their invitations, sessions and identity providers."""
    op.create_table(
        "provider_identity",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("client_secret", sa.LargeBinary(), nullable=True),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_provider_identity_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_provider_identity"),
    )
    op.create_table(
        "invitation",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("rpps", sa.String(length=11), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=True),
        sa.Column("limited", sa.Boolean(), nullable=False),
        sa.Column("practices", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("label", sa.String(length=160), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(practice_id IS NOT NULL) = (role IN ('practitioner', 'practice_staff'))", name="ck_invitation_practice"
        ),
        sa.CheckConstraint(
            "role IN ('owner', 'technician', 'auditor', 'practitioner', 'practice_staff')", name="ck_invitation_role"
        ),
        sa.CheckConstraint("(token_hash IS NULL) <> (rpps IS NULL)", name="ck_invitation_way"),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_invitation_provider_id_practice_id",
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_invitation_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_invitation"),
    )
    op.create_index("ix_invitation_rpps", "invitation", ["rpps"], unique=False, postgresql_where="rpps IS NOT NULL")
    op.create_index("uq_invitation_provider_id_token_hash", "invitation", ["provider_id", "token_hash"], unique=True)
    op.create_table(
        "member",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=True),
        sa.Column("limited", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("profession", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_sign_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("identity_provider", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(practice_id IS NOT NULL) = (role IN ('practitioner', 'practice_staff'))", name="ck_member_practice"
        ),
        sa.CheckConstraint("NOT limited OR role = 'technician'", name="ck_member_limited"),
        sa.CheckConstraint(
            "role IN ('owner', 'technician', 'auditor', 'practitioner', 'practice_staff')", name="ck_member_role"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_member_account_id"),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_member_provider_id_practice_id",
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_member_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_member"),
    )
    op.create_index("ix_member_account_id", "member", ["account_id"], unique=False)
    op.create_index(
        "uq_member_provider_id_account_id_practice_id",
        "member",
        ["provider_id", "account_id", "practice_id"],
        unique=True,
        postgresql_where="removed_at IS NULL",
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "member_practice",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "member_id"],
            ["member.provider_id", "member.id"],
            name="fk_member_practice_provider_id_member_id",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_member_practice_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "member_id", "practice_id", name="pk_member_practice"),
    )
    op.create_table(
        "session",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("identity_provider", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("sid", sa.Text(), nullable=True),
        sa.Column("acr", sa.Text(), nullable=True),
        sa.Column("id_token", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idle_s", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.String(length=200), nullable=True),
        sa.Column("address", sa.String(length=45), nullable=True),
        sa.Column("profession", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_session_account_id"),
        sa.ForeignKeyConstraint(
            ["provider_id", "member_id"], ["member.provider_id", "member.id"], name="fk_session_provider_id_member_id"
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_session"),
        sa.UniqueConstraint("provider_id", "secret_hash", name="uq_session_provider_id_secret_hash"),
    )
    op.create_index("ix_session_account_id", "session", ["account_id"], unique=False)
    op.create_index("ix_session_issuer_sid", "session", ["issuer", "sid"], unique=False)
    op.create_index("ix_session_member_id", "session", ["provider_id", "member_id"], unique=False)


def create_partner_tables() -> None:
    """Create what belongs to partner clients."""
    op.create_table(
        "partner_key",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(length=80), nullable=False),
        sa.Column("kid", sa.String(length=128), nullable=False),
        sa.Column("jwk", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider_id", "client_id"],
            ["partner_client.provider_id", "partner_client.client_id"],
            name="fk_partner_key_provider_id_client_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "client_id", "kid", name="pk_partner_key"),
    )
    op.create_table(
        "partner_practice",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(length=80), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "client_id"],
            ["partner_client.provider_id", "partner_client.client_id"],
            name="fk_partner_practice_provider_id_client_id",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_partner_practice_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "client_id", "practice_id", name="pk_partner_practice"),
    )
    op.create_table(
        "partner_secret",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(length=80), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider_id", "client_id"],
            ["partner_client.provider_id", "partner_client.client_id"],
            name="fk_partner_secret_provider_id_client_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "client_id", "id", name="pk_partner_secret"),
    )
