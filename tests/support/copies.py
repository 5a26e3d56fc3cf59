"""Further casts are copies of the first: what the product's own doors wrote once is written again under other ids.

Nearly every test begins with the same cast, and most of a test's time went into making it. The copy is what the doors would
have written: every id that stands anywhere in the rows becomes a fresh one, in the same order, and the chain of the audit is
computed anew. Whatever the product writes for a new practice tomorrow is copied without a word here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import TextClause, text

import tests.support.rows  # noqa: F401 - adds every table to the metadata
from vigie.audit import chain
from vigie.auth.identifiers import new_client_id, provider_of
from vigie.core.db import Base, Database
from vigie.core.ids import uuid7

Rows = dict[str, list[dict[str, Any]]]
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_CLIENT = re.compile(r"vpc_[A-Za-z0-9_-]{22}_[0-9a-f]{12}")


@dataclass(frozen=True)
class Original:
    """The rows of some providers."""

    rows: bytes


async def original(database: Database, providers: Iterable[str]) -> Original:
    """Read what providers hold, so that it can be written again."""
    async with database.engine.connect() as connection:
        found = await connection.execute(_everything(), {"providers": [UUID(one) for one in providers]})
        return Original(orjson.dumps({row.name: row.rows for row in found if row.rows}))


async def copy(database: Database, of: Original) -> Mapping[str, str]:
    """Write an original again under other ids; return which id and which client id became which."""
    written = of.rows.decode()
    renamed = _renamed(written)
    rows = orjson.loads(_CLIENT.sub(lambda found: renamed[found[0]], _ID.sub(lambda found: renamed[found[0]], written)))
    _chain(rows)
    async with database.engine.begin() as connection:
        await connection.execute(_write(tuple(sorted(rows))), {"rows": orjson.dumps(rows).decode()})
    return renamed


def _renamed(written: str) -> dict[str, str]:
    """Give every id a fresh one; what was made later is still later."""
    ids = sorted(set(_ID.findall(written)))
    renamed = dict(zip(ids, sorted(str(uuid7()) for _ in ids), strict=True))
    for client_id in set(_CLIENT.findall(written)):
        provider_id = renamed[str(provider_of(client_id, "vpc"))]
        renamed[client_id] = new_client_id(UUID(provider_id))
    return renamed


def _chain(rows: Rows) -> None:
    """Compute the chains of the audit anew."""
    for head in rows["audit_head"]:
        own_hash = chain.genesis(UUID(head["provider_id"]))
        mine = [entry for entry in rows["audit_entry"] if entry["provider_id"] == head["provider_id"]]
        for entry in sorted(mine, key=lambda entry: int(entry["number"])):
            entry["previous_hash"] = _bytea(own_hash)
            own_hash = chain.entry_hash(own_hash, chain.fields_of(entry | {"at": datetime.fromisoformat(entry["at"])}))
            entry["hash"] = _bytea(own_hash)
        head["last_hash"] = _bytea(own_hash)


def _bytea(value: bytes) -> str:
    return f"\\x{value.hex()}"


@cache
def _everything() -> TextClause:
    owners = {table.name: "provider_id" for table in Base.metadata.sorted_tables if "provider_id" in table.columns}
    parts = [
        f"SELECT '{name}' AS name, jsonb_agg(to_jsonb(t)) AS rows FROM {name} t WHERE {owner} = ANY (:providers)"  # noqa: S608 - names of our own models
        for name, owner in ({"provider": "id"} | owners).items()
    ]
    return text(" UNION ALL ".join(parts))


@cache
def _write(tables: tuple[str, ...]) -> TextClause:
    """One statement, so that rows may point at each other in whatever order they are written."""
    parts = []
    for name in tables:
        columns = ", ".join(column.name for column in Base.metadata.tables[name].columns if column.computed is None)
        source = f"SELECT {columns} FROM given, jsonb_populate_recordset(NULL::{name}, rows -> '{name}')"  # noqa: S608 - names of our own models
        parts.append(f"in_{name} AS (INSERT INTO {name} ({columns}) {source})")
    return text(
        f"WITH given AS (SELECT CAST(CAST(:rows AS text) AS jsonb) AS rows), {', '.join(parts)} SELECT 1 AS written"
    )
