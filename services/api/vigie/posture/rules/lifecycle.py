"""What the editors promise: until when a system is serviced, which software has reached its end. Pure look-ups.

The dates are data (``catalogue/end_of_support.yaml``, ``catalogue/software.yaml``); ``catalogue.load_lifecycle`` builds
these objects from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Extension:
    """Updates beyond the ordinary end. ``automatic``: every machine gets them; otherwise they must be proven."""

    kind: str
    ends_on: date
    automatic: bool


@dataclass(frozen=True, slots=True)
class Servicing:
    """The servicing of one release. ``ends_on`` is the last serviced day, inclusive; None when the editor tells none.

    ``at_latest``: the release ended on that day or before. ``presumed_ended``: no date, but newer releases took its place.
    ``last_free_ubr``: Windows only, the revision of the last update everyone got; beyond it, extended updates arrive.
    """

    id: str
    name: str
    ends_on: date | None
    at_latest: bool = False
    presumed_ended: bool = False
    extensions: tuple[Extension, ...] = ()
    last_free_ubr: int | None = None

    def extension_on(self, day: date) -> Extension | None:
        """Return the extension that reaches furthest among those still running on a day."""
        running = [extension for extension in self.extensions if extension.ends_on >= day]
        return max(running, key=lambda extension: extension.ends_on, default=None)


@dataclass(frozen=True, slots=True)
class Product:
    """A software product: when it ended or ends, and the newest security release the catalogue knows of."""

    id: str
    name: str
    ends_on: date | None = None
    release: str | None = None
    released_on: date | None = None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Dated look-ups. ``systems``: (family, kind, release) → edition group → servicing, ``""`` for every edition.

    ``software``: slug → (version prefixes, product) in the order of the catalogue; no prefix matches every version.
    """

    as_of: date
    systems: Mapping[tuple[str, str, str], Mapping[str, Servicing]]
    edition_groups: Mapping[str, str] = field(default_factory=dict)
    software: Mapping[str, tuple[tuple[tuple[str, ...], Product], ...]] = field(default_factory=dict)

    def system(self, os: Mapping[str, Any]) -> Servicing | None:
        """Return the servicing of the system that an ``os`` section describes; None when the catalogue has none.

        Windows is keyed on build, kind and edition, because client and server share builds and an imaging PC with an LTSC
        edition lives years longer than its neighbour. Raises `EditionUnknownError` when only the edition is missing.
        """
        family = os.get("family")
        if family == "windows":
            return self._windows(os)
        if family == "macos":
            return self.systems.get(("macos", "client", _macos_release(_text(os.get("version")))), {}).get("")
        if family == "linux":
            return self._linux(_text(os.get("distro")), _text(os.get("version")))
        return None

    def _windows(self, os: Mapping[str, Any]) -> Servicing | None:
        edition = plain_edition(_text(os.get("edition")))
        server = os.get("product") in {"server", "dc"} or edition.startswith("server")
        kind = "server" if server else "client"
        entries = self.systems.get(("windows", kind, _windows_build(_text(os.get("build")))))
        if not entries:
            return None
        group = self.edition_groups.get(edition)
        found = entries.get(group) if group is not None else None
        found = found or entries.get("")
        if found is None and group is None:
            raise EditionUnknownError
        return found

    def _linux(self, distro: str, version: str) -> Servicing | None:
        while version:
            entries = self.systems.get(("linux", distro, version))
            if entries:
                return entries.get("")
            version = version.rpartition(".")[0]
        return None

    def product(self, slug: str, version: str | None) -> Product | None:
        """Return the product of the catalogue for a slug and version reported by an agent; None when it is not listed."""
        for prefixes, product in self.software.get(slug, ()):
            if not prefixes or any(_within(version or "", prefix) for prefix in prefixes):
                return product
        return None


class EditionUnknownError(LookupError):
    """The release is known, but its end depends on an edition that was not reported or is not in the catalogue."""


def older(version: str, other: str) -> bool | None:
    """Tell whether a dotted version precedes another; None when one of them is not made of numbers."""
    try:
        left = [int(part) for part in version.split(".")]
        right = [int(part) for part in other.split(".")]
    except ValueError:
        return None
    return left[: len(right)] < right


def plain_edition(edition: str) -> str:
    """Return an edition as the catalogue compares it: ``EnterpriseS`` and ``enterprise_s`` are the same."""
    return edition.lower().replace("_", "").replace("-", "")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _within(version: str, prefix: str) -> bool:
    return version == prefix or version.startswith((prefix + ".", prefix + "_"))


def _windows_build(build: str) -> str:
    """Return ``26100`` of ``26100``, ``26100.6899`` or ``10.0.26100.6899``."""
    parts = build.split(".")
    return parts[2] if len(parts) > 2 else parts[0]  # noqa: PLR2004 - major, minor, build


def _macos_release(version: str) -> str:
    """Return ``15`` of ``15.7.9``; releases before 11 are told apart by their second number."""
    major, _, rest = version.partition(".")
    return f"{major}.{rest.partition('.')[0]}" if major == "10" else major
