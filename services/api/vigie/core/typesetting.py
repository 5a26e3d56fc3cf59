"""Documents on paper: typst turns a template of ours and data into a PDF, in a thread, within bounds.

The data of a document is handed over as JSON and read by the template as values: it is never markup, whatever it contains.
Every text is made fit for print first (`printable`). The result is an archival and accessible PDF (PDF/A-2a, PDF/UA-1), and the
same template, data and instant give the same bytes.
"""

import asyncio
import base64
import io
import re
import unicodedata
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import orjson
import segno
import typst

from vigie.core.typefaces import FOLDER, shown

ROOT: Final = Path(__file__).parents[1]
STANDARDS: Final[list[Literal["a-2a", "ua-1"]]] = ["a-2a", "ua-1"]
_BLANK: Final = ROOT / "core" / "paper" / "blank.typ"
_AT_ONCE: Final = (
    2  # a document takes one core for about a tenth of a second; more at once would only starve the requests
)
_NO_SHAPE: Final = "□"
_LONGEST_RUN: Final = 28  # characters without a place to break a line; in a longer run we make one
_PIECE: Final = 8
_ROUNDS: Final = (
    12  # of documents after which typst forgets what the last of them did not use: its own number, and a little
)
_MASK: Final = 2  # upright thirds: no shape of it comes near the squares in the corners
_MOST_MARKS: Final = 2  # accents on one letter: Vietnamese needs two, towers of them reach into other lines
_LINE_BREAKS: Final = str.maketrans(
    {"\r": None, "\t": " ", "\v": "\n", "\f": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n"}
)
# A colour for a face or a choice between picture and text: our one-colour shapes have neither.
_MODIFIERS: Final = frozenset([*range(0x1F3FB, 0x1F400), 0xFE0E, 0xFE0F, 0x200D])
_RUN: Final = re.compile(rf"[^ \n\u200b-]{{{_LONGEST_RUN},}}")


async def typeset(
    template: Path,
    data: Mapping[str, Any],
    *,
    now: datetime,
    images: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
) -> bytes:
    """Return a PDF made from a template (a `.typ` file inside this package) and its data.

    The template reads `json(bytes(sys.inputs.data))`; it may import what lies beside it and `/core/paper/vigie.typ`. `now` is the
    date the file carries. `images` are SVG texts by name, for `image(bytes(sys.inputs.at("image-" + name)))`; a PNG becomes one
    with `svg_of_png`, an address with `qr_code`. `links` are addresses by name, for `link(sys.inputs.at("link-" + name))`: unlike
    texts they reach the page as they are. Takes 50 to 150 ms of a core, in a thread; raises `typst.TypstError` for a
    fault of the template.
    """
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(_presses(), typeset_now, template, data, now, images or {}, links or {})
    finally:
        _presses().submit(_forget)


def typeset_now(
    template: Path, data: Mapping[str, Any], now: datetime, images: Mapping[str, str], links: Mapping[str, str]
) -> bytes:
    """Do what `typeset` does, in the caller's thread (the worker's jobs, tests, measurements)."""
    beside = {f"image-{name}": svg for name, svg in images.items()} | {f"link-{name}": to for name, to in links.items()}
    try:
        return _press(template, {"data": _json(data), **beside}, now)
    except typst.TypstError as error:
        # Each character has a shape somewhere, but a cluster may want two typefaces at once: then without accents and signs.
        if "could not be displayed" not in error.message:
            raise
        return _press(template, {"data": _json(data, plain=True), **beside}, now)


def _press(template: Path, inputs: dict[str, str], now: datetime) -> bytes:
    compiler = typst.Compiler(
        template, root=ROOT, font_paths=_fonts()
    )  # one each: a compiler serves one thread at a time
    dated = now.replace(microsecond=0)  # a PDF's dates have none, and typst refuses them
    made = compiler.compile(format="pdf", sys_inputs=inputs, pdf_standards=[*STANDARDS], timestamp=dated)
    if not isinstance(made, bytes):  # pragma: no cover - a PDF is one file, says the library; its types say less
        raise TypeError
    return made


def _forget() -> None:
    """Have typst forget what it remembers of the last documents, while nobody waits: 200 MB, of no use to the next one."""
    blank = typst.Compiler(_BLANK, root=ROOT, font_paths=_fonts())
    for _ in range(_ROUNDS):
        blank.compile(format="svg")


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FOLDER])


@lru_cache(maxsize=1)
def _presses() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="typesetting")


def _json(data: Mapping[str, Any], *, plain: bool = False) -> str:
    return orjson.dumps(_printable(data, plain=plain)).decode()


def _printable(value: Any, *, plain: bool) -> Any:
    if isinstance(value, str):
        return printable(value, plain=plain)
    if isinstance(value, Mapping):
        return {key: _printable(item, plain=plain) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(item, plain=plain) for item in value]
    return value


def printable(text: str, *, plain: bool = False) -> str:
    """Return a text that our typefaces can show and that cannot disturb the page.

    Control characters and marks that change the direction of what follows are left out, towers of accents are cut, characters
    without a shape become □, and a run without a space gets invisible places to break. `plain` leaves out all accents that stand
    on their own and everything beyond the basic plane, too.
    """
    if _plain_characters().issuperset(text):
        return _RUN.sub(_breakable, text)
    kept: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", text).translate(_LINE_BREAKS):
        point, kind = ord(character), unicodedata.category(character)
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        if character in "\n\u200b":
            kept.append(character)
        elif kind in {"Cc", "Cf", "Cs"} or point in _MODIFIERS or marks > _MOST_MARKS:
            continue
        elif point in shown() and not (plain and (marks or point > 0xFFFF)):  # noqa: PLR2004 - the basic plane
            kept.append(character)
        elif not marks:
            kept.append(_NO_SHAPE)
    return _RUN.sub(_breakable, "".join(kept))


@lru_cache(maxsize=1)
def _plain_characters() -> frozenset[str]:
    """Return the characters that print as they are, whatever stands beside them: nearly every text is made of nothing else.

    They have a shape and stand below the combining marks or among the punctuation, where nothing joins its neighbour.
    """
    found = map(chr, shown() & {*range(0x20, 0x300), *range(0x2010, 0x2100), *range(0x2190, 0x2300)})
    return frozenset(
        character
        for character in (*found, "\n", "\u200b")
        if character in "\n\u200b"
        or (
            unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Mn", "Me"}
            and unicodedata.is_normalized("NFC", character)
            and ord(character) not in _LINE_BREAKS
        )
    )


def _breakable(run: re.Match[str]) -> str:
    text = run.group()
    return "\u200b".join(text[start : start + _PIECE] for start in range(0, len(text), _PIECE))


def svg_of_png(png: bytes, width: int, height: int) -> str:
    """Return an SVG of that many pixels that holds a PNG: typst takes pictures as text only in this form."""
    held = base64.b64encode(png).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<image width="{width}" height="{height}" href="data:image/png;base64,{held}"/></svg>'
    )


def qr_code(text: str) -> str:
    """Return a QR code (ISO/IEC 18004, correction level M, without its quiet zone) as an SVG.

    The mask is always the same: which one is best would take four times as long to find out, and any is read.
    """
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False, mask=_MASK).save(drawn, kind="svg", border=0, xmldecl=False, omitsize=True)
    return drawn.getvalue().decode()
