"""The catalogue: what is checked, in whose words, and the dated facts the rules need. Data in YAML, read once.

`load_catalogue` gives the control points, the ten rules and the sentences of every reason, of the newest version or of one by
name; `carry` says under which id an answer of one version counts in another; `load_lifecycle` gives the rules their look-ups
(ends of support, software). A document that cannot be used is a `CatalogueError` that says where, at the first call: the
program does not start with half a catalogue.
"""

from vigie.posture.catalogue.documents import CatalogueError
from vigie.posture.catalogue.library import Library, carry, current_id, known_versions, load_catalogue, policy_keys
from vigie.posture.catalogue.lifecycle import load_lifecycle
from vigie.posture.catalogue.texts import Catalogue, Control, ReasonText, Rule, Steps, Text

__all__ = [
    "Catalogue",
    "CatalogueError",
    "Control",
    "Library",
    "ReasonText",
    "Rule",
    "Steps",
    "Text",
    "carry",
    "current_id",
    "known_versions",
    "load_catalogue",
    "load_lifecycle",
    "policy_keys",
]
