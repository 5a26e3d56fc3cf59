"""How long people's accounts have not been used, as counts that leave out who and when."""

from collections.abc import Iterable
from datetime import datetime

STEP_DAYS = 10


def counted(last_used: Iterable[datetime | None], now: datetime) -> dict[str, int | None]:
    """The field ``sign_ins``: one item per enabled account of a person, None where no sign-in is on record.

    Days are rounded up to tens, ten at least: what is asked is whether somebody has left, not who came on Monday; and an hour
    without news stays an hour without news.
    """
    known = list(last_used)
    dated = [moment for moment in known if moment is not None]
    longest = max(((now - moment).days for moment in dated), default=None)
    return {
        "accounts": len(known),
        "unseen": len(known) - len(dated),
        "longest_idle_days": None if longest is None else -(-max(longest, 1) // STEP_DAYS) * STEP_DAYS,
    }
