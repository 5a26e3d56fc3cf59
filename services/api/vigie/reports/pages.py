"""The public page that tells whether a report is valid, its number and its date, and nothing else to anybody.

A browser gets a page, a program JSON. Asking costs the quota of the address, as a step of signing in does.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from vigie.auth.dependencies import address_of, parts, public
from vigie.core.errors import InvalidRequestError
from vigie.core.rate_limit import key_of_address
from vigie.core.sentences import fault
from vigie.core.web_files import WebFiles, read_folder
from vigie.people.pages import HEADERS, language_of, page, render, wants_page
from vigie.reports.schemas import VerificationOut
from vigie.reports.verifying import verify
from vigie.reports.words import day

_HERE: Final = Path(__file__).parent
_DIGEST: Final = re.compile("[0-9a-f]{64}")


@lru_cache(maxsize=1)
def _files() -> WebFiles:
    return WebFiles("/verify/static", read_folder(_HERE / "static"))


def _limit(request: Request) -> None:
    parts(request).limits.admit(request.scope, ("sign-in-address", key_of_address(address_of(request))))


async def _answer(request: Request, sha256: bytes | None) -> Response:
    found = await verify(parts(request).database, request.path_params["code"], sha256)
    if not wants_page(request):
        shown = VerificationOut(
            valid=found.valid, checked=found.checked, number=found.number, issued_on=found.issued_on
        )
        return Response(shown.model_dump_json(), headers=HEADERS, media_type="application/json")
    issued_on = (
        None if found.issued_on is None else day(found.issued_on, "fr" if language_of(request) == "fr" else "en")
    )
    return render(
        request,
        "verify.html",
        folder=_HERE / "templates",
        found=found,
        day=issued_on,
        script=_files().address_of("verify.js"),
    )


@page("whether a report is valid, for whoever holds it")
async def show_verification(request: Request) -> Response:
    """Tell whether the report that a code names was issued and is on record unchanged."""
    _limit(request)
    return await _answer(request, None)


@page("whether a file is the report that was issued, for whoever holds it")
async def verify_file(request: Request) -> Response:
    """Tell whether a file with this SHA-256 is the report that a code names; from a form, or as JSON."""
    _limit(request)
    return await _answer(request, await _digest(request))


async def _digest(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip() == "application/json":
        try:
            said = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            said = None
        text = said.get("sha256") if isinstance(said, dict) and set(said) == {"sha256"} else None
    else:
        text = (await request.form()).get("sha256")
    if not isinstance(text, str) or not _DIGEST.fullmatch(text.strip().lower()):
        wrong = fault("/body/sha256", "64 hexadecimal digits", "Soixante-quatre chiffres hexadécimaux sont attendus.")
        raise InvalidRequestError(errors=[wrong])
    return bytes.fromhex(text.strip())


@public("the script of a page is no secret")
async def verify_static(request: Request) -> Response:
    """Answer a file of the page."""
    return _files().answer(request)


VERIFICATION_PAGES: Final = (
    ("/verify/static/{name}", verify_static, "GET"),
    ("/verify/{code}", show_verification, "GET"),
    ("/verify/{code}", verify_file, "POST"),
)
"""Path, handler, method."""
