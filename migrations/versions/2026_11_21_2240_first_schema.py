"""The first schema: tenants, devices, what they report, the verdicts, the event log; and the second lock on all of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_21_2240"
down_revision = None


TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"
OWN = "id = nullif(current_setting('vigie.provider_id', true), '')::uuid"

# What each role may do, table by table. What is not listed is refused: the event log and the history cannot be rewritten.
GRANTS = {
    "provider": {"app": "SELECT, INSERT", "worker": "SELECT"},
    "partner_client": {"app": "SELECT, INSERT, UPDATE"},
    "practice": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT", "intake": "SELECT"},
    "enrolment_token": {"app": "SELECT, INSERT, UPDATE"},
    "device": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT, UPDATE", "intake": "SELECT, UPDATE"},
    "device_liveness": {
        "app": "SELECT, INSERT, UPDATE, DELETE",
        "worker": "SELECT, UPDATE",
        "intake": "SELECT, UPDATE",
    },
    "device_deadline": {
        "app": "SELECT, INSERT, UPDATE, DELETE",
        "worker": "SELECT, UPDATE",
        "intake": "SELECT, INSERT, UPDATE",
    },
    "device_section": {
        "app": "SELECT, DELETE",
        "worker": "SELECT",
        "intake": "SELECT, INSERT, UPDATE, DELETE",
    },
    "device_presence": {"app": "SELECT", "worker": "SELECT, DELETE", "intake": "SELECT, INSERT, UPDATE"},
    "section_history": {"app": "SELECT", "worker": "SELECT", "intake": "INSERT"},
    "backup_run": {"app": "SELECT", "worker": "SELECT, DELETE", "intake": "SELECT, INSERT"},
    "finding": {
        "app": "SELECT, INSERT, UPDATE, DELETE",
        "worker": "SELECT, INSERT, UPDATE, DELETE",
        "intake": "SELECT, INSERT, UPDATE, DELETE",
    },
    "posture": {
        "app": "SELECT, INSERT, UPDATE, DELETE",
        "worker": "SELECT, INSERT, UPDATE",
        "intake": "SELECT, INSERT, UPDATE",
    },
    "event_head": {
        "app": "SELECT, INSERT, UPDATE",
        "worker": "SELECT, INSERT, UPDATE",
        "intake": "SELECT, INSERT, UPDATE",
    },
    "event": {"app": "SELECT, INSERT", "worker": "SELECT, INSERT, DELETE", "intake": "INSERT"},
}


def protect(table: str) -> None:
    """Enable and force row-level security on a table, one policy per role, and grant what the role needs."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    own = OWN if table == "provider" else TENANT
    roles = "vigie_owner, vigie_app, vigie_worker"
    op.execute(f"CREATE POLICY tenant ON {table} TO {roles} USING ({own}) WITH CHECK ({own})")
    for role, privileges in GRANTS[table].items():
        op.execute(f"GRANT {privileges} ON {table} TO vigie_{role}")
    if "intake" in GRANTS[table]:
        # One transaction of the intake holds heartbeats of many providers; every row it writes names its provider, and the
        # composite foreign keys tie that to the device.
        op.execute(f"CREATE POLICY intake ON {table} TO vigie_intake USING (true) WITH CHECK (true)")


