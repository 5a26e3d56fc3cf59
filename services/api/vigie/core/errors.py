"""Errors on the wire: RFC 9457 problem documents with a stable `code`.

Clients depend on the code, never on a sentence: titles are translated, codes are not. Each error of the product is a
subclass of `AppError` beside the code that raises it; `docs/errors.md` lists them all, and a test compares.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

import orjson
from asyncpg import InterfaceError, PostgresError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response

from vigie.core.reasons import faults_of
from vigie.core.sentences import Sentence, said

log = logging.getLogger(__name__)
PROBLEM_TYPE = "application/problem+json"


class AppError(Exception):
    """An expected refusal. Subclasses set `status`, `code` and the titles in English and French."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]
    title_fr: ClassVar[str]

    def __init__(
        self, detail: str | Sentence | None = None, *, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(str(detail or self.title))
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def response(self, language: str = "en") -> Response:
        """Return the problem document as an HTTP response, titled in the language asked for (`fr` or `en`)."""
        body: dict[str, Any] = {
            "type": f"https://vigie.example/problems/{self.code}",
            "title": self.title_fr if language == "fr" else self.title,
            "status": self.status,
            "code": self.code,
            **said(self.members, language),
        }
        if self.detail:
            body["detail"] = said(self.detail, language)
        headers = {"Cache-Control": "no-store", "Content-Language": language, **self.headers}
        return Response(orjson.dumps(body), self.status, headers, media_type=PROBLEM_TYPE)


class NotFoundError(AppError):
    """The thing does not exist, or the caller must not know that it does."""

    status, code = 404, "not_found"
    title, title_fr = "No such thing", "Introuvable"


class InvalidRequestError(AppError):
    """The request does not have the documented shape."""

    status, code = 422, "request.invalid"
    title, title_fr = "The request does not have the documented shape", "La requête n'a pas la forme documentée"


class MalformedRequestError(AppError):
    """The body is not JSON at all."""

    status, code = 400, "request.malformed"
    title, title_fr = "The body is not readable JSON", "Le corps n'est pas du JSON lisible"


class MethodNotAllowedError(AppError):
    """The path exists, the method on it does not."""

    status, code = 405, "method_not_allowed"
    title, title_fr = "The method is not allowed here", "Méthode non permise ici"


class BodyTooLargeError(AppError):
    """The body is larger than any request of this API needs."""

    status, code = 413, "request.too_large"
    title, title_fr = "The body is too large", "Le corps est trop volumineux"


class UnavailableError(AppError):
    """The database is away, or two requests got in each other's way: nothing was changed, try again."""

    status, code = 503, "service.unavailable"
    title, title_fr = "Try again in a moment", "Réessayez dans un instant"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "2"})


class InternalError(AppError):
    """A fault of ours; the request id finds it in the log."""

    status, code = 500, "internal"
    title, title_fr = "Something broke on our side", "Une erreur est survenue de notre côté"

    def __init__(self) -> None:
        # Made outside of every middleware: nobody adds to it what all other answers say (`middleware.SecureHeaders`).
        policy = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Frame-Options": "DENY"}
        super().__init__(headers={**policy, "X-Content-Type-Options": "nosniff"})


def preferred_language(accept_language: str, *, otherwise: str = "en") -> str:
    """Return `fr` or `en`, whichever an Accept-Language header prefers; `otherwise` when it names neither."""
    best, weight = otherwise, 0.0
    for part in accept_language.split(","):
        tag, _, parameter = part.strip().partition(";")
        language = tag[:2].lower()
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if language in {"fr", "en"} and quality > weight:
            best, weight = language, quality
    return best


def language_of(request: Request) -> Literal["fr", "en"]:
    """Return the language a request asks for; English when it asks for neither of ours."""
    return "fr" if preferred_language(request.headers.get("accept-language", "")) == "fr" else "en"


def problems(*errors: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses=` of a route that may answer with these errors, for the OpenAPI document."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        entry = by_status.setdefault(
            error.status,
            {"description": "", "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}},
        )
        entry["description"] = ", ".join(filter(None, [entry["description"], f"`{error.code}`"]))
    return by_status


def all_errors(root: type[AppError] = AppError) -> Iterator[type[AppError]]:
    """Yield every error class that carries a code of its own."""
    for subclass in root.__subclasses__():
        if "code" in vars(subclass):
            yield subclass
        yield from all_errors(subclass)


def _is_passing(error: Exception) -> bool:
    """Whether the same request may succeed in a moment: no connection, shutdown, or a conflict PostgreSQL resolved."""
    if getattr(error, "connection_invalidated", False) or isinstance(error, TimeoutError):
        return True
    cause = getattr(getattr(error, "orig", error), "__cause__", None) or getattr(error, "orig", error)
    state = str(getattr(cause, "sqlstate", None) or "")
    return (
        state[:2] in {"08", "57", "53"}
        or state in {"40001", "40P01"}
        or isinstance(cause, OSError | InterfaceError | PoolTimeout)
    )


def install_error_handlers(app: FastAPI, as_page: Callable[[Request, AppError], Response | None] | None = None) -> None:
    """Make every refusal of the app a problem document; `as_page` may make a page of it for a browser."""

    def answer(request: Request, error: AppError) -> Response:
        if as_page is not None and (shown := as_page(request, error)) is not None:
            return shown
        return error.response(preferred_language(request.headers.get("accept-language", "")))

    async def on_app_error(request: Request, error: Exception) -> Response:
        return answer(request, error if isinstance(error, AppError) else InternalError())

    async def on_invalid(request: Request, error: Exception) -> Response:
        details = error.errors() if isinstance(error, RequestValidationError) else []
        if any(item["type"] == "json_invalid" for item in details):
            return answer(request, MalformedRequestError())
        return answer(request, InvalidRequestError(errors=faults_of(details)))

    async def on_http(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        known = {404: NotFoundError, 405: MethodNotAllowedError, 413: BodyTooLargeError}
        if status == 400:  # noqa: PLR2004 - Starlette's word for a body it could not read
            return answer(request, MalformedRequestError())
        return answer(request, known.get(status, InternalError)())

    async def on_database(request: Request, error: Exception) -> Response:
        if _is_passing(error):
            return answer(request, UnavailableError())
        log.error("a statement failed", exc_info=error)
        return answer(request, InternalError())

    app.add_exception_handler(AppError, on_app_error)
    app.add_exception_handler(SQLAlchemyError, on_database)
    app.add_exception_handler(OSError, on_database)
    app.add_exception_handler(PostgresError, on_database)
    app.add_exception_handler(InterfaceError, on_database)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_app_error)
