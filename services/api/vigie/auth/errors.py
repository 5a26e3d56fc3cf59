"""Refusals of authentication and authorization."""

from vigie.core.errors import AppError


class UnauthenticatedError(AppError):
    """No credential, or one that does not hold."""

    status, code = 401, "auth.unauthenticated"
    title, title_fr = "A valid access token is needed", "Un jeton d'accès valide est nécessaire"

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="vigie"'})


class InsufficientScopeError(AppError):
    """The caller is known and may not do this."""

    status, code = 403, "auth.insufficient_scope"
    title, title_fr = "The token does not carry the scope this needs", "Le jeton ne porte pas le droit nécessaire"