def create_functions() -> None:
    """Create the function that binds a transaction to a provider, and the one that makes partitions."""
    op.execute(
        """
        CREATE FUNCTION bind_provider(provider uuid) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            -- SET LOCAL, not set_config: only the former reaches the shards of a Citus cluster.
            EXECUTE format('SET LOCAL vigie.provider_id = %L', provider);
        END $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION ensure_section_history(month date) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        DECLARE
            first date := date_trunc('month', month)::date;
            name text := 'section_history_' || to_char(first, 'YYYY_MM');
        BEGIN
            IF to_regclass('public.' || name) IS NOT NULL THEN
                RETURN false;
            END IF;
            EXECUTE format(
                'CREATE TABLE public.%I PARTITION OF public.section_history FOR VALUES FROM (%L) TO (%L) '
                'WITH (toast_tuple_target = 8160)',
                name, first::timestamp AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC'
            );
            EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', name);
            EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', name);
            RETURN true;
        END $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION ensure_section_history(date) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION ensure_section_history(date) TO vigie_worker")


def create_default_partition() -> None:
    """A report is never lost for want of a partition: what fits no month lands here, and an alert rule watches it."""
    op.execute(
        "CREATE TABLE section_history_rest PARTITION OF section_history DEFAULT WITH (toast_tuple_target = 8160)"
    )
    op.execute("ALTER TABLE section_history_rest ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE section_history_rest FORCE ROW LEVEL SECURITY")


def upgrade() -> None:
    op.execute("GRANT USAGE ON SCHEMA public TO vigie_app, vigie_intake, vigie_worker")
    op.execute("GRANT SELECT ON alembic_version TO vigie_app, vigie_intake, vigie_worker")
    create_functions()
    create_tables()
    # Compressing a full report costs more than the rest of its transaction; most rows are small, and partitions are dropped.
    op.execute("ALTER TABLE section_history ALTER COLUMN sections SET STORAGE EXTERNAL")
    create_default_partition()
    for table in GRANTS:
        protect(table)
    # The sweep first asks which devices are due, whoever they belong to; it then works inside one provider at a time.
    op.execute("CREATE POLICY due ON device_deadline FOR SELECT TO vigie_worker USING (true)")
    op.execute("CREATE POLICY pulse ON device_liveness FOR SELECT TO vigie_worker USING (true)")


def create_tables() -> None:
    """Create every table, the key of each tenant table led by its provider."""
    op.create_table(
        "provider",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_provider"),
    )
    op.create_table(
        "event_head",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_event_head_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", name="pk_event_head"),
    )
    op.create_table(
        "partner_client",
        sa.Column("client_id", sa.String(length=80), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_partner_client_provider_id"),
        sa.PrimaryKeyConstraint("client_id", name="pk_partner_client"),
    )
    op.create_table(
        "practice",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("city", sa.String(length=80), nullable=True),
        sa.Column("profession", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("finess", sa.String(length=9), nullable=True),
        sa.Column("siret", sa.String(length=14), nullable=True),
        sa.Column("external_ref", sa.String(length=64), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed("to_tsvector('simple', search_text)", persisted=True),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "profession IN ('dentist', 'orthodontist', 'physician', 'midwife', 'nurse', 'physiotherapist', 'podiatrist', 'speech_therapist', 'orthoptist', 'veterinarian', 'pharmacist', 'laboratory', 'other')",
            name="ck_practice_profession",
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_practice_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_practice"),
    )
    op.create_index("ix_practice_search", "practice", ["search"], unique=False, postgresql_using="gin")
    op.create_index(
        "uq_practice_provider_id_external_ref",
        "practice",
        ["provider_id", "external_ref"],
        unique=True,
        postgresql_where="external_ref IS NOT NULL",
    )
    op.create_table(
        "backup_run",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_backup_run_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "device_id", "job", "ended_at", name="pk_backup_run"),
    )
    op.create_table(
        "device",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("alias", sa.String(length=32), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("key_generation", sa.Integer(), nullable=False),
        sa.Column("machine_hint", sa.LargeBinary(), nullable=False),
        sa.Column("slot_s", sa.Integer(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clone_suspect_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("family IN ('windows', 'macos', 'linux', 'nas')", name="ck_device_family"),
        sa.CheckConstraint("role IN ('workstation', 'laptop', 'server', 'nas')", name="ck_device_role"),
        sa.CheckConstraint("status IN ('pending', 'active', 'revoked')", name="ck_device_status"),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_device_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_device"),
        sa.UniqueConstraint("provider_id", "public_key", name="uq_device_provider_id_public_key"),
    )
    op.create_index("ix_device_machine_hint", "device", ["provider_id", "practice_id", "machine_hint"], unique=False)
    op.create_index("ix_device_practice", "device", ["provider_id", "practice_id", "id"], unique=False)
    op.create_table(
        "enrolment_token",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("needs_approval", sa.Boolean(), nullable=False),
        sa.Column("use_limit", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("use_limit >= 1 AND uses >= 0 AND uses <= use_limit", name="ck_enrolment_token_uses"),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_enrolment_token_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_enrolment_token"),
        sa.UniqueConstraint("provider_id", "token_hash", name="uq_enrolment_token_provider_id_token_hash"),
    )
    op.create_index(
        "ix_enrolment_token_practice", "enrolment_token", ["provider_id", "practice_id", "id"], unique=False
    )
    op.create_table(
        "event",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_event_provider_id_practice_id",
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_event_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", "number", name="pk_event"),
    )
    op.create_index("ix_event_practice", "event", ["provider_id", "practice_id", "number"], unique=False)
    op.create_table(
        "finding",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("control", sa.Text(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assessed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("threshold", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("state IN ('pass', 'warn', 'fail', 'unknown', 'not_applicable')", name="ck_finding_state"),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_finding_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "subject_id", "control", name="pk_finding"),
        postgresql_with={"fillfactor": "60"},
    )
    op.create_index("ix_finding_practice", "finding", ["provider_id", "practice_id", "control"], unique=False)
    op.create_table(
        "posture",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("overall", sa.Text(), nullable=False),
        sa.Column("patch", sa.Text(), nullable=False),
        sa.Column("backup", sa.Text(), nullable=False),
        sa.Column("checklist", sa.Text(), nullable=False),
        sa.Column("liveness", sa.Text(), nullable=False),
        sa.Column("since", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("controls", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("devices", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("assessed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("backup IN ('ok', 'warning', 'critical', 'unknown')", name="ck_posture_backup"),
        sa.CheckConstraint("checklist IN ('ok', 'warning', 'critical', 'unknown')", name="ck_posture_checklist"),
        sa.CheckConstraint("liveness IN ('ok', 'warning', 'critical', 'unknown')", name="ck_posture_liveness"),
        sa.CheckConstraint("overall IN ('ok', 'warning', 'critical', 'unknown')", name="ck_posture_overall"),
        sa.CheckConstraint("patch IN ('ok', 'warning', 'critical', 'unknown')", name="ck_posture_patch"),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_posture_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "practice_id", name="pk_posture"),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("ix_posture_backup", "posture", ["provider_id", "backup", "rank", "practice_id"], unique=False)
    op.create_index("ix_posture_liveness", "posture", ["provider_id", "liveness", "rank", "practice_id"], unique=False)
    op.create_index("ix_posture_overall", "posture", ["provider_id", "overall", "rank", "practice_id"], unique=False)
    op.create_index("ix_posture_patch", "posture", ["provider_id", "patch", "rank", "practice_id"], unique=False)
    op.create_index("ix_posture_rank", "posture", ["provider_id", "rank", "practice_id"], unique=False)
    op.create_table(
        "device_deadline",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("silent_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider_id", "device_id"],
            ["device.provider_id", "device.id"],
            name="fk_device_deadline_provider_id_device_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("provider_id", "device_id", name="pk_device_deadline"),
    )
    op.create_index("ix_device_deadline_due_at", "device_deadline", ["due_at"], unique=False)
    op.create_table(
        "device_liveness",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("silent_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("presence_day", sa.Date(), nullable=True),
        sa.Column("presence_hours", sa.Integer(), nullable=False),
        sa.Column("key_generation", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("body_digest", sa.LargeBinary(), nullable=True),
        sa.Column("state_digest", sa.LargeBinary(), nullable=True),
        sa.Column("boot_ref", sa.Text(), nullable=True),
        sa.Column("earlier_boot_ref", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider_id", "device_id"],
            ["device.provider_id", "device.id"],
            name="fk_device_liveness_provider_id_device_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("provider_id", "device_id", name="pk_device_liveness"),
        postgresql_with={
            "fillfactor": "50",
            "autovacuum_vacuum_scale_factor": "0.05",
            "autovacuum_vacuum_cost_delay": "0",
        },
    )
    op.create_table(
        "device_presence",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("seen_hours", sa.Integer(), nullable=False),
        sa.Column("ran_hours", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "device_id"],
            ["device.provider_id", "device.id"],
            name="fk_device_presence_provider_id_device_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("provider_id", "device_id", "day", name="pk_device_presence"),
    )
    op.create_table(
        "device_section",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "device_id"],
            ["device.provider_id", "device.id"],
            name="fk_device_section_provider_id_device_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("provider_id", "device_id", "section", name="pk_device_section"),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "section_history",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("sections", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "device_id"],
            ["device.provider_id", "device.id"],
            name="fk_section_history_provider_id_device_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("provider_id", "device_id", "received_at", "sequence", name="pk_section_history"),
        postgresql_partition_by="RANGE (received_at)",
    )
