"""The second lock: what PostgreSQL itself refuses, whatever the application asks."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import BigInteger, ForeignKeyConstraint, Table

from tests.conftest import NOW, PUBLIC_URL
from tests.support.agent import healthy
from tests.support.alert_rows import alert_rows
from tests.support.cast import Caller, Cast, assemble
from tests.support.later_rows import later_rows
from tests.support.rows import tenant_tables
from vigie.core.clock import MovableClock
from vigie.core.db import Base, bind_provider, role_url
from vigie.core.ids import uuid7
from vigie.core.migrate import ROLES
from vigie.settings import Settings

TABLES = tenant_tables()
NO_TENANT = ("account", "used_once")  # a person before it is known whose member they are: only the sign-in reads them
OF_THE_SERVICE = ("intake_pulse", "service_outage")  # what the service heard of itself: nobody's, and of nobody
REFERENCES = [
    table
    for table in Base.metadata.sorted_tables
    if table.info["placement"] == "reference" and table.name not in (*NO_TENANT, *OF_THE_SERVICE)
]
CROSSING = [
    pytest.param(table, key, id=f"{table.name}→{key.referred_table.name}")
    for table in TABLES
    # a table's constraints are a set: every process of a run must see them in the same order
    for key in sorted(table.constraints, key=lambda one: str(one.name))
    if isinstance(key, ForeignKeyConstraint) and key.referred_table in TABLES
]
# Columns that name a device without a foreign key, each with its reason.
LOOSE = {
    ("event", "device_id"): "the log is never rewritten, and outlives what it speaks of",
    ("backup_run", "device_id"): "a run is history; the practice, which decides who reads it, is tied",
    ("audit_entry", "practice_id"): "the audit outlives whatever it speaks of",
}


def by_name(table: Table) -> str:
    """Return the name of a table, for the names of tests."""
    return table.name


class As:
    """A connection under a role."""

    def __init__(self, at: Cast | Settings, role: str | None) -> None:
        settings = at.settings if isinstance(at, Cast) else at
        assert settings.database_url is not None
        url = settings.database_url.get_secret_value()
        server_settings: dict[str, str] = {}
        if role is not None:
            url, server_settings = role_url(settings, role)  # type: ignore[arg-type]
        self._opening = asyncpg.connect(url, server_settings=server_settings)

    async def __aenter__(self) -> asyncpg.Connection:
        self._connection = await self._opening
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()


async def furnish(cast: Cast, caller: Caller, practice: str) -> None:
    """Give a provider a row in every tenant table."""
    keyed = {"json": {"name": "Ash", "profession": "nurse"}, "headers": {"Idempotency-Key": "the-same-for-both"}}
    assert (await caller.call("POST", "/v1/practices", **keyed)).status_code == 201
    device = await cast.device(practice, caller)
    at = cast.clock.now()
    await device.report(healthy(at))
    later = (at + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    ran = (at - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    await device.report(ran_at=[ran], backup_events=[{"job": "nightly", "status": "ok", "ended_at": later}])
    await furnish_people(cast, caller, practice)
    await furnish_policies(cast, caller, practice, device.device_id)
    await furnish_questionnaires(cast, caller, practice)
    await furnish_answers(cast, caller, practice)
    await furnish_records(cast, caller, practice, device.device_id)
    await furnish_channels(cast, caller, practice)
    async with As(cast, None) as owner:
        of_alerts = alert_rows(caller.provider_id, practice, device.device_id)
        for table, values in (of_alerts | later_rows(caller.provider_id, practice, device.device_id)).items():
            await owner.execute(f"INSERT INTO {table} VALUES ({values}) ON CONFLICT DO NOTHING")  # noqa: S608 - ours


async def furnish_people(cast: Cast, caller: Caller, practice: str) -> None:
    """Give a provider people and what belongs to them, row by row: here it is about the tables and not how they fill."""
    account, member = uuid7(), uuid7()
    own = f"'{caller.provider_id}'"
    rows = {
        "account": f"'{account}', 'https://issuer.test', '{account}', NULL, now(), now()",
        "member": f"{own}, '{member}', '{account}', 'technician', NULL, true, 'Tom', NULL, NULL, now(), now(), NULL), "
        f"({own}, '{uuid7()}', '{account}', 'practitioner', '{practice}', false, 'Paz', NULL, NULL, now(), now(), NULL",
        "member_practice": f"{own}, '{member}', '{practice}'",
        "session": f"{own}, '{uuid7()}', '{account}', '{member}', '{account}', 'psc', 'https://issuer.test', NULL, NULL,"
        " NULL, now(), now(), 60, now(), NULL, NULL, NULL, NULL",
        "invitation": f"{own}, '{uuid7()}', NULL, '10003456786', 'practitioner', '{practice}', false, '{{}}', 'Dr Paz',"
        " now(), 'Ana', now(), NULL, NULL, NULL",
        "provider_identity": f"{own}, 'vip_{account}', 'Staff', 'https://issuer.test', 'vigie', NULL, '{{}}', now(), NULL",
        "opening_hours": f"{own}, '{practice}', '{{}}', now()",
        "partner_practice": f"{own}, '{caller.client_id}', '{practice}'",
        "partner_key": f"{own}, '{caller.client_id}', 'a', '{{}}', now(), NULL",
    }
    async with As(cast, None) as owner:
        for table, values in rows.items():
            await owner.execute(f"INSERT INTO {table} VALUES ({values})")  # noqa: S608 - nothing foreign in it
        if not await owner.fetchval("SELECT 1 FROM audit_head WHERE provider_id = $1", UUID(caller.provider_id)):
            await owner.execute(f"INSERT INTO audit_head VALUES ({own}, 1, 'x')")  # noqa: S608
            await owner.execute(
                f"INSERT INTO audit_entry VALUES ({own}, 1, now(), 'operator', NULL, NULL, NULL, 'practice.create', NULL, NULL,"  # noqa: S608
                " NULL, NULL, 'done', NULL, '{}', 'x', 'x')"
            )


async def furnish_policies(cast: Cast, caller: Caller, practice: str, device: str) -> None:
    """Give a practice a policy, an exception, a request to be judged anew and a day's score."""
    own = f"'{caller.provider_id}', '{practice}'"
    rows = {
        "policy (provider_id, practice_id, thresholds, revision, changed_at, changed_by)": f"{own}, '{{}}', 1, now(), 'Ana'",
        "control_exception (provider_id, practice_id, id, device_id, control, reason, author_kind, author_id, author_name,"
        " created_at, starts_at, ends_at)": f"{own}, '{uuid7()}', '{device}', 'ANS-2.2', 'imaging', 'member', 'a', 'Ana', now(),"
        " now(), now() + interval '1 day'",
        "reassessment (provider_id, practice_id, due_at, request, failures)": f"{own}, now(), '{uuid7()}', 0",
        "score_day (provider_id, practice_id, day, score, earned, possible)": f"{own}, '2020-01-01', 1, 1, 100",
    }
    async with As(cast, None) as owner:
        for table, values in rows.items():
            await owner.execute(f"INSERT INTO {table} VALUES ({values})")  # noqa: S608 - nothing foreign in it


