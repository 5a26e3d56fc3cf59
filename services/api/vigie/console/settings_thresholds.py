"""The thresholds a provider and its practices are judged by, and what others would turn."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from vigie.console import settings
from vigie.console.threshold_words import FAMILIES, THRESHOLDS
from vigie.console.view import View, page


class Field(NamedTuple):
    """A threshold as the form shows it. `set_to`: what is set here, None where the default or the provider's applies."""

    name: str
    key: str
    title: str
    applies: Mapping[str, Any]
    set_to: Any


@page
async def show_thresholds(view: View) -> Response:
    """Show every threshold with what applies, who set it and its bounds; of the provider, or of one practice."""
    query = view.query()
    chosen = query.get("practice_id")
    found = await view.get_all(
        policies=view.get("/v1/policies", practice_id=chosen, limit=100),
        controls=view.get("/v1/controls"),
        practices=settings.practices_of(view),
    )
    policies = found["policies"]
    policy = policies["items"][0] if chosen else policies["provider"]
    return await settings.show(
        view,
        "settings_thresholds.html",
        "thresholds",
        query=query,
        chosen=chosen,
        policy=policy,
        own=[] if chosen else policies["items"],
        families=[(FAMILIES[key], _fields(policy, key)) for key in FAMILIES if key in policy["effective"]],
        practices=found["practices"],
        titles={each["id"]: each["title"] for each in found["controls"]["items"]},
    )


def _fields(policy: Mapping[str, Any], family: str) -> list[Field]:
    own = policy["thresholds"].get(family, {})
    return [
        Field(
            f"thresholds.{family}.{key}",
            f"{family}.{key}",
            THRESHOLDS.get(f"{family}.{key}", key),
            applies,
            own.get(key),
        )
        for key, applies in policy["effective"][family].items()
    ]


PAGES: Final = (("/settings/thresholds", show_thresholds),)
