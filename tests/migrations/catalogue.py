"""What the database's own catalogue says against the rules that keep tenants apart and the way to Citus open.

Each check returns complaints, one line each; an empty list means that the rule holds for every table of the schema.
"""
# ruff: noqa: S608 - all that is put into these queries stands in this file

import re
from collections.abc import Awaitable, Callable, Mapping

import asyncpg

import vigie.alerts.channel_models
import vigie.alerts.models
import vigie.checklist.models
import vigie.checklist.record_models
import vigie.core.retention
import vigie.devices.silence_models
import vigie.incidents.models
import vigie.reports.models  # noqa: F401 - each import adds its tables to the metadata
from vigie.core.db import Base

Placements = Mapping[str, str]
Check = Callable[[asyncpg.Connection, Placements], Awaitable[list[str]]]

BOUND = "(provider_id = (NULLIF(current_setting('vigie.provider_id'::text, true), ''::text))::uuid)"
# Policies that look beyond one provider: (table, name) → (roles, command), each with its reason in the migration that made it.
WIDER_POLICIES = {
    **{
        (table, "intake"): ("vigie_intake", "ALL")
        for table in (
            *("backup_run", "device", "device_deadline", "device_liveness", "device_presence", "device_section"),
            *("event", "event_head", "finding", "opening_hours", "posture", "practice", "section_history"),
            *("control_exception", "policy", "score_day"),
            *("device_silence", "practice_line", "device_refusal"),
        )
    },
    **{(table, "due"): ("vigie_worker", "SELECT") for table in ("channel", "notification")},
    **{(table, "alerts_due"): ("vigie_worker", "SELECT") for table in ("alert_cursor", "alert_state", "event_head")},
    ("checklist_deadline", "due"): ("vigie_worker", "SELECT"),
    ("device_deadline", "due"): ("vigie_worker", "SELECT"),
    **{(table, "due"): ("vigie_worker", "SELECT") for table in ("event_head", "webhook_cursor", "webhook_endpoint")},
    ("device_silence", "due"): ("vigie_worker", "SELECT"),
    **{("intake_pulse", role): (f"vigie_{role}", "ALL") for role in ("intake", "worker")},
    **{("service_outage", role): (f"vigie_{role}", "ALL") for role in ("app", "intake", "worker")},
    ("device_liveness", "pulse"): ("vigie_worker", "SELECT"),
    ("reassessment", "due"): ("vigie_worker", "SELECT"),
    ("report_schedule", "due"): ("vigie_worker", "SELECT"),
    **{(table, "due"): ("vigie_worker", "SELECT") for table in ("audit_head", "retention_run")},
    **{
        (table, "doorstep"): ("vigie_signin", "SELECT")
        for table in ("invitation", "member", "practice", "provider", "session")
    },
    ("account", "doorstep"): ("vigie_signin", "ALL"),
    ("used_once", "doorstep"): ("vigie_signin", "ALL"),
}
_TABLES = """
    SELECT c.oid, c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced, c.relispartition AS part,
           coalesce((SELECT p.relname FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent WHERE i.inhrelid = c.oid),
                    c.relname) AS root
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY c.relname
"""
_COLUMNS = """
    (SELECT array_agg(coalesce(a.attname::text, '<expression>') ORDER BY k.place)
     FROM unnest({keys}) WITH ORDINALITY AS k(number, place)
     LEFT JOIN pg_attribute a ON a.attrelid = {table} AND a.attnum = k.number AND k.number > 0)
"""


def declared() -> dict[str, str]:
    """Return the placement each model declares, and that of Alembic's own table."""
    placements = {table.name: str(table.info.get("placement", "")) for table in Base.metadata.tables.values()}
    return {**placements, "alembic_version": "local"}


def _key_column(placement: str) -> str | None:
    """Return the column that decides where a row lives; None where the whole table lives together."""
    if placement == "tenant":
        return "provider_id"
    return placement.partition(":")[2] or None


async def unplaced(connection: asyncpg.Connection, placements: Placements) -> list[str]:
    """Every table declares its placement: tenant, reference, lookup:<column> or local."""
    allowed = re.compile(r"tenant|reference|local|lookup:[a-z_]+")
    tables = await connection.fetch(_TABLES)
    return [f"{row['name']}: no placement" for row in tables if not allowed.fullmatch(placements.get(row["root"], ""))]