async def furnish_questionnaires(cast: Cast, caller: Caller, practice: str) -> None:
    """Give a practice a questionnaire that its supplier, the provider, signed."""
    own, made = f"'{caller.provider_id}'", uuid7()
    someone = f"(SELECT id FROM member WHERE provider_id = {own} LIMIT 1)"  # noqa: S608 - nothing foreign in it
    rows = {
        "supplier (provider_id, id, name, kind, created_at, updated_at)": f"{own}, {own}, 'Us', 'other', now(), now()",
        "questionnaire (provider_id, id, practice_id, supplier_id, kind, template_version, revision, status, as_of,"
        " created_at, updated_at)": f"{own}, '{made}', '{practice}', {own}, 1, '1.1.1', 1, 'draft', now(), now(), now()",
        "questionnaire_answer (provider_id, questionnaire_id, question, found_why, evidence)": f"{own}, '{made}', 'Q1.1',"
        " 'nobody_asked', '[]'",
        "questionnaire_revision (provider_id, questionnaire_id, revision, content_hash, content, frozen_at)": f"{own},"
        f" '{made}', 1, '{made.hex}', '', now()",
        "signature (provider_id, questionnaire_id, revision, party, content_hash, way, name, role, member_id, issuer,"
        " identity_provider, signed_on, signed_at)": f"{own}, '{made}', 1, 'supplier', '{made.hex}', 'session', 'Ana',"
        f" 'owner', {someone}, 'x', 'x', now(), now()",
    }
    async with As(cast, None) as owner:
        for table, values in rows.items():
            await owner.execute(f"INSERT INTO {table} VALUES ({values}) ON CONFLICT DO NOTHING")  # noqa: S608 - ours


