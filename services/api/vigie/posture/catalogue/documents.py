"""Reading the YAML documents of the catalogue, strictly."""

from importlib import resources
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

Names = Annotated[tuple[str, ...], Field(strict=False)]
"""A list of strings; YAML has no tuples, so only the container is converted."""


class Document(BaseModel):
    """Part of a catalogue document: frozen, strict, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def read_document(name: str) -> Any:
    """Return the content of a YAML file that lies beside this module."""
    text = resources.files("vigie.posture.catalogue").joinpath(name).read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(text, Loader=loader)  # noqa: S506 - the C form of the safe loader, or the safe loader itself
