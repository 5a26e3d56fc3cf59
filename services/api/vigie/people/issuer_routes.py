"""REST routes of the issuers at which a provider's own staff signs in."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from vigie.auth.dependencies import Call, known_caller, parts, reads, writes
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.oidc.profiles import IdentityProvider
from vigie.auth.principal import Permission, Principal
from vigie.auth.sessions import end_sessions_through
from vigie.core.errors import AppError, InvalidRequestError, NotFoundError, problems
from vigie.core.pagination import Page
from vigie.people import errors, queries, schemas
from vigie.people.identity_providers import NewIssuer, check_issuer, disable_issuer, save_issuer
from vigie.people.kit import People, people_of
from vigie.people.models import ProviderIdentity
from vigie.people.sign_out import LOGGED_OUT_PATH

router = APIRouter(prefix="/v1", responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.MEMBERS_READ)]
Configures = Annotated[Call, writes(Permission.IDENTITY_WRITE)]


def _wanted(new: schemas.NewIdentityProvider) -> NewIssuer:
    return NewIssuer(
        label=new.label,
        issuer=new.issuer,
        client_id=new.client_id,
        client_secret=new.client_secret,
        options=new.options.model_dump(exclude_none=True),
    )


async def described(
    request: Request,
    new: schemas.NewIdentityProvider,
    caller: Annotated[Principal | None, Depends(known_caller)],
) -> IdentityProvider | AppError | None:
    """Ask the issuer for its description, before the guard opens a transaction; None when the guard will refuse anyway."""
    if caller is None or Permission.IDENTITY_WRITE not in caller.permissions:
        return None
    people = people_of(request)
    try:
        people.relying_party()
        return await check_issuer(people.outbound, caller.provider_id, _wanted(new), parts(request).clock.now())
    except (errors.IssuerRefusedError, errors.SignInOffError) as error:
        return error  # raised inside the guard, which records it


Described = Annotated[IdentityProvider | AppError | None, Depends(described)]


def _out(row: ProviderIdentity, people: People) -> schemas.IdentityProviderOut:
    return schemas.IdentityProviderOut(
        id=row.id,
        label=row.label,
        issuer=row.issuer,
        client_id=row.client_id,
        options=row.options,
        created_at=row.created_at,
        login_url=f"{people.public_url}/auth/login/{row.id}",
        redirect_uri=people.redirect_uri(row.id),
        post_logout_redirect_uri=f"{people.public_url}{LOGGED_OUT_PATH}",
        backchannel_logout_uri=f"{people.public_url}/auth/backchannel-logout/{row.id}",
    )


@router.get("/identity-providers", tags=["members"], summary="List my identity providers")
async def list_identity_providers(request: Request, call: Reads) -> Page[schemas.IdentityProviderOut]:
    """List the issuers at which the provider's staff signs in, with the addresses to register there; at most ten."""
    rows = await queries.list_issuers(call)
    return Page(items=[_out(row, people_of(request)) for row in rows], next_cursor=None)


@router.post(
    "/identity-providers",
    tags=["members"],
    status_code=201,
    responses=problems(
        InvalidRequestError, errors.IssuerRefusedError, errors.TooManyIssuersError, errors.SignInOffError
    ),
    summary="Add an identity provider",
)
async def create_identity_provider(
    request: Request, new: schemas.NewIdentityProvider, found: Described, call: Configures
) -> schemas.IdentityProviderOut:
    """Let the provider's staff sign in at an issuer. It is asked for its description first; the secret is kept sealed.

    Members are still invited one by one: an issuer says who somebody is, not that they may come in.
    """
    if isinstance(found, AppError):
        raise found
    if found is None:
        raise UnauthenticatedError
    people = people_of(request)
    row = await save_issuer(call.session, people.relying_party().sealer, found, _wanted(new), now=call.now)
    call.audit(object_id=row.id, details={"issuer": row.issuer, "label": row.label})
    return _out(row, people)


@router.delete(
    "/identity-providers/{identity_provider_id}",
    tags=["members"],
    status_code=204,
    responses=problems(NotFoundError),
    summary="Remove an identity provider",
)
async def disable_identity_provider(call: Configures, identity_provider_id: str) -> None:
    """Close this door: nobody comes in by it any more, and who came in by it is signed out, within a second."""
    provider_id = call.principal.provider_id
    if not await disable_issuer(call.session, provider_id, identity_provider_id, now=call.now):
        raise NotFoundError
    ended = await end_sessions_through(
        call.session, provider_id, identity_provider_id, "identity provider removed", now=call.now
    )
    call.audit(details={"sessions_ended": ended})