async def furnish_answers(cast: Cast, caller: Caller, practice: str) -> None:
    """Give a practice an answer that rests on a file, the action it opened, and the day on which it is looked at again."""
    own, answer, file = f"'{caller.provider_id}', '{practice}'", uuid7(), uuid7()
    async with As(cast, None) as owner:
        asked = "SELECT id FROM member WHERE provider_id = $1 ORDER BY id LIMIT 1"
        member = await owner.fetchval(asked, UUID(caller.provider_id))
    rows = {
        "attestation (provider_id, practice_id, id, control, catalogue_version, answer, effective_on, answered_at, side, member_id,"
        " author_name, author_role)": f"{own}, '{answer}', 'ANS-1.1', '1', 'no', '2026-01-01', now(), 'practice', '{uuid7()}',"
        " 'Zoe', 'practice_staff'",
        "evidence (provider_id, practice_id, id, name, media_type, size, sha256, content, uploaded_at, side, member_id,"
        " author_name)": f"{own}, '{file}', 'a.pdf', 'application/pdf', 1, 'x', 'x', now(), 'practice', '{uuid7()}', 'Zoe'",
        "attestation_evidence (provider_id, practice_id, attestation_id, evidence_id)": f"{own}, '{answer}', '{file}'",
        "action (provider_id, practice_id, id, control, attestation_id, party, due_on, status, opened_at, changed_at,"
        " member_id)": f"{own}, '{uuid7()}', 'ANS-1.1', '{answer}', 'practice', '2026-01-01', 'open', now(), now(), '{member}'",
        "checklist_deadline (provider_id, practice_id, due_at)": f"{own}, now()",
    }
    async with As(cast, None) as owner:
        for table, values in rows.items():
            await owner.execute(f"INSERT INTO {table} VALUES ({values})")  # noqa: S608 - nothing foreign in it


async def furnish_records(cast: Cast, caller: Caller, practice: str, device: str) -> None:
    """Give a practice a row of each of its records."""
    own, practice_of = f"'{caller.provider_id}'", f"'{caller.provider_id}', '{practice}'"
    supplier = uuid7()
    rows = {
        "supplier (provider_id, id, practice_id, name, kind, created_at, updated_at)": f"{own}, '{supplier}', '{practice}',"
        " 'Nord', 'host', now(), now()",
        "practice_supplier": f"{practice_of}, '{supplier}', '{{}}', false, '{{}}', now(), now()",
        "supplier_certificate": f"{own}, '{uuid7()}', '{supplier}', 'HDS-1', '{{6}}', 'v2', '2028-01-01', NULL, now(), NULL",
        "contract": f"{own}, '{uuid7()}', '{practice}', '{supplier}', NULL, 'x', NULL, NULL, false, NULL, NULL, NULL, now(),"
        " now(), NULL",
        "incident_contact": f"{practice_of}, 0, 'other', 'x', '3131', NULL, NULL",
        "practice_record": f"{practice_of}, now(), 'Ana', now(), 'Ana'",
        "restore_test": f"{own}, '{uuid7()}', '{practice}', '{device}', '2026-11-01', 'x', 'success', NULL, 'Lea', NULL, now(),"
        " 'Lea'",
    }
    async with As(cast, None) as owner:
        for table, values in rows.items():
            await owner.execute(f"INSERT INTO {table} VALUES ({values})")  # noqa: S608 - nothing foreign in it


async def furnish_channels(cast: Cast, caller: Caller, practice: str) -> None:
    """Give a provider a channel with something on its way to it, and something that is not sent."""
    own, channel, message = f"'{caller.provider_id}'", uuid7(), uuid7()
    someone = f"(SELECT id FROM member WHERE provider_id = {own} LIMIT 1)"  # noqa: S608 - nothing foreign in it
    rows = {
        "channel (provider_id, id, kind, name, language, address, minimum_severity, time_zone, created_at, created_by, changed_at,"
        " next_digest_at)": f"{own}, '{channel}', 'mail', 'x', 'fr', '{{}}', 'info', 'Europe/Paris', now(), 'Ana', now(), now()",
        "notification (provider_id, id, channel_id, member_id, practice_id, kind, data, wanted_at, due_at)": f"{own}, '{message}',"
        f" '{channel}', NULL, '{practice}', 'test', '{{}}', now(), now()), ({own}, '{uuid7()}', NULL, {someone}, NULL, 'test',"
        " '{}', now(), now()",
        "notification_attempt": f"{own}, '{message}', 1, now(), now(), 'sent', NULL, NULL",
        "suppression (provider_id, id, practice_id, kind, why, data, wanted_at)": f"{own}, '{uuid7()}', '{practice}',"
        " 'alert.opened', 'window', '{}', now()",
    }
    async with As(cast, None) as owner:
        for table, values in rows.items():
            await owner.execute(f"INSERT INTO {table} VALUES ({values})")  # noqa: S608 - nothing foreign in it


