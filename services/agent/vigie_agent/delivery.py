"""Deliver one run: number it, send it, do what the answer asks, remember what was acknowledged.

At most three tries within a minute, then the next slot. Asked to resync, everything is sent at once. A run that
could not be delivered leaves its time in the spool.
"""

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from vigie_agent import backoff, clock, progress, report
from vigie_agent.backup_events import MAX_SENT_AT_ONCE, EventQueue, StoredEvent
from vigie_agent.log import Log
from vigie_agent.spool import Spool
from vigie_agent.transport import Answer, Transport

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ROUTE = "/v1/agent/heartbeats"
MAX_NEXT_S = 86400
MAX_REPAIRS = 4
SMALL_EVENTS = 10


@dataclass(frozen=True)
class Run:
    """What one run has found, before it is numbered."""

    started_at: datetime
    build: str
    boot_ref: str
    vitals: report.Vitals
    sections: Mapping[str, dict[str, Any]]


@dataclass
class Result:
    """How the delivery ended: ``delivered``, ``undelivered``, ``dropped`` or ``stopped``."""

    outcome: str
    code: str = ""
    payload: dict[str, Any] | None = None


@dataclass
class _Attempt:
    """What the current request holds and what may still be tried."""

    full: bool = False
    small: bool = False
    tries: int = 0
    repairs: int = 0
    started: float = field(default_factory=time.monotonic)
    events: list[StoredEvent] = field(default_factory=list)
    ran_at: list[str] = field(default_factory=list)
    skew_corrected: bool = False
    without_events: bool = False
    suspects: list[StoredEvent] = field(default_factory=list)


