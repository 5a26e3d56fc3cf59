"""Every threshold has bounds, and its default lies within them."""

import re
from pathlib import Path

import pytest

from vigie.posture.rules.bounds import BOUNDS, Excess, excesses, values_of
from vigie.posture.rules.model import Policy

PAGE = Path(__file__).parents[2] / "docs" / "policies.md"
LISTS = {("exposure", "remote_tools_allowed")}
EVERY = [(family, key) for family, values in values_of(Policy()).items() for key in values]


def test_every_threshold_has_bounds_and_no_other_has() -> None:
    assert {(family, key) for family, bounds in BOUNDS.items() for key in bounds} == set(EVERY)


@pytest.mark.parametrize(("family", "key"), [place for place in EVERY if place not in LISTS])
def test_a_threshold_may_be_moved_up_to_its_bounds_and_no_further(family: str, key: str) -> None:
    bounds = BOUNDS[family][key]
    assert bounds.minimum <= values_of(Policy())[family][key] <= bounds.maximum
    assert bounds.minimum < bounds.maximum
    for value in (bounds.minimum, bounds.maximum):
        assert excesses({family: {key: value}}) == []
    for value in (bounds.minimum - 1, bounds.maximum + 1):
        assert excesses({family: {key: value}}) == [Excess(family, key, bounds.minimum, bounds.maximum)]


def test_the_page_for_owners_lists_each_threshold_with_its_default_and_its_bounds() -> None:
    found = dict(re.findall(r"^\| `([a-z_.]+)` \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    for family, key in EVERY:
        bounds, default = BOUNDS[family][key], values_of(Policy())[family][key]
        start = f"{'-' if default is None else default} | {bounds.minimum} to {bounds.maximum} | {bounds.grade} | "
        assert found[f"{family}.{key}"].startswith(start), (family, key)
    assert set(found) == {f"{family}.{key}" for family, key in EVERY}