@pytest.fixture(scope="module")
async def two(shared_settings: Settings, shared_app: FastAPI, shared_clock: MovableClock) -> AsyncIterator[Cast]:
    """Atlas and Borea, both with rows in every table; made once, for nothing here succeeds in changing them."""
    shared_clock.move_to(NOW)
    transport = httpx.ASGITransport(shared_app)
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as http:
        cast = await assemble(shared_settings, shared_app.state.parts, http, shared_clock)
        await furnish(cast, cast.pia, cast.cedar)
        await furnish(cast, cast.bela, cast.fir)
        yield cast


async def count(connection: asyncpg.Connection, table: Table, provider_id: str | None = None) -> int:
    """Return how many rows a connection sees, of one provider or at all."""
    column = "id" if table.name == "provider" else "provider_id"
    where = "" if provider_id is None else f" WHERE {column} = '{UUID(provider_id)}'"
    return int(await connection.fetchval(f"SELECT count(*) FROM {table.name}{where}"))  # noqa: S608 - names of our models


async def test_without_a_provider_the_application_sees_nothing(two: Cast) -> None:
    async with As(two, None) as owner, As(two, "vigie_app") as app:
        for table in (*TABLES, *REFERENCES):
            assert await count(owner, table, two.pia.provider_id) > 0, table.name
            assert await count(app, table) == 0, table.name
        assert await owner.fetchval("SELECT count(*) FROM account") > 0
        for nobody_s in NO_TENANT:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.fetch(f"SELECT * FROM {nobody_s}")  # noqa: S608


async def test_bound_to_one_provider_the_application_sees_no_other(two: Cast) -> None:
    async with As(two, "vigie_app") as app, app.transaction():
        await bind_provider(app, UUID(two.bela.provider_id))
        for table in (*TABLES, *REFERENCES):
            own = await count(app, table, two.bela.provider_id)
            assert own > 0, table.name
            assert await count(app, table, two.pia.provider_id) == 0, table.name
            assert await count(app, table) == own, table.name


async def test_the_binding_ends_with_its_transaction(two: Cast) -> None:
    async with As(two, "vigie_app") as app:
        async with app.transaction():
            await bind_provider(app, UUID(two.pia.provider_id))
            assert await count(app, Base.metadata.tables["practice"]) == 3
        assert await count(app, Base.metadata.tables["practice"]) == 0


@pytest.mark.parametrize("role", ["vigie_app", "vigie_worker"])
async def test_a_bound_role_cannot_write_for_another_provider(two: Cast, role: str) -> None:
    values = f"'{two.pia.provider_id}', 999999, 'forged', now(), now(), '{{}}'"
    insert = f"INSERT INTO event (provider_id, number, kind, happened_at, recorded_at, payload) VALUES ({values})"  # noqa: S608
    async with As(two, role) as connection:
        for bound, refused in ((two.bela.provider_id, True), (two.pia.provider_id, False)):
            transaction = connection.transaction()
            await transaction.start()
            await bind_provider(connection, UUID(bound))
            if refused:
                with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                    await connection.execute(insert)
            else:
                assert await connection.execute(insert) == "INSERT 0 1"
            await transaction.rollback()


async def test_what_another_provider_owns_cannot_be_changed_or_deleted(two: Cast) -> None:
    async with As(two, "vigie_app") as app, app.transaction():
        await bind_provider(app, UUID(two.bela.provider_id))
        for statement in (
            f"UPDATE practice SET name = 'taken' WHERE id = '{two.cedar}'",  # noqa: S608
            f"UPDATE device SET alias = 'taken' WHERE practice_id = '{two.cedar}'",  # noqa: S608
            f"DELETE FROM finding WHERE practice_id = '{two.cedar}'",  # noqa: S608
        ):
            assert (await app.execute(statement)).endswith(" 0"), statement
        with pytest.raises(asyncpg.InsufficientPrivilegeError):  # a row of one's own cannot be given away either
            await app.execute(f"UPDATE practice SET provider_id = '{two.pia.provider_id}' WHERE id = '{two.fir}'")  # noqa: S608


