"""Versions of the catalogue: a folder each, read and checked whole; and what becomes of an answer from one to the next."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from functools import cache
from importlib.resources.abc import Traversable
from typing import Any

from vigie.posture.catalogue.documents import CatalogueError, own_folder, read_as, read_content, validated
from vigie.posture.catalogue.texts import Catalogue, ControlsDocument, ReasonsDocument, RulesDocument
from vigie.posture.rules.model import Policy

_EXPLAINED = ("meaning", "steps")


class Library:
    """The catalogue in all its versions, as the folder it is given holds them.

    ``versions/<version>/`` holds ``controls.yaml``, ``explanations.yaml`` (what each control means, and its steps) and
    ``rules.yaml``. Several versions live at once: answers remember under which one they were given.
    """

    def __init__(self, folder: Traversable) -> None:
        self._folder = folder
        self._read: dict[str, Catalogue] = {}

    def versions(self) -> tuple[str, ...]:
        """Return the known versions, oldest first; raises `CatalogueError` when there is none."""
        found = [entry.name for entry in self._folder.joinpath("versions").iterdir() if entry.is_dir()]
        if not found:
            raise CatalogueError("there is no version of the catalogue")
        return tuple(sorted(found, key=_in_order))

    def catalogue(self, version: str | None = None) -> Catalogue:
        """Return a version, the newest when none is named. Raises `LookupError` (unknown), `CatalogueError` (broken)."""
        known = self.versions()
        name = known[-1] if version is None else version
        if name not in known:
            raise LookupError(f"no version {name} of the catalogue; known: {', '.join(known)}")
        if name not in self._read:
            try:
                self._read[name] = self._load(name)
            except CatalogueError as error:
                raise CatalogueError(f"catalogue {name}: {error}") from error
        return self._read[name]

    def carry(self, control: str, origin: str, target: str) -> str | None:
        """Return the id under which an answer to a control of one version counts in another; None when it counts nowhere.

        Versions are walked one by one: each says which ids of the one before it replaces. Walking back undoes it. Raises
        `LookupError` for an unknown version.
        """
        known = self.versions()
        for name in (origin, target):
            if name not in known:
                raise LookupError(f"no version {name} of the catalogue")
        first, last = known.index(origin), known.index(target)
        if first <= last:
            steps = [self.catalogue(name) for name in known[first + 1 : last + 1]]
            return carry_forward(control, steps)
        undone = [self.catalogue(name) for name in known[last + 1 : first + 1][::-1]]
        return carry_back(control, undone, self.catalogue(target).controls)

    def _load(self, version: str) -> Catalogue:
        folder = self._folder.joinpath("versions", version)
        explained = _explanations(read_content("explanations.yaml", folder))
        content = read_content("controls.yaml", folder)
        _explain(content, explained)
        controls = validated(ControlsDocument, content, "controls.yaml")
        rules = read_as(RulesDocument, "rules.yaml", folder)
        reasons = read_as(ReasonsDocument, "reasons.yaml", self._folder)
        if controls.version != version:
            raise CatalogueError(f"controls.yaml calls itself {controls.version}")
        _check(controls, rules, explained)
        return Catalogue(
            version=version,
            as_of=controls.as_of,
            rules={rule.id: rule for rule in rules.rules},
            controls={control.id: control for control in controls.controls},
            sources=controls.sources,
            reasons=reasons.reasons,
            replaces=controls.replaces,
        )


def carry_forward(control: str, later: Sequence[Catalogue]) -> str | None:
    """Return the id of a control after some later versions, in their order; None when one of them dropped it."""
    for catalogue in later:
        control = catalogue.replaces.get(control, control)
        if control not in catalogue.controls:
            return None
    return control


def carry_back(control: str, undone: Sequence[Catalogue], known: Collection[str]) -> str | None:
    """Return the id of a control before some versions, newest first; None when the version they lead to has none."""
    for catalogue in undone:
        before = {new: old for old, new in catalogue.replaces.items()}
        control = before.get(control, control)
    return control if control in known else None


def _in_order(version: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:
        raise CatalogueError(f"{version} is no version: numbers and points only") from None


def _explanations(content: Any) -> dict[str, dict[str, Any]]:
    """Return control → its explanation; raises `CatalogueError` when the document has another shape."""
    explained = content.get("explanations") if isinstance(content, dict) else None
    if not isinstance(explained, dict) or not all(isinstance(entry, dict) for entry in explained.values()):
        raise CatalogueError("explanations.yaml: one object `explanations`, control by control")
    for control, entry in explained.items():
        if strange := sorted(set(entry) - set(_EXPLAINED)):
            raise CatalogueError(f"explanations.yaml: {control}: {', '.join(map(str, strange))} is not known there")
    return explained


def _explain(content: Any, explained: dict[str, dict[str, Any]]) -> None:
    """Put each explanation into its control point, as the two documents are one to everybody else."""
    points = content.get("controls") if isinstance(content, dict) else None
    for point in points if isinstance(points, list) else ():
        if isinstance(point, dict):
            point.update(explained.get(str(point.get("id")), {}))


def _check(controls: ControlsDocument, rules: RulesDocument, explained: Iterable[str]) -> None:
    """Refuse what each document allows and the catalogue as a whole does not."""
    ids = [control.id for control in controls.controls]
    _refuse(_twice(ids), "controls.yaml: twice")
    _refuse(_twice([rule.id for rule in rules.rules]), "rules.yaml: twice")
    _refuse({control.rule for control in controls.controls} - {rule.id for rule in rules.rules}, "rules.yaml: missing")
    cited = {source for control in controls.controls for source in control.source}
    _refuse(
        cited ^ set(controls.sources), "controls.yaml: sources that are cited and not named, or named and not cited"
    )
    _refuse(set(explained) - set(ids), "explanations.yaml: of no control")
    known = policy_keys()
    named = {key for control in controls.controls for key in control.thresholds}
    _refuse(named - known, "controls.yaml: thresholds that no policy has")
    _refuse(set(controls.replaces.values()) - set(ids), "controls.yaml: replaced by something that is not there")
    _refuse(set(controls.replaces) & set(ids), "controls.yaml: replaced, and still there")
    _refuse(_twice(list(controls.replaces.values())), "controls.yaml: takes the place of two")


def _refuse(found: Collection[object], what: str) -> None:
    if found:
        raise CatalogueError(f"{what}: {', '.join(sorted(map(str, found)))}")


def _twice(values: Sequence[object]) -> set[object]:
    return {value for value in values if values.count(value) > 1}


@cache
def policy_keys() -> frozenset[str]:
    """Return every threshold a policy has, as ``family.key``."""
    policy = Policy()
    return frozenset(
        f"{family.name}.{key.name}" for family in fields(policy) for key in fields(getattr(policy, family.name))
    )


@cache
def _own() -> Library:
    """Return the catalogue that comes with the program, every version of it read: a broken one must not wait to be asked for."""
    library = Library(own_folder())
    for version in library.versions():
        library.catalogue(version)
    return library


@cache
def known_versions() -> tuple[str, ...]:
    """Return the versions of the catalogue that come with the program, oldest first."""
    return _own().versions()


@cache
def load_catalogue(version: str | None = None) -> Catalogue:
    """Return a version of the catalogue, the newest when none is named; read and checked once per process.

    Raises `LookupError` for an unknown version and `CatalogueError` for a broken document: whoever starts the program hears it.
    """
    return _own().catalogue(version)


def carry(control: str, origin: str, target: str) -> str | None:
    """Return the id under which an answer given in one version counts in another (see `Library.carry`)."""
    return _own().carry(control, origin, target)


@cache
def current_id(control: str, version: str) -> str | None:
    """Return the id under which an answer given in a version counts now; None when it counts nowhere any more.

    A version this program does not know, because a newer one wrote it, has told it nothing: its answers wait for that program.
    """
    if version not in known_versions():
        return None
    return carry(control, version, known_versions()[-1])
