"""The configuration of identity providers: Pro Santé Connect, or any other issuer.

What is configured is pinned: algorithms, how we authenticate ourselves, whom the endpoints may belong to. Discovery tells
addresses, never rules (Pro Santé Connect's lists password grants, HS256 and `none`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from vigie.auth.identifiers import provider_of
from vigie.core.faults import OperatorError
from vigie.core.outbound import ClientCertificate, Reach
from vigie.core.sentences import Sentence

Profile = Literal["pro_sante_connect", "generic"]
TokenAuth = Literal["client_secret_basic", "client_secret_post", "tls_client_auth"]
Environment = Literal["sandbox", "production", "simulated"]

ASYMMETRIC: Final = ("RS256", "PS256", "ES256", "RS384", "RS512", "PS384", "PS512", "ES384", "ES512")
"""Every algorithm that may be configured: signatures that only the provider can make."""

_PSC: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "sandbox": (
        "https://auth.bas.psc.esante.gouv.fr/auth/realms/esante-wallet",
        frozenset({"auth.bas.psc.esante.gouv.fr", "wallet.bas.psc.esante.gouv.fr"}),
    ),
    "production": (
        "https://auth.esw.esante.gouv.fr/auth/realms/esante-wallet",
        frozenset({"auth.esw.esante.gouv.fr", "wallet.esw.esante.gouv.fr"}),
    ),
}
_ENDPOINTS_ELSEWHERE: Final[Mapping[str, frozenset[str]]] = {
    "accounts.google.com": frozenset({"oauth2.googleapis.com", "openidconnect.googleapis.com", "www.googleapis.com"}),
    "login.microsoftonline.com": frozenset({"graph.microsoft.com"}),
}
PSC_ACR: Final = frozenset({"eidas1", "eidas2", "eidas3"})
PSC_IDLE_S: Final = 1800
PSC_ABSOLUTE_S: Final = 14_400
LEAST_LEEWAY_S: Final = 60
MOST_LEEWAY_S: Final = 120
_LONGEST_SESSION_S: Final = 86_400
_LONGEST_AGE_S: Final = 86_400
_SLUG: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_RESTRICTIONS: Final = frozenset({"hd", "tid"})
_WORD: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # a scope token of RFC 6749 §3.3, and good for acr values too
_SHARED_ISSUER: Final = re.compile(r"/(?:common|organizations|consumers)(?:/|$)")


class ProfileError(OperatorError, ValueError):
    """The configuration of an identity provider cannot be used; the message says what is wrong, never a secret.

    It begins with the id of the issuer, for the operator. `sentence` is what the owner who sets one up is told.
    """

    def __init__(self, message: str, french: str = "Cette configuration ne peut pas servir.") -> None:
        super().__init__(message)
        self.sentence = Sentence(message.partition(": ")[2] or message, french)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """The configuration of one issuer. Made by `pro_sante_connect`, `generic` or `from_mapping`, which check it.

    `id` is the slug in our addresses, so that each provider has a redirect address of its own (against mix-up). `hosts`:
    where the endpoints may lie, `host` or `host:port`. `accepted_acr` empty: any, also none. `required_claims`: claim of
    the ID token → values that are let in. `max_age_s`: oldest authentication at the provider that is still taken; None: any.
    `idle_s` and `absolute_s` bound our own session. `provider_id` None: the operator's.
    """

    id: str
    label: str
    profile: Profile
    issuer: str
    discovery_path: str
    hosts: frozenset[str]
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    certificate: ClientCertificate | None = None
    token_auth: TokenAuth = "client_secret_basic"  # noqa: S105 - the name of a method
    scopes: tuple[str, ...] = ("openid",)
    acr_values: tuple[str, ...] = ()
    accepted_acr: frozenset[str] = frozenset()
    algorithms: tuple[str, ...] = ("RS256",)
    required_claims: Mapping[str, frozenset[str]] = field(default_factory=dict)
    leeway_s: int = 90
    max_age_s: int | None = None
    idle_s: int = 1800
    absolute_s: int = 36_000
    reach: Reach = Reach.PUBLIC
    provider_id: UUID | None = None

    @property
    def discovery_url(self) -> str:
        """The address of the discovery document."""
        return self.issuer.rstrip("/") + self.discovery_path


def pro_sante_connect(
    *,
    environment: Environment,
    client_id: str,
    id: str = "psc",  # noqa: A002 - the word of the file
    label: str = "Pro Santé Connect",
    **further: Any,
) -> IdentityProvider:
    """Return Pro Santé Connect of an environment, with `client_secret` or `certificate`; raises `ProfileError`.

    May be changed: `token_auth`, `scopes`, `acr_values`, `accepted_acr`, `leeway_s`, `max_age_s`, `idle_s`, `absolute_s` (the
    limits of a session downwards only). `simulated` is a stand-in for tests and demo, and takes `issuer`, `hosts`, `reach` as well.
    """
    if environment not in get_args(Environment):
        raise ProfileError(f"{id}: environment is one of {', '.join(get_args(Environment))}")
    if environment == "simulated":
        issuer, hosts = further.pop("issuer", ""), further.pop("hosts", frozenset())
    else:
        issuer, hosts = _PSC[environment]
        _refuse_further(id, further, "issuer", "hosts", "reach", "discovery_path")
    _refuse_further(id, further, "algorithms", "required_claims", "provider_id", "profile")
    chosen: dict[str, Any] = {
        "scopes": ("openid", "scope_all"),
        "acr_values": ("eidas1",),
        "accepted_acr": PSC_ACR,
        "discovery_path": "/.well-known/wallet-openid-configuration",
        "idle_s": PSC_IDLE_S,
        "absolute_s": PSC_ABSOLUTE_S,
        **further,
    }
    if not chosen["accepted_acr"]:
        raise ProfileError(f"{id}: accepted_acr must name what Pro Santé Connect may answer")
    if chosen["idle_s"] > PSC_IDLE_S or chosen["absolute_s"] > PSC_ABSOLUTE_S:
        raise ProfileError(f"{id}: a session by Pro Santé Connect lasts {PSC_IDLE_S} s idle, {PSC_ABSOLUTE_S} s in all")
    return _made(
        id=id, label=label, profile="pro_sante_connect", issuer=issuer, hosts=hosts, client_id=client_id, **chosen
    )


def generic(
    *,
    id: str,  # noqa: A002 - the word of the file
    label: str,
    issuer: str,
    client_id: str,
    **further: Any,
) -> IdentityProvider:
    """Return any other issuer, with `client_secret` or `certificate`; raises `ProfileError`.

    May be changed: every field of `IdentityProvider` but `profile`. With a `provider_id` it is a tenant's: then its id is
    `vip_<provider>_<random>` and what may be called (`reach`, certificates) is not its to choose.
    """
    _refuse_further(id, further, "profile")
    if _SHARED_ISSUER.search(urlsplit(issuer).path) and "login.microsoftonline.com" in issuer:
        raise ProfileError(
            f"{id}: name one directory as issuer; this one speaks for every directory of Microsoft's",
            "Nommez un seul annuaire : cet émetteur parle pour tous ceux de Microsoft.",
        )
    chosen: dict[str, Any] = {
        "scopes": ("openid", "profile", "email"),
        "algorithms": ("RS256", "PS256", "ES256"),
        "discovery_path": "/.well-known/openid-configuration",
        "hosts": frozenset(),
        **further,
    }
    if chosen.get("provider_id") is not None:
        _refuse_further(id, further, "reach", "certificate")
    return _made(id=id, label=label, profile="generic", issuer=issuer, client_id=client_id, **chosen)


def host_of(parts: SplitResult) -> str:
    """Return `host`, or `host:port` where the port is not the scheme's own, in lower case; empty when there is none."""
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    try:
        port = parts.port
    except ValueError:
        return ""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if port in {None, usual} else f"{host}:{port}"


