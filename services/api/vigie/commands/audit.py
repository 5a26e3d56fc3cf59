"""`vigie audit export · verify`: the audit as a file, and whether a chain holds; a file is verified without any database."""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from uuid import UUID

from vigie.audit import queries, reading
from vigie.audit.actions import Action
from vigie.audit.export import Header, verify_file
from vigie.audit.log import OPERATOR, NewEntry, append
from vigie.audit.verification import Head, Verdict
from vigie.core.clock import SystemClock
from vigie.core.db import Database, role_url
from vigie.runtime import with_database
from vigie.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take `export` and `verify`."""
    audit = parser.add_subparsers(required=True, metavar="ACTION")
    export = audit.add_parser("export", help="write a provider's audit with its hash chain to a new file")
    export.add_argument("provider", type=UUID, help="00000000-0000-0000-0000-000000000000: what concerns no provider")
    export.add_argument("file", type=Path)
    export.add_argument("--from", dest="first", type=int, default=1, metavar="NUMBER", help="first entry (default 1)")
    export.set_defaults(act=_export)

    verify = audit.add_parser("verify", help="say whether an export, or the chain in the database, is unbroken")
    what = verify.add_mutually_exclusive_group(required=True)
    what.add_argument("file", type=Path, nargs="?", help="an export; no database is needed")
    what.add_argument("--provider", type=UUID, help="the chain of this provider as it stands in the database")
    verify.add_argument(
        "--head", type=_head, metavar="NUMBER:HASH", help="with FILE: a head noted earlier that the chain must contain"
    )
    verify.set_defaults(act=_verify)


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Export or verify; the status is 1 when a chain is broken. Raises `LookupError` for what is not there."""
    return int(arguments.act(settings, arguments))


def _head(text: str) -> Head:
    number, _, found = text.partition(":")
    return Head(int(number), bytes.fromhex(found))


def _verify(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.provider is not None:
        with with_database(settings) as ready:
            verdict = asyncio.run(_verify_live(ready, arguments.provider))
        if not verdict.entries:
            raise LookupError(f"there is no audit of {arguments.provider}")
        return _tell(f"provider {arguments.provider}", verdict)
    try:
        with arguments.file.open("rb") as lines:
            header, verdict = verify_file(lines, arguments.head)
    except OSError as error:
        raise LookupError(f"{arguments.file}: {error.strerror}") from error
    status = _tell(str(arguments.file), verdict)
    if header is not None and verdict.holds:
        _tell_extent(header)
    return status


def _tell(what: str, verdict: Verdict) -> int:
    found = "the chain holds" if verdict.holds else f"BROKEN ({verdict.fault})"
    where = "" if verdict.number is None else f"entry {verdict.number}: "
    sys.stdout.write(f"{what}: {verdict.entries} entries read, {found}: {where}{verdict.why}\n")
    return 0 if verdict.holds else 1


def _tell_extent(header: Header) -> None:
    start, head = header.start, header.head
    if start.number > 1:
        sys.stdout.write(f"It begins with entry {start.number}: what came before is taken on trust.\n")
    sys.stdout.write(f"It is of provider {start.provider_id} and ends with {head.number}:{head.hash.hex()}\n")
    sys.stdout.write("Note that number and hash elsewhere: --head then shows whether all of it was written anew.\n")


async def _verify_live(settings: Settings, provider_id: UUID) -> Verdict:
    database = Database(*role_url(settings, "vigie_app"), pool_size=1)
    try:
        return await reading.verify_live(database, provider_id)
    finally:
        await database.close()


def _export(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.file.exists():
        raise LookupError(f"{arguments.file} exists: an export is not overwritten")
    with with_database(settings) as ready:
        head = asyncio.run(_export_to(ready, arguments.provider, arguments.first, arguments.file))
    sys.stdout.write(f"{arguments.file}: entries {arguments.first} to {head.number}, ends with {head.hash.hex()}\n")
    return 0


async def _export_to(settings: Settings, provider_id: UUID, first: int, file: Path) -> Head:
    """Write the export to a file that only its owner can read, and note in the audit that the operator took it."""
    database, now = Database(*role_url(settings, "vigie_app"), pool_size=1), SystemClock().now()
    try:
        async with database.session(provider_id, write=True) as session:
            head = await queries.head_of(session, provider_id)
            start = await queries.start_at(session, provider_id, first, head)
            if start is None or not head.number:
                raise LookupError(f"the audit of {provider_id} goes up to number {head.number}")
            taken = {"first": first, "last": head.number}
            await append(session, NewEntry(provider_id, OPERATOR, Action.AUDIT_EXPORT, details=taken), now)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
            async for line in reading.export_lines(database, Header(start, head), now):
                output.write(line)
    finally:
        await database.close()
    return head
