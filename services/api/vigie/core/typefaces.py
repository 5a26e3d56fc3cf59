"""Which characters our typefaces can show, read from the files themselves (OpenType, table `cmap`, formats 4 and 12)."""

import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "fonts"
_BMP, _FULL = 4, 12


@lru_cache(maxsize=1)
def shown() -> frozenset[int]:
    """Return the code points that at least one of our typefaces has a shape for."""
    return frozenset(point for file in sorted(FOLDER.glob("*.ttf")) for point in characters(file.read_bytes()))


def characters(font: bytes) -> Iterator[int]:
    """Yield the code points of one font file."""
    (tables,) = struct.unpack_from(">H", font, 4)
    for number in range(tables):
        tag, _, start, _ = struct.unpack_from(">4sIII", font, 12 + 16 * number)
        if tag == b"cmap":
            yield from _of_cmap(font, start)


def _of_cmap(font: bytes, start: int) -> Iterator[int]:
    (subtables,) = struct.unpack_from(">H", font, start + 2)
    for number in range(subtables):
        (offset,) = struct.unpack_from(">I", font, start + 8 + 8 * number)
        at = start + offset
        (kind,) = struct.unpack_from(">H", font, at)
        if kind == _BMP:
            yield from _segments(font, at)
        elif kind == _FULL:
            yield from _groups(font, at)


def _segments(font: bytes, at: int) -> Iterator[int]:
    """Format 4: runs of the basic plane, each shifted by a constant or listed one by one; glyph 0 means "none"."""
    (twice,) = struct.unpack_from(">H", font, at + 6)
    count = twice // 2
    ends = struct.unpack_from(f">{count}H", font, at + 14)
    starts = struct.unpack_from(f">{count}H", font, at + 16 + twice)
    shifts = struct.unpack_from(f">{count}H", font, at + 16 + 2 * twice)
    lists_at = at + 16 + 3 * twice
    lists = struct.unpack_from(f">{count}H", font, lists_at)
    for number in range(count):
        for point in range(starts[number], ends[number] + 1):
            glyph = point + shifts[number]
            if lists[number]:
                place = lists_at + 2 * number + lists[number] + 2 * (point - starts[number])
                (glyph,) = struct.unpack_from(">H", font, place)
            if glyph & 0xFFFF:
                yield point


def _groups(font: bytes, at: int) -> Iterator[int]:
    """Format 12: runs of any plane."""
    (count,) = struct.unpack_from(">I", font, at + 12)
    for number in range(count):
        first, last, _ = struct.unpack_from(">III", font, at + 16 + 12 * number)
        yield from range(first, last + 1)
