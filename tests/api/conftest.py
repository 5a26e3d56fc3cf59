"""Fixtures of the tests through HTTP."""

import pytest

from tests.support.cast import Cast
from tests.support.scene import Scene, set_scene


@pytest.fixture
async def scene(cast: Cast) -> Scene:
    """Return a device of Cedar that has reported, and its next report."""
    return await set_scene(cast)
