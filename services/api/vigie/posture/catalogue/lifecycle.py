"""Ends of support and software, from their documents to the look-ups of the rules."""

from datetime import date
from functools import cache
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from vigie.posture.catalogue.documents import Document, Names, read_document
from vigie.posture.rules.lifecycle import Extension, Lifecycle, Product, Servicing, plain_edition


class ExtensionEntry(Document):
    """Updates beyond the end: paid, for some, or automatic for all."""

    kind: str
    ends_on: date
    automatic: bool


class SystemEntry(Document):
    """One release of an operating system, by the keys a report can be matched with."""

    id: str
    name: str
    family: Literal["windows", "macos", "linux"]
    kind: str
    releases: Annotated[Names, Field(min_length=1)]
    editions: Names = ()
    ends_on: date | None
    at_latest: bool = False
    presumed_ended: bool = False
    extended: Annotated[tuple[ExtensionEntry, ...], Field(strict=False)] = ()
    last_free_ubr: int | None = None
    source: str
    as_of: date
    note: str | None = None

    def servicing(self) -> Servicing:
        """Return the entry as the rules read it."""
        return Servicing(
            id=self.id,
            name=self.name,
            ends_on=self.ends_on,
            at_latest=self.at_latest,
            presumed_ended=self.presumed_ended,
            extensions=tuple(Extension(entry.kind, entry.ends_on, entry.automatic) for entry in self.extended),
            last_free_ubr=self.last_free_ubr,
        )


class EndOfSupport(Document):
    """The document ``end_of_support.yaml``."""

    as_of: date
    edition_groups: dict[str, Names]
    systems: Annotated[tuple[SystemEntry, ...], Field(strict=False)]

    @model_validator(mode="after")
    def _unambiguous(self) -> Self:
        """Refuse two entries that answer for the same machine, and edition groups that do not exist."""
        seen: set[tuple[str, str, str, str]] = set()
        for entry in self.systems:
            for release in entry.releases:
                for group in entry.editions or ("",):
                    if group and group not in self.edition_groups:
                        raise ValueError(f"{entry.id}: unknown edition group {group}")
                    key = (entry.family, entry.kind, release, group)
                    if key in seen:
                        raise ValueError(f"{entry.id}: {key} is listed twice")
                    seen.add(key)
        return self


class SecurityRelease(Document):
    """The newest release known to close a vulnerability."""

    version: Annotated[str, Field(pattern=r"^\d+(\.\d+)*$")]
    released_on: date


class ProductEntry(Document):
    """One product or line of versions; it must tell an end or a release, or it would judge nothing."""

    id: str
    slug: Annotated[str, Field(pattern="^[a-z0-9_]{1,32}$")]
    name: str
    editor: str
    versions: Names = ()
    ends_on: date | None = None
    security_release: SecurityRelease | None = None
    source: str
    as_of: date

    @model_validator(mode="after")
    def _judges_something(self) -> Self:
        if self.ends_on is None and self.security_release is None:
            raise ValueError(f"{self.id} tells neither an end nor a security release")
        return self


class SoftwareCatalogue(Document):
    """The document ``software.yaml``."""

    as_of: date
    products: Annotated[tuple[ProductEntry, ...], Field(strict=False)]


@cache
def read_end_of_support() -> EndOfSupport:
    """Return the document of ends of support, validated."""
    return EndOfSupport.model_validate(read_document("end_of_support.yaml"))


@cache
def read_software() -> SoftwareCatalogue:
    """Return the document of software, validated."""
    return SoftwareCatalogue.model_validate(read_document("software.yaml"))


@cache
def load_lifecycle() -> Lifecycle:
    """Return the look-ups that the rules take as an argument; read and checked once per process."""
    ends, software = read_end_of_support(), read_software()
    systems: dict[tuple[str, str, str], dict[str, Servicing]] = {}
    for entry in ends.systems:
        servicing = entry.servicing()
        for release in entry.releases:
            by_group = systems.setdefault((entry.family, entry.kind, release), {})
            for group in entry.editions or ("",):
                by_group[group] = servicing
    groups = {plain_edition(edition): group for group, editions in ends.edition_groups.items() for edition in editions}
    products: dict[str, tuple[tuple[tuple[str, ...], Product], ...]] = {}
    for listed in software.products:
        newest = listed.security_release
        product = Product(
            id=listed.id,
            name=listed.name,
            ends_on=listed.ends_on,
            release=newest.version if newest else None,
            released_on=newest.released_on if newest else None,
        )
        products[listed.slug] = (*products.get(listed.slug, ()), (listed.versions, product))
    return Lifecycle(as_of=max(ends.as_of, software.as_of), systems=systems, edition_groups=groups, software=products)
