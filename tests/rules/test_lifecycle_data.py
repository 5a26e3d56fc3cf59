"""The dated tables: their dates are plausible, they answer for the systems of a practice, and faults in them are caught."""

from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from vigie.posture.catalogue import load_lifecycle
from vigie.posture.catalogue.documents import read_document
from vigie.posture.catalogue.lifecycle import EndOfSupport, SoftwareCatalogue, read_end_of_support, read_software
from vigie.posture.rules.lifecycle import EditionUnknownError, older

TUESDAY = 1


def ends() -> Any:
    return deepcopy(read_document("end_of_support.yaml"))


def client(build: str, edition: str | None, product: str | None = "client") -> dict[str, Any]:
    return {"family": "windows", "product": product, "build": build, "edition": edition}


def test_every_microsoft_date_is_a_tuesday() -> None:
    wrong = [
        f"{entry.id} {day}"
        for entry in read_end_of_support().systems
        if entry.family == "windows"
        for day in [entry.ends_on, *(extension.ends_on for extension in entry.extended)]
        if day is not None and day.weekday() != TUESDAY
    ]
    assert wrong == []
    products = [entry for entry in read_software().products if entry.editor == "Microsoft"]
    assert [entry.id for entry in products if entry.ends_on and entry.ends_on.weekday() != TUESDAY] == [
        "internet-explorer"  # retired on a Wednesday, the day after a Tuesday's updates
    ]


def test_every_windows_entry_has_an_end_and_every_entry_a_source() -> None:
    for entry in read_end_of_support().systems:
        assert entry.source
        assert entry.as_of <= read_end_of_support().as_of
        assert entry.ends_on is not None or entry.family == "macos", entry.id
        for extension in entry.extended:
            assert entry.ends_on is not None
            assert extension.ends_on > entry.ends_on, entry.id


@pytest.mark.parametrize(
    ("os", "name", "ends_on"),
    [
        (client("26100", "Core"), "Windows 11 24H2 Home/Pro", "2026-10-13"),
        (client("26100", "Education"), "Windows 11 24H2 Enterprise/Education", "2027-10-12"),
        (client("26100", "IoTEnterpriseS"), "Windows 11 IoT Enterprise LTSC 2024", "2034-10-10"),
        (client("26100", "ServerStandard", product="server"), "Windows Server 2025", "2034-11-14"),
        (client("26100", "ServerEssentials", product=None), "Windows Server 2025", "2034-11-14"),
        (client("17763", "EnterpriseS"), "Windows 10 Enterprise LTSC 2019", "2029-01-09"),
        (client("17763", None, product="server"), "Windows Server 2019", "2029-01-09"),
        (client("19045", "Professional"), "Windows 10 22H2", "2025-10-14"),
        (client("7601", None), "Windows 7", "2020-01-14"),
        ({"family": "linux", "distro": "ubuntu", "version": "22.04"}, "Ubuntu 22.04", "2027-04-30"),
        ({"family": "linux", "distro": "debian", "version": "12.15"}, "Debian 12", "2026-07-11"),
        ({"family": "macos", "version": "13.7.8"}, "macOS 13", "2025-09-15"),
    ],
)
def test_a_system_is_found_by_build_kind_and_edition(os: dict[str, Any], name: str, ends_on: str) -> None:
    found = load_lifecycle().system(os)
    assert found is not None
    assert (found.name, found.ends_on) == (name, date.fromisoformat(ends_on))


@pytest.mark.parametrize("edition", ["EnterpriseS", "enterprises", "enterprise_s", "Enterprise-S"])
def test_the_spelling_of_an_edition_does_not_matter(edition: str) -> None:
    found = load_lifecycle().system(client("19044", edition))
    assert found is not None
    assert found.id == "windows-10-ltsc-2021"


def test_an_unknown_edition_is_told_apart_from_an_unknown_system() -> None:
    lifecycle = load_lifecycle()
    with pytest.raises(EditionUnknownError):
        lifecycle.system(client("26100", None))
    assert lifecycle.system(client("1", None)) is None
    # Enterprise 26H2 is not in the table yet, though its edition and its build are known.
    assert lifecycle.system(client("26300", "Enterprise")) is None


@pytest.mark.parametrize("version", ["", "1", "24", "24.0", "124.04"])
def test_a_distribution_is_not_found_by_half_a_version(version: str) -> None:
    assert load_lifecycle().system({"family": "linux", "distro": "ubuntu", "version": version}) is None


def test_the_extension_that_reaches_furthest_is_the_one_that_counts() -> None:
    windows_10 = load_lifecycle().system(client("19045", "Core"))
    assert windows_10 is not None
    running = windows_10.extension_on(date(2028, 10, 10))
    assert running is not None
    assert running.kind == "commercial_esu_year_3"
    assert windows_10.extension_on(date(2028, 10, 11)) is None


@pytest.mark.parametrize(
    ("slug", "version", "expected"),
    [
        ("office_2019", "16.0.10417", "Office 2019"),
        ("office", "15.0.5603", "Office 2013"),
        ("office", "16.0.1", None),
        ("sql_server", "13.0.7000", "SQL Server 2016"),
        ("sql_server", "16.0.1000", None),
        ("oracle_java", "1.8.0_391", "Oracle Java 8 (public updates)"),
        ("oracle_java", "8.0.391", "Oracle Java 8 (public updates)"),
        ("oracle_java", "80.1", None),
        ("oracle_java", None, None),
        ("adobe_reader", "11.0.23", "Adobe Reader XI"),
        ("adobe_reader", "26.1", None),
        ("patient_software", "1.0", None),
    ],
)
def test_a_product_is_found_by_slug_and_line_of_versions(slug: str, version: str | None, expected: str | None) -> None:
    found = load_lifecycle().product(slug, version)
    assert (found.name if found else None) == expected


@pytest.mark.parametrize(
    ("version", "other", "expected"),
    [
        ("1.9", "1.10", True),
        ("1.10", "1.9", False),
        ("2", "1.9", False),
        ("1.9.5", "1.9", False),
        ("1", "1.9", True),
        ("1.9", "1.9", False),
        ("1.x", "1.9", None),
    ],
)
def test_versions_are_compared_by_number(version: str, other: str, expected: bool | None) -> None:  # noqa: FBT001
    assert older(version, other) is expected


def faulty(change: Any) -> Any:
    document = ends()
    change(document)
    return document


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["systems"].append(document["systems"][0]),
        lambda document: document["systems"][0].update(editions=["domestic"]),
        lambda document: document["systems"][0].update(ends_on="soon"),
        lambda document: document["systems"][0].update(ends_at=date(2030, 1, 1)),
        lambda document: document["systems"][0].update(releases=[]),
        lambda document: document["systems"][0].update(releases=[26300]),
        lambda document: document["systems"][0].pop("source"),
        lambda document: document["systems"][0].pop("ends_on"),
    ],
)
def test_a_fault_in_the_table_is_caught_when_it_is_read(change: Any) -> None:
    EndOfSupport.model_validate(ends())
    with pytest.raises(ValidationError):
        EndOfSupport.model_validate(faulty(change))


def test_a_product_that_judges_nothing_is_refused() -> None:
    document = deepcopy(read_document("software.yaml"))
    SoftwareCatalogue.model_validate(document)
    del document["products"][0]["ends_on"]
    with pytest.raises(ValidationError):
        SoftwareCatalogue.model_validate(document)
