"""People with a session: made a member and signed in through the product's own functions, without a browser's detour."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from vigie.app import Parts
from vigie.auth.dependencies import session_cookie
from vigie.auth.oidc.identity import Identity
from vigie.auth.sessions import NewSession, open_session
from vigie.core.clock import Clock
from vigie.core.ids import uuid7
from vigie.people.members import Standing, add_member

STAFF, PSC = "staff", "psc"
LEVELS = {STAFF: None, PSC: "eidas1"}
ISSUERS = {STAFF: "https://staff.test", PSC: "https://psc.test/auth/realms/esante-wallet"}


@dataclass
class Person:
    """A member with a browser: its cookies, and the two signs by which our own pages are known."""

    http: httpx.AsyncClient
    name: str
    role: str
    provider_id: str
    member_id: str
    account_id: str
    session_id: str

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request as a script of our own pages would."""
        signs = {} if method in {"GET", "HEAD"} else {"Origin": str(self.http.base_url), "X-Vigie-Request": "1"}
        headers = {**signs, **options.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> Any:
        """GET a path, expect success, return its JSON."""
        answer = await self.call("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, json: Any = None) -> Any:
        """POST JSON, expect success, return the answer's JSON."""
        answer = await self.call("POST", path, json=json)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


def browser(http: httpx.AsyncClient) -> httpx.AsyncClient:
    """Return a client of the same application with cookies of its own."""
    return httpx.AsyncClient(transport=http._transport, base_url=str(http.base_url))


async def make_person(
    parts: Parts,
    http: httpx.AsyncClient,
    clock: Clock,
    provider_id: str,
    standing: Standing,
    name: str,
    account_subject: str | None = None,
) -> Person:
    """Make somebody a member and sign them in; the same subject again is the same person.

    On the connections the application has open: a test calls many people, and a connection costs more than a person.
    """
    now, tenant = clock.now(), UUID(provider_id)
    idp = PSC if standing.role == "practitioner" else STAFF
    subject = account_subject or str(uuid7())
    identity = Identity(idp=idp, issuer=ISSUERS[idp], subject=subject, id_token="none", name=name)
    account = await parts.people.doorstep.account_of(identity, now)
    async with parts.database.session(tenant, write=True) as session:
        member = await add_member(session, tenant, account.id, standing, name=name, now=now)
        row, secret = await open_session(
            session,
            NewSession(
                member, idp, ISSUERS[idp], idle=timedelta(minutes=30), lifetime=timedelta(hours=4), acr=LEVELS[idp]
            ),
            now=now,
        )
    own = browser(http)
    own.cookies.set(session_cookie(parts.public_url), secret, domain="vigie.test")
    return Person(own, name, standing.role, provider_id, str(member.id), str(account.id), str(row.id))
