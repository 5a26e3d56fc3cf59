"""What happens in the simulated world from hour to hour: who reports when, and what does not arrive. Pure, drawn by seed."""

from bisect import bisect_left
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from vigie.truth.agent import SimulatedAgent
from vigie.truth.life import runs_of
from vigie.truth.openings import MINUTE_S, Span
from vigie.truth.spans import Spans, at, joined
from vigie.truth.world import PracticeWorld, World

_LATE, _LATEST_S = 0.004, 20 * MINUTE_S
_TWICE = 0.002


class Arrival(NamedTuple):
    """A heartbeat that reaches us: when, when its agent ran, whose it is, and whether the network delivers it twice."""

    instant: int
    ran: int
    order: int
    agent: SimulatedAgent
    twice: bool


class Course:
    """Goes through the world from its beginning to its end."""

    def __init__(self, world: World) -> None:
        """Prepare every agent."""
        self._dice = Random(f"{world.seed}:network")  # noqa: S311 - a plausible network, not a secret
        self._away: Spans = joined(outage.span for outage in world.outages)
        self.agents: list[SimulatedAgent] = []
        self._runs: list[list[int]] = []
        self._lines: list[Spans] = []
        self._broken: list[Spans] = []
        for practice in world.practices:
            self._add(practice, world.seed)

    def _add(self, practice: PracticeWorld, seed: str) -> None:
        cut = practice.without_line()
        for device in practice.devices:
            self.agents.append(SimulatedAgent(practice, device, seed))
            self._runs.append(runs_of(device))
            # A laptop carries its line with it when it is not at the practice; what it is worth there is the practice's.
            self._lines.append(cut)
            self._broken.append(device.befallen("agent_broken"))

    def arrivals(self, span: Span) -> list[Arrival]:
        """Return the runs within a span whose agents work, in the order in which their reports arrive, or would."""
        found = sorted(self._runs_within(span))
        return sorted(arrival for ran, order in found if (arrival := self._send(ran, order)) is not None)

    def _runs_within(self, span: Span) -> Iterator[tuple[int, int]]:
        for order, runs in enumerate(self._runs):
            for ran in runs[bisect_left(runs, span.start) : bisect_left(runs, span.end)]:
                yield ran, order

    def _send(self, ran: int, order: int) -> Arrival | None:
        late = self._dice.random()
        instant = ran + (self._dice.randrange(_LATEST_S) if late < _LATE else self._dice.randrange(2, 9))
        if at(self._broken[order], ran):
            return None
        agent = self.agents[order]
        return Arrival(instant, ran, order, agent, twice=late > 1 - _TWICE)

    def is_cut_off(self, arrival: Arrival) -> bool:
        """Whether a report cannot reach us: the practice's line is down, or we are."""
        return bool(at(self._lines[arrival.order], arrival.ran) or at(self._away, arrival.instant))