async def keys_without_provider(connection: asyncpg.Connection, placements: Placements) -> list[str]:
    """The primary key and every unique index start with the column that places the row."""
    complaints = []
    for table in await connection.fetch(_TABLES):
        column = _key_column(placements.get(table["root"], ""))
        if column is None:
            continue
        indexes = await connection.fetch(
            f"SELECT x.relname AS name, i.indisprimary AS is_primary, {_COLUMNS.format(keys='i.indkey', table='i.indrelid')}"
            " AS columns FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indisunique AND i.indrelid = $1",
            table["oid"],
        )
        if not any(index["is_primary"] for index in indexes):
            complaints.append(f"{table['name']}: no primary key")
        complaints += [
            f"{table['name']}: {i['name']} starts with {i['columns'][0]}" for i in indexes if i["columns"][0] != column
        ]
    return complaints


async def loose_providers(connection: asyncpg.Connection, placements: Placements) -> list[str]:
    """`provider_id` is a uuid that is never null, in every tenant table."""
    found = await connection.fetch(
        "SELECT attrelid, format_type(atttypid, atttypmod) AS kind, attnotnull AS required FROM pg_attribute"
        " WHERE attname = 'provider_id'"
    )
    columns = {row["attrelid"]: (row["kind"], row["required"]) for row in found}
    return [
        f"{table['name']}: provider_id is {columns.get(table['oid'])}"
        for table in await connection.fetch(_TABLES)
        if placements.get(table["root"]) == "tenant" and columns.get(table["oid"]) != ("uuid", True)
    ]


async def crossing_references(connection: asyncpg.Connection, placements: Placements) -> list[str]:
    """A foreign key goes from tenant to tenant with the provider first on both sides, or to a reference table."""
    rows = await connection.fetch(
        f"SELECT c.conname AS name, f.relname AS source, t.relname AS target,"
        f" {_COLUMNS.format(keys='c.conkey', table='c.conrelid')} AS own,"
        f" {_COLUMNS.format(keys='c.confkey', table='c.confrelid')} AS other"
        " FROM pg_constraint c JOIN pg_class f ON f.oid = c.conrelid JOIN pg_class t ON t.oid = c.confrelid"
        " WHERE c.contype = 'f' AND c.conparentid = 0 AND c.connamespace = 'public'::regnamespace"
    )
    complaints = []
    for row in rows:
        source, target = placements.get(row["source"], ""), placements.get(row["target"], "")
        together = source == target == "tenant" and row["own"][0] == row["other"][0] == "provider_id"
        if not (together or (target == "reference" and source in {"tenant", "reference"})):
            complaints.append(f"{row['source']}: {row['name']} {row['own']} → {row['target']} {row['other']}")
    return complaints


async def nulling_deletes(connection: asyncpg.Connection, _placements: Placements) -> list[str]:
    """No `ON DELETE SET NULL` nor `SET DEFAULT`: neither can be distributed."""
    rows = await connection.fetch(
        "SELECT conrelid::regclass::text AS name, conname FROM pg_constraint"
        " WHERE contype = 'f' AND (confdeltype IN ('n', 'd') OR confupdtype IN ('n', 'd'))"
    )
    return [f"{row['name']}: {row['conname']}" for row in rows]


async def triggers_and_rules(connection: asyncpg.Connection, _placements: Placements) -> list[str]:
    """No triggers and no rules: what happens is written in code, where it is seen."""
    rows = await connection.fetch(
        "SELECT tgrelid::regclass::text AS table, tgname AS name FROM pg_trigger WHERE NOT tgisinternal UNION ALL"
        " SELECT r.ev_class::regclass::text, r.rulename FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class"
        " WHERE c.relnamespace = 'public'::regnamespace AND r.rulename <> '_RETURN'"
    )
    return [f"{row['table']}: {row['name']}" for row in rows]


async def names_beside_the_convention(connection: asyncpg.Connection, _placements: Placements) -> list[str]:
    """Each constraint and index is named after what it is; partitions inherit theirs."""
    rows = await connection.fetch(
        f"SELECT t.relname AS table, c.conname AS name, c.contype::text AS kind,"
        f" {_COLUMNS.format(keys='c.conkey', table='c.conrelid')} AS columns"
        " FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid"
        " WHERE c.connamespace = 'public'::regnamespace AND c.contype IN ('p', 'u', 'f', 'c', 'x')"
        " AND NOT t.relispartition AND t.relname <> 'alembic_version'"
        " UNION ALL SELECT t.relname, x.relname, CASE WHEN i.indisunique THEN 'unique index' ELSE 'index' END, NULL"
        " FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid"
        " WHERE t.relnamespace = 'public'::regnamespace AND NOT t.relispartition"
        " AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)"
    )
    return [f"{row['table']}: {row['name']}" for row in rows if not re.fullmatch(_pattern(row), row["name"])]


