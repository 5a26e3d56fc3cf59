"""Refusals of authentication and authorization."""

from vigie.core.errors import AppError
from vigie.core.sentences import Sentence


def needs(permission: str) -> Sentence:
    """Return the sentence that names a permission somebody lacks."""
    return Sentence(f"needs {permission}", f"Droit nécessaire : {permission}.")


class UnauthenticatedError(AppError):
    """No credential, or one that does not hold."""

    status, code = 401, "auth.unauthenticated"
    title, title_fr = (
        "A valid access token or session is needed",
        "Un jeton d'accès ou une session valide est nécessaire",
    )

    def __init__(self, detail: str | Sentence | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="vigie"'})


class InsufficientScopeError(AppError):
    """The caller is known and may not do this."""

    status, code = 403, "auth.insufficient_scope"
    title, title_fr = "The caller does not have the permission this needs", "Vous n'avez pas le droit nécessaire"


class LimitedToPracticesError(AppError):
    """The caller sees some practices only, and this concerns the whole provider."""

    status, code = 403, "auth.limited_to_practices"
    title = "This concerns the whole provider, and the caller sees some practices only"
    title_fr = "Ceci concerne tout le prestataire, et vous ne voyez que certains cabinets"


class ForgedRequestError(AppError):
    """A browser sent the session along with a request that our own pages did not make."""

    status, code = 403, "auth.forged_request"
    title, title_fr = "The request did not come from our own pages", "La requête ne vient pas de nos propres pages"
