"""How long to wait before asking again. Pure: it answers, it does not sleep.

Full jitter (a random part of a doubling ceiling), because a practice has many machines behind one line and they
all lost it in the same second.
"""

from collections.abc import Callable

MAX_TRIES = 3
WINDOW_S = 60.0
FLOOR_S = 1.0
CEILING_S = 30.0
RETRY_AFTER_MAX_S = 3600.0
RETRY_AFTER_JITTER = 0.25


def pause(failures: int, random: Callable[[], float]) -> float:
    """Seconds to wait after the given number of failures (1 or more); ``random`` gives a number in [0, 1)."""
    ceiling = min(CEILING_S, FLOOR_S * 4.0 ** max(0, failures - 1) * 2.0)
    return FLOOR_S + (ceiling - FLOOR_S) * random()


def obey(retry_after_s: float, random: Callable[[], float]) -> float:
    """Seconds to wait when the server named a time: that time, plus up to a quarter (at least a second) of jitter."""
    asked = min(max(retry_after_s, 0.0), RETRY_AFTER_MAX_S)
    return asked + max(1.0, asked * RETRY_AFTER_JITTER) * random()


def may_try_again(tries: int, spent_s: float, wait_s: float) -> bool:
    """Whether another try fits: at most three within a minute, then the next slot."""
    return tries < MAX_TRIES and spent_s + wait_s <= WINDOW_S
