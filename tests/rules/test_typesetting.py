"""Documents on paper: whatever a text contains, it is printed as text, and the PDF is an archival and accessible one."""

import io
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from vigie.core.typefaces import shown
from vigie.core.typesetting import ROOT, printable, qr_code, svg_of_png, typeset, typeset_now

NOW = datetime(2026, 11, 22, 10, 15, 0, 123456, tzinfo=UTC)  # as a clock tells it, microseconds included
TEMPLATE = """
#import "/core/paper/vigie.typ": *
#show: paper.with(title: "Page")
= Page of #data.name
#mark("ok") #sign("crit") #brand()
#block(width: 4cm, data.name)
#picture("code", alt: "QR", width: 2cm)
#picture("logo", alt: "logo", width: 2cm)
"""


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "core").symlink_to(ROOT / "core")
    monkeypatch.setattr("vigie.core.typesetting.ROOT", tmp_path)
    made = tmp_path / "page.typ"
    made.write_text(TEMPLATE)
    return made


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 4, 2, 8, 6, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff\0\0\x80" * 4) * 2)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


IMAGES = {"code": qr_code("https://vigie.example/verify/abc"), "logo": svg_of_png(png(), 4, 2)}


@pytest.mark.parametrize(
    ("given", "printed"),
    [
        ("<script>#$*_@`</script>", "<script>#$*_@`</script>"),
        ("Cabinet «\u00a0du Cèdre\u00a0»\u202f!", "Cabinet «\u00a0du Cèdre\u00a0»\u202f!"),
        ("a" * 30, "aaaaaaaa\u200baaaaaaaa\u200baaaaaaaa\u200baaaaaa"),  # a place to break, as nothing else gives one
        ("a" * 27, "a" * 27),
        ("a\u00a0" * 14, "a\u00a0a\u00a0a\u00a0a\u00a0\u200b" * 3 + "a\u00a0a\u00a0"),
        ("\u202egnp.exe", "gnp.exe"),  # the mark that turns what follows around
        ("a\x00b\x07c\u200dd", "abcd"),
        ("a\tb\r\nc\u2028d", "a b\nc\nd"),
        ("e\u0301", "é"),
        ("a\u0302\u0302\u0302\u0302\u0302", "\u00e2\u0302\u0302"),  # a tower of accents is cut
        ("漢字", "□□"),  # no shape in our typefaces
        ("שלום مرحبا 🦷\ufe0f", "שלום مرحبا 🦷"),
    ],
)
def test_a_text_is_made_fit_for_print(given: str, printed: str) -> None:
    assert printable(given) == printed


def test_our_typefaces_have_what_french_pages_need() -> None:
    letters = "ÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸàâæçéèêëîïôœùûüÿ«»…·≥≤→€°ºª½□"
    signs = "\u00a0\u202f\u2011\u200b\u2019\u2013\u2014\u00d7\u2212\u201c\u201d"
    assert set(map(ord, letters + signs)) <= shown()
    assert not {0x6F22, 0x10FFFF, 0xE000} & shown()


async def test_the_same_data_gives_the_same_archival_file(template: Path) -> None:
    first = await typeset(template, {"name": "Cèdre #1 *_$@`"}, now=NOW, images=IMAGES)
    assert first == await typeset(template, {"name": "Cèdre #1 *_$@`"}, now=NOW, images=IMAGES)
    read = PdfReader(io.BytesIO(first))
    assert "Cèdre #1 *_$@`" in read.pages[0].extract_text()
    root: Any = read.trailer["/Root"]
    described = root["/Metadata"].get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in described
    assert "<pdfuaid:part>1</pdfuaid:part>" in described
    assert root["/OutputIntents"][0]["/S"] == "/GTS_PDFA1"
    assert root["/Lang"] == "fr"
    assert read.metadata is not None
    assert read.metadata.creation_date == NOW.replace(microsecond=0)


# Each of these once needed two typefaces in one cluster, or none: an archival file would refuse the whole page.
@pytest.mark.parametrize(
    "name", ["ب\u0301", "a\u0651", "🦷\u0301", "\u05d0\u0301", "\u0651", "\u0301", "", "\U0001f1eb\U0001f1f7"]
)
def test_no_name_stops_a_document(template: Path, name: str) -> None:
    made = typeset_now(template, {"name": name, "list": [{"name": name}, None, 3]}, NOW, IMAGES, {})
    assert made.startswith(b"%PDF-1.7")
