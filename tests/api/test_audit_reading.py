"""Reading the audit: the list and its filters, the export, the command line, and what the database itself refuses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from tests.support.audit import entries, last_number, verdict
from tests.support.cast import Cast
from tests.support.refusals import refusal
from tests.support.rows import execute
from vigie.audit import reading
from vigie.audit.chain import entry_hash, fields_of
from vigie.audit.export import verify_file
from vigie.audit.queries import page_of_entries
from vigie.audit.schemas import AuditQuery
from vigie.audit.verification import Head, Verdict
from vigie.cli import main
from vigie.core.clock import wire_time
from vigie.core.db import Database, Role, connect, role_url
from vigie.settings import Settings

NOWHERE = str(UUID(int=1))


async def act(cast: Cast, changes: int = 5) -> None:
    """Let Pia change Cedar's city some times, a minute apart, and be refused once in between."""
    for turn in range(changes):
        cast.clock.advance(timedelta(minutes=1))
        await cast.pia.call("PATCH", f"/v1/practices/{cast.cedar}", json={"city": f"Lyon {turn}"})
    await cast.pia.call("DELETE", f"/v1/practices/{NOWHERE}")


# --- the list ------------------------------------------------------------------------------------------------------


async def test_the_audit_is_listed_latest_first_page_by_page(cast: Cast, database: Database) -> None:
    await act(cast)
    ivo, expected = await cast.ivo(), await entries(database, cast.pia.provider_id)
    seen, cursor = [], None
    while True:
        page = await ivo.get("/v1/audit", params={"limit": 3, **({"cursor": cursor} if cursor else {})})
        assert len(page["items"]) <= 3
        seen += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert [entry["number"] for entry in seen] == [entry["number"] for entry in reversed(expected)]
    change = seen[1]
    assert change == {
        "number": expected[-2]["number"],
        "at": wire_time(cast.clock.now()),
        "actor": {"kind": "client", "id": cast.pia.client_id, "name": expected[-2]["actor_name"], "role": None},
        "action": "practice.change",
        "object": {"kind": "practice", "id": cast.cedar},
        "practice_id": cast.cedar,
        "address": "127.0.0.1",
        "outcome": "done",
        "code": None,
        "details": {"fields": ["city"]},
        "hash": expected[-2]["hash"].hex(),
    }
    assert (seen[0]["outcome"], seen[0]["code"]) == ("refused", "not_found")


async def test_filters_narrow_the_list(cast: Cast) -> None:
    start = cast.clock.now()
    await act(cast)
    lea, ana = await cast.lea(), await cast.ana()
    await lea.call("PATCH", f"/v1/practices/{cast.elm}", json={"city": "Nice"})
    second, fourth = (wire_time(start + timedelta(minutes=n)) for n in (2, 4))
    cases: list[tuple[dict[str, str], int]] = [
        ({"actor": lea.member_id}, 1),
        ({"actor": NOWHERE}, 0),
        ({"action": "practice.change"}, 6),
        ({"action": "practice.archive"}, 1),
        ({"action": "member.join"}, 0),
        ({"object": cast.elm}, 2),
        ({"practice": cast.elm}, 2),
        ({"practice": cast.fir}, 0),
        ({"outcome": "refused"}, 1),
        ({"outcome": "refused", "action": "practice.change"}, 0),
        ({"action": "practice.change", "from": second}, 5),
        ({"action": "practice.change", "to": second}, 1),
        ({"action": "practice.change", "from": second, "to": fourth}, 2),
        ({"action": "practice.change", "from": "2026-11-17T10:32:00+01:00", "to": fourth}, 2),
    ]
    for params, count in cases:
        assert len((await ana.get("/v1/audit", params=params))["items"]) == count, params


@pytest.mark.parametrize(
    "params",
    [
        {"action": "practice.explode"},
        {"actors": "x"},
        {"since": "2026-11-17T09:30:00Z"},
        {"from": "2026-11-17T09:30:00"},
        {"from": "yesterday"},
        {"practice": "x"},
        {"outcome": "failed"},
        {"object": ""},
        {"object": "a\x00"},
        {"limit": "201"},
        {"cursor": "x"},
    ],
)
async def test_what_the_list_does_not_know_is_refused(cast: Cast, params: dict[str, str]) -> None:
    ivo = await cast.ivo()
    assert (await ivo.call("GET", "/v1/audit")).status_code == 200
    assert refusal(await ivo.call("GET", "/v1/audit", params=params))[0] == 422


