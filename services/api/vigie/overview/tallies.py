"""Numbers of the whole fleet, counted anew only when something has happened at the provider.

To count ten thousand practices takes the database tens of milliseconds, and a fleet that somebody watches is asked for its
numbers again and again. What is counted here changes with an event, written in the transaction of the change: while the number
of the last event is the same, so are the numbers (and whoever reads in one state of the data gets numbers of that state).
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, cast

from starlette.requests import Request

from vigie.auth.dependencies import Call
from vigie.events.queries import last_number

T = TypeVar("T")
_KEPT: Final = 500
"""So many counts at most, of all providers; the one unused for longest goes."""
_AT_MOST_S: Final = 60.0
"""However quiet it is: a list of missing updates may change without an event."""
_Key = tuple[Any, ...]


class Tallies:
    """Counts in memory, of one process."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._kept: OrderedDict[_Key, tuple[int, float, object]] = OrderedDict()

    async def of(self, call: Call, count: Callable[[Call], Awaitable[T]]) -> T:
        """Return what `count` says of the practices that the caller sees, counted after the last event.

        `count` may look at nothing else of the caller: what it says is for all who see the same practices.
        """
        key = (count, call.principal.provider_id, call.principal.practices)
        number = await last_number(call.session, call.principal.provider_id)
        known = self._kept.get(key)
        if known is not None and known[0] == number and self._monotonic() - known[1] < _AT_MOST_S:
            self._kept.move_to_end(key)
            return cast("T", known[2])
        began = self._monotonic()
        counted = await count(call)
        self._kept[key] = (number, began, counted)
        self._kept.move_to_end(key)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return counted


def tallies_of(request: Request) -> Tallies:
    """Return the tallies of the application."""
    found: Tallies = request.app.state.parts.tallies
    return found
