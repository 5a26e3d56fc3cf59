"""Wire shapes of channels, of what they carried, and of every attempt."""

import re
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vigie.alerts.channel_models import ChannelKind, Language, Outcome, Severity, Status
from vigie.alerts.rules.policy import Cause
from vigie.core.pagination import PageQuery
from vigie.core.sentences import BadValueError
from vigie.core.wire import Instant, refuse_emptied
from vigie.practices.schemas import TimeZone

# Addresses that mail servers understand without extensions (RFC 5321 §4.1.2, no quoted local parts, no address literals).
_MAILBOX = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)
_LOCAL = 64


def is_mailbox(text: str) -> bool:
    """Whether a text is an address that mail can be sent to, and nothing else."""
    return _MAILBOX.fullmatch(text) is not None and len(text.partition("@")[0]) <= _LOCAL


def _mailbox(text: str) -> str:
    if not is_mailbox(text):
        raise BadValueError("not a mail address", "Ce n'est pas une adresse électronique.")
    return text


def _once(values: list[Any]) -> list[Any]:
    if len(set(values)) != len(values):
        raise BadValueError("the same twice", "Deux fois la même valeur.")
    return values


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Mailbox = Annotated[str, Field(max_length=254), AfterValidator(_mailbox)]
Recipients = Annotated[list[Mailbox], Field(min_length=1, max_length=20), AfterValidator(_once)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[\x21-\x7e]+$")]
LocalTime = Annotated[
    str,
    StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"),
    Field(json_schema_extra={"examples": ["18:30"]}),
]
Practices = Annotated[
    list[UUID], Field(min_length=1, max_length=1000, description="Only these practices; null: all of them.")
]
Causes = Annotated[list[Cause], Field(min_length=1, max_length=10, description="Only these causes; null: all of them.")]


class _Chosen(BaseModel):
    """What a channel wants to hear of, and when it wants its two daily messages."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    language: Language = "fr"
    practices: Practices | None = None
    minimum_severity: Severity = Field("info", description="Nothing below it is sent.")
    causes: Causes | None = None
    time_zone: TimeZone = Field("Europe/Paris", description="Of `digest_at` and `opening_check_at`.")
    digest_at: LocalTime | None = Field(
        None,
        description="Local time of the daily digest: what is open, what was closed, what was not sent. Null: none.",
    )
    opening_check_at: LocalTime | None = Field(
        None,
        description="Local time at which to say, on the eve of a working day, whether each practice can open. Null: never.",
    )


class NewMailChannel(_Chosen):
    """Mail to some people."""

    kind: Literal["mail"]
    recipients: Recipients


class NewWebhookChannel(_Chosen):
    """An address of the provider's own: a signed POST (Standard Webhooks) for each notification."""

    kind: Literal["webhook"]
    url: Url = Field(description="https, at a name that leads to public addresses only.")


class NewServiceChannel(_Chosen):
    """A chat, text-message or ticket service (docs/channels.md lists them)."""

    kind: Literal["service"]
    url: Url = Field(
        description="Address of the service as docs/channels.md describes it. It is a secret: kept sealed, never shown again."
    )


NewChannel = Annotated[NewMailChannel | NewWebhookChannel | NewServiceChannel, Field(discriminator="kind")]
"""A channel to create; `kind` decides what it needs."""


class ChannelPatch(BaseModel):
    """What to change; a field that is absent stays. `enabled` true: sent to again from now on, whatever went wrong before."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    language: Language | None = None
    recipients: Recipients | None = Field(None, description="Of a mail channel.")
    url: Url | None = Field(None, description="Of a webhook (its secret stays) or a service.")
    practices: Practices | None = None
    minimum_severity: Severity | None = None
    causes: Causes | None = None
    time_zone: TimeZone | None = None
    digest_at: LocalTime | None = None
    opening_check_at: LocalTime | None = None
    enabled: bool | None = None

    @model_validator(mode="after")
    def _required_stay(self) -> Self:
        refuse_emptied(self, "name", "language", "recipients", "url", "minimum_severity", "time_zone", "enabled")
        return self


class ChannelOut(BaseModel):
    """A channel. What reaches a service or signs a webhook is never shown."""

    id: UUID
    kind: ChannelKind
    name: str
    language: Language
    recipients: list[str] | None = Field(description="Of a mail channel.")
    url: str | None = Field(description="Of a webhook.")
    service: str | None = Field(description="Name of the service.")
    practices: list[UUID] | None
    minimum_severity: Severity
    causes: list[str] | None
    time_zone: str
    digest_at: str | None
    opening_check_at: str | None
    next_digest_at: Instant | None
    next_opening_check_at: Instant | None
    enabled: bool
    disabled_at: Instant | None
    disabled_why: str | None = Field(
        description="`member` when somebody switched it off, else the code of the failure that will not pass by itself."
    )
    failing_since: Instant | None = Field(description="Since when nothing got through; null: the last message did.")
    created_at: Instant
    created_by: str
    changed_at: Instant


class CreatedChannel(ChannelOut):
    """A channel that was just created; `secret` is in this answer and nowhere else."""

    secret: str | None = Field(description="Of a webhook: `whsec_…`, verifies what we send (Standard Webhooks).")


class NotificationQuery(PageQuery):
    """Which notifications to list."""

    channel_id: UUID | None = None
    alert_id: UUID | None = None
    practice_id: UUID | None = None
    status: Status | None = None


class AttemptOut(BaseModel):
    """One attempt to send. A number that is missing is an attempt whose end nobody saw: the process was killed."""

    number: int
    started_at: Instant
    ended_at: Instant
    outcome: Outcome
    code: str | None = Field(description="What went wrong.")
    excerpt: str | None = Field(description="The beginning of what the other side answered.")


class NotificationOut(BaseModel):
    """A message: to whom, about what, and what became of it. `id` is the same at every attempt."""

    id: UUID
    channel_id: UUID | None
    member_id: UUID | None = Field(description="When it goes to a person's own address instead of a channel.")
    to_name: str | None = Field(description="Name of the channel or the member.")
    practice_id: UUID | None
    practice_name: str | None
    title: str | None = Field(
        description="What it is about, in the language asked for; null where it is not about an alert."
    )
    alert_id: UUID | None
    kind: str
    wanted_at: Instant
    due_at: Instant = Field(description="Not before this; the next attempt while it is pending.")
    status: Status
    last_error: str | None
    settled_at: Instant | None
    attempts: list[AttemptOut]
