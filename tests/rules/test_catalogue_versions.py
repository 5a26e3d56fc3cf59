"""Several versions of the catalogue at once, an answer that survives an upgrade, and faults that are named when it is read."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from vigie.posture.catalogue import CatalogueError, Library, carry, current_id, known_versions, load_catalogue
from vigie.posture.catalogue.documents import own_folder

NOW, NEXT, LATER = "2026.11.1", "2026.12.0", "2026.12.10"
Documents = dict[str, Any]
Change = Callable[[Documents], None]


def documents() -> Documents:
    """Return the documents of a small version: two rules, three controls."""

    def control(name: str, rule: int, **more: Any) -> dict[str, Any]:
        return {
            "id": name,
            "rule": rule,
            "title": {"fr": f"Titre {name}", "en": f"Title {name}"},
            "kind": "practice",
            "responsible": ["practice"],
            "every": "12m",
            "essential": False,
            "aggregate": "practice",
            "remediation": {"fr": "Faire", "en": "Do"},
            "source": ["own"],
            "grade": "C",
            "effort": 1,
            **more,
        }

    text = {"meaning": {"fr": "Sens", "en": "Meaning"}, "steps": {"fr": ["Un", "Deux"], "en": ["One", "Two"]}}
    automatic = {"kind": "automatic", "telemetry": ["patch"], "thresholds": ["patch.security_pass_days"]}
    return {
        "controls.yaml": {
            "version": NOW,
            "as_of": "2026-11-21",
            "sources": {"own": "Us"},
            "controls": [
                control("ANS-1.1", 1),
                control("ANS-1.2", 1, kind="provider", bulk=True),
                control("ANS-2.1", 2, **automatic),
            ],
        },
        "rules.yaml": {
            "rules": [{"id": 1, "title": {"fr": "Une", "en": "One"}}, {"id": 2, "title": {"fr": "Deux", "en": "Two"}}]
        },
        "explanations.yaml": {"explanations": {name: dict(text) for name in ("ANS-1.1", "ANS-1.2", "ANS-2.1")}},
    }


def write(folder: Path, version: str, *changes: Change) -> Path:
    """Write a version, changed, beside those that are there."""
    found = documents()
    found["controls.yaml"]["version"] = version
    for change in changes:
        change(found)
    place = folder / "versions" / version
    place.mkdir(parents=True)
    for name, content in found.items():
        text = yaml.safe_dump(content, allow_unicode=True).replace("'2026-11-21'", "2026-11-21")
        (place / name).write_text(text, encoding="utf-8")
    with (own_folder() / "reasons.yaml").open("rb") as reasons, (folder / "reasons.yaml").open("wb") as copy:
        shutil.copyfileobj(reasons, copy)
    return folder


def renamed(found: Documents) -> None:
    """Rename ANS-1.2 to ANS-1.3, and drop ANS-2.1."""
    controls = found["controls.yaml"]
    controls["controls"][1]["id"] = "ANS-1.3"
    del controls["controls"][2]
    controls["replaces"] = {"ANS-1.2": "ANS-1.3"}
    explained = found["explanations.yaml"]["explanations"]
    explained["ANS-1.3"] = explained.pop("ANS-1.2")
    del explained["ANS-2.1"]


def renamed_again(found: Documents) -> None:
    renamed(found)
    found["controls.yaml"]["controls"][1]["id"] = "ANS-1.4"
    found["controls.yaml"]["replaces"] = {"ANS-1.3": "ANS-1.4"}
    explained = found["explanations.yaml"]["explanations"]
    explained["ANS-1.4"] = explained.pop("ANS-1.3")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Three versions: the second renames a control and drops one, the third renames it again."""
    write(tmp_path, NOW)
    write(tmp_path, LATER, renamed_again)
    return Library(write(tmp_path, NEXT, renamed))


def test_versions_live_side_by_side_and_the_newest_is_read_unless_one_is_named(library: Library) -> None:
    assert library.versions() == (NOW, NEXT, LATER), "2026.12.10 comes after 2026.12.0: numbers, not letters"
    assert library.catalogue().version == LATER
    assert set(library.catalogue(NOW).controls) == {"ANS-1.1", "ANS-1.2", "ANS-2.1"}
    assert set(library.catalogue(NEXT).controls) == {"ANS-1.1", "ANS-1.3"}
    with pytest.raises(LookupError, match=r"known: 2026\.11\.1"):
        library.catalogue("2025.1.1")


@pytest.mark.parametrize(
    ("control", "origin", "target", "expected"),
    [
        ("ANS-1.1", NOW, LATER, "ANS-1.1"),
        ("ANS-1.2", NOW, NOW, "ANS-1.2"),
        ("ANS-1.2", NOW, NEXT, "ANS-1.3"),
        ("ANS-1.2", NOW, LATER, "ANS-1.4"),
        ("ANS-1.3", NEXT, LATER, "ANS-1.4"),
        ("ANS-2.1", NOW, NEXT, None),
        ("ANS-2.1", NOW, LATER, None),
        ("ANS-9.9", NOW, NEXT, None),
        ("ANS-1.4", LATER, NOW, "ANS-1.2"),
        ("ANS-1.3", NEXT, NOW, "ANS-1.2"),
        ("ANS-1.1", LATER, NOW, "ANS-1.1"),
        ("ANS-9.9", LATER, NOW, None),
    ],
)
def test_an_answer_counts_under_the_name_its_control_has_now(
    library: Library, control: str, origin: str, target: str, expected: str | None
) -> None:
    assert library.carry(control, origin, target) == expected


