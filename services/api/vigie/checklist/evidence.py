"""Evidence: small files that back answers. Taken in whole, checked to be what they say, kept as they came.

Never a place for patients' data: docs/checklist.md says so to whoever uploads.
"""

import hashlib
import re
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote
from uuid import UUID

from vigie.auth.dependencies import Call
from vigie.checklist import queries
from vigie.checklist.asking import side_of
from vigie.checklist.errors import EvidenceQuotaError, EvidenceTooLargeError, EvidenceTypeError
from vigie.checklist.models import Evidence
from vigie.core.ids import uuid7
from vigie.events.log import NewEvent
from vigie.events.session import record
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.queries import changeable_practice

MAX_BYTES: Final = 2 * 1024 * 1024
MOST_FILES: Final = 100
MOST_BYTES: Final = 50 * 1024 * 1024
_NAME_AT_MOST: Final = 120
_SIGNS: Final = {"application/pdf": b"%PDF-", "image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
TYPES: Final = frozenset(_SIGNS)
"""Media types that are kept."""
_SUFFIXES: Final = {"application/pdf": (".pdf",), "image/png": (".png",), "image/jpeg": (".jpg", ".jpeg")}
_UNSAFE = re.compile(r'[<>:"/\\|?*]')


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent."""

    media_type: str
    name: str
    content: bytes

    @property
    def sha256(self) -> bytes:
        """Return the digest of its bytes."""
        return hashlib.sha256(self.content).digest()


async def take_upload(content_type: str, name: str | None, declared: str | None, body: AsyncIterator[bytes]) -> Upload:
    """Read a file off the line, and no more of it than may be kept.

    Raises `EvidenceTypeError` before reading anything of a type that is not kept, and when the first bytes say something else;
    `EvidenceTooLargeError` as soon as it is too large.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    sign = _SIGNS.get(media_type)
    if sign is None:
        raise EvidenceTypeError
    too_large = EvidenceTooLargeError(headers={"Connection": "close"}, limit=MAX_BYTES)
    if declared is not None and declared.isdigit() and int(declared) > MAX_BYTES:
        raise too_large
    content = bytearray()
    async for part in body:
        content += part
        if len(content) > MAX_BYTES:
            raise too_large
    if not content.startswith(sign):
        raise EvidenceTypeError
    return Upload(media_type, clean_name(name, media_type), bytes(content))


def clean_name(name: str | None, media_type: str) -> str:
    """Return a file name that is safe to write down and to offer: the last part of a path, one line, ending as its type does.

    `name` comes percent-encoded, because headers carry ASCII. Characters that turn the writing direction go, too.
    """
    text = unicodedata.normalize("NFC", unquote(name or "", errors="replace"))
    text = re.split(r"[/\\]", text)[-1]
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    text = " ".join(_UNSAFE.sub(" ", text).split()).strip(". ")
    suffixes = _SUFFIXES[media_type]
    stem = next((text[: -len(end)] for end in suffixes if f".{text}".lower().endswith(end)), text)
    stem = stem.strip(". ")[: _NAME_AT_MOST - len(suffixes[0])] or "evidence"
    return stem + suffixes[0]


async def add_evidence(call: Call, practice_id: UUID, upload: Upload) -> Evidence:
    """Keep a file of a practice. Raises `NotFoundError`, `PracticeArchivedError` and `EvidenceQuotaError`."""
    practice = await changeable_practice(call, practice_id)
    if not await queries.lock_postures(call.session, practice.provider_id, [practice.id]):
        raise PracticeArchivedError  # meanwhile
    files, used = await queries.evidence_kept(call.session, practice.provider_id, practice.id)
    if files >= MOST_FILES or used + len(upload.content) > MOST_BYTES:
        raise EvidenceQuotaError(files=files, bytes=used)
    kept = Evidence(
        provider_id=practice.provider_id,
        id=uuid7(),
        practice_id=practice.id,
        name=upload.name,
        media_type=upload.media_type,
        size=len(upload.content),
        sha256=upload.sha256,
        content=upload.content,
        uploaded_at=call.now,
        side=side_of(call.principal),
        member_id=UUID(call.principal.subject),
        author_name=call.principal.name,
    )
    call.session.add(kept)
    await call.session.flush()
    call.audit(object_id=kept.id, details={"media_type": kept.media_type, "size": kept.size})
    payload = {"evidence": str(kept.id), "media_type": kept.media_type, "by": call.principal.subject}
    event = NewEvent(kept.provider_id, "evidence.added", kept.practice_id, None, call.now, payload)
    await record(call.session, [event], call.now)
    return kept