@pytest.mark.parametrize(("table", "key"), CROSSING)
async def test_a_row_cannot_point_across_tenants(two: Cast, table: Table, key: ForeignKeyConstraint) -> None:
    """Not even for a superuser, whom row-level security does not stop: the keys are composite."""
    atlas, borea = UUID(two.pia.provider_id), UUID(two.bela.provider_id)
    kept = [column.name for column in table.columns if column.name != "provider_id" and column.computed is None]
    numbered = isinstance(table.columns.get("number", table.columns["provider_id"]).type, BigInteger)
    values = [
        "number + 1000000" if name == "number" and numbered else name for name in kept
    ]  # one of its own in the log
    linked = next(name for name in key.column_keys if name != "provider_id")
    copied = (
        f"INSERT INTO {table.name} (provider_id, {', '.join(kept)}) "  # noqa: S608
        f"SELECT $1::uuid, {', '.join(values)} FROM {table.name} WHERE provider_id = $2 AND {linked} IS NOT NULL LIMIT 1"
    )
    one = f"SELECT {linked} FROM {table.name} WHERE provider_id = {{}} AND {linked} IS NOT NULL ORDER BY 1 LIMIT 1"  # noqa: S608
    moved = (
        f"UPDATE {table.name} SET {linked} = ({one.format('$2')}) "  # noqa: S608
        f"WHERE provider_id = $1 AND {linked} = ({one.format('$1')})"
    )
    assert key.column_keys[0] == "provider_id"
    async with As(two, None) as owner:
        for statement in (copied, moved):
            with pytest.raises(asyncpg.ForeignKeyViolationError):
                await owner.execute(statement, borea, atlas)


def test_every_column_that_names_a_practice_or_device_is_tied_to_its_tenant() -> None:
    tied = {
        (table.name, name)
        for table in TABLES
        for key in table.constraints
        if isinstance(key, ForeignKeyConstraint) and key.column_keys[0] == "provider_id"
        for name in key.column_keys
    }
    naming = {
        (table.name, column.name)
        for table in TABLES
        for column in table.columns
        if column.name in {"practice_id", "device_id"}
    }
    assert naming - tied == LOOSE.keys()


