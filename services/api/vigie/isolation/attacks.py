"""One provider's callers against everything of the other's, operation by operation."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vigie.isolation.contract import Contract, Operation
from vigie.isolation.forgery import spliced
from vigie.isolation.outcomes import Findings, Kind, Outcome
from vigie.isolation.outside import Answer, Caller, Outside
from vigie.isolation.samples import Body, bodies, naming
from vigie.isolation.side import OTHER_TRIES, SHAPE, Side, changed, enrol, heartbeat, snapshot

_ELSEWHERE: Final = {"Origin": "https://elsewhere.invalid"}
_REDIRECT: Final = 300
_LOOKS: Final = 5
_LOOK_S: Final = 1.0
_TOKENS_FOR: Final = timedelta(seconds=20)  # no service may issue them for less than a minute
NOBODY: Final = Caller("nobody")
Ids = Mapping[str, str]


@dataclass(slots=True)
class Attack:
    """Side `a` attacks side `b`.

    `renew` fetches new access tokens for both and returns callers with a credential that only looks as if it were one of `b`'s:
    a forged token that ran out as well would be refused for the wrong reason.
    """

    outside: Outside
    contract: Contract
    a: Side
    b: Side
    renew: Callable[[], Awaitable[Sequence[tuple[Kind, Caller]]]]
    impostors: Sequence[tuple[Kind, Caller]] = ()
    renewed_at: datetime | None = None
    findings: Findings = field(default_factory=Findings)
    told: frozenset[str] = frozenset()  # what only `b` may see, and `a` never writes itself
    before: dict[str, str] = field(default_factory=dict)
    restless: set[str] = field(default_factory=set)

    async def run(self) -> Findings:
        """Try everything; reads first, and what uses up one's own things last."""
        await snapshot(self.a, self.contract, self.outside)
        await self._settle()
        self.findings.controls |= dict.fromkeys(self.a.accepted, 201)  # it was done to furnish A
        self.told = frozenset((self.b.secrets | {self.b.marker}) - self.a.secrets - set(self.b.ids.values()))
        guarded = self.guarded
        self.findings.controls |= {each.name: 0 for each in guarded if not self._known(each)}
        for together in _lots(filter(self._known, guarded)):
            for operation in together:
                await self._one(operation)
            await self._look_for_changes(", ".join(each.name for each in together))
        await self._as_devices()
        await self._look_for_changes("the agent's routes")
        for operation in sorted(guarded, key=self._uses_up):
            if not operation.reads and operation.name not in self.findings.controls:
                await self._control(operation, None)
        await self._look_for_changes("the attacker's own changes")
        await self._from_other_sites([each for each in guarded if not each.reads])
        return self.findings

    async def _settle(self) -> None:
        """Wait until nothing at `b` moves any more: a worker still sends what furnishing brought about."""
        self.before = await snapshot(self.b, self.contract, self.outside)
        for _ in range(_LOOKS):
            await asyncio.sleep(_LOOK_S)
            now = await snapshot(self.b, self.contract, self.outside)
            self.restless, self.before = set(changed(self.before, now, set())), now
            if not self.restless:
                return

    @property
    def guarded(self) -> list[Operation]:
        """The operations that are attacked: every one that asks who is calling."""
        return [each for each in self.contract.operations if each.guarded]

    def _uses_up(self, operation: Operation) -> tuple[bool, int]:
        """Order operations by what they take with them: what hangs on nothing else first."""
        shared = sum(set(operation.parameters) <= set(each.parameters) for each in self.contract.operations)
        return operation.method == "DELETE", shared

    def _known(self, operation: Operation) -> bool:
        """Whether there is what an operation names, on both sides: otherwise there is nothing to aim at."""
        return self.a.known(operation) is not None and self.b.known(operation) is not None

    async def _one(self, operation: Operation) -> None:
        mine, theirs = self.a.known(operation) or {}, self.b.known(operation) or {}
        if self.renewed_at is None or self.outside.clock() - self.renewed_at > _TOKENS_FOR:
            self.impostors, self.renewed_at = await self.renew(), self.outside.clock()
        body = await self._right(operation, mine)
        for caller in (self.a.owner, self.a.client):
            for kind, ids in _swaps(operation, mine, theirs):
                await self._try(kind, caller, operation, ids, body=body, refused=True)
            if operation.reads:
                await self._lists(caller, operation, mine)
        await self._bodies(operation, mine, body)
        await self._keys(operation, mine, body)
        strangers = self._strangers(operation)
        tries = [self._try(kind, caller, operation, theirs, body=body, refused=True) for kind, caller in strangers]
        await asyncio.gather(*tries)

    def _strangers(self, operation: Operation) -> Iterator[tuple[Kind, Caller]]:
        """Yield callers without a credential that holds: they are refused whatever they ask for."""
        yield Kind.ANONYMOUS, NOBODY
        yield from self.impostors
        for device in self.a.devices[:1]:
            stolen = replace(device, keyid=self.b.devices[0].keyid) if self.b.devices else device
            yield Kind.SIGNATURE, Caller("device of A under the name of B's", device=stolen)
        if operation.parameters:
            both = {**self.a.client.headers, **self.b.owner.headers}
            yield Kind.COOKIE, Caller("client of A with the cookie of B", both)

    async def _from_other_sites(self, operations: Iterable[Operation]) -> None:
        """Let pages of other sites use B's session on B's own things. Its audit may change: it tells of these refusals."""
        page = Caller("page of another site", self.b.owner.headers, {**self.b.owner.unsafe, **_ELSEWHERE})
        form = Caller("form of another site", self.b.owner.headers, _ELSEWHERE)
        for operation in operations:
            ids, body = self.b.known(operation), self.b.accepted.get(operation.name)
            for caller in (page, form) if ids is not None else ():
                await self._try(Kind.COOKIE, caller, operation, ids or {}, body=body, refused=True)
        await self._look_for_changes("requests from other sites", besides="/audit")

    async def _right(self, operation: Operation, mine: Ids) -> Body | None:
        """Return a body the service takes from the owner, or the likeliest one; read one's own things on the way."""
        if operation.body is None:
            if operation.reads:
                await self._control(operation, None)
            return None
        if operation.name in self.a.accepted:
            return self.a.accepted[operation.name]
        forms, others = list(bodies(self.contract, operation, self.a.marker, self.a.ids)), 0
        for body in forms:
            answer = await self._control(operation, body, mine)
            others += answer.code not in SHAPE
            if answer.succeeded:
                return body
            if others >= OTHER_TRIES:
                break
        return next(iter(forms), {})

    async def _control(self, operation: Operation, body: Body | None, ids: Ids | None = None) -> Answer:
        answer = await self._try(Kind.OWN, self.a.owner, operation, ids or self.a.known(operation) or {}, body=body)
        kept = self.findings.controls.get(operation.name, 0)
        if not 0 < kept < _REDIRECT:
            self.findings.controls[operation.name] = answer.status
        return answer

    async def _lists(self, caller: Caller, operation: Operation, mine: Ids) -> None:
        """Ask for lists of one's own with filters that name what is the other's, and with a cursor of the other's."""
        await self._try(Kind.OWN, caller, operation, mine)
        for name, shape in operation.queries.items():
            if name == "cursor":
                page = await self.outside.send(self.b.owner, "GET", operation.at(self.b.ids), params={"limit": "1"})
                if cursor := page.document.get("next_cursor"):
                    await self._try(Kind.CURSOR, caller, operation, mine, params={"cursor": str(cursor)})
            elif self.contract.holds_ids(name, shape) or self.contract.is_free_text(shape):
                for value in (self._named(name), self.b.marker):
                    await self._try(Kind.FILTER, caller, operation, mine, params={name: value})

    def _named(self, name: str) -> str:
        """Return the other's id that a parameter or a field asks for, by its name; the practice when it does not say."""
        ids = {**self.b.ids, **{each.removesuffix("_id"): value for each, value in self.b.ids.items()}}
        return ids.get(name) or ids.get(name.removesuffix("s")) or ids.get("practice_id", self.b.marker)

    async def _bodies(self, operation: Operation, mine: Ids, right: Body | None) -> None:
        """Name what is the other's in a body, in a form that was taken with one's own in that place."""
        for name, several in naming(self.contract, operation).items():
            own = (
                self.a.ids.get(name)
                or self.a.ids.get(name.removesuffix("s") + "_id")
                or self.a.ids.get("practice_id", "")
            )
            theirs = self._named(name if name in self.b.ids else name.removesuffix("s") + "_id")
            for form in (*([right] if right else []), *bodies(self.contract, operation, self.a.marker, self.a.ids)):
                control = await self.outside.send(
                    self.a.owner, operation.method, operation.at(mine), body={**form, name: [own] if several else own}
                )
                swapped = {**form, name: [theirs] if several else theirs}
                for caller in (self.a.owner, self.a.client):
                    await self._try(Kind.BODY, caller, operation, mine, body=swapped, named=theirs)
                if control.succeeded:
                    break

    async def _keys(self, operation: Operation, mine: Ids, body: Body | None) -> None:
        """Create under the key that the other created under."""
        if "idempotency-key" in operation.headers:
            headers = {"Idempotency-Key": f"{self.b.marker}{operation.path}".replace("/", "-")}
            for caller in (self.a.owner, self.a.client):
                await self._try(Kind.KEY, caller, operation, mine, body=body, headers=headers)

    async def _as_devices(self) -> None:
        """Sign with one's own key under other names, and join with a token into which the other's name was written."""
        if not (self.a.devices and self.b.devices):
            return
        own, other = self.a.devices[0], self.b.devices[0]
        mixed = f"{other.keyid.partition('.')[0]}.{own.keyid.partition('.')[2]}"
        for keyid in (other.keyid, mixed, f"{own.keyid.partition('.')[0]}.{other.keyid.partition('.')[2]}"):
            caller = Caller("device of A under another name", device=replace(own, keyid=keyid))
            report = heartbeat(9, self.outside.clock())
            answer = await self.outside.send(caller, "POST", "/v1/agent/heartbeats", body=report)
            self._judge(Kind.SIGNATURE, caller, "POST /v1/agent/heartbeats", answer, refused=True)
        for caller in (NOBODY, self.a.owner, self.a.client):
            answer = await self.outside.send(
                caller, "POST", "/v1/agent/heartbeats", body=heartbeat(9, self.outside.clock())
            )
            self._judge(Kind.SIGNATURE, caller, "POST /v1/agent/heartbeats", answer, refused=True)
        moved = spliced(self.a.enrolment_token, self.b.enrolment_token)
        answer = await enrol(self.outside, Ed25519PrivateKey.generate(), moved, f"poste-{self.a.marker}")
        self._judge(Kind.SIGNATURE, Caller("a machine"), "POST /v1/agent/enrolments", answer, refused=True)

    async def _try(
        self,
        kind: Kind,
        caller: Caller,
        operation: Operation,
        ids: Ids,
        *,
        named: str = "",
        refused: bool = False,
        **request: Any,
    ) -> Answer:
        answer = await self.outside.send(caller, operation.method, operation.at(ids), **request)
        self._judge(kind, caller, operation.name, answer, refused=refused, named=named)
        return answer

    def _judge(
        self, kind: Kind, caller: Caller, operation: str, answer: Answer, *, refused: bool = False, named: str = ""
    ) -> None:
        """Note what came of an attempt. A leak: what only the other may see, or a success where there is none to be had."""
        leak = None
        if refused and answer.status < 400:  # noqa: PLR2004 - HTTP
            leak = "accepted"
        elif any(text in answer.text for text in self.told):
            leak = "holds what is the other provider's"
        elif named and answer.succeeded and named in answer.body:
            leak = "took what is the other provider's"
        self.findings.outcomes.append(Outcome(kind, caller.name, operation, answer.status, answer.code, leak))

    async def _look_for_changes(self, after: str, besides: str = "") -> None:
        now = await snapshot(self.b, self.contract, self.outside)
        for path in changed(self.before, now, self.restless):
            if not besides or besides not in path:
                self.findings.changes.append(f"after {after}: what {path} answers to its owner has changed")
        self.before = now


def _lots(operations: Iterable[Operation]) -> Iterator[list[Operation]]:
    """Yield operations in lots, after each of which the other side is looked at: all reads, then subject by subject."""
    ordered = sorted(operations, key=lambda each: (not each.reads, "" if each.reads else each.subject))
    for _, together in groupby(ordered, key=lambda each: "" if each.reads else each.subject):
        yield list(together)


def _swaps(operation: Operation, mine: Ids, theirs: Ids) -> Iterator[tuple[Kind, Ids]]:
    """Yield one's own path with the other's ids in it: all of them, then each by itself."""
    names = operation.parameters
    if names:
        yield Kind.PATH, theirs
    for name in names if len(names) > 1 else ():
        yield Kind.MIXED, {**mine, name: theirs[name]}
