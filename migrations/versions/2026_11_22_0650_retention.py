"""What is kept long enough is deleted: by the worker, provider by provider, and months of the history as a whole."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0650"
down_revision = "2026_11_22_0640"

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"
# What the worker may delete. Of people, sessions and files it reads no more than decides whether they are old.
FORGOTTEN = {
    "alert": "DELETE",
    "alert_entry": "DELETE",
    "device_silence": "DELETE",
    "enrolment_token": "SELECT (provider_id, id, expires_at, revoked_at), DELETE",
    "evidence": "SELECT (provider_id, practice_id, id, uploaded_at), DELETE",
    "idempotency_key": "SELECT (provider_id, key, expires_at), UPDATE (expires_at), DELETE",
    "invitation": "SELECT (provider_id, id, expires_at, used_at, revoked_at), DELETE",
    "notification": "DELETE",
    "notification_attempt": "DELETE",
    "practice_line": "DELETE",
    "session": "SELECT (provider_id, id, expires_at, ended_at), DELETE",
    "suppression": "DELETE",
}
# Tables whose rows the worker did not see until now, and who sees them beside it.
ALSO_SEEN = {
    "evidence": "vigie_owner, vigie_app",
    "idempotency_key": "vigie_owner, vigie_app",
    "invitation": "vigie_owner, vigie_app, vigie_signin",
    "session": "vigie_owner, vigie_app, vigie_signin",
}


def upgrade() -> None:
    """Add the table of the runs, the worker's rights, and the function that drops a month."""
    op.create_table(
        "retention_run",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claim", sa.Uuid(), nullable=True),
        sa.Column("purged", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_retention_run_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", name="pk_retention_run"),
    )
    op.execute("ALTER TABLE retention_run ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE retention_run FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON retention_run TO vigie_owner, vigie_app, vigie_worker "
        f"USING ({TENANT}) WITH CHECK ({TENANT})"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON retention_run TO vigie_worker")
    op.execute("GRANT SELECT ON retention_run TO vigie_app")
    # The worker asks which providers are due before it works inside one. The head of an audit tells which there are, and no more.
    for table in ("audit_head", "retention_run"):
        op.execute(f"CREATE POLICY due ON {table} FOR SELECT TO vigie_worker USING (true)")
    for table, roles in ALSO_SEEN.items():
        op.execute(f"ALTER POLICY tenant ON {table} TO {roles}, vigie_worker")
    for table, privileges in FORGOTTEN.items():
        op.execute(f"GRANT {privileges} ON {table} TO vigie_worker")
    op.create_index("ix_backup_run_ended_at", "backup_run", ["provider_id", "ended_at"])
    create_dropping()


def create_dropping() -> None:
    """Create the function that drops a month of the history, as its owner; the worker may call it."""
    op.execute(
        """
        CREATE FUNCTION drop_section_history(month date) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        DECLARE
            name text := 'section_history_' || to_char(date_trunc('month', month), 'YYYY_MM');
        BEGIN
            -- Nothing but a month of this table goes, whatever else bears such a name.
            PERFORM FROM pg_inherits
            WHERE inhparent = 'public.section_history'::regclass AND inhrelid = to_regclass('public.' || name);
            IF NOT FOUND THEN
                RETURN false;
            END IF;
            EXECUTE format('DROP TABLE public.%I', name);
            RETURN true;
        END $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION drop_section_history(date) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION drop_section_history(date) TO vigie_worker")