async def test_owners_and_auditors_read_the_audit_of_their_provider_and_nobody_else(cast: Cast) -> None:
    await act(cast)
    for path in ("/v1/audit", "/v1/audit/export"):
        for reader in (await cast.ana(), await cast.ivo()):
            assert (await reader.call("GET", path)).status_code == 200
        for other in (await cast.tom(), await cast.lea(), await cast.paz(), await cast.zoe(), cast.pia):
            assert refusal(await other.call("GET", path)) == (403, "auth.insufficient_scope")
        bea = await cast.bea()
        answer = await bea.call("GET", path)
        assert answer.status_code == 200
        assert cast.cedar not in answer.text
        assert cast.pia.provider_id not in answer.text
        assert cast.bela.provider_id in answer.text


async def test_a_reader_who_is_limited_to_practices_reads_what_concerned_them(cast: Cast, settings: Settings) -> None:
    """No role is both today; the query holds should one be tomorrow."""
    await act(cast, 2)
    await cast.pia.call("PATCH", f"/v1/practices/{cast.elm}", json={"city": "Nice"})
    async with as_role(settings, "vigie_app") as app, app.session(UUID(cast.pia.provider_id), write=False) as session:
        found = {}
        for name, practices in (("all", None), ("cedar", {UUID(cast.cedar)}), ("none", set[UUID]())):
            rows, _ = await page_of_entries(session, UUID(cast.pia.provider_id), AuditQuery(), practices)
            found[name] = {str(row.practice_id) for row in rows}
    assert found["cedar"] == {cast.cedar}
    assert found["none"] == set()
    assert found["all"] >= {cast.cedar, cast.elm, "None"}


# --- the export ----------------------------------------------------------------------------------------------------


async def test_an_export_is_the_chain_and_verifies(
    cast: Cast, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BATCH", 3)
    await act(cast)
    ana, expected = await cast.ana(), await entries(database, cast.pia.provider_id)
    answer = await ana.call("GET", "/v1/audit/export")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == f'attachment; filename="audit-{cast.pia.provider_id}-1.ndjson"'
    lines = answer.content.splitlines(keepends=True)
    header, found = verify_file(lines)
    assert found == Verdict(len(expected))
    assert header is not None
    assert (header.start.provider_id, header.start.number) == (UUID(cast.pia.provider_id), 1)
    assert header.head == Head(expected[-1]["number"], expected[-1]["hash"])
    assert all(entry["hash"].hex() in line.decode() for entry, line in zip(expected, lines[1:], strict=True))
    assert verify_file(lines[:-1])[1].fault == "truncated"  # a download that broke off
    # Who took it is on record, after what was taken.
    (taken,) = await entries(database, cast.pia.provider_id, expected[-1]["number"])
    assert (taken["action"], taken["actor_id"], taken["outcome"]) == ("audit.export", ana.member_id, "done")
    assert taken["details"] == {"first": 1, "last": expected[-1]["number"]}


async def test_an_export_goes_on_where_another_ended(cast: Cast, database: Database) -> None:
    await act(cast)
    ana = await cast.ana()
    last = await last_number(database, cast.pia.provider_id)
    answer = await ana.call("GET", "/v1/audit/export", params={"from": 4})
    header, found = verify_file(answer.content.splitlines())
    assert (found.holds, found.entries) == (True, last - 3)
    fourth = (await entries(database, cast.pia.provider_id))[3]
    assert header is not None
    assert header.start.previous_hash == fourth["previous_hash"]
    last = await last_number(database, cast.pia.provider_id)
    nothing_new = await ana.call("GET", "/v1/audit/export", params={"from": last + 1})
    assert verify_file(nothing_new.content.splitlines())[1] == Verdict(0)
    beyond = await ana.call("GET", "/v1/audit/export", params={"from": last + 3})  # one export was recorded meanwhile
    assert refusal(beyond) == (422, "request.invalid")
    for params in ({"from": 0}, {"from": "x"}, {"first": 1}, {"from": 2**63}):
        assert refusal(await ana.call("GET", "/v1/audit/export", params=params)) == (422, "request.invalid"), params


async def test_a_refused_export_is_recorded(cast: Cast, database: Database) -> None:
    tom = await cast.tom()
    begun = await last_number(database, cast.pia.provider_id)
    assert (await tom.call("GET", "/v1/audit/export")).status_code == 403
    assert (await tom.call("GET", "/v1/audit")).status_code == 403
    (entry,) = await entries(database, cast.pia.provider_id, begun)
    assert (entry["action"], entry["outcome"], entry["code"]) == ("audit.export", "refused", "auth.insufficient_scope")


# --- the database --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def as_role(settings: Settings, role: Role) -> AsyncIterator[Database]:
    found = Database(*role_url(settings, role), pool_size=1)
    try:
        yield found
    finally:
        await found.close()


async def test_no_role_of_the_service_can_rewrite_the_audit(cast: Cast, settings: Settings) -> None:
    await act(cast, 1)
    refused = {
        "UPDATE audit_entry SET action = 'x' WHERE provider_id = $1",
        "DELETE FROM audit_entry WHERE provider_id = $1",
        "DELETE FROM audit_head WHERE provider_id = $1",
        "ALTER TABLE audit_entry DISABLE ROW LEVEL SECURITY",
        "DROP TABLE audit_entry",
        "TRUNCATE audit_entry",
    }
    allowed = "SELECT number FROM audit_entry WHERE provider_id = $1"
    for role in ("vigie_app", "vigie_signin", "vigie_worker", "vigie_intake"):
        connection = await connect(*role_url(settings, role))
        try:
            await connection.execute("SELECT bind_provider($1)", UUID(cast.pia.provider_id))
            for statement in sorted(refused):
                values = [UUID(cast.pia.provider_id)] if "$1" in statement else []
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement, *values)
            if role == "vigie_app":
                await connection.fetch(allowed, UUID(cast.pia.provider_id))
            else:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.fetch(allowed, UUID(cast.pia.provider_id))
        finally:
            await connection.close()


