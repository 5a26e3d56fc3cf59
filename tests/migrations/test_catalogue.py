"""The live catalogue keeps the rules of the schema, and each check would report a table that does not."""

from collections.abc import Mapping

import asyncpg
import pytest

from tests.migrations import catalogue
from tests.migrations.catalogue import CHECKS, Check, complaints_of, declared

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"
GOOD = {
    "table": "CREATE TABLE bad (provider_id uuid NOT NULL, id uuid NOT NULL, practice_id uuid, at timestamptz,"
    " CONSTRAINT pk_bad PRIMARY KEY (provider_id, id),"
    " CONSTRAINT uq_bad_provider_id_at UNIQUE (provider_id, at),"
    " CONSTRAINT ck_bad_at CHECK (at > '2026-01-01'),"
    " CONSTRAINT fk_bad_provider_id_practice_id FOREIGN KEY (provider_id, practice_id) REFERENCES practice (provider_id, id))",
    "index": "CREATE INDEX ix_bad_practice ON bad (provider_id, practice_id)",
    "enable": "ALTER TABLE bad ENABLE ROW LEVEL SECURITY",
    "force": "ALTER TABLE bad FORCE ROW LEVEL SECURITY",
    "policy": f"CREATE POLICY tenant ON bad TO vigie_app USING ({TENANT}) WITH CHECK ({TENANT})",
}
NOTHING = "SELECT 1"


def alone(table: str) -> dict[str, str]:
    """Plant this table and nothing around it."""
    return {**dict.fromkeys(GOOD, NOTHING), "table": table}


FUNCTION = "CREATE FUNCTION noticed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"

# The check, what is planted (the good table with steps replaced or added), and a word of the complaint.
FAULTS: list[tuple[Check, dict[str, str], str]] = [
    (catalogue.unplaced, alone("CREATE TABLE other (id uuid)"), "other: no placement"),
    (
        catalogue.keys_without_provider,
        {"table": GOOD["table"].replace("PRIMARY KEY (provider_id, id)", "PRIMARY KEY (id, provider_id)")},
        "pk_bad starts with id",
    ),
    (
        catalogue.keys_without_provider,
        {"table": GOOD["table"].replace(" CONSTRAINT pk_bad PRIMARY KEY (provider_id, id),", "")},
        "no primary key",
    ),
    (
        catalogue.keys_without_provider,
        {"index": "CREATE UNIQUE INDEX uq_bad_at ON bad (at)"},
        "uq_bad_at starts with at",
    ),
    (
        catalogue.keys_without_provider,
        {"index": "CREATE UNIQUE INDEX uq_bad_day ON bad (date_part('day', at AT TIME ZONE 'UTC'))"},
        "uq_bad_day starts with <expression>",
    ),
    (catalogue.loose_providers, alone("CREATE TABLE bad (provider_id text NOT NULL)"), "'text', True"),
    (catalogue.loose_providers, alone("CREATE TABLE bad (provider_id uuid)"), "'uuid', False"),
    (
        catalogue.crossing_references,
        {"table": GOOD["table"].replace("KEY (provider_id, practice_id)", "KEY (id, practice_id)")},
        "['id', 'practice_id'] → practice",
    ),
    (
        catalogue.crossing_references,
        {
            "more": "ALTER TABLE partner_client ADD CONSTRAINT up"  # NOT VALID: other tests left rows there
            " FOREIGN KEY (provider_id, provider_id) REFERENCES bad NOT VALID"
        },
        "partner_client: up",
    ),
    (
        catalogue.crossing_references,
        {
            "before": "CREATE TABLE aside (id uuid PRIMARY KEY)",
            "more": "ALTER TABLE bad ADD CONSTRAINT aside FOREIGN KEY (practice_id) REFERENCES aside",
        },
        "aside",
    ),
    (
        catalogue.nulling_deletes,
        {"table": GOOD["table"].replace("practice (provider_id, id)", "practice (provider_id, id) ON DELETE SET NULL")},
        "fk_bad_provider_id_practice_id",
    ),
    (
        catalogue.triggers_and_rules,
        {"before": FUNCTION, "more": "CREATE TRIGGER t BEFORE UPDATE ON bad FOR EACH ROW EXECUTE FUNCTION noticed()"},
        "bad: t",
    ),
    (catalogue.triggers_and_rules, {"more": "CREATE RULE r AS ON DELETE TO bad DO INSTEAD NOTHING"}, "bad: r"),
    (catalogue.names_beside_the_convention, {"table": GOOD["table"].replace("CONSTRAINT pk_bad ", "")}, "bad_pkey"),
    (
        catalogue.names_beside_the_convention,
        {"table": GOOD["table"].replace("uq_bad_provider_id_at", "at_once")},
        "at_once",
    ),
    (
        catalogue.names_beside_the_convention,
        {"table": GOOD["table"].replace("CONSTRAINT ck_bad_at ", "")},
        "bad_at_check",
    ),
    (
        catalogue.names_beside_the_convention,
        {"table": GOOD["table"].replace("CONSTRAINT fk_bad_provider_id_practice_id ", "")},
        "bad_provider_id_practice_id_fkey",
    ),
    (catalogue.names_beside_the_convention, {"index": "CREATE INDEX quick ON bad (provider_id, practice_id)"}, "quick"),
    (catalogue.open_tables, {"enable": NOTHING}, "bad: enabled False, forced True"),
    (catalogue.open_tables, {"force": NOTHING}, "bad: enabled True, forced False"),
    (catalogue.open_tables, {"policy": NOTHING}, "bad: no policy"),
    (
        catalogue.open_tables,
        {
            "more": "CREATE TABLE section_history_1999 PARTITION OF section_history"
            " FOR VALUES FROM ('1999-01-01') TO ('1999-02-01')"
        },
        "section_history_1999: enabled False",
    ),
    (catalogue.wide_policies, {"policy": "CREATE POLICY tenant ON bad TO vigie_app USING (true)"}, "bad: tenant"),
    (
        catalogue.wide_policies,
        {"policy": f"CREATE POLICY tenant ON bad USING ({TENANT}) WITH CHECK ({TENANT})"},
        "public",
    ),
    (
        catalogue.wide_policies,
        {"policy": f"CREATE POLICY tenant ON bad TO vigie_app USING ({TENANT}) WITH CHECK (true)"},
        "bad: tenant",
    ),
    (catalogue.wide_policies, {"more": "CREATE POLICY due ON device_liveness TO vigie_worker USING (true)"}, "due"),
    (catalogue.sequences, {"more": "ALTER TABLE bad ADD COLUMN number bigserial"}, "bad_number_seq"),
    (
        catalogue.sequences,
        {"more": "ALTER TABLE bad ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY"},
        "bad.number",
    ),
    (catalogue.restless_defaults, {"more": "ALTER TABLE bad ALTER at SET DEFAULT clock_timestamp()"}, "bad.at"),
    (catalogue.restless_defaults, {"more": "ALTER TABLE bad ALTER at SET DEFAULT now()"}, "bad.at"),
    (catalogue.restless_defaults, {"more": "ALTER TABLE bad ALTER at SET DEFAULT CURRENT_TIMESTAMP"}, "bad.at"),
    (catalogue.restless_defaults, {"more": "ALTER TABLE bad ALTER id SET DEFAULT gen_random_uuid()"}, "bad.id"),
]


