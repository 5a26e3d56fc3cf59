"""Who signed in, as the identity provider asserts it. Whether they may come in is decided by those who use it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from vigie.auth.oidc.professional import Professional, parse_professional, text
from vigie.auth.oidc.profiles import IdentityProvider

_LONGEST_NAME: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person whose sign-in passed every check.

    The key of an account is (`issuer`, `subject`), never the e-mail address. `repr` shows no person: it may be logged.

    `email` is present only when the provider says that it verified it; `acr` is one of the accepted ones where the profile
    accepts only some; `sid` names the provider's session for back-channel logout; `id_token` is the raw token, the hint of
    an RP-initiated logout: to be stored sealed, and shown to nobody. `professional` is there for Pro Santé Connect only.
    """

    idp: str
    issuer: str
    subject: str = field(repr=False)
    acr: str | None = None
    amr: tuple[str, ...] = ()
    auth_time: datetime | None = None
    sid: str | None = field(default=None, repr=False)
    id_token: str = field(repr=False)
    given_name: str | None = field(default=None, repr=False)
    family_name: str | None = field(default=None, repr=False)
    name: str = field(default="", repr=False)
    email: str | None = field(default=None, repr=False)
    professional: Professional | None = field(default=None, repr=False)
