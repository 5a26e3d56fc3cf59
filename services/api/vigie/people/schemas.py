"""Wire shapes of people: who am I, members, invitations, sessions, identity providers."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from vigie.core.pagination import PageQuery
from vigie.core.sentences import BadValueError
from vigie.core.wire import Instant, refuse_emptied
from vigie.practices.identifiers import is_rpps

RoleName = Literal["owner", "technician", "auditor", "practitioner", "practice_staff"]
_Line = StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")
_Word = StringConstraints(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")
Label = Annotated[str, _Line, Field(max_length=160)]
Practices = Annotated[list[UUID], Field(max_length=1000)]


def _rpps(text: str) -> str:
    """Refuse a number whose key is wrong: one mistyped digit must not let somebody else in."""
    if not is_rpps(text):
        raise BadValueError(
            "not an RPPS number (eleven digits, the last of which is a key)",
            "Ce n'est pas un numéro RPPS : onze chiffres, dont le dernier est une clé qui ne correspond pas.",
        )
    return text


class NewInvitationIn(BaseModel):
    """Whom to invite. `practices` limits a technician to some practices: absent or null means all, an empty list none."""

    model_config = ConfigDict(extra="forbid")

    role: RoleName
    label: Label = Field(description="Whom it is for, as the list of invitations shows it.")
    practice_id: UUID | None = Field(None, description="The practice, for a practitioner or practice staff.")
    practices: Practices | None = None
    rpps: Annotated[str, AfterValidator(_rpps)] | None = Field(
        None, description="RPPS number of a practitioner: then there is no link, and signing in is enough."
    )
    expires_in_days: int = Field(14, ge=1, le=90)

    @property
    def lifetime(self) -> timedelta:
        """How long the invitation stays open."""
        return timedelta(days=self.expires_in_days)


class InvitationOut(BaseModel):
    """An invitation. Of an RPPS number only the end is shown; the link is shown once, when it is made."""

    id: UUID
    role: str
    label: str
    practice_id: UUID | None
    practices: list[UUID] | None
    rpps_end: str | None
    status: Literal["open", "used", "expired", "revoked"]
    created_at: Instant
    created_by: str
    expires_at: Instant
    used_at: Instant | None
    member_id: UUID | None


class CreatedInvitation(InvitationOut):
    """A new invitation with its link; null for one by RPPS number."""

    link: str | None


class MemberOut(BaseModel):
    """A member. `practices`: what a limited technician sees; null where there is no such limit."""

    id: UUID
    name: str
    email: str | None
    role: str
    practice_id: UUID | None
    practices: list[UUID] | None
    profession: str | None
    identity_provider: str | None
    created_at: Instant
    last_sign_in_at: Instant | None


class MemberPatch(BaseModel):
    """What to change; a field that is absent stays. `practices` null: all of them; an empty list: none."""

    model_config = ConfigDict(extra="forbid")

    role: RoleName | None = None
    practices: Practices | None = None

    @model_validator(mode="after")
    def _role_stays(self) -> Self:
        refuse_emptied(self, "role")
        return self


class MemberQuery(PageQuery):
    """Filters of the list of members."""

    role: RoleName | None = None
    practice_id: UUID | None = None


class InvitationQuery(PageQuery):
    """Filters of the list of invitations."""

    status: Literal["open", "used", "expired", "revoked"] | None = None


class MembershipOut(BaseModel):
    """A place of the caller's; `current` is the one this session is at."""

    member_id: UUID
    provider_name: str
    role: str
    practice_id: UUID | None
    practice_name: str | None
    current: bool


class Me(BaseModel):
    """Who the caller is, and where. `practices`: ids, or `all`; `practice_id`: of whom belongs to a practice.

    `memberships`: a person's places; none for a partner client, or when they were not asked for.
    """

    kind: str
    subject: str
    name: str
    provider_id: str
    provider_name: str
    practice_id: UUID | None
    role: str | None
    scopes: list[str]
    practices: list[UUID] | Literal["all"]
    memberships: list[MembershipOut]


class MeQuery(BaseModel):
    """What to say of the caller."""

    model_config = ConfigDict(extra="forbid")

    memberships: bool = Field(True, description="Whether to look where else the caller may go.")


class MembershipChoice(BaseModel):
    """The place to go to: one of `memberships` of `GET /v1/me`."""

    model_config = ConfigDict(extra="forbid")

    member_id: UUID


class SessionOut(BaseModel):
    """One of the caller's sessions."""

    id: UUID
    current: bool
    created_at: Instant
    seen_at: Instant
    expires_at: Instant
    identity_provider: str
    acr: str | None
    user_agent: str | None
    address: str | None


class NewView(BaseModel):
    """A list to save: its name, and the filters in its address, without the question mark."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, _Line, Field(max_length=60)]
    query: Annotated[str, StringConstraints(max_length=500, pattern=r"^[A-Za-z0-9%&=_.~+*-]*$")]


class ViewOut(BaseModel):
    """A list that the caller has saved."""

    id: UUID
    name: str
    query: str
    created_at: Instant


class IssuerOptions(BaseModel):
    """What may be chosen about an issuer; what is absent is as the product sets it."""

    model_config = ConfigDict(extra="forbid")

    scopes: Annotated[list[Annotated[str, _Word]], Field(min_length=1, max_length=10)] | None = None
    algorithms: Annotated[list[Annotated[str, _Word]], Field(min_length=1, max_length=9)] | None = None
    token_auth: Literal["client_secret_basic", "client_secret_post"] | None = None
    hosts: Annotated[list[Annotated[str, _Word]], Field(max_length=5)] | None = Field(
        None, description="Further hosts on which the issuer has endpoints."
    )
    required_claims: dict[str, Annotated[list[Annotated[str, _Word]], Field(max_length=50)]] | None = Field(
        None, description="`hd` of Google or `tid` of Microsoft: the values that are let in."
    )
    idle_s: int | None = Field(None, ge=300, le=86_400)
    absolute_s: int | None = Field(None, ge=300, le=86_400)
    max_age_s: int | None = Field(None, ge=60, le=86_400)

    @field_validator("required_claims")
    @classmethod
    def _few(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None and len(value) > 2:  # noqa: PLR2004 - hd and tid
            raise BadValueError("at most two", "Deux au plus.")
        return value


class NewIdentityProvider(BaseModel):
    """An issuer at which the provider's staff signs in. It is asked for its description before anything is saved."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[str, _Line, Field(max_length=80)]
    issuer: Annotated[str, StringConstraints(max_length=400, pattern=r"^https?://[\x21-\x7e]+$")]
    client_id: Annotated[str, _Word]
    client_secret: Annotated[str, StringConstraints(min_length=1, max_length=400)]
    options: IssuerOptions = IssuerOptions()


class IdentityProviderOut(BaseModel):
    """An issuer of the provider's own, and the addresses of ours to be registered there."""

    id: str
    label: str
    issuer: str
    client_id: str
    options: dict[str, Any]
    created_at: Instant
    login_url: str
    redirect_uri: str
    post_logout_redirect_uri: str
    backchannel_logout_uri: str