async def test_the_audit_of_another_provider_can_neither_be_seen_nor_written(cast: Cast, settings: Settings) -> None:
    await act(cast, 1)
    connection = await connect(*role_url(settings, "vigie_app"))
    insert = (
        "INSERT INTO audit_entry (provider_id, number, at, actor_kind, action, outcome, details, previous_hash, hash) "
        "VALUES ($1, 100000, now(), 'system', 'x', 'done', '{}', '', '')"
    )
    seen = "SELECT count(*) FROM audit_entry WHERE provider_id = $1"
    try:
        for bound, sees in ((cast.pia.provider_id, True), (cast.bela.provider_id, False)):
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("SELECT bind_provider($1)", UUID(bound))
            assert bool(await connection.fetchval(seen, UUID(cast.pia.provider_id))) is sees
            if sees:
                await connection.execute(insert, UUID(cast.pia.provider_id))
            else:
                with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                    await connection.execute(insert, UUID(cast.pia.provider_id))
            await transaction.rollback()
    finally:
        await connection.close()


LIVE: dict[str, tuple[str, str, int]] = {
    # what is done by whoever may do everything → the fault and the number; 0: that of the last entry
    "changed": ("UPDATE audit_entry SET object_id = 'other' WHERE provider_id = :p AND number = 5", "changed", 5),
    "changed and its hash computed": (
        "UPDATE audit_entry SET object_id = 'other', hash = :h WHERE provider_id = :p AND number = 5",
        "changed",
        5,
    ),
    "removed": ("DELETE FROM audit_entry WHERE provider_id = :p AND number = 5", "removed", 5),
    "tail removed": ("DELETE FROM audit_entry WHERE provider_id = :p AND number > 6", "truncated", 7),
    "all removed": ("DELETE FROM audit_entry WHERE provider_id = :p", "truncated", 1),
    "head forgotten": ("DELETE FROM audit_head WHERE provider_id = :p", "inserted", 1),
    "head set back": ("UPDATE audit_head SET last_number = 6 WHERE provider_id = :p", "inserted", 7),
    "head's hash changed": ("UPDATE audit_head SET last_hash = '' WHERE provider_id = :p", "other_head", 0),
}


@pytest.mark.parametrize(("statement", "fault", "number"), LIVE.values(), ids=LIVE)
async def test_whoever_tampers_in_the_database_is_told_on_by_the_chain(
    cast: Cast, database: Database, statement: str, fault: str, number: int
) -> None:
    await act(cast)
    rows = await entries(database, cast.pia.provider_id)
    assert await verdict(database, cast.pia.provider_id) == Verdict(len(rows))
    anew = entry_hash(rows[4]["previous_hash"], fields_of({**rows[4], "object_id": "other"}))
    values = {"h": anew} if ":h" in statement else {}
    await execute(database, statement, p=UUID(cast.pia.provider_id), **values)
    found = await verdict(database, cast.pia.provider_id)
    assert (found.fault, found.number) == (fault, number or len(rows)), found.why
    assert (await verdict(database, cast.bela.provider_id)).holds


