"""A month whose rows came before its partition gets one all the same: they are moved into it.

Rows that fit no month land in `section_history_rest` (no worker ran for months, or a clock was wrong). PostgreSQL then refuses
to make the partition they belong to, and the job that makes partitions failed at every turn from then on.
"""

from alembic import op

revision = "2026_11_22_0640"
down_revision = "2026_11_22_0630"


def upgrade() -> None:
    """Replace the function; the way of every month, with nothing to move, is as before."""
    op.execute(
        """
        CREATE OR REPLACE FUNCTION ensure_section_history(month date) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        DECLARE
            first date := date_trunc('month', month)::date;
            name text := 'section_history_' || to_char(first, 'YYYY_MM');
            begins timestamptz := first::timestamp AT TIME ZONE 'UTC';
            ends timestamptz := (first + interval '1 month') AT TIME ZONE 'UTC';
            early boolean;
        BEGIN
            IF to_regclass('public.' || name) IS NOT NULL THEN
                RETURN false;
            END IF;
            -- The owner looks at rows of every provider here, to move them; nobody else sees the table meanwhile.
            ALTER TABLE public.section_history_rest NO FORCE ROW LEVEL SECURITY;
            SELECT EXISTS (
                SELECT FROM public.section_history_rest WHERE received_at >= begins AND received_at < ends
            ) INTO early;
            IF early THEN
                ALTER TABLE public.section_history DETACH PARTITION public.section_history_rest;
            END IF;
            EXECUTE format(
                'CREATE TABLE public.%I PARTITION OF public.section_history FOR VALUES FROM (%L) TO (%L) '
                'WITH (toast_tuple_target = 8160)',
                name, begins, ends
            );
            IF early THEN
                EXECUTE format(
                    'WITH moved AS (DELETE FROM public.section_history_rest '
                    'WHERE received_at >= %L AND received_at < %L RETURNING *) INSERT INTO public.%I SELECT * FROM moved',
                    begins, ends, name
                );
                ALTER TABLE public.section_history ATTACH PARTITION public.section_history_rest DEFAULT;
            END IF;
            ALTER TABLE public.section_history_rest FORCE ROW LEVEL SECURITY;
            EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', name);
            EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', name);
            RETURN true;
        END $$
        """
    )
