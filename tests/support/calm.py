"""No search for garbage while the tests are loaded: it found next to nothing, and took a fifth of the time.

Imported first by `tests/conftest.py`, because what that imports is most of what is loaded.
"""

import gc

gc.disable()


def look_again() -> None:
    """Look for garbage again, as rarely as the worker does, and not in what was loaded: that stays until the end."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()