async def test_a_chain_that_grows_while_it_is_verified_holds(cast: Cast, database: Database) -> None:
    async def write() -> None:
        for turn in range(15):
            await cast.pia.call("PATCH", f"/v1/practices/{cast.cedar}", json={"city": f"Lyon {turn}"})

    writing = asyncio.ensure_future(write())
    while not writing.done():
        assert (await verdict(database, cast.pia.provider_id)).holds
    await writing


async def test_a_provider_without_an_audit_has_a_chain_that_holds(database: Database) -> None:
    assert await verdict(database, NOWHERE) == Verdict(0)


# --- the command line ----------------------------------------------------------------------------------------------


async def vigie(*arguments: object) -> int:
    """Run the command line in a thread of its own, as it starts event loops."""
    return await asyncio.to_thread(main, [str(argument) for argument in arguments])


@pytest.fixture
def command_line(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command line use the database of the test."""
    assert settings.database_url is not None
    monkeypatch.setenv("VIGIE_DATABASE_URL", settings.database_url.get_secret_value())


@pytest.mark.usefixtures("command_line")
async def test_the_command_line_exports_and_verifies(
    cast: Cast, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await act(cast)
    provider, file = cast.pia.provider_id, tmp_path / "audit.ndjson"
    last = await last_number(database, provider)
    noted = (await entries(database, provider))[4]
    head = f"5:{noted['hash'].hex()}"
    assert await vigie("audit", "export", provider, file) == 0
    assert await vigie("audit", "verify", "--provider", provider) == 0
    assert file.stat().st_mode & 0o077 == 0
    (taken,) = await entries(database, provider, last)
    assert (taken["action"], taken["actor_kind"]) == ("audit.export", "operator")
    assert await vigie("audit", "export", provider, file) == 1  # it is not overwritten
    assert await vigie("audit", "export", NOWHERE, tmp_path / "none") == 1
    assert await vigie("audit", "verify", "--provider", NOWHERE) == 1
    capsys.readouterr()

    # From here on without a database, and without starting one.
    monkeypatch.delenv("VIGIE_DATABASE_URL")
    monkeypatch.setenv("VIGIE_DATA_DIR", str(tmp_path / "unused"))
    whole = file.read_bytes()
    assert await vigie("audit", "verify", file) == 0
    said = capsys.readouterr().out
    assert f"{last} entries read, the chain holds" in said
    assert f"{last}:" in said
    assert await vigie("audit", "verify", file, "--head", head) == 0
    assert await vigie("audit", "verify", file, "--head", head[:-1] + ("0" if head[-1] != "0" else "1")) == 1
    capsys.readouterr()
    file.write_bytes(whole.replace(b'"number":5,', b'"number":5,'.replace(b"5", b"6"), 1))
    assert await vigie("audit", "verify", file) == 1
    lines = whole.splitlines(keepends=True)
    for spoilt, said_of_it in (
        ([*lines[:5], lines[5].replace(b"practice.", b"practise."), *lines[6:]], "BROKEN (changed): entry 5: "),
        ([*lines[:5], *lines[6:]], "BROKEN (removed): entry 5: "),
        (lines[:-2], f"BROKEN (truncated): entry {last - 1}: "),
        ([*lines[:5], lines[6], lines[5], *lines[7:]], "BROKEN (reordered): entry 6: "),
        ([*lines[:6], lines[5], *lines[6:]], "BROKEN (inserted): entry 5: "),
        ([*lines[:5], b"?\n", *lines[6:]], "BROKEN (unreadable): line 6: "),
    ):
        capsys.readouterr()
        file.write_bytes(b"".join(spoilt))
        assert await vigie("audit", "verify", file) == 1
        assert said_of_it in capsys.readouterr().out
    assert await vigie("audit", "verify", tmp_path / "absent") == 1
    assert not (tmp_path / "unused").exists()


@pytest.mark.usefixtures("command_line")
async def test_a_partial_export_says_what_it_takes_on_trust(
    cast: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await act(cast)
    assert await vigie("audit", "export", cast.pia.provider_id, tmp_path / "part", "--from", 4) == 0
    assert await vigie("audit", "verify", tmp_path / "part") == 0
    assert "begins with entry 4" in capsys.readouterr().out
    assert await vigie("audit", "export", cast.pia.provider_id, tmp_path / "beyond", "--from", 4000) == 1