def test_an_answer_of_a_version_nobody_knows_is_refused(library: Library) -> None:
    for origin, target in (("1.0", NOW), (NOW, "1.0")):
        with pytest.raises(LookupError, match=r"no version 1\.0"):
            library.carry("ANS-1.1", origin, target)


def control_of(found: Documents) -> dict[str, Any]:
    first: dict[str, Any] = found["controls.yaml"]["controls"][0]
    return first


FAULTS: dict[str, tuple[Change, str]] = {
    "a field nobody knows": (
        lambda found: control_of(found).update(colour="red"),
        r"controls\.yaml: controls\.0\.colour",
    ),
    "a kind nobody knows": (lambda found: control_of(found).update(kind="magic"), r"controls\.0\.kind"),
    "an effort out of bounds": (lambda found: control_of(found).update(effort=4), r"controls\.0\.effort"),
    "no control at all": (lambda found: found["controls.yaml"].update(controls=[]), r"controls\.yaml: controls"),
    "the same control twice": (
        lambda found: found["controls.yaml"]["controls"].append(control_of(found)),
        r"controls\.yaml: twice: ANS-1\.1",
    ),
    "a rule that is missing": (lambda found: found["rules.yaml"]["rules"].pop(), r"rules\.yaml: missing: 2"),
    "a source that is not named": (lambda found: control_of(found).update(source=["S0"]), "sources that are cited"),
    "a threshold of no policy": (
        lambda found: control_of(found).update(thresholds=["patch.colour_days"]),
        r"thresholds that no policy has: patch\.colour_days",
    ),
    "an explanation that is missing": (
        lambda found: found["explanations.yaml"]["explanations"].pop("ANS-1.1"),
        r"controls\.0\.meaning: Field required",
    ),
    "an explanation of no control": (
        lambda found: found["explanations.yaml"]["explanations"].update({"ANS-3.3": {}}),
        r"explanations\.yaml: of no control: ANS-3\.3",
    ),
    "an explanation that says more": (
        lambda found: found["explanations.yaml"]["explanations"]["ANS-1.1"].update(kind="practice"),
        "kind is not known there",
    ),
    "steps that differ by language": (
        lambda found: found["explanations.yaml"]["explanations"]["ANS-1.1"].update(
            steps={"fr": ["Un", "Deux"], "en": ["One", "Two", "Three"]}
        ),
        "same number of steps",
    ),
    "one step only": (
        lambda found: found["explanations.yaml"]["explanations"]["ANS-1.1"].update(steps={"fr": ["Un"], "en": ["One"]}),
        r"controls\.0\.steps",
    ),
    "explanations of another shape": (
        lambda found: found["explanations.yaml"].update(explanations=["ANS-1.1"]),
        "control by control",
    ),
    "one answer for many where the practice answers": (
        lambda found: control_of(found).update(bulk=True),
        "only what the provider answers",
    ),
    "another version than its folder": (
        lambda found: found["controls.yaml"].update(version="2027.1.1"),
        r"calls itself 2027\.1\.1",
    ),
    "replaced by nothing": (
        lambda found: found["controls.yaml"].update(replaces={"ANS-1.9": "ANS-3.1"}),
        "replaced by something that is not there",
    ),
    "replaced and still there": (
        lambda found: found["controls.yaml"].update(replaces={"ANS-1.1": "ANS-1.2"}),
        "replaced, and still there",
    ),
    "in the place of two": (
        lambda found: found["controls.yaml"].update(replaces={"ANS-1.8": "ANS-1.2", "ANS-1.9": "ANS-1.2"}),
        "takes the place of two",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_document_says_which_and_where(fault: str, tmp_path: Path) -> None:
    assert Library(write(tmp_path / "right", NOW)).catalogue().version == NOW
    change, message = FAULTS[fault]
    library = Library(write(tmp_path / "wrong", NOW, change))
    with pytest.raises(CatalogueError, match=message) as caught:
        library.catalogue()
    assert str(caught.value).startswith(f"catalogue {NOW}: ")


def test_a_missing_document_or_version_is_named(tmp_path: Path) -> None:
    write(tmp_path, NOW)
    (tmp_path / "versions" / NOW / "rules.yaml").unlink()
    with pytest.raises(CatalogueError, match=r"rules\.yaml cannot be read"):
        Library(tmp_path).catalogue()
    (tmp_path / "versions" / "draft").mkdir()
    with pytest.raises(CatalogueError, match="draft is no version"):
        Library(tmp_path).versions()
    (tmp_path / "empty" / "versions").mkdir(parents=True)
    with pytest.raises(CatalogueError, match="no version"):
        Library(tmp_path / "empty").versions()


def test_no_yaml_is_a_fault_of_the_document(tmp_path: Path) -> None:
    write(tmp_path, NOW)
    (tmp_path / "versions" / NOW / "controls.yaml").write_text("controls: [", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"controls\.yaml cannot be read"):
        Library(tmp_path).catalogue()


def test_the_versions_of_the_program_are_all_whole_and_every_old_id_leads_somewhere() -> None:
    assert load_catalogue().version == known_versions()[-1]
    for version in known_versions():
        assert load_catalogue(version).version == version
        for control in load_catalogue(version).controls:
            assert carry(control, version, version) == control
    assert current_id("ANS-1.1", known_versions()[0]) == "ANS-1.1"
    assert current_id("ANS-1.1", "2999.1.1") is None