class Courier:
    """Carries runs of one enrolled device to its server."""

    def __init__(  # noqa: PLR0913 - these are the six things a delivery touches
        self,
        transport: Transport,
        key: "Ed25519PrivateKey",
        keyid: str,
        *,
        state_file: "Path",
        spool: Spool,
        events: EventQueue,
        log: Log,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
        deadline: float | None = None,
    ) -> None:
        self.transport = transport
        self.key = key
        self.keyid = keyid
        self.state_file = state_file
        self.spool = spool
        self.events = events
        self.log = log
        self.sleep = sleep
        self.chance = chance
        self.deadline = deadline
        self.progress = progress.load(state_file)

    def deliver(self, run: Run) -> Result:
        """Send the run; the progress, spool and queue say afterwards what the server has."""
        attempt = _Attempt(full=self.progress.wants_full())
        self.progress.last_run_at = clock.to_wire(run.started_at)
        while True:
            payload = self._number(run, attempt)
            answer = self._send(payload, attempt)
            result = self._follow(answer, payload, run, attempt)
            if result is not None:
                result.payload = payload
                self.progress.last_problem = result.code or None
                progress.save(self.state_file, self.progress)
                return result

    def _number(self, run: Run, attempt: _Attempt) -> dict[str, Any]:
        """The heartbeat with the next sequence, which is stored before it is used."""
        self.progress.sequence += 1
        progress.save(self.state_file, self.progress)
        attempt.events = self._events(attempt)
        attempt.ran_at = self.spool.runs()
        sections = report.without_optional_parts(run.sections) if attempt.small else run.sections
        digests = report.digests_of(sections)
        offset = timedelta(seconds=self.progress.clock_offset_s)
        return report.heartbeat(
            sequence=self.progress.sequence,
            sent_at=clock.to_wire(clock.utc_now() + offset),
            build=run.build,
            boot_ref=run.boot_ref,
            ran_at=attempt.ran_at,
            vitals=run.vitals,
            sections=sections,
            named=sorted(sections) if attempt.full else self.progress.changed(digests),
            events=[item.event for item in attempt.events],
        )

    def _events(self, attempt: _Attempt) -> list[StoredEvent]:
        if attempt.without_events:
            return []
        return self.events.waiting()[: SMALL_EVENTS if attempt.small else MAX_SENT_AT_ONCE]

    def _send(self, payload: Mapping[str, Any], attempt: _Attempt) -> Answer:
        """Post one body, again and again (the same bytes: the server counts a duplicate once) while it may help."""
        body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
        while True:
            created = int(clock.utc_now().timestamp()) + self.progress.clock_offset_s
            answer = self.transport.post(ROUTE, body, key=self.key, keyid=self.keyid, created=created)
            if answer.kind == "clock_skew" and not attempt.skew_corrected:
                attempt.skew_corrected = True
                self._correct_clock(answer)
                continue
            if answer.kind != "retry":
                return answer
            attempt.tries += 1
            wait = self._pause(answer, attempt)
            self.log.write("info", "try_failed", code=answer.code, tries=attempt.tries, wait_ms=int(wait * 1000))
            if not self._may_wait(wait, attempt):
                return answer
            self.sleep(wait)

    def _pause(self, answer: Answer, attempt: _Attempt) -> float:
        if answer.retry_after_s is not None:
            return backoff.obey(answer.retry_after_s, self.chance)
        return backoff.pause(attempt.tries, self.chance)

    def _may_wait(self, wait: float, attempt: _Attempt) -> bool:
        now = time.monotonic()
        if self.deadline is not None and now + wait > self.deadline:
            return False
        return backoff.may_try_again(attempt.tries, now - attempt.started, wait)

    def _correct_clock(self, answer: Answer) -> None:
        if answer.server_time is not None:
            self.progress.clock_offset_s = round((answer.server_time - clock.utc_now()).total_seconds())
            self.log.write("warning", "clock_corrected", offset_s=self.progress.clock_offset_s)

    def _follow(self, answer: Answer, payload: Mapping[str, Any], run: Run, attempt: _Attempt) -> Result | None:
        """Do what the answer asks; None means: build the report anew and send it again."""
        if answer.kind == "ok":
            return self._acknowledged(answer, payload, run, attempt)
        if self._repaired(answer, attempt):
            return None
        if answer.kind == "stop":
            self.progress.stopped, self.progress.stopped_at = answer.code, clock.to_wire(clock.utc_now())
            self.log.write("error", "stopped", code=answer.code)
            return Result("stopped", answer.code)
        if answer.kind in {"drop", "too_large", "refused"}:
            # What the server will not read today it will not read tomorrow: the next report starts from nothing.
            self.progress.dropped += 1
            self.progress.acknowledged = {}
            self.log.write("error", "dropped", code=answer.code)
            return Result("dropped", answer.code)
        return self._undelivered(answer, run)

    def _repaired(self, answer: Answer, attempt: _Attempt) -> bool:
        """Whether the report can be built so that the refusal no longer applies; bounded."""
        if answer.kind == "continue_from" and self._may_repair(attempt):
            self.progress.sequence = answer.body["continue_from"] - 1
            self.log.write("warning", "sequence_continued", sequence=answer.body["continue_from"])
            return True
        if answer.kind == "too_large" and not attempt.small and self._may_repair(attempt):
            attempt.small = True
            return True
        if answer.kind == "drop" and attempt.events and not attempt.without_events and self._may_repair(attempt):
            # One bad event must not block the machine for ever: the report goes again without events. When it then
            # passes, the events were at fault and are set aside.
            attempt.without_events, attempt.suspects = True, attempt.events
            return True
        return False

    def _may_repair(self, attempt: _Attempt) -> bool:
        """Bound the loops that a confused server could ask for."""
        attempt.repairs += 1
        return attempt.repairs <= MAX_REPAIRS

    def _acknowledged(self, answer: Answer, payload: Mapping[str, Any], run: Run, attempt: _Attempt) -> Result | None:
        """Keep what the server now holds; on ``resync`` forget it and send everything at once."""
        self.spool.clear(attempt.ran_at)
        self.events.acknowledge([*attempt.events, *attempt.suspects])
        state = self.progress
        state.runs_since_full = 0 if attempt.full else state.runs_since_full + 1
        sections = report.without_optional_parts(run.sections) if attempt.small else run.sections
        state.acknowledged = report.digests_of(sections)
        state.stopped = state.stopped_at = None
        state.last_ack_at = clock.to_wire(clock.utc_now())
        self._keep_cadence(answer)
        self.log.write("info", "delivered", sequence=payload["sequence"], sections=len(payload["sections"]))
        if answer.body.get("resync") is True and self._may_repair(attempt):
            state.acknowledged = {}
            attempt.full = True
            return None
        return Result("delivered")

    def _keep_cadence(self, answer: Answer) -> None:
        """The server owns the cadence: its answer says when the next run is."""
        state, now = self.progress, clock.utc_now()
        for name in ("interval_s", "slot_s", "config_rev"):
            value = answer.body.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
                setattr(state, name, value)
        wait = answer.body.get("next_in_s")
        seconds = wait if isinstance(wait, int) and not isinstance(wait, bool) and wait >= 0 else state.interval_s
        state.next_run_at = clock.to_wire(now + timedelta(seconds=min(seconds, MAX_NEXT_S)))
        if answer.server_time is not None:
            offset = round((answer.server_time - now).total_seconds())
            # Below a few seconds it is the network's time, not the clock's.
            state.clock_offset_s = offset if abs(offset) > 5 else 0  # noqa: PLR2004

    def _undelivered(self, answer: Answer, run: Run) -> Result:
        """Spool the run's time; the next slot is an interval away (or as far as the server asked)."""
        self.spool.add(run.started_at, answer.code.encode())
        wait = max(float(self.progress.interval_s), answer.retry_after_s or 0.0)
        self.progress.next_run_at = clock.to_wire(clock.utc_now() + timedelta(seconds=min(wait, MAX_NEXT_S)))
        self.log.write("warning", "undelivered", code=answer.code, waiting=len(self.spool.runs()))
        return Result("undelivered", answer.code)
