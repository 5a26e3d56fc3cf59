"""The generated documents of `openapi/`: written by `make openapi`, compared by `make check`, the same bytes on every machine."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from vigie.app import install_routes
from vigie.devices.hb1.schema import render_schema
from vigie.events.published import events_document
from vigie.openapi import agent_document, console_document


@cache
def documents() -> Mapping[str, str]:
    """Return the text of every generated document by file name. Needs no database and no settings; made once a process."""
    app = FastAPI()
    install_routes(app)
    return {
        "console.json": _render(console_document(app)),
        "agent.json": _render(agent_document()),
        "hb-1.schema.json": render_schema(),
        "events.json": _render(events_document()),
    }


def _render(document: dict[str, Any]) -> str:
    """Sorted, one value a line: a change of the contract is a small diff."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write_documents(folder: Path) -> list[str]:
    """Write the documents into a folder, made if missing; return the names of those that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = stale(folder)
    found = documents()
    for name in changed:
        (folder / name).write_text(found[name], encoding="utf-8")
    return changed


def stale(folder: Path) -> list[str]:
    """Return the names of the documents that a folder lacks or holds in another state than this code would write."""
    return [
        name
        for name, text in documents().items()
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text
    ]


def run(folder: Path, *, check: bool) -> int:
    """Write the documents, or with `check` only say which are stale; return the exit status."""
    names = stale(folder) if check else write_documents(folder)
    for name in names:
        sys.stdout.write(f"{'stale: ' if check else 'wrote '}{folder / name}\n")
    if check and names:
        sys.stdout.write("run `make openapi` and commit the result\n")
        return 1
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run `python -m vigie.documents [--check] FOLDER`."""
    parser = argparse.ArgumentParser(prog="vigie.documents", description="Write the published API documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a document is stale")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args(argv)
    return run(arguments.folder, check=arguments.check)


if __name__ == "__main__":
    sys.exit(main())
