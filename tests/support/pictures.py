"""A picture as tests send it: a PNG of eight by four pixels with a note in it that is no business of ours."""

import struct
import zlib


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int = 8, height: int = 4, *, depth: int = 8, colours: int = 6, interlaced: int = 0, rows: int | None = None
) -> bytes:
    """Return a PNG; bent in one way or another."""
    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, interlaced)
    pixels = (b"\0" + b"\x15\x19\x1d\xff" * width) * (height if rows is None else rows)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"tEXt", b"Comment\0made at home"),
            chunk(b"IDAT", zlib.compress(pixels)),
            chunk(b"IEND", b""),
        )
    )


PNG = png()
