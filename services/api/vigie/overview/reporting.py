"""What an evidence report is made from, gathered across the slices."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from vigie.checklist import questionnaire_queries
from vigie.checklist.questionnaire_models import Questionnaire, Signature
from vigie.checklist.questionnaire_showing import shown
from vigie.overview import report_queries as queries
from vigie.overview.checklist import Facts, checklist
from vigie.overview.checklist_facts import facts_of
from vigie.posture import queries as postures
from vigie.posture.catalogue import load_catalogue
from vigie.posture.models import ControlException
from vigie.practices.models import Practice
from vigie.reports import facts as shapes
from vigie.reports.rules import Period

_SYSTEM = "ANS-2.1"


async def gather(
    session: AsyncSession, practice: Practice, period: Period, language: shapes.Language, now: datetime
) -> shapes.Evidence | None:
    """Return what a report of a practice is made from, in a language; None for an archived one, which has no verdict."""
    posture = await postures.posture_of(session, practice.provider_id, practice.id)
    if posture is None:
        return None
    days = (now.date() - period.first).days + 2  # the trend counts in days of UTC, periods in the practice's
    facts = await facts_of(session, posture, days, now)
    aliases = {device_id: device.alias for device_id, device in facts.devices.items()}
    changes, in_all = await queries.changes_of(session, practice, period)
    return shapes.Evidence(
        provider=await queries.provider_name(session, practice.provider_id),
        practice=practice.name,
        city=practice.city,
        profession=practice.profession,
        as_of=now,
        period=period,
        checklist=checklist(facts, load_catalogue(), language),
        score=[(day, score) for day, score in facts.trend if day >= period.first - timedelta(days=1)],
        devices=await _devices(session, practice, facts),
        changes=[
            shapes.Change(each.kind, each.happened_at, str(each.device_id) if each.device_id else None, each.payload)
            for each in changes
        ],
        more_changes=in_all - len(changes),
        exceptions=[_exception(each, aliases) for each in await queries.exceptions_of(session, practice, period)],
        questionnaires=await _questionnaires(session, practice, language, now),
        restores=[
            shapes.RestoreFact(each.tested_on, each.scope, each.result, each.minutes, each.tested_by)
            for each in await queries.restores_of(session, practice)
        ],
        incidents=[
            shapes.IncidentFact(each.kind, each.known_at, each.closed_at)
            for each in await queries.incidents_of(session, practice, period)
        ],
        alerts=[shapes.AlertFact(*each) for each in await queries.alerts_of(session, practice, period)],
    )


async def _devices(session: AsyncSession, practice: Practice, facts: Facts) -> list[shapes.DeviceFact]:
    systems = {
        finding.subject_id: finding.evidence.get("system") for finding in facts.findings if finding.control == _SYSTEM
    }
    return [
        shapes.DeviceFact(
            str(device.id), device.alias, device.role, systems.get(device.id), last_seen_at, silent_since is not None
        )
        for device, last_seen_at, silent_since in await queries.devices_of(session, practice)
    ]


def _exception(row: ControlException, aliases: dict[UUID, str]) -> shapes.ExceptionFact:
    return shapes.ExceptionFact(
        control=row.control,
        device=aliases.get(row.device_id) if row.device_id else None,
        reason=row.reason,
        measure=row.compensating_measure,
        author=row.author_name,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        ended_at=row.ended_at,
    )


async def _questionnaires(
    session: AsyncSession, practice: Practice, language: str, now: datetime
) -> list[shapes.QuestionnaireFact]:
    rows = await queries.questionnaires_of(session, practice)
    if not rows:
        return []
    signed = await questionnaire_queries.signatures_of(session, practice.provider_id, [row.id for row in rows])
    return [
        shapes.QuestionnaireFact(
            title=head.title,
            supplier=head.supplier.name,
            status=head.status,
            revision=head.revision,
            signatures=_signatures(row, signed.get(row.id, ())),
        )
        for row, head in zip(rows, await shown(session, rows, language, now), strict=True)
    ]


def _signatures(row: Questionnaire, signed: Sequence[Signature]) -> list[shapes.SignatureFact]:
    """Return the signatures of the current revision, the supplier's first."""
    return [
        shapes.SignatureFact(
            cast("shapes.Party", each.party), each.name, each.signed_on, cast("shapes.Way", each.way), each.content_hash
        )
        for each in sorted(signed, key=lambda each: each.party, reverse=True)
        if each.revision == row.revision
    ]
