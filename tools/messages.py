"""Bring the English catalogues of the console up to date with the French texts in its templates and code.

    python tools/messages.py           writes every catalogue anew: new texts empty, translations kept, texts that are gone left out
    python tools/messages.py --check   changes nothing; says what is missing and ends with 1 if anything is

One catalogue per page: the texts of `fleet.py` and of the templates whose names begin with `fleet` are in `fleet.po`.
"""

# ruff: noqa: INP001 (a program that is run by its path)

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

CONSOLE = Path(__file__).parents[1] / "services" / "api" / "vigie" / "console"
LOCALE = CONSOLE / "locale" / "en"
KEYWORDS = {
    "_": None,
    "gettext": None,
    "text": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
OPTIONS = {"trimmed": "true", "silent": "false"}


def pages() -> list[str]:
    """Return the names of the catalogues: the modules of the console, longest first."""
    return sorted((file.stem for file in CONSOLE.glob("*.py")), key=len, reverse=True)


def catalogue_of(file: Path, names: list[str]) -> str:
    """Return the catalogue a file's texts belong to; what no page owns is the shell's."""
    if file.suffix == ".py":
        return file.stem
    return next((name for name in names if file.stem == name or file.stem.startswith(f"{name}_")), "shell")


def texts_of(file: Path) -> Iterator[tuple[int, str | tuple[str, ...], str | None]]:
    """Yield line, text (singular and plural) and context of each text of a file."""
    method = "python" if file.suffix == ".py" else "jinja2.ext.babel_extract"
    with file.open("rb") as opened:
        for line, message, _comments, context in extract(method, opened, keywords=KEYWORDS, options=OPTIONS):
            yield line, message, context


def wanted() -> dict[str, Catalog]:
    """Return the catalogues as the sources want them, without translations."""
    names = pages()
    found: dict[str, Catalog] = {}
    for file in sorted([*CONSOLE.glob("*.py"), *CONSOLE.glob("templates/*.html")]):
        for _line, text, context in texts_of(file):
            catalogue = found.setdefault(catalogue_of(file, names), Catalog(locale="en", charset="utf-8"))
            catalogue.add(text, locations=[(file.relative_to(CONSOLE).as_posix(), 0)], context=context)
    return found


def translations() -> dict[tuple[str | None, str], Message]:
    """Return what is translated already, whichever catalogue it stands in."""
    found: dict[tuple[str | None, str], Message] = {}
    for file in LOCALE.glob("*.po"):
        with file.open("rb") as opened:
            for message in read_po(opened, locale="en"):
                if (
                    message.id
                    and message.string
                    and all([message.string] if isinstance(message.string, str) else message.string)
                ):
                    found[message.context, key_of(message)] = message
    return found


def key_of(message: Message) -> str:
    """Return the French (singular) text of a message."""
    return message.id if isinstance(message.id, str) else message.id[0]


def written(catalogue: Catalog) -> bytes:
    """Return a catalogue as a file: sorted, without what changes by itself."""
    out = BytesIO()
    write_po(out, catalogue, width=130, omit_header=True, sort_output=True, no_location=True)
    return out.getvalue()


def translate(name: str, catalogue: Catalog, known: dict[tuple[str | None, str], Message]) -> Iterator[str]:
    """Fill a catalogue in with what is known; yields what is not."""
    for message in catalogue:
        if not message.id:
            continue
        kept = known.get((message.context, key_of(message)))
        if kept is not None and isinstance(kept.string, str) == isinstance(message.id, str):
            message.string = kept.string
        else:
            yield f"no English: {name}.po: {key_of(message)}"


def main(arguments: list[str]) -> int:
    """Write or check the catalogues; returns the exit status."""
    known = translations()
    files: dict[Path, bytes] = {}
    told: list[str] = []
    for name, catalogue in wanted().items():
        told += translate(name, catalogue, known)
        files[LOCALE / f"{name}.po"] = written(catalogue)
    stale = {
        file for file in (*LOCALE.glob("*.po"), *files) if not file.exists() or file.read_bytes() != files.get(file)
    }
    if "--check" in arguments:
        told += [f"out of date: {file.name}" for file in sorted(stale)]
    else:
        for file in stale:
            if file in files:
                file.write_bytes(files[file])
            else:
                file.unlink()
    sys.stdout.write("".join(f"{line}\n" for line in told))
    return 1 if told else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
