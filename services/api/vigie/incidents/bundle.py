"""The sealed archive of an incident: a zip of JSON lines, a manifest with the SHA-256 of each file, a signature over the manifest.

    manifest.json   what it is about, the span it covers, every other file with its SHA-256, its size and its lines
    manifest.jws    the manifest again, signed by the service (RS256; its keys are at /oauth/jwks)
    *.jsonl         one canonical JSON object a line: keys sorted, no spaces, UTF-8, instants in UTC

The same content makes the same bytes. The audit's entry of the freezing names the SHA-256 of the whole: that is what a copy is held
against, years later, when the signing key is no longer published (docs/adr/0032). Pure.
"""

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from vigie.audit.chain import canonical, instant
from vigie.core.french import french

FORMAT: Final = "vigie-evidence/1"
MANIFEST, SIGNATURE, README = "manifest.json", "manifest.jws", "LISEZMOI.txt"
_UNPACKED_AT_MOST: Final = 64 * 1024 * 1024
_NO_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the first that a zip can say: the manifest says when
_README: Final = french("""\
Preuves d'un incident, scellées par Vigie.

manifest.json dit de quel incident il s'agit, quelle période est couverte, et donne l'empreinte SHA-256 de chaque fichier.
manifest.jws est le même manifeste, signé par le service (JWS, RS256). L'empreinte de l'archive entière est inscrite dans le
journal d'audit, chaîné, à la date du gel : action incident.freeze.

devices.jsonl     les postes du cabinet
sections.jsonl    leur dernier état connu au moment du gel
heartbeats.jsonl  ce que chaque remontée a changé pendant la période
presence.jsonl    les heures où chaque poste a été entendu (un bit par heure, UTC ; bit 0 : de minuit à une heure)
events.jsonl      ce qui a changé au cabinet pendant la période
alerts.jsonl      les alertes de la période, courses.jsonl leur déroulé

Les personnes n'y figurent que par des identifiants. Aucune donnée de patient n'est collectée par Vigie.

Vérifier : vigie incident verify ARCHIVE --audit EXPORT (docs/incidents.md), ou sha256sum.
""")


@dataclass(frozen=True, slots=True)
class About:
    """What an archive is about."""

    provider_id: UUID
    practice_id: UUID
    incident_id: UUID
    kind: str
    known_at: datetime
    from_at: datetime
    until_at: datetime
    frozen_at: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """A file of an archive. `complete`: nothing was left out for its size."""

    name: str
    lines: Sequence[bytes]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with an archive; nothing when it holds. `manifest`: what it says, as far as it can be read."""

    faults: tuple[str, ...]
    manifest: Mapping[str, Any]
    sha256: str

    @property
    def holds(self) -> bool:
        """Whether nothing is at fault."""
        return not self.faults


def seal(about: About, parts: Sequence[Part], sign: Callable[[bytes], str]) -> bytes:
    """Return the archive. `sign`: makes the compact JWS of a document. Takes about a second of a core for 30 MB."""
    files = {README: _README.encode(), **{part.name: b"".join(line + b"\n" for line in part.lines) for part in parts}}
    lines = {README: _README.count("\n"), **{part.name: len(part.lines) for part in parts}}
    manifest = canonical(
        {
            "format": FORMAT,
            "provider": str(about.provider_id),
            "practice": str(about.practice_id),
            "incident": str(about.incident_id),
            "kind": about.kind,
            "known_at": instant(about.known_at),
            "from": instant(about.from_at),
            "until": instant(about.until_at),
            "frozen_at": instant(about.frozen_at),
            "left_out_for_size": sorted(part.name for part in parts if not part.complete),
            "files": {
                name: {"sha256": _digest(content), "size": len(content), "lines": lines[name]}
                for name, content in files.items()
            },
        }
    )
    whole = {MANIFEST: manifest, SIGNATURE: sign(manifest).encode(), **files}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in sorted(whole.items()):
            archive.writestr(_entry(name), content)
    return written.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _NO_DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def examine(content: bytes, anchored: str | None = None, read_signed: Callable[[str], bytes] | None = None) -> Verdict:
    """Return the verdict on an archive.

    `anchored`: the SHA-256 that the audit remembers, in hexadecimal, with or without colons; without it, only that the archive
    agrees with itself is shown. `read_signed`: returns what a JWS signs, or raises `ValueError` when no key of ours signed it.
    """
    digest = _digest(content)
    faults = []
    if anchored is not None and digest != anchored.replace(":", "").lower():
        faults.append("the archive is not the one that the audit remembers")
    try:
        files = _unpacked(content)
        manifest = json.loads(files[MANIFEST])
        faults += _disagreements(manifest["files"], files)
        if read_signed is not None and read_signed(files[SIGNATURE].decode()) != files[MANIFEST]:
            faults.append("the signature is over another manifest")
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        NotImplementedError,
        RuntimeError,
        EOFError,
        OSError,
    ) as error:
        return Verdict((*faults, f"the archive cannot be unpacked: {error}"), {}, digest)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return Verdict((*faults, f"manifest or signature cannot be used: {error}"), {}, digest)
    return Verdict(tuple(faults), manifest, digest)


def _disagreements(listed: Mapping[str, Any], files: Mapping[str, bytes]) -> list[str]:
    found = [f"{name} is missing" for name in listed if name not in files]
    found += [f"{name} is not in the manifest" for name in files if name not in {MANIFEST, SIGNATURE, *listed}]
    changed = [name for name, entry in listed.items() if name in files and _digest(files[name]) != entry["sha256"]]
    return [*found, *(f"{name} was changed" for name in changed)]


def _unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > _UNPACKED_AT_MOST:
            raise zipfile.BadZipFile("it is larger than any archive of ours")
        return {entry.filename: archive.read(entry) for entry in entries}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