APPLICATION = ("vigie_app", "vigie_intake", "vigie_signin", "vigie_worker")
FORBIDDEN = [
    ("vigie_app", "UPDATE event SET kind = 'forged'"),
    ("vigie_app", "DELETE FROM event"),
    ("vigie_app", "UPDATE section_history SET sections = '{}'"),
    ("vigie_app", "DELETE FROM section_history"),
    ("vigie_app", "INSERT INTO section_history SELECT * FROM section_history"),
    ("vigie_app", "DELETE FROM practice"),
    ("vigie_app", "DELETE FROM partner_client"),
    ("vigie_app", "UPDATE audit_entry SET action = 'forged'"),
    ("vigie_app", "DELETE FROM audit_entry"),
    ("vigie_app", "DELETE FROM audit_head"),
    ("vigie_app", "TRUNCATE audit_entry"),
    ("vigie_app", "DELETE FROM session"),
    ("vigie_app", "SELECT * FROM account"),
    ("vigie_app", "SELECT * FROM used_once"),
    ("vigie_signin", "SELECT * FROM device"),
    ("vigie_signin", "SELECT * FROM partner_secret"),
    ("vigie_signin", "SELECT * FROM provider_identity"),
    ("vigie_signin", "INSERT INTO session SELECT * FROM session"),
    ("vigie_signin", "UPDATE invitation SET used_at = NULL"),
    ("vigie_signin", "DELETE FROM account"),
    ("vigie_signin", "UPDATE member SET role = 'owner'"),
    ("vigie_signin", "UPDATE session SET ended_at = NULL"),
    ("vigie_signin", "SELECT * FROM audit_entry"),
    ("vigie_intake", "SELECT * FROM member"),
    ("vigie_worker", "SELECT * FROM member"),
    ("vigie_worker", "SELECT * FROM account"),
    ("vigie_worker", "UPDATE audit_entry SET action = 'forged'"),
    # The worker forgets what is old. What somebody signed, what was issued or declared, and the audit are not its to delete.
    *(
        ("vigie_worker", f"DELETE FROM {table}")  # noqa: S608 - names that stand here
        for table in ("audit_entry", "audit_head", "attestation", "attestation_evidence", "signature", "questionnaire")
    ),
    *(
        ("vigie_worker", f"DELETE FROM {table}")  # noqa: S608 - names that stand here
        for table in ("report", "incident", "incident_evidence", "practice", "device", "member", "channel")
    ),
    *(("vigie_app", f"DELETE FROM {table}") for table in ("alert", "notification", "evidence", "invitation")),  # noqa: S608 - as above
    ("vigie_worker", "SELECT secret_hash FROM session"),
    ("vigie_worker", "SELECT token_hash FROM invitation"),
    ("vigie_worker", "SELECT content FROM evidence"),
    ("vigie_worker", "SELECT body FROM idempotency_key"),
    *((role, "SELECT drop_section_history('2020-01-01')") for role in ("vigie_app", "vigie_intake", "vigie_signin")),
    ("vigie_worker", "DROP TABLE section_history_rest"),
    ("vigie_app", "UPDATE notification SET status = 'sent'"),
    ("vigie_worker", "SELECT * FROM audit_entry"),
    ("vigie_app", "TRUNCATE event"),
    ("vigie_app", "SELECT ensure_section_history('2030-01-01')"),
    ("vigie_intake", "SELECT * FROM partner_client"),
    ("vigie_intake", "SELECT * FROM enrolment_token"),
    ("vigie_intake", "SELECT * FROM provider"),
    ("vigie_intake", "SELECT * FROM event"),
    ("vigie_intake", "UPDATE event SET kind = 'forged'"),
    ("vigie_intake", "DELETE FROM device"),
    ("vigie_worker", "SELECT * FROM partner_client"),
    ("vigie_worker", "SELECT * FROM enrolment_token"),
    ("vigie_worker", "UPDATE event SET kind = 'forged'"),
    ("vigie_worker", "DELETE FROM section_history"),
    *((role, "CREATE TABLE mine (id int)") for role in APPLICATION),
    *((role, "ALTER TABLE event DISABLE ROW LEVEL SECURITY") for role in APPLICATION),
]


@pytest.mark.parametrize(("role", "statement"), FORBIDDEN)
async def test_a_role_may_do_only_its_work(settings: Settings, role: str, statement: str) -> None:
    async with As(settings, role) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_the_worker_sees_whose_device_is_due_and_nothing_else_before_it_is_bound(two: Cast) -> None:
    async with As(two, "vigie_worker") as worker:
        granted = "SELECT has_table_privilege('vigie_worker', $1, 'SELECT')"
        seen = {
            table.name
            for table in (*TABLES, *REFERENCES)
            if await worker.fetchval(granted, table.name) and await count(worker, table) > 0
        }
    assert seen == {
        *("audit_head", "retention_run"),
        *("alert_cursor", "alert_state", "channel", "checklist_deadline", "device_deadline", "device_liveness"),
        *("device_silence", "event_head", "notification", "reassessment", "report_schedule"),
        *("webhook_cursor", "webhook_endpoint"),
    }


async def test_no_role_of_the_service_is_above_the_rules(cast: Cast) -> None:
    async with As(cast, None) as owner:
        roles = await owner.fetch("SELECT * FROM pg_roles WHERE rolname = ANY ($1)", list(ROLES))
        owned = await owner.fetch("SELECT DISTINCT tableowner AS name FROM pg_tables WHERE schemaname = 'public'")
    assert len(roles) == len(ROLES)
    for role in roles:
        powers = [role[name] for name in ("rolsuper", "rolbypassrls", "rolcreatedb", "rolcreaterole", "rolreplication")]
        assert not any(powers), role["rolname"]
    assert {row["name"] for row in owned} == {"vigie_owner"}


async def test_row_level_security_is_forced_on_every_table_and_partition(cast: Cast) -> None:
    async with As(cast, None) as owner:
        rows = await owner.fetch(
            "SELECT relname, relrowsecurity AND relforcerowsecurity AS forced FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'alembic_version'"
        )
    names = {row["relname"] for row in rows}
    assert {table.name for table in (*TABLES, *REFERENCES)} <= names
    assert any(name.startswith("section_history_") for name in names)
    assert [row["relname"] for row in rows if not row["forced"]] == []
