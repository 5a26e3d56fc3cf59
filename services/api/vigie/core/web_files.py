"""Files that pages refer to: each carries the hash of its content in its name, never changes, and is kept in memory.

A page is fast on a slow line when what it needs is small and asked for once: files are packed when the program starts, and
browsers may keep them for a year, because another content has another name.
"""

import gzip
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_WORTH_PACKING: Final = 1_000  # bytes


class _File(NamedTuple):
    content: bytes
    packed: bytes | None
    media_type: str


class WebFiles:
    """The files below one address. `address` is their folder on the web, without a slash at its end."""

    def __init__(self, address: str, contents: Mapping[str, bytes]) -> None:
        self._named = {name: f"{address}/{_hashed(name, content)}" for name, content in contents.items()}
        self._files = {_hashed(name, content): _file(name, content) for name, content in contents.items()}

    def address_of(self, name: str) -> str:
        """Return the address of a file by its plain name; raises `KeyError` for none of ours."""
        return self._named[name]

    def answer(self, request: Request) -> Response:
        """Answer a request for the file in the path parameter `name`."""
        found = self._files.get(request.path_params["name"])
        if found is None:
            return Response(status_code=404, headers={"Cache-Control": "no-store"})
        headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
        if found.packed is not None and accepts_gzip(request):
            return Response(found.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=found.media_type)
        return Response(found.content, headers=headers, media_type=found.media_type)


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder that browsers may ask for, by name."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.suffix in _TYPES}


def accepts_gzip(request: Request) -> bool:
    """Whether a browser unpacks gzip."""
    return "gzip" in request.headers.get("accept-encoding", "")


def _hashed(name: str, content: bytes) -> str:
    stem, _, suffix = name.rpartition(".")
    return f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}.{suffix}"


def _file(name: str, content: bytes) -> _File:
    packed = gzip.compress(content, 9, mtime=0) if len(content) > _WORTH_PACKING else None
    return _File(content, packed, _TYPES[Path(name).suffix])