async def planted(url: str, check: Check, steps: Mapping[str, str], placements: Mapping[str, str]) -> list[str]:
    """What a check says while a table is there that is taken away again."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN")
        for step in (steps.get("before", NOTHING), *(steps.get(name, text) for name, text in GOOD.items())):
            await connection.execute(step)
        await connection.execute(steps.get("more", NOTHING))
        return await check(connection, placements)
    finally:
        await connection.execute("ROLLBACK")
        await connection.close()


async def test_the_schema_keeps_every_rule(database_url: str) -> None:
    assert await complaints_of(database_url) == {check.__name__: [] for check in CHECKS}


def test_every_check_is_shown_to_fail() -> None:
    assert {check for check, _, _ in FAULTS} == set(CHECKS)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_a_table_that_keeps_the_rules_is_not_reported(database_url: str, check: Check) -> None:
    assert await planted(database_url, check, {}, {**declared(), "bad": "tenant"}) == []


@pytest.mark.parametrize(
    ("check", "steps", "complaint"), FAULTS, ids=[f"{fault[0].__name__}-{n}" for n, fault in enumerate(FAULTS)]
)
async def test_a_planted_fault_is_reported(
    database_url: str, check: Check, steps: dict[str, str], complaint: str
) -> None:
    found = await planted(database_url, check, steps, {**declared(), "bad": "tenant"})
    assert any(complaint in line for line in found), found


@pytest.mark.parametrize(
    ("placement", "column", "accepted"),
    [("lookup:key_hash", "key_hash", True), ("lookup:key_hash", "provider_id", False), ("reference", "key_hash", True)],
)
async def test_a_lookup_table_is_keyed_by_what_is_looked_up(
    database_url: str, placement: str, column: str, *, accepted: bool
) -> None:
    table = f"CREATE TABLE bad (provider_id uuid, key_hash bytea, CONSTRAINT pk_bad PRIMARY KEY ({column}))"
    found = await planted(database_url, catalogue.keys_without_provider, alone(table), {**declared(), "bad": placement})
    assert (found == []) is accepted
