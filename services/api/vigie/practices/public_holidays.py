"""French public holidays by territory: the one place that asks the `holidays` library.

Code du travail L3133-1 (the eleven), L3134-13 (Alsace-Moselle: Good Friday and 26 December), L3422-2 (overseas: the abolition
of slavery). The library also lists days of custom overseas; a practice that opens on one says so as an extra opening.
"""

from datetime import date
from functools import cache
from typing import Literal, get_args

import holidays

Territory = Literal[
    "metropolitan",
    "alsace_moselle",
    "guadeloupe",
    "martinique",
    "guyane",
    "reunion",
    "mayotte",
    "saint_barthelemy",
    "saint_martin",
    "saint_pierre_et_miquelon",
    "new_caledonia",
    "french_polynesia",
    "wallis_et_futuna",
    "none",
]
"""Where the public holidays of a practice come from; ``none``: it keeps no public holiday."""

TERRITORIES: tuple[str, ...] = get_args(Territory)
_SUBDIVISION: dict[str, str | None] = {
    "metropolitan": None,
    "alsace_moselle": "57",
    "guadeloupe": "971",
    "martinique": "972",
    "guyane": "973",
    "reunion": "974",
    "mayotte": "976",
    "saint_barthelemy": "BL",
    "saint_martin": "MF",
    "saint_pierre_et_miquelon": "PM",
    "new_caledonia": "NC",
    "french_polynesia": "PF",
    "wallis_et_futuna": "WF",
}


@cache
def public_holidays(territory: str, year: int) -> dict[date, str]:
    """Return the public holidays of a year with their French names. Raises `KeyError` for an unknown territory."""
    if territory == "none":
        return {}
    found = holidays.country_holidays("FR", subdiv=_SUBDIVISION[territory], years=year, language="fr")
    return dict(sorted(found.items()))
