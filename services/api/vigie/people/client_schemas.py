"""Wire shapes of partner clients, their secrets and their keys."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vigie.auth.clients import AuthMethod
from vigie.auth.principal import SCOPES
from vigie.core.pagination import PageQuery
from vigie.core.sentences import BadValueError
from vigie.core.wire import Instant, refuse_emptied

_DAY_S = 86_400


def _scope(name: str) -> str:
    if name not in SCOPES:
        raise BadValueError("no such scope", "Ce droit n'existe pas.")
    return name


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Scope = Annotated[str, AfterValidator(_scope), Field(json_schema_extra={"enum": sorted(SCOPES)})]
Scopes = Annotated[list[Scope], Field(min_length=1, max_length=50)]
Practices = Annotated[list[UUID], Field(max_length=1000)]
Keys = Annotated[
    list[dict[str, Any]],
    Field(
        max_length=20, description="Public keys (JWK, RFC 7517), each with a `kid`: RSA from 2048 bits, P-256, P-384."
    ),
]


class NewClient(BaseModel):
    """A partner client to create. `practices` limits it to some practices: absent or null means all, an empty list none."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    scopes: Scopes
    auth_method: AuthMethod = "client_secret"
    practices: Practices | None = None
    keys: Keys = Field([], description="For `private_key_jwt`, where there must be one at least.")


class ClientPatch(BaseModel):
    """What to change; a field that is absent stays. `practices` null: all of them; an empty list: none."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    scopes: Scopes | None = None
    auth_method: AuthMethod | None = None
    practices: Practices | None = None

    @model_validator(mode="after")
    def _required_stay(self) -> Self:
        refuse_emptied(self, "name", "scopes", "auth_method")
        return self


class NewSecret(BaseModel):
    """How long the secret of before still holds, so that it can be replaced everywhere without a gap; 0 ends it at once."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: int = Field(_DAY_S, ge=0, le=30 * _DAY_S)

    @property
    def overlap(self) -> timedelta:
        """How long both hold."""
        return timedelta(seconds=self.overlap_s)


class KeySet(BaseModel):
    """The JWK set that replaces the one of before: a key that is not in it holds no longer."""

    model_config = ConfigDict(extra="forbid")

    keys: Keys


class SecretOut(BaseModel):
    """A secret; its text is shown only when it is created. `expires_at` is null until another replaces it."""

    id: UUID
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None


class CreatedSecret(SecretOut):
    """A new secret with its text."""

    client_secret: str


class KeyOut(BaseModel):
    """A registered public key. `alg` is the one algorithm it is for, if it says so."""

    kid: str
    kty: str
    crv: str | None
    alg: str | None
    created_at: Instant
    last_used_at: Instant | None


class ClientOut(BaseModel):
    """A partner client with what it may authenticate with. `practices`: what it is limited to; null where it is not."""

    client_id: str
    name: str
    status: Literal["active", "revoked"]
    auth_method: AuthMethod
    scopes: list[str]
    practices: list[UUID] | None
    secrets: list[SecretOut]
    keys: list[KeyOut]
    created_at: Instant
    created_by: str
    last_used_at: Instant | None
    revoked_at: Instant | None


class CreatedClient(ClientOut):
    """A new client with its secret; null for one that signs with a key of its own."""

    client_secret: str | None


class ClientQuery(PageQuery):
    """Filters of the list of clients."""

    status: Literal["active", "revoked"] | None = None
