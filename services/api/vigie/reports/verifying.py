"""Whether a report is valid: the file against what was issued, and what was issued against the audit (docs/adr/0033)."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from vigie.audit import queries as audit
from vigie.audit.actions import Action
from vigie.audit.chain import genesis
from vigie.core.db import Database
from vigie.reports import queries
from vigie.reports.issuing import anchor_of
from vigie.reports.models import Report
from vigie.reports.rules import number_of, provider_of_code

_AROUND: Final = 3


@dataclass(frozen=True, slots=True)
class Validity:
    """What the public page tells, and nothing else."""

    valid: bool
    checked: Literal["record", "file"]
    number: str | None = None
    issued_on: date | None = None


async def verify(database: Database, code: str, sha256: bytes | None) -> Validity:
    """Return whether the report that a code names is valid; with the digest of a file, whether it is that very file.

    Valid is what meets all of this: the code names a report; the kept bytes, and the file, have the digest that was noted; the
    audit has the entry of its issue with that very digest; that entry's hash is right, and its neighbours in the chain know it.
    """
    checked: Literal["record", "file"] = "record" if sha256 is None else "file"
    provider_id = provider_of_code(code)
    if provider_id is None:
        return Validity(valid=False, checked=checked)
    async with database.session(provider_id, write=False) as session:
        report = await queries.report_of_code(session, provider_id, code)
        if report is None or not _same_file(report, sha256) or not await is_anchored(session, report):
            return Validity(valid=False, checked=checked)
        return Validity(
            valid=True, checked=checked, number=number_of(report.number, report.issued_on), issued_on=report.issued_on
        )


def _same_file(report: Report, sha256: bytes | None) -> bool:
    kept = hashlib.sha256(report.content).digest()
    return hmac.compare_digest(kept, report.sha256) and (sha256 is None or hmac.compare_digest(sha256, report.sha256))


async def is_anchored(session: AsyncSession, report: Report) -> bool:
    """Whether the audit says that this report was issued with this digest, in an entry that its neighbours vouch for.

    What comes before and after in the chain is looked at in passing only: reading a chain whole is what `vigie audit verify` does.
    """
    number, provider_id = await queries.number_of_entry(session, report, Action.REPORT_ISSUE), report.provider_id
    if number is None:
        return False
    around = await audit.entries_between(session, provider_id, number - 1, number + 1, _AROUND)
    by_number = {each.number: each for each in around}
    own, before, after = (by_number.get(each) for each in (number, number - 1, number + 1))
    if own is None or own.fields["details"] != anchor_of(report) or not own.holds_as(number):
        return False
    head = await audit.head_of(session, provider_id)
    previous = genesis(provider_id) if number == 1 else before.hash if before is not None else None
    following = head.hash if number == head.number else after.previous_hash if after is not None else None
    return own.previous_hash == previous and own.hash == following
