"""Reading the YAML documents of the catalogue, strictly."""

from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vigie.core.faults import OperatorError

Names = Annotated[tuple[str, ...], Field(strict=False)]
"""A list of strings; YAML has no tuples, so only the container is converted."""


class Document(BaseModel):
    """Part of a catalogue document: frozen, strict, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


D = TypeVar("D", bound=Document)
_LISTED = 5


class CatalogueError(OperatorError, ValueError):
    """A document of the catalogue cannot be used; the message says which one, where in it, and why."""


def own_folder() -> Traversable:
    """Return the folder of the documents that come with the program."""
    return resources.files("vigie.posture.catalogue")


def read_document(name: str, folder: Traversable | None = None) -> Any:
    """Return the content of a YAML file of a folder, or of the one that comes with the program."""
    text = (folder or own_folder()).joinpath(name).read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(text, Loader=loader)  # noqa: S506 - the C form of the safe loader, or the safe loader itself


def read_as(kind: type[D], name: str, folder: Traversable) -> D:
    """Return a document of a folder, validated; raises `CatalogueError`."""
    return validated(kind, read_content(name, folder), name)


def read_content(name: str, folder: Traversable) -> Any:
    """Return the content of a document, whatever it is; raises `CatalogueError` when it is missing or no YAML."""
    try:
        return read_document(name, folder)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CatalogueError(f"{name} cannot be read: {error}") from error


def validated(kind: type[D], content: Any, name: str) -> D:
    """Return content as a document; raises `CatalogueError` that names the places at fault."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        places = [f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}" for fault in faults[:_LISTED]]
        raise CatalogueError(f"{name}: {'; '.join(places)}") from error
