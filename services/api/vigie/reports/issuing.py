"""Issuing a report: gather, number, set, keep, tell. What was issued is never made again: its bytes are kept as they went out."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.audit import queries as audit
from vigie.audit.details import digest_text
from vigie.auth.dependencies import Call
from vigie.core.crypto import hash_secret
from vigie.core.ids import uuid7
from vigie.core.typesetting import qr_code, svg_of_png, typeset
from vigie.events.log import NewEvent
from vigie.events.session import record
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.models import Practice
from vigie.practices.queries import get_practice
from vigie.reports import queries
from vigie.reports.composing import compose
from vigie.reports.errors import ReportPeriodError, ReportTooLargeError
from vigie.reports.facts import Evidence, Language
from vigie.reports.models import MOST_BYTES, Report
from vigie.reports.rules import Period, code_of, grouped, number_of, period_of
from vigie.reports.schemas import NewReport
from vigie.reports.words import VERIFY, say

TEMPLATE: Final = Path(__file__).parent / "paper" / "report.typ"
FRESH: Final = timedelta(minutes=10)
"""A report that was made so short a time ago is the latest state."""
Gather = Callable[[AsyncSession, Practice, Period, Language, datetime], Awaitable[Evidence | None]]
"""`gather(session, practice, period, language, now)`: what a report is made from; None for a practice without a verdict."""
_SECRET_BYTES: Final = 16
_LOGO: Final = "logo"


@dataclass(frozen=True, slots=True)
class Order:
    """What to make: of which days, in which language, for whom."""

    period: Period
    language: Language
    origin: Literal["request", "schedule"]
    by: str | None
    by_name: str | None


@dataclass(frozen=True, slots=True)
class House:
    """What reports are made with: who gathers their facts, and the address their verification codes lead to."""

    gather: Gather
    public_url: str


async def issue_report(call: Call, house: House, practice_id: UUID, new: NewReport) -> Report:
    """Make and keep a report of a practice as it stands now, as its caller asks for it.

    Raises `NotFoundError`, `ReportPeriodError`, `PracticeArchivedError`, `ReportTooLargeError`.
    """
    practice = await get_practice(call, practice_id)
    report = await issue(call.session, house, practice, _order(call, practice, new), call.now)
    call.audit(object_id=report.id, practice_id=practice.id, details=anchor_of(report))
    return report


async def current_report(call: Call, house: House, practice_id: UUID, language: Language) -> Report:
    """Return the report of the last thirty days as things stand now: one of the last ten minutes, or a new one.

    Raises as `issue_report`.
    """
    practice = await get_practice(call, practice_id)
    order = _order(call, practice, NewReport(language=language))
    report = await queries.fresh_report(call.session, practice, order.period, language, call.now - FRESH)
    if report is not None:
        call.audit(object_id=report.id, practice_id=practice.id, details={"repeated": True})
        return report
    report = await issue(call.session, house, practice, order, call.now)
    call.audit(object_id=report.id, practice_id=practice.id, details=anchor_of(report))
    return report


def _order(call: Call, practice: Practice, new: NewReport) -> Order:
    period = period_of(new.period_from, new.period_to, ZoneInfo(practice.time_zone), call.now)
    if period is None:
        raise ReportPeriodError
    return Order(period, new.language, "request", call.principal.subject, call.principal.name or None)


async def issue(session: AsyncSession, house: House, practice: Practice, order: Order, now: datetime) -> Report:
    """Make and keep a report; the caller writes `anchor_of` it into the audit, in the same unit of work.

    Raises `PracticeArchivedError` and `ReportTooLargeError`. Between the number and the commit nobody else of the provider
    is given one: that is the tenth of a second that setting takes.
    """
    audit_after = (await audit.head_of(session, practice.provider_id)).number
    facts = await house.gather(session, practice, order.period, order.language, now)
    if facts is None:
        raise PracticeArchivedError
    issued_on = now.astimezone(order.period.zone).date()
    number = await queries.next_number(session, practice.provider_id)
    said = compose(facts, number_of(number, issued_on), order.language)
    digest = hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()
    code = code_of(practice.provider_id, secrets.token_bytes(_SECRET_BYTES))
    content = await _set(session, practice, house, said | _proof(digest, house, order.language), code, now)
    if len(content) > MOST_BYTES:
        raise ReportTooLargeError
    report = Report(
        provider_id=practice.provider_id,
        id=uuid7(),
        practice_id=practice.id,
        number=number,
        code_hash=hash_secret(code),
        language=order.language,
        origin=order.origin,
        period_from=order.period.first,
        period_to=order.period.last,
        as_of=now,
        issued_on=issued_on,
        made_by=order.by,
        made_by_name=order.by_name,
        data_sha256=digest,
        sha256=hashlib.sha256(content).digest(),
        size=len(content),
        audit_after=audit_after,
        content=content,
    )
    session.add(report)
    await session.flush()
    await record(session, [_event(report)], now)
    return report


def _proof(digest: bytes, house: House, language: Language) -> dict[str, Any]:
    host = house.public_url.partition("://")[2]
    return {
        "verify": {
            "title": say(("Vérifier ce rapport", "Verify this report"), language),
            "text": say(VERIFY, language, host=host),
            "fingerprint": say(("Empreinte du contenu", "Fingerprint of the content"), language),
            "groups": grouped(digest),
            "alt": say(("Code QR de vérification", "QR code of verification"), language),
        }
    }


def verification_address(public_url: str, code: str) -> str:
    """Return the address of the page that tells whether a report is valid."""
    return f"{public_url}/verify/{code}"


async def _set(
    session: AsyncSession, practice: Practice, house: House, data: dict[str, Any], code: str, now: datetime
) -> bytes:
    address = verification_address(house.public_url, code)
    images = {"qr": qr_code(address)}
    logo = await queries.logo_of(session, practice.provider_id)
    if logo is not None:
        images[_LOGO] = svg_of_png(logo.content, logo.width, logo.height)
    return await typeset(TEMPLATE, data | {"logo": logo is not None}, now=now, images=images, links={"verify": address})


def anchor_of(report: Report) -> dict[str, Any]:
    """Return what the audit's entry says of a report: with it, no byte of the file can change unnoticed."""
    return {
        "number": number_of(report.number, report.issued_on),
        "sha256": digest_text(report.sha256),
        "content_sha256": digest_text(report.data_sha256),
        "size": report.size,
    }


def _event(report: Report) -> NewEvent:
    payload = {
        "report": str(report.id),
        "number": number_of(report.number, report.issued_on),
        "period_from": report.period_from.isoformat(),
        "period_to": report.period_to.isoformat(),
        "origin": report.origin,
        "by": report.made_by,
    }
    return NewEvent(report.provider_id, "report.issued", report.practice_id, None, report.as_of, payload)
