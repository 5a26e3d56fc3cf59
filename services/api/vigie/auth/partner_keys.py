"""Public keys that partner clients register (JWK, RFC 7517) to sign their assertions with. Pure.

What is stored is rebuilt from the few members a public key of its kind has, so nothing else that came along stays.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from vigie.core.errors import AppError
from vigie.core.sentences import Sentence, ToldError

PublicKey = RSAPublicKey | EllipticCurvePublicKey
ALGORITHMS: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("RS256", "PS256"),
    "P-256": ("ES256",),
    "P-384": ("ES384",),
}
"""What may be signed with which kind of key: all asymmetric, and of 112 bits of security at the least."""
MOST_KEYS: Final = 5
_MEMBERS: Final = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
_RSA_BITS: Final = range(2048, 8193)
_LEAST_EXPONENT: Final = 65_537
_NAME: Final = 128
_TOO_MANY: Final = Sentence(f"at most {MOST_KEYS} keys", f"{MOST_KEYS} clés au plus.")
_TWICE: Final = Sentence("kid: another key of the set has it", "kid : une autre clé du jeu l'a déjà.")


class PrivateKeyRefusedError(AppError):
    """A private or shared key was sent. Nothing of it was stored; it is no secret any more."""

    status, code = 422, "client.private_key"
    title = "This is a private key: send public keys only, and replace this one, which is no longer a secret"
    title_fr = "C'est une clé privée : n'envoyez que des clés publiques, et remplacez celle-ci, qui n'est plus secrète"


class KeyRefusedError(AppError):
    """The set has a key that cannot be used; `errors` says which and why."""

    status, code = 422, "client.key_invalid"
    title, title_fr = "The key set cannot be used", "Le jeu de clés n'est pas utilisable"


class _UnfitError(ToldError):
    """Why one key cannot be used."""


def public_keys(document: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the keys of a JWK set by their `kid`, as they are stored.

    Raises `PrivateKeyRefusedError` and `KeyRefusedError`. Neither names a value: it may be a secret.
    """
    if any(_is_private(key) for key in document):
        raise PrivateKeyRefusedError
    found: dict[str, dict[str, Any]] = {}
    errors = [] if len(document) <= MOST_KEYS else [_error("/keys", _TOO_MANY)]
    for place, key in enumerate(document):
        try:
            usable = _usable(key)
        except _UnfitError as error:
            errors.append(_error(f"/keys/{place}", error.sentence))
            continue
        if usable["kid"] in found:
            errors.append(_error(f"/keys/{place}", _TWICE))
        found[usable["kid"]] = usable
    if errors:
        raise KeyRefusedError(errors=errors[:20])
    return found


def verifying_key(stored: Mapping[str, Any], algorithm: str) -> PublicKey | None:
    """Return a stored key for verifying with an algorithm, or None when it is not meant for that one."""
    if algorithm not in _algorithms(stored) or stored.get("alg", algorithm) != algorithm:
        return None
    return _loaded(stored, algorithm)


def _error(pointer: str, reason: Sentence) -> dict[str, Any]:
    return {"pointer": f"/body{pointer}", "reason": reason}


def _is_private(key: Mapping[str, Any]) -> bool:
    return key.get("kty") == "oct" or not _PRIVATE.isdisjoint(key)


def _usable(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a key that are kept; raises `_UnfitError`."""
    kid, kind, alg = key.get("kid"), key.get("kty"), key.get("alg")
    if not isinstance(kid, str) or not 0 < len(kid) <= _NAME or not kid.isprintable():
        raise _UnfitError(
            f"kid: a name of at most {_NAME} characters is needed",
            f"kid : un nom d'au plus {_NAME} caractères est attendu.",
        )
    if not isinstance(kind, str) or kind not in _MEMBERS:
        raise _UnfitError("kty: RSA or EC is needed", "kty : RSA ou EC est attendu.")
    if key.get("use", "sig") != "sig" or key.get("key_ops", ["verify"]) != ["verify"]:
        raise _UnfitError(
            "use, key_ops: the key must be one for verifying signatures",
            "use, key_ops : une clé qui vérifie des signatures est attendue.",
        )
    algorithms = _algorithms(key)
    if not algorithms:
        raise _UnfitError("crv: P-256 or P-384 is needed", "crv : P-256 ou P-384 est attendu.")
    if alg is not None and alg not in algorithms:
        raise _UnfitError(
            f"alg: {' or '.join(algorithms)} goes with this key", f"alg : cette clé va avec {' ou '.join(algorithms)}."
        )
    kept = {"kty": kind, **{name: key.get(name) for name in _MEMBERS[kind]}, "kid": kid}
    if alg is not None:
        kept["alg"] = alg
    _check_strength(_loaded(kept, algorithms[0]))
    return kept


def _algorithms(key: Mapping[str, Any]) -> tuple[str, ...]:
    kind = key.get("crv") if key.get("kty") == "EC" else key.get("kty")
    return ALGORITHMS.get(kind, ()) if isinstance(kind, str) else ()


def _loaded(key: Mapping[str, Any], algorithm: str) -> PublicKey:
    """Return the key a JWK describes; raises `_UnfitError` when it describes none (not on the curve, not base64url)."""
    try:
        found = jwt.PyJWK({name: value for name, value in key.items() if name != "alg"}, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        raise _UnfitError(
            "the members do not describe a key", "Ces champs ne décrivent pas une clé."
        ) from None  # the cause would quote them
    if not isinstance(found, RSAPublicKey | EllipticCurvePublicKey):
        raise _UnfitError("the members do not describe a public key", "Ces champs ne décrivent pas une clé publique.")
    return found


def _check_strength(key: PublicKey) -> None:
    if not isinstance(key, RSAPublicKey):
        return
    if key.key_size not in _RSA_BITS:
        least, most = _RSA_BITS.start, _RSA_BITS.stop - 1
        raise _UnfitError(f"n: {least} to {most} bits are needed", f"n : de {least} à {most} bits sont attendus.")
    if key.public_numbers().e < _LEAST_EXPONENT:
        raise _UnfitError(f"e: at least {_LEAST_EXPONENT} is needed", f"e : au moins {_LEAST_EXPONENT} est attendu.")