def _refuse_further(idp: str, further: Mapping[str, Any], *names: str) -> None:
    """Refuse what this kind of provider does not let one choose."""
    for name in names:
        if name in further:
            raise ProfileError(f"{idp}: {name} is not to be chosen here")


def _made(**chosen: Any) -> IdentityProvider:
    """Return the provider once everything about it was looked at."""
    hosts = frozenset(host.lower() for host in chosen.pop("hosts"))
    parts = urlsplit(chosen["issuer"])
    own = host_of(parts)
    if not chosen.get("token_auth"):
        chosen["token_auth"] = "tls_client_auth" if chosen.get("certificate") else "client_secret_basic"
    try:
        made = IdentityProvider(hosts=hosts | {own} | _ENDPOINTS_ELSEWHERE.get(own, frozenset()), **chosen)
    except TypeError as error:
        raise ProfileError(f"{chosen['id']}: unknown or missing setting") from error
    for check in (_refuse_names, _refuse_issuer, _refuse_credentials, _refuse_requests, _refuse_limits):
        check(made)
    return made


def _refuse_names(idp: IdentityProvider) -> None:
    if idp.provider_id is None and not _SLUG.fullmatch(idp.id):
        raise ProfileError(f"{idp.id!r}: an id has lower-case letters, digits and hyphens, at most 32")
    if idp.provider_id is not None and provider_of(idp.id, "vip") != idp.provider_id:
        raise ProfileError(f"{idp.id!r}: the id does not carry its provider")
    if not idp.label.strip() or len(idp.label) > 80 or not idp.label.isprintable():  # noqa: PLR2004 - a button's width
        raise ProfileError(
            f"{idp.id}: label is what the button says, at most 80 characters",
            "Le nom montré sur le bouton a 80 caractères au plus.",
        )


