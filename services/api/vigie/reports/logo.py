"""The provider's logo: a PNG, taken in whole, checked chunk by chunk, and kept without what is not picture."""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy.dialects.postgresql import insert

from vigie.auth.dependencies import Call
from vigie.practices.queries import refuse_limited
from vigie.reports.errors import LogoRefusedError
from vigie.reports.models import ProviderLogo
from vigie.reports.queries import logo_of

MOST_BYTES: Final = 256 * 1024
MOST_SIDE: Final = 2000
MOST_PIXELS: Final = 1_000_000
_SIGN: Final = b"\x89PNG\r\n\x1a\n"
_HEADER: Final = struct.Struct(">IIBBBBB")
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_KEPT: Final = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_FILTERS: Final = 5


class Picture(NamedTuple):
    """A picture that may be printed: its bytes, its width and height in pixels."""

    content: bytes
    width: int
    height: int


def read_png(content: bytes) -> Picture:
    """Return a PNG with nothing in it but its picture; raises `LogoRefusedError`.

    Refused is whatever is damaged, larger than a page head needs, interlaced, or deeper than eight bits a channel. What is told
    beside the picture (texts, places, times, colour profiles) is left out.
    """
    if len(content) > MOST_BYTES or not content.startswith(_SIGN):
        raise LogoRefusedError
    try:
        chunks = list(_chunks(content))
        width, height, channels = _size(chunks)
        _check_rows(b"".join(data for kind, data in chunks if kind == b"IDAT"), height, 1 + width * channels)
    except (struct.error, zlib.error, ValueError, KeyError) as error:
        raise LogoRefusedError from error
    kept = b"".join(_chunk(kind, data) for kind, data in chunks if kind in _KEPT)
    return Picture(_SIGN + kept, width, height)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGN)
    kind = b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, at)
        data = content[at + 8 : at + 8 + length]
        (checked,) = struct.unpack_from(">I", content, at + 8 + length)
        if len(data) != length or checked != zlib.crc32(kind + data):
            raise ValueError("damaged")
        at += 12 + length
        yield kind, data


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _size(chunks: list[tuple[bytes, bytes]]) -> tuple[int, int, int]:
    """Return width, height and channels; raises `ValueError` for what we do not print."""
    kind, data = chunks[0]
    width, height, depth, colours, _, _, interlaced = _HEADER.unpack(data)
    fits = 0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE and width * height <= MOST_PIXELS
    palette = colours != 3 or any(each == b"PLTE" for each, _ in chunks)  # noqa: PLR2004 - PNG §11.2.2: indexed colour
    if kind != b"IHDR" or not fits or depth != 8 or interlaced or not palette:  # noqa: PLR2004 - bits of a channel
        raise ValueError("not a picture for a page head")
    return width, height, _CHANNELS[colours]


def _check_rows(packed: bytes, rows: int, row: int) -> None:
    """Raise `ValueError` unless the packed rows are as many and as long as the header says: no more is unpacked."""
    unpacker = zlib.decompressobj()
    pixels = unpacker.decompress(packed, rows * row + 1)
    if len(pixels) != rows * row or not unpacker.eof:
        raise ValueError("other rows than the header says")
    if any(pixels[start] >= _FILTERS for start in range(0, len(pixels), row)):
        raise ValueError("unknown filter")


async def set_logo(call: Call, content: bytes) -> ProviderLogo:
    """Have a picture printed on every report from now on; raises `LimitedToPracticesError` and `LogoRefusedError`."""
    refuse_limited(call)
    picture = read_png(content)
    values = {
        "content": picture.content,
        "width": picture.width,
        "height": picture.height,
        "sha256": hashlib.sha256(picture.content).digest(),
        "changed_at": call.now,
        "changed_by": call.principal.subject,
    }
    provider_id = call.principal.provider_id
    await call.session.execute(
        insert(ProviderLogo)
        .values(provider_id=provider_id, **values)
        .on_conflict_do_update(index_elements=["provider_id"], set_=values)
    )
    call.audit(object_id=provider_id, details={"width": picture.width, "height": picture.height})
    found = await logo_of(call.session, provider_id)
    assert found is not None  # noqa: S101 - written above
    return found


async def remove_logo(call: Call) -> None:
    """Have the provider's name alone printed from now on; raises `LimitedToPracticesError`."""
    refuse_limited(call)
    found = await logo_of(call.session, call.principal.provider_id)
    if found is not None:
        await call.session.delete(found)
    call.audit(object_id=call.principal.provider_id, details={"removed": found is not None})
