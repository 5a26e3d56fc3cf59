"""REST routes of members and invitations."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from vigie.auth.dependencies import Call, IdempotencyKey, attempt_of, parts, reads, writes
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.models import Member
from vigie.auth.principal import Permission
from vigie.core import idempotency
from vigie.core.errors import InvalidRequestError, NotFoundError, problems
from vigie.core.pagination import InvalidCursorError, Page
from vigie.people import errors, invitations, members, queries, schemas
from vigie.people.models import Invitation
from vigie.practices.responsibles import release_practices

router = APIRouter(prefix="/v1", responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.MEMBERS_READ)]
Writes = Annotated[Call, writes(Permission.MEMBERS_WRITE)]


def _member_out(member: Member, practices: Sequence[UUID]) -> schemas.MemberOut:
    named = {name: getattr(member, name) for name in schemas.MemberOut.model_fields if name != "practices"}
    return schemas.MemberOut(**named, practices=list(practices) if member.limited else None)


@router.get("/members", tags=["members"], responses=problems(InvalidCursorError), summary="List members")
async def list_members(call: Reads, query: Annotated[schemas.MemberQuery, Query()]) -> Page[schemas.MemberOut]:
    """List the people of the provider and of its practices, in the order in which they joined."""
    rows, following = await queries.list_members(call, query)
    seen = await members.practices_of(call.session, call.principal.provider_id, [row.id for row in rows])
    return Page(items=[_member_out(row, seen.get(row.id, ())) for row in rows], next_cursor=following)


@router.patch(
    "/members/{member_id}",
    tags=["members"],
    responses=problems(NotFoundError, errors.LastOwnerError, errors.RoleMismatchError),
    summary="Change what a member may do",
)
async def change_member(call: Writes, member_id: UUID, patch: schemas.MemberPatch) -> schemas.MemberOut:
    """Give a member another role, or other practices; effective within a second in the sessions they have open."""
    provider_id = call.principal.provider_id
    member = await members.locked_member(call.session, provider_id, member_id)
    role = patch.role or member.role
    practices = frozenset(patch.practices or ()) if patch.practices is not None else None
    if "practices" not in patch.model_fields_set and member.limited and role == member.role:
        kept = await members.practices_of(call.session, provider_id, [member_id])
        practices = frozenset(kept.get(member_id, ()))
    await queries.refuse_foreign_practices(call, patch.practices or ())
    standing = members.Standing(role, member.practice_id, practices)
    member, changed = await members.change_member(call.session, provider_id, member_id, standing)
    if changed and (practices is not None or role not in {"owner", "technician"}):
        await release_practices(call.session, provider_id, member_id, but=practices or ())
    call.audit(details={"role": role, "limited": practices is not None, "changed": changed})
    return _member_out(member, sorted(practices or ()))


@router.delete(
    "/members/{member_id}",
    tags=["members"],
    status_code=204,
    responses=problems(NotFoundError, errors.LastOwnerError),
    summary="Remove a member",
)
async def remove_member(call: Writes, member_id: UUID) -> None:
    """End a membership; every session of it ends at once, everywhere within a second. The last owner stays."""
    ended = await members.remove_member(call.session, call.principal.provider_id, member_id, now=call.now)
    await release_practices(call.session, call.principal.provider_id, member_id)
    call.audit(details={"sessions_ended": ended})


def _invitation_out(invitation: Invitation, call: Call) -> dict[str, Any]:
    named = {name: getattr(invitation, name, None) for name in schemas.InvitationOut.model_fields}
    return {
        **named,
        "status": queries.status_of(invitation, call.now),
        "practices": invitation.practices if invitation.limited else None,
        "rpps_end": invitation.rpps[-4:] if invitation.rpps else None,
    }


@router.get("/invitations", tags=["members"], responses=problems(InvalidCursorError), summary="List invitations")
async def list_invitations(
    call: Reads, query: Annotated[schemas.InvitationQuery, Query()]
) -> Page[schemas.InvitationOut]:
    """List the invitations of the provider, latest first; their links are not kept and cannot be shown."""
    rows, following = await queries.list_invitations(call, query)
    items = [schemas.InvitationOut(**_invitation_out(row, call)) for row in rows]
    return Page(items=items, next_cursor=following)


@router.post(
    "/invitations",
    tags=["members"],
    status_code=201,
    responses=problems(
        NotFoundError,
        InvalidRequestError,
        errors.RoleMismatchError,
        errors.InvitationOpenError,
        idempotency.IdempotencyConflictError,
        idempotency.AlreadyDoneError,
    ),
    summary="Invite somebody",
)
async def create_invitation(
    request: Request, call: Writes, new: schemas.NewInvitationIn, idempotency_key: IdempotencyKey = None
) -> schemas.CreatedInvitation:
    """Invite somebody by a link, which is in this answer and nowhere else, or a practitioner by their RPPS number.

    The same request again under the same `Idempotency-Key` is refused with 409 `request.already_done`, whose `id` names the
    invitation: revoke it should the link be lost.
    """
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        raise idempotency.AlreadyDoneError(id=kept["id"])
    await queries.refuse_foreign_practices(call, {*(new.practices or ()), *filter(None, [new.practice_id])})
    practices = None if new.practices is None else frozenset(new.practices)
    wanted = invitations.NewInvitation(
        standing=members.Standing(new.role, new.practice_id, practices),
        label=new.label,
        lifetime=new.lifetime,
        rpps=new.rpps,
    )
    invitation, token = await invitations.invite(
        call.session, call.principal.provider_id, wanted, by=call.principal.name or call.principal.subject, now=call.now
    )
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, {"id": str(invitation.id)})
    call.audit(object_id=invitation.id, practice_id=new.practice_id, details={"role": new.role, "link": bool(token)})
    link = invitations.link_of(parts(request).public_url, token) if token else None
    return schemas.CreatedInvitation(**_invitation_out(invitation, call), link=link)


@router.delete(
    "/invitations/{invitation_id}",
    tags=["members"],
    status_code=204,
    responses=problems(NotFoundError, errors.InvitationUsedError),
    summary="Withdraw an invitation",
)
async def revoke_invitation(call: Writes, invitation_id: UUID) -> None:
    """Withdraw an invitation: it lets nobody in any more. One that was used cannot be withdrawn; remove the member."""
    await invitations.revoke_invitation(call.session, call.principal.provider_id, invitation_id, now=call.now)
