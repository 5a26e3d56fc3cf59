"""When a delivery is tried again, whether what follows waits for it, and when an endpoint is given up. Pure (docs/adr/0027)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

RETRIES: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
"""The waits after the first, second … failure of a delivery: three days and three and a half hours in all."""
HELD_FOR: Final = 3
"""So many times a delivery is tried before what follows it goes past it."""
GIVEN_UP_AFTER: Final = timedelta(days=4)
"""An endpoint is disabled when nothing but failures came of it for so long."""
JITTER: Final = 0.1
"""Each wait is up to so much longer or shorter, so that those who failed together do not come back together."""


@dataclass(frozen=True, slots=True)
class Next:
    """What follows a failure. `wait`: until this delivery is tried again; None: never, it is a dead letter.

    `holds`: what follows goes on waiting for this one.
    """

    wait: timedelta | None
    holds: bool


def after_failure(attempts: int, failures: int, *, holds: bool) -> Next:
    """Return what follows a failed attempt.

    `attempts`: of this delivery, this one included. `failures`: how often in a row deliveries that hold others failed at the
    endpoint, this one included. `holds`: whether what follows waits for this delivery.
    """
    if attempts > len(RETRIES):
        return Next(None, holds=False)
    if not holds or attempts >= HELD_FOR:  # perhaps the receiver chokes on this one alone: the next is tried at once
        return Next(RETRIES[attempts - 1], holds=False)
    return Next(RETRIES[min(failures, len(RETRIES)) - 1], holds=True)


def jittered(wait: timedelta, chance: float) -> timedelta:
    """Return a wait made up to a tenth longer or shorter; `chance`: a random number from 0 to 1."""
    return wait * (1 + JITTER * (2 * chance - 1))
