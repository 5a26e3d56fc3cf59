"""The catalogue: what is checked, in whose words, and the dated facts the rules need. Data in YAML, read once.

`load_catalogue` gives the control points, the ten rules and the sentences of every reason; `load_lifecycle` gives the
rules their look-ups (ends of support, software). A file that does not match the models below stops the program at the
first call, with pydantic's own explanation of where.
"""

from vigie.posture.catalogue.lifecycle import load_lifecycle
from vigie.posture.catalogue.texts import Catalogue, Control, ReasonText, Rule, Text, load_catalogue

__all__ = ["Catalogue", "Control", "ReasonText", "Rule", "Text", "load_catalogue", "load_lifecycle"]
