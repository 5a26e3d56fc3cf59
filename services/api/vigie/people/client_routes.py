"""REST routes of partner clients, their secrets and their keys."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from vigie.auth import clients as registry
from vigie.auth.dependencies import Call, IdempotencyKey, attempt_of, reads, writes
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.models import PartnerClient
from vigie.auth.partner_keys import KeyRefusedError, PrivateKeyRefusedError
from vigie.auth.principal import Permission
from vigie.core import idempotency
from vigie.core.errors import InvalidRequestError, NotFoundError, problems
from vigie.core.pagination import InvalidCursorError, Page
from vigie.people import client_schemas as schemas
from vigie.people import clients, queries

router = APIRouter(prefix="/v1", tags=["clients"], responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.CLIENTS_READ)]
Writes = Annotated[Call, writes(Permission.CLIENTS_WRITE)]
ClientId = Annotated[str, Path(max_length=80, pattern=r"^[\x21-\x7e]+$")]


def _out(view: queries.ClientView) -> schemas.ClientOut:
    client = view.client
    same = ("client_id", "name", "auth_method", "scopes", "created_at", "created_by", "last_used_at", "revoked_at")
    return schemas.ClientOut(
        **{name: getattr(client, name) for name in same},
        status="active" if client.revoked_at is None else "revoked",
        practices=list(view.practices) if client.limited else None,
        secrets=[schemas.SecretOut.model_validate(row, from_attributes=True) for row in view.secrets],
        keys=[
            schemas.KeyOut(
                kid=row.kid,
                kty=row.jwk["kty"],
                crv=row.jwk.get("crv"),
                alg=row.jwk.get("alg"),
                created_at=row.created_at,
                last_used_at=row.last_used_at,
            )
            for row in view.keys
        ],
    )


async def _changed(call: Call, client: PartnerClient) -> schemas.ClientOut:
    await clients.tell(call.session, client)
    return _out(await queries.client_view(call, client.client_id))


async def _locked(call: Call, client_id: str) -> PartnerClient:
    return await clients.locked_client(call.session, call.principal.provider_id, client_id)


@router.get("/clients", responses=problems(InvalidCursorError), summary="List partner clients")
async def list_clients(call: Reads, query: Annotated[schemas.ClientQuery, Query()]) -> Page[schemas.ClientOut]:
    """List the partner clients of the provider, latest first; their secrets are not kept and cannot be shown."""
    views, following = await queries.list_clients(call, query)
    return Page(items=[_out(view) for view in views], next_cursor=following)


@router.post(
    "/clients",
    status_code=201,
    responses=problems(
        NotFoundError,
        InvalidRequestError,
        PrivateKeyRefusedError,
        KeyRefusedError,
        clients.WrongMethodError,
        idempotency.IdempotencyConflictError,
        idempotency.AlreadyDoneError,
    ),
    summary="Create a partner client",
)
async def create_client(
    request: Request, call: Writes, new: schemas.NewClient, idempotency_key: IdempotencyKey = None
) -> schemas.CreatedClient:
    """Create a client that a third party calls this API with. Its secret is in this answer and nowhere else.

    That is why the same request again under the same `Idempotency-Key` is refused with 409 `request.already_done`, whose
    `id` names the client: give it another secret should the first be lost.
    """
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        raise idempotency.AlreadyDoneError(id=kept["id"])
    await queries.refuse_foreign_practices(call, new.practices or ())
    client = await registry.register_client(
        call.session,
        call.principal.provider_id,
        new.name,
        {Permission(scope) for scope in new.scopes},
        auth_method=new.auth_method,
        by=call.principal.name or call.principal.subject,
        now=call.now,
    )
    await clients.limit_to(call.session, client, new.practices)
    await clients.replace_keys(call.session, client, new.keys, now=call.now)
    text = None
    if new.auth_method == "client_secret":
        _, text = await registry.add_secret(call.session, client, now=call.now)
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, {"id": client.client_id})
    call.audit(object_id=client.client_id, details=_details(client))
    shown = await _changed(call, client)
    return schemas.CreatedClient(**shown.model_dump(), client_secret=text)


def _details(client: PartnerClient) -> dict[str, object]:
    return {
        "name": client.name,
        "scopes": list(client.scopes),
        "auth_method": client.auth_method,
        "limited": client.limited,
    }


@router.get("/clients/{client_id}", responses=problems(NotFoundError), summary="Read a partner client")
async def read_client(call: Reads, client_id: ClientId) -> schemas.ClientOut:
    """Read one client: what it may do, with what it authenticates, when it was last used."""
    return _out(await queries.client_view(call, client_id))


@router.patch(
    "/clients/{client_id}",
    responses=problems(NotFoundError, InvalidRequestError, clients.ClientRevokedError, clients.WrongMethodError),
    summary="Change a partner client",
)
async def change_client(call: Writes, client_id: ClientId, patch: schemas.ClientPatch) -> schemas.ClientOut:
    """Change name, scopes, practices or the way a client authenticates.

    A scope or a practice that is taken away is gone within a second, for tokens that are in use too; a scope that is added
    comes with the next token. Changing to `private_key_jwt` ends the secrets and every token.
    """
    client = await _locked(call, client_id)
    await queries.refuse_foreign_practices(call, patch.practices or ())
    if patch.name is not None:
        client.name = patch.name
    if patch.scopes is not None:
        client.scopes = sorted(set(patch.scopes))
    if "practices" in patch.model_fields_set:
        await clients.limit_to(call.session, client, patch.practices)
    if patch.auth_method is not None:
        await clients.change_method(call.session, client, patch.auth_method)
    call.audit(details=_details(client))
    return await _changed(call, client)


@router.delete(
    "/clients/{client_id}", status_code=204, responses=problems(NotFoundError), summary="Revoke a partner client"
)
async def revoke_client(call: Writes, client_id: ClientId) -> None:
    """Turn a client away for good: no new token, and those in use end everywhere within a second. Twice is as good as once."""
    if not await registry.revoke_client(call.session, call.principal.provider_id, client_id, now=call.now):
        await queries.client_view(call, client_id)


@router.post(
    "/clients/{client_id}/secrets",
    status_code=201,
    responses=problems(
        NotFoundError,
        InvalidRequestError,
        clients.ClientRevokedError,
        clients.RotationRunningError,
        clients.WrongMethodError,
        idempotency.IdempotencyConflictError,
        idempotency.AlreadyDoneError,
    ),
    summary="Give a client another secret",
)
async def create_client_secret(
    request: Request, call: Writes, client_id: ClientId, new: schemas.NewSecret, idempotency_key: IdempotencyKey = None
) -> schemas.CreatedSecret:
    """Begin to replace a secret: the new one is in this answer and nowhere else, the old one still holds for `overlap_s`.

    With an overlap of 0 the old one ends at once, and with it every token issued so far.
    """
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        raise idempotency.AlreadyDoneError(id=kept["id"])
    client = await _locked(call, client_id)
    secret, text = await clients.rotate_secret(call.session, client, new.overlap, now=call.now)
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, {"id": str(secret.id)})
    call.audit(object_id=secret.id, details={"client": client_id, "overlap_s": new.overlap_s})
    await clients.tell(call.session, client)
    shown = schemas.SecretOut.model_validate(secret, from_attributes=True)
    return schemas.CreatedSecret(**shown.model_dump(), client_secret=text)


@router.delete(
    "/clients/{client_id}/secrets/{secret_id}",
    status_code=204,
    responses=problems(NotFoundError, clients.ClientRevokedError),
    summary="Withdraw a secret",
)
async def delete_client_secret(call: Writes, client_id: ClientId, secret_id: UUID) -> None:
    """Withdraw a secret that leaked or is needed no longer; every token of the client ends with it, within a second."""
    client = await _locked(call, client_id)
    await clients.delete_secret(call.session, client, secret_id)
    call.audit(details={"client": client_id})
    await clients.tell(call.session, client)


@router.put(
    "/clients/{client_id}/keys",
    responses=problems(
        NotFoundError,
        InvalidRequestError,
        clients.ClientRevokedError,
        clients.WrongMethodError,
        PrivateKeyRefusedError,
        KeyRefusedError,
    ),
    summary="Register the public keys of a client",
)
async def replace_client_keys(call: Writes, client_id: ClientId, new: schemas.KeySet) -> schemas.ClientOut:
    """Replace the keys with which a client may sign its assertions; with a key that is left out, every token ends."""
    client = await _locked(call, client_id)
    withdrawn = await clients.replace_keys(call.session, client, new.keys, now=call.now)
    names = sorted(str(key["kid"]) for key in new.keys)
    call.audit(object_kind="client", object_id=client_id, details={"keys": names, "withdrawn": list(withdrawn)})
    return await _changed(call, client)
