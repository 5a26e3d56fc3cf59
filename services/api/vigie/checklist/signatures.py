"""Signing: the supplier first, then the practitioner, both under the digest of the same bytes."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal
from uuid import UUID

from vigie.auth.dependencies import Call
from vigie.checklist import questionnaire_errors as errors
from vigie.checklist import questionnaire_queries as queries
from vigie.checklist.filling import event_of, tell
from vigie.checklist.questionnaire_content import Answers, content_now, day_of, lacking, template_of
from vigie.checklist.questionnaire_models import Questionnaire, QuestionnaireRevision, Signature
from vigie.checklist.questionnaire_schemas import Party, SignIn
from vigie.core.errors import InvalidRequestError, NotFoundError
from vigie.core.sentences import fault
from vigie.posture.assessment import Assessor
from vigie.practices.queries import changeable_practice

PARTY_OF_ROLE: Final[dict[str, Party]] = {"owner": "supplier", "practitioner": "practitioner"}
"""For whom somebody signs: the provider's owner for a supplier, the practitioner for the practice."""


async def sign_questionnaire(
    call: Call, assessor: Assessor, practice_id: UUID, questionnaire_id: UUID, wanted: SignIn
) -> Questionnaire:
    """Sign the current revision as a party, exactly as the signer read it.

    Raises `WrongPartyError`, `QuestionnaireChangedError`, `AlreadySignedError`, `SupplierFirstError`, `OpenDeviationsError`,
    `InvalidRequestError` (a supplier outside without its signature, or the other way round), and what reaching a questionnaire
    raises.
    """
    if PARTY_OF_ROLE.get(call.principal.role or "") != wanted.party:
        raise errors.WrongPartyError
    practice = await changeable_practice(call, practice_id, lock=True)
    questionnaire = await queries.get_questionnaire(call.session, practice, questionnaire_id, lock=True)
    _check_outside(questionnaire, wanted, day_of(call.now))
    answers = (await queries.answers_of(call.session, practice.provider_id, [questionnaire.id]))[questionnaire.id]
    content = await content_now(call.session, questionnaire, answers)
    if content.digest != wanted.content_hash:
        raise errors.QuestionnaireChangedError(content_hash=content.digest)
    _check_turn(questionnaire, wanted.party)
    _check_complete(questionnaire, answers, day_of(call.now))
    signer = await _signer(call, wanted)
    if not content.frozen:
        call.session.add(
            QuestionnaireRevision(
                **_key(questionnaire), content_hash=content.digest, content=content.raw, frozen_at=call.now
            )
        )
        await call.session.flush()  # the signature refers to it
    call.session.add(_signature(call, questionnaire, wanted, signer))
    questionnaire.status = "signed_by_supplier" if wanted.party == "supplier" else "signed"
    if wanted.party == "practitioner":
        questionnaire.signed_at = call.now
    questionnaire.updated_at = call.now
    call.audit(details={"party": wanted.party, "revision": questionnaire.revision})
    signed = {"party": wanted.party, "content_hash": content.digest, "way": signer.way, "status": questionnaire.status}
    event = event_of(call, questionnaire, "questionnaire.signed", signed)
    await tell(call, assessor, practice.provider_id, [event])
    return questionnaire


def _check_outside(questionnaire: Questionnaire, wanted: SignIn, today: date) -> None:
    """Refuse a signature elsewhere by whom signs here, none by whom cannot, and one of tomorrow."""
    wrong: tuple[str, str] | None = None
    if wanted.outside is None:
        if wanted.party == "supplier" and questionnaire.supplier_id != questionnaire.provider_id:
            wrong = (
                "this supplier signs outside: say who did, when, and where that can be seen",
                "Ce fournisseur signe ailleurs : dites qui a signé, quand, et où cela se voit.",
            )
    elif wanted.party != "supplier" or questionnaire.supplier_id == questionnaire.provider_id:
        wrong = ("this party signs here, in its own session", "Cette partie signe ici, dans sa propre session.")
    elif wanted.outside.signed_on > today:
        wrong = ("the signature lies in the future", "La date de signature est à venir.")
    if wrong is not None:
        raise InvalidRequestError(errors=[fault("/body/outside", *wrong)])


def _check_turn(questionnaire: Questionnaire, party: Party) -> None:
    if questionnaire.status == "signed" or (questionnaire.status == "signed_by_supplier" and party == "supplier"):
        raise errors.AlreadySignedError
    if party == "practitioner" and questionnaire.status != "signed_by_supplier":
        raise errors.SupplierFirstError


def _check_complete(questionnaire: Questionnaire, answers: Answers, today: date) -> None:
    missing = lacking(template_of(questionnaire), answers, today)
    if missing:
        raise errors.OpenDeviationsError(
            questions=[{"question": question, "lacks": lack} for question, lack in missing.items()]
        )


@dataclass(frozen=True, slots=True)
class _Signer:
    """Who signs, and by which session: the identity is that which the identity provider asserted for it."""

    way: Literal["session", "recorded"]
    name: str
    role: str
    signed_on: date
    evidence_ref: str | None
    issuer: str
    identity_provider: str
    acr: str | None


async def _signer(call: Call, wanted: SignIn) -> _Signer:
    principal = call.principal
    if principal.session_id is None:  # only people hold the permission to sign
        raise NotFoundError
    session = await queries.session_of(call.session, principal.provider_id, principal.session_id)
    asserted = (session.issuer, session.identity_provider, session.acr)
    outside = wanted.outside
    if outside is not None:
        return _Signer("recorded", outside.name, outside.function, outside.signed_on, outside.evidence_ref, *asserted)
    return _Signer("session", principal.name, principal.role or "", day_of(call.now), None, *asserted)


def _key(questionnaire: Questionnaire) -> dict[str, object]:
    return {
        "provider_id": questionnaire.provider_id,
        "questionnaire_id": questionnaire.id,
        "revision": questionnaire.revision,
    }


def _signature(call: Call, questionnaire: Questionnaire, wanted: SignIn, signer: _Signer) -> Signature:
    return Signature(
        **_key(questionnaire),
        party=wanted.party,
        content_hash=wanted.content_hash,
        way=signer.way,
        name=signer.name,
        role=signer.role,
        member_id=UUID(call.principal.subject),
        issuer=signer.issuer,
        identity_provider=signer.identity_provider,
        acr=signer.acr,
        signed_on=signer.signed_on,
        signed_at=call.now,
        evidence_ref=signer.evidence_ref,
    )
