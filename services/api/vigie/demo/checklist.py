"""The owner of the demo's provider answers for most practices, through the real use cases, so that checklists differ.

What practices answer themselves is left to whoever signs in as the dentist.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from vigie.auth.dependencies import Call
from vigie.auth.principal import ALL_PRACTICES, PERMISSIONS, Principal
from vigie.checklist.attestations import answer_control, answer_for_many, history_of
from vigie.checklist.schemas import BulkAnswerIn, ControlAnswerIn
from vigie.core.clock import SystemClock
from vigie.core.db import Database, role_url
from vigie.core.pagination import PageQuery
from vigie.people.queries import list_members
from vigie.people.schemas import MemberQuery
from vigie.posture.assessment import Assessor
from vigie.settings import Settings

_EVERYWHERE = "ANS-4.2"


async def answer_checklists(settings: Settings, provider_id: UUID, practices: Sequence[UUID]) -> None:
    """Answer what the provider answers, for most of `practices`; once: later starts find the answers there."""
    database = Database(*role_url(settings, "vigie_app"), pool_size=1)
    assessor = Assessor("citus" if settings.database_form == "citus" else "postgresql")
    now = SystemClock().now()
    nobody = Principal("member", provider_id, str(UUID(int=0)), frozenset(), ALL_PRACTICES, "owner")
    try:
        async with database.session(provider_id, write=True) as session:
            owners, _ = await list_members(Call(nobody, session, now), MemberQuery(role="owner"))
            given, _ = await history_of(Call(nobody, session, now), practices[0], _EVERYWHERE, PageQuery())
            if not owners or given:
                return
            owner = Principal(
                "member",
                provider_id,
                str(owners[0].id),
                PERMISSIONS["owner"],
                ALL_PRACTICES,
                "owner",
                name=owners[0].name,
            )
            call = Call(owner, session, now)
            for control, said in _for_all(now.date()):
                await answer_for_many(
                    call, assessor, BulkAnswerIn.model_validate({**said, "control": control, "practices": "all"})
                )
        for number, practice in enumerate(practices):
            async with database.session(provider_id, write=True) as session:
                for control, said in _for_one(number, now.date()):
                    await answer_control(
                        Call(owner, session, now), assessor, practice, control, ControlAnswerIn.model_validate(said)
                    )
    finally:
        await database.close()


def _for_all(today: date) -> list[tuple[str, dict[str, object]]]:
    """Return what holds for every practice; the procedures were written almost a year ago."""
    return [
        ("ANS-3.3", {"answer": "yes", "comment": "Coffre-fort du prestataire, copie chez un notaire."}),
        (_EVERYWHERE, {"answer": "yes", "effective_on": today - timedelta(days=345)}),
    ]


def _for_one(number: int, today: date) -> list[tuple[str, dict[str, object]]]:
    """Return what was found at one practice: mostly good, some open, some answered half a year ago."""
    found: list[tuple[str, dict[str, object]]] = []
    if number % 3:
        found.append(("ANS-3.4", {"answer": "yes", "effective_on": today - timedelta(days=number * 3)}))
    if number % 4 == 1:
        found.append(("ANS-3.6", {"answer": "yes", "effective_on": today - timedelta(days=165)}))
    if number % 5 == 2:  # noqa: PLR2004 - every fifth
        found.append(("ANS-1.6", {"answer": "no", "comment": "Pas d'onduleur sur le serveur."}))
    if number % 4 == 0:
        reason = "Aucune donnée n'est hébergée hors du cabinet."
        found.append(("ANS-8.5", {"answer": "not_applicable", "reason": reason}))
    return found
