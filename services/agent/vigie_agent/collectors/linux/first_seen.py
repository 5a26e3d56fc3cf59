"""Since when a pending update is known to exist, without asking the network.

Package lists carry no dates. Two local facts bound the age from below: the day the agent first saw the update, and
the age of the list that already contained it (the list cannot be younger than the update). The age sent is
therefore "at least". On the agent's first day neither is worth much, and the answer is null.
"""

from collections.abc import Iterable
from datetime import date, datetime

from vigie_agent.collectors.memory import Memory

SUBJECT = "pending_first_seen"
STARTED = "pending_history"


def days_pending(memory: Memory, updates: Iterable[str], now: datetime, list_dated: datetime | None) -> int | None:
    """Age in days of the oldest update, at least; 0 for none, None when there is no history yet.

    ``updates`` are keys like ``package=installed version``; those no longer pending are forgotten.
    """
    today = now.date()
    began = date.fromisoformat(memory.subject(STARTED).setdefault("on", today.isoformat()))
    listed = list_dated.date() if list_dated is not None else today
    before = memory.subject(SUBJECT)
    seen = {key: str(before.get(key) or min(today, listed).isoformat()) for key in sorted(updates)}
    memory.replace(SUBJECT, seen)
    if not seen:
        return 0
    oldest = max((today - date.fromisoformat(day)).days for day in seen.values())
    if oldest == 0 and began == today:
        return None
    return oldest