def _refuse_issuer(idp: IdentityProvider) -> None:
    parts = urlsplit(idp.issuer)
    if parts.scheme != "https" and not (parts.scheme == "http" and idp.reach is Reach.LOOPBACK):
        raise ProfileError(f"{idp.id}: issuer must be an https address", "L'émetteur est une adresse en https.")
    if not host_of(parts) or parts.username is not None or parts.query or parts.fragment:
        raise ProfileError(
            f"{idp.id}: issuer must be an address without credentials, query and fragment",
            "L'adresse de l'émetteur n'a ni mot de passe, ni paramètre, ni fragment.",
        )
    if not idp.discovery_path.startswith("/"):
        raise ProfileError(f"{idp.id}: discovery_path begins with a slash")
    if not all(
        re.fullmatch(r"[a-z0-9.\-]+(?::[0-9]{1,5})?|\[[0-9a-f:]+\](?::[0-9]{1,5})?", host) for host in idp.hosts
    ):
        raise ProfileError(f"{idp.id}: hosts are written host or host:port", "Un hôte s'écrit nom ou nom:port.")


def _refuse_credentials(idp: IdentityProvider) -> None:
    if not idp.client_id or not idp.client_id.isprintable():
        raise ProfileError(f"{idp.id}: client_id is missing", "L'identifiant client manque.")
    if idp.token_auth not in get_args(TokenAuth):
        raise ProfileError(f"{idp.id}: token_auth is one of {', '.join(get_args(TokenAuth))}")
    by_certificate = idp.token_auth == "tls_client_auth"  # noqa: S105 - the name of a method
    if by_certificate != (idp.certificate is not None) or by_certificate == bool(idp.client_secret):
        raise ProfileError(
            f"{idp.id}: {idp.token_auth} needs {'a certificate' if by_certificate else 'a secret'} alone"
        )


def _refuse_requests(idp: IdentityProvider) -> None:
    if "openid" not in idp.scopes or not all(map(_WORD.fullmatch, idp.scopes)):
        raise ProfileError(
            f"{idp.id}: scopes are single words, openid among them",
            "Les portées (scopes) sont des mots simples, dont openid.",
        )
    if not all(map(_WORD.fullmatch, (*idp.acr_values, *idp.accepted_acr))):
        raise ProfileError(f"{idp.id}: acr values are single words")
    if not idp.algorithms or not set(idp.algorithms) <= set(ASYMMETRIC):
        names = ", ".join(ASYMMETRIC)
        raise ProfileError(f"{idp.id}: algorithms are some of {names}", f"Algorithmes possibles : {names}.")
    if not set(idp.required_claims) <= _RESTRICTIONS or not all(idp.required_claims.values()):
        names = ", ".join(sorted(_RESTRICTIONS))
        raise ProfileError(
            f"{idp.id}: required_claims name values of {names}", f"Les valeurs exigées sont celles de {names}."
        )


def _refuse_limits(idp: IdentityProvider) -> None:
    if not LEAST_LEEWAY_S <= idp.leeway_s <= MOST_LEEWAY_S:
        raise ProfileError(f"{idp.id}: leeway_s lies between {LEAST_LEEWAY_S} and {MOST_LEEWAY_S}")
    if idp.max_age_s is not None and not 0 <= idp.max_age_s <= _LONGEST_AGE_S:
        raise ProfileError(f"{idp.id}: max_age_s lies between 0 and {_LONGEST_AGE_S}")
    if not 0 < idp.idle_s <= idp.absolute_s <= _LONGEST_SESSION_S:
        raise ProfileError(
            f"{idp.id}: idle_s is at most absolute_s, and that at most {_LONGEST_SESSION_S}",
            f"idle_s ne dépasse pas absolute_s, qui ne dépasse pas {_LONGEST_SESSION_S}.",
        )
