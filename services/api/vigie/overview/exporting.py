"""The list of practices as a file for a spreadsheet."""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

from vigie.auth.dependencies import Call
from vigie.core.db import Database
from vigie.overview.listing import Row, list_rows
from vigie.overview.schemas import ExportQuery, PracticeQuery

Language = Literal["fr", "en"]
MEDIA_TYPE: Final = "text/csv; charset=utf-8"
_PAGE: Final = 200
_MARK: Final = "\N{BYTE ORDER MARK}".encode()  # without it a spreadsheet takes UTF-8 for the old code page
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")

_HEADS: Final[Mapping[Language, Sequence[str]]] = {
    "fr": (
        *("Cabinet", "Ville", "Référence", "Identifiant", "Responsable", "État", "Depuis (UTC)"),
        *("Correctifs", "Cause (correctifs)", "Sauvegardes", "Cause (sauvegardes)"),
        *("Points de contrôle", "Points conformes", "Points concernés"),
        *("Remontées", "Postes", "Postes silencieux", "Dernière remontée (UTC)", "Dernière copie (UTC)"),
    ),
    "en": (
        *("Practice", "City", "Reference", "Id", "Looked after by", "State", "Since (UTC)"),
        *("Patches", "Cause (patches)", "Backups", "Cause (backups)"),
        *("Control points", "Points passed", "Points concerned"),
        *("Reports", "Devices", "Silent devices", "Last report (UTC)", "Last copy (UTC)"),
    ),
}
_LIGHTS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {"ok": "En ordre", "warning": "À surveiller", "critical": "Critique", "unknown": "Inconnu"},
    "en": {"ok": "In order", "warning": "To watch", "critical": "Critical", "unknown": "Unknown"},
}


async def export_rows(database: Database, call: Call, query: ExportQuery, language: Language) -> AsyncIterator[bytes]:
    """Yield a filtered list of the caller's practices as CSV (RFC 4180), worst first.

    Page by page, each in a transaction of its own, so that nothing is held open while a slow line reads.
    """
    yield _MARK + _lines([_HEADS[language]], language)
    asked = query.model_dump(exclude={"language"}, exclude_unset=True)
    following: str | None = None
    while True:
        async with database.session(call.principal.provider_id, write=False) as session:
            page = PracticeQuery(**asked, limit=_PAGE, cursor=following)
            rows, following = await list_rows(Call(call.principal, session, call.now), page, language)
        yield _lines([_cells(row, language) for row in rows], language)
        if following is None:
            return


def _lines(rows: Sequence[Sequence[str | int]], language: Language) -> bytes:
    """Return rows as lines; in French a comma stands inside numbers, so that a semicolon parts columns."""
    text = io.StringIO()
    csv.writer(text, delimiter=";" if language == "fr" else ",").writerows(
        [cell if isinstance(cell, int) else harmless(cell) for cell in row] for row in rows
    )
    return text.getvalue().encode()


def harmless(cell: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe goes before what would begin one."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


def _cells(row: Row, language: Language) -> Sequence[str | int]:
    said, why = _LIGHTS[language], row["reasons"]
    return (
        *(row["name"], row["city"] or "", row["external_ref"] or "", str(row["id"])),
        row["responsible"]["name"] if row["responsible"] is not None else "",
        *(said[row["overall"]], _instant(row["since"])),
        *(said[row["patch"]], _cause(why["patch"])),
        *(said[row["backup"]], _cause(why["backup"])),
        *(said[row["checklist"]], why["points_passed"], why["points_concerned"]),
        *(said[row["liveness"]], row["devices"].get("active", 0), row["devices"].get("silent", 0)),
        *(_instant(why["last_report_at"]), _instant(why["last_copy_at"])),
    )


def _cause(light: Row | None) -> str:
    return str(light["says"]) if light is not None else ""


def _instant(at: datetime | None) -> str:
    """Return an instant as spreadsheets read one, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if at is not None else ""
