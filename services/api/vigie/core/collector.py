"""The garbage collector, set for a process that makes thousands of short-lived objects and almost no cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Do not look for garbage meanwhile: loading a program makes many objects and none that may go, and starts a tenth sooner."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def calm_the_collector(young: int = 50_000) -> None:
    """Leave what start-up made out of every later collection, and collect what the work makes less often.

    Looking through everything every few hundred objects cost the API pauses of tens of milliseconds, and the worker more
    time than the reading of the reports that it judges anew. `young`: how many objects are made before one looks; who answers
    somebody looks more often, because fifty thousand at once took 50 to 130 ms (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, 20, 50)
