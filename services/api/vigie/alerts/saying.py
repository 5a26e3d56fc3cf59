"""What is said of an alert on screens: its title, what it means, what to do. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from vigie.alerts.wording import CAUSES, OTHER
from vigie.core.french import french

_SEVERAL: Final = 2


class Said(NamedTuple):
    """What is said of an alert: what it is about in few words, what that means, and what to do."""

    title: str
    means: str
    advice: list[str]


def said_of(cause: str, members: Sequence[str], language: str) -> Said:
    """Return what is said of an alert. `members`: what people call what it is about, empty for a control; `language`: fr or en."""
    texts = CAUSES.get(cause, OTHER)
    place = 0 if language == "fr" else 1

    def say(pair: tuple[str, str]) -> str:
        return french(pair[0]) if place == 0 else pair[1]

    several = len(members) >= _SEVERAL
    device = members[0] if members and members[0] else say(("Un poste", "A device"))
    title = say(texts.many if several else texts.one).format(count=len(members), device=device)
    return Said(title, say(texts.means), [say(each) for each in texts.advice])