def _pattern(row: asyncpg.Record) -> str:
    table, columns = row["table"], "_".join(row["columns"] or ())
    return {
        "p": f"pk_{table}",
        "u": f"uq_{table}_{columns}",
        "f": f"fk_{table}_{columns}",
        "c": f"ck_{table}_[a-z0-9_]+",
        "unique index": f"uq_{table}_[a-z0-9_]+",
        "index": f"ix_{table}_[a-z0-9_]+",
    }.get(row["kind"], "(?!)")


async def open_tables(connection: asyncpg.Connection, placements: Placements) -> list[str]:
    """Row-level security is enabled and forced on every table and partition; every root table has a policy."""
    with_policy = {row[0] for row in await connection.fetch("SELECT tablename FROM pg_policies")}
    complaints = []
    for table in await connection.fetch(_TABLES):
        if placements.get(table["root"]) == "local":
            continue
        if not (table["enabled"] and table["forced"]):
            complaints.append(f"{table['name']}: enabled {table['enabled']}, forced {table['forced']}")
        if not table["part"] and table["name"] not in with_policy:
            complaints.append(f"{table['name']}: no policy")
    return complaints


async def wide_policies(connection: asyncpg.Connection, _placements: Placements) -> list[str]:
    """A policy shows the bound provider's rows and no others, or stands in the list of exceptions."""
    complaints = []
    for row in await connection.fetch(
        "SELECT tablename, policyname, permissive, array_to_string(roles, ',') AS roles, cmd, qual, with_check FROM pg_policies"
    ):
        bound = BOUND.replace("provider_id", "id", 1) if row["tablename"] == "provider" else BOUND
        narrow = (
            row["permissive"] == "PERMISSIVE"
            and row["qual"] == bound
            and (row["with_check"] == bound or row["cmd"] == "SELECT")
            and "public" not in row["roles"].split(",")
        )
        exception = WIDER_POLICIES.get((row["tablename"], row["policyname"])) == (row["roles"], row["cmd"])
        if not (narrow or exception):
            complaints.append(f"{row['tablename']}: {row['policyname']} to {row['roles']} using {row['qual']}")
    return complaints


async def sequences(connection: asyncpg.Connection, _placements: Placements) -> list[str]:
    """No serial, no identity, no sequence: numbers come from head rows, ids from the application."""
    rows = await connection.fetch(
        "SELECT sequencename AS name FROM pg_sequences WHERE schemaname = 'public' UNION ALL"
        " SELECT attrelid::regclass || '.' || attname FROM pg_attribute WHERE attidentity <> ''"
    )
    return [row["name"] for row in rows]


async def restless_defaults(connection: asyncpg.Connection, _placements: Placements) -> list[str]:
    """No default calls a function that may answer differently each time: instants and ids are parameters."""
    rows = await connection.fetch(
        "SELECT d.adrelid::regclass::text AS table, a.attname AS column, pg_get_expr(d.adbin, d.adrelid) AS text"
        " FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum"
        " JOIN pg_class c ON c.oid = d.adrelid WHERE c.relnamespace = 'public'::regnamespace"
    )
    complaints = []
    for row in rows:
        called = [name.lower() for name in re.findall(r"([A-Za-z_]+)\s*\(", row["text"])]
        restless = await connection.fetchval(
            "SELECT string_agg(DISTINCT proname, ', ') FROM pg_proc WHERE proname = ANY($1) AND provolatile <> 'i'"
            " AND NOT EXISTS (SELECT FROM pg_proc o WHERE o.proname = pg_proc.proname AND o.provolatile = 'i')",
            called,
        )
        if restless or re.search(r"\bCURRENT_|\bLOCAL", row["text"]):
            complaints.append(f"{row['table']}.{row['column']}: {row['text']}")
    return complaints


CHECKS: tuple[Check, ...] = (
    unplaced,
    keys_without_provider,
    loose_providers,
    crossing_references,
    nulling_deletes,
    triggers_and_rules,
    names_beside_the_convention,
    open_tables,
    wide_policies,
    sequences,
    restless_defaults,
)


async def complaints_of(url: str) -> dict[str, list[str]]:
    """Return what every check says of a database, by the name of the check."""
    connection = await asyncpg.connect(url)
    try:
        return {check.__name__: await check(connection, declared()) for check in CHECKS}
    finally:
        await connection.close()
