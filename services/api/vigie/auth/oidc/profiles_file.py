"""The operator's file of identity providers (`VIGIE_IDENTITY_PROVIDERS_FILE`): TOML, one table per provider.

    [psc]
    profile = "pro_sante_connect"
    environment = "sandbox"
    client_id = "vigie-bas"
    client_secret_file = "psc-secret"

Nothing secret stands in the file itself, and what it does not know it refuses: a setting with a slip in its name must not
be one that is not there.
"""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from vigie.auth.oidc.profiles import IdentityProvider, ProfileError, generic, pro_sante_connect
from vigie.core.outbound import ClientCertificate, Reach

_LONGEST_SECRET: Final = 1024


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


def _is_choices(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_texts, value.values()))


_KINDS: Final[Mapping[Callable[[Any], bool], tuple[str, tuple[str, ...]]]] = {
    _is_text: (
        "a text",
        (
            *("profile", "environment", "label", "issuer", "discovery_path", "client_id", "token_auth"),
            *("client_secret_file", "certificate_file", "key_file"),
        ),
    ),
    _is_texts: ("a list of texts", ("hosts", "scopes", "acr_values", "accepted_acr", "algorithms")),
    _is_number: ("a whole number", ("leeway_s", "max_age_s", "idle_s", "absolute_s")),
    _is_switch: ("true or false", ("allow_private_addresses", "allow_loopback_http")),
    _is_choices: ("a table of lists", ("required_claims",)),
}
_SETTINGS: Final = {name: (fits, said) for fits, (said, names) in _KINDS.items() for name in names}
_MADE_BY: Final[Mapping[str, Callable[..., IdentityProvider]]] = {
    "pro_sante_connect": pro_sante_connect,
    "generic": generic,
}
_NEEDED: Final = {
    "pro_sante_connect": ("environment", "client_id"),
    "generic": ("label", "issuer", "client_id"),
}


def load_identity_providers(path: Path | None) -> tuple[IdentityProvider, ...]:
    """Read the operator's file; without one there are none. Raises `ProfileError`, which says in which table what is wrong."""
    if path is None:
        return ()
    try:
        tables = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError(f"{path} cannot be read as TOML") from error
    for idp, table in tables.items():
        if not isinstance(table, dict):
            raise ProfileError(f"{idp}: expected a table [{idp}]")
    made = tuple(from_mapping(idp, table, path.parent) for idp, table in tables.items())
    issuers = [idp.issuer for idp in made]
    if len(set(issuers)) != len(issuers):
        raise ProfileError("two tables name the same issuer: accounts are known by issuer and subject")
    return made


def from_mapping(id: str, document: Mapping[str, Any], folder: Path) -> IdentityProvider:  # noqa: A002 - the file's word
    """Read one table; files are relative to `folder`. Raises `ProfileError`."""
    settings = {name: _checked(id, name, value) for name, value in document.items()}
    profile = settings.pop("profile", None)
    if profile not in _MADE_BY:
        raise ProfileError(f"{id}: profile is one of {', '.join(_MADE_BY)}")
    for name in _NEEDED[profile]:
        if name not in settings:
            raise ProfileError(f"{id}: {name} is missing")
    _take_credentials(id, settings, folder)
    _take_reach(id, settings)
    return _MADE_BY[profile](id=id, **settings)


def _checked(idp: str, name: str, value: Any) -> Any:
    """Return a value as the profiles take it, or say that it does not fit its setting."""
    fits, said = _SETTINGS.get(name, (None, ""))
    if fits is None:
        raise ProfileError(f"{idp}: there is no setting {name!r}")
    if not fits(value):
        raise ProfileError(f"{idp}: {name} is {said}")
    if name == "required_claims":
        return {claim: frozenset(of) for claim, of in value.items()}
    if isinstance(value, list):
        return frozenset(value) if name in {"hosts", "accepted_acr"} else tuple(value)
    return value


def _take_credentials(idp: str, settings: dict[str, Any], folder: Path) -> None:
    """Replace the names of files by what they hold, or by the certificate they are."""
    if name := settings.pop("client_secret_file", None):
        try:
            secret = (folder / name).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ProfileError(f"{idp}: client_secret_file cannot be read") from error
        if not 0 < len(secret) <= _LONGEST_SECRET or not secret.isprintable():
            raise ProfileError(f"{idp}: client_secret_file does not hold one secret")
        settings["client_secret"] = secret
    files = [settings.pop(name, None) for name in ("certificate_file", "key_file")]
    if any(files):
        if not all(files):
            raise ProfileError(f"{idp}: certificate_file and key_file belong together")
        certificate, key = (folder / name for name in files)
        if not certificate.is_file() or not key.is_file():
            raise ProfileError(f"{idp}: certificate_file or key_file cannot be read")
        settings["certificate"] = ClientCertificate(certificate, key)


def _take_reach(idp: str, settings: dict[str, Any]) -> None:
    """Turn the two switches into the one choice that they are."""
    private, loopback = settings.pop("allow_private_addresses", False), settings.pop("allow_loopback_http", False)
    if private and loopback:
        raise ProfileError(f"{idp}: choose allow_private_addresses or allow_loopback_http")
    if private or loopback:
        settings["reach"] = Reach.PRIVATE if private else Reach.LOOPBACK
