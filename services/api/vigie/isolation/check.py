"""A whole check: make two sides, let one attack the other, put both away, say what came of it."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from importlib.metadata import version

import httpx
import orjson

from vigie.isolation.attacks import Attack
from vigie.isolation.contract import Contract
from vigie.isolation.forgery import forged_tokens, spliced
from vigie.isolation.outcomes import Kind, Report, Subject
from vigie.isolation.outside import Caller, Outside
from vigie.isolation.side import Side, furnish
from vigie.isolation.throwaway import ThrowAway, Workshop

_DOCUMENTS = ("/openapi/console.json", "/openapi/agent.json")
Tell = Callable[[str], None]


class CheckError(Exception):
    """The check could not be made; the text says why."""


async def check_isolation(
    http: httpx.AsyncClient,
    url: str,
    public_url: str,
    workshop: Workshop,
    clock: Callable[[], datetime],
    tell: Tell,
) -> Report:
    """Attack a running service and return the report. What was made for it is put away, whatever happens.

    Raises `CheckError` when the service cannot be examined.
    """
    outside, started_at = Outside(http, url, public_url, clock), clock()
    contract, subject = await _subject(http, url)
    away: list[ThrowAway] = []
    sides: list[Side] = []
    try:
        for name in ("A", "B"):
            away.append(await workshop.make(name))
            sides.append(_side(name, away[-1], outside))
            await _furnish(sides[-1], contract, outside)
        tell(f"{len(contract.operations)} operations, {outside.requests} requests to furnish both providers")
        a, b = sides
        renew = partial(_renew, a, b, away[0], away[1], outside)
        attack = Attack(outside, contract, a, b, renew)
        findings = await attack.run()
        tell("\n  ".join([f"{len(findings.outcomes)} attempts, {len(findings.leaks)} leaks", *findings.leaks]))
    finally:
        put_away = all([await _archive(side, outside) for side in sides])
        await workshop.put_away()
    seconds = (clock() - started_at).total_seconds()
    return Report(subject, started_at, seconds, [each.name for each in attack.guarded], findings, put_away)


async def _subject(http: httpx.AsyncClient, url: str) -> tuple[Contract, Subject]:
    """Fetch the documents of the running version; together they say what there is to attack."""
    digest, documents = hashlib.sha256(), []
    for path in _DOCUMENTS:
        try:
            answer = await http.get(url.rstrip("/") + path)
        except httpx.HTTPError as error:
            raise CheckError(f"{url} does not answer: {type(error).__name__}") from error
        if not answer.is_success:
            raise CheckError(f"{url}{path} answers {answer.status_code}")
        digest.update(answer.content)
        documents.append(orjson.loads(answer.content))
    contract = Contract(documents[0])
    if not any(each.guarded for each in contract.operations):
        raise CheckError(f"{url}{_DOCUMENTS[0]} lists no guarded operation")
    return contract, Subject(url, contract.version, digest.hexdigest()[:16], version("vigie"))


async def _furnish(side: Side, contract: Contract, outside: Outside) -> None:
    """Let a side come to something of its own. Where it cannot, every refusal that follows would prove nothing."""
    await furnish(side, contract, outside)
    if not side.devices:
        raise CheckError(
            f"{outside.url} refuses {side.name} its own practice and device: run the check with the settings of the service"
            f" (VIGIE_PUBLIC_URL is {outside.public_url} here)"
        )


def _side(name: str, away: ThrowAway, outside: Outside) -> Side:
    pages = {"Origin": outside.public_url, "X-Vigie-Request": "1"}
    owner = Caller(f"owner of {name}", {"Cookie": away.cookie}, pages)
    return Side(name, away.marker, owner, Caller(f"client of {name}"))


def _bearer(name: str, token: str) -> Caller:
    return Caller(name, {"Authorization": f"Bearer {token}"})


async def _renew(a: Side, b: Side, mine: ThrowAway, theirs: ThrowAway, outside: Outside) -> list[tuple[Kind, Caller]]:
    """Give both clients new tokens; return callers whose credential only looks as if it were B's."""
    tokens = [await outside.token_of(each.client_id, each.client_secret) for each in (mine, theirs)]
    a.client, b.client = _bearer(a.client.name, tokens[0]), _bearer(b.client.name, tokens[1])
    cookie, _, own = mine.cookie.partition("=")
    moved = {"Cookie": f"{cookie}={spliced(own, theirs.cookie.partition('=')[2])}"}
    keys = (await outside.send(Caller("nobody"), "GET", "/oauth/jwks")).document.get("keys", [])
    forged = list(forged_tokens(tokens[0], tokens[1], keys))
    if theirs.expired_token is not None:
        forged.append(("issued by the service, expired since", theirs.expired_token))
    found = [(Kind.TOKEN, _bearer(f"token of B with {what}", token)) for what, token in forged]
    return [(Kind.COOKIE, replace(a.owner, name="cookie with B's provider", headers=moved)), *found]


async def _archive(side: Side, outside: Outside) -> bool:
    """Archive every practice of a side, which turns its devices away; false when one could not be.

    Only what carries the side's marker: on a service that leaks, the list may hold practices of real customers.
    """
    while True:
        page = await outside.send(side.owner, "GET", "/v1/practices", params={"limit": "200", "q": side.marker})
        ours = [each for each in page.document.get("items", []) if side.marker in each.get("name", "")]
        if not (page.succeeded and ours):
            return page.succeeded
        for each in ours:
            if not (await outside.send(side.owner, "DELETE", f"/v1/practices/{each['id']}")).succeeded:
                return False
